//! Units of BGZF files of which only spans are read: pieces that begin and end at records, as an index names them. Whether the
//! index told the truth is checked while reading. It must not know index formats or regions.

use std::fs::File;
use std::sync::Arc;

use libdeflater::Decompressor;

use super::bgzf::{self, Block, MAX_BLOCK};
use super::buffer::TextBuf;
use super::unit::UnitReader;
use crate::crypto::digest::Sha256;
use crate::error::{Error, Result};
use crate::source::vcf::bcf::split_record;

/// Text that is gathered before a chunk is handed on.
const CHUNK: usize = 256 << 10;
const READ: u64 = 256 << 10;
/// Empty blocks that may follow each other.
const MAX_EMPTY: usize = 1000;

/// A place in a BGZF file's text (SAMv1 section 4.1.1): the block's offset, and the byte within its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Virtual(pub u64);

impl Virtual {
    pub(crate) fn new(block: u64, within: u64) -> Self {
        Self(block << 16 | within)
    }

    pub(crate) fn block(self) -> u64 {
        self.0 >> 16
    }

    pub(crate) fn within(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// The same place as it is written only one way: in a block that has text behind it, or at the file's end. `None` when
    /// there is no such place.
    pub(crate) fn settle(self, file: &File, size: u64) -> Result<Option<Self>> {
        let within = self.within() as u64;
        Self::behind(file, size, self.block(), within).map(|place| place.filter(|(_, first)| *first >= within).map(|(at, _)| at))
    }

    /// The place `text` bytes behind the begin of the block at `block`, settled, and the length of the first block that has
    /// text. `None` when there is no such place.
    pub(crate) fn behind(file: &File, size: u64, block: u64, text: u64) -> Result<Option<(Self, u64)>> {
        let (mut at, mut left, mut first) = (block, text, 0);
        for _ in 0..MAX_EMPTY {
            if at >= size {
                return Ok((at == size && left == 0).then_some((Self::new(size, 0), first)));
            }
            let mut head = [0; 64];
            let read = bgzf::read_full(file, &mut head, at)?;
            let Some(block) = bgzf::block_header(&head[..read]) else { return Ok(None) };
            let next = at + block.size as u64;
            let mut length = [0; 4];
            if next > size || bgzf::read_full(file, &mut length, next - 4)? != length.len() {
                return Ok(None);
            }
            let length = u64::from(u32::from_le_bytes(length));
            first = if first == 0 { length } else { first };
            if left < length {
                return Ok(Some((Self::new(at, left), first)));
            }
            left -= length;
            at = next;
        }
        Ok(None)
    }
}

/// A stretch of one contig's records, from the begin of one to the begin of another or the file's end. Both are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub begin: Virtual,
    pub end: Virtual,
    /// Index into [`Spans::contigs`].
    pub contig: u32,
}

impl Span {
    /// About how many stored bytes reading it takes. A part of a block counts as a quarter of a typical one.
    pub(crate) fn cost(&self) -> u64 {
        self.end.block() - self.begin.block() + if self.end.within() > 0 { MAX_BLOCK as u64 / 16 } else { 0 }
    }
}

/// What records call their contigs.
#[derive(Debug)]
pub(crate) enum Contigs {
    /// Text: by name.
    Names(Vec<Box<[u8]>>),
    /// BCF: by number.
    Numbers(Vec<u32>),
}

/// The spans of an input in the file's order, and how they make units.
#[derive(Debug)]
pub(crate) struct Spans {
    /// The kind of index they come from.
    pub index: &'static str,
    pub contigs: Arc<Contigs>,
    pub spans: Vec<Span>,
    /// For every unit, its first span.
    pub units: Vec<u32>,
    /// Where the first record begins.
    pub records: Virtual,
    pub size: u64,
}

impl Spans {
    /// How many units.
    pub(crate) fn count(&self) -> u64 {
        self.units.len() as u64
    }

