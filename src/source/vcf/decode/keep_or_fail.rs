//! What becomes of a value that its column cannot take: the typed cell is null and the text is kept in the catch-all column;
//! strict, or where the value cannot be read at all, the record fails. One rule for INFO and calls, text and BCF. It must not
//! know how values are written.

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
    /// Declarations are promises: a value that breaks one fails its record.
    strict: bool,
    /// It is asked for.
    column: Option<Texts>,
    /// What the current slot is to hold.
    text: Vec<u8>,
}

impl Leftovers {
    pub(super) fn new(exists: bool, wanted: bool, strict: bool) -> Self {
        Self { exists, strict, column: wanted.then(Texts::default), text: Vec::new() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.column.is_some()
    }

    /// A value does not fit its column, which stays null. Leniently the text is kept where the table has a place for it, and
    /// told either way. Strictly that holds only of what nobody promised otherwise: a field that no header declares, or several
    /// values where one is declared. A code that stands for no value cannot be written as text: its record is bad.
    ///
    /// The caller counts the oddity and keeps the text.
    #[cold]
    pub(super) fn keep_or_fail(&self, demand: Demand, is_several: bool, place: Place, reason: Reason) -> Result<Odd, Bad> {
        let several = demand.number == Number::Count(1) && is_several;
        let promised = self.strict && !(self.exists && (demand.inferred || several));
        match self.exists {
            _ if promised || reason == Reason::ReservedCode => Err(Bad::new(place, reason)),
            false => Ok(Odd::Dropped),
            true if several => Ok(Odd::Miscount),
            true => Ok(Odd::Misfit),
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

    const PLACE: Place = Place::Info(3);

    fn outcome(leftovers: &Leftovers, number: Number, inferred: bool, several: bool) -> Result<Odd, Bad> {
        leftovers.keep_or_fail(Demand { number, inferred }, several, PLACE, Reason::NotInteger)
    }

    #[test]
    fn leniently_no_value_fails_its_record() {
        let (open, closed) = (Leftovers::new(true, false, false), Leftovers::new(false, false, false));
        for inferred in [false, true] {
            for (number, several, odd) in
                [(Number::Count(1), false, Odd::Misfit), (Number::Count(1), true, Odd::Miscount), (Number::A, true, Odd::Misfit)]
            {
                assert_eq!(outcome(&open, number, inferred, several), Ok(odd));
                assert_eq!(outcome(&closed, number, inferred, several), Ok(Odd::Dropped));
            }
        }
        let demand = Demand { number: Number::Count(1), inferred: true };
        let unreadable = open.keep_or_fail(demand, false, PLACE, Reason::ReservedCode);
        assert_eq!(unreadable, Err(Bad::new(PLACE, Reason::ReservedCode)));
    }

    #[test]
    fn strictly_what_was_promised_fails_and_what_nobody_promised_is_kept() {
        let open = Leftovers::new(true, false, true);
        let (one, many) = (Number::Count(1), Number::Unknown);
        let bad = Err(Bad::new(PLACE, Reason::NotInteger));
        assert_eq!((outcome(&open, one, true, false), outcome(&open, many, true, true)), (Ok(Odd::Misfit), Ok(Odd::Misfit)));
        assert_eq!((outcome(&open, one, false, true), outcome(&open, one, true, true)), (Ok(Odd::Miscount), Ok(Odd::Miscount)));
        assert_eq!((outcome(&open, one, false, false), outcome(&open, many, false, true)), (bad, bad));
        let closed = Leftovers::new(false, false, true);
        for (number, inferred, several) in [(one, true, false), (one, false, true), (many, true, true)] {
            assert_eq!(outcome(&closed, number, inferred, several), bad);
        }
    }

    #[test]
    fn entries_are_joined_slot_by_slot() {
        let mut kept = Leftovers::new(true, true, false);
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
        let mut kept = Leftovers::new(true, false, false);
        kept.keep(b"FLAG");
        kept.keep_written("B", |_| panic!("written for nobody")).unwrap();
        kept.put(0);
        assert!(kept.finish(1).is_none());
    }
}
