//! What becomes of a value that its column cannot take: it is kept as text in the catch-all column, or the record fails. One
//! rule for INFO and calls, text and BCF. It must not know how values are written.

use datafusion::arrow::array::ArrayRef;

use super::bad::{Bad, Place};
use super::odd::Odd;
use crate::flow::Number;
use crate::source::vcf::columns::{Column, Texts};
use crate::source::vcf::header::Field;
use crate::source::vcf::reason::Reason;

/// What a field's declaration asks of its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub number: Number,
    /// No header declares the field.
    pub inferred: bool,
}

impl Demand {
    pub(super) fn of(field: &Field) -> Self {
        Self { number: field.number, inferred: field.inferred }
    }
}

/// The catch-all column of INFO or of calls: what no other column took of a record, or of a call, as `KEY=VALUE;KEY`.
#[derive(Debug)]
pub(super) struct Leftovers {
    /// The table has the column, asked for or not.
    exists: bool,
    /// It is asked for.
    column: Option<Texts>,
    /// What the current slot is to hold.
    text: Vec<u8>,
}

impl Leftovers {
    pub(super) fn new(exists: bool, wanted: bool) -> Self {
        Self { exists, column: wanted.then(Texts::default), text: Vec::new() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.column.is_some()
    }

    /// A value does not fit its column. It is kept where the table has a place for it and nobody promised otherwise: a field
    /// that no header declares, or several values where one is declared. Else the record is bad.
    ///
    /// The caller counts the oddity and keeps the text.
    #[cold]
    pub(super) fn keep_or_fail(&self, demand: Demand, is_several: bool, place: Place, reason: Reason) -> Result<Odd, Bad> {
        let several = demand.number == Number::Count(1) && is_several;
        match self.exists && (demand.inferred || several) {
            true if several => Ok(Odd::Miscount),
            true => Ok(Odd::Misfit),
            false => Err(Bad::new(place, reason)),
        }
    }

    /// Keeps an entry as it stands in the file.
    #[cold]
    pub(super) fn keep(&mut self, entry: &[u8]) {
        if self.is_wanted() {
            self.begin(entry);
        }
    }

    /// Keeps a key and its value.
    #[cold]
    pub(super) fn keep_value(&mut self, key: &[u8], value: &[u8]) {
        if self.is_wanted() {
            self.begin(key);
            self.text.push(b'=');
            self.text.extend_from_slice(value);
        }
    }

    /// Keeps a key and what `write` makes of its value.
    #[cold]
    pub(super) fn keep_written(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Bad>) -> Result<(), Bad> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.begin(key.as_bytes());
        self.text.push(b'=');
        write(&mut self.text)
    }

    fn begin(&mut self, entry: &[u8]) {
        if !self.text.is_empty() {
            self.text.push(b';');
        }
        self.text.extend_from_slice(entry);
    }

    /// Gives what was kept to slot `slot`.
    #[inline]
    pub(super) fn put(&mut self, slot: usize) {
        if !self.text.is_empty() {
            self.push(slot);
        }
    }

    #[cold]
    fn push(&mut self, slot: usize) {
        if let Some(column) = &mut self.column {
            column.pad(slot);
            column.push_raw(&self.text);
        }
        self.text.clear();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.text.clear();
        if let Some(column) = &mut self.column {
            column.truncate(len);
        }
    }

    /// The column, padded to `len` slots; `None` when it is not asked for.
    pub(super) fn finish(&mut self, len: usize) -> Option<ArrayRef> {
        let column = self.column.as_mut()?;
        column.pad(len);
        Some(column.finish())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};

    use super::*;

    #[test]
    fn what_nobody_promised_is_kept_and_the_rest_fails() {
        let place = Place::Info(3);
        let one = |inferred| Demand { number: Number::Count(1), inferred };
        let many = |inferred| Demand { number: Number::Unknown, inferred };
        let open = Leftovers::new(true, false);
        let outcome = |demand, several| open.keep_or_fail(demand, several, place, Reason::NotInteger);
        let bad = Err(Bad::new(place, Reason::NotInteger));
        assert_eq!((outcome(one(true), false), outcome(many(true), true)), (Ok(Odd::Misfit), Ok(Odd::Misfit)));
        assert_eq!((outcome(one(false), true), outcome(one(true), true)), (Ok(Odd::Miscount), Ok(Odd::Miscount)));
        assert_eq!((outcome(one(false), false), outcome(many(false), true)), (bad, bad));
        let closed = Leftovers::new(false, false);
        for (demand, several) in [(one(true), false), (one(false), true), (many(true), true)] {
            assert_eq!(closed.keep_or_fail(demand, several, place, Reason::NotInteger), bad);
        }
    }

    #[test]
    fn entries_are_joined_slot_by_slot() {
        let mut kept = Leftovers::new(true, true);
        kept.keep(b"FLAG");
        kept.keep_value(b"A", b"1,x");
        kept.put(1);
        kept.put(2);
        kept.keep(b"of a bad record");
        kept.truncate(3);
        kept.keep_written("B", |text| {
            text.push(b'7');
            Ok(())
        })
        .unwrap();
        kept.put(3);
        let array = kept.finish(5).unwrap();
        let texts: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(texts, [None, Some("FLAG;A=1,x"), None, Some("B=7"), None]);
        assert_eq!(array.null_count(), 3);
    }

    #[test]
    fn a_column_that_is_not_asked_for_costs_nothing() {
        let mut kept = Leftovers::new(true, false);
        kept.keep(b"FLAG");
        kept.keep_written("B", |_| panic!("written for nobody")).unwrap();
        kept.put(0);
        assert!(kept.finish(1).is_none());
    }
}
