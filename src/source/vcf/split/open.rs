//! Opens an input and tells its container from the first bytes, never from the name. It must not know what is in the header.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use libdeflater::Decompressor;

use super::bgzf;
use super::buffer::TextBuf;
use super::stream::StreamText;
use crate::bgzf::read_failed;
use crate::error::{Error, Result};
use crate::source::vcf::bcf;

/// How an input is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Plain,
    Bgzf,
    /// gzip that is not BGZF; also several members one after the other.
    Gzip,
}

impl Container {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Container::Plain => "plain",
            Container::Bgzf => "bgzf",
            Container::Gzip => "gzip",
        }
    }
}

/// An input, open.
pub(crate) struct Opened {
    pub container: Container,
    /// It holds BCF 2 of this minor version, not text.
    pub bcf: Option<u8>,
    pub access: Access,
}

pub(crate) enum Access {
    /// A file that can be read from anywhere, its size in bytes, and how many of them hold data: zero bytes may follow.
    File(Arc<File>, u64, u64),
    /// Something that is read once, from front to back.
    Stream(StreamText),
}

/// Opens a file or pipe; `None` is standard input.
pub(crate) fn open(path: Option<&Path>) -> Result<Opened> {
    let Some(path) = path else { return sniff_stream(Box::new(std::io::stdin())) };
    let file = File::open(path).map_err(|e| read_failed(&e))?;
    let metadata = file.metadata().map_err(|e| read_failed(&e))?;
    if metadata.is_dir() {
        return Err(Error::input("this is a directory, not a file").with_hint("name the files in it, such as `folder/*.vcf.gz`"));
    }
    if !metadata.is_file() {
        return sniff_stream(Box::new(file));
    }
    let size = metadata.len();
    let mut first = vec![0; bgzf::MAX_BLOCK];
    let read = bgzf::read_full(&file, &mut first, 0)?;
    first.truncate(read);
    let (container, bcf) = sniff(&first)?;
    let end = if container == Container::Bgzf { bgzf::blocks_end(&file, size)? } else { size };
    Ok(Opened { container, bcf, access: Access::File(Arc::new(file), size, end) })
}

fn sniff_stream(mut read: Box<dyn Read + Send>) -> Result<Opened> {
    let mut first = Vec::new();
    read.by_ref().take(bgzf::MAX_BLOCK as u64).read_to_end(&mut first).map_err(|e| read_failed(&e))?;
    let (container, bcf) = sniff(&first)?;
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(first).chain(read));
    let text = match container {
        Container::Plain => StreamText::plain(whole),
        Container::Bgzf => StreamText::bgzf(whole),
        Container::Gzip => StreamText::gzip(whole),
    };
    Ok(Opened { container, bcf, access: Access::Stream(text) })
}

/// A file read through its own position, so that several readers can share it.
pub(crate) struct FromStart {
    file: Arc<File>,
    at: u64,
}

impl FromStart {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for FromStart {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = std::os::unix::fs::FileExt::read_at(&*self.file, out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The container, and the minor version where BCF is in it.
fn sniff(first: &[u8]) -> Result<(Container, Option<u8>)> {
    if first.is_empty() {
        return Err(Error::input("the file is empty").with_hint("a VCF has at least a `#CHROM` line"));
    }
    if let Some(block) = bgzf::block_header(first) {
        let mut text = TextBuf::default();
        bgzf::inflate(&mut Decompressor::new(), first, block, &mut text).map_err(|reason| bgzf::damaged(reason, 0))?;
        return Ok((Container::Bgzf, known(text.waiting())?));
    }
    if first.starts_with(&[0x1f, 0x8b]) {
        let mut text = [0; 5];
        let mut decoder = flate2::read::GzDecoder::new(first);
        let read = decoder.read(&mut text).unwrap_or(0);
        return Ok((Container::Gzip, known(&text[..read])?));
    }
    Ok((Container::Plain, known(first)?))
}

/// Tells BCF from VCF text and refuses what is neither, with the way out. Nothing at all is left to the header's reader.
fn known(text: &[u8]) -> Result<Option<u8>> {
    if let Some(version) = bcf::version(text) {
        return version.map(Some);
    }
    let to_vcf = |what: &'static str, hint: &'static str| Err(Error::input(what).with_hint(hint));
    match text {
        [] | [b'#', ..] => Ok(None),
        [b'B', b'A', b'M', 1, ..] => to_vcf("this is BAM: alignments, not variants", "call variants first"),
        [b'C', b'R', b'A', b'M', ..] => to_vcf("this is CRAM: alignments, not variants", "call variants first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => to_vcf("this is zstd-compressed", "recompress it: `zstd -dc FILE | bgzip > FILE.vcf.gz`"),
        [b'B', b'Z', b'h', ..] => to_vcf("this is bzip2-compressed", "recompress it: `bzip2 -dc FILE | bgzip > FILE.vcf.gz`"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            to_vcf("this is xz-compressed", "recompress it: `xz -dc FILE | bgzip > FILE.vcf.gz`")
        }
        [b'P', b'K', 3, 4, ..] => to_vcf("this is a zip archive", "unpack it first"),
        [0xef, 0xbb, 0xbf, ..] => to_vcf("the file begins with a byte-order mark", "save it as UTF-8 without one"),
        _ => to_vcf("this is not VCF: it does not begin with `#`", "check that this is the right file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgzf::pack as bgzf;

    fn refused(bytes: &[u8]) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        let error = open(Some(file.path())).err().unwrap();
        assert_eq!(error.class(), crate::error::Class::Input);
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn what_is_no_vcf_is_named() {
        assert!(refused(b"").contains("empty"));
        assert!(refused(b"BCF\x04").contains("BCF 1"));
        assert!(refused(&bgzf(b"BCF\x02\x07", 100)).contains("BCF 2.7"));
        assert!(refused(&bgzf(b"BAM\x01", 100)).contains("BAM"));
        assert!(refused(&[0x28, 0xb5, 0x2f, 0xfd, 0]).contains("zstd"));
        assert!(refused(b"CRAM\x03\x00").contains("CRAM"));
        assert!(refused(b"chrom,pos\n").contains("not VCF"));
        assert!(refused(&bgzf(b"name of a person\n", 100)).contains("not VCF"));
    }

    /// Defect 3 of the predecessor: BGZF cut at a block border was loaded as complete.
    #[test]
    fn a_cut_at_a_block_border_shows() {
        let whole = bgzf(&b"#\n".repeat(500), 100);
        assert!(refused(&whole[..whole.len() - 28]).contains("truncated"));
        assert!(refused(&[&whole[..], b"garbage"].concat()).contains("not BGZF follows"));
        assert!(refused(&whole[..25]).contains("damaged"));
    }

    #[test]
    fn a_directory_and_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(Some(folder.path())).err().unwrap().to_string().contains("directory"));
        let missing = open(Some(&folder.path().join("patient-name.vcf"))).err().unwrap();
        assert_eq!(missing.to_string(), "no such file");
    }
}
