//! Utf8 of any layout -> text. It must not know other types.

use datafusion::arrow::array::{Array, LargeStringArray, StringArray, StringViewArray};

use super::{Buffer, Fault};

/// A text column.
pub struct Text<'a> {
    values: Values<'a>,
    /// No value holds a NUL: looked for once in all of them, which costs less than in each.
    clean: bool,
}

enum Values<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Text<'a> {
    /// Looks at a text array; `None` when it is none.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        let any = array.as_any();
        let clean = |bytes: &[u8], offsets: std::ops::Range<usize>| memchr::memchr(0, &bytes[offsets]).is_none();
        if let Some(values) = any.downcast_ref::<StringArray>() {
            let offsets = values.value_offsets();
            let ends = offsets.first().zip(offsets.last()).map_or(0..0, |(from, to)| *from as usize..*to as usize);
            return Some(Self { clean: clean(values.value_data(), ends), values: Values::Utf8(values) });
        }
        let values = None.or_else(|| any.downcast_ref().map(Values::View)).or_else(|| any.downcast_ref().map(Values::Large));
        values.map(|values| Self { values, clean: false })
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

    /// May a value of this column hold a NUL?
    #[inline]
    pub(super) fn may_hold_nul(&self) -> bool {
        !self.clean
    }

    #[inline]
    pub(super) fn put(&self, row: usize, out: &mut Buffer) {
        match self.get(row) {
            None => out.null(),
            Some(text) if self.clean => out.field(text.as_bytes()),
            Some(text) => put_str(text, out),
        }
    }
}

/// Appends a text field.
#[inline]
pub(in crate::sink::postgres) fn put_str(text: &str, out: &mut Buffer) {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        out.set_fault(Fault::Nul);
    }
    out.field(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NULL, fields};
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
        let values = StringArray::from(vec!["a\0b"]);
        let mut out = Buffer::default();
        Text::bind(&values).unwrap().put(0, &mut out);
        assert_eq!(out.fault(), Some(Fault::Nul));
    }
}
