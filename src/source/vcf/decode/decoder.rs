//! The builders of one input's batches and what is shared by its records, text and BCF. It must not know how either is read.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use datafusion::arrow::datatypes::DataType;

use super::alt_ends::AltEnds;
use super::bad::{Bad, Place};
use super::binary::Binary;
use super::calls::CallsDecoder;
use super::extent::Extent;
use super::fixed::Fixed;
use super::info::InfoDecoder;
use super::odd::{Odd, Tally};
use super::recipe::Recipe;
use super::undeclared::UndeclaredNames;
use crate::error::Result;
use crate::source::vcf::columns::Blanks;
use crate::source::vcf::header::{Field, Fields, reserved};
use crate::source::vcf::shape::Shape;
use crate::source::vcf::slot::Slot;
use crate::source::vcf::strict::{At, Checker};

/// Rows of a batch, when they are narrow.
const MOST_ROWS: usize = 8192;
/// Rows times columns of a batch, and of calls: samples times columns.
const CELLS: usize = 1 << 22;

/// Builds batches from the records of one input.
pub(crate) struct Decoder {
    pub(super) recipe: Recipe,
    pub(super) shape: Shape,
    pub(super) fixed: Fixed,
    alt_ends: Option<AltEnds>,
    /// Room for the ends of one record's ALTs.
    ends: Vec<i64>,
    pub(super) info: InfoDecoder,
    pub(super) calls: Option<CallsDecoder>,
    /// Absent while it is lent out, and for text.
    pub(super) binary: Option<Binary>,
    pub(super) undeclared: UndeclaredNames,
    pub(super) strict: Option<Checker>,
    pub(super) odd: Tally,
    pub(super) lines: Vec<u32>,
    pub(super) rows: usize,
    pub(super) wants_end: bool,
}

impl Decoder {
    pub(crate) fn new(recipe: Recipe, shape: Shape) -> Self {
        let has = |slot: Slot| recipe.slots.contains(&slot);
        let info = InfoDecoder::new(&recipe.fields.info, &recipe.slots, recipe.catch_all.info, shape.strict.is_some());
        let wants_calls = recipe.slots.iter().any(|slot| matches!(slot, Slot::Sample | Slot::Call(_) | Slot::CallsOther));
        let calls = wants_calls.then(|| CallsDecoder::new(&recipe, &shape));
        Self {
            fixed: Fixed::new(&recipe.slots),
            alt_ends: has(Slot::AltEnds).then(AltEnds::default),
            ends: Vec::new(),
            info,
            calls,
            binary: shape.binary.clone().map(|dictionary| Binary::new(dictionary, &recipe)),
            undeclared: UndeclaredNames::new(shape.declared.clone()),
            strict: shape.strict.clone().map(Checker::new),
            odd: Tally::default(),
            lines: Vec::new(),
            rows: 0,
            wants_end: has(Slot::EndPos) || has(Slot::AltEnds),
            recipe,
            shape,
        }
    }

    /// Are calls decoded?
    pub(crate) fn has_calls(&self) -> bool {
        self.calls.is_some()
    }

    /// Rows that a batch may have: fewer the more columns there are, as each may have to be filled, or made anew by whoever
    /// comes behind, because of one value. At least one.
    pub(crate) fn most_rows(&self) -> usize {
        let is_call = |slot: &&Slot| matches!(slot, Slot::Sample | Slot::Call(_) | Slot::CallsOther);
        let calls = self.recipe.slots.iter().filter(is_call).count();
        let kept = self.shape.samples.iter().flatten().count();
        (CELLS / (self.recipe.slots.len() + calls * kept).max(1)).clamp(1, MOST_ROWS)
    }

