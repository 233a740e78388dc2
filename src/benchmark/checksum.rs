//! One number over every cell of many batches, whatever their order, cut and container. It must not take long: it runs beside
//! what is measured.

use std::fmt;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, ToByteSlice};

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
                Cells::of(array)?.add(&mut rows);
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

/// A column looked at through its type once, so that rows cost no look at types.
enum Cells<'a> {
    Ints(&'a [i32], Option<&'a NullBuffer>),
    Longs(&'a [i64], Option<&'a NullBuffer>),
    Floats(&'a [f64], Option<&'a NullBuffer>),
    Flags(&'a BooleanBuffer, Option<&'a NullBuffer>),
    Texts(&'a [i32], &'a [u8], Option<&'a NullBuffer>),
    Lists(&'a [i32], Box<Cells<'a>>, Option<&'a NullBuffer>),
    Structs(Vec<Cells<'a>>, Option<&'a NullBuffer>),
    Nothing,
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Result<Self> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(match array.data_type() {
            DataType::Int32 => Self::Ints(array.as_primitive::<Int32Type>().values(), nulls),
            DataType::Int64 => Self::Longs(array.as_primitive::<Int64Type>().values(), nulls),
            DataType::Float64 => Self::Floats(array.as_primitive::<Float64Type>().values(), nulls),
            DataType::Boolean => Self::Flags(array.as_boolean().values(), nulls),
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                Self::Texts(texts.value_offsets(), texts.value_data(), nulls)
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                Self::Lists(lists.value_offsets(), Box::new(Self::of(lists.values())?), nulls)
            }
            DataType::Struct(_) => {
                let children = array.as_struct().columns().iter();
                Self::Structs(children.map(|child| Self::of(child)).collect::<Result<_>>()?, nulls)
            }
            DataType::Null => Self::Nothing,
            other => return Err(Error::internal(format!("no checksum over {other}"))),
        })
    }

    /// Chains each row's value to its row.
    fn add(&self, rows: &mut [u64]) {
        match self {
            Self::Ints(values, nulls) => each(values, nulls, rows, |value| value as u64),
            Self::Longs(values, nulls) => each(values, nulls, rows, |value| value as u64),
            Self::Floats(values, nulls) => each(values, nulls, rows, f64::to_bits),
            Self::Texts(offsets, data, nulls) => {
                for (i, (row, ends)) in rows.iter_mut().zip(offsets.windows(2)).enumerate() {
                    if is_null(nulls, i) {
                        chain(row, MISSING);
                    } else {
                        chain(row, (ends[1] - ends[0]) as u64);
                        bytes(&data[ends[0] as usize..ends[1] as usize], row);
                    }
                }
            }
            // Whether the items have nulls is the batch's affair: a value must sum up alike with and without them.
            Self::Lists(offsets, items, nulls) => match items.as_ref() {
                Self::Ints(values, gaps) => {
                    short(offsets, nulls, rows, items, |i| if is_null(gaps, i) { MISSING } else { values[i] as u64 });
                }
                Self::Floats(values, gaps) => {
                    short(offsets, nulls, rows, items, |i| if is_null(gaps, i) { MISSING } else { values[i].to_bits() });
                }
                _ => short(offsets, nulls, rows, items, |i| {
                    let mut one = A;
                    items.range(i, i + 1, &mut one);
                    one
                }),
            },
            Self::Nothing => rows.iter_mut().for_each(|row| chain(row, MISSING)),
            Self::Flags(..) | Self::Structs(..) => rows.iter_mut().enumerate().for_each(|(i, row)| self.range(i, i + 1, row)),
        }
    }

    /// Chains the values `from .. to`, nested ones included. What lies under a null does not count.
    fn range(&self, from: usize, to: usize, sum: &mut u64) {
        chain(sum, (to - from) as u64);
        let (Self::Ints(_, nulls)
        | Self::Longs(_, nulls)
        | Self::Floats(_, nulls)
        | Self::Flags(_, nulls)
        | Self::Texts(_, _, nulls)
        | Self::Lists(_, _, nulls)
        | Self::Structs(_, nulls)) = self
        else {
            return;
        };
        // Whether a range without nulls lies in an array with some is the cut's doing.
        if let Some(nulls) = nulls {
            missing(nulls, from, to, sum);
        }
        match self {
            Self::Ints(values, nulls) if has_null(nulls, from, to) => gaps(values, nulls, from, to, sum, |value| value as u64),
            Self::Longs(values, nulls) if has_null(nulls, from, to) => gaps(values, nulls, from, to, sum, |value| value as u64),
            Self::Floats(values, nulls) if has_null(nulls, from, to) => gaps(values, nulls, from, to, sum, f64::to_bits),
            Self::Ints(values, _) => bytes(values[from..to].to_byte_slice(), sum),
            Self::Longs(values, _) => bytes(values[from..to].to_byte_slice(), sum),
            Self::Floats(values, _) => bytes(values[from..to].to_byte_slice(), sum),
            Self::Flags(values, _) => bits(values, from, to, sum),
            Self::Texts(offsets, data, _) => {
                lengths(&offsets[from..=to], sum);
                bytes(&data[offsets[from] as usize..offsets[to] as usize], sum);
            }
            Self::Lists(offsets, items, _) => {
                lengths(&offsets[from..=to], sum);
                items.range(offsets[from] as usize, offsets[to] as usize, sum);
            }
            Self::Structs(children, _) => children.iter().for_each(|child| child.range(from, to, sum)),
            Self::Nothing => {}
        }
    }
}

