//! In front of the records: magic, version and the header's text (VCF 4.5 section 6.2). It must not know records.

use super::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::source::vcf::header::{Header, end_of};
use crate::source::vcf::limits::Limits;

/// Bytes before the header's text: magic, version and the text's length.
const PREFIX: usize = 9;

/// The minor version of BCF 2 that `bytes` begin with. `None`: this is no BCF at all.
pub(crate) fn version(bytes: &[u8]) -> Option<Result<u8>> {
    let convert = "convert it with `bcftools view -O b -o NEW.bcf FILE.bcf`";
    match bytes {
        [b'B', b'C', b'F', 2, minor @ (1 | 2), ..] => Some(Ok(*minor)),
        [b'B', b'C', b'F', 2, minor, ..] => {
            Some(Err(Error::input(format!("this is BCF 2.{minor}: 2.1 and 2.2 are known")).with_hint(convert)))
        }
        [b'B', b'C', b'F', 4, ..] => Some(Err(Error::input("this is BCF 1, which is not read")
            .with_hint("convert it with a bcftools of version 0.1.19: `bcftools view FILE.bcf | bgzip > FILE.vcf.gz`"))),
        [b'B', b'C', b'F', ..] => Some(Err(Error::input("this is BCF of an unknown version").with_hint(convert))),
        _ => None,
    }
}

/// The header's text and how many bytes magic, version, length and text take. `None` while more bytes are needed.
pub(crate) fn header<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<(&'a [u8], usize)>> {
    let Some([a, b, c, d]) = bytes.get(PREFIX - 4..PREFIX) else { return Ok(None) };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    limits.check_header(length)?;
    let Some(text) = bytes.get(PREFIX..PREFIX + length) else { return Ok(None) };
    let text = text.get(..memchr::memchr(0, text).unwrap_or(length)).unwrap_or(text);
    Ok(Some((text, PREFIX + length)))
}

/// Reads the header's text: what it means for VCF and BCF alike, without the IDX attributes, and the dictionaries. Its lines do not count: records are numbered, not lines.
pub(crate) fn read_header(text: &[u8], minor: u8, limits: &Limits) -> Result<(Header, Dictionary)> {
    let text = &text[..end_of(text, true, limits)?.unwrap_or(text.len())];
    let dictionary = Dictionary::of(&Header::parse_binary(text)?, minor == 1)?;
    Ok((Header { line_count: 0, ..Header::parse_binary(&without_idx(text))? }, dictionary))
}

/// The text without the IDX at the end of lines: BCF's own, dropped where it becomes VCF (VCF 4.5 section 6.2.1).
pub(super) fn without_idx(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let digits = |at: &usize| {
            let number = line[at + 5..].trim_ascii_end().strip_suffix(b">");
            number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        };
        match memchr::memmem::rfind(line, b",IDX=").filter(digits) {
            Some(at) => {
                let close = at + memchr::memchr(b'>', &line[at..]).unwrap_or(0);
                out.extend_from_slice(&line[..at]);
                out.extend_from_slice(&line[close..]);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// The input ended inside the header.
pub(crate) fn header_cut() -> Error {
    Error::input("the input is truncated: it ends inside the BCF header").with_hint("copy the file again")
}
