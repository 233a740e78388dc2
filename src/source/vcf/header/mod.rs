//! The header: where it ends, what it declares, and what all inputs' headers agree on (VCF 4.0-4.5, section 1.4). It must not
//! know units or columns.

mod assembly;
mod column_line;
mod end;
mod glued;
pub(crate) mod infer;
mod line;
mod merge;
mod model;
mod parse;
pub(crate) mod reserved;
mod settle;

pub(crate) use assembly::conflict;
pub(crate) use end::end_of;
pub(crate) use line::pairs;
pub(crate) use merge::{Field, Fields, merge};
pub(crate) use model::{Declaration, Declared, Header};
