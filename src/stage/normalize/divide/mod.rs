//! Divides records into one row per ALT: which rows there are, then column by column. It must not know references or header
//! lines.

mod apply;
mod by_number;
mod calls;
mod entries;
mod genotype;
mod info;
mod local;
mod shape;
mod spill;

pub(super) use apply::Split;
pub(super) use shape::{Per, Shape};
