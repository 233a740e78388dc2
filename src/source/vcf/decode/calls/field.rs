//! One FORMAT field while calls are decoded: its column, and what was odd about its values. It must not know calls or lines.

use datafusion::arrow::array::ArrayRef;

use crate::flow::{Number, VcfType};
use crate::source::vcf::columns::{AnyColumn, Blanks, Column, Encoding, column_for};
use crate::source::vcf::decode::bad::{Bad, Place};
use crate::source::vcf::decode::keep_or_fail::{Demand, Leftovers};
use crate::source::vcf::decode::odd::{Odd, Tally};
use crate::source::vcf::reason::Reason;

pub(super) struct Field {
    pub id: Box<str>,
    pub column: Option<AnyColumn>,
    pub demand: Demand,
    pub kind: VcfType,
    pub odd: Tally,
    /// The column has kept room for what the last batch held.
    pub roomy: bool,
}

impl Field {
    /// The finished column, if it has one, of `calls` calls.
    pub(super) fn finish(&mut self, calls: usize, blanks: &mut Blanks, list: &impl Fn(ArrayRef) -> ArrayRef) -> Option<ArrayRef> {
        let column = self.column.as_mut()?;
        let filled = column.len() > 0;
        if !filled && self.roomy {
            *column = column_for(self.demand.number, self.kind);
        }
        self.roomy = filled;
        Some(blanks.finish(column, calls, list))
    }

    /// Gives a call's value to the column, if it has one. A plan gives each field one part, so the slot is free.
    pub(super) fn put(
        &mut self,
        slot: usize,
        value: &[u8],
        expected: impl FnOnce(Number) -> Option<usize>,
        encoding: Encoding,
    ) -> Result<(), Reason> {
        if let Some(count) = self.column.as_mut().map(|column| column.put(slot, value, encoding)).transpose()?.flatten() {
            self.check(count, value, expected);
        }
        Ok(())
    }

    /// Holds the number of values against the declared one. A value that is missing as a whole has the right one.
    pub(super) fn check(&mut self, count: usize, value: &[u8], expected: impl FnOnce(Number) -> Option<usize>) {
        if value != b"." && expected(self.demand.number).is_some_and(|expected| count != expected) {
            self.odd.add(Odd::Miscount);
        }
    }

    /// The column cannot take a call's value: its text is kept, or the record is bad. `place`: this field.
    #[cold]
    pub(super) fn keep_or_fail(
        &mut self,
        value: &[u8],
        is_several: bool,
        place: Place,
        reason: Reason,
        leftovers: &mut Leftovers,
    ) -> Result<(), Bad> {
        self.odd.add(leftovers.keep_or_fail(self.demand, is_several, place, reason)?);
        leftovers.keep_value(self.id.as_bytes(), value);
        Ok(())
    }
}
