//! Divides batches: which rows there will be, then column by column. It must not know header lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};

use super::by_number::Rows;
use super::calls::Beside;
use super::info::as_list;
use super::local::{Counting, Locals};
use super::shape::{Per, Shape};
use super::spill::Spill;
use super::{calls, entries, info};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::flow::column;
use crate::stage::recorded::Work;

/// The opened stage.
#[derive(Debug)]
pub(in crate::stage::normalize) struct Split {
    shapes: Vec<Shape>,
    /// Where the genotypes are, LAA, and the ends by ALT.
    genotype: Option<usize>,
    laa: Option<usize>,
    alt_ends: Option<usize>,
    output: SchemaRef,
    dropped: Mutex<BTreeMap<String, u64>>,
}

impl Split {
    pub(in crate::stage::normalize) fn new(input: &Schema, output: SchemaRef) -> Self {
        let shapes: Vec<Shape> = input.fields().iter().map(|field| Shape::of(field)).collect();
        let at = |wanted| shapes.iter().position(|shape| *shape == wanted);
        let (genotype, alt_ends) = (at(Shape::Genotype), at(Shape::AltEnds));
        Self { genotype, laa: input.index_of(column::CALLS_LAA).ok(), alt_ends, shapes, output, dropped: Mutex::default() }
    }
}

impl Work for Split {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if batch.num_columns() != self.shapes.len() {
            return Err(Error::internal("a batch does not have the planned schema"));
        }
        let alt = batch
            .column_by_name(column::ALT)
            .and_then(|alt| alt.as_string_opt::<i32>())
            .ok_or_else(|| Error::internal("the column alt is missing"))?;
        let mut work = Division::new(self, &batch, alt);
        let mut spill = Spill {
            keeps_info: self.shapes.contains(&Shape::InfoOther),
            keeps_calls: self.shapes.contains(&Shape::CallsOther),
            ..Spill::default()
        };
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.shapes.len()];
        let late = |shape: &Shape| matches!(shape, Shape::InfoOther | Shape::CallsOther);
        // The catch-all columns come last: the others fill them.
        for pass in [false, true] {
            let stays = |shape: &Shape| late(shape) == pass && *shape != Shape::AltEnds;
            for (index, shape) in self.shapes.iter().enumerate().filter(|(_, shape)| stays(shape)) {
                columns[index] = Some(work.column(index, *shape, &mut spill)?);
            }
        }
        if !spill.dropped.is_empty() {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            for (name, count) in spill.dropped {
                *dropped.entry(name).or_default() += count;
            }
        }
        Ok(RecordBatch::try_new(self.output.clone(), columns.into_iter().flatten().collect())?)
    }

    fn events(&self) -> Vec<Event> {
        let dropped = std::mem::take(&mut *self.dropped.lock().unwrap_or_else(PoisonError::into_inner));
        let event = |(column, count)| Event::ValuesDropped { stage: "normalize".into(), column, count };
        dropped.into_iter().map(event).collect()
    }
}

/// One batch being divided.
struct Division<'a> {
    split: &'a Split,
    batch: &'a RecordBatch,
    alt: &'a StringArray,
    rows: Rows,
    /// Source rows to take; `None` when no record has more than one ALT.
    index: Option<UInt32Array>,
    /// What columns without any value become: of wide files there are many, and all of one kind become the same.
    blanks: Vec<Blank>,
}

/// What columns of one kind become that have no value.
struct Blank {
    shape: Shape,
    /// Of calls: lists that are there, of calls that have no value.
    calls: bool,
    kind: DataType,
    array: ArrayRef,
}

impl<'a> Division<'a> {
    fn new(split: &'a Split, batch: &'a RecordBatch, alt: &'a StringArray) -> Self {
        let mut rows = Rows::default();
        for source in 0..alt.len() {
            let alts = if alt.is_null(source) { 0 } else { 1 + memchr::memchr_iter(b',', alt.value(source).as_bytes()).count() };
            for nth in 0..alts.max(1) {
                rows.source.push(source as u32);
                rows.alt.push(if alts == 0 { 0 } else { nth as u32 + 1 });
                rows.alts.push(alts as u32);
            }
        }
        let index = (rows.source.len() != alt.len()).then(|| UInt32Array::from(rows.source.clone()));
        Self { split, batch, alt, rows, index, blanks: Vec::new() }
    }

    fn column(&mut self, index: usize, shape: Shape, spill: &mut Spill) -> Result<ArrayRef> {
        if !self.is_blank(index, shape) {
            return self.divided(index, shape, spill);
        }
        let (kind, calls) = (self.batch.column(index).data_type(), self.is_of_calls(index));
        let same = |blank: &&Blank| blank.shape == shape && blank.calls == calls && blank.kind == *kind;
        if let Some(blank) = self.blanks.iter().find(same) {
            return Ok(blank.array.clone());
        }
        let array = self.divided(index, shape, spill)?;
        self.blanks.push(Blank { shape, calls, kind: kind.clone(), array: array.clone() });
        Ok(array)
    }

