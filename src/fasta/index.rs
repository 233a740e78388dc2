//! The `.fai` index (samtools faidx): name, length, offset, bases a line and bytes a line of every sequence. It must not read bases.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// More sequences than any assembly has; what is longer is no reference.
pub(super) const MAX_SEQUENCES: usize = 10_000_000;

/// Where a sequence lies in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Bases.
    pub length: u64,
    /// Offset of the first base.
    pub offset: u64,
    /// Bases of a full line.
    pub line_bases: u64,
    /// Bytes of a full line with its ending.
    pub line_width: u64,
}

impl Entry {
    /// The text offset of a base. [`Self::fits`] has proven that nothing overflows for bases of the sequence.
    pub(super) fn offset_of(&self, base: u64) -> u64 {
        let line = self.line_bases.max(1);
        self.offset + base / line * self.line_width + base % line
    }

    /// Do the sequence's lines lie within `size` bytes of text?
    pub(super) fn fits(&self, size: u64) -> bool {
        if self.length == 0 {
            return true;
        }
        let last = self.length - 1;
        let lines = last.checked_div(self.line_bases);
        let end = lines.and_then(|lines| {
            let inside = last % self.line_bases;
            self.offset.checked_add(lines.checked_mul(self.line_width)?)?.checked_add(inside)
        });
        // A line ends in LF or CR LF; a sequence of one line may have no ending at all.
        let endings = self.line_width.checked_sub(self.line_bases);
        let lines_end = self.length <= self.line_bases || matches!(endings, Some(1 | 2));
        lines_end && end.is_some_and(|end| end < size)
    }
}

/// Every sequence, in file order, and by name.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub entries: Vec<Entry>,
    pub names: Vec<Box<str>>,
    pub by_name: HashMap<Box<str>, usize>,
}

impl Index {
    /// Adds a sequence. Of several with one name the first counts, as in htslib.
    pub(super) fn push(&mut self, name: &str, entry: Entry) -> Result<()> {
        if self.by_name.contains_key(name) {
            return Ok(());
        }
        if self.entries.len() >= MAX_SEQUENCES {
            return Err(Error::input("the reference has too many sequences"));
        }
        self.by_name.insert(name.into(), self.entries.len());
        self.names.push(name.into());
        self.entries.push(entry);
        Ok(())
    }

    /// Reads a `.fai` and holds it against the text's size.
    ///
    /// # Errors
    /// Class `input`, naming the index's line, when it is no index or not of this FASTA.
    pub(super) fn parse(bytes: &[u8], size: u64) -> Result<Self> {
        let wrong = |line: usize, what: &str| {
            Error::input(format!("the reference's .fai index, line {}: {what}", line + 1))
                .with_hint("write it anew with `samtools faidx REFERENCE`")
        };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(0, "not text"))?;
        let mut index = Self::default();
        for (at, line) in text.lines().enumerate() {
            let mut fields = line.split('\t');
            let name = fields.next().filter(|name| !name.is_empty());
            let mut number = || fields.next()?.parse::<u64>().ok();
            let (Some(name), Some(length), Some(offset), Some(line_bases), Some(line_width)) =
                (name, number(), number(), number(), number())
            else {
                return Err(wrong(at, "not name, length, offset, bases a line and bytes a line"));
            };
            let entry = Entry { length, offset, line_bases, line_width };
            if !entry.fits(size) {
                return Err(wrong(at, "the sequence does not fit the FASTA: is the index older than the file?"));
            }
            index.push(name, entry)?;
        }
        if index.entries.is_empty() {
            return Err(wrong(0, "empty"));
        }
        Ok(index)
    }
}
