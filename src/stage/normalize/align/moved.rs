//! Writes moved alleles into a batch's columns and keeps the originals. It must not know why a row moves.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{Int32Type, Int64Type, SchemaRef};

use crate::error::{Error, Result};
use crate::flow::column;

/// END of a record that names its own; it follows a moved allele, as `bcftools norm` has it.
pub(super) const INFO_END: &str = "info.END";

/// One row's new place and alleles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub row: usize,
    /// 1-based.
    pub pos: i64,
    pub reference: String,
    pub alt: Option<String>,
    /// The last position of REF, 1-based; `None` leaves `end_pos` as it is.
    pub end: Option<i64>,
}

/// The batch with `moves` (by rising row) made, and `orig_pos`, `orig_ref`, `orig_alt` appended, as `output` has it.
pub(super) fn rewrite(batch: &RecordBatch, moves: &[Move], output: SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let by_row: HashMap<usize, &Move> = moves.iter().map(|m| (m.row, m)).collect();
    let mut columns = batch.columns().to_vec();
    if !moves.is_empty() {
        for (array, field) in columns.iter_mut().zip(batch.schema_ref().fields()) {
            let new: Option<ArrayRef> = match field.name().as_str() {
                column::POS => Some(Arc::new(longs(array, &by_row, |m| Some(m.pos))?)),
                column::END_POS => Some(Arc::new(longs(array, &by_row, |m| m.end)?)),
                column::REF => Some(Arc::new(texts(array, &by_row, |m| Some(&m.reference))?)),
                column::ALT => Some(Arc::new(texts(array, &by_row, |m| m.alt.as_deref())?)),
                INFO_END => array.as_primitive_opt::<Int32Type>().map(|ends| Arc::new(declared_ends(ends, &by_row)) as ArrayRef),
                _ => None,
            };
            if let Some(new) = new {
                *array = new;
            }
        }
    }
    let original = |name: &str| batch.column_by_name(name).ok_or_else(unplanned);
    let (pos, reference, alt) = (original(column::POS)?, original(column::REF)?, original(column::ALT)?);
    columns.push(Arc::new(original_longs(pos, moves, rows)?));
    columns.push(Arc::new(original_texts(reference, moves, rows)?));
    columns.push(Arc::new(original_texts(alt, moves, rows)?));
    Ok(RecordBatch::try_new_with_options(output, columns, &RecordBatchOptions::new().with_row_count(Some(rows)))?)
}

fn unplanned() -> Error {
    Error::internal("a batch does not have the planned schema")
}

fn as_longs(array: &ArrayRef) -> Result<&Int64Array> {
    array.as_primitive_opt::<Int64Type>().ok_or_else(unplanned)
}

fn as_texts(array: &ArrayRef) -> Result<&StringArray> {
    array.as_string_opt::<i32>().ok_or_else(unplanned)
}

fn longs(array: &ArrayRef, moves: &HashMap<usize, &Move>, new: impl Fn(&Move) -> Option<i64>) -> Result<Int64Array> {
    let old = as_longs(array)?.iter().enumerate();
    Ok(old.map(|(row, value)| moves.get(&row).and_then(|m| new(m)).or(value)).collect())
}

fn declared_ends(ends: &Int32Array, moves: &HashMap<usize, &Move>) -> Int32Array {
    let end = |row: usize| i32::try_from(moves.get(&row)?.end?).ok();
    ends.iter().enumerate().map(|(row, value)| value.map(|value| end(row).unwrap_or(value))).collect()
}

fn texts<'a>(
    array: &ArrayRef,
    moves: &HashMap<usize, &'a Move>,
    new: impl Fn(&'a Move) -> Option<&'a str>,
) -> Result<StringArray> {
    let old = as_texts(array)?;
    let mut builder = StringBuilder::with_capacity(old.len(), old.value_data().len());
    for (row, value) in old.iter().enumerate() {
        builder.append_option(moves.get(&row).and_then(|m| new(m)).or(value));
    }
    Ok(builder.finish())
}

fn original_longs(array: &ArrayRef, moves: &[Move], rows: usize) -> Result<Int64Array> {
    let old = as_longs(array)?;
    let mut next = moves.iter().map(|m| m.row).peekable();
    Ok((0..rows).map(|row| next.next_if_eq(&row).filter(|row| old.is_valid(*row)).map(|row| old.value(row))).collect())
}

fn original_texts(array: &ArrayRef, moves: &[Move], rows: usize) -> Result<StringArray> {
    let old = as_texts(array)?;
    let mut builder = StringBuilder::with_capacity(rows, 0);
    let mut next = moves.iter().map(|m| m.row).peekable();
    for row in 0..rows {
        let moved = next.next_if_eq(&row).is_some() && old.is_valid(row);
        builder.append_option(moved.then(|| old.value(row)));
    }
    Ok(builder.finish())
}