    pub(crate) fn unit(&self, unit: u32) -> &[Span] {
        let at = unit as usize;
        let begin = self.units.get(at).map_or(self.spans.len(), |first| *first as usize);
        let end = self.units.get(at + 1).map_or(self.spans.len(), |first| *first as usize);
        self.spans.get(begin..end).unwrap_or_default()
    }

    /// Stored bytes, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.spans.iter().map(Span::cost).sum()
    }

    /// SHA-256 of where the units lie.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"genogate spans 1\0");
        for unit in 0..self.units.len() as u32 {
            let spans = self.unit(unit);
            digest.update(&(spans.len() as u64).to_le_bytes());
            for span in spans {
                digest.update(&span.begin.0.to_le_bytes());
                digest.update(&span.end.0.to_le_bytes());
            }
        }
        digest.finish()
    }
}

/// Reads blocks one after the other.
pub(crate) struct Blocks {
    file: Arc<File>,
    size: u64,
    decompressor: Decompressor,
    stored: Vec<u8>,
    stored_at: u64,
}

impl Blocks {
    pub(crate) fn new(file: Arc<File>, size: u64) -> Self {
        Self { file, size, decompressor: Decompressor::new(), stored: Vec::new(), stored_at: 0 }
    }

    /// Appends the text of the block at `at`. `until`: the last block that will be asked for lies here. Returns the offset
    /// of the next block.
    pub(crate) fn read(&mut self, at: u64, until: u64, out: &mut TextBuf) -> Result<u64> {
        let end = self.stored_at + self.stored.len() as u64;
        if at < self.stored_at || (at + MAX_BLOCK as u64 > end && end < self.size) || at >= end {
            let want = until.saturating_sub(at).min(READ) + MAX_BLOCK as u64;
            self.stored.resize(want as usize, 0);
            let read = bgzf::read_full(&self.file, &mut self.stored, at)?;
            self.stored.truncate(read);
            self.stored_at = at;
        }
        let window = self.stored.get((at - self.stored_at) as usize..).unwrap_or_default();
        let Some(block) = bgzf::block_header(window) else { return Err(bgzf::damaged("no block begins where one should", at)) };
        let Block { size, .. } = block;
        bgzf::inflate(&mut self.decompressor, window.get(..size).unwrap_or(window), block, out)
            .map_err(|reason| bgzf::damaged(reason, at))?;
        Ok(at + size as u64)
    }

    /// Line endings between two places.
    pub(crate) fn lines(&mut self, from: Virtual, to: Virtual) -> Result<u64> {
        let mut lines = 0;
        self.text(from, to, &mut |text| {
            lines += memchr::memchr_iter(b'\n', text.waiting()).count() as u64;
            text.clear();
            Ok(())
        })?;
        Ok(lines)
    }

    /// Records of BCF between the begin of one and that of another.
    pub(crate) fn records(&mut self, from: Virtual, to: Virtual) -> Result<u64> {
        let mut records = 0;
        self.text(from, to, &mut |text| {
            while let Some((record, _)) = split_record(text.waiting())? {
                let length = record.len();
                text.take(length);
                records += 1;
            }
            Ok(())
        })?;
        Ok(records)
    }

    fn text(&mut self, from: Virtual, to: Virtual, each: &mut dyn FnMut(&mut TextBuf) -> Result<()>) -> Result<()> {
        let (mut text, mut at) = (TextBuf::default(), from.block());
        while at < to.block() || (at == to.block() && to.within() > 0) {
            let (before, here) = (text.len(), at);
            at = self.read(at, to.block(), &mut text)?;
            if here == to.block() {
                text.truncate(before + to.within());
            }
            if here == from.block() {
                text.take(from.within());
            }
            each(&mut text)?;
        }
        Ok(())
    }
}

