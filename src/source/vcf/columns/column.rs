//! What all builders of columns do. It must not know types.

use datafusion::arrow::array::ArrayRef;

use super::ends::Ends;
use super::vector::Vector;
use crate::source::vcf::reason::Reason;

/// How values of the current line are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Encoding {
    /// Undo the percent-encoding of VCF 4.3 section 1.2. Set only for lines that hold a `%`.
    pub percent: bool,
}

/// What a column took from the front of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes, the delimiter behind them not counted.
    pub len: u32,
    /// Values.
    pub count: u32,
}

impl Taken {
    /// The value is not one that can be taken in passing: look for its end and [`Column::put`] it.
    pub(crate) const NOT: Self = Self { len: 0, count: 0 };

    #[inline]
    pub(super) fn one(len: usize) -> Self {
        Self { len: len as u32, count: 1 }
    }
}

/// A nullable Arrow array under construction. Slots that nobody fills are padded with nulls later, so a field that a
/// record lacks costs nothing.
pub(crate) trait Column: Send {
    /// Appends the value written as `text` and returns how many values that were. On an error nothing was appended.
    fn push(&mut self, text: &[u8], encoding: Encoding) -> Result<usize, Reason>;

    /// Slots so far.
    fn len(&self) -> usize;

    /// Appends nulls until there are `len` slots.
    fn pad(&mut self, len: usize);

    /// Makes slot `slot` the next one; false when it is filled already.
    #[inline(always)]
    fn reach(&mut self, slot: usize) -> bool {
        let len = self.len();
        if len < slot {
            self.pad(slot);
        }
        len <= slot
    }

    /// Fills slot `slot`, padding what lies before it. `None` when it is filled already; nothing was changed then.
    fn put(&mut self, slot: usize, text: &[u8], encoding: Encoding) -> Result<Option<usize>, Reason> {
        if !self.reach(slot) {
            return Ok(None);
        }
        self.push(text, encoding).map(Some)
    }

    /// Appends a value of BCF as one slot and returns how many elements it has. On an error nothing was appended.
    fn push_vector(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        match vector.text() {
            Some(text) => self.push(text, encoding),
            None => {
                let mut text = Vec::new();
                vector.write(&mut text)?;
                self.push(&text, encoding)
            }
        }
    }

    /// Appends every element of a value of BCF as a slot of its own, a missing value as one null. After an error some may
    /// have been appended.
    fn push_elements(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<(), Reason> {
        let mut text = Vec::new();
        vector.write(&mut text)?;
        text.split(|byte| *byte == b',').try_for_each(|item| self.push(item, encoding).map(|_| ()))
    }

    /// [`Self::put`] for a value of BCF.
    fn put_vector(&mut self, slot: usize, vector: Vector<'_>, encoding: Encoding) -> Result<Option<usize>, Reason> {
        if !self.reach(slot) {
            return Ok(None);
        }
        self.push_vector(vector, encoding).map(Some)
    }

    /// Fills slot `slot` with the value that `text` begins with and that one of `ends` follows, found and parsed in one
    /// pass. [`Taken::NOT`], and nothing changed, for whatever is not plain: filled slots, empty, odd or bad values.
    #[inline(always)]
    fn take(&mut self, slot: usize, text: &[u8], ends: Ends, encoding: Encoding) -> Taken {
        if self.reach(slot) { self.take_next(text, ends, encoding) } else { Taken::NOT }
    }

    /// The same for the next slot.
    fn take_next(&mut self, _text: &[u8], _ends: Ends, _encoding: Encoding) -> Taken {
        Taken::NOT
    }

    /// Drops every slot from `len` on.
    fn truncate(&mut self, len: usize);

    /// The finished array; the builder starts again empty, with room for as much.
    fn finish(&mut self) -> ArrayRef;
}
