//! VCF and BCF into Arrow batches: header (-> schema), bcf (what is binary), split (-> units), decode (the only hot loop),
//! columns (one builder a file), table (the scan). It must not know stages, sinks or where rows go.

mod annotation;
mod bcf;
mod build;
mod columns;
pub mod config;
mod contigs;
mod count;
mod decode;
mod drain;
mod filter;
mod find;
mod hash;
mod header;
mod held;
mod index;
mod input;
mod inspect;
mod limits;
mod manifest;
mod paths;
mod reason;
mod regions;
mod rename;
mod samples;
mod scan;
mod schema;
mod shape;
mod shared;
mod slot;
mod source;
mod split;
mod strict;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use crate::flow::UnitSize;
pub use config::{
    Annotation, Calls, Config, Conformance, Info, InfoWord, OnBadFile, OnBadRecord, RegionsOverlap, RegionsWithoutIndex,
};
pub use drain::{Decoded, Inflated, decode_on, decode_to_end, inflate_to_end};
pub(crate) use regions::split as split_regions;
