//! Units of files that can be read from anywhere: byte ranges of plain text, ranges of compressed bytes of BGZF. No index and
//! no scan of the whole file. It must not know what a line means.
//!
//! A line belongs to the unit that holds the line ending before it: a unit skips to its first line ending and reads on over
//! its border to the end of the line that straddles or touches it. The first unit begins behind the header.

use std::fs::File;
use std::sync::Arc;

use libdeflater::Decompressor;

use super::bgzf::{self, Block};
use super::buffer::TextBuf;
use super::unit::{Fed, UnitReader};
use crate::error::Result;

/// Text that is gathered before a chunk is handed on: enough to amortize, little enough to stay in the cache.
const CHUNK: usize = 256 << 10;
const READ: usize = 256 << 10;

/// How many ranges of `step` cover `base .. size`; at least one, so that an input without records is accounted for.
pub(crate) fn count_units(base: u64, size: u64, step: u64) -> u64 {
    size.saturating_sub(base).div_ceil(step.max(1)).max(1)
}

/// How a file is cut and how the text of one range is read.
pub(crate) trait Cut: Send {
    /// Goes to the first place in the range where something begins; `false` when there is none. `exact`: that is known to be
    /// the range's first byte.
    fn seek(&mut self, range: std::ops::Range<u64>, exact: bool) -> Result<bool>;

    /// Appends the next piece of text.
    fn feed(&mut self, out: &mut TextBuf) -> Result<Fed>;

    /// Stored bytes of the range so far.
    fn bytes(&self) -> u64;
}

/// Plain text.
#[derive(Debug)]
pub(crate) struct PlainCut {
    file: Arc<File>,
    range: std::ops::Range<u64>,
    at: u64,
}

impl PlainCut {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self { file, range: 0..0, at: 0 }
    }
}

impl Cut for PlainCut {
    fn seek(&mut self, range: std::ops::Range<u64>, _exact: bool) -> Result<bool> {
        self.at = range.start;
        self.range = range;
        Ok(true)
    }

    fn feed(&mut self, out: &mut TextBuf) -> Result<Fed> {
        let (piece, want) = match self.range.end.saturating_sub(self.at) {
            0 => (Fed::Beyond, READ / 4),
            left => (Fed::Own, usize::try_from(left).unwrap_or(READ).min(READ)),
        };
        let read = bgzf::read_full(&self.file, out.room(want), self.at)?;
        out.filled(read);
        self.at += read as u64;
        Ok(if read == 0 { Fed::End } else { piece })
    }

    fn bytes(&self) -> u64 {
        self.at.min(self.range.end) - self.range.start
    }
}

/// BGZF.
pub(crate) struct BgzfCut {
    file: Arc<File>,
    size: u64,
    decompressor: Decompressor,
    range: std::ops::Range<u64>,
    /// Offset of the next block.
    at: u64,
    /// Offset of the block whose text came last.
    fed: u64,
    first: u64,
    own_end: Option<u64>,
    stored: Vec<u8>,
    stored_at: u64,
    stored_len: usize,
}

impl BgzfCut {
    pub(crate) fn new(file: Arc<File>, size: u64) -> Self {
        Self {
            file,
            size,
            decompressor: Decompressor::new(),
            range: 0..0,
            at: 0,
            fed: 0,
            first: 0,
            own_end: None,
            stored: vec![0; READ + bgzf::MAX_BLOCK],
            stored_at: 0,
            stored_len: 0,
        }
    }

    /// Offset of the block whose text came last: a mark for whoever counts text. Empty blocks before it are passed over.
    pub(crate) fn offset(&self) -> u64 {
        self.fed
    }

    /// The stored bytes from the next block on, at least one whole block unless the file ends.
    fn window(&mut self) -> Result<&[u8]> {
        let inside = self.at.checked_sub(self.stored_at).filter(|skip| *skip <= self.stored_len as u64);
        let held = inside.map_or(0, |skip| self.stored_len as u64 - skip);
        let at_end = self.stored_at + self.stored_len as u64 >= self.size && inside.is_some();
        if held < bgzf::MAX_BLOCK as u64 && !at_end {
            self.stored_at = self.at;
            self.stored_len = bgzf::read_full(&self.file, &mut self.stored, self.at)?;
        }
        let skip = (self.at - self.stored_at) as usize;
        Ok(&self.stored[skip..self.stored_len])
    }

    /// The chain of blocks from the unit's start must end exactly where the next unit looks for its own.
    fn check_border(&self) -> Result<()> {
        let next = bgzf::find_start(&self.file, self.range.end, self.size)?;
        if next == self.at { Ok(()) } else { Err(bgzf::damaged("the chain of blocks is broken", self.at.min(next))) }
    }
}

impl Cut for BgzfCut {
    fn seek(&mut self, range: std::ops::Range<u64>, exact: bool) -> Result<bool> {
        self.at = if exact { range.start } else { bgzf::find_start(&self.file, range.start, self.size)? };
        (self.first, self.own_end) = (self.at, None);
        let begins = self.at < range.end;
        self.range = range;
        if !begins {
            self.own_end = Some(self.at);
        }
        Ok(begins)
    }

