//! Sink `postgres`: variants and calls by binary COPY, a unit's rows and its ledger row in one transaction, a load
//! invisible until complete. It must not know sources or stages.

mod apply;
mod config;
mod genotype;
pub mod layout;
mod queue;
pub mod rows;
mod session;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

pub use config::{Config, Indexes};
