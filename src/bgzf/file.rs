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

/// Something stands behind the end-of-file block.
pub fn garbage() -> Error {
    without(Error::input("something that is not BGZF follows the end-of-file block"))
}

/// How to get rid of what stands behind compressed data: `gzip` ignores it, with a warning.
pub fn without(error: Error) -> Error {
    error.with_hint(
        "if the text before it is whole (`gzip -dc FILE` shows it), write it anew: `gzip -dc FILE | bgzip > NEW.vcf.gz`",
    )
}

/// Where the blocks of a file of `size` bytes end: behind the end-of-file block, which only zero bytes may follow, as tapes and
/// object stores append them.
///
/// # Errors
/// Class `input` when there is no such block: the file was cut at a block's border, or something else was appended to it.
pub fn blocks_end(file: &File, size: u64) -> Result<u64> {
    let zeros = EOF_BLOCK.iter().rev().take_while(|byte| **byte == 0).count();
    let end = (without_zeros(file, size)? + zeros as u64).min(size);
    let mut tail = vec![0; MAX_BLOCK.min(usize::try_from(end).unwrap_or(MAX_BLOCK))];
    let from = end - tail.len() as u64;
    let read = read_full(file, &mut tail, from)?;
    let tail = &tail[..read];
    if tail.ends_with(&EOF_BLOCK) {
        return Ok(end);
    }
    let behind = memchr::memmem::rfind(tail, &EOF_BLOCK).and_then(|at| tail.get(at + EOF_BLOCK.len()..));
    if behind.is_some_and(|bytes| block_header(bytes).is_none()) {
        return Err(garbage());
    }
    Err(Error::input("the file is truncated: it does not end in the BGZF end-of-file block")
        .with_hint("copy the file again; if it is known to be whole, rewrite it: `gzip -dc FILE | bgzip > NEW.vcf.gz`"))
}

/// The size without zero bytes at the end.
fn without_zeros(file: &File, size: u64) -> Result<u64> {
    let (mut end, mut chunk) = (size, vec![0; MAX_BLOCK]);
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let read = read_full(file, &mut chunk[..(end - start) as usize], start)?;
        if let Some(at) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
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
    fn only_zero_bytes_may_follow_the_end_of_file_block() {
        let stored = pack(&b"chr1\t100\n".repeat(50), 100);
        let size = stored.len() as u64;
        let end = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut file, bytes).unwrap();
            blocks_end(&file, bytes.len() as u64).map_err(|error| error.to_string())
        };
        for zeros in [0, 1, 512, 3 * MAX_BLOCK] {
            assert_eq!(end(&[stored.clone(), vec![0; zeros]].concat()), Ok(size));
        }
        for garbage in [&b"garbage"[..], b"\0\0x", b"\n", &[1; 3000]] {
            assert!(end(&[&stored[..], garbage].concat()).unwrap_err().contains("not BGZF follows"));
        }
        for cut in [1, EOF_BLOCK.len(), EOF_BLOCK.len() + 5] {
            assert!(end(&stored[..stored.len() - cut]).unwrap_err().contains("truncated"));
        }
        let another = [&stored[..], &stored[..stored.len() - EOF_BLOCK.len()]].concat();
        assert!(end(&another).unwrap_err().contains("truncated"));
        assert!(end(&[0; 5000]).unwrap_err().contains("truncated"));
    }

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
