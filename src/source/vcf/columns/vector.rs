//! Values as BCF stores them: vectors of one type, with codes for missing elements and for the end (VCF 4.5 section 6.3.3).
//! It must not know records or fields.

use super::widen::{widen, write_short};
use crate::source::vcf::reason::Reason;

/// The type of a vector's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int8,
    Int16,
    Int32,
    Float,
    Text,
}

impl Kind {
    /// The type a descriptor's lower four bits name. `None` for reserved ones, and for 0, which has no value.
    #[inline]
    pub(crate) fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Kind::Int8,
            2 => Kind::Int16,
            3 => Kind::Int32,
            5 => Kind::Float,
            7 => Kind::Text,
            _ => return None,
        })
    }

    /// Bytes of an element.
    #[inline]
    pub(crate) fn width(self) -> usize {
        match self {
            Kind::Int8 | Kind::Text => 1,
            Kind::Int16 => 2,
            Kind::Int32 | Kind::Float => 4,
        }
    }
}

/// One value: no, one or several elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<'a> {
    pub kind: Kind,
    /// Little-endian elements, whole ones only.
    pub bytes: &'a [u8],
    /// BCF 2.1: no end-of-vector code, only one code is reserved, lists of strings begin with a comma.
    pub legacy: bool,
}

/// An element, or that there are no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Element<T> {
    Value(T),
    Missing,
    End,
}

/// The first of the eight codes above an integer type's lowest value is "missing", the second "end of vector".
#[inline]
fn int_element(value: i32, lowest: i32, legacy: bool) -> Result<Element<i32>, Reason> {
    if value > lowest + 7 || (legacy && value > lowest) {
        return Ok(Element::Value(value));
    }
    match value - lowest {
        0 => Ok(Element::Missing),
        1 => Ok(Element::End),
        _ => Err(Reason::ReservedCode),
    }
}

#[inline]
fn float_element(bits: u32) -> Result<Element<f32>, Reason> {
    match bits {
        0x7f80_0001 => Ok(Element::Missing),
        0x7f80_0002 => Ok(Element::End),
        0x7f80_0003..=0x7f80_0007 => Err(Reason::ReservedCode),
        bits => Ok(Element::Value(f32::from_bits(bits))),
    }
}

