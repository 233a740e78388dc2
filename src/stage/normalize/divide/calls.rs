//! FORMAT lists and genotypes of divided rows: per call, the values of the row's own allele. It must not know INFO fields.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::Field;

use super::by_number::{Picked, Picker, Rows};
use super::genotype::{Recoded, bind};
use super::info::{Gather, as_list, extent, only_missing};
use super::local::{Counting, Place, Record};
use super::shape::Per;
use super::spill::Spill;
use crate::error::{Error, Result};

/// Columns that dividing a FORMAT field looks at.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// The genotypes, for their ploidy.
    pub gt: Option<&'a ListArray>,
    pub counting: Counting<'a>,
}

/// One list of lists a row: List<T> for Number=A and LA, List<List<T>> for R, G, LR and LG. Where a call counts in its own ALTs
/// and the row's is none of them, it has no values; of a call that knows REF only, they stay whole.
pub(super) fn divide(
    name: &str,
    calls: &ListArray,
    Beside { gt, counting }: Beside<'_>,
    per: Per,
    rows: &Rows,
    spill: &mut Spill,
) -> Result<ArrayRef> {
    let lists = as_list(calls.values())?;
    let genotypes = gt.map(|gt| bind(gt.values())).transpose()?;
    let absent = lists.values().nulls();
    let mut gather = Gather::new(per, calls.values().len());
    let mut call_count = 0;
    let mut record = None;
    for ((&source, &alt), &alts) in rows.source.iter().zip(&rows.alt).zip(&rows.alts) {
        let (first, count) = extent_or_none(calls, source as usize);
        let first_gt = gt.map(|gt| extent_or_none(gt, source as usize)).filter(|(_, n)| *n == count).map(|(first, _)| first);
        if let Counting::Local(locals) = counting
            && alts > 1
            && alt == 1
        {
            record = locals.map(|locals| locals.record(source as usize, count, alts));
        }
        let mut place = Place { alts, alt: Some(alt) };
        let mut picker = Picker::new(per, alt, alts);
        for nth in 0..count {
            let call = first + nth;
            let position = call_count + nth;
            if lists.is_null(call) {
                gather.null();
                continue;
            }
            let (start, len) = extent(lists, call);
            let ploidy = match (per, genotypes, first_gt) {
                (Per::Genotype, Some(genotypes), Some(at)) => genotypes.get(at + nth).map_or(0, |call| call.ploidy() as u32),
                _ => 0,
            };
            let missing = only_missing(absent, start, len);
            let local = alts > 1 && matches!(counting, Counting::Local(_));
            let known = match local {
                true => record.as_ref().and_then(|record: &Record| record.place(nth, alt)),
                false => Some(place),
            };
            if let Some(known) = known.filter(|known| *known != place) {
                place = known;
                picker = Picker::new(per, place.alt.unwrap_or(1), place.alts);
            }
            let kept_whole = picker.cannot_be_mistaken(len);
            let fits = match known {
                _ if missing || len == 0 => true,
                None => false,
                // A call that knows REF only has no value for an ALT, and one for REF alone.
                Some(Place { alts: 0, .. }) if local => per != Per::Alt && len == 1,
                Some(Place { alts: 1, .. }) if local && per == Per::Allele => len == 2,
                Some(_) => true,
            };
            let picked = if fits { picker.pick(len, missing, ploidy) } else { &Picked::Unfit };
            if known.is_some_and(|known| known.alts > 0 && known.alt.is_none()) && *picked != Picked::Unfit {
                gather.null();
                continue;
            }
            match picked {
                Picked::Unfit if spill.keeps_calls => {
                    gather.null();
                    spill.call(position, name, &lists.value(call));
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
        call_count += count;
    }
    with_offsets_of_rows(calls, rows, gather.finish(lists.values())?)
}

/// One list of lists a row: of each call the values of the row's allele where it has one for each, else all of them.
pub(super) fn divide_where_fit(calls: &ListArray, per: Per, rows: &Rows) -> Result<ArrayRef> {
    let lists = as_list(calls.values())?;
    let absent = lists.values().nulls();
    let mut gather = Gather::lists(calls.values().len());
    for ((&source, &alt), &alts) in rows.source.iter().zip(&rows.alt).zip(&rows.alts) {
        let (first, count) = extent_or_none(calls, source as usize);
        let mut picker = Picker::new(per, alt, alts);
        for call in first..first + count {
            let (start, len) = extent(lists, call);
            match picker.pick(len, only_missing(absent, start, len), 0) {
                _ if lists.is_null(call) => gather.null(),
                Picked::Unfit => gather.push(start, len, &Picked::Whole),
                fit => gather.push(start, len, fit),
            }
        }
    }
    with_offsets_of_rows(calls, rows, gather.finish(lists.values())?)
}

/// `calls.GT` of divided rows.
pub(super) fn genotypes(calls: &ListArray, rows: &Rows) -> Result<ArrayRef> {
    let genotypes = bind(calls.values())?;
    let mut recoded = Recoded::new(calls.values().len());
    for ((&source, &alt), &alts) in rows.source.iter().zip(&rows.alt).zip(&rows.alts) {
        let (first, count) = extent_or_none(calls, source as usize);
        (first..first + count).for_each(|call| recoded.push(genotypes.get(call), alt, alts));
    }
    with_offsets_of_rows(calls, rows, recoded.finish()?)
}

/// `calls.__other` (already one list a row) with the undivided fields appended.
pub(super) fn other(calls: &ListArray, spill: &Spill) -> Result<ArrayRef> {
    let offsets = calls.value_offsets();
    let (first, last) = (offsets[0] as usize, offsets[calls.len()] as usize);
    let texts = strings(calls)?.slice(first, last - first);
    let offsets = OffsetBuffer::from_lengths((0..calls.len()).map(|row| extent(calls, row).1));
    let field = Arc::new(Field::new_list_field(texts.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(spill.onto_calls(&texts)), calls.nulls().cloned())?))
}

fn strings(calls: &ListArray) -> Result<&StringArray> {
    calls.values().as_string_opt::<i32>().ok_or_else(|| Error::internal("a batch does not have the planned schema"))
}

fn extent_or_none(calls: &ListArray, row: usize) -> (usize, usize) {
    if calls.is_null(row) { (0, 0) } else { extent(calls, row) }
}

/// Values of all rows' calls, in the rows' own lists.
fn with_offsets_of_rows(calls: &ListArray, rows: &Rows, values: ArrayRef) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(rows.source.iter().map(|&source| extent_or_none(calls, source as usize).1));
    let nulls = calls.nulls().map(|nulls| rows.source.iter().map(|&source| nulls.is_valid(source as usize)).collect());
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
}
