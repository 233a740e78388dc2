//! Integers. It must not know which field they belong to.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array};
use datafusion::arrow::buffer::ScalarBuffer;

use super::column::{Column, Encoding, Taken};
use super::digits;
use super::ends::Ends;
use super::nulls::Nulls;
use super::vector::Vector;
use crate::source::vcf::reason::Reason;

/// VCF Integer: 32 bits (VCF 4.3 section 1.3).
#[derive(Debug, Default)]
pub(crate) struct Ints {
    values: Vec<i32>,
    nulls: Nulls,
}

impl Ints {
    #[inline(always)]
    pub(crate) fn push_value(&mut self, value: i32) {
        self.values.push(value);
    }

    #[inline]
    fn push_null(&mut self) {
        self.nulls.add(self.values.len()..self.values.len() + 1);
        self.values.push(0);
    }

    #[inline]
    fn push_option(&mut self, value: Option<i32>) {
        match value {
            Some(value) => self.push_value(value),
            None => self.push_null(),
        }
    }
}

impl Column for Ints {
    #[inline]
    fn push(&mut self, text: &[u8], _encoding: Encoding) -> Result<usize, Reason> {
        if text == b"." || text.is_empty() {
            self.push_null();
        } else {
            self.push_value(parse_int(text)?);
        }
        Ok(1)
    }

    fn push_vector(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        if let Some(text) = vector.text() {
            return self.push(text, encoding);
        }
        let mut elements = vector.integers();
        let value = elements.next().transpose()?.flatten();
        if elements.next().is_some() {
            return Err(Reason::NotInteger);
        }
        self.push_option(value);
        Ok(1)
    }

    fn push_elements(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<(), Reason> {
        let before = self.values.len();
        if let Some(text) = vector.text() {
            return text.split(|byte| *byte == b',').try_for_each(|item| self.push(item, encoding).map(|_| ()));
        }
        for value in vector.integers() {
            self.push_option(value?);
        }
        if self.values.len() == before {
            self.push_option(None);
        }
        Ok(())
    }

    #[inline(always)]
    fn take_next(&mut self, text: &[u8], ends: Ends, _encoding: Encoding) -> Taken {
        let negative = text.first() == Some(&b'-');
        let (count, value, end) = digits::integer(if negative { &text[1..] } else { text }, ends.any());
        if count > 0 && ends.has(end) {
            // Seven digits at most.
            let value = value as i32;
            self.push_value(if negative { -value } else { value });
            return Taken::one(count + usize::from(negative));
        }
        if text.first() == Some(&b'.') && ends.at(text.get(1)) {
            self.push_null();
            return Taken::one(1);
        }
        Taken::NOT
    }

    #[inline]
    fn len(&self) -> usize {
        self.values.len()
    }

    fn pad(&mut self, len: usize) {
        if len > self.values.len() {
            self.nulls.add(self.values.len()..len);
            self.values.resize(len, 0);
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.values.len() {
            self.values.truncate(len);
            self.nulls.truncate(len);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let room = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(room));
        Arc::new(Int32Array::new(ScalarBuffer::from(values), self.nulls.finish(room)))
    }
}

/// Positions: 64 bits, never missing.
#[derive(Debug, Default)]
pub(crate) struct Longs {
    values: Vec<i64>,
}

impl Longs {
    #[inline(always)]
    pub(crate) fn push_value(&mut self, value: i64) {
        self.values.push(value);
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let room = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(room));
        Arc::new(Int64Array::new(ScalarBuffer::from(values), None))
    }
}

/// The number of up to fifteen digits that `text` begins with and that one of `ends` follows. `None` for anything else.
#[inline]
pub(crate) fn leading_long(text: &[u8], ends: Ends) -> Option<i64> {
    let (count, value, end) = digits::long(text, ends.any());
    (count > 0 && ends.has(end)).then_some(value as i64)
}

/// Reads a decimal integer with an optional sign.
#[inline]
pub(crate) fn parse_int(text: &[u8]) -> Result<i32, Reason> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(if text.is_empty() { Reason::Empty } else { Reason::NotInteger });
    }
    let mut value = 0i64;
    for (i, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Reason::NotInteger);
        }
        value = value * 10 + i64::from(digit);
        if i >= 9 && value > i64::from(i32::MAX) + 1 {
            return Err(if digits.iter().all(u8::is_ascii_digit) { Reason::WideInteger } else { Reason::NotInteger });
        }
    }
    i32::try_from(if negative { -value } else { value }).map_err(|_| Reason::WideInteger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_to_the_border() {
        assert_eq!(parse_int(b"2147483647"), Ok(i32::MAX));
        assert_eq!(parse_int(b"-2147483648"), Ok(i32::MIN));
        assert_eq!(parse_int(b"+0007"), Ok(7));
        assert_eq!(parse_int(b"0000000000000000000000001"), Ok(1));
        for outside in ["2147483648", "-2147483649", "99999999999999999999999999"] {
            assert_eq!(parse_int(outside.as_bytes()), Err(Reason::WideInteger));
        }
        for wrong in ["-", "1.0", "1e3", " 1", "99999999999x"] {
            assert_eq!(parse_int(wrong.as_bytes()), Err(Reason::NotInteger));
        }
    }
}