    /// Has the column no value at all? Of calls: no call has one, and all columns of calls have their lists alike.
    fn is_blank(&self, index: usize, shape: Shape) -> bool {
        let none = |array: &dyn Array| array.null_count() == array.len();
        let column = self.batch.column(index);
        match shape {
            Shape::Calls(_) | Shape::UsualCalls(_) | Shape::LocalCalls(_) | Shape::Repeat if self.is_of_calls(index) => {
                column.as_list_opt::<i32>().is_some_and(|calls| none(calls.values()))
            }
            Shape::Info(_) | Shape::UsualInfo(_) | Shape::Repeat => none(column),
            _ => false,
        }
    }

    fn is_of_calls(&self, index: usize) -> bool {
        self.batch.schema_ref().field(index).name().starts_with(column::CALLS)
    }

    fn divided(&self, index: usize, shape: Shape, spill: &mut Spill) -> Result<ArrayRef> {
        let column = self.batch.column(index);
        let schema = self.batch.schema_ref();
        let name = schema.field(index).name();
        Ok(match shape {
            Shape::AltIndex => Arc::new(self.rows.alt.iter().map(|&alt| (alt > 0).then_some(alt as i32)).collect::<Int32Array>()),
            Shape::EndPos if self.index.is_some() => self.ends(column)?,
            Shape::Info(per) if per == Per::Alt || self.index.is_some() => {
                info::divide(name, as_list(column)?, per, &self.rows, spill)?
            }
            Shape::UsualInfo(per) if self.index.is_some() => info::divide_where_fit(as_list(column)?, per, &self.rows)?,
            Shape::UsualCalls(per) if self.index.is_some() => calls::divide_where_fit(as_list(column)?, per, &self.rows)?,
            Shape::Calls(per) if per == Per::Alt || self.index.is_some() => {
                calls::divide(name, as_list(column)?, self.beside(Counting::Record)?, per, &self.rows, spill)?
            }
            Shape::LocalCalls(per) if per == Per::Alt || self.index.is_some() => {
                let locals = self.split.laa.and_then(|at| Locals::of(self.batch.column(at)));
                calls::divide(name, as_list(column)?, self.beside(Counting::Local(locals))?, per, &self.rows, spill)?
            }
            Shape::Entries if self.index.is_some() => entries::divide(as_list(column)?, &self.rows)?,
            Shape::Alt if self.index.is_some() => self.alleles(),
            Shape::Genotype if self.index.is_some() => calls::genotypes(as_list(column)?, &self.rows)?,
            Shape::InfoOther => {
                let repeated = self.repeated(column)?;
                Arc::new(spill.onto_info(repeated.as_string::<i32>()))
            }
            Shape::CallsOther => calls::other(as_list(&self.repeated(column)?)?, spill)?,
            _ => self.repeated(column)?,
        })
    }

    fn repeated(&self, column: &ArrayRef) -> Result<ArrayRef> {
        Ok(match &self.index {
            Some(index) => take(column, index, None)?,
            None => column.clone(),
        })
    }

    fn alleles(&self) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(self.rows.source.len(), self.alt.value_data().len());
        for source in 0..self.alt.len() {
            match self.alt.is_null(source) {
                true => builder.append_null(),
                false => self.alt.value(source).split(',').for_each(|allele| builder.append_value(allele)),
            }
        }
        Arc::new(builder.finish())
    }

    /// The end of each row's own allele.
    fn ends(&self, ends: &ArrayRef) -> Result<ArrayRef> {
        let repeated = self.repeated(ends)?;
        let Some(lists) = self.split.alt_ends.map(|at| as_list(self.batch.column(at))).transpose()? else { return Ok(repeated) };
        if lists.null_count() == lists.len() {
            return Ok(repeated);
        }
        let (values, repeated) = (lists.values().as_primitive::<Int64Type>(), repeated.as_primitive::<Int64Type>());
        let own = |row: usize| {
            let (source, alt) = (self.rows.source[row] as usize, self.rows.alt[row] as usize);
            let (start, len) = info::extent(lists, source);
            (lists.is_valid(source) && (1..=len).contains(&alt)).then(|| values.value(start + alt - 1))
        };
        Ok(Arc::new((0..repeated.len()).map(|row| own(row).unwrap_or_else(|| repeated.value(row))).collect::<Int64Array>()))
    }

    fn beside(&self, counting: Counting<'a>) -> Result<Beside<'a>> {
        let gt = self.split.genotype.map(|at| as_list(self.batch.column(at))).transpose()?;
        Ok(Beside { gt, counting })
    }
}