impl<'a> Vector<'a> {
    /// The text of a string: what padding leaves of it, `.` where nothing is left. `None` for numbers.
    #[inline]
    pub(crate) fn text(self) -> Option<&'a [u8]> {
        if self.kind != Kind::Text {
            return None;
        }
        let text = &self.bytes[..memchr::memchr(0, self.bytes).unwrap_or(self.bytes.len())];
        let text = if self.legacy { text.strip_prefix(b",").unwrap_or(text) } else { text };
        Some(if matches!(text, [] | [7]) { b"." } else { text })
    }

    /// The element at the front of `bytes`, for integers.
    #[inline]
    fn int(self, bytes: &[u8]) -> Result<Element<i32>, Reason> {
        match (self.kind, bytes) {
            (Kind::Int8, [a, ..]) => int_element(i32::from(*a as i8), i32::from(i8::MIN), self.legacy),
            (Kind::Int16, [a, b, ..]) => int_element(i32::from(i16::from_le_bytes([*a, *b])), i32::from(i16::MIN), self.legacy),
            (Kind::Int32, [a, b, c, d, ..]) => int_element(i32::from_le_bytes([*a, *b, *c, *d]), i32::MIN, self.legacy),
            _ => Err(Reason::NotInteger),
        }
    }

    /// Integers, up to the end of the vector; `None` is a missing one. Of floats those that are whole numbers.
    #[inline]
    pub(crate) fn integers(self) -> impl Iterator<Item = Result<Option<i32>, Reason>> + 'a {
        self.elements(move |bytes| match (self.kind, bytes) {
            (Kind::Float, [a, b, c, d, ..]) => match float_element(u32::from_le_bytes([*a, *b, *c, *d]))? {
                Element::Value(value) if value as i32 as f32 == value && value.abs() < 1e9 => Ok(Element::Value(value as i32)),
                Element::Value(_) => Err(Reason::NotInteger),
                Element::Missing => Ok(Element::Missing),
                Element::End => Ok(Element::End),
            },
            _ => self.int(bytes),
        })
    }

    /// Numbers, up to the end of the vector; `None` is a missing one. Floats are those of their shortest decimal form.
    #[inline]
    pub(crate) fn numbers(self) -> impl Iterator<Item = Result<Option<f64>, Reason>> + 'a {
        self.elements(move |bytes| match (self.kind, bytes) {
            (Kind::Float, [a, b, c, d, ..]) => Ok(match float_element(u32::from_le_bytes([*a, *b, *c, *d]))? {
                Element::Value(value) => Element::Value(widen(value)),
                Element::Missing => Element::Missing,
                Element::End => Element::End,
            }),
            _ => match self.int(bytes).map_err(|reason| if reason == Reason::NotInteger { Reason::NotNumber } else { reason })? {
                Element::Value(value) => Ok(Element::Value(f64::from(value))),
                Element::Missing => Ok(Element::Missing),
                Element::End => Ok(Element::End),
            },
        })
    }

    /// Reads element by element until the end; after a failure there are no more.
    #[inline]
    fn elements<T>(
        self,
        mut read: impl FnMut(&[u8]) -> Result<Element<T>, Reason> + 'a,
    ) -> impl Iterator<Item = Result<Option<T>, Reason>> + 'a {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let element = read(rest.get(..self.kind.width())?);
            rest = &rest[self.kind.width()..];
            match element {
                Ok(Element::Value(value)) => Some(Ok(Some(value))),
                Ok(Element::Missing) => Some(Ok(None)),
                Ok(Element::End) => {
                    rest = &[];
                    None
                }
                Err(reason) => {
                    rest = &[];
                    Some(Err(reason))
                }
            }
        })
    }

    /// Without the elements that only fill it up to the length of others. BCF 2.1 fills with missing ones.
    #[inline]
    pub(crate) fn without_padding(self) -> Self {
        let mut bytes = self.bytes;
        if self.legacy && self.kind != Kind::Text {
            while let Some((before, last)) = bytes.split_at_checked(bytes.len().saturating_sub(self.kind.width()))
                && !before.is_empty()
                && (Vector { bytes: last, ..self }).is_missing()
            {
                bytes = before;
            }
        }
        Vector { bytes, ..self }
    }

    /// Is this what VCF text writes as `.`?
    #[inline]
    pub(crate) fn is_missing(self) -> bool {
        match self.text() {
            Some(text) => text == b".",
            None => {
                let mut elements = self.numbers();
                matches!(elements.next(), None | Some(Ok(None))) && elements.next().is_none()
            }
        }
    }

    /// Has it more than one element?
    #[inline]
    pub(crate) fn is_several(self) -> bool {
        match self.text() {
            Some(text) => text.contains(&b','),
            None => self.numbers().nth(1).is_some(),
        }
    }

    /// Appends the value as VCF text has it.
    pub(crate) fn write(self, out: &mut Vec<u8>) -> Result<(), Reason> {
        if let Some(text) = self.text() {
            out.extend_from_slice(text);
            return Ok(());
        }
        let first = out.len();
        let comma = |out: &mut Vec<u8>| {
            if out.len() > first {
                out.push(b',');
            }
        };
        if self.kind == Kind::Float {
            let (floats, _) = self.bytes.as_chunks::<4>();
            for bytes in floats {
                match float_element(u32::from_le_bytes(*bytes))? {
                    Element::End => break,
                    Element::Missing => {
                        comma(out);
                        out.push(b'.');
                    }
                    Element::Value(value) => {
                        comma(out);
                        write_short(value, out);
                    }
                }
            }
        } else {
            for value in self.integers() {
                let value = value?;
                comma(out);
                match value {
                    None => out.push(b'.'),
                    Some(value) => out.extend_from_slice(value.to_string().as_bytes()),
                }
            }
        }
        if out.len() == first {
            out.push(b'.');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(kind: Kind, bytes: &[u8]) -> Vector<'_> {
        Vector { kind, bytes, legacy: false }
    }

    #[test]
    fn missing_and_end_are_told_by_width() {
        let read = |kind, bytes: &[u8]| vector(kind, bytes).integers().collect::<Vec<_>>();
        assert_eq!(read(Kind::Int8, &[1, 0x80, 0x88, 0x81, 5]), [Ok(Some(1)), Ok(None), Ok(Some(-120))]);
        assert_eq!(read(Kind::Int16, &[1, 0, 0, 0x80, 8, 0x80, 1, 0x80]), [Ok(Some(1)), Ok(None), Ok(Some(-32760))]);
        assert_eq!(read(Kind::Int32, &[0, 0, 0, 0x80, 8, 0, 0, 0x80, 1, 0, 0, 0x80]), [Ok(None), Ok(Some(i32::MIN + 8))]);
        for reserved in 0x82..=0x87 {
            assert_eq!(read(Kind::Int8, &[reserved, 1]), [Err(Reason::ReservedCode)]);
        }
        let old = Vector { kind: Kind::Int8, bytes: &[0x80, 0x81, 0x87], legacy: true };
        assert_eq!(old.integers().collect::<Vec<_>>(), [Ok(None), Ok(Some(-127)), Ok(Some(-121))]);
    }

    #[test]
    fn floats_and_integers_stand_for_each_other_when_exact() {
        let floats: Vec<u8> = [3f32, 0.1, f32::from_bits(0x7f80_0001), f32::NAN].iter().flat_map(|f| f.to_le_bytes()).collect();
        let numbers: Vec<_> = vector(Kind::Float, &floats).numbers().map(Result::unwrap).collect();
        assert_eq!((numbers[0], numbers[1], numbers[2]), (Some(3.0), Some(0.1), None));
        assert!(numbers[3].unwrap().is_nan());
        assert_eq!(vector(Kind::Float, &floats).integers().collect::<Vec<_>>(), [Ok(Some(3)), Err(Reason::NotInteger)]);
        assert_eq!(vector(Kind::Int8, &[7]).numbers().collect::<Vec<_>>(), [Ok(Some(7.0))]);
        let reserved = 0x7f80_0004u32.to_le_bytes();
        assert_eq!(vector(Kind::Float, &reserved).numbers().collect::<Vec<_>>(), [Err(Reason::ReservedCode)]);
    }

    #[test]
    fn text_is_written_as_vcf_has_it() {
        let written = |kind, bytes: &[u8]| {
            let mut out = Vec::new();
            vector(kind, bytes).write(&mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(written(Kind::Int8, &[1, 0x80, 3, 0x81]).unwrap(), "1,.,3");
        assert_eq!(written(Kind::Int8, &[]).unwrap(), ".");
        assert_eq!(written(Kind::Text, b"a,b\0\0").unwrap(), "a,b");
        assert_eq!(written(Kind::Text, b"").unwrap(), ".");
        let floats: Vec<u8> = [0.5f32, 1e-7].iter().flat_map(|f| f.to_le_bytes()).collect();
        assert_eq!(written(Kind::Float, &floats).unwrap(), "0.5,1e-07");
        assert!(written(Kind::Int8, &[0x85]).is_err());
    }

    #[test]
    fn what_is_missing_and_what_is_several() {
        for (kind, bytes, missing, several) in [
            (Kind::Int8, &[][..], true, false),
            (Kind::Int8, &[0x80], true, false),
            (Kind::Int8, &[0x80, 0x81], true, false),
            (Kind::Int8, &[0x81, 0x81], true, false),
            (Kind::Int8, &[0x80, 0x80], false, true),
            (Kind::Int8, &[1, 2], false, true),
            (Kind::Text, b".", true, false),
            (Kind::Text, b"\0\0", true, false),
            (Kind::Text, b"x,y", false, true),
        ] {
            let vector = vector(kind, bytes);
            assert_eq!((vector.is_missing(), vector.is_several()), (missing, several), "{kind:?} {bytes:?}");
        }
        assert_eq!(Vector { kind: Kind::Text, bytes: b",a,b", legacy: true }.text(), Some(&b"a,b"[..]));
    }
}
