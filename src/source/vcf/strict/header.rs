//! Header lines to the letter (4.1-4.2 sections 1.2-1.3, 4.3-4.5 sections 1.4-1.5). It must not know records.

use std::collections::HashSet;

use super::meta::{self, Form, Pair, Words};
use super::names;
use crate::error::{Error, Result};
use crate::flow::{Number, VcfType};
use crate::source::vcf::header::reserved::{self, Reserved};

const COLUMNS: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];
/// Lines whose value the specification defines as `<key=value,…>`.
const STRUCTURED: [&str; 8] = ["INFO", "FORMAT", "FILTER", "ALT", "contig", "SAMPLE", "PEDIGREE", "META"];

/// Checks a header's bytes, up to and with the `#CHROM` line. The error names the line.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    let mut state = State { minor: 0, ids: HashSet::new() };
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        state.line(i, line).map_err(|reason| told(i + 1, &reason))?;
    }
    Ok(())
}

/// The same of BCF, whose lines carry their numbers (`IDX=`) and whose last line may lack its ending.
pub(crate) fn check_binary(text: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(|line| match line.rfind(",IDX=").zip(line.strip_suffix('>')) {
        Some((at, inside)) if inside[at + 5..].bytes().all(|byte| byte.is_ascii_digit()) => format!("{}>\n", &line[..at]),
        _ => format!("{line}\n"),
    });
    check(lines.collect::<String>().as_bytes())
}

/// An error that names the line.
pub(crate) fn told(line: usize, reason: &str) -> Error {
    Error::input(format!("line {line}: {reason}")).with_hint("mend the header, or set `conformance: lenient`")
}

struct State {
    minor: u32,
    /// `KEY` and `ID` of the structured lines so far.
    ids: HashSet<(String, String)>,
}

impl State {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), String> {
        let ended = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| "header: not UTF-8")?;
        if number == 0 {
            let version = text.strip_prefix("##fileformat=VCFv4.").and_then(|minor| minor.parse().ok());
            self.minor = version
                .filter(|minor| *minor <= 5 && text.len() == "##fileformat=VCFv4.x".len())
                .ok_or("fileformat: the first line is not `##fileformat=VCFv4.` and a version from 0 to 5")?;
            return Ok(());
        }
        names::text(line, self.minor).map_err(|reason| format!("header: {reason}"))?;
        let Some(meta) = text.strip_prefix("##") else {
            if !ended && self.minor >= 3 {
                return Err("#CHROM: the line does not end in a line separator".into());
            }
            return columns(text).map_err(|reason| format!("#CHROM: {reason}"));
        };
        let Some((key, value)) = meta.split_once('=') else { return Err("header: a `##` line without `=`".into()) };
        if key.is_empty() || value.is_empty() {
            return Err("header: a `##` line without key or value".into());
        }
        self.meta(key, value)
            .map_err(|reason| format!("{}: {reason}", if key == "fileformat" || is_known(key) { key } else { "header" }))
    }

    fn meta(&mut self, key: &str, value: &str) -> Result<(), Words> {
        let minor = self.minor;
        match key {
            "fileformat" => return Err("a second time"),
            "assembly" | "pedigreeDB" => return if names::is_url(url(value, minor)) { Ok(()) } else { Err("not a URL") },
            _ => {}
        }
        let known = is_known(key) && (key != "META" || minor >= 3);
        // Before 4.3 only the lines that are described have a form.
        if !known && (minor < 3 || !value.starts_with('<')) {
            return Ok(());
        }
        let pairs = meta::pairs(value)?;
        let mut keys = HashSet::new();
        if !pairs.iter().all(|pair| keys.insert(pair.key.as_str())) {
            return Err("a part is repeated");
        }
        let line = Line { minor, pairs: &pairs };
        match key {
            "INFO" | "FORMAT" => line.field(key)?,
            "FILTER" => {
                line.described(&["ID", "Description"])?;
                if !names::is_filter(line.get("ID").unwrap_or_default().as_bytes()) {
                    return Err("not a filter's ID");
                }
            }
            "ALT" => line.alt()?,
            "contig" => line.contig()?,
            "SAMPLE" => line.sample()?,
            "PEDIGREE" => line.pedigree()?,
            "META" => line.vocabulary()?,
            _ => {}
        }
        let Some(id) = line.get("ID") else { return if key == "PEDIGREE" && minor < 3 { Ok(()) } else { Err("no ID") } };
        // Unique IDs are demanded from 4.3 on; two meanings for one key contradict each other in any version.
        let first = self.ids.insert((key.to_owned(), id.to_owned()));
        if !first && (minor >= 3 || matches!(key, "INFO" | "FORMAT")) { Err("the ID is declared a second time") } else { Ok(()) }
    }
}

