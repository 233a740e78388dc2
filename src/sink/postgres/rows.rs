//! A batch's rows as tuples of `variants` and `calls`. It must not know the schema they come from or how the bytes travel.

use std::borrow::Cow;
use std::ops::Range;

use datafusion::arrow::array::{Array, Int32Array, UInt32Array};

use super::genotype::Gt;
use crate::error::{Error, Result};
use crate::pgcopy::{Bound, Buffer, Column, Constant, Fault, Fixed, Object, Spans, Staged, Staging, Text, Unstorable};
use crate::store::canonical_contig;

/// A batch's values, ready to be written.
pub struct Rows<'a> {
    pub(super) unit: &'a UInt32Array,
    pub(super) line: &'a UInt32Array,
    pub(super) chrom: Text<'a>,
    pub(super) typed: Vec<Bound<'a>>,
    pub(super) info: Object<'a>,
    pub(super) calls: Option<Calls<'a>>,
}

/// The calls of its variants: lists with one element a call.
pub struct Calls<'a> {
    pub(super) samples: Spans<'a>,
    pub(super) numbers: &'a Int32Array,
    pub(super) gt: Option<(Spans<'a>, Gt<'a>)>,
    /// Where each row's elements of a column of `format` lie.
    pub(super) spans: Vec<Spans<'a>>,
    pub(super) format: Object<'a>,
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub load: [u8; 16],
    /// 1-based number of the input within the load.
    pub input: i32,
    /// `variant_id` of the first of the rows; the others count up from it.
    pub first_id: i64,
}

/// The next call to be written: of which row, and which of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub row: usize,
    pub call: usize,
}

/// Calls that are put together before they are written.
const BLOCK: usize = 1024;

impl Rows<'_> {
    /// The unit of `row`, which is below the batch's length.
    pub fn unit(&self, row: usize) -> u32 {
        self.unit.value(row)
    }

    /// The line of the record that `row` was, from 0 within its unit.
    pub fn line(&self, row: usize) -> u32 {
        self.line.value(row)
    }

    /// How many calls a variant has.
    pub fn call_count(&self, row: usize) -> usize {
        self.calls.as_ref().and_then(|calls| calls.samples.get(row)).map_or(0, |span| span.len())
    }

    /// Appends the tuples of variants until the buffer is full. Returns the first row not written. `rows` are of one unit.
    /// Class `input` for a value that cannot be stored.
    pub fn put_variants(&mut self, owner: Owner, rows: Range<usize>, out: &mut Buffer) -> Result<usize> {
        let (mut contigs, mut infos) = (Staging::default(), Staging::default());
        let first = rows.start;
        let id = |row: usize| owner.first_id + (row - first) as i64;
        let mut load = Constant::of(&[&owner.load]);
        let mut ids = Fixed { nulls: None, value: |row| id(row).to_be_bytes() };
        let mut contig = Staged { stage: &mut contigs, write: contig(self.chrom) };
        let mut info = Staged { stage: &mut infos, write: |row, out: &mut Staging| self.info.put(|_| Some(row), out) };
        let mut columns: Vec<&mut dyn Column> = vec![&mut load, &mut ids, &mut contig];
        columns.extend(self.typed.iter_mut().map(|column| &mut **column as &mut dyn Column));
        columns.push(&mut info);
        let put = out.put(&mut columns, rows);
        put.map_err(|found| self.cannot_store(found))
    }

    /// Appends the tuples of the calls of `rows` from a place on until the buffer is full. Returns the first not written, of
    /// row `rows.end` when all are. Classes: `input` for a value that cannot be stored, `internal` when the calls' lists are
    /// not of one length.
    pub fn put_calls(&self, owner: Owner, rows: Range<usize>, mut from: Place, out: &mut Buffer) -> Result<Place> {
        let end = Place { row: rows.end, call: 0 };
        let Some(calls) = &self.calls else { return Ok(end) };
        let mut stages = [Staging::default(), Staging::default(), Staging::default()];
        while from < end && !out.is_full() {
            let (places, next) = calls.places(from, rows.end)?;
            let written = calls.put(owner, rows.start, &places, self.chrom, &mut stages, out);
            let written = written.map_err(|found| self.cannot_store(Unstorable { row: places[found.row].row, ..found }))?;
            from = places.get(written).copied().unwrap_or(next);
        }
        Ok(from)
    }

    fn cannot_store(&self, found: Unstorable) -> Error {
        let (unit, line) = (self.unit(found.row), u64::from(self.line(found.row)) + 1);
        Error::input(found.fault.reason()).at(format_args!("unit {unit}, line {line}"))
    }
}

