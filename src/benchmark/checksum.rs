//! One number over every cell of many batches, whatever their order, cut and container. It must not take long: it runs beside
//! what is measured.

use std::fmt;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type, UInt32Type};

use super::is_internal;
use crate::error::{Error, Result};

const A: u64 = 0x9e37_79b9_7f4a_7c15;
const B: u64 = 0xd1b5_4a32_d192_ed03;
/// Stands for a missing value.
const MISSING: u64 = 0x2545_f491_4f6c_dd1d;

/// Sum of the rows' numbers; a row's number chains its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(u64);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Checksum {
    /// Adds a batch's rows. The internal columns do not count: they say how the input was cut.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rows = vec![A; batch.num_rows()];
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if !is_internal(field.name()) {
                column(array, &mut rows)?;
            }
        }
        self.0 = rows.iter().fold(self.0, |sum, row| sum.wrapping_add(fold(*row, B)));
        Ok(())
    }

    /// Adds what another thread summed up.
    pub fn join(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

/// Both halves of a product: every bit of both factors counts.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ A) * u128::from(b | 1);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn chain(so_far: &mut u64, value: u64) {
    *so_far = fold(*so_far ^ value, B);
}

fn unknown(kind: &DataType) -> Error {
    Error::internal(format!("no checksum over {kind}"))
}

/// Chains a column's values to their rows.
fn column(array: &ArrayRef, rows: &mut [u64]) -> Result<()> {
    let nulls = array.nulls();
    match array.data_type() {
        DataType::Int32 => primitive::<Int32Type>(array, nulls, rows, |value| value as u64),
        DataType::UInt32 => primitive::<UInt32Type>(array, nulls, rows, u64::from),
        DataType::Int64 => primitive::<Int64Type>(array, nulls, rows, |value| value as u64),
        DataType::Float64 => primitive::<Float64Type>(array, nulls, rows, f64::to_bits),
        DataType::Null => rows.iter_mut().for_each(|row| chain(row, MISSING)),
        _ => {
            for (i, row) in rows.iter_mut().enumerate() {
                match nulls.is_some_and(|nulls| nulls.is_null(i)) {
                    true => chain(row, MISSING),
                    false => chain(row, range(array, i, i + 1)?),
                }
            }
        }
    }
    Ok(())
}

fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    nulls: Option<&NullBuffer>,
    rows: &mut [u64],
    bits: impl Fn(T::Native) -> u64,
) {
    let values = array.as_primitive::<T>().values();
    match nulls {
        None => rows.iter_mut().zip(values).for_each(|(row, value)| chain(row, bits(*value))),
        Some(nulls) => rows.iter_mut().zip(values).zip(nulls).for_each(|((row, value), valid)| {
            chain(row, if valid { bits(*value) } else { MISSING });
        }),
    }
}

/// One number over the values `from .. to` of an array, its nested values included. Slots that are null hold zeros or nothing.
fn range(array: &dyn Array, from: usize, to: usize) -> Result<u64> {
    let mut sum = (to - from) as u64;
    // Whether a range without nulls lies in an array with some is the cut's doing.
    if let Some(nulls) = array.nulls().map(|nulls| nulls.inner().slice(from, to - from))
        && nulls.count_set_bits() < to - from
    {
        bits(&nulls, 0, to - from, &mut sum);
    }
    match array.data_type() {
        DataType::Int32 => words(&array.as_primitive::<Int32Type>().values()[from..to], &mut sum),
        DataType::Float64 => words(&array.as_primitive::<Float64Type>().values()[from..to], &mut sum),
        DataType::Int64 => words(&array.as_primitive::<Int64Type>().values()[from..to], &mut sum),
        DataType::Boolean => {
            let booleans: &BooleanArray = array.as_boolean();
            bits(booleans.values(), from, to, &mut sum);
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            let offsets = &texts.value_offsets()[from..=to];
            lengths(offsets, &mut sum);
            bytes(&texts.value_data()[offsets[0] as usize..offsets[to - from] as usize], &mut sum);
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let offsets = &lists.value_offsets()[from..=to];
            lengths(offsets, &mut sum);
            chain(&mut sum, range(lists.values(), offsets[0] as usize, offsets[to - from] as usize)?);
        }
        DataType::Struct(_) => {
            for child in array.as_struct().columns() {
                chain(&mut sum, range(child, from, to)?);
            }
        }
        other => return Err(unknown(other)),
    }
    Ok(sum)
}

