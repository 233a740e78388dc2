//! A text buffer that is filled at the end and emptied at the front. It must not know where text comes from.

use std::io::Read;

use crate::error::{Error, Result};
use crate::source::vcf::limits::{MOST_LINE, line_too_long, record_too_long};

/// A buffer doubles up to this size and then grows by a quarter: what is not filled is memory all the same.
const DOUBLES: usize = 16 << 20;

/// Bytes `start .. end` are waiting. The bytes behind `end` are initialized scratch, so filling never zeroes them again.
#[derive(Debug)]
pub(crate) struct TextBuf {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    longest: usize,
}

impl Default for TextBuf {
    fn default() -> Self {
        Self::of_lines(MOST_LINE)
    }
}

impl TextBuf {
    /// For lines, or records, of at most so many bytes.
    pub(crate) fn of_lines(longest: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, longest }
    }

    /// Fails when so much waits that the line at the front, of which no end is known, is longer than lines may be.
    pub(crate) fn check_line(&self) -> Result<()> {
        self.check(line_too_long)
    }

    /// The same of a record of BCF.
    pub(crate) fn check_record(&self) -> Result<()> {
        self.check(record_too_long)
    }

    fn check(&self, error: impl Fn(usize) -> Error) -> Result<()> {
        if self.len() > self.longest { Err(error(self.longest)) } else { Ok(()) }
    }

    pub(crate) fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Forgets the waiting bytes behind the first `n`.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.end = self.end.min(self.start + n);
    }

    /// Takes the first `n` waiting bytes.
    pub(crate) fn take(&mut self, n: usize) -> &[u8] {
        let from = self.start;
        self.start = (from + n).min(self.end);
        &self.bytes[from..self.start]
    }

    /// Room for `n` bytes behind the waiting ones; [`Self::filled`] says how many were written.
    pub(crate) fn room(&mut self, n: usize) -> &mut [u8] {
        if self.start > 0 && (self.start == self.end || self.end + n > self.bytes.len()) {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end + n > self.bytes.len() {
            let held = self.bytes.len();
            let grown = (self.end + n).max(held + if held < DOUBLES { held } else { held / 4 });
            self.bytes.resize(grown, 0);
        }
        &mut self.bytes[self.end..self.end + n]
    }

    pub(crate) fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.bytes.len());
    }

    /// Reads once, at most `n` bytes. 0 at the end.
    pub(crate) fn read_from(&mut self, reader: &mut dyn Read, n: usize) -> std::io::Result<usize> {
        loop {
            match reader.read(self.room(n)) {
                Ok(read) => {
                    self.filled(read);
                    return Ok(read);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_makes_room() {
        let mut buf = TextBuf::default();
        for round in 0..100u8 {
            buf.room(10)[..10].fill(round);
            buf.filled(10);
            assert_eq!(buf.take(9).len(), 9);
        }
        assert_eq!(buf.len(), 100);
        assert!(buf.bytes.len() < 1000);
        assert_eq!(buf.waiting().last(), Some(&99));
    }
}
