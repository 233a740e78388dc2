//! The header: `##` lines and the `#CHROM` line, read as tolerantly as is safe (VCF 4.0-4.5, section 1.4). It must not know
//! records; what it cannot make sense of it keeps as text and says so.

mod assembly;
pub(crate) mod infer;
mod line;
mod merge;
pub(crate) mod reserved;

use std::collections::HashSet;
use std::sync::Arc;

use crate::crypto::digest::sha256;
use crate::error::{Error, Result};
use crate::flow::{HeaderLine, Number, VcfType};
use crate::sensitive::Sensitive;
use crate::source::vcf::decode::Declared;

pub(crate) use line::pairs;
pub(crate) use merge::{Field, Fields, merge};

/// More header than this is no header.
pub(crate) const MAX_HEADER: usize = 1 << 29;

/// An INFO or FORMAT declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub id: String,
    pub number: Number,
    pub kind: VcfType,
    /// Not in the header: found in records or asked for.
    pub inferred: bool,
}

/// A contig the header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contig {
    pub id: String,
    pub length: Option<u64>,
}

/// A header, read.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// As declared, such as `VCFv4.2`; `undeclared` when there is no `##fileformat`.
    pub version: String,
    /// The minor version: 2 of 4.2.
    pub minor: u32,
    pub lines: Vec<HeaderLine>,
    pub info: Vec<Declaration>,
    pub formats: Vec<Declaration>,
    pub contigs: Vec<Contig>,
    pub filters: Vec<String>,
    pub samples: Vec<Sensitive<String>>,
    /// Columns every record must have.
    pub columns: usize,
    /// Lines, `#CHROM` included.
    pub line_count: u64,
    /// SHA-256 of the header's bytes.
    pub digest: [u8; 32],
    pub assembly: &'static str,
    /// What was tolerated.
    pub notices: Vec<String>,
}

/// Where the header ends in `text`: behind the line ending of the `#CHROM` line. `None` while more text is needed.
pub(crate) fn end_of(text: &[u8], ended: bool) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(line) = text.get(at..).filter(|rest| !rest.is_empty()) else {
            return if ended { Err(no_column_line()) } else { Ok(None) };
        };
        let end = match memchr::memchr(b'\n', line) {
            Some(end) => end + 1,
            None if ended => line.len(),
            None if text.len() > MAX_HEADER => return Err(Error::input("the header is longer than 512 MiB")),
            None => return Ok(None),
        };
        match line {
            [b'#', b'#', ..] => at += end,
            [b'#', ..] => return Ok(Some(at + end)),
            // A blank line inside the header is passed over; anything else would be a record.
            [b'\n', ..] | [b'\r', b'\n', ..] => at += end,
            _ => return Err(no_column_line()),
        }
    }
}

fn no_column_line() -> Error {
    Error::input("the header has no `#CHROM` line")
        .with_hint("restore it: `#CHROM`, `POS`, … separated by tabs (VCF section 1.5)")
}

