//! Units of inputs that can only be read forwards: gzip that is not BGZF (multi-member too), standard input and pipes. A unit
//! is at least the unit size of text, up to the next line ending. It must not know what a line means.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libdeflater::Decompressor;

use super::bgzf;
use super::buffer::TextBuf;
use super::members::{GARBAGE, Members};
use super::unit::{ForwardReader, UnitReader};
use crate::bgzf::read_failed;
use crate::error::{Error, Result};

const READ: usize = 128 << 10;

/// Text that arrives from front to back.
pub(crate) struct StreamText {
    kind: Kind,
    stored: Arc<AtomicU64>,
    /// Zero bytes were passed over behind the compressed data.
    padded: Arc<AtomicBool>,
}

enum Kind {
    Plain(Box<dyn Read + Send>),
    Gzip(Box<Members>),
    Bgzf { read: Box<dyn Read + Send>, decompressor: Decompressor, at: u64, ended_well: bool },
}

struct Counting {
    inner: Box<dyn Read + Send>,
    stored: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(out)?;
        self.stored.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl StreamText {
    fn new(read: Box<dyn Read + Send>, kind: impl FnOnce(Box<dyn Read + Send>) -> Kind) -> Self {
        let stored = Arc::new(AtomicU64::new(0));
        Self { kind: kind(Box::new(Counting { inner: read, stored: stored.clone() })), stored, padded: Arc::default() }
    }

    pub(crate) fn plain(read: Box<dyn Read + Send>) -> Self {
        Self::new(read, Kind::Plain)
    }

    pub(crate) fn gzip(read: Box<dyn Read + Send>) -> Self {
        Self::new(read, |read| Kind::Gzip(Box::new(Members::new(read))))
    }

    pub(crate) fn bgzf(read: Box<dyn Read + Send>) -> Self {
        Self::new(read, |read| Kind::Bgzf { read, decompressor: Decompressor::new(), at: 0, ended_well: false })
    }

    /// Stored bytes consumed so far.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Raises `padded` when zero bytes are passed over at the end.
    pub(crate) fn watched(mut self, padded: Arc<AtomicBool>) -> Self {
        padded.store(self.padded.load(Ordering::Relaxed), Ordering::Relaxed);
        self.padded = padded;
        self
    }

    /// Appends more text; `false` at the end of an input that ended as it should.
    pub(crate) fn feed(&mut self, out: &mut TextBuf) -> Result<bool> {
        let padded = &self.padded;
        match &mut self.kind {
            Kind::Plain(read) => Ok(out.read_from(read, READ).map_err(|e| read_failed(&e))? > 0),
            Kind::Gzip(gzip) => {
                let more = out.read_from(gzip, READ).map_err(|e| gzip_failed(&e))? > 0;
                padded.fetch_or(gzip.padded, Ordering::Relaxed);
                Ok(more)
            }
            Kind::Bgzf { read, decompressor, at, ended_well } => loop {
                let mut stored = vec![0; bgzf::HEADER];
                let got = fill(read, &mut stored)?;
                if *ended_well && stored.iter().all(|byte| *byte == 0) {
                    padded.fetch_or(got > 0, Ordering::Relaxed);
                    return if only_zeros(read)? { Ok(false) } else { Err(bgzf::garbage()) };
                }
                if *ended_well && bgzf::block_header(&stored[..got]).is_none() {
                    return Err(bgzf::garbage());
                }
                if got < stored.len() {
                    return Err(truncated());
                }
                let Some(block) = bgzf::block_header(&stored) else {
                    return Err(bgzf::damaged("no block begins where one should", *at));
                };
                stored.resize(block.size, 0);
                if fill(read, &mut stored[bgzf::HEADER..])? < block.size - bgzf::HEADER {
                    return Err(truncated());
                }
                let length = bgzf::inflate(decompressor, &stored, block, out).map_err(|reason| bgzf::damaged(reason, *at))?;
                *at += block.size as u64;
                *ended_well = stored == bgzf::EOF_BLOCK;
                if length > 0 {
                    return Ok(true);
                }
            },
        }
    }
}

fn fill(read: &mut dyn Read, out: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match read.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_failed(&error)),
        }
    }
    Ok(filled)
}

