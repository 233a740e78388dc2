//! Makes the index of a FASTA that has no `.fai`, in one pass and in memory. It must not write files.

use super::index::{Entry, Index};
use super::store::{Scratch, Store};
use crate::error::{Error, Result};

/// Text read at once.
const CHUNK: u64 = 1 << 20;
/// Names are longer in no file that anything could use.
const MAX_NAME: usize = 1 << 12;

/// The sequence being read.
struct Open {
    name: Vec<u8>,
    named: bool,
    entry: Entry,
    /// Bases and bytes of the line being read.
    line: (u64, u64),
    /// A line shorter than the first was seen: only blank ones may follow.
    short: bool,
}

/// Reads the whole text.
///
/// # Errors
/// Class `input` when it is no FASTA, or the lines of a sequence differ in length (then no index can exist).
pub(super) fn index(store: &Store) -> Result<Index> {
    let (mut index, mut open) = (Index::default(), None::<Open>);
    let (mut at, mut header) = (0, false);
    let (mut scratch, mut chunk) = (Scratch::default(), Vec::new());
    let mut line_start = true;
    while at < store.size {
        let end = store.size.min(at + CHUNK);
        chunk.clear();
        store.read(at, end, &mut scratch, &mut chunk)?;
        let mut rest = chunk.as_slice();
        while let Some(&first) = rest.first() {
            if line_start && first == b'>' {
                close(open.take(), &mut index)?;
                let entry = Entry { length: 0, offset: 0, line_bases: 0, line_width: 0 };
                open = Some(Open { name: Vec::new(), named: false, entry, line: (0, 0), short: false });
                (header, line_start, rest) = (true, false, &rest[1..]);
                continue;
            }
            let newline = memchr::memchr(b'\n', rest);
            let (text, ended) = rest.split_at(newline.map_or(rest.len(), |at| at + 1));
            let Some(open) = &mut open else {
                return Err(Error::input("the reference is not a FASTA file: it does not begin with `>`"));
            };
            let offset = end - rest.len() as u64;
            match header {
                true => open.header(text)?,
                false => open.bases(text, offset)?,
            }
            line_start = newline.is_some();
            if line_start {
                match header {
                    true => header = false,
                    false => open.end_line(&index)?,
                }
            }
            rest = ended;
        }
        at = end;
    }
    if let Some(open) = &mut open {
        open.end_line(&index)?;
    }
    close(open, &mut index)?;
    if index.entries.is_empty() {
        return Err(Error::input("the reference is not a FASTA file: it has no sequence"));
    }
    Ok(index)
}

impl Open {
    /// The name ends at the first white space.
    fn header(&mut self, text: &[u8]) -> Result<()> {
        for byte in text {
            match byte {
                _ if self.named => break,
                byte if byte.is_ascii_whitespace() => self.named = true,
                byte => self.name.push(*byte),
            }
        }
        if self.name.len() > MAX_NAME { Err(Error::input("a sequence's name in the reference is too long")) } else { Ok(()) }
    }

    fn bases(&mut self, text: &[u8], offset: u64) -> Result<()> {
        if self.entry.length == 0 && self.line == (0, 0) {
            self.entry.offset = offset;
        }
        let bases = text.len() - text.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.line.0 += bases as u64;
        self.line.1 += text.len() as u64;
        Ok(())
    }

    fn end_line(&mut self, index: &Index) -> Result<()> {
        let (bases, width) = std::mem::take(&mut self.line);
        if width == 0 {
            return Ok(());
        }
        if bases > 0 && (self.short || (self.entry.line_bases > 0 && bases > self.entry.line_bases)) {
            let number = index.entries.len() + 1;
            return Err(Error::input(format!("the reference, sequence {number}: its lines differ in length"))
                .with_hint("wrap the FASTA anew, such as with `seqkit seq -w 60`"));
        }
        if self.entry.line_bases == 0 {
            (self.entry.line_bases, self.entry.line_width) = (bases, width);
        }
        self.short = bases < self.entry.line_bases || bases == 0 || width != self.entry.line_width;
        self.entry.length += bases;
        Ok(())
    }
}

fn close(open: Option<Open>, index: &mut Index) -> Result<()> {
    let Some(open) = open else { return Ok(()) };
    let number = index.entries.len() + 1;
    let name = String::from_utf8(open.name).ok().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::input(format!("the reference, sequence {number}: it has no name, or none in UTF-8")))?;
    index.push(&name, open.entry)
}
