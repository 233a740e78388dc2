//! One row per ALT allele: INFO, FORMAT and genotypes divided by the specification's ordering. It must not know the file the
//! rows came from, nor trim or move alleles without a reference.

mod apply;
mod calls;
mod config;
mod entries;
mod genotype;
mod info;
mod pick;
mod shape;
mod spill;
mod stage;

pub use config::Config;
pub use stage::Normalize;

#[cfg(test)]
mod tests;
