//! Files of regions as `-R` takes them, into the words of `regions`. It must not know contigs.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Reads a file of regions: BED when its name says so, else names, regions, or columns CHROM POS [END], as bcftools does.
pub fn read(file: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::named_file(format_args!("-R {}", file.display()), &error);
    let stored = std::fs::read(file).map_err(failed)?;
    let mut text = String::new();
    match stored.starts_with(&[0x1f, 0x8b]) {
        true => flate2::read::MultiGzDecoder::new(stored.as_slice()).read_to_string(&mut text).map(|_| ()),
        false => stored.as_slice().read_to_string(&mut text).map(|_| ()),
    }
    .map_err(failed)?;
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let bed = name.ends_with(".bed") || name.ends_with(".bed.gz");
    let mut regions = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let word = line.split([' ', '\t']).next().unwrap_or_default();
        if line.is_empty() || line.starts_with('#') || (bed && matches!(word, "track" | "browser")) {
            continue;
        }
        let region = if bed { from_bed(line) } else { from_columns(line).map(Some) };
        let region = region.ok_or_else(|| {
            let columns = if bed { "CHROM BEGIN END" } else { "CHROM POS [END]" };
            Error::usage(format!("-R {}: line {}: not the columns {columns}", file.display(), number + 1))
        })?;
        regions.extend(region);
    }
    match regions.is_empty() {
        true => Err(Error::usage(format!("-R {}: it names no region", file.display()))),
        false => Ok(regions),
    }
}

/// `CHROM BEGIN END`, 0-based, half open, blanks or tabs between. An empty range holds no position.
fn from_bed(line: &str) -> Option<Option<String>> {
    let mut columns = line.split(['\t', ' ']).filter(|column| !column.is_empty());
    let contig = columns.next()?;
    let (begin, end) = (position(columns.next()?)?, position(columns.next()?)?);
    (begin <= end).then(|| (begin < end).then(|| format!("{}:{}-{end}", quoted(contig), begin + 1)))
}

/// `CHROM POS [END]`, 1-based, both ends included. A third column that is no number, such as a VCF's ID, is none.
fn from_columns(line: &str) -> Option<String> {
    let mut columns = line.split('\t');
    let contig = columns.next()?.trim();
    let Some(begin) = columns.next() else { return Some(contig.to_owned()) };
    let begin = position(begin)?;
    match columns.next().and_then(position) {
        None => Some(format!("{}:{begin}-{begin}", quoted(contig))),
        Some(end) => (begin <= end).then(|| format!("{}:{begin}-{end}", quoted(contig))),
    }
}

/// Commas may part thousands.
fn position(text: &str) -> Option<u64> {
    let mut groups = text.trim().split(',');
    let first = groups.next()?;
    let grouped = text.contains(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let fits =
        digits(first) && (!grouped || (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3 && digits(group));
    fits.then(|| text.trim().replace(',', "").parse().ok())?
}

/// A name that holds a colon stands in braces, so that nothing in it is taken for a range.
fn quoted(contig: &str) -> String {
    if contig.contains(':') { format!("{{{contig}}}") } else { contig.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn of(name: &str, bytes: &[u8]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        read(&folder.path().join(name))
    }

    #[test]
    fn bed_counts_from_nought_and_columns_from_one() {
        let bed = b"track name=x\n#c\nchr1\t0\t10\tgene\nHLA:01 5 6\r\nchr2\t7\t7\n\n";
        assert_eq!(of("a.bed", bed).unwrap(), ["chr1:1-10", "{HLA:01}:6-6"]);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bed).unwrap();
        assert_eq!(of("A.BED.gz", &packed.finish().unwrap()).unwrap(), ["chr1:1-10", "{HLA:01}:6-6"]);
        assert_eq!(of("c", b"1\t1,000\t2,000,000\n1:1,000-2,000\n").unwrap(), ["1:1000-2000000", "1:1,000-2,000"]);
        assert!(of("c", b"1\t1,00\t2\n").is_err());
        let columns = b"chr1\t3\t10\nchr2\t7\nchr3\nchr4:5-\nHLA:01\t2\t2\nchr5\t8\trs1\tA\n";
        let expected = ["chr1:3-10", "chr2:7-7", "chr3", "chr4:5-", "{HLA:01}:2-2", "chr5:8-8"];
        assert_eq!(of("a.txt", columns).unwrap(), expected);
    }

    #[test]
    fn what_is_no_region_is_told_by_its_line() {
        let error = of("a.bed", b"chr1\t1\t2\nchr1\tSMITH\t3\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("SMITH"), "{error}");
        for (name, bytes) in [
            ("a.bed", &b"chr1\t5\t4\n"[..]),
            ("a.bed", b"chr1\n"),
            ("a.tsv", b"chr1\tx\n"),
            ("a.tsv", b"chr1\t5\t4\n"),
            ("a", b"#\n"),
        ] {
            assert_eq!(of(name, bytes).unwrap_err().class(), crate::error::Class::Usage);
        }
        assert_eq!(of("a", &[0xff, 0xfe]).unwrap_err().class(), crate::error::Class::Input);
    }
}
