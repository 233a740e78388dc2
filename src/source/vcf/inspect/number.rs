//! The ordinals of a load's units: one input's behind the other's. It must not read inputs.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::source::vcf::input::Origin;

/// Units a load may have: their ordinals take 20 bits of a variant's id.
const MAX_UNITS: u64 = 1 << 20;
/// Deflate cannot expand further (RFC 1951: 258 bytes from 2 bits), so a gzip file has at most this much text a byte.
const DEFLATE_RATIO: u64 = 1032;

/// Gives out ordinals.
pub(crate) struct Numbering {
    next: u64,
    unit: u64,
}

impl Numbering {
    /// For units of `unit` bytes of text.
    pub(crate) fn new(unit: u64) -> Self {
        Self { next: 0, unit }
    }

    /// The ordinals of an input's units, and how many it has, as far as that is known. `size`: its stored bytes.
    ///
    /// # Errors
    /// Class `usage` when the load would have too many.
    pub(crate) fn take(&mut self, origin: &Origin, size: Option<u64>) -> Result<(Range<u32>, Option<u32>)> {
        let first = u32::try_from(self.next).map_err(|_| Error::internal("unit ordinals overflow"))?;
        // A gzip file's units are known only when it was read; ordinals are set aside for the most it can hold.
        let (count, reserved) = match origin {
            Origin::Ranged { layout, .. } => (Some(layout.count), u64::from(layout.count)),
            Origin::Indexed { spans, .. } => (Some(units_of(spans.count())?), spans.count()),
            Origin::Unreadable => (Some(0), 0),
            Origin::Gzip { .. } => (None, size.unwrap_or(0).saturating_mul(DEFLATE_RATIO) / self.unit + 1),
            Origin::Stream(_) => (None, MAX_UNITS.saturating_sub(self.next).max(1)),
        };
        self.next += reserved;
        Ok((first..units_of(self.next)?, count))
    }
}

pub(super) fn units_of(count: u64) -> Result<u32> {
    u32::try_from(count).ok().filter(|count| u64::from(*count) <= MAX_UNITS).ok_or_else(|| {
        Error::usage("the inputs would be cut into more than a million units").with_hint("raise `unit`, such as to `256MiB`")
    })
}