    /// Rows since the last batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.recipe.fields
    }

    /// What was tolerated since the start: field id, words, how often.
    pub(crate) fn oddities(&self) -> Vec<(String, &'static str, u64)> {
        let info = self.info.oddities().map(|(i, odd, n)| (i.map_or(Place::Column("INFO"), Place::Info), odd, n));
        let calls = self.calls.iter().flat_map(CallsDecoder::oddities);
        let calls = calls.map(|(i, odd, n)| (i.map_or(Place::Column("FORMAT"), Place::Format), odd, n));
        let name = |place: Place| place.field(&self.recipe.fields);
        let fields = info.chain(calls).map(|(place, odd, n)| (name(place), odd, n));
        let of_record = |odd| match odd {
            Odd::EndBeforePos | Odd::EndElsewhere => "INFO/END",
            Odd::Empty => "QUAL",
            _ => "record",
        };
        let records = self.odd.counts().map(|(odd, n)| (of_record(odd).to_owned(), odd, n));
        fields.chain(records).chain(self.undeclared.oddities()).map(|(field, odd, n)| (field, odd.text(), n)).collect()
    }

    /// The next line has no line ending, so it may be cut: before VCF 4.3 (section 1.6) nobody demands one.
    pub(crate) fn open_end(&mut self) {
        self.strict.iter_mut().for_each(Checker::open_end);
        self.odd.add(Odd::OpenEnd);
    }

    /// The checker of strict mode, which must see every line of the input in order.
    pub(crate) fn strict(&mut self) -> Option<&mut Checker> {
        self.strict.as_mut()
    }

    pub(super) fn check(&mut self, line: &[u8]) -> std::result::Result<(), Bad> {
        let Some(checker) = &mut self.strict else { return Ok(()) };
        let fields = &self.recipe.fields;
        let find = |list: &[Field], key: &[u8]| list.iter().position(|field| field.id.as_bytes() == key);
        checker.check(line).map_err(|fault| {
            let place = match fault.at {
                At::Record => Place::Record,
                At::Column(name) => Place::Column(name),
                At::Info(key) => find(&fields.info, key).map_or_else(|| unlisted("INFO", reserved::name(key, true)), Place::Info),
                At::Format(key) => {
                    find(&fields.formats, key).map_or_else(|| unlisted("FORMAT", reserved::name(key, false)), Place::Format)
                }
            };
            Bad::new(place, fault.reason)
        })
    }

    /// Where each ALT of a record that becomes a row ends by itself.
    #[inline]
    pub(super) fn push_alt_ends(&mut self, extent: Extent<'_>, end: Option<i64>, last: i64) {
        if let Some(column) = &mut self.alt_ends {
            let apart = extent.apart(end, last, &mut self.ends);
            column.push(apart.then_some(self.ends.as_slice()));
        }
    }

    /// Books a record that became a row. `odd`: what is so of its END.
    #[inline(always)]
    pub(super) fn book(&mut self, chrom: &[u8], filter: &[u8], odd: Option<Odd>, ordinal: u32) {
        self.undeclared.see(chrom, filter);
        if let Some(odd) = odd {
            self.odd.add(odd);
        }
        self.lines.push(ordinal);
        self.rows += 1;
    }

    /// The rows since the last batch as a batch of `unit`.
    pub(crate) fn flush(&mut self, unit: u32) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(rows));
        let lines: ArrayRef = Arc::new(UInt32Array::from(lines));
        let mut calls = self.calls.as_mut().map(|calls| calls.finish(rows));
        let mut blanks = Blanks::default();
        let mut arrays = Vec::with_capacity(self.recipe.slots.len());
        for slot in self.recipe.slots.iter() {
            let array = match slot {
                Slot::Unit => Some(Arc::new(UInt32Array::from_value(unit, rows)) as ArrayRef),
                Slot::Row => Some(lines.clone()),
                Slot::AltEnds => self.alt_ends.as_mut().map(AltEnds::finish),
                Slot::AltIndex => Some(Arc::new(Int32Array::new_null(rows)) as ArrayRef),
                Slot::Info(_) | Slot::InfoOther => self.info.finish(*slot, rows, &mut blanks),
                Slot::Sample | Slot::Call(_) | Slot::CallsOther => calls.as_mut().and_then(|calls| calls.take(*slot)),
                fixed => self.fixed.finish(*fixed),
            };
            // Every slot of the recipe has a builder; an absent one would show as a schema error below.
            arrays.push(array.unwrap_or_else(|| new_null_array(&DataType::Null, rows)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.recipe.schema.clone(), arrays, &options)?)
    }
}

fn unlisted(column: &'static str, key: Option<&'static str>) -> Place {
    key.map_or(Place::Column(column), |key| Place::Reserved(column, key))
}