/// Chains lists to their rows; most hold one value.
#[inline]
fn short(offsets: &[i32], nulls: &Option<&NullBuffer>, rows: &mut [u64], items: &Cells<'_>, word: impl Fn(usize) -> u64) {
    for (i, (row, ends)) in rows.iter_mut().zip(offsets.windows(2)).enumerate() {
        let (from, to) = (ends[0] as usize, ends[1] as usize);
        if is_null(nulls, i) {
            chain(row, MISSING);
        } else if to - from == 1 {
            *row = fold(*row ^ word(from), A);
        } else {
            items.range(from, to, row);
        }
    }
}

#[inline]
fn is_null(nulls: &Option<&NullBuffer>, i: usize) -> bool {
    nulls.is_some_and(|nulls| nulls.is_null(i))
}

#[inline]
fn each<T: Copy>(values: &[T], nulls: &Option<&NullBuffer>, rows: &mut [u64], word: impl Fn(T) -> u64) {
    match nulls {
        None => rows.iter_mut().zip(values).for_each(|(row, value)| chain(row, word(*value))),
        Some(nulls) => rows.iter_mut().zip(values).zip(nulls.iter()).for_each(|((row, value), valid)| {
            chain(row, if valid { word(*value) } else { MISSING });
        }),
    }
}

/// Four sums that do not wait for each other.
const LANES: [u64; 4] = [A, B, MISSING, 0x94d0_49bb_1331_11eb];

#[inline]
fn has_null(nulls: &Option<&NullBuffer>, from: usize, to: usize) -> bool {
    nulls.is_some_and(|nulls| nulls.inner().slice(from, to - from).count_set_bits() < to - from)
}

/// Chains values among which some are missing.
fn gaps<T: Copy>(values: &[T], nulls: &Option<&NullBuffer>, from: usize, to: usize, sum: &mut u64, word: impl Fn(T) -> u64) {
    (from..to).for_each(|i| chain(sum, if is_null(nulls, i) { MISSING } else { word(values[i]) }));
}

