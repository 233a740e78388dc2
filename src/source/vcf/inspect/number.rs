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
    /// An input of which nobody knows how much it holds has got all the ordinals that are left.
    spent: bool,
}

impl Numbering {
    /// For units of `unit` bytes of text.
    pub(crate) fn new(unit: u64) -> Self {
        Self { next: 0, unit, spent: false }
    }

    /// The ordinals of an input's units, and how many it has, as far as that is known. `size`: its stored bytes.
    ///
    /// # Errors
    /// Class `usage` when the load would have too many, and when an input stands behind one that can be read only once.
    pub(crate) fn take(&mut self, origin: &Origin, size: Option<u64>) -> Result<(Range<u32>, Option<u32>)> {
        if self.spent && !matches!(origin, Origin::Unreadable) {
            return Err(Error::usage("a pipe, or standard input, must come last, as nobody knows how much it holds")
                .with_hint("name it behind the files; of several pipes write all but one to files first"));
        }
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
        self.spent |= matches!(origin, Origin::Stream(_));
        Ok((first..units_of(self.next)?, count))
    }
}

pub(super) fn units_of(count: u64) -> Result<u32> {
    u32::try_from(count).ok().filter(|count| u64::from(*count) <= MAX_UNITS).ok_or_else(|| {
        Error::usage("the inputs would be cut into more than a million units").with_hint("raise `unit`, such as to `256MiB`")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_is_read_once_comes_last() {
        let pipe = || Origin::Stream(Mutex::new(None));
        let mut numbering = Numbering::new(1 << 20);
        assert_eq!(numbering.take(&pipe(), None).unwrap().0.start, 0);
        assert_eq!(numbering.take(&Origin::Unreadable, Some(0)).unwrap().1, Some(0));
        let error = numbering.take(&pipe(), None).unwrap_err();
        assert!(error.to_string().contains("must come last") && error.hint().unwrap().contains("to files"), "{error}");
    }
}