    fn feed(&mut self, out: &mut TextBuf) -> Result<Fed> {
        loop {
            if self.at >= self.size {
                return Ok(Fed::End);
            }
            if self.at >= self.range.end && self.own_end.is_none() {
                self.own_end = Some(self.at);
                self.check_border()?;
            }
            let at = self.at;
            let Some(Block { size, data }) = bgzf::block_header(self.window()?) else {
                return Err(bgzf::damaged("no block begins where one should", at));
            };
            let skip = (at - self.stored_at) as usize;
            let stored = self.stored.get(skip..self.stored_len.min(skip + size)).unwrap_or_default();
            let length = bgzf::inflate(&mut self.decompressor, stored, Block { size, data }, out)
                .map_err(|reason| bgzf::damaged(reason, at))?;
            self.at += size as u64;
            if length > 0 {
                self.fed = at;
                return Ok(if self.own_end.is_some() { Fed::Beyond } else { Fed::Own });
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.own_end.unwrap_or(self.at) - self.first
    }
}

/// Reads the units `first, first + step, …` of an input.
pub(crate) struct Ranged<C> {
    cut: C,
    layout: Layout,
    next: u32,
    stride: u32,
    buf: TextBuf,
    /// Waiting bytes that are known to hold no line ending: a long line is searched once.
    scanned: usize,
    state: State,
    current: u32,
}

/// Where the ranges of an input lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Where the first unit begins (stored bytes) …
    pub base: u64,
    /// … and how much of its text belongs to the header still.
    pub skip: u64,
    /// Stored bytes a unit.
    pub step: u64,
    /// Stored bytes of the file.
    pub size: u64,
    /// How many units.
    pub count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the unit was read yet.
    Fresh,
    /// Reading the unit's own text.
    Own,
    /// All of the unit's own text was read and its whole lines handed on; the last line is open.
    Tail,
    Done,
}

impl<C: Cut> Ranged<C> {
    /// `longest`: bytes that a line may have.
    pub(crate) fn new(cut: C, layout: Layout, first: u32, stride: u32, longest: usize) -> Self {
        Self {
            cut,
            layout,
            next: first,
            stride: stride.max(1),
            buf: TextBuf::of_lines(longest),
            scanned: 0,
            state: State::Done,
            current: 0,
        }
    }

    /// Skips to the unit's first line. `false` when no line begins in it.
    fn enter(&mut self) -> Result<bool> {
        let Layout { base, skip, step, size, .. } = self.layout;
        let start = base + u64::from(self.current) * step;
        self.buf.clear();
        if !self.cut.seek(start..(start + step).min(size), self.current == 0)? {
            return Ok(false);
        }
        let mut skip = if self.current == 0 { Some(skip) } else { None };
        loop {
            match self.cut.feed(&mut self.buf)? {
                Fed::Own => {}
                Fed::Beyond | Fed::End if skip == Some(0) => return Ok(true),
                Fed::Beyond | Fed::End => return Ok(false),
            }
            match &mut skip {
                Some(left) => {
                    let taken = (*left).min(self.buf.len() as u64);
                    self.buf.take(taken as usize);
                    *left -= taken;
                    if *left == 0 {
                        return Ok(true);
                    }
                }
                None => match memchr::memchr(b'\n', self.buf.waiting()) {
                    Some(at) => {
                        self.buf.take(at + 1);
                        return Ok(true);
                    }
                    None => self.buf.clear(),
                },
            }
        }
    }
}

impl<C: Cut> UnitReader for Ranged<C> {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        if self.next >= self.layout.count {
            return Ok(None);
        }
        self.current = self.next;
        self.next = self.next.saturating_add(self.stride);
        self.state = State::Fresh;
        Ok(Some(self.current))
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        if self.state == State::Fresh {
            self.state = if self.enter()? { State::Own } else { State::Done };
            self.scanned = 0;
        }
        while self.state == State::Own {
            if self.buf.len() >= CHUNK {
                let fresh = &self.buf.waiting()[self.scanned..];
                if let Some(at) = memchr::memrchr(b'\n', fresh) {
                    let end = self.scanned + at + 1;
                    self.scanned = self.buf.len() - end;
                    return Ok(Some(self.buf.take(end)));
                }
                self.scanned = self.buf.len();
            }
            self.buf.check_line()?;
            let before = self.buf.len();
            match self.cut.feed(&mut self.buf)? {
                Fed::Own => {}
                Fed::End => {
                    self.state = State::Done;
                    return Ok(Some(self.buf.take(before)).filter(|text| !text.is_empty()));
                }
                Fed::Beyond => {
                    self.state = State::Tail;
                    // The open line's end is the first line ending behind the border.
                    let own = self.buf.waiting();
                    if let Some(at) = memchr::memchr(b'\n', &own[before..]) {
                        self.state = State::Done;
                        return Ok(Some(self.buf.take(before + at + 1)));
                    }
                }
            }
        }
        while self.state == State::Tail {
            self.buf.check_line()?;
            let before = self.buf.len();
            let piece = self.cut.feed(&mut self.buf)?;
            let end = memchr::memchr(b'\n', &self.buf.waiting()[before..]).map(|at| before + at + 1);
            if let Some(end) = end.or((piece == Fed::End).then_some(before)) {
                self.state = State::Done;
                return Ok(Some(self.buf.take(end)).filter(|text| !text.is_empty()));
            }
        }
        Ok(None)
    }

