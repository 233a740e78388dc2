//! One input as the run reads it: its units, from wherever they lie. It must not know records' columns.

use std::fs::File;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::bcf;
use super::held::Held;
use super::index::Lines;
use super::shape::Shape;
use super::split::{
    BgzfCut, Container, Deals, ForwardReader, FromStart, Layout, PlainCut, Ranged, RangedRecords, Spanned, Spans, StreamText,
    Streamed, StreamedRecords, TextBuf, UnitReader,
};
use crate::error::{Error, Result};
use crate::flow::Locate;

/// An input that was looked at.
#[derive(Debug)]
pub(crate) struct Input {
    /// 0-based.
    pub number: u32,
    pub container: Container,
    pub origin: Origin,
    /// The file it is, unless it is a pipe.
    pub held: Option<Held>,
    pub shape: Shape,
    /// Lines of the header: they count as lines of the first unit.
    pub header_lines: u64,
    /// Ordinals of its units within the load; the most it can have, where it must be read to know.
    pub ordinals: Range<u32>,
    /// Set once zero bytes were passed over behind its data.
    pub padded: Arc<AtomicBool>,
    /// Bytes that a line, or a record, may have.
    pub longest: usize,
}

/// Where an input's records come from.
pub(crate) enum Origin {
    /// Plain text or BGZF: units can be read in any order.
    Ranged { file: Arc<File>, layout: Layout },
    /// BGZF of which an index names the parts to read.
    Indexed { file: Arc<File>, spans: Arc<Spans>, lines: Arc<Lines> },
    /// gzip: from front to back, as often as needed. `header`: bytes of text that the header takes.
    Gzip { file: Arc<File>, header: u64 },
    /// From nowhere: it cannot be read.
    Unreadable,
    /// Standard input or a pipe: once.
    Stream(Mutex<Option<(StreamText, TextBuf)>>),
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Origin::Ranged { .. } => "Ranged",
            Origin::Indexed { .. } => "Indexed",
            Origin::Gzip { .. } => "Gzip",
            Origin::Unreadable => "Unreadable",
            Origin::Stream(_) => "Stream",
        })
    }
}

