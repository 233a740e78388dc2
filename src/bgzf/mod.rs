//! BGZF (SAM specification, section 4.1): gzip in blocks of at most 64 KiB, so that a file can be read from anywhere. It must not know
//! what is compressed.
//!
//! Reading is our own: noodles' readers take a file that lacks its end-of-file block for a whole one and find no block behind an
//! arbitrary offset, on which both partitions and the check for cut files rest. Writing is noodles'.

mod block;
mod failed;
mod file;
mod writer;

pub use block::{Block, EOF_BLOCK, HEADER, MAX_BLOCK, block_header, inflate, text_length};
pub use failed::read_failed;
pub use file::{blocks_end, damaged, find_start, garbage, read_full, without};
pub use writer::Writer;

/// `text` as BGZF with `block` bytes of text a block, and the end-of-file block.
#[cfg(test)]
pub fn pack(text: &[u8], block: usize) -> Vec<u8> {
    use std::io::Write;
    let mut writer = Writer::new(Vec::new());
    for chunk in text.chunks(block) {
        writer.write_all(chunk).and_then(|()| writer.flush()).unwrap();
    }
    writer.finish().unwrap()
}