/// The begin of the first line that begins behind the first line ending at or behind stored byte `from`; `None` when there
/// is none before `until`.
pub(crate) fn line_start(file: &Arc<File>, size: u64, from: u64, until: Virtual) -> Result<Option<Virtual>> {
    let (mut blocks, mut text) = (Blocks::new(file.clone(), size), TextBuf::default());
    let mut at = bgzf::find_start(file, from, size)?;
    while at < until.block() {
        let next = blocks.read(at, at, &mut text)?;
        if let Some(end) = memchr::memchr(b'\n', text.waiting()) {
            return Ok(Virtual::new(at, end as u64 + 1).settle(file, size)?.filter(|start| *start < until));
        }
        text.clear();
        at = next;
    }
    Ok(None)
}

/// Reads the units `first, first + stride, …` of an input's spans.
pub(crate) struct Spanned {
    table: Arc<Spans>,
    blocks: Blocks,
    next: u32,
    stride: u32,
    current: u32,
    /// Spans of the unit that were begun.
    begun: usize,
    /// The next block of the span; `None` between spans.
    at: Option<u64>,
    buf: TextBuf,
    /// Waiting bytes of text that are known to hold no line ending.
    scanned: usize,
    bytes: u64,
    /// Contig and position of the last record.
    last: Option<(u32, i64)>,
}

impl Spanned {
    /// `longest`: bytes that a line, or a record, may have.
    pub(crate) fn new(file: Arc<File>, table: Arc<Spans>, first: u32, stride: u32, longest: usize) -> Self {
        Self {
            blocks: Blocks::new(file, table.size),
            table,
            next: first,
            stride: stride.max(1),
            current: 0,
            begun: usize::MAX,
            at: None,
            buf: TextBuf::of_lines(longest),
            scanned: 0,
            bytes: 0,
            last: None,
        }
    }

    /// Reads the block at `at` of the span. Returns the next one; `None` behind the last.
    fn block(&mut self, span: Span, at: u64) -> Result<Option<u64>> {
        let before = self.buf.len();
        let next = self.blocks.read(at, span.end.block(), &mut self.buf)?;
        self.bytes += next - at;
        if at == span.begin.block() {
            let skip = span.begin.within();
            match (self.buf.waiting().get(..skip), &*self.table.contigs) {
                (Some([] | [.., b'\n']), _) | (Some(_), Contigs::Numbers(_)) => self.buf.take(skip),
                _ => return Err(misfit("it names a place within a record")),
            };
        }
        if at == span.end.block() {
            let cut = if at == span.begin.block() { span.begin.within() } else { 0 };
            let kept = before + span.end.within().saturating_sub(cut);
            if self.buf.len() < kept {
                return Err(misfit("it names a place behind a block's end"));
            }
            self.buf.truncate(kept);
            return Ok(None);
        }
        match next.cmp(&span.end.block()) {
            std::cmp::Ordering::Less => Ok(Some(next)),
            std::cmp::Ordering::Equal => Ok((span.end.within() > 0).then_some(next)),
            std::cmp::Ordering::Greater => Err(misfit("it names a place between blocks")),
        }
    }

    /// How many waiting bytes are whole records; all when the span has ended.
    fn whole(&mut self, span: Span) -> Result<usize> {
        let text = self.buf.waiting();
        let ended = self.at.is_none();
        self.buf.check_line()?;
        if !ended && text.len() < CHUNK {
            return Ok(0);
        }
        let end = match &*self.table.contigs {
            Contigs::Names(_) if ended && span.end.block() == self.table.size => text.len(),
            Contigs::Names(_) => memchr::memrchr(b'\n', &text[self.scanned..]).map_or(0, |at| self.scanned + at + 1),
            Contigs::Numbers(_) => {
                let mut end = 0;
                let apart = |_| misfit("its places do not hold whole records");
                while let Some((record, _)) = split_record(&text[end..]).map_err(apart)? {
                    end += record.len();
                }
                end
            }
        };
        if ended && end < text.len() {
            return Err(misfit("it names a place within a record"));
        }
        self.scanned = match &*self.table.contigs {
            Contigs::Names(_) => text.len() - end,
            Contigs::Numbers(_) => 0,
        };
        Ok(end)
    }

