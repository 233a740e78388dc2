//! The reserved keys of each version of the specification: for records that use them undeclared, and for strict headers
//! (VCF 4.1-4.2 sections 1.4.1-1.4.2, 3 and 4; 4.3-4.5 sections 1.6.1-1.6.2, 3 and 4). It must not know records.

use super::model::Declaration;
use crate::flow::{Number, VcfType};

use VcfType::{Flag, Float, Integer, String};

/// A key's reserved meaning in the versions 4.`since` to 4.`until`.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub id: &'static str,
    since: u32,
    until: u32,
    number: &'static str,
    pub kind: VcfType,
}

impl Reserved {
    pub(crate) fn number(&self) -> Number {
        Number::parse(self.number).unwrap_or(Number::Unknown)
    }

    fn declaration(&self, id: &str) -> Declaration {
        Declaration { id: id.to_owned(), number: self.number(), kind: self.kind, inferred: true }
    }
}

const fn key(id: &'static str, since: u32, until: u32, number: &'static str, kind: VcfType) -> Reserved {
    Reserved { id, since, until, number, kind }
}

/// The newest minor version of the tables.
const NEWEST: u32 = 5;

const INFO: &[Reserved] = &[
    key("AA", 0, 5, "1", String),
    key("AC", 0, 5, "A", Integer),
    key("AD", 3, 5, "R", Integer),
    key("ADF", 3, 5, "R", Integer),
    key("ADR", 3, 5, "R", Integer),
    key("AF", 0, 5, "A", Float),
    key("AN", 0, 5, "1", Integer),
    key("BQ", 0, 5, "1", Float),
    key("CIGAR", 0, 5, "A", String),
    key("DB", 0, 5, "0", Flag),
    key("DP", 0, 5, "1", Integer),
    key("END", 0, 5, "1", Integer),
    key("H2", 0, 5, "0", Flag),
    key("H3", 0, 5, "0", Flag),
    key("MQ", 0, 5, "1", Float),
    key("MQ0", 0, 5, "1", Integer),
    key("NS", 0, 5, "1", Integer),
    key("SB", 3, 5, "4", Integer),
    key("SOMATIC", 0, 5, "0", Flag),
    key("VALIDATED", 0, 5, "0", Flag),
    key("1000G", 0, 5, "0", Flag),
    key("IMPRECISE", 0, 5, "0", Flag),
    key("NOVEL", 0, 5, "0", Flag),
    key("SVTYPE", 0, 5, "1", String),
    key("SVLEN", 0, 3, ".", Integer),
    key("SVLEN", 4, 5, "A", Integer),
    key("CIPOS", 0, 3, "2", Integer),
    key("CIPOS", 4, 5, ".", Integer),
    key("CIEND", 0, 3, "2", Integer),
    key("CIEND", 4, 5, ".", Integer),
    key("HOMLEN", 0, 3, ".", Integer),
    key("HOMLEN", 4, 5, "A", Integer),
    key("HOMSEQ", 0, 3, ".", String),
    key("HOMSEQ", 4, 5, "A", String),
    key("BKPTID", 0, 3, ".", String),
    key("BKPTID", 4, 5, "A", String),
    key("MEINFO", 0, 3, "4", String),
    key("MEINFO", 4, 5, ".", String),
    key("METRANS", 0, 3, "4", String),
    key("METRANS", 4, 5, ".", String),
    key("DGVID", 0, 3, "1", String),
    key("DGVID", 4, 5, "A", String),
    key("DBVARID", 0, 3, "1", String),
    key("DBVARID", 4, 5, "A", String),
    key("DBRIPID", 0, 3, "1", String),
    key("DBRIPID", 4, 5, "A", String),
    key("MATEID", 0, 3, ".", String),
    key("MATEID", 4, 5, "A", String),
    key("PARID", 0, 3, "1", String),
    key("PARID", 4, 5, "A", String),
    key("EVENT", 0, 3, "1", String),
    key("EVENT", 4, 5, "A", String),
    key("EVENTTYPE", 4, 5, "A", String),
    key("CILEN", 0, 3, "2", Integer),
    key("CILEN", 4, 5, ".", Integer),
    key("DPADJ", 0, 3, ".", Integer),
    key("CN", 0, 3, "1", Integer),
    key("CN", 4, 5, "A", Float),
    key("CNADJ", 0, 3, ".", Integer),
    key("CICN", 0, 3, "2", Integer),
    key("CICN", 4, 5, ".", Float),
    key("CICNADJ", 0, 3, ".", Integer),
    key("SVCLAIM", 4, 5, "A", String),
    key("RN", 4, 5, "A", Integer),
    key("RUS", 4, 5, ".", String),
    key("RUL", 4, 5, ".", Integer),
    key("RUC", 4, 5, ".", Float),
    key("RB", 4, 5, ".", Integer),
    key("CIRUC", 4, 5, ".", Float),
    key("CIRB", 4, 5, ".", Integer),
    key("RUB", 4, 5, ".", Integer),
];

