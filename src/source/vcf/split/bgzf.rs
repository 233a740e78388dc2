//! BGZF blocks (SAMv1 section 4.1): recognizing, inflating and checking one, and finding the first behind an offset.
//! It must not know what the text is.

use std::fs::File;
use std::os::unix::fs::FileExt;

use libdeflater::Decompressor;

use super::buffer::TextBuf;
use super::failed::read_failed;
use crate::error::{Error, Result};

/// The empty block every BGZF file ends in (SAMv1 section 4.1.2).
pub(crate) const EOF_BLOCK: [u8; 28] =
    [0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Bytes that hold a block's header when its extra field holds nothing but BSIZE.
pub(crate) const HEADER: usize = 18;

/// A block, stored or inflated, never exceeds this.
pub(crate) const MAX_BLOCK: usize = 1 << 16;

/// Blocks that must follow each other before an offset counts as a block's start.
const CHAIN: usize = 4;

/// What a block's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Stored bytes, header and trailer included.
    pub size: usize,
    /// Where the deflated data begin.
    pub data: usize,
}

/// Reads a block's header: gzip with the extra subfield `BC` of two bytes. `None` when it is none, or too short to tell.
pub(crate) fn block_header(bytes: &[u8]) -> Option<Block> {
    let [0x1f, 0x8b, 0x08, 0x04, _, _, _, _, _, _, xlen_low, xlen_high, extra @ ..] = bytes else { return None };
    let xlen = usize::from(u16::from_le_bytes([*xlen_low, *xlen_high]));
    let mut fields = extra.get(..xlen)?;
    while let [id1, id2, low, high, rest @ ..] = fields {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if (*id1, *id2, length) == (b'B', b'C', 2) {
            let [low, high, ..] = rest else { return None };
            let size = usize::from(u16::from_le_bytes([*low, *high])) + 1;
            let data = 12 + xlen;
            return (size >= data + 8).then_some(Block { size, data });
        }
        fields = rest.get(length..)?;
    }
    None
}

/// Inflates a whole block behind the buffer's text and checks length and CRC32. The error is the reason in fixed words.
pub(crate) fn inflate(
    decompressor: &mut Decompressor,
    stored: &[u8],
    block: Block,
    out: &mut TextBuf,
) -> std::result::Result<usize, &'static str> {
    let (body, trailer) = stored.split_at_checked(block.size - 8).ok_or("a block is cut off")?;
    let [c0, c1, c2, c3, n0, n1, n2, n3, ..] = trailer else { return Err("a block is cut off") };
    let crc = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
    let length = u32::from_le_bytes([*n0, *n1, *n2, *n3]) as usize;
    if length > MAX_BLOCK {
        return Err("a block claims more than 64 KiB of text");
    }
    let data = body.get(block.data..).ok_or("a block is cut off")?;
    let room = out.room(length);
    match decompressor.deflate_decompress(data, room) {
        Ok(inflated) if inflated == length => {}
        _ => return Err("a block does not inflate"),
    }
    if libdeflater::crc32(room) != crc {
        return Err("a block's checksum does not match");
    }
    out.filled(length);
    Ok(length)
}

/// A damaged block, by its file offset.
pub(crate) fn damaged(reason: &str, offset: u64) -> Error {
    Error::input(format!("the BGZF file is damaged: {reason}, at byte {offset}"))
        .with_hint("copy the file again, or compare its checksum with the origin's")
}

/// Fails when the file does not end in the EOF block: it was cut at a block border, or something was appended to it.
pub(crate) fn check_end(file: &File, size: u64) -> Result<()> {
    let mut tail = [0; EOF_BLOCK.len()];
    let at = size.checked_sub(tail.len() as u64);
    let whole = match at {
        Some(at) => file.read_exact_at(&mut tail, at).map_err(|e| read_failed(&e)).map(|()| tail == EOF_BLOCK)?,
        None => false,
    };
    if whole {
        return Ok(());
    }
    Err(Error::input("the file is truncated: it does not end in the BGZF end-of-file block")
        .with_hint("copy the file again; if it is known to be whole, rewrite it with `bgzip -d | bgzip`"))
}

/// The first offset from `from` on where a chain of blocks begins; `size` when there is none. Blocks are at most 64 KiB, so
/// that much is searched.
pub(crate) fn find_start(file: &File, from: u64, size: u64) -> Result<u64> {
    if from >= size {
        return Ok(size);
    }
    let mut window = vec![0; MAX_BLOCK + HEADER];
    let read = read_full(file, &mut window, from)?;
    let window = &window[..read];
    for at in memchr::memchr_iter(0x1f, window) {
        if block_header(&window[at..]).is_some() && is_chain(file, from + at as u64, size)? {
            return Ok(from + at as u64);
        }
    }
    if from + read as u64 >= size { Ok(size) } else { Err(damaged("no block begins within 64 KiB", from)) }
}

fn is_chain(file: &File, start: u64, size: u64) -> Result<bool> {
    let (mut at, mut header) = (start, [0; 64]);
    for _ in 0..CHAIN {
        if at == size {
            return Ok(true);
        }
        let read = read_full(file, &mut header, at)?;
        match block_header(&header[..read]) {
            Some(block) if at + block.size as u64 <= size => at += block.size as u64,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Fills `out` from `at` on as far as the file goes.
pub(crate) fn read_full(file: &File, out: &mut [u8], at: u64) -> Result<usize> {
    let mut filled = 0;
    while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_failed(&error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::bgzf;
    use super::*;

    #[test]
    fn the_eof_block_is_a_block_of_nothing() {
        let block = block_header(&EOF_BLOCK).unwrap();
        assert_eq!(block, Block { size: 28, data: 18 });
        let mut out = TextBuf::default();
        assert_eq!(inflate(&mut Decompressor::new(), &EOF_BLOCK, block, &mut out), Ok(0));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let stored = bgzf(&b"chr1\t100\n".repeat(50), 1000);
        let block = block_header(&stored).unwrap();
        for at in [20, block.size - 8, block.size - 4] {
            let mut damaged = stored.clone();
            damaged[at] ^= 1;
            assert!(inflate(&mut Decompressor::new(), &damaged[..block.size], block, &mut TextBuf::default()).is_err());
        }
    }

    #[test]
    fn every_offset_finds_the_next_block() {
        let stored = bgzf(&(0..4000u32).flat_map(|i| format!("{i}\n").into_bytes()).collect::<Vec<_>>(), 700);
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &stored).unwrap();
        let (mut starts, mut at) = (Vec::new(), 0);
        while at < stored.len() {
            starts.push(at as u64);
            at += block_header(&stored[at..]).unwrap().size;
        }
        let size = stored.len() as u64;
        for from in 0..size {
            let next = starts.iter().copied().find(|start| *start >= from).unwrap_or(size);
            assert_eq!(find_start(&file, from, size).unwrap(), next);
        }
    }
}
