//! Utf8 of any layout -> text. It must not know other types.

use std::ops::Range;

use datafusion::arrow::array::{Array, GenericStringArray, LargeStringArray, OffsetSizeTrait, StringArray, StringViewArray};
use datafusion::arrow::buffer::NullBuffer;

use super::column::{Bound, Column, Staging, Tuples, put_bytes};
use super::limits::{Fault, Unstorable};

/// A text column.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    values: Values<'a>,
    /// No value holds a NUL: looked for once in all of them, which costs less than in each.
    clean: bool,
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Text<'a> {
    /// Looks at a text array; `None` when it is none.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        let any = array.as_any();
        if let Some(values) = any.downcast_ref() {
            return Some(Self { clean: memchr::memchr(0, used(values)).is_none(), values: Values::Utf8(values) });
        }
        if let Some(values) = any.downcast_ref() {
            return Some(Self { clean: memchr::memchr(0, used(values)).is_none(), values: Values::Large(values) });
        }
        Some(Self { clean: false, values: Values::View(any.downcast_ref()?) })
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self.values {
            Values::Utf8(values) => values.is_valid(row).then(|| values.value(row)),
            Values::Large(values) => values.is_valid(row).then(|| values.value(row)),
            Values::View(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }

    /// Does the text of a row hold a NUL, which neither `text` nor `jsonb` can?
    #[inline]
    pub fn holds_nul(&self, row: usize) -> bool {
        !self.clean && self.get(row).is_some_and(|text| memchr::memchr(0, text.as_bytes()).is_some())
    }

    /// Is every byte of every value so? False where the values do not lie together.
    pub(super) fn all(&self, is: impl Fn(u8) -> bool) -> bool {
        // Without a branch a byte.
        let all = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & is(*byte));
        match self.values {
            Values::Utf8(values) => all(used(values)),
            Values::Large(values) => all(used(values)),
            Values::View(_) => false,
        }
    }

    pub(super) fn check(&self, mut rows: Range<usize>) -> Result<usize, Unstorable> {
        let end = rows.end;
        match if self.clean { None } else { rows.find(|&row| self.holds_nul(row)) } {
            Some(row) => Err(Unstorable { row, fault: Fault::Nul }),
            None => Ok(end),
        }
    }

    pub(super) fn column(self) -> Bound<'a> {
        match self.values {
            Values::Utf8(array) => Box::new(Offsets::new(array, self)),
            Values::Large(array) => Box::new(Offsets::new(array, self)),
            Values::View(_) => Box::new(self),
        }
    }

    /// Appends the field of a row.
    #[inline]
    pub fn put_staged(&self, row: usize, out: &mut Staging) {
        match self.get(row) {
            None => out.null(),
            Some(_) if self.holds_nul(row) => out.set_fault(Fault::Nul),
            Some(text) => out.field(text.as_bytes()),
        }
    }
}

/// The bytes of all values.
fn used<O: OffsetSizeTrait>(array: &GenericStringArray<O>) -> &[u8] {
    let offsets = array.value_offsets();
    let used = offsets.first().zip(offsets.last()).map_or(0..0, |(from, to)| from.as_usize()..to.as_usize());
    &array.value_data()[used]
}

impl Column for Text<'_> {
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        self.check(rows)
    }

    fn size(&self, row: usize) -> usize {
        4 + self.get(row).map_or(0, str::len)
    }

    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        put_bytes(self.get(row).map(str::as_bytes), out)
    }
}

/// Copies short text as two halves that overlap, and calls nothing. Both are of one length.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    #[inline]
    fn halves<const N: usize>(from: &[u8], to: &mut [u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            if let Some(to) = to.first_chunk_mut() {
                *to = *first;
            }
            if let Some(to) = to.last_chunk_mut() {
                *to = *last;
            }
        }
    }
    match from.len() {
        0 => {}
        1 => halves::<1>(from, to),
        2..=4 => halves::<2>(from, to),
        5..=8 => halves::<4>(from, to),
        9..=16 => halves::<8>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Text behind offsets.
struct Offsets<'a, O> {
    offsets: &'a [O],
    bytes: &'a [u8],
    nulls: Option<&'a NullBuffer>,
    text: Text<'a>,
}

