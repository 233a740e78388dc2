//! What is found out before the run: about each input by itself, and from all of them together. Headers and first records are
//! read, to find fields that no header declares. It must not know tasks or batches.

mod by_index;
mod columns;
mod facts;
mod number;

pub(super) use by_index::by_index;
pub(super) use columns::{Columns, choose};
pub(super) use facts::{InputFacts, inspect_input};
pub(super) use number::Numbering;