fn is_known(key: &str) -> bool {
    STRUCTURED.contains(&key) || matches!(key, "assembly" | "pedigreeDB")
}

/// The URL of a line; in brackets before 4.3, as the first texts of these versions had it.
fn url(value: &str, minor: u32) -> &str {
    let bare = value.strip_prefix('<').and_then(|value| value.strip_suffix('>'));
    bare.filter(|_| minor < 3).unwrap_or(value)
}

fn columns(text: &str) -> Result<(), Words> {
    if !text.starts_with('#') {
        return Err("neither a `##` line nor the column line");
    }
    let names: Vec<&str> = text.split('\t').collect();
    if names.len() < COLUMNS.len() || names[..COLUMNS.len()] != COLUMNS {
        return Err("not the eight fixed columns, separated by tabs");
    }
    match &names[COLUMNS.len()..] {
        [] => Ok(()),
        ["FORMAT", samples @ ..] => {
            let mut seen = HashSet::new();
            if samples.is_empty() || samples.iter().any(|name| name.is_empty()) {
                Err("FORMAT or a tab without a sample")
            } else if !samples.iter().all(|name| seen.insert(*name)) {
                Err("a sample's name is repeated")
            } else {
                Ok(())
            }
        }
        _ => Err("column 9 is not FORMAT"),
    }
}

/// One structured line.
struct Line<'a> {
    minor: u32,
    pairs: &'a [Pair],
}