const FORMAT: &[Reserved] = &[
    key("AD", 3, 5, "R", Integer),
    key("ADF", 3, 5, "R", Integer),
    key("ADR", 3, 5, "R", Integer),
    key("DP", 0, 5, "1", Integer),
    key("EC", 0, 5, "A", Integer),
    key("FT", 0, 5, "1", String),
    key("GL", 0, 5, "G", Float),
    key("GLE", 0, 2, "G", String),
    key("GP", 0, 5, "G", Float),
    key("GQ", 0, 5, "1", Integer),
    key("GT", 0, 5, "1", String),
    key("HQ", 0, 5, "2", Integer),
    key("MQ", 0, 5, "1", Integer),
    key("PL", 0, 5, "G", Integer),
    key("PP", 3, 5, "G", Integer),
    key("PQ", 0, 5, "1", Integer),
    key("PS", 0, 5, "1", Integer),
    key("PSL", 4, 5, "P", String),
    key("PSO", 4, 5, "P", Integer),
    key("PSQ", 4, 5, "P", Integer),
    key("CN", 0, 3, "1", Integer),
    key("CN", 4, 5, "1", Float),
    key("CICN", 4, 5, "2", Float),
    key("CNQ", 0, 5, "1", Float),
    key("CNL", 0, 2, ".", Float),
    key("CNL", 3, 5, "G", Float),
    key("CNP", 3, 5, "G", Float),
    key("NQ", 0, 5, "1", Integer),
    key("HAP", 0, 5, "1", Integer),
    key("AHAP", 0, 5, "1", Integer),
    key("LEN", 5, 5, "1", Integer),
    key("LA", 5, 5, ".", Integer),
    key("LAA", 5, 5, ".", Integer),
    key("LAD", 5, 5, "LR", Integer),
    key("LADF", 5, 5, "LR", Integer),
    key("LADR", 5, 5, "LR", Integer),
    key("LEC", 5, 5, "LA", Integer),
    // The table of 4.5 says Integer, the text "local-allele representation of GL" (of GP), which are Float.
    key("LGL", 5, 5, "LG", Float),
    key("LGP", 5, 5, "LG", Float),
    key("LPL", 5, 5, "LG", Integer),
    key("LPP", 5, 5, "LG", Integer),
];

/// Base modifications (4.5 section 1.6.2): `M[0-9]+[ACGTUN]` and its aliases, behind `DPM` and `ADM` the read depths.
static MODIFIED: Reserved = key("M", 5, 5, "M", Float);
static MODIFIED_DEPTH: Reserved = key("DPM", 5, 5, "M", Integer);

fn modification(id: &str) -> Option<&'static Reserved> {
    const ALIASES: [&str; 10] = ["5mC", "5hmC", "5fC", "5caC", "5hmU", "5fU", "5caU", "6mA", "8oxoG", "XaoN"];
    let (name, reserved) = match id.strip_prefix("DPM").or_else(|| id.strip_prefix("ADM")) {
        Some(name) => (name, &MODIFIED_DEPTH),
        None => (id.strip_prefix('M')?, &MODIFIED),
    };
    let chebi = name.strip_suffix(['A', 'C', 'G', 'T', 'U', 'N']).filter(|digits| !digits.is_empty());
    let is_chebi = chebi.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    (is_chebi || ALIASES.contains(&name)).then_some(reserved)
}

fn find(table: &'static [Reserved], id: &str, minor: u32) -> Option<&'static Reserved> {
    table.iter().find(|key| key.id == id && (key.since..=key.until).contains(&minor))
}

/// The reserved meaning of an INFO key in version 4.`minor`.
pub(crate) fn info(id: &str, minor: u32) -> Option<&'static Reserved> {
    find(INFO, id, minor)
}

