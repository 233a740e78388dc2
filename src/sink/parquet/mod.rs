//! Sink `parquet`: the batches as a dataset of files, visible as a whole or not at all. It must not know databases.

mod apply;
mod config;
mod dataset;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

pub use config::Config;
