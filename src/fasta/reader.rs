//! A reference opened once and shared, and the cursors that read it. It must not know why bases are wanted.

use std::path::Path;

use super::build;
use super::files::{beside, read_index};
use super::index::Index;
use super::store::{Scratch, Store};
use crate::crypto::digest::Sha256;
use crate::error::{Error, Result};

/// Bases of a block: small for plain files, where reading is cheap; about a BGZF block for compressed ones.
const PLAIN_BLOCK: u64 = 16 << 10;
const COMPRESSED_BLOCK: u64 = 64 << 10;
/// Blocks a cursor keeps.
const KEPT: usize = 4;
/// How much of the text [`Fasta::fingerprint`] looks at: so many pieces of so many bytes.
const PIECES: u64 = 256;
const PIECE: u64 = 4 << 10;

/// A sequence of a [`Fasta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    number: usize,
    /// Bases.
    pub length: u64,
}

/// A reference: FASTA, plain or BGZF.
#[derive(Debug)]
pub struct Fasta {
    store: Store,
    index: Index,
    block: u64,
    /// There was no `.fai`: the whole file was read.
    pub indexed_here: bool,
}

impl Fasta {
    /// Opens `path`; its indexes are `path.fai` and, when compressed, `path.gzi`. A missing index is made in memory: the
    /// first by reading the whole file, the second by walking over the blocks' headers.
    ///
    /// # Errors
    /// Class `input`; the path is not in the message.
    pub fn open(path: &Path) -> Result<Self> {
        let store = Store::open(path)?;
        let fai = read_index(&beside(path, ".fai"), ".fai")?;
        let indexed_here = fai.is_none();
        let index = match fai {
            Some(bytes) => Index::parse(&bytes, store.size)?,
            None => build::index(&store)?,
        };
        let block = if store.is_compressed() { COMPRESSED_BLOCK } else { PLAIN_BLOCK };
        Ok(Self { store, index, block, indexed_here })
    }

    /// How many sequences there are.
    pub fn len(&self) -> usize {
        self.index.entries.len()
    }

    /// Never true: a file without sequences does not open.
    pub fn is_empty(&self) -> bool {
        self.index.entries.is_empty()
    }

    /// The sequence of this very name.
    pub fn sequence(&self, name: &str) -> Option<Sequence> {
        let number = *self.index.by_name.get(name)?;
        Some(Sequence { number, length: self.index.entries.get(number)?.length })
    }

    /// SHA-256 over names, lengths and a sample of the text (all of it up to 1 MiB): tells assemblies and their patches apart
    /// without reading gigabytes. Compression and line width of small files count too: a false difference costs a reload only.
    pub fn fingerprint(&self) -> Result<[u8; 32]> {
        let mut digest = Sha256::new();
        digest.update(b"genogate reference 1\0");
        for (name, entry) in self.index.names.iter().zip(&self.index.entries) {
            digest.update(name.as_bytes());
            digest.update(b"\0");
            digest.update(&entry.length.to_le_bytes());
        }
        let (size, mut scratch, mut text) = (self.store.size, Scratch::default(), Vec::new());
        for piece in 0..PIECES {
            let from = match size > PIECES * PIECE {
                true => size / PIECES * piece,
                false => PIECE * piece,
            };
            if from >= size {
                break;
            }
            text.clear();
            self.store.read(from, size.min(from + PIECE), &mut scratch, &mut text)?;
            digest.update(&text);
        }
        Ok(digest.finish())
    }

    /// Puts the block's bases into `out`, upper-case.
    fn load(&self, sequence: Sequence, block: u64, cursor: &mut Buffers) -> Result<()> {
        let entry = self.index.entries.get(sequence.number).ok_or_else(|| Error::internal("a sequence of another reference"))?;
        let (start, end) = (block * self.block, entry.length.min((block + 1) * self.block));
        let Buffers { text, bases, scratch } = cursor;
        text.clear();
        bases.clear();
        if start >= end {
            return Ok(());
        }
        self.store.read(entry.offset_of(start), entry.offset_of(end - 1) + 1, scratch, text)?;
        let (mut rest, mut at) = (text.as_slice(), start);
        while at < end {
            let run = (end - at).min(entry.line_bases.max(1) - at % entry.line_bases.max(1)) as usize;
            let line = rest.get(..run).ok_or_else(|| self.unfit())?;
            bases.extend(line.iter().map(u8::to_ascii_uppercase));
            let ending = usize::try_from(entry.line_width.saturating_sub(entry.line_bases)).unwrap_or(usize::MAX);
            rest = rest.get(run.saturating_add(ending)..).unwrap_or_default();
            at += run as u64;
        }
        // Letters, gaps and stops are what a sequence is made of; line ends and names are not.
        let base = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'*');
        if bases.iter().fold(true, |all, byte| all & base(byte)) { Ok(()) } else { Err(self.unfit()) }
    }

    /// There are no bases where they should be: the index's fault where there is one, else the file's.
    fn unfit(&self) -> Error {
        match self.indexed_here {
            false => Error::input("the reference's .fai index does not fit the FASTA: there are no bases where it says")
                .with_hint("write it anew with `samtools faidx REFERENCE`"),
            true => Error::input("the reference is not a FASTA file of bases: a sequence holds digits or other marks")
                .with_hint("name the FASTA with the reference's sequences, or copy it anew"),
        }
    }
}

#[derive(Default)]
struct Buffers {
    text: Vec<u8>,
    bases: Vec<u8>,
    scratch: Scratch,
}

/// A block of bases.
struct Kept {
    sequence: usize,
    block: u64,
    bases: Vec<u8>,
}

/// Reads one reference, keeping the blocks it was at last. One a thread.
#[derive(Default)]
pub struct Cursor {
    kept: Vec<Kept>,
    buffers: Buffers,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl Cursor {
    /// The base at `at` (0-based) and those that follow it in its block: upper-case, with the file's ambiguity codes. Empty
    /// behind the sequence's end.
    ///
    /// # Errors
    /// Class `input` when the file cannot be read or is not what its index says.
    #[inline]
    pub fn bases<'a>(&'a mut self, fasta: &Fasta, sequence: Sequence, at: u64) -> Result<&'a [u8]> {
        let block = at / fasta.block;
        let here = |kept: &Kept| kept.sequence == sequence.number && kept.block == block;
        if !self.kept.first().is_some_and(here) {
            match self.kept.iter().position(here) {
                Some(found) => self.kept.swap(0, found),
                None => self.load(fasta, sequence, block)?,
            }
        }
        Ok(self.kept.first().and_then(|kept| kept.bases.get((at % fasta.block) as usize..)).unwrap_or_default())
    }

    #[cold]
    fn load(&mut self, fasta: &Fasta, sequence: Sequence, block: u64) -> Result<()> {
        fasta.load(sequence, block, &mut self.buffers)?;
        let mut kept = match self.kept.len() >= KEPT {
            true => self.kept.pop(),
            false => None,
        }
        .unwrap_or_else(|| Kept { sequence: 0, block: 0, bases: Vec::new() });
        (kept.sequence, kept.block) = (sequence.number, block);
        std::mem::swap(&mut kept.bases, &mut self.buffers.bases);
        self.kept.insert(0, kept);
        Ok(())
    }
}
