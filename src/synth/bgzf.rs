//! BGZF: gzip in blocks of at most 64 KiB, with the end-of-file block (SAM specification, section 4.1).
//! It must not know what is compressed.

use std::io::{self, Write};

use libdeflater::{CompressionLvl, Compressor};

/// Text per block, as htslib cuts it: even incompressible bytes then fit in 64 KiB with header and trailer.
const BLOCK: usize = 0xff00;
const HEADER: usize = 18;
const TRAILER: usize = 8;
/// The empty block that says the file is whole.
pub const END_OF_FILE: [u8; 28] = *b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\x1b\0\x03\0\0\0\0\0\0\0\0\0";

/// Compresses what is written. Only [`Writer::finish`] writes the end-of-file block, so that a file whose writer was dropped shows
/// that it is cut. `flush` ends the current block early.
pub struct Writer<W: Write> {
    inner: W,
    compressor: Compressor,
    pending: Vec<u8>,
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Compresses into `inner`, fast (libdeflate level 3).
    pub fn new(inner: W) -> Self {
        let level = CompressionLvl::new(3).unwrap_or_default();
        let mut compressor = Compressor::new(level);
        let room = HEADER + TRAILER + compressor.deflate_compress_bound(BLOCK);
        Self { inner, compressor, pending: Vec::with_capacity(BLOCK), block: vec![0; room] }
    }

    /// Writes what is pending and the end-of-file block; gives the inner writer back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        self.inner.write_all(&END_OF_FILE)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let size = self
            .compressor
            .deflate_compress(&self.pending, &mut self.block[HEADER..])
            .map_err(|_| io::Error::other("the compressor found its buffer too small"))?;
        let total = HEADER + size + TRAILER;
        let last = u16::try_from(total - 1).map_err(|_| io::Error::other("a block does not fit in 64 KiB"))?;
        self.block[..16].copy_from_slice(&END_OF_FILE[..16]);
        self.block[16..HEADER].copy_from_slice(&last.to_le_bytes());
        self.block[HEADER + size..HEADER + size + 4].copy_from_slice(&libdeflater::crc32(&self.pending).to_le_bytes());
        self.block[HEADER + size + 4..total].copy_from_slice(&(self.pending.len() as u32).to_le_bytes());
        self.inner.write_all(&self.block[..total])?;
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.pending.len()));
            self.pending.extend_from_slice(now);
            if self.pending.len() == BLOCK {
                self.end_block()?;
            }
            rest = later;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end_block()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn text_comes_back_and_the_file_ends_with_the_marker() {
        let text: Vec<u8> = (0..300_000_u32).map(|i| (super::super::random::mix(u64::from(i / 3)) >> 7) as u8).collect();
        let mut writer = Writer::new(Vec::new());
        for piece in text.chunks(12_345) {
            writer.write_all(piece).unwrap();
        }
        let bytes = writer.finish().unwrap();
        assert!(bytes.ends_with(&END_OF_FILE));
        assert_eq!(inflate(&bytes), text);
    }

    #[test]
    fn every_block_says_its_own_size() {
        let mut writer = Writer::new(Vec::new());
        writer.write_all(&vec![b'A'; 200_000]).unwrap();
        writer.flush().unwrap();
        writer.write_all(b"tail").unwrap();
        let bytes = writer.finish().unwrap();
        let (mut at, mut blocks) = (0, 0);
        while at < bytes.len() {
            assert_eq!(bytes[at..at + 4], [0x1f, 0x8b, 8, 4]);
            at += usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1;
            blocks += 1;
        }
        assert_eq!((at, blocks), (bytes.len(), 6));
    }

    #[test]
    fn incompressible_text_still_fits_a_block() {
        let text: Vec<u8> = (0..BLOCK as u64 * 2).map(|i| super::super::random::mix(i) as u8).collect();
        let mut writer = Writer::new(Vec::new());
        writer.write_all(&text).unwrap();
        assert_eq!(inflate(&writer.finish().unwrap()), text);
    }
}
