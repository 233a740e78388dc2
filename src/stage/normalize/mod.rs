//! One row per ALT allele: INFO, FORMAT and genotypes divided by the specification's ordering; with a reference, alleles checked
//! and left-aligned. It must not know the file the rows came from, nor trim or move alleles without a reference.

mod align;
mod apply;
mod calls;
mod check;
mod config;
mod entries;
mod genotype;
mod info;
mod left_align;
mod local;
mod moved;
mod pick;
mod shape;
mod spill;
mod stage;

pub use config::{Config, Given};
pub use stage::Normalize;

#[cfg(test)]
mod tests;
