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
//! [`run`] (a plan plus a grant: keys and connections opened, batches moving). A module may import only modules listed
//! above it; `tests/suite/architecture.rs` proves it.

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
pub mod demo;
pub mod doctor;
// doors
pub mod cli;

#[cfg(test)]
#[path = "../tests/suite/machine.rs"]
mod machine;