/// Shorter text is copied as this many bytes, a constant: what is too many belongs to the tuple's later fields.
const SHORT: usize = 16;

impl<'a, O: OffsetSizeTrait> Offsets<'a, O> {
    fn new(array: &'a GenericStringArray<O>, text: Text<'a>) -> Self {
        Self { offsets: array.value_offsets(), bytes: array.value_data(), nulls: array.nulls(), text }
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    #[inline]
    fn span(&self, row: usize) -> (usize, usize) {
        let (from, to) = (self.offsets[row].as_usize(), self.offsets[row + 1].as_usize());
        (from, to - from)
    }
}

impl<O: OffsetSizeTrait> Column for Offsets<'_, O> {
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        self.text.check(rows)
    }

    #[inline]
    fn size(&self, row: usize) -> usize {
        4 + if self.is_null(row) { 0 } else { self.span(row).1 }
    }

    fn measure(&self, rows: Range<usize>, sizes: &mut [usize]) {
        if self.nulls.is_some() {
            return rows.zip(sizes).for_each(|(row, size)| *size += self.size(row));
        }
        for (ends, size) in self.offsets[rows.start..=rows.end].windows(2).zip(sizes) {
            *size += 4 + (ends[1] - ends[0]).as_usize();
        }
    }

    #[inline(always)]
    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        if self.is_null(row) {
            return put_bytes(None, out);
        }
        let (from, length) = self.span(row);
        self.put_text(from, length, out)
    }

    fn fill(&self, rows: Range<usize>, tuples: &mut Tuples<'_>) {
        if self.nulls.is_some() {
            return tuples.each(rows, |row, out| self.put(row, out));
        }
        let offsets = &self.offsets[rows.start..=rows.end];
        tuples.each(offsets.iter().zip(&offsets[1..]), |(from, to), out| {
            let from = from.as_usize();
            self.put_text(from, to.as_usize() - from, out)
        });
    }
}

impl<O> Offsets<'_, O> {
    #[inline(always)]
    fn put_text(&self, from: usize, length: usize, out: &mut [u8]) -> usize {
        let head = (length as i32).to_be_bytes();
        match (out.get_mut(..4 + SHORT), self.bytes.get(from..from + SHORT)) {
            (Some(field), Some(text)) if length <= SHORT => {
                field[..4].copy_from_slice(&head);
                field[4..].copy_from_slice(text);
            }
            _ => {
                out[..4].copy_from_slice(&head);
                copy(&self.bytes[from..from + length], &mut out[4..4 + length]);
            }
        }
        4 + length
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        let expected = [&[0, 0, 0, 3][..], b"A\xc3\xa9", &[0, 0, 0, 0]].concat();
        assert_eq!(fields(&StringArray::from(vec!["Aé", ""])), expected);
        assert_eq!(fields(&StringViewArray::from(vec!["Aé", ""])), expected);
        assert_eq!(fields(&LargeStringArray::from(vec!["Aé", ""])), expected);
        let nullable = [&NULL[..], &[0, 0, 0, 1], b"T"].concat();
        assert_eq!(fields(&StringArray::from(vec![None, Some("T")])), nullable);
        assert_eq!(fields(&StringViewArray::from(vec![None, Some("T")])), nullable);
        assert_eq!(fields(&LargeStringArray::from(vec![None, Some("T")])), nullable);
    }

    #[test]
    fn a_nul_is_a_fault() {
        let values = StringArray::from(vec!["a", "a\0b", "b"]);
        let mut column = Text::bind(&values).unwrap().column();
        assert_eq!(column.prepare(0..3), Err(Unstorable { row: 1, fault: Fault::Nul }));
        assert_eq!(column.prepare(2..3), Ok(3));
    }
}
