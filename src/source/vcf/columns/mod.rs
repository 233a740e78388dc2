//! Typed builders of one column each, chosen once from the header and fed with bytes. They must not know records, files or
//! units; whoever feeds them says at which slot a value belongs.

mod any;
mod blank;
mod column;
mod decimal;
mod digits;
mod ends;
mod flag;
mod float;
mod genotype;
mod int;
mod list;
mod nulls;
#[cfg(test)]
mod tests;
mod text;
mod vector;
mod widen;

pub(crate) use any::{AnyColumn, column_for};
pub(crate) use blank::Blanks;
pub(crate) use column::{Column, Encoding, Taken};
pub(crate) use decimal::parse_float;
pub(crate) use ends::Ends;
pub(crate) use float::Floats;
pub(crate) use genotype::Genotypes;
pub(crate) use int::{Ints, Longs, leading_long};
pub(crate) use list::List;
pub(crate) use text::Texts;
pub(crate) use vector::{Kind, Vector};
