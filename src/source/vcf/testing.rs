//! What the tests of this room share: a BGZF writer. It must not be built outside tests.

use libdeflater::{CompressionLvl, Compressor};

use super::split::bgzf::EOF_BLOCK;

/// `text` as BGZF with `block` bytes of text a block, and the end-of-file block.
pub(crate) fn bgzf(text: &[u8], block: usize) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = Vec::new();
    for chunk in text.chunks(block) {
        let mut data = vec![0; compressor.deflate_compress_bound(chunk.len())];
        let length = compressor.deflate_compress(chunk, &mut data).unwrap();
        let size = u16::try_from(18 + length + 8 - 1).unwrap();
        out.extend_from_slice(&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, b'B', b'C', 2, 0]);
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&data[..length]);
        out.extend_from_slice(&libdeflater::crc32(chunk).to_le_bytes());
        out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
    }
    out.extend_from_slice(&EOF_BLOCK);
    out
}