    /// The records are of the span's contig, and in order: else what was passed over may hold records that are asked for.
    fn check(&mut self, span: Span, end: usize) -> Result<()> {
        let mut rest = self.buf.waiting().get(..end).unwrap_or_default();
        let at = span.contig as usize;
        while !rest.is_empty() {
            let place = match &*self.table.contigs {
                Contigs::Names(names) => {
                    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    let (line, behind) = rest.split_at(length);
                    rest = behind;
                    if matches!(line[0], b'#' | b'\n' | b'\r') {
                        continue;
                    }
                    line_place(line, names.get(at).map(|name| &**name).unwrap_or_default())
                }
                Contigs::Numbers(numbers) => {
                    let Some((record, behind)) = split_record(rest)? else { break };
                    rest = behind;
                    record_place(record, numbers.get(at).copied())
                }
            };
            match place {
                Place::Elsewhere => return Err(misfit("a record is of another contig than it says")),
                Place::Unknown => {}
                Place::At(pos) if self.last.is_some_and(|(contig, last)| contig == span.contig && last > pos) => {
                    return Err(misfit("the records are not sorted by position"));
                }
                Place::At(pos) => self.last = Some((span.contig, pos)),
            }
        }
        Ok(())
    }
}

/// Where a record lies.
enum Place {
    At(i64),
    /// On another contig.
    Elsewhere,
    /// Its position is none: the decoder's to report.
    Unknown,
}

fn line_place(line: &[u8], contig: &[u8]) -> Place {
    let Some([b'\t', after @ ..]) = line.strip_prefix(contig) else { return Place::Elsewhere };
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=18).contains(&digits) || after.get(digits) != Some(&b'\t') {
        return Place::Unknown;
    }
    Place::At(after[..digits].iter().fold(0, |pos, digit| pos * 10 + i64::from(digit - b'0')))
}

/// The same of BCF (VCF 4.5 section 6.3.1), whose positions count from 0.
fn record_place(record: &[u8], contig: Option<u32>) -> Place {
    let int = |at: usize| record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_le_bytes);
    match (int(8), int(12)) {
        (Some(found), Some(pos)) if contig.is_some() && u32::try_from(found).ok() == contig => Place::At(i64::from(pos)),
        _ => Place::Elsewhere,
    }
}

impl UnitReader for Spanned {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        if u64::from(self.next) >= self.table.count() {
            return Ok(None);
        }
        self.current = self.next;
        self.next = self.next.saturating_add(self.stride);
        (self.begun, self.at, self.scanned, self.bytes) = (0, None, 0, 0);
        self.buf.clear();
        Ok(Some(self.current))
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        loop {
            if self.at.is_none() {
                let Some(span) = self.table.unit(self.current).get(self.begun) else { return Ok(None) };
                self.begun += 1;
                self.at = Some(span.begin.block());
            }
            let (Some(at), Some(span)) = (self.at, self.table.unit(self.current).get(self.begun - 1).copied()) else {
                return Ok(None);
            };
            self.at = self.block(span, at)?;
            let end = self.whole(span)?;
            if end > 0 {
                self.check(span, end)?;
                if self.at.is_none() {
                    self.scanned = 0;
                }
                return Ok(Some(self.buf.take(end)));
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn lines_before(&self) -> Option<u64> {
        None
    }
}

/// The index and the file do not belong together.
pub(crate) fn misfit(reason: &str) -> Error {
    Error::input(format!("the index does not fit the file: {reason}"))
        .with_hint("rebuild it (`tabix -f -p vcf FILE`, or `bcftools index -f FILE`), or remove it to have the file scanned")
}
