//! The specification's letter, version by version: what `conformance: strict` holds headers and records to. Every rule and its
//! section is listed in docs/vcf-conformance.md. It must not know Arrow, files or units; it only says yes or where not.

mod alleles;
mod calls;
mod fixed;
pub(crate) mod header;
mod info;
mod meta;
mod names;
mod order;
mod structural;
mod value;

use std::sync::Arc;

use super::header::{Header, reserved};
use crate::flow::{Number, VcfType};
use crate::source::vcf::hash::KeyMap;

use order::Order;

/// Why a line is not conforming, in fixed words.
pub(crate) type Reason = &'static str;

/// Where in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At<'a> {
    Record,
    Column(&'static str),
    /// An INFO key.
    Info(&'a [u8]),
    /// A FORMAT key.
    Format(&'a [u8]),
}

/// A line that is not conforming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub at: At<'a>,
    pub reason: Reason,
}

type Check<'a> = Result<(), Fault<'a>>;

fn column<'a>(name: &'static str, reason: Reason) -> Fault<'a> {
    Fault { at: At::Column(name), reason }
}

/// What a key's values must be.
#[derive(Clone, Copy, Debug)]
struct Rule {
    number: Number,
    kind: VcfType,
}

/// What one input's header and version demand of its records.
#[derive(Debug)]
pub(crate) struct Rules {
    minor: u32,
    columns: usize,
    info: KeyMap<Rule>,
    formats: KeyMap<Rule>,
}

impl Rules {
    /// Declared keys count as declared, the others as the version reserves them.
    pub(crate) fn of(header: &Header) -> Self {
        let (info, formats) = reserved::all(header.minor);
        let of = |key: &reserved::Reserved| (Box::from(key.id.as_bytes()), Rule { number: key.number(), kind: key.kind });
        // Neither key is used by the specification's own files as its table has it (docs/vcf-conformance.md).
        let mut info: KeyMap<Rule> = info.filter(|key| key.id != "SB").map(of).collect();
        let mut formats: KeyMap<Rule> = formats.filter(|key| !matches!(key.id, "GLE" | "CNL" | "CNP")).map(of).collect();
        for (rules, declared) in [(&mut info, &header.info), (&mut formats, &header.formats)] {
            for one in declared.iter().filter(|one| !one.inferred) {
                rules.insert(one.id.as_bytes().into(), Rule { number: one.number, kind: one.kind });
            }
        }
        Self { minor: header.minor, columns: header.columns, info, formats }
    }

    fn format(&self, key: &[u8]) -> Option<Rule> {
        let known = self.formats.get(key).copied();
        known.or_else(|| {
            let key = std::str::from_utf8(key).ok().filter(|id| id.starts_with(['M', 'D', 'A']))?;
            let rule = reserved::format(key, self.minor)?;
            Some(Rule { number: rule.number(), kind: rule.kind })
        })
    }
}

/// Checks the records of one input, which must come in the file's order, each once.
pub(crate) struct Checker {
    rules: Arc<Rules>,
    order: Order,
    blank: bool,
    open: bool,
}

/// The columns of one record.
struct Record<'a> {
    chrom: &'a [u8],
    pos: i64,
    reference: &'a [u8],
    /// ALT split at commas; none for `.`.
    alts: Vec<&'a [u8]>,
    info: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> Record<'a> {
    fn info(&self, key: &str) -> Option<&'a [u8]> {
        self.info.iter().find(|(known, _)| *known == key.as_bytes()).map(|(_, value)| value.unwrap_or_default())
    }

    /// Could this be how many ALT alleles there are? Files count `.` as none or as one.
    fn is_alts(&self, count: usize) -> bool {
        count == self.alts.len() || (self.alts.is_empty() && count == 1)
    }
}

impl Checker {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self { rules, order: Order::default(), blank: false, open: false }
    }

    /// A blank line: fine at the end of the file, told with the record that follows it.
    pub(crate) fn blank(&mut self) {
        self.blank = true;
    }

    /// The next line has no line ending.
    pub(crate) fn open_end(&mut self) {
        self.open = true;
    }

    /// Checks one record's line, without its line ending.
    pub(crate) fn check<'a>(&mut self, line: &'a [u8]) -> Check<'a> {
        let record = Fault { at: At::Record, reason: "" };
        if std::mem::take(&mut self.blank) {
            return Err(Fault { reason: "a blank line stands before it", ..record });
        }
        let rules = self.rules.clone();
        if self.open && rules.minor >= 3 {
            return Err(Fault { reason: "the last line does not end in a line separator", ..record });
        }
        names::text(line, rules.minor).map_err(|reason| Fault { reason, ..record })?;
        let columns: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        if columns.len() != rules.columns {
            return Err(Fault { reason: "another number of columns than the header", ..record });
        }
        let record = fixed::check(&columns, &rules)?;
        info::check(&record, &rules)?;
        if rules.minor >= 4 {
            structural::check(&record, columns.get(8).copied())?;
        }
        if let [format, samples @ ..] = &columns[8..] {
            calls::check(&record, format, samples, &rules)?;
        }
        self.order.check(&record)
    }

    /// Takes note of a record that was checked by an earlier run.
    pub(crate) fn pass(&mut self, line: &[u8]) {
        let columns: Vec<&[u8]> = line.splitn(9, |byte| *byte == b'\t').collect();
        if let Ok(record) = fixed::check(&columns, &self.rules) {
            let _ = self.order.check(&record);
        }
    }
}

#[cfg(test)]
mod tests;
