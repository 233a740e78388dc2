//! Random access to the bases of a reference: FASTA with its `.fai`, plain or BGZF with its `.gzi`. It must not know variants
//! or pipelines.
//!
//! The bytes are read with positioned reads into small blocks that a [`Cursor`] keeps, so partitions share one open file without a
//! lock and no sequence is ever held whole. Indexes are believed only as far as they fit the file.
//! noodles-fasta holds whole sequences in memory and refuses one without bases, of which `samtools faidx` makes an index.

mod bgzf;
mod build;
mod files;
mod index;
mod reader;
mod store;

pub use reader::{Cursor, Fasta, Sequence};

#[cfg(test)]
mod tests;
