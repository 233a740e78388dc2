//! One record's line into one row: the hot loop. Bytes in, typed builders out; what is not asked for is skipped. It must not
//! know files, units' borders or tasks.

mod bcf;
mod calls;
mod extent;
mod fixed;
mod info;
mod known;
mod needle;
mod odd;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::datatypes::{DataType, SchemaRef};

use super::bcf::Dictionary;
use super::columns::{How, Reason};
use super::config::Calls;
use super::filter::Predicate;
use super::header::{Declared, Fields, reserved};
use super::regions::Regions;
use super::schema::Slot;
use super::strict::{At, Checker, Rules};
use crate::error::Result;

use bcf::Binary;
use calls::CallsDecoder;
use extent::Extent;
use fixed::{Columns, Fixed};
use info::InfoDecoder;
use known::Known;
use odd::{Odd, Tally};

/// What decoding one input needs to know. Shared by all partitions.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub fields: Arc<Fields>,
    pub regions: Arc<Regions>,
    pub predicate: Arc<Predicate>,
    pub calls: Calls,
    /// The table has the catch-all columns, so values that fit no column are not lost.
    pub open: (bool, bool),
    /// The projected schema and what its columns are filled from.
    pub schema: SchemaRef,
    pub slots: Arc<[Slot]>,
}

/// What one input's header says about its records.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Columns every record has.
    pub columns: usize,
    /// The minor version: 2 of 4.2.
    pub minor: u32,
    /// Strings are percent-encoded (from VCF 4.3 on).
    pub percent: bool,
    /// GT may begin with a phase (from VCF 4.4 on).
    pub leading_phase: bool,
    /// For every sample column its index among the samples that are kept, which are in the order of the columns.
    pub samples: Arc<[Option<u32>]>,
    pub declared: Arc<Declared>,
    /// The specification's letter, when records are held to it.
    pub strict: Option<Arc<Rules>>,
    /// The input is BCF, and this is what its numbers mean.
    pub binary: Option<Arc<Dictionary>>,
}

/// Where a record is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Record,
    Column(&'static str),
    /// A declared INFO field, by index.
    Info(usize),
    /// A declared FORMAT field, by index.
    Format(usize),
    /// A reserved key that is not among the fields, and the column it is missing in or wrong.
    Reserved(&'static str, &'static str),
}

/// Why a record cannot become a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub place: Place,
    pub reason: Reason,
}

impl Bad {
    fn new(place: Place, reason: Reason) -> Self {
        Self { place, reason }
    }

    fn column(name: &'static str, reason: Reason) -> Self {
        Self::new(Place::Column(name), reason)
    }