/// The reserved meaning of a FORMAT key in version 4.`minor`.
pub(crate) fn format(id: &str, minor: u32) -> Option<&'static Reserved> {
    find(FORMAT, id, minor).or_else(|| modification(id).filter(|key| key.since <= minor))
}

/// Every INFO and FORMAT key reserved in version 4.`minor` by its name.
pub(crate) fn all(minor: u32) -> (impl Iterator<Item = &'static Reserved>, impl Iterator<Item = &'static Reserved>) {
    let of = move |table: &'static [Reserved]| table.iter().filter(move |key| (key.since..=key.until).contains(&minor));
    (of(INFO), of(FORMAT))
}

/// The name of a key that some version reserves in INFO, or in FORMAT.
pub(crate) fn name(key: &[u8], info: bool) -> Option<&'static str> {
    let table = if info { INFO } else { FORMAT };
    table.iter().map(|known| known.id).find(|id| id.as_bytes() == key)
}

/// Does some version reserve the key, of INFO or of FORMAT?
pub(crate) fn is_reserved(key: &str, info: bool) -> bool {
    if info { usual_info(key, 5).is_some() } else { usual_format(key, 5).is_some() }
}

/// How an undeclared INFO key is best read: by its version, else by the version that reserves it.
pub(crate) fn usual_info(id: &str, minor: u32) -> Option<Declaration> {
    let key = info(id, minor).or_else(|| INFO.iter().find(|key| key.id == id));
    key.map(|key| key.declaration(id))
}

/// The same for a FORMAT key.
pub(crate) fn usual_format(id: &str, minor: u32) -> Option<Declaration> {
    let key = format(id, minor).or_else(|| FORMAT.iter().find(|key| key.id == id)).or_else(|| modification(id));
    key.map(|key| key.declaration(id))
}

/// What the newest version says of a key's Number, where that is one value for each ALT or allele: callers wrote such lists long before
/// their versions could declare them as more than `.`.
pub(crate) fn by_allele(id: &str, is_info: bool) -> Option<Number> {
    let newest = if is_info { info(id, NEWEST) } else { format(id, NEWEST) };
    newest.map(Reserved::number).filter(|number| matches!(number, Number::A | Number::R))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_meaning_a_version() {
        for minor in 0..=5 {
            for table in [INFO, FORMAT] {
                for key in table {
                    let same = table.iter().filter(|other| other.id == key.id && (other.since..=other.until).contains(&minor));
                    assert!(same.count() <= 1, "{} in 4.{minor}", key.id);
                    assert_eq!(key.number().text(), key.number);
                }
            }
        }
    }

    #[test]
    fn meanings_follow_the_version() {
        let text = |key: Option<&Reserved>| key.map(|key| format!("{} {}", key.number, key.kind.text()));
        assert_eq!(text(info("SVLEN", 2)), Some(". Integer".into()));
        assert_eq!(text(info("SVLEN", 4)), Some("A Integer".into()));
        assert_eq!((text(info("SVCLAIM", 3)), text(info("AD", 2))), (None, None));
        assert_eq!(text(format("CN", 3)), Some("1 Integer".into()));
        assert_eq!(text(format("PSL", 4)), Some("P String".into()));
        assert_eq!((text(format("LAD", 4)), text(format("LAD", 5))), (None, Some("LR Integer".into())));
        assert_eq!(usual_info("AD", 2).map(|found| found.number), Some(Number::R));
        assert!(usual_info("NOT_RESERVED", 5).is_none());
        assert_eq!((by_allele("SVLEN", true), by_allele("AD", false)), (Some(Number::A), Some(Number::R)));
        assert_eq!((by_allele("CIPOS", true), by_allele("PL", false), by_allele("SVLEN", false)), (None, None, None));
    }

    #[test]
    fn base_modifications_are_reserved_by_pattern() {
        for (id, kind) in [("M27551C", Float), ("M5mC", Float), ("DPM5hmC", Integer), ("ADM18107N", Integer)] {
            let found = usual_format(id, 5).unwrap();
            assert_eq!((found.id.as_str(), found.number, found.kind), (id, Number::M, kind));
            assert!(format(id, 4).is_none());
        }
        for id in ["M", "MC", "M12", "MIN", "DPM", "M5mX", "DPMC"] {
            assert!(usual_format(id, 5).is_none(), "{id}");
        }
    }
}
