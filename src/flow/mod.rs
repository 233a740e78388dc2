//! The contracts of a flow: what a source, a stage and a sink promise each other, and the nodes that put them into a
//! DataFusion plan. It must not know any component, any pipeline file or the command line.

pub mod annotation;
mod context;
mod contract;
pub mod exec;
pub mod genotype;
mod oddities;
mod opened;
mod outcome;
mod owed;
mod running;
mod safeguards;
mod schema;
mod set_aside;
mod specification;
mod unit_size;
mod units;

pub use context::{Context, Counters, Detections, Finding, Found, Severity};
pub use contract::{
    Around, BadRecords, Demands, Expression, Input, Inspection, Notice, Opening, Sink, SinkConfig, Source, SourceConfig,
    SourceFacts, Stage, StageConfig, Step,
};
pub use oddities::{Oddities, Oddity};
pub use opened::Opened;
pub use outcome::{Figures, Outcome, Status};
pub use owed::{Owed, Situation};
pub use running::{Apply, Committed, OpenSink, Writer};
pub use safeguards::{Dropped, Safeguard, Safeguards, Scanned};
pub use schema::{
    Labels, Number, VcfType, Word, column, number_of, usual_field, usual_number_of, vcf_field, vcf_type_of, with_word, word_of,
};
pub use set_aside::SetAside;
pub use specification::Specification;
pub use unit_size::UnitSize;
pub use units::{Locate, Units};