/// How long each list or text is.
fn lengths(offsets: &[i32], sum: &mut u64) {
    // Pairs, so that two lengths cost one product.
    let mut pairs = offsets.windows(2);
    while let Some(first) = pairs.next() {
        let second = pairs.next().map_or(0, |pair| pair[1] - pair[0]);
        chain(sum, (first[1] - first[0]) as u32 as u64 | u64::from(second as u32) << 32);
    }
}

fn words<T: datafusion::arrow::datatypes::ArrowNativeType>(values: &[T], sum: &mut u64) {
    bytes(datafusion::arrow::datatypes::ToByteSlice::to_byte_slice(values), sum);
}

fn bytes(text: &[u8], sum: &mut u64) {
    let (chunks, rest) = text.as_chunks::<16>();
    for chunk in chunks {
        let both = u128::from_le_bytes(*chunk);
        *sum = fold(*sum ^ both as u64, (both >> 64) as u64 ^ B);
    }
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    let both = u128::from_le_bytes(last);
    *sum = fold(*sum ^ both as u64, (both >> 64) as u64 ^ B);
}

fn bits(values: &BooleanBuffer, from: usize, to: usize, sum: &mut u64) {
    let slice = values.slice(from, to - from);
    slice.bit_chunks().iter_padded().for_each(|word| chain(sum, word));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, Int32Array, Int64Array, ListArray, StringArray};
    use datafusion::arrow::datatypes::Float64Type;

    use super::*;

    fn of(batches: &[RecordBatch]) -> Checksum {
        let mut sum = Checksum::default();
        batches.iter().for_each(|batch| sum.add(batch).unwrap());
        sum
    }

    fn batch() -> RecordBatch {
        let floats = vec![Some(vec![Some(0.5), None]), None, Some(vec![]), Some(vec![Some(1.5)])];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("pos", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
            ("qual", Arc::new(Float64Array::from(vec![Some(1.0), None, Some(0.0), Some(2.0)]))),
            ("ref", Arc::new(StringArray::from(vec!["A", "AC", "", "G"]))),
            ("info.AF", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(floats))),
            ("__row", Arc::new(Int32Array::from(vec![7, 8, 9, 10]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn neither_order_nor_cut_matters() {
        let whole = batch();
        for at in 0..=4 {
            assert_eq!(of(&[whole.slice(at, 4 - at), whole.slice(0, at)]), of(&[whole.clone()]));
        }
    }

    #[test]
    fn every_cell_matters() {
        let whole = batch();
        let sum = of(&[whole.clone()]);
        for column in 0..4 {
            // The first two rows' values change places.
            let array = whole.column(column);
            let indices = datafusion::arrow::array::UInt32Array::from(vec![1, 0, 2, 3]);
            let swapped = datafusion::arrow::compute::take(array, &indices, None).unwrap();
            let mut columns = whole.columns().to_vec();
            columns[column] = swapped;
            assert_ne!(of(&[RecordBatch::try_new(whole.schema(), columns).unwrap()]), sum, "column {column}");
        }
        assert_ne!(of(&[whole.slice(0, 3)]), sum);
        let null = Float64Array::from(vec![Some(1.0), Some(0.0), Some(0.0), Some(2.0)]);
        let mut columns = whole.columns().to_vec();
        columns[1] = Arc::new(null);
        assert_ne!(of(&[RecordBatch::try_new(whole.schema(), columns).unwrap()]), sum);
    }
}
