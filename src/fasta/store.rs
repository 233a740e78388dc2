//! The text of a FASTA file by offset, plain or BGZF. It must not know sequences.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bgzf::{Blocks, Inflater, is_block};
use super::files::{beside, of_the_reference, read_failed};
use crate::bgzf::read_full;
use crate::error::{Error, Result};

/// An open file and how its text is found.
#[derive(Debug)]
pub(super) struct Store {
    file: File,
    blocks: Option<Blocks>,
    /// Bytes of text.
    pub size: u64,
}

/// Buffers of one reader.
#[derive(Default)]
pub(super) struct Scratch {
    inflater: Option<Inflater>,
}

impl Store {
    /// Opens a file and tells by its first bytes what it is.
    ///
    /// # Errors
    /// Class `input`: not a file that can be read at any place, no FASTA, compressed otherwise than by BGZF, or damaged.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| read_failed(&error))?;
        let metadata = file.metadata().map_err(|error| read_failed(&error))?;
        if !metadata.is_file() {
            return Err(Error::input("the reference is not a regular file").with_hint("name a FASTA file, plain or bgzipped"));
        }
        let size = metadata.len();
        let mut head = [0; 512];
        let read = read_full(&file, &mut head, 0).map_err(of_the_reference)?;
        match head.get(..read).unwrap_or_default() {
            head if is_block(head) => {
                let blocks = Blocks::of(&file, size, Some(&beside(path, ".gzi")))?;
                Ok(Self { size: blocks.text, file, blocks: Some(blocks) })
            }
            [0x1f, 0x8b, ..] => Err(Error::input("the reference is compressed, but not in BGZF blocks")
                .with_hint("compress it with bgzip: gzip -dc REFERENCE | bgzip > REFERENCE.bgz")),
            _ => Ok(Self { file, blocks: None, size }),
        }
    }

    /// Is the text compressed, so that a small piece costs a whole block?
    pub(super) fn is_compressed(&self) -> bool {
        self.blocks.is_some()
    }

    /// Appends the text bytes `from..to`, which lie within [`Self::size`].
    pub(super) fn read(&self, from: u64, to: u64, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<()> {
        if to > self.size {
            return Err(changed());
        }
        if let Some(blocks) = &self.blocks {
            return blocks.read(&self.file, from, to, scratch.inflater.get_or_insert_with(Inflater::new), out);
        }
        let (before, length) = (out.len(), to.saturating_sub(from) as usize);
        out.resize(before + length, 0);
        self.file.read_exact_at(out.get_mut(before..).unwrap_or_default(), from).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => changed(),
            _ => read_failed(&error),
        })
    }
}

fn changed() -> Error {
    Error::input("the reference changed while it was read").with_hint("leave the FASTA alone while a load runs")
}
