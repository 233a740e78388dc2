//! Sink `postgres`: variants and calls by binary COPY, a unit's rows and its ledger row in one transaction, a load
//! invisible until complete. It must not know sources or stages.

mod apply;
pub mod completion;
mod config;
mod contig;
mod copy;
pub mod encode;
pub mod ledger;
pub mod parallel;
mod queue;
pub mod rows;
mod session;
pub mod tables;
#[cfg(test)]
mod tests;
mod writer;

pub use config::{Config, Indexes};
pub use copy::{copy_batches, copy_statement};