fn only_zeros(read: &mut dyn Read) -> Result<bool> {
    let mut bytes = vec![0; READ];
    loop {
        let got = fill(read, &mut bytes)?;
        if bytes[..got].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if got < bytes.len() {
            return Ok(true);
        }
    }
}

fn truncated() -> Error {
    Error::input("the input is truncated: it does not end in the BGZF end-of-file block").with_hint("copy the file again")
}

fn gzip_failed(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::input("the input is truncated: the gzip stream ends in the middle").with_hint("copy the file again")
        }
        std::io::ErrorKind::InvalidData if error.to_string() == GARBAGE => bgzf::without(Error::input(GARBAGE)),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => Error::input("the gzip stream is damaged")
            .with_hint("copy the file again; `gzip -t FILE` tells whether the copy is whole"),
        _ => read_failed(error),
    }
}

/// Reads all units of a stream, one after the other.
pub(crate) struct Streamed {
    text: StreamText,
    buf: TextBuf,
    unit_size: u64,
    unit: Option<u32>,
    used: u64,
    /// Lines of the units before, and of this one.
    lines_before: u64,
    lines: u64,
    /// Waiting bytes that are known to hold no line ending.
    scanned: usize,
    stored_before: u64,
    ended: bool,
    unit_done: bool,
}

impl Streamed {
    /// `buf` holds what was read already, from behind the header on.
    pub(crate) fn new(text: StreamText, buf: TextBuf, unit_size: u64) -> Self {
        Self {
            text,
            buf,
            unit_size: unit_size.max(1),
            unit: None,
            used: 0,
            lines_before: 0,
            lines: 0,
            scanned: 0,
            stored_before: 0,
            ended: false,
            unit_done: true,
        }
    }
}

impl UnitReader for Streamed {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        while !self.unit_done {
            self.next_chunk()?;
        }
        let next = match self.unit {
            None => 0,
            Some(unit) => {
                while self.buf.len() == 0 && !self.ended {
                    self.ended = !self.text.feed(&mut self.buf)?;
                }
                if self.buf.len() == 0 {
                    return Ok(None);
                }
                unit.checked_add(1).ok_or_else(|| Error::input("the input has too many units").with_hint("raise `unit`"))?
            }
        };
        if self.unit.is_some() {
            self.stored_before = self.text.stored();
        }
        self.lines_before = self.lines;
        (self.unit, self.used, self.unit_done) = (Some(next), 0, false);
        Ok(self.unit)
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        loop {
            if self.unit_done {
                return Ok(None);
            }
            // Lines go to this unit until it is full; the line that fills it still belongs to it.
            let left = usize::try_from(self.unit_size - self.used).unwrap_or(usize::MAX);
            let waiting = self.buf.waiting();
            let full = waiting.len() >= left;
            if full || waiting.len() >= READ || self.ended {
                let from = if full { self.scanned.max(left - 1) } else { self.scanned };
                let fresh = &waiting[from..];
                let at = if full { memchr::memchr(b'\n', fresh) } else { memchr::memrchr(b'\n', fresh) };
                if let Some(at) = at {
                    let cut = from + at + 1;
                    self.scanned = 0;
                    self.used += cut as u64;
                    self.unit_done = self.used >= self.unit_size;
                    let text = self.buf.take(cut);
                    self.lines += memchr::memchr_iter(b'\n', text).count() as u64;
                    return Ok(Some(text));
                }
                self.scanned = waiting.len();
            }
            if self.ended {
                self.unit_done = true;
                let rest = self.buf.len();
                return Ok(Some(self.buf.take(rest)).filter(|text| !text.is_empty()));
            }
            self.buf.check_line()?;
            self.ended = !self.text.feed(&mut self.buf)?;
        }
    }

    fn bytes(&self) -> u64 {
        self.text.stored() - self.stored_before
    }

    fn lines_before(&self) -> Option<u64> {
        Some(self.lines_before)
    }
}

impl ForwardReader for Streamed {
    fn passed(&self) -> u64 {
        self.lines
    }
}