impl Input {
    /// What kind of file it is, for EXPLAIN.
    pub(crate) fn format(&self) -> &'static str {
        match (&self.shape.binary, self.container) {
            (None, container) => container.name(),
            (Some(_), Container::Bgzf) => "bcf",
            (Some(_), Container::Plain) => "bcf-plain",
            (Some(_), Container::Gzip) => "bcf-gzip",
        }
    }

    /// How many units it is cut into, as far as that is known.
    pub(crate) fn units(&self) -> u64 {
        match &self.origin {
            Origin::Ranged { layout, .. } => u64::from(layout.count),
            Origin::Indexed { spans, .. } => spans.count(),
            Origin::Unreadable => 0,
            Origin::Gzip { .. } | Origin::Stream(_) => 1,
        }
    }

    /// How many partitions can work on it at once: only one when its records must be seen in order.
    pub(crate) fn parallel(&self) -> u64 {
        if self.shape.strict.is_some() { 1 } else { self.ordinals.len() as u64 }
    }

    /// The kind of index that says what is read of the input: `tbi`, `csi` or `none`.
    pub(crate) fn index(&self) -> &'static str {
        match &self.origin {
            Origin::Indexed { spans, .. } => spans.index,
            _ => "none",
        }
    }

    /// How lines of bad records are found in a file of which only parts are read.
    pub(crate) fn locate(&self) -> Option<Arc<Locate>> {
        let Origin::Indexed { lines, .. } = &self.origin else { return None };
        let (lines, first) = (lines.clone(), self.ordinals.start);
        Some(Arc::new(move |unit, line| lines.find(unit.checked_sub(first)?, line).ok()))
    }

    /// Is it still the file that was looked at?
    ///
    /// # Errors
    /// Class `input` when it is not.
    pub(crate) fn check(&self) -> Result<()> {
        self.held.as_ref().map_or(Ok(()), Held::check)
    }

    /// True when the units come one after the other.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.origin, Origin::Gzip { .. } | Origin::Stream(_))
    }

    /// Is it the partition's before it is the others'? One partition reads all of an input whose records must be seen in order,
    /// and begins with a stream that the others may help with later.
    pub(crate) fn is_own(&self, partition: usize, partitions: usize) -> bool {
        self.number as usize % partitions == partition
    }

    /// The partition's units of this input: units go round, `unit % partitions`; those of a stream are dealt to whoever asks
    /// next. `None` when the partition has none of them. In strict mode one partition reads all units, first to last, as the
    /// checker must see them.
    pub(crate) fn reader(
        &self,
        partition: usize,
        partitions: usize,
        unit_size: u64,
        deals: &Deals,
    ) -> Result<Option<Box<dyn UnitReader>>> {
        let in_order = self.shape.strict.is_some();
        if in_order && !self.is_own(partition, partitions) {
            return Ok(None);
        }
        let first = (partition + partitions - self.ordinals.start as usize % partitions) % partitions;
        let (first, stride) = if in_order { (0, 1) } else { (first, partitions) };
        let first = u32::try_from(first).map_err(|_| Error::internal("too many partitions"))?;
        match &self.origin {
            Origin::Unreadable => Ok(None),
            Origin::Ranged { layout, .. } => Ok((first < layout.count).then(|| self.ranged(first, stride as u32)).flatten()),
            Origin::Indexed { file, spans, .. } => {
                let reader = || Spanned::new(file.clone(), spans.clone(), first, stride as u32, self.longest);
                Ok((u64::from(first) < spans.count()).then(|| Box::new(reader()) as Box<dyn UnitReader>))
            }
            Origin::Gzip { .. } | Origin::Stream(_) => {
                let dealt = deals.reader(self.number, in_order || partitions == 1, || self.forward(unit_size))?;
                Ok(dealt.map(|dealt| Box::new(dealt) as Box<dyn UnitReader>))
            }
        }
    }

    /// Opens a stream behind its header.
    fn forward(&self, unit_size: u64) -> Result<Box<dyn ForwardReader>> {
        let (text, buf) = match &self.origin {
            Origin::Gzip { file, header } => {
                let (mut text, mut buf) =
                    (StreamText::gzip(Box::new(FromStart::new(file.clone()))), TextBuf::of_lines(self.longest));
                let mut left = *header;
                while left > 0 {
                    if buf.len() == 0 && !text.feed(&mut buf)? {
                        break;
                    }
                    left -= buf.take(usize::try_from(left).unwrap_or(usize::MAX).min(buf.len())).len() as u64;
                }
                (text, buf)
            }
            Origin::Stream(once) => once
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .ok_or_else(|| Error::input("standard input can be read only once").with_hint("write it to a file first"))?,
            Origin::Ranged { .. } | Origin::Indexed { .. } | Origin::Unreadable => {
                return Err(Error::internal("this input is no stream"));
            }
        };
        let text = text.watched(self.padded.clone());
        Ok(match self.shape.binary {
            Some(_) => Box::new(StreamedRecords::new(text, buf, unit_size)),
            None => Box::new(Streamed::new(text, buf, unit_size)),
        })
    }

    /// Takes the first line of a chunk, without its line ending, or the first record of BCF.
    #[inline]
    pub(crate) fn take_record<'a>(&self, chunk: &mut &'a [u8]) -> &'a [u8] {
        let all = *chunk;
        if self.shape.binary.is_some() {
            // A reader hands on whole records; what is not one is left to the decoder, which refuses it.
            let (record, rest) = bcf::split_record(all).ok().flatten().unwrap_or((all, &[]));
            *chunk = rest;
            return record;
        }
        let end = memchr::memchr(b'\n', all).unwrap_or(all.len());
        *chunk = all.get(end + 1..).unwrap_or_default();
        let line = &all[..end];
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Line endings of a chunk, or records of BCF.
    pub(crate) fn count(&self, chunk: &[u8]) -> u64 {
        if self.shape.binary.is_none() {
            return memchr::memchr_iter(b'\n', chunk).count() as u64;
        }
        let (mut rest, mut count) = (chunk, 0);
        while !rest.is_empty() {
            self.take_record(&mut rest);
            count += 1;
        }
        count
    }

    fn ranged(&self, first: u32, stride: u32) -> Option<Box<dyn UnitReader>> {
        let Origin::Ranged { file, layout } = &self.origin else { return None };
        let (size, layout) = (layout.size, *layout);
        let frame = self.shape.binary.as_ref().map(|dictionary| dictionary.frame());
        Some(match (self.container, frame) {
            (Container::Bgzf, Some(frame)) => {
                Box::new(RangedRecords::new(BgzfCut::new(file.clone(), size), layout, frame, first, stride, self.longest))
            }
            (_, Some(frame)) => {
                Box::new(RangedRecords::new(PlainCut::new(file.clone()), layout, frame, first, stride, self.longest))
            }
            (Container::Bgzf, None) => {
                Box::new(Ranged::new(BgzfCut::new(file.clone(), size), layout, first, stride, self.longest))
            }
            (_, None) => Box::new(Ranged::new(PlainCut::new(file.clone()), layout, first, stride, self.longest)),
        })
    }

    /// Shows every contig of a text file's records, in a row of equal ones once, until `see` has seen enough.
    pub(crate) fn contigs(&self, see: &mut dyn FnMut(&str) -> bool) -> Result<()> {
        let mut reader = match self.ranged(0, 1) {
            Some(reader) => reader,
            None => self.forward(1 << 20)?,
        };
        let mut last = Vec::new();
        while reader.next_unit()?.is_some() {
            while let Some(chunk) = reader.next_chunk()? {
                let mut rest = chunk;
                while !rest.is_empty() {
                    let line = self.take_record(&mut rest);
                    let name = line.get(..memchr::memchr(b'\t', line).unwrap_or(0)).unwrap_or_default();
                    if name == last {
                        continue;
                    }
                    last = name.to_vec();
                    if std::str::from_utf8(name).is_ok_and(|name| !see(name)) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The input's line or record (0-based) that is line `line` of unit `unit` of a file, where the header's lines count to the first
    /// unit: read again from the front, for an error's sake only.
    pub(crate) fn line_of(&self, unit: u32, line: u64) -> Result<u64> {
        if let Origin::Indexed { lines, .. } = &self.origin {
            return lines.find(unit, line);
        }
        let Some(mut reader) = self.ranged(0, 1) else { return Ok(line) };
        let mut lines = if unit > 0 { self.header_lines } else { 0 };
        while reader.next_unit()?.is_some_and(|at| at < unit) {
            while let Some(chunk) = reader.next_chunk()? {
                lines += self.count(chunk);
            }
        }
        Ok(lines + line)
    }
}
