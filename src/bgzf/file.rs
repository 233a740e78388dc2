//! Blocks in a file: whether it is whole, where the next block begins, and how failed reads are told. It must not know what the text is.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::block::{EOF_BLOCK, HEADER, MAX_BLOCK, block_header};
use super::failed::read_failed;
use crate::error::{Error, Result};

/// Blocks that must follow each other before an offset counts as a block's start.
const CHAIN: usize = 4;

/// A damaged block, by its file offset.
pub fn damaged(reason: &str, offset: u64) -> Error {
    Error::input(format!("the BGZF file is damaged: {reason}, at byte {offset}"))
        .with_hint("copy the file again, or compare its checksum with the origin's")
}

/// Fails when the file does not end in the EOF block: it was cut at a block border, or something was appended to it.
pub fn check_end(file: &File, size: u64) -> Result<()> {
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
pub fn find_start(file: &File, from: u64, size: u64) -> Result<u64> {
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
pub fn read_full(file: &File, out: &mut [u8], at: u64) -> Result<usize> {
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
    use super::*;
    use crate::bgzf::pack;

    #[test]
    fn every_offset_finds_the_next_block() {
        let stored = pack(&(0..4000u32).flat_map(|i| format!("{i}\n").into_bytes()).collect::<Vec<_>>(), 700);
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
