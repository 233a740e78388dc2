//! Where a header ends. It must not know what is in it.

use crate::error::{Error, Result};
use crate::source::vcf::limits::Limits;

/// Broken lines a header may have before it is no header.
const MOST_BROKEN: usize = 1000;

/// Where the header ends in `text`: behind the line ending of the `#CHROM` line. `None` while more text is needed. Lines that
/// are neither are passed over unless they have a record's columns.
pub(crate) fn end_of(text: &[u8], ended: bool, limits: &Limits) -> Result<Option<usize>> {
    let (mut at, mut number, mut broken, mut counted) = (0, 0, 0, 0);
    loop {
        number += 1;
        let Some(line) = text.get(at..).filter(|rest| !rest.is_empty()) else {
            return if ended { Err(no_column_line(None)) } else { Ok(None) };
        };
        let whole = memchr::memchr(b'\n', line).map(|end| end + 1).or_else(|| ended.then_some(line.len()));
        counted += Limits::counted(whole.unwrap_or(line.len()));
        limits.check_header(counted)?;
        let Some(end) = whole else { return Ok(None) };
        let line = &line[..end];
        match line {
            [b'#', b'#', ..] => {}
            line if is_column_line(line) => {
                limits.check_samples(memchr::memchr_iter(b'\t', line).count().saturating_sub(8))?;
                return Ok(Some(at + end));
            }
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

    fn end_of(text: &[u8], ended: bool) -> Result<Option<usize>> {
        super::end_of(text, ended, &Limits::default())
    }

    #[test]
    fn more_than_a_header_may_hold_is_refused_naming_the_option() {
        let said = |text: &str, limits: &Limits| {
            let error = super::end_of(text.as_bytes(), false, limits).unwrap_err();
            format!("{error}: {}", error.hint().unwrap())
        };
        let small = Limits { header: 1 << 10, samples: 2, ..Limits::default() };
        for long in [format!("##x={}", "y".repeat(1100)), "##\n".repeat(17)] {
            assert!(said(&long, &small).contains("longer than 1 KiB") && said(&long, &small).contains("limits.header"));
            assert!(super::end_of(&long.as_bytes()[..900.min(long.len() - 3)], false, &small).is_ok());
        }
        assert!(said(&format!("{COLUMNS}\tFORMAT\tA\tB\tC\n"), &small).contains("limits.samples"));
        assert!(super::end_of(format!("{COLUMNS}\tFORMAT\tA\tB\n").as_bytes(), false, &small).unwrap().is_some());
    }

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
