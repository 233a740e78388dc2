//! genogate: VCF and BCF into PostgreSQL and Parquet, through declarative, audited pipelines on Arrow and DataFusion.
//!
//! ```text
//! VCF/BCF ─► source ─► normalize ─► sanitize ─► detect ─► anonymize ─► encrypt ─► sink
//!              │           │           │          │           │           │         │
//!              └───────────┴────────── audit::Recorder (one handle, given to each) ─┘
//!                                           └─► audit stream (RecordBatches) ─► postgres · spool · parquet
//! ```
//!
//! Three phases, never mixed: [`spec`] (the YAML as written), [`plan`] (pure: schemas, labels, the sensitivity proof) and
//! [`run`] (a plan plus a grant: keys and connections opened, batches moving). A module may import only modules listed
//! above it; `tests/suite/architecture.rs` proves it.

// words
pub mod error;
pub mod sensitive;
pub mod yaml;
// rooms that know no pipeline
pub mod audit;
pub mod crypto;
pub mod db;
pub mod phi;
pub mod secrets;
// permission and contract
pub mod access;
pub mod flow;
// the line: these never import each other
pub mod sink;
pub mod source;
pub mod stage;
// assembly
pub mod plan;
pub mod registry;
pub mod run;
pub mod spec;
// around the data
pub mod compliance;
pub mod demo;
pub mod doctor;
pub mod lifecycle;
pub mod synth;
pub mod warehouse;
// doors
pub mod cli;
