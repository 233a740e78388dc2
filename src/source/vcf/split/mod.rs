//! From files to lines: what container an input is, how it is cut into units, and the text of one unit, chunk by chunk.
//! It must not know what a line means.

pub(crate) mod bgzf;
mod buffer;
mod deal;
mod members;
mod open;
mod ranged;
mod records;
pub(crate) mod spans;
mod stream;
mod unit;

pub(crate) use crate::bgzf::read_failed;
pub(crate) use buffer::TextBuf;
pub(crate) use deal::Deals;
pub(crate) use open::{Access, Container, FromStart, Opened, open};
pub(crate) use ranged::{BgzfCut, Cut, Layout, PlainCut, Ranged, count_units};
pub(crate) use records::{RangedRecords, StreamedRecords};
pub(crate) use spans::{Span, Spanned, Spans, Virtual};
pub(crate) use stream::{StreamText, Streamed};
pub(crate) use unit::{Fed, ForwardReader, UnitReader};

/// Told of a file behind whose data only zero bytes stand.
pub(crate) const PADDED: &str = "zero bytes behind the compressed data, passed over";