    /// The field's id as quarantine entries and errors name it.
    pub(crate) fn field(&self, fields: &Fields) -> String {
        let id = |list: &[super::header::Field], i: usize| list.get(i).map(|field| field.id.clone()).unwrap_or_default();
        match self.place {
            Place::Record => "record".into(),
            Place::Column(name) => name.into(),
            Place::Info(i) => format!("INFO/{}", id(&fields.info, i)),
            Place::Format(i) => format!("FORMAT/{}", id(&fields.formats, i)),
            Place::Reserved(column, key) => format!("{column}/{key}"),
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Row,
    OutOfRegion,
    /// A pushed-down predicate drops it.
    Filtered,
    Bad(Bad),
}

/// Builds batches from the records of one input.
pub(crate) struct Decoder {
    recipe: Recipe,
    shape: Shape,
    fixed: Fixed,
    info: InfoDecoder,
    calls: Option<CallsDecoder>,
    /// Absent while it is lent out, and for text.
    binary: Option<Binary>,
    known: Known,
    strict: Option<Checker>,
    odd: Tally,
    lines: Vec<u32>,
    rows: usize,
    wants_end: bool,
}

impl Decoder {
    pub(crate) fn new(recipe: Recipe, shape: Shape) -> Self {
        let has = |slot: Slot| recipe.slots.contains(&slot);
        let info = InfoDecoder::new(&recipe.fields.info, &recipe.slots, recipe.open.0);
        let wants_calls = recipe.slots.iter().any(|slot| matches!(slot, Slot::Sample | Slot::Call(_) | Slot::CallsOther));
        let calls = wants_calls.then(|| CallsDecoder::new(&recipe, &shape));
        Self {
            fixed: Fixed::new(&recipe.slots),
            info,
            calls,
            binary: shape.binary.clone().map(|dictionary| Binary::new(dictionary, &recipe)),
            known: Known::new(shape.declared.clone()),
            strict: shape.strict.clone().map(Checker::new),
            odd: Tally::default(),
            lines: Vec::new(),
            rows: 0,
            wants_end: has(Slot::EndPos),
            recipe,
            shape,
        }
    }

    /// Are calls decoded?
    pub(crate) fn has_calls(&self) -> bool {
        self.calls.is_some()
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
        let name = |place| Bad::new(place, "").field(&self.recipe.fields);
        let fields = info.chain(calls).map(|(place, odd, n)| (name(place), odd, n));
        let records =
            self.odd.counts().map(|(odd, n)| (if odd == Odd::EndBeforePos { "INFO/END" } else { "record" }.to_owned(), odd, n));
        fields.chain(records).chain(self.known.oddities()).map(|(field, odd, n)| (field, odd.what(), n)).collect()
    }

    /// The checker of strict mode, which must see every line of the input in order.
    pub(crate) fn strict(&mut self) -> Option<&mut Checker> {
        self.strict.as_mut()
    }

    fn check(&mut self, line: &[u8]) -> std::result::Result<(), Bad> {
        let Some(checker) = &mut self.strict else { return Ok(()) };
        let fields = &self.recipe.fields;
        let find = |list: &[super::header::Field], key: &[u8]| list.iter().position(|field| field.id.as_bytes() == key);
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

    /// Takes one line without its line ending, or one record of BCF. `clean`: the line is known to be UTF-8 without NUL,
    /// which no database's text can hold. A bad record leaves nothing behind.
    pub(crate) fn record(&mut self, line: &[u8], ordinal: u32, clean: bool) -> Outcome {
        let taken = match self.binary.take() {
            None => self.try_record(line, ordinal, clean),
            Some(mut binary) => {
                let taken = self.try_binary(&mut binary, line, ordinal);
                self.binary = Some(binary);
                taken
            }
        };
        match taken {
            Ok(outcome) => outcome,
            Err(bad) => {
                self.fixed.truncate(self.rows);
                self.info.truncate(self.rows);
                if let Some(calls) = &mut self.calls {
                    calls.truncate(self.rows);
                }
                Outcome::Bad(bad)
            }
        }
    }

    fn try_record(&mut self, line: &[u8], ordinal: u32, clean: bool) -> std::result::Result<Outcome, Bad> {
        self.check(line)?;
        let (columns, rest) = Columns::split(line)?;
        let at = columns.position()?;
        let texts = columns.all();
        let [chrom, _, _, reference, alt, qual, filter, info] = texts;
        if !self.recipe.regions.contains(chrom, at) {
            return Ok(Outcome::OutOfRegion);
        }
        if !clean {
            if std::str::from_utf8(line).is_err() {
                return Err(Bad::new(Place::Record, "not UTF-8"));
            }
            if memchr::memchr(0, line).is_some() {
                return Err(Bad::new(Place::Record, "holds a NUL byte"));
            }
        }
        fixed::check(&texts)?;
        let extent = Extent { minor: self.shape.minor, pos: at, reference, alt, info, rest };
        let predicate = &self.recipe.predicate;
        if !predicate.is_empty() {
            let end = || extent.end(info::find_end(info));
            let quality = if predicate.reads_qual() { fixed::quality(qual)? } else { None };
            if !predicate.keeps(chrom, at, end, quality) {
                self.check_columns(rest)?;
                return Ok(Outcome::Filtered);
            }
        }

        let row = self.rows;
        let percent = self.shape.percent && memchr::memchr(b'%', line).is_some();
        let how = How { percent };
        let alts = fixed::count_alts(alt);
        let mut end = None;
        if self.info.is_wanted() {
            end = self.info.decode(info, row, alts, how)?;
        } else if self.wants_end {
            end = info::find_end(info);
        }
        match &mut self.calls {
            Some(calls) => calls.decode(rest, row, alts, how)?,
            None => self.check_columns(rest)?,
        }
        self.fixed.push(&columns, at, extent.end(end))?;
        self.known.see(chrom, filter);
        if end.is_some_and(|end| end < at) {
            self.odd.add(Odd::EndBeforePos);
        }
        self.lines.push(ordinal);
        self.rows += 1;
        Ok(Outcome::Row)
    }

    fn check_columns(&mut self, rest: Option<&[u8]>) -> std::result::Result<(), Bad> {
        let found = 8 + rest.map_or(0, |rest| 1 + memchr::memchr_iter(b'\t', rest).count());
        if !columns_fit(found, self.shape.columns) {
            return Err(wrong_columns());
        }
        if found > self.shape.columns {
            self.odd.add(Odd::SurplusColumns);
        }
        Ok(())
    }

    /// The rows since the last batch as a batch of `unit`.
    pub(crate) fn flush(&mut self, unit: u32) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(rows));
        let lines: ArrayRef = Arc::new(UInt32Array::from(lines));
        let mut calls = self.calls.as_mut().map(|calls| calls.finish(rows));
        let mut arrays = Vec::with_capacity(self.recipe.slots.len());
        for slot in self.recipe.slots.iter() {
            let array = match slot {
                Slot::Unit => Some(Arc::new(UInt32Array::from_value(unit, rows)) as ArrayRef),
                Slot::Row => Some(lines.clone()),
                Slot::AltIndex => Some(Arc::new(Int32Array::new_null(rows)) as ArrayRef),
                Slot::Info(_) | Slot::InfoOther => self.info.finish(*slot, rows),
                Slot::Sample | Slot::Call(_) | Slot::CallsOther => calls.as_mut().and_then(|calls| calls.take(*slot)),
                fixed => self.fixed.finish(*fixed),
            };
            // Every slot of the recipe has a builder; an absent one would show as a schema error below.
            arrays.push(array.unwrap_or_else(|| new_null_array(&DataType::Null, rows)));
        }
        let options = datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.recipe.schema.clone(), arrays, &options)?)
    }
}

/// A record has the header's columns. Leniently, one without FORMAT has no calls, and columns that no header names are passed
/// over: nobody knows whose they are.
fn columns_fit(found: usize, columns: usize) -> bool {
    found >= columns || found == 8
}

fn unlisted(column: &'static str, key: Option<&'static str>) -> Place {
    key.map_or(Place::Column(column), |key| Place::Reserved(column, key))
}

fn wrong_columns() -> Bad {
    Bad::new(Place::Record, "another number of columns than the header")
}

/// How many values a field should have, when that does not depend on the ploidy.
fn expected(number: crate::flow::Number, alts: usize) -> Option<usize> {
    use crate::flow::Number;
    match number {
        Number::Count(n) if n > 1 => usize::try_from(n).ok(),
        Number::A => Some(alts),
        Number::R => Some(alts + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