impl Header {
    /// Reads the header's bytes, up to and with the `#CHROM` line.
    pub(crate) fn parse(bytes: &[u8], strict: bool) -> Result<Self> {
        let mut header = Header {
            version: "undeclared".into(),
            minor: 2,
            lines: Vec::new(),
            info: Vec::new(),
            formats: Vec::new(),
            contigs: Vec::new(),
            filters: Vec::new(),
            samples: Vec::new(),
            columns: 0,
            line_count: 0,
            digest: sha256(bytes),
            assembly: "unknown",
            notices: Vec::new(),
        };
        let mut declared = false;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            header.line_count += 1;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match line {
                [] => header.tolerate(strict, format!("header line {} is blank", header.line_count))?,
                [b'#', b'#', rest @ ..] => declared |= header.meta(rest, strict)?,
                _ => header.column_line(line, strict)?,
            }
        }
        if !declared {
            let missing = "the header has no `##fileformat` line".to_owned();
            header.tolerate(strict, missing)?;
        }
        header.assembly = assembly::of(&header.contigs);
        Ok(header)
    }

    /// The contigs and filters that lines declare.
    pub(crate) fn declared(&self) -> Arc<Declared> {
        let contigs = self.contigs.iter().map(|contig| (contig.id.as_bytes().into(), ())).collect();
        let filters = self.filters.iter().map(|id| (id.as_bytes().into(), ())).collect();
        Arc::new(Declared { contigs, filters })
    }

    /// The Description of a declaration, quotes and escapes undone; empty when the line has none.
    pub(crate) fn description(&self, key: &str, id: &str) -> Option<String> {
        let line = self.lines.iter().find(|line| line.key == key && line.id.as_deref() == Some(id))?;
        let found = line::pairs(&line.value)?.into_iter().find(|(name, _)| name == "Description");
        Some(found.map(|(_, text)| text).unwrap_or_default())
    }

    fn tolerate(&mut self, strict: bool, what: String) -> Result<()> {
        if strict {
            return Err(Error::input(what).with_hint("mend the header, or set `conformance: lenient`"));
        }
        self.notices.push(what);
        Ok(())
    }

    /// Reads a `##` line (without the `##`); true for `fileformat`.
    fn meta(&mut self, bytes: &[u8], strict: bool) -> Result<bool> {
        let number = self.line_count;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.tolerate(strict, format!("header line {number} is not UTF-8; the bytes in question are replaced"))?;
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        let Some((key, value)) = text.split_once('=') else {
            self.tolerate(strict, format!("header line {number} has no `=`"))?;
            self.lines.push(HeaderLine { key: text, value: String::new(), id: None });
            return Ok(false);
        };
        let pairs = line::pairs(value);
        let get = |name: &str| pairs.as_ref()?.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let id = get("ID").map(str::to_owned);
        match (key, &id) {
            ("fileformat", _) => self.fileformat(value.trim(), strict)?,
            ("INFO" | "FORMAT", Some(id)) => {
                let declaration = self.declaration(key, id, get("Number"), get("Type"), strict)?;
                let list = if key == "INFO" { &mut self.info } else { &mut self.formats };
                match list.iter().find(|known| known.id == declaration.id) {
                    None => list.push(declaration),
                    Some(known) if *known == declaration => {}
                    Some(_) => {
                        self.tolerate(strict, format!("header line {number} declares {key}/{id} a second time, differently"))?;
                    }
                }
            }
            ("INFO" | "FORMAT" | "FILTER" | "contig", None) => {
                self.tolerate(strict, format!("header line {number} ({key}) has no ID and declares nothing"))?;
            }
            ("contig", Some(id)) => {
                let length = get("length").and_then(|length| length.parse().ok());
                self.contigs.push(Contig { id: id.clone(), length });
            }
            ("FILTER", Some(id)) => self.filters.push(id.clone()),
            _ => {}
        }
        self.lines.push(HeaderLine { key: key.to_owned(), value: value.to_owned(), id });
        Ok(key == "fileformat")
    }

    fn fileformat(&mut self, value: &str, strict: bool) -> Result<()> {
        let minor = value.strip_prefix("VCFv4.").and_then(|minor| minor.parse::<u32>().ok());
        match minor {
            Some(minor) if minor <= 5 => {}
            Some(minor) => self.tolerate(strict, format!("version 4.{minor} is newer than 4.5 and read as 4.5"))?,
            None => {
                return Err(Error::input("`##fileformat` names no version from VCFv4.0 to VCFv4.5")
                    .with_hint("convert the file, such as with `bcftools view`"));
            }
        }
        self.minor = minor.unwrap_or(2);
        self.version = format!("VCFv4.{}", self.minor);
        Ok(())
    }

    fn declaration(
        &mut self,
        key: &str,
        id: &str,
        number: Option<&str>,
        kind: Option<&str>,
        strict: bool,
    ) -> Result<Declaration> {
        let line = self.line_count;
        let kind = match kind.and_then(VcfType::parse) {
            Some(kind) => kind,
            None => {
                self.tolerate(strict, format!("header line {line} ({key}/{id}) has no valid Type; read as String"))?;
                VcfType::String
            }
        };
        let number = match number.and_then(Number::parse) {
            Some(number) => number,
            None if kind == VcfType::Flag => Number::Count(0),
            None => {
                self.tolerate(strict, format!("header line {line} ({key}/{id}) has no valid Number; read as `.`"))?;
                Number::Unknown
            }
        };
        let declaration = |number, kind| Declaration { id: id.to_owned(), number, kind, inferred: false };
        Ok(match (number, kind) {
            (Number::Count(0), VcfType::Flag) => declaration(number, kind),
            (_, VcfType::Flag) => {
                self.tolerate(strict, format!("header line {line} ({key}/{id}): a Flag has Number=0"))?;
                declaration(Number::Count(0), kind)
            }
            (Number::Count(0), _) if key == "INFO" => {
                self.tolerate(strict, format!("header line {line} ({key}/{id}): Number=0 is read as a Flag"))?;
                declaration(number, VcfType::Flag)
            }
            (Number::Count(0), _) => declaration(Number::Unknown, kind),
            _ => declaration(number, kind),
        })
    }

    fn column_line(&mut self, line: &[u8], strict: bool) -> Result<()> {
        const FIXED: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];
        let text = std::str::from_utf8(line).map_err(|_| Error::input("the `#CHROM` line is not UTF-8"))?;
        let names: Vec<&str> = text.split('\t').collect();
        if names.first() != Some(&"#CHROM") || names.len() < FIXED.len() {
            let hint =
                if text.starts_with("#CHROM ") { "separate its columns by tabs, not blanks" } else { "see VCF section 1.5" };
            return Err(Error::input("the `#CHROM` line does not have the eight fixed columns").with_hint(hint));
        }
        if names[..FIXED.len()] != FIXED {
            self.tolerate(strict, "the fixed columns of the `#CHROM` line have other names than the specification's".into())?;
        }
        if names.len() > 8 && names[8] != "FORMAT" {
            return Err(Error::input("column 9 of the `#CHROM` line is not FORMAT").with_hint("see VCF section 1.5"));
        }
        let mut seen = HashSet::new();
        for (i, name) in names.iter().enumerate().skip(9) {
            if name.is_empty() {
                return Err(Error::input(format!("column {} of the `#CHROM` line has no sample name", i + 1))
                    .with_hint("name every sample"));
            }
            if !seen.insert(*name) {
                return Err(Error::input(format!("column {} of the `#CHROM` line repeats a sample name", i + 1))
                    .with_hint("rename one of them, such as with `bcftools reheader -s`"));
            }
        }
        self.columns = names.len();
        self.samples = names.iter().skip(9).map(|name| Sensitive::new((*name).to_owned())).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";

    fn header(lines: &str) -> Header {
        Header::parse(format!("##fileformat=VCFv4.2\n{lines}\n{COLUMNS}\n").as_bytes(), false).unwrap()
    }

    #[test]
    fn declarations_are_read_tolerantly() {
        let header = header(
            "##INFO=<ID=AC,Number=A,Type=Integer,Description=\"count, \\\"quoted\\\", Number=1\">\n\
             ##INFO=<ID=NOD,Number=1,Type=Float>\n##INFO=<ID=NON,Type=String,Description=\"x\">\n\
             ##INFO=<ID=FL,Number=A,Type=Flag,Description=\"\">\n##FORMAT=<Description=\"d\",ID=GT,Type=String,Number=1>",
        );
        let read: Vec<_> = header.info.iter().map(|d| (d.id.as_str(), d.number, d.kind)).collect();
        assert_eq!(
            read,
            [
                ("AC", Number::A, VcfType::Integer),
                ("NOD", Number::Count(1), VcfType::Float),
                ("NON", Number::Unknown, VcfType::String),
                ("FL", Number::Count(0), VcfType::Flag)
            ]
        );
        assert_eq!(header.formats[0].id, "GT");
        assert_eq!(header.notices.len(), 2);
        assert_eq!((header.lines.len(), header.line_count), (6, 7));
    }

    #[test]
    fn strict_refuses_what_lenient_reports() {
        let text = format!("##INFO=<ID=X,Number=1>\n{COLUMNS}\n");
        assert!(Header::parse(text.as_bytes(), true).is_err());
        let lenient = Header::parse(text.as_bytes(), false).unwrap();
        assert_eq!((lenient.notices.len(), lenient.version.as_str()), (2, "undeclared"));
    }

    #[test]
    fn a_repeated_sample_is_refused_without_its_name() {
        let text = format!("##fileformat=VCFv4.2\n{COLUMNS}\tFORMAT\tDOE_JANE\tB\tDOE_JANE\n");
        let error = Header::parse(text.as_bytes(), false).unwrap_err();
        assert_eq!(error.to_string(), "column 12 of the `#CHROM` line repeats a sample name");
    }

    #[test]
    fn the_end_is_found_in_pieces() {
        let text = format!("##a=b\n\n{COLUMNS}\n1\t2\n");
        let end = 7 + COLUMNS.len() + 1;
        for cut in 0..text.len() {
            let found = end_of(&text.as_bytes()[..cut], false).unwrap();
            assert_eq!(found, (cut >= end).then_some(end), "{cut}");
        }
        assert!(end_of(b"##a=b\n1\t100\n", false).is_err());
        assert!(end_of(b"##a=b\n", true).is_err());
        assert_eq!(end_of(COLUMNS.as_bytes(), true).unwrap(), Some(COLUMNS.len()));
    }

    #[test]
    fn samples_are_not_printed() {
        let text = format!("##fileformat=VCFv4.3\n##SAMPLE=<ID=DOE_JANE>\n{COLUMNS}\tFORMAT\tDOE_JANE\n");
        let header = Header::parse(text.as_bytes(), false).unwrap();
        assert!(!format!("{:?}", (&header.samples, &header.lines[1])).contains("DOE_JANE"));
        assert_eq!(header.columns, 10);
    }
}
