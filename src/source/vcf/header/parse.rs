//! `##` lines and the `#CHROM` line, read as tolerantly as is safe. It must not know records; what it cannot make sense of it
//! keeps as text and says so.

use super::end::is_column_line;
use super::model::{Contig, Declaration, Header};
use super::{assembly, column_line, glued, line, settle};
use crate::crypto::digest::sha256;
use crate::error::{Error, Result};
use crate::flow::{Number, VcfType};
use crate::source::vcf::hash::KeyMap;
use crate::store::HeaderLine;

/// Texts of what was tolerated that are kept: there could be one a line.
const MOST_NOTICES: usize = 100;

/// Where the declarations of a header that is being read stand, by id.
#[derive(Default)]
struct Places {
    info: KeyMap<usize>,
    formats: KeyMap<usize>,
}

impl Header {
    /// Reads the header's bytes, up to and with the `#CHROM` line.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, glued::lines)
    }

    /// The same of BCF, where lines are as the writer has understood them: what was glued to one declares nothing, and has no number
    /// in the dictionary.
    pub(crate) fn parse_binary(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, |line| vec![line])
    }

    fn read(bytes: &[u8], lines_of: impl Fn(&[u8]) -> Vec<&[u8]>) -> Result<Self> {
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
            untold: 0,
            oddities: Vec::new(),
        };
        let (mut declared, mut places) = (false, Places::default());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            header.line_count += 1;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match line {
                [] => header.tolerate(format!("header line {} is blank", header.line_count)),
                [b'#', b'#', ..] => {
                    let lines = lines_of(line);
                    if lines.len() > 1 {
                        header.forgive("header lines without a line ending between them, read one by one");
                    }
                    for line in lines {
                        declared |= header.meta(&line[2..], &mut places)?;
                    }
                }
                line if is_column_line(line) => column_line::read(&mut header, line)?,
                _ => header.tolerate(format!("header line {} is neither a `##` line nor the column line", header.line_count)),
            }
        }
        if !declared {
            let missing = "the header has no `##fileformat` line".to_owned();
            header.tolerate(missing);
        }
        settle::settle(&mut header);
        if header.untold > 0 {
            header.notices.push(format!("{} more notices about the header are left out", header.untold));
        }
        header.assembly = assembly::of(&header.contigs);
        Ok(header)
    }

    /// Tells what is read although it is wrong before the run, and among its oddities.
    pub(super) fn forgive(&mut self, what: &'static str) {
        self.tolerate(format!("header line {}: {what}", self.line_count));
        match self.oddities.iter_mut().find(|(_, known, _)| *known == what) {
            Some((.., count)) => *count += 1,
            None => self.oddities.push(("header".into(), what, 1)),
        }
    }

    pub(super) fn tolerate(&mut self, what: String) {
        if self.notices.len() < MOST_NOTICES {
            self.notices.push(what);
        } else {
            self.untold += 1;
        }
    }

    /// Reads a `##` line (without the `##`); true for `fileformat`.
    fn meta(&mut self, bytes: &[u8], places: &mut Places) -> Result<bool> {
        let number = self.line_count;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.tolerate(format!("header line {number} is not UTF-8; the bytes in question are replaced"));
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        let text = if text.contains('\0') {
            self.tolerate(format!("header line {number} holds NUL bytes; they are replaced"));
            text.replace('\0', "\u{fffd}")
        } else {
            text
        };
        let Some((key, value)) = text.split_once('=') else {
            self.tolerate(format!("header line {number} has no `=`"));
            self.lines.push(HeaderLine { key: text, value: String::new(), id: None });
            return Ok(false);
        };
        let pairs = line::pairs(value);
        let get = |name: &str| pairs.as_ref()?.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let id = get("ID").map(str::to_owned);
        match (key, &id) {
            ("fileformat", _) => self.fileformat(value)?,
            ("INFO" | "FORMAT", Some(id)) => {
                let declaration = self.declaration(key, id, get("Number"), get("Type"))?;
                let (list, places) = match key {
                    "INFO" => (&mut self.info, &mut places.info),
                    _ => (&mut self.formats, &mut places.formats),
                };
                match places.get(id.as_bytes()).and_then(|at| list.get(*at)) {
                    None => {
                        places.insert(id.as_bytes().into(), list.len());
                        list.push(declaration);
                    }
                    Some(known) if *known == declaration => {}
                    Some(_) => {
                        self.tolerate(format!("header line {number} declares a field of {key} a second time, differently"));
                    }
                }
            }
            ("INFO" | "FORMAT" | "FILTER" | "contig", None) => {
                self.tolerate(format!("header line {number} ({key}) has no ID and declares nothing"));
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

    /// Reads a version however it is written, such as `VCF v4.3`; one of another major number is refused.
    fn fileformat(&mut self, value: &str) -> Result<()> {
        // BCF keeps what is glued to the version.
        let value = value.split("##").next().unwrap_or(value);
        let word = value.trim().to_ascii_lowercase();
        let number = word.strip_prefix("vcf").unwrap_or(&word).trim_start().trim_start_matches('v').trim_start();
        let minor = number.strip_prefix("4.").and_then(|minor| minor.parse::<u32>().ok());
        match minor {
            None if word.is_empty() => {
                self.tolerate("`##fileformat` names no version; read as 4.2".into());
                return Ok(());
            }
            None => {
                return Err(Error::input(format!(
                    "line {}: `##fileformat` names no version from VCFv4.0 to VCFv4.5",
                    self.line_count
                ))
                .with_hint("convert the file, such as with `bcftools view`"));
            }
            Some(minor) if minor > 5 => self.tolerate(format!("version 4.{minor} is newer than 4.5 and read as 4.5")),
            Some(minor) if value != format!("VCFv4.{minor}") => self.tolerate(format!("`##fileformat` is read as VCFv4.{minor}")),
            Some(_) => {}
        }
        self.minor = minor.unwrap_or(2).min(5);
        self.version = format!("VCFv4.{}", minor.unwrap_or(2));
        Ok(())
    }

    fn declaration(&mut self, key: &str, id: &str, number: Option<&str>, kind: Option<&str>) -> Result<Declaration> {
        let line = self.line_count;
        let kind = match kind.and_then(VcfType::parse) {
            Some(kind) => kind,
            None => {
                self.tolerate(format!("header line {line} ({key}) has no valid Type; read as String"));
                VcfType::String
            }
        };
        let number = match number.and_then(Number::parse) {
            Some(number) => number,
            None if kind == VcfType::Flag => Number::Count(0),
            None => {
                self.tolerate(format!("header line {line} ({key}) has no valid Number; read as `.`"));
                Number::Unknown
            }
        };
        let declaration = |number, kind| Declaration { id: id.to_owned(), number, kind, inferred: false };
        Ok(match (number, kind) {
            (Number::Count(0), VcfType::Flag) => declaration(number, kind),
            (_, VcfType::Flag) => {
                self.tolerate(format!("header line {line} ({key}): a Flag has Number=0"));
                declaration(Number::Count(0), kind)
            }
            (Number::Count(0), _) if key == "INFO" => {
                self.tolerate(format!("header line {line} ({key}): Number=0 is read as a Flag"));
                declaration(number, VcfType::Flag)
            }
            (Number::Count(0), _) => declaration(Number::Unknown, kind),
            _ => declaration(number, kind),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::end::end_of;
    use super::*;

    const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";

    fn header(lines: &str) -> Header {
        Header::parse(format!("##fileformat=VCFv4.2\n{lines}\n{COLUMNS}\n").as_bytes()).unwrap()
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
    fn what_is_missing_is_told() {
        let text = format!("##INFO=<ID=X,Number=1>\n{COLUMNS}\n");
        let lenient = Header::parse(text.as_bytes()).unwrap();
        assert_eq!((lenient.notices.len(), lenient.version.as_str()), (2, "undeclared"));
    }

    #[test]
    fn broken_lines_are_passed_over() {
        let text = format!("##fileformat=VCF v4.3\n##ALT=<ID=X,Description=\"a\nb\">\n#comment\n{COLUMNS}\n");
        assert_eq!(end_of(text.as_bytes(), true, &crate::source::vcf::limits::Limits::default()).unwrap(), Some(text.len()));
        let header = Header::parse(text.as_bytes()).unwrap();
        assert_eq!((header.version.as_str(), header.columns, header.notices.len()), ("VCFv4.3", 8, 3));
    }

    #[test]
    fn lines_without_an_ending_between_them_declare_what_they_say() {
        let text = format!(
            "##fileformat=VCFv4.2##FILTER=<ID=PASS,Description=\"All\">\n##FILTER=<ID=q,Description=\"\">##INFO=<ID=P,Number=0,Type=Flag,Description=\"\">\n{COLUMNS}\n"
        );
        let header = Header::parse(text.as_bytes()).unwrap();
        assert_eq!((header.version.as_str(), header.filters.as_slice()), ("VCFv4.2", &["PASS".to_owned(), "q".into()][..]));
        assert_eq!((header.info[0].id.as_str(), header.line_count, header.lines.len()), ("P", 3, 4));
        assert_eq!(header.oddities.iter().map(|(field, _, count)| (field.as_str(), *count)).collect::<Vec<_>>(), [("header", 2)]);
        let binary = Header::parse_binary(text.as_bytes()).unwrap();
        assert_eq!((binary.version.as_str(), binary.info.len(), binary.lines.len()), ("VCFv4.2", 0, 2));
    }

    #[test]
    fn versions_however_they_are_written() {
        let minor =
            |value: &str| Header::parse(format!("##fileformat={value}\n{COLUMNS}\n").as_bytes()).map(|header| header.minor);
        for (value, expected) in
            [("VCFv4.0", 0), ("vcfv4.1", 1), ("VCF 4.5", 5), ("4.3", 3), ("VCFv4.7", 5), ("", 2), (" VCFv4.4 ", 4)]
        {
            assert_eq!(minor(value).unwrap(), expected, "{value}");
        }
        for value in ["VCFv3.3", "VCFv5.0", "BCF2.2", "VCFv4", "VCFv4.x"] {
            assert!(minor(value).is_err(), "{value}");
        }
    }

    #[test]
    fn samples_are_not_printed() {
        let text = format!("##fileformat=VCFv4.3\n##SAMPLE=<ID=DOE_JANE>\n{COLUMNS}\tFORMAT\tDOE_JANE\n");
        let header = Header::parse(text.as_bytes()).unwrap();
        assert!(!format!("{:?}", (&header.samples, &header.lines[1])).contains("DOE_JANE"));
        assert_eq!(header.columns, 10);
    }
}
