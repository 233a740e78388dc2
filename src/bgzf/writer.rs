//! Writes BGZF, by noodles' writer (libdeflate). It must not know what is compressed.

use std::io::{self, Write};

use noodles_bgzf::io::writer::{Builder, CompressionLevel};

/// Compresses what is written. Only [`Writer::finish`] writes the end-of-file block, so that a file whose writer was dropped shows
/// that it is cut. `flush` ends the current block early.
pub struct Writer<W: Write>(Option<noodles_bgzf::io::Writer<W>>);

impl<W: Write> Writer<W> {
    /// Compresses into `inner`, fast (libdeflate level 3).
    pub fn new(inner: W) -> Self {
        let level = CompressionLevel::new(3).unwrap_or_default();
        Self(Some(Builder::default().set_compression_level(level).build_from_writer(inner)))
    }

    /// Writes what is pending and the end-of-file block; gives the inner writer back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        let Some(mut inner) = self.0.take() else { return Err(finished()) };
        let ended = inner.try_finish();
        let mut inner = inner.into_inner();
        ended.and_then(|()| inner.flush()).map(|()| inner)
    }

    fn open(&mut self) -> io::Result<&mut noodles_bgzf::io::Writer<W>> {
        self.0.as_mut().ok_or_else(finished)
    }
}

fn finished() -> io::Error {
    io::Error::other("the BGZF file is finished")
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

/// noodles' own writer would end the file well.
impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        self.0.take().map(noodles_bgzf::io::Writer::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::bgzf::{EOF_BLOCK, block_header};

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
        text
    }

    /// Text that does not compress.
    fn noise(bytes: u64) -> Vec<u8> {
        (0..bytes).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8 ^ (i >> 8) as u8).collect()
    }

    #[test]
    fn text_comes_back_and_the_file_ends_with_the_marker() {
        let text = noise(300_000);
        let mut writer = Writer::new(Vec::new());
        for piece in text.chunks(12_345) {
            writer.write_all(piece).unwrap();
        }
        let bytes = writer.finish().unwrap();
        assert!(bytes.ends_with(&EOF_BLOCK));
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
            at += block_header(&bytes[at..]).unwrap().size;
            blocks += 1;
        }
        assert_eq!((at, blocks), (bytes.len(), 6));
    }

    #[test]
    fn a_writer_that_is_dropped_leaves_a_file_that_is_cut() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.write_all(&noise(200_000)).unwrap();
        drop(writer);
        assert!(!bytes.is_empty() && !bytes.ends_with(&EOF_BLOCK));
    }
}
