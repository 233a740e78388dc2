//! The warehouse's own tables, as calls: loads, their ledger of units, their end, and what makes a load the same load. It must
//! not know files, flows or how rows are encoded. Each function of the schema `genogate_store` that the application may call has one
//! caller here, which has its name.

pub mod begin;
pub mod completion;
mod contig;
mod digest;
pub mod disposals;
mod document;
pub mod identity;
pub mod inputs;
pub mod ledger;
mod load_digest;
pub mod loads;
pub mod outcome;
pub mod parallel;
mod places;
mod shard;
pub mod stored;
pub mod tables;
pub mod tally;
#[cfg(test)]
mod tests;
mod unit;

pub use contig::canonical_contig;
pub use digest::Digest;
pub use document::{Document, HeaderLine, InputDocument, Rename, SampleId};
pub use load_digest::load_digest;
pub use places::Places;
pub use shard::Shard;
pub use unit::{BadRecord, ClosedUnit, InputTotal, InputUnits, UnitCounts};
