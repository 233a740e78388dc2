//! The `#CHROM` line: eight fixed columns, FORMAT, samples (VCF 4.3 section 1.5). It must not know other lines.

use std::collections::HashSet;

use super::model::Header;
use crate::error::{Error, Result};
use crate::sensitive::Sensitive;

const FIXED: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];

/// Reads the line that the header has come to. What it tolerates it books.
pub(super) fn read(header: &mut Header, line: &[u8]) -> Result<()> {
    let at = header.line_count;
    let text = std::str::from_utf8(line).map_err(|_| Error::input(format!("line {at}: the `#CHROM` line is not UTF-8")))?;
    let whole = text;
    let text = text.trim_end_matches(['\t', ' ']);
    if text.len() < whole.len() {
        header.forgive("the `#CHROM` line ends in tabs or blanks, which are passed over");
    }
    let names: Vec<&str> = text.split('\t').collect();
    if names.first() != Some(&"#CHROM") || names.len() < FIXED.len() {
        let hint = if text.starts_with("#CHROM ") { "separate its columns by tabs, not blanks" } else { "see VCF section 1.5" };
        return Err(Error::input(format!("line {at}: the `#CHROM` line does not have the eight fixed columns")).with_hint(hint));
    }
    if names[..FIXED.len()] != FIXED {
        header.tolerate("the fixed columns of the `#CHROM` line have other names than the specification's".into());
    }
    if names.len() > 8 && names[8] != "FORMAT" {
        let what = format!("line {at}: column 9 of the `#CHROM` line is not FORMAT");
        return Err(Error::input(what).with_hint("see VCF section 1.5"));
    }
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate().skip(9) {
        if name.is_empty() || name.contains('\0') {
            return Err(Error::input(format!("line {at}: column {} of the `#CHROM` line has no sample name", i + 1))
                .with_hint("name every sample"));
        }
        if !seen.insert(*name) {
            return Err(Error::input(format!("line {at}: column {} of the `#CHROM` line repeats a sample name", i + 1))
                .with_hint("rename one of them, such as with `bcftools reheader -s`"));
        }
    }
    header.columns = names.len();
    header.samples = names.iter().skip(9).map(|name| Sensitive::new((*name).to_owned())).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";

    fn parsed(line: &str) -> Result<Header> {
        Header::parse(format!("##fileformat=VCFv4.2\n{line}\n").as_bytes())
    }

    #[test]
    fn white_space_at_the_end_is_no_column() {
        for (rest, columns, samples) in [
            ("\t", 8, 0),
            (" ", 8, 0),
            ("\t\t \r", 8, 0),
            ("\tFORMAT\t", 9, 0),
            ("\tFORMAT\tS1\t", 10, 1),
            ("\tFORMAT\tS1\tS 2 ", 11, 2),
        ] {
            let header = parsed(&format!("{COLUMNS}{rest}")).unwrap();
            assert_eq!((header.columns, header.samples.len(), header.oddities.len()), (columns, samples, 1), "{rest:?}");
            assert!(header.notices[0].contains("tabs or blanks"));
            assert!(header.samples.iter().all(|name| !name.expose().ends_with([' ', '\t'])));
        }
        assert!(parsed(COLUMNS).unwrap().oddities.is_empty());
        assert!(parsed(&format!("{COLUMNS}\tFORMAT\t\tS2")).is_err(), "a sample without a name in the middle");
    }

    #[test]
    fn a_repeated_sample_is_refused_without_its_name() {
        let error = parsed(&format!("{COLUMNS}\tFORMAT\tDOE_JANE\tB\tDOE_JANE")).unwrap_err();
        assert_eq!(error.to_string(), "line 2: column 12 of the `#CHROM` line repeats a sample name");
    }
}
