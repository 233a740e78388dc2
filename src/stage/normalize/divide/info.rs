//! INFO lists of divided rows: the values of the row's own allele. It must not know FORMAT fields.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::take;

use super::by_number::{Picked, Picker, Rows};
use super::shape::Per;
use super::spill::Spill;
use crate::error::{Error, Result};

/// One list of values a row: scalars for Number=A, shorter lists for R and G.
pub(super) fn divide(name: &str, list: &ListArray, per: Per, rows: &Rows, spill: &mut Spill) -> Result<ArrayRef> {
    if per == Per::Alt
        && let Some(values) = one_each(list, rows)
    {
        return Ok(values);
    }
    let mut gather = Gather::new(per, rows.source.len());
    let missing = list.values().nulls();
    for (row, ((&source, &alt), &alts)) in rows.source.iter().zip(&rows.alt).zip(&rows.alts).enumerate() {
        let source = source as usize;
        if list.is_null(source) {
            gather.null();
            continue;
        }
        let (start, len) = extent(list, source);
        let mut picker = Picker::new(per, alt, alts);
        // INFO Number=G is about diploid genotypes.
        let kept_whole = picker.cannot_be_mistaken(len);
        match picker.pick(len, only_missing(missing, start, len), 2) {
            Picked::Unfit if spill.keeps_info => {
                gather.null();
                spill.info(row, name, &list.value(source));
            }
            Picked::Unfit if kept_whole => gather.push(start, len, &Picked::Whole),
            Picked::Unfit => {
                gather.null();
                if alt <= 1 {
                    spill.drop(name);
                }
            }
            fit => gather.push(start, len, fit),
        }
    }
    gather.finish(list.values())
}

/// One list a row: the values of its allele where the list has one for each, else all of them.
pub(super) fn divide_where_fit(list: &ListArray, per: Per, rows: &Rows) -> Result<ArrayRef> {
    let mut gather = Gather::lists(rows.source.len());
    let missing = list.values().nulls();
    for ((&source, &alt), &alts) in rows.source.iter().zip(&rows.alt).zip(&rows.alts) {
        let source = source as usize;
        let (start, len) = extent(list, source);
        match Picker::new(per, alt, alts).pick(len, only_missing(missing, start, len), 2) {
            _ if list.is_null(source) => gather.null(),
            Picked::Unfit => gather.push(start, len, &Picked::Whole),
            fit => gather.push(start, len, fit),
        }
    }
    gather.finish(list.values())
}

/// The list's values themselves, when nothing is divided and every row has exactly one.
fn one_each(list: &ListArray, rows: &Rows) -> Option<ArrayRef> {
    let undivided = rows.alts.iter().all(|&alts| alts <= 1);
    let offsets = list.value_offsets();
    let single = list.null_count() == 0 && offsets.windows(2).all(|pair| pair[1] - pair[0] == 1);
    (undivided && single).then(|| list.values().slice(offsets[0] as usize, list.len()))
}

/// Start and length of a row's values.
pub(super) fn extent(list: &ListArray, row: usize) -> (usize, usize) {
    let offsets = list.value_offsets();
    (offsets[row] as usize, (offsets[row + 1] - offsets[row]) as usize)
}

/// Is the list a single `.`? `missing`: which of all lists' values are missing.
pub(super) fn only_missing(missing: Option<&NullBuffer>, start: usize, len: usize) -> bool {
    len == 1 && missing.is_some_and(|missing| missing.is_null(start))
}

/// Collects positions of values, then takes them at once: scalars for [`Per::Alt`], lists otherwise.
pub(super) struct Gather {
    scalar: bool,
    positions: Vec<u32>,
    offsets: Vec<i32>,
    /// By row.
    valid: Vec<bool>,
}

impl Gather {
    pub(super) fn new(per: Per, capacity: usize) -> Self {
        Self::of(per == Per::Alt, capacity)
    }

    /// Lists whatever a value is for.
    pub(super) fn lists(capacity: usize) -> Self {
        Self::of(false, capacity)
    }

    fn of(scalar: bool, capacity: usize) -> Self {
        let mut offsets = Vec::with_capacity(if scalar { 0 } else { capacity + 1 });
        offsets.push(0);
        Self { scalar, positions: Vec::with_capacity(capacity), offsets, valid: Vec::with_capacity(capacity) }
    }

    pub(super) fn null(&mut self) {
        if self.scalar {
            // No position of a value: the row is null.
            self.positions.push(0);
        }
        self.close(false);
    }

    pub(super) fn push(&mut self, start: usize, len: usize, picked: &Picked) {
        let start = start as u32;
        match picked {
            Picked::One(offset) => self.positions.push(start + offset),
            Picked::At(offsets) => self.positions.extend(offsets.iter().map(|&offset| start + offset)),
            Picked::Whole if self.scalar => return self.null(),
            Picked::Whole => self.positions.extend(start..start + len as u32),
            Picked::Unfit => return self.null(),
        }
        self.close(true);
    }

    fn close(&mut self, valid: bool) {
        if !self.scalar {
            // A batch's values have 32-bit offsets (Arrow List), and rows are few: `finish` checks the end.
            self.offsets.push(self.positions.len() as i32);
        }
        self.valid.push(valid);
    }

    pub(super) fn finish(self, values: &ArrayRef) -> Result<ArrayRef> {
        if i32::try_from(self.positions.len()).is_err() {
            return Err(
                Error::failed("a batch grows past 2^31 values when it is divided").with_hint("use a smaller unit in the sink")
            );
        }
        let nulls = NullBuffer::from(self.valid);
        if self.scalar {
            let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
            return Ok(take(values, &UInt32Array::new(self.positions.into(), nulls), None)?);
        }
        let taken = take(values, &UInt32Array::from(self.positions), None)?;
        let field = Arc::new(datafusion::arrow::datatypes::Field::new_list_field(taken.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(self.offsets.into()), taken, Some(nulls))?))
    }
}

/// The column as a list of 32-bit offsets; shapes are only given to such columns.
pub(super) fn as_list(column: &ArrayRef) -> Result<&ListArray> {
    column.as_list_opt::<i32>().ok_or_else(|| Error::internal("a batch does not have the planned schema"))
}
