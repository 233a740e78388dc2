//! Text. It must not know which field it belongs to; UTF-8 was checked by whoever feeds it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::column::{Column, Encoding, Taken};
use super::ends::Ends;
use super::nulls::Nulls;
use crate::source::vcf::reason::Reason;

/// VCF String and Character; `.` is null unless the column keeps it.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    nulls: Nulls,
    keep_dot: bool,
    /// Nothing but nulls: what columns that no record fills are slices of.
    blank: Option<StringArray>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0], nulls: Nulls::default(), keep_dot: false, blank: None }
    }
}

impl Texts {
    /// Text as in the file, `.` too: genotypes.
    pub(crate) fn verbatim() -> Self {
        Self { keep_dot: true, ..Self::default() }
    }

    /// Appends `text` as it is. The caller keeps a batch's text below 2 GiB (a line's length is capped).
    #[inline]
    pub(crate) fn push_raw(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.close_slot(true);
    }

    /// Appends the first `len` bytes of `text`, as they are.
    #[inline(always)]
    pub(crate) fn push_front(&mut self, text: &[u8], len: usize) {
        match text.first_chunk::<16>() {
            // Copying a fixed length is cheaper than calling for a short one.
            Some(sixteen) if len <= 16 => {
                let end = self.bytes.len() + len;
                self.bytes.extend_from_slice(sixteen);
                self.bytes.truncate(end);
                self.close_slot(true);
            }
            _ => self.push_raw(&text[..len]),
        }
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        self.close_slot(false);
    }

    #[inline(always)]
    fn close_slot(&mut self, valid: bool) {
        if !valid {
            self.nulls.add(self.len()..self.len() + 1);
        }
        self.offsets.push(self.bytes.len() as i32);
    }

    #[inline]
    fn last_offset(&self) -> i32 {
        self.offsets.last().copied().unwrap_or(0)
    }

    fn blank(&mut self, len: usize) -> StringArray {
        match &self.blank {
            Some(blank) if blank.len() >= len => blank.slice(0, len),
            _ => self.blank.insert(StringArray::new_null(len)).clone(),
        }
    }
}

impl Column for Texts {
    #[inline]
    fn push(&mut self, text: &[u8], encoding: Encoding) -> Result<usize, Reason> {
        if text == b"." && !self.keep_dot {
            self.push_null();
        } else if encoding.percent {
            decode_percent(text, &mut self.bytes);
            self.close_slot(true);
        } else {
            self.push_raw(text);
        }
        Ok(1)
    }

    #[inline(always)]
    fn take_next(&mut self, text: &[u8], ends: Ends, encoding: Encoding) -> Taken {
        let len = ends.find(text);
        if len == 0 || encoding.percent || self.keep_dot {
            return Taken::NOT;
        }
        if len == 1 && text[0] == b'.' {
            self.push_null();
            return Taken::one(1);
        }
        self.push_front(text, len);
        Taken::one(len)
    }

    #[inline]
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn pad(&mut self, len: usize) {
        if len > self.len() {
            self.nulls.add(self.len()..len);
            self.offsets.resize(len + 1, self.last_offset());
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.offsets.truncate(len + 1);
            self.nulls.truncate(len);
            self.bytes.truncate(self.last_offset() as usize);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let (len, room) = (self.len(), self.bytes.len());
        let nulls = self.nulls.finish(len);
        if nulls.as_ref().is_some_and(|nulls| nulls.null_count() == len) {
            self.bytes.clear();
            self.offsets.truncate(1);
            return Arc::new(self.blank(len));
        }
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(len + 1));
        self.offsets.push(0);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // Cannot panic: offsets only grow up to the buffer's length, lines are checked for UTF-8 before they get here and
        // are cut at ASCII bytes only.
        Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), nulls))
    }
}

/// Undoes the capitalized percent-encoding of the eight characters that VCF 4.3 section 1.2 lists; any other `%` stays.
fn decode_percent(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (before, tail) = rest.split_at(at);
        out.extend_from_slice(before);
        let (plain, used) = match tail {
            [_, b'3', b'A', ..] => (b':', 3),
            [_, b'3', b'B', ..] => (b';', 3),
            [_, b'3', b'D', ..] => (b'=', 3),
            [_, b'2', b'5', ..] => (b'%', 3),
            [_, b'2', b'C', ..] => (b',', 3),
            [_, b'0', b'D', ..] => (b'\r', 3),
            [_, b'0', b'A', ..] => (b'\n', 3),
            [_, b'0', b'9', ..] => (b'\t', 3),
            _ => (b'%', 1),
        };
        out.push(plain);
        rest = &tail[used..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;

    use super::*;

    #[test]
    fn percent_encoding_is_undone_for_the_listed_characters_only() {
        let mut texts = Texts::default();
        for text in ["0.777%03A-%3B%2C%", "100%25", "%2", "%0A%0D%09%3a"] {
            texts.push(text.as_bytes(), Encoding { percent: true }).unwrap();
        }
        let array = texts.finish();
        let values: Vec<_> = array.as_string::<i32>().iter().flatten().collect();
        assert_eq!(values, ["0.777%03A-;,%", "100%", "%2", "\n\r\t%3a"]);
    }

    #[test]
    fn a_dot_is_null_except_in_genotypes() {
        let (mut plain, mut genotypes) = (Texts::default(), Texts::verbatim());
        plain.push(b".", Encoding::default()).unwrap();
        genotypes.push(b".", Encoding::default()).unwrap();
        assert_eq!((plain.finish().null_count(), genotypes.finish().null_count()), (1, 0));
    }
}
