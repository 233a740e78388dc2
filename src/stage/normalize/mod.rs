//! One row per ALT allele: INFO, FORMAT and genotypes divided by the specification's ordering; with a reference, alleles checked
//! and left-aligned. It must not know the file the rows came from, nor trim or move alleles without a reference.

mod align;
mod config;
mod divide;
mod stage;

pub use config::Config;
pub use stage::Normalize;

#[cfg(test)]
mod tests;