    fn bytes(&self) -> u64 {
        let before = if self.current == 0 { self.layout.base } else { 0 };
        before + self.cut.bytes()
    }

    fn lines_before(&self) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::super::testing::bgzf;
    use super::super::stream::{StreamText, Streamed};
    use super::*;
    use crate::source::vcf::limits::MOST_LINE;

    fn all(reader: &mut dyn UnitReader) -> Vec<Vec<u8>> {
        let mut units = Vec::new();
        while reader.next_unit().unwrap().is_some() {
            let mut text = Vec::new();
            while let Some(chunk) = reader.next_chunk().unwrap() {
                text.extend_from_slice(chunk);
            }
            units.push(text);
        }
        units
    }

    fn stored(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    fn check(text: &[u8], skip: usize, plain_step: u64, block: usize, bgzf_step: u64) {
        let whole = &text[skip..];
        let plain = stored(text);
        let size = text.len() as u64;
        let count = u32::try_from(count_units(skip as u64, size, plain_step)).unwrap();
        let layout = Layout { base: skip as u64, skip: 0, step: plain_step, size, count };
        let units = all(&mut Ranged::new(PlainCut::new(plain), layout, 0, 1, MOST_LINE));
        assert_eq!(units.concat(), whole);
        for unit in &units[..units.len() - 1] {
            assert!(unit.is_empty() || unit.ends_with(b"\n") || unit.len() == whole.len() || whole.ends_with(unit));
        }

        let packed = bgzf(text, block);
        let size = packed.len() as u64;
        let file = stored(&packed);
        // The block that holds the header's end.
        let (mut base, mut left, mut buf) = (0u64, skip as u64, TextBuf::default());
        let mut cut = BgzfCut::new(file.clone(), size);
        cut.seek(0..size, true).unwrap();
        loop {
            buf.clear();
            let piece = cut.feed(&mut buf).unwrap();
            base = if piece == Fed::End { base } else { cut.offset() };
            if piece == Fed::End || left < buf.len() as u64 {
                break;
            }
            left -= buf.len() as u64;
        }
        let count = u32::try_from(count_units(base, size, bgzf_step)).unwrap();
        if left == 0 || base > 0 || skip < block {
            let layout = Layout { base, skip: left, step: bgzf_step, size, count };
            if skip < text.len() {
                let odd = all(&mut Ranged::new(BgzfCut::new(file.clone(), size), layout, 1, 2, MOST_LINE));
                let even = all(&mut Ranged::new(BgzfCut::new(file.clone(), size), layout, 0, 2, MOST_LINE));
                let woven: Vec<u8> =
                    (0..count as usize).flat_map(|u| if u % 2 == 0 { even[u / 2].clone() } else { odd[u / 2].clone() }).collect();
                assert_eq!(woven, whole);
            }
        }

        let mut stream = Streamed::new(StreamText::bgzf(Box::new(std::io::Cursor::new(packed))), TextBuf::default(), plain_step);
        let units = all(&mut stream);
        assert_eq!(units.concat(), text);
        assert!(units.iter().rev().skip(1).all(|unit| unit.ends_with(b"\n") && unit.len() as u64 >= plain_step));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn units_put_together_are_the_text(
            lines in prop::collection::vec("[a-c]{0,30}", 0..60), ends in any::<bool>(),
            header in 0usize..4, plain_step in 1u64..200, block in 1usize..300, bgzf_step in 1u64..400,
        ) {
            let mut text = lines.join("\n").into_bytes();
            if ends && !text.is_empty() {
                text.push(b'\n');
            }
            let skip = lines.iter().take(header).map(|line| line.len() + 1).sum::<usize>().min(text.len());
            check(&text, skip, plain_step, block, bgzf_step);
        }
    }

    #[test]
    fn a_line_longer_than_many_units_belongs_to_the_first() {
        let text = [b"#\n".to_vec(), vec![b'x'; 2_000_000], b"\nshort\n".to_vec()].concat();
        check(&text, 2, 1000, 5000, 700);
    }

    #[test]
    fn a_false_block_start_breaks_the_chain_aloud() {
        let mut packed = bgzf(&b"a line of text\n".repeat(2000), 500);
        let second = bgzf::block_header(&packed).unwrap().size;
        packed[second + 1] = 0;
        let size = packed.len() as u64;
        let layout = Layout { base: 0, skip: 0, step: 50, size, count: count_units(0, size, 50) as u32 };
        let mut reader = Ranged::new(BgzfCut::new(stored(&packed), size), layout, 0, 1, MOST_LINE);
        reader.next_unit().unwrap();
        let error = std::iter::from_fn(|| reader.next_chunk().map(|chunk| chunk.map(|_| ())).transpose()).find_map(|r| r.err());
        assert!(error.unwrap().to_string().contains("damaged"));
    }
}
