//! Which parts of a BGZF file hold the regions that are asked for, by the index beside it, and whether that index can be
//! trusted. It must not know how records are decoded.
//!
//! A file that has an index is sorted by position within each contig, and every bin tells the extent of its records. So the
//! records of a range lie between the end of the last bin that lies wholly before it and the begin of the first that lies
//! wholly behind it: one span, whatever the bins' number and size. Those that begin before the range and reach into it are in bins
//! that overlap it: a few more spans. The linear index says nothing more. What is read of an index is bounded and never trusted: before the run its places are looked up in the file and
//! must cover all of it without a gap, while reading the records' contig and order are checked.
//!
//! The reader is our own: noodles-csi 0.62 and noodles-tabix 0.68 allocate what a count in the file says before reading it.

mod flaw;
mod lines;
mod query;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use flaw::Flaw;
pub(crate) use lines::Lines;
pub(crate) use query::IndexQuery;
