//! BGZF blocks by number (SAM specification, section 4.1) and the `.gzi` index that finds them. It must not know what the text is.

use std::fs::File;
use std::path::Path;

use libdeflater::Decompressor;

use super::files::{of_the_reference, read_index};
use crate::bgzf::{self, MAX_BLOCK, block_header, inflate, read_full, text_length};
use crate::error::{Error, Result};

/// Enough for a block's header; extra subfields beside `BC` are rare and short.
const HEADER: usize = 512;
/// ISIZE, the last bytes of a block.
const TRAILER: usize = 4;

/// Where each block begins, as stored and as text.
#[derive(Debug)]
pub(super) struct Blocks {
    starts: Vec<Start>,
    /// Bytes of text.
    pub text: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    stored: u64,
    text: u64,
}

impl Blocks {
    /// Reads the `.gzi` where there is one, and walks the headers of the blocks behind its last entry: of all without it.
    pub(super) fn of(file: &File, size: u64, gzi: Option<&Path>) -> Result<Self> {
        let mut starts = vec![Start { stored: 0, text: 0 }];
        if let Some(bytes) = gzi.map(|path| read_index(path, ".gzi")).transpose()?.flatten() {
            entries(&bytes, &mut starts).ok_or_else(bad_gzi)?;
        }
        let mut last = starts.pop().unwrap_or(Start { stored: 0, text: 0 });
        let mut window = [0; TRAILER + HEADER];
        let mut read = read_full(file, &mut window[TRAILER..], last.stored).map_err(of_the_reference)?;
        loop {
            let header = window.get(TRAILER..TRAILER + read).unwrap_or_default();
            let block = block_header(header).ok_or_else(|| damaged("no block begins where one should", last.stored))?;
            let end = last.stored + block.size as u64;
            if end > size {
                return Err(truncated());
            }
            let filled = read_full(file, &mut window, end - TRAILER as u64).map_err(of_the_reference)?;
            let [n0, n1, n2, n3, ..] = window;
            let length = u32::from_le_bytes([n0, n1, n2, n3]);
            if filled < TRAILER || length as usize > MAX_BLOCK {
                return Err(damaged("a block claims more than 64 KiB of text", last.stored));
            }
            read = filled - TRAILER;
            if length > 0 {
                starts.push(last);
            }
            last = Start { stored: end, text: last.text + u64::from(length) };
            if end == size {
                // The empty block that says the file is whole.
                return if length == 0 { Ok(Self { starts, text: last.text }) } else { Err(truncated()) };
            }
        }
    }

    /// Appends the text bytes `from..to`. The caller has checked them against [`Self::text`].
    pub(super) fn read(&self, file: &File, from: u64, to: u64, inflater: &mut Inflater, out: &mut Vec<u8>) -> Result<()> {
        let mut at = self.starts.partition_point(|start| start.text <= from).saturating_sub(1);
        let mut from = from;
        while from < to {
            let start = self.starts.get(at).copied().ok_or_else(bad_gzi)?;
            let end = self.starts.get(at + 1).map_or(self.text, |next| next.text);
            let text = inflater.inflate(file, start.stored)?;
            if text.len() as u64 != end - start.text {
                return Err(bad_gzi());
            }
            let (begin, until) = ((from - start.text) as usize, (to.min(end) - start.text) as usize);
            out.extend_from_slice(text.get(begin..until).ok_or_else(bad_gzi)?);
            from = to.min(end);
            at += 1;
        }
        Ok(())
    }
}

/// The entries of a `.gzi`: a count, then pairs of stored and text offset, the first block left out. `None` when they cannot be.
fn entries(bytes: &[u8], starts: &mut Vec<Start>) -> Option<()> {
    let (words, []) = bytes.as_chunks::<8>() else { return None };
    let (count, pairs) = words.split_first()?;
    let (pairs, []) = pairs.as_chunks::<2>() else { return None };
    if u64::from_le_bytes(*count) != pairs.len() as u64 {
        return None;
    }
    for [stored, text] in pairs {
        let next = Start { stored: u64::from_le_bytes(*stored), text: u64::from_le_bytes(*text) };
        let last = starts.last()?;
        let step = next.text.checked_sub(last.text)?;
        if next.stored <= last.stored || step > MAX_BLOCK as u64 {
            return None;
        }
        starts.push(next);
    }
    Some(())
}

/// Inflates blocks, keeping its buffers.
pub(super) struct Inflater {
    decompressor: Decompressor,
    stored: Vec<u8>,
    text: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { decompressor: Decompressor::new(), stored: vec![0; MAX_BLOCK], text: vec![0; MAX_BLOCK] }
    }

    /// The text of the block at a stored offset; length and CRC32 checked.
    fn inflate(&mut self, file: &File, at: u64) -> Result<&[u8]> {
        let read = read_full(file, &mut self.stored, at).map_err(of_the_reference)?;
        let stored = self.stored.get(..read).unwrap_or_default();
        let block = block_header(stored).ok_or_else(|| damaged("no block begins where one should", at))?;
        let length = text_length(stored, block).map_err(|reason| damaged(reason, at))?;
        let text = self.text.get_mut(..length).unwrap_or_default();
        inflate(&mut self.decompressor, stored, block, text).map_err(|reason| damaged(reason, at))?;
        Ok(text)
    }
}

/// Is this the start of a BGZF file, or of another kind of gzip?
pub(super) fn is_block(bytes: &[u8]) -> bool {
    block_header(bytes).is_some()
}

fn damaged(reason: &str, at: u64) -> Error {
    of_the_reference(bgzf::damaged(reason, at)).with_hint("copy the FASTA again, or write its .gzi anew with `bgzip -r`")
}

fn truncated() -> Error {
    Error::input("the reference is truncated: it does not end in the BGZF end-of-file block").with_hint("copy the FASTA again")
}

fn bad_gzi() -> Error {
    Error::input("the reference's .gzi index does not fit the FASTA").with_hint("write it anew with `bgzip -r`")
}