impl Calls<'_> {
    /// The next calls, some at a time, and the place behind them.
    fn places(&self, mut next: Place, end: usize) -> Result<(Vec<Place>, Place)> {
        let mut places = Vec::with_capacity(BLOCK);
        while next.row < end && places.len() < BLOCK {
            let samples = self.samples.get(next.row).unwrap_or_default();
            if next.call == 0 {
                let same = |spans: &Spans<'_>| spans.get(next.row).is_none_or(|span| span.len() == samples.len());
                if !self.spans.iter().all(same) || !self.gt.iter().all(|(spans, _)| same(spans)) {
                    return Err(Error::internal("the calls of a row do not have one length in all columns"));
                }
                let numbers = self.numbers.values().get(samples.clone()).unwrap_or_default();
                if self.numbers.null_count() > 0 && samples.clone().any(|at| self.numbers.is_null(at)) {
                    return Err(Error::internal("a call does not say whose it is"));
                }
                // The digest of a unit's calls is made in this order.
                if !numbers.is_sorted_by(|one, next| one < next) {
                    return Err(Error::internal("the calls of a row are not in the order of their samples"));
                }
            }
            let last = samples.len().min(next.call + BLOCK - places.len());
            places.extend((next.call..last).map(|call| Place { call, ..next }));
            next = if last == samples.len() { Place { row: next.row + 1, call: 0 } } else { Place { call: last, ..next } };
        }
        Ok((places, next))
    }

    fn put(
        &self,
        owner: Owner,
        first_row: usize,
        places: &[Place],
        chrom: Text<'_>,
        [contigs, gts, formats]: &mut [Staging; 3],
        out: &mut Buffer,
    ) -> Result<usize, Unstorable> {
        let at = |spans: &Spans<'_>, place: Place| spans.get(place.row).map(|span| span.start + place.call);
        let id = |nth: usize| owner.first_id + (places[nth].row - first_row) as i64;
        let sample = |nth: usize| at(&self.samples, places[nth]).map_or(0, |at| self.numbers.value(at));
        let mut of_row = contig(chrom);
        let write_gt =
            |nth: usize, out: &mut Staging| match self.gt.as_ref().and_then(|(spans, gt)| Some((at(spans, places[nth])?, gt))) {
                Some((at, gt)) => gt.put(at, out),
                None => out.null(),
            };
        let write_format = |nth: usize, out: &mut Staging| {
            self.format.put(|column| self.spans.get(column).and_then(|spans| at(spans, places[nth])), out);
        };
        out.put(
            &mut [
                &mut Constant::of(&[&owner.load]),
                &mut Fixed { nulls: None, value: |nth| id(nth).to_be_bytes() },
                &mut Constant::of(&[&owner.input.to_be_bytes()]),
                &mut Fixed { nulls: None, value: |nth| sample(nth).to_be_bytes() },
                &mut Staged { stage: contigs, write: |nth: usize, out: &mut Staging| of_row(places[nth].row, out) },
                &mut Staged { stage: gts, write: write_gt },
                &mut Staged { stage: formats, write: write_format },
            ],
            0..places.len(),
        )
    }
}

/// Writes a row's contig. Neighbours mostly share theirs, so the last one's name is kept.
fn contig<'a>(chrom: Text<'a>) -> impl FnMut(usize, &mut Staging) + 'a {
    let mut last = ("", Cow::Borrowed(""));
    move |row, out| match chrom.get(row) {
        None => out.null(),
        Some(_) if chrom.holds_nul(row) => out.set_fault(Fault::Nul),
        Some(raw) => {
            if last.0 != raw {
                last = (raw, canonical_contig(raw));
            }
            out.field(last.1.as_bytes());
        }
    }
}
