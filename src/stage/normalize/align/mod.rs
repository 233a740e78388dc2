//! Checks records against a reference and writes their alleles at their left-most place. It must not know INFO or calls,
//! except that END follows its record.

mod apply;
mod check;
mod moved;
mod place;

pub(super) use apply::{LeftAlign, State};
