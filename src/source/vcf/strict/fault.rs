//! Where and why a line is not conforming. It must not know rules.

use crate::source::vcf::reason::Reason;

/// Where in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At<'a> {
    Record,
    Column(&'static str),
    /// An INFO key.
    Info(&'a [u8]),
    /// A FORMAT key.
    Format(&'a [u8]),
}

/// A line that is not conforming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub at: At<'a>,
    pub reason: Reason,
}

pub(super) type Check<'a> = Result<(), Fault<'a>>;

pub(super) fn column<'a>(name: &'static str, reason: Reason) -> Fault<'a> {
    Fault { at: At::Column(name), reason }
}
