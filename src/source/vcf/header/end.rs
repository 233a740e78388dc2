//! Where a header ends. It must not know what is in it.

use crate::error::{Error, Result};
use crate::source::vcf::limits::MAX_HEADER;

/// Broken lines a header may have before it is no header.
const MOST_BROKEN: usize = 1000;

/// Where the header ends in `text`: behind the line ending of the `#CHROM` line. `None` while more text is needed. Lines that
/// are neither are passed over unless they have a record's columns.
pub(crate) fn end_of(text: &[u8], ended: bool) -> Result<Option<usize>> {
    let (mut at, mut number, mut broken) = (0, 0, 0);
    loop {
        number += 1;
        let Some(line) = text.get(at..).filter(|rest| !rest.is_empty()) else {
            return if ended { Err(no_column_line(None)) } else { Ok(None) };
        };
        let end = match memchr::memchr(b'\n', line) {
            Some(end) => end + 1,
            None if ended => line.len(),
            None if text.len() > MAX_HEADER => return Err(Error::input("the header is longer than 512 MiB")),
            None => return Ok(None),
        };
        let line = &line[..end];
        match line {
            [b'#', b'#', ..] => {}
            line if is_column_line(line) => return Ok(Some(at + end)),
            line if has_columns(line) || broken > MOST_BROKEN => return Err(no_column_line(Some(number))),
            _ => broken += 1,
        }
        at += end;
    }
}

fn has_columns(line: &[u8]) -> bool {
    memchr::memchr_iter(b'\t', line).count() >= 7
}

pub(super) fn is_column_line(line: &[u8]) -> bool {
    line.starts_with(b"#CHROM") || (line.starts_with(b"#") && !line.starts_with(b"##") && has_columns(line))
}

fn no_column_line(record: Option<usize>) -> Error {
    let what = "the header has no `#CHROM` line";
    let error = match record {
        Some(line) => Error::input(format!("line {line}: {what} before it")),
        None => Error::input(what),
    };
    error.with_hint("restore it: `#CHROM`, `POS`, … separated by tabs (VCF section 1.5)")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";

    #[test]
    fn the_end_is_found_in_pieces() {
        let text = format!("##a=b\n\n{COLUMNS}\n1\t2\n");
        let end = 7 + COLUMNS.len() + 1;
        for cut in 0..text.len() {
            let found = end_of(&text.as_bytes()[..cut], false).unwrap();
            assert_eq!(found, (cut >= end).then_some(end), "{cut}");
        }
        let record = end_of(b"##a=b\n1\t1\t.\tA\tC\t.\t.\t.\n", false).unwrap_err();
        assert_eq!(record.to_string(), "line 2: the header has no `#CHROM` line before it");
        assert!(end_of(&b"x\n".repeat(2000), false).is_err());
        assert!(end_of(b"##a=b\n", true).is_err());
        assert_eq!(end_of(COLUMNS.as_bytes(), true).unwrap(), Some(COLUMNS.len()));
    }
}