impl Line<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
    }

    /// The default parts are there, the description and whatever is optional in quotes. Until 4.3 the default parts come first
    /// and in the template's order; 4.4 says that order means nothing.
    fn described(&self, default: &[&str]) -> Result<(), Words> {
        if default.iter().any(|key| self.get(key).is_none()) {
            return Err("not all of its parts are there");
        }
        let order = self.pairs.iter().map(|pair| pair.key.as_str()).take(default.len());
        if self.minor <= 3 && !order.eq(default.iter().copied()) {
            return Err("the parts are not in the order of the specification");
        }
        let must_quote = |pair: &&Pair| pair.key == "Description" || !default.contains(&pair.key.as_str());
        if self.pairs.iter().filter(must_quote).any(|pair| pair.form != Form::Quoted) {
            return Err("a description or an optional part that is not quoted");
        }
        if self.pairs.iter().filter(|pair| !must_quote(pair)).any(|pair| pair.form != Form::Plain) {
            return Err("an ID, Number or Type in quotes");
        }
        Ok(())
    }

    fn field(&self, place: &str) -> Result<(), Words> {
        self.described(&["ID", "Number", "Type", "Description"])?;
        let text = |key| self.get(key).unwrap_or_default();
        let id = text("ID");
        let is_id = match (self.minor, place) {
            (..3, _) => !id.contains(char::is_whitespace),
            (_, "INFO") => names::is_info_key(id.as_bytes(), self.minor),
            _ => names::is_format_key(id.as_bytes(), self.minor),
        };
        if !is_id {
            return Err("not a key's ID");
        }
        let kind = VcfType::parse(text("Type")).filter(|kind| *kind != VcfType::Flag || place == "INFO").ok_or("not a Type")?;
        let number =
            Number::parse(text("Number")).filter(|number| self.allows(*number, text("Number"), place)).ok_or("not a Number")?;
        let key = match place {
            "INFO" => reserved::info(id, self.minor).filter(|key| key.id != "SB"),
            _ => reserved::format(id, self.minor),
        };
        key.map_or(Ok(()), |key| meant(key, number, kind, place, self.minor))
    }

    /// The Numbers of each version: R from 4.2, P from 4.4, local alleles and base modifications from 4.5, all three in FORMAT.
    fn allows(&self, number: Number, text: &str, place: &str) -> bool {
        match number {
            Number::Count(_) => text.bytes().all(|byte| byte.is_ascii_digit()),
            Number::A | Number::G => self.minor >= 1,
            Number::R => self.minor >= 2,
            Number::Unknown => text == "." || self.minor == 0,
            Number::P => self.minor >= 4 && place == "FORMAT",
            Number::LA | Number::LR | Number::LG | Number::M => self.minor >= 5 && place == "FORMAT",
        }
    }

    fn alt(&self) -> Result<(), Words> {
        self.described(&["ID", "Description"])?;
        let id = self.get("ID").unwrap_or_default().as_bytes();
        let first = id.split(|byte| *byte == b':').next().unwrap_or_default();
        // Until 4.2 every symbolic allele is a structural variant; 4.3 names others, such as IUPAC codes.
        let typed =
            if self.minor <= 2 { names::is_variant_type(first, self.minor) } else { names::has_known_type(id, self.minor) };
        if names::is_allele_id(id) && typed { Ok(()) } else { Err("the ID is not that of a symbolic allele") }
    }

    fn contig(&self) -> Result<(), Words> {
        let id = self.get("ID").ok_or("no ID")?;
        if !names::is_contig(id.as_bytes(), self.minor) {
            return Err("the ID is not a contig's name");
        }
        let digits = |length: &str| length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse::<u64>().is_ok();
        if self.get("length").is_some_and(|length| !digits(length)) { Err("the length is not a number") } else { Ok(()) }
    }

    /// Until 4.2 a sample is a mixture of genomes; from 4.3 on it has an ID and whatever META lines describe.
    fn sample(&self) -> Result<(), Words> {
        if self.get("ID").is_some_and(|id| id.contains(char::is_whitespace)) {
            return Err("the ID holds white space");
        }
        if self.minor <= 2 {
            if ["ID", "Genomes", "Mixture", "Description"].iter().any(|key| self.get(key).is_none()) {
                return Err("not all of its parts are there");
            }
            let plain = |pair: &Pair| pair.form == Form::Plain || !matches!(pair.key.as_str(), "ID" | "Genomes" | "Mixture");
            if !self.pairs.iter().all(plain) {
                return Err("an ID, Genomes or Mixture in quotes");
            }
        }
        Ok(())
    }

    fn pedigree(&self) -> Result<(), Words> {
        let is_name =
            |pair: &Pair| pair.form == Form::Quoted || !pair.value.contains(|c: char| c.is_whitespace() || ":;=%".contains(c));
        if self.pairs.iter().all(is_name) { Ok(()) } else { Err("a value that is not a name") }
    }

    /// `##META` (4.3 section 1.4.8): a list of the words that SAMPLE lines may use.
    fn vocabulary(&self) -> Result<(), Words> {
        let listed = self.pairs.iter().any(|pair| pair.key == "Values" && pair.form == Form::Listed && !pair.value.is_empty());
        match (self.get("Type"), self.get("Number")) {
            (Some("String"), Some(".")) if listed => Ok(()),
            (Some("String"), Some(".")) => Err("no list of Values in square brackets"),
            _ => Err("not Type=String and Number=."),
        }
    }
}

/// A declaration of a reserved key says what the specification says; its `.` leaves the number open.
fn meant(key: &Reserved, number: Number, kind: VcfType, place: &str, minor: u32) -> Result<(), Words> {
    if key.number() != Number::Unknown && key.number() != number {
        return Err("a reserved key with another Number than the specification's");
    }
    // INFO/MQ has no type before 4.3, and the tables of 4.5 give LGL and LGP another one than their text.
    let open = (key.id == "MQ" && place == "INFO" && minor <= 2) || (matches!(key.id, "LGL" | "LGP") && kind == VcfType::Integer);
    if key.kind != kind && !open {
        return Err("a reserved key with another Type than the specification's");
    }
    Ok(())
}
