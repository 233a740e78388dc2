//! One input's records, line after line. It must not know what the rules are.

use std::sync::Arc;

use super::fault::{At, Check, Fault};
use super::order::Order;
use super::rules::Rules;
use super::{calls, fixed, info, names, structural};
use crate::source::vcf::reason::Reason;

/// Checks the records of one input, which must come in the file's order, each once.
pub(crate) struct Checker {
    rules: Arc<Rules>,
    order: Order,
    blank: bool,
    open: bool,
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
        let record = |reason| Fault { at: At::Record, reason };
        if std::mem::take(&mut self.blank) {
            return Err(record(Reason::BlankLineBefore));
        }
        let rules = self.rules.clone();
        if self.open && rules.minor >= 3 {
            return Err(record(Reason::OpenLastLine));
        }
        names::text(line, rules.minor).map_err(record)?;
        let columns: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        if columns.len() != rules.columns {
            return Err(record(Reason::WrongColumns));
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