/// How long each list or text is; one product for two.
fn lengths(offsets: &[i32], sum: &mut u64) {
    let length = |pair: &[i32]| (pair[1] - pair[0]) as u32 as u64;
    let mut lanes = LANES;
    let (mut from, pairs) = (0, offsets.len() - 1);
    while pairs - from >= 8 {
        let [a, b, c, d, e, f, g, h, i] = std::array::from_fn(|at| offsets[from + at]);
        let both = |a: i32, b: i32, c: i32| (b - a) as u32 as u64 | ((c - b) as u32 as u64) << 32;
        let words = [both(a, b, c), both(c, d, e), both(e, f, g), both(g, h, i)];
        lanes.iter_mut().zip(words).for_each(|(lane, word)| *lane = fold(*lane ^ word, B));
        from += 8;
    }
    if from > 0 {
        lanes.iter().for_each(|lane| chain(sum, *lane));
    }
    offsets[from..].windows(2).for_each(|pair| chain(sum, length(pair)));
}

/// Sixteen bytes a product; what is left over is padded with zeros, lengths are chained by whoever calls.
fn bytes(text: &[u8], sum: &mut u64) {
    let add = |sum: &mut u64, sixteen: &[u8; 16]| {
        let both = u128::from_le_bytes(*sixteen);
        *sum = fold(*sum ^ both as u64, (both >> 64) as u64 ^ B);
    };
    let (blocks, rest) = text.as_chunks::<64>();
    if !blocks.is_empty() {
        let mut lanes = LANES;
        for block in blocks {
            lanes.iter_mut().zip(block.as_chunks::<16>().0).for_each(|(lane, sixteen)| add(lane, sixteen));
        }
        lanes.iter().for_each(|lane| chain(sum, *lane));
    }
    let (chunks, rest) = rest.as_chunks::<16>();
    chunks.iter().for_each(|chunk| add(sum, chunk));
    if !rest.is_empty() {
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        add(sum, &last);
    }
}

fn missing(nulls: &NullBuffer, from: usize, to: usize, sum: &mut u64) {
    if to - from <= 8 {
        (from..to).filter(|i| nulls.is_null(*i)).for_each(|i| chain(sum, MISSING ^ (i - from) as u64));
        return;
    }
    let nulls = nulls.inner().slice(from, to - from);
    if nulls.count_set_bits() < to - from {
        bits(&nulls, 0, to - from, sum);
    }
}

fn bits(values: &BooleanBuffer, from: usize, to: usize, sum: &mut u64) {
    if to - from <= 8 {
        let word = (from..to).fold(0, |word, i| word << 1 | u64::from(values.value(i)));
        return chain(sum, word);
    }
    values.slice(from, to - from).bit_chunks().iter_padded().for_each(|word| chain(sum, word));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, ListArray, StringArray};

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

    fn one(batch: &RecordBatch, row: u32) -> RecordBatch {
        let row = datafusion::arrow::array::UInt32Array::from(vec![row]);
        datafusion::arrow::compute::take_record_batch(batch, &row).unwrap()
    }

    #[test]
    fn neither_order_nor_cut_matters() {
        let whole = batch();
        for at in 0..=4 {
            assert_eq!(of(&[whole.slice(at, 4 - at), whole.slice(0, at)]), of(std::slice::from_ref(&whole)));
        }
        // Each row with arrays of its own: what other rows hold must not show.
        let rows: Vec<RecordBatch> = (0..4).map(|row| one(&whole, row)).collect();
        assert_eq!(of(&rows), of(&[whole]));
    }

    #[test]
    fn what_lies_under_a_null_does_not_matter() {
        let list = |hidden: i32| -> RecordBatch {
            let nulls = NullBuffer::from(vec![true, false, true]);
            let items = Arc::new(Int32Array::new(vec![1, hidden, 3].into(), Some(nulls)));
            let field = Arc::new(datafusion::arrow::datatypes::Field::new("item", DataType::Int32, true));
            let lists = ListArray::new(field, datafusion::arrow::buffer::OffsetBuffer::from_lengths([3]), items, None);
            RecordBatch::try_from_iter([("x", Arc::new(lists) as ArrayRef)]).unwrap()
        };
        assert_eq!(of(&[list(0)]), of(&[list(-1)]));
        assert_ne!(of(&[list(0)]), of(&[batch()]));
    }

    #[test]
    fn every_cell_matters() {
        let whole = batch();
        let sum = of(std::slice::from_ref(&whole));
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
