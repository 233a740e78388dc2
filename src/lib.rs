//! genogate: VCF and BCF into PostgreSQL and Parquet, through declarative, audited pipelines on Arrow and DataFusion.
//!
//! ```text
//! VCF/BCF ─► source ─► normalize ─► sanitize ─► detect ─► anonymize ─► encrypt ─► sink
//!              │           │           │          │           │           │         │
//!              └───────────┴────────── audit::Recorder (one handle, given to each) ─┘
//!                                           └─► audit stream (RecordBatches) ─► postgres · spool
//! ```
//!
//! Three phases, never mixed: [`spec`] (the YAML as written), [`plan`] (pure: schemas, labels, the sensitivity proof) and
//! [`run`] (a plan plus a grant: keys and connections opened, batches moving).
//!
//! # In a program of yours
//!
//! ```no_run
//! use genogate::{plan::PlanOptions, run::{Run, RunOptions}, spec::Spec};
//!
//! # async fn load() -> genogate::error::Result<()> {
//! let spec = Spec::read("pipelines/clinical.yaml".as_ref(), &["source.vcf.paths=[cohort.vcf.gz]".into()])?;
//! let run = Run::prepare(&spec, PlanOptions::default(), &genogate::secrets::home()?).await?;
//! let report = run.execute(RunOptions::default()).await;
//! run.close().await.1?; // the audit trail ends well, or says why not
//! println!("{}", report?.to_json()?);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/` has this as a program (`run`), reads a file as record batches without a pipeline (`read`), and puts a stage of
//! its own behind those of a pipeline file (`stage`). Arrow's types are those of the crate `datafusion`, release 55.
//!
//! # What is stable
//!
//! Nothing before 1.0, and some things are meant to stay: the pipeline file, the command line with its exit codes and JSON, the views of
//! the schema `genogate` in PostgreSQL, and of this crate [`error`], [`spec`], [`plan::PlanOptions`], [`run::Run`], [`flow::Stage`] with
//! [`flow::Apply`], and [`source::vcf::decode_on`]. Every other module is public so that the house can be read, tested and measured;
//! it may change with any release.
//!
//! A module may import only modules listed above it; `tests/suite/architecture.rs` proves it.

// words
pub mod error;
pub mod sensitive;
pub mod text;
pub mod yaml;
pub mod pool;
// rooms that know no pipeline
pub mod crypto;
pub mod secrets;
pub mod db;
pub mod pgcopy;
pub mod audit;
pub mod phi;
pub mod bgzf;
pub mod fasta;
pub mod store;
// permission and contract
pub mod access;
pub mod flow;
// the line: these never import each other
pub mod source;
pub mod stage;
pub mod sink;
// assembly
pub mod registry;
pub mod spec;
pub mod plan;
pub mod run;
// around the data
pub mod warehouse;
pub mod lifecycle;
pub mod compliance;
pub mod synth;
pub mod benchmark;
pub mod screen;
pub mod demo;
pub mod doctor;
// doors
pub mod cli;

#[cfg(test)]
#[path = "../tests/suite/machine.rs"]
mod machine;
