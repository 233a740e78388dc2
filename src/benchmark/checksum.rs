//! One number over every cell of many batches, whatever their order, cut and container. It must not take long: it runs beside
//! what is measured.

use std::fmt;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, ToByteSlice};

use crate::error::{Error, Result};
use crate::flow::column;

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
            if !column::is_internal(field.name()) {
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
    /// No value at all, of whatever type.
    Nothing,
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Result<Self> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(match array.data_type() {
            _ if nulls.is_some_and(|nulls| nulls.null_count() == array.len()) => Self::Nothing,
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
                        bytes(data, ends[0] as usize, ends[1] as usize, row);
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
                    if items.valid(i, i + 1) == 0 { MISSING } else { one }
                }),
            },
            Self::Nothing => rows.iter_mut().for_each(|row| chain(row, MISSING)),
            Self::Flags(values, nulls) => rows.iter_mut().enumerate().for_each(|(i, row)| {
                chain(row, if is_null(nulls, i) { MISSING } else { u64::from(values.value(i)) });
            }),
            Self::Structs(..) => rows.iter_mut().enumerate().for_each(|(i, row)| self.range(i, i + 1, row)),
        }
    }

    /// Chains the values `from .. to`, nested ones included; how many they are is for the caller to chain. What lies under a null
    /// does not count.
    fn range(&self, from: usize, to: usize, sum: &mut u64) {
        if from == to {
            return;
        }
        // Whether a range has nulls is its own affair; whether its array has some, or nothing else, is the cut's doing.
        let valid = self.valid(from, to);
        if valid == 0 {
            return chain(sum, MISSING);
        }
        let some = valid < to - from;
        if let Some(nulls) = self.nulls().filter(|_| some) {
            bits(nulls.inner(), from, to, sum);
        }
        match self {
            Self::Ints(values, nulls) if some => gaps(values, nulls, from, to, sum, |value| value as u64),
            Self::Longs(values, nulls) if some => gaps(values, nulls, from, to, sum, |value| value as u64),
            Self::Floats(values, nulls) if some => gaps(values, nulls, from, to, sum, f64::to_bits),
            Self::Ints(values, _) => words(values, from, to, sum),
            Self::Longs(values, _) => words(values, from, to, sum),
            Self::Floats(values, _) => words(values, from, to, sum),
            Self::Flags(values, _) => bits(values, from, to, sum),
            Self::Texts(offsets, data, _) => {
                lengths(&offsets[from..=to], sum);
                bytes(data, offsets[from] as usize, offsets[to] as usize, sum);
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

impl Cells<'_> {
    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Ints(_, nulls)
            | Self::Longs(_, nulls)
            | Self::Floats(_, nulls)
            | Self::Flags(_, nulls)
            | Self::Texts(_, _, nulls)
            | Self::Lists(_, _, nulls)
            | Self::Structs(_, nulls) => *nulls,
            Self::Nothing => None,
        }
    }

    /// Values of `from .. to` that are not missing.
    #[inline]
    fn valid(&self, from: usize, to: usize) -> usize {
        match (self, self.nulls()) {
            (Self::Nothing, _) => 0,
            (_, None) => to - from,
            (_, Some(nulls)) if to - from == 1 => usize::from(nulls.is_valid(from)),
            (_, Some(nulls)) if to - from <= 64 => word_of(nulls.inner(), from, to).count_ones() as usize,
            (_, Some(nulls)) => nulls.inner().slice(from, to - from).count_set_bits(),
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
            chain(row, (to - from) as u64);
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

/// Bits `from .. to` of `values`, the first one lowest. At most 64.
#[inline]
fn word_of(values: &BooleanBuffer, from: usize, to: usize) -> u64 {
    let first = values.offset() + from;
    let sixteen = front(values.values(), first / 8);
    (sixteen >> (first % 8)) as u64 & (u64::MAX >> (64 - (to - from)))
}

/// Sixteen bytes from `at` on; zeros behind the end.
#[inline]
fn front(data: &[u8], at: usize) -> u128 {
    let rest = data.get(at..).unwrap_or_default();
    u128::from_le_bytes(rest.first_chunk::<16>().copied().unwrap_or_else(|| {
        let mut sixteen = [0; 16];
        sixteen.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        sixteen
    }))
}

/// Chains values among which some are missing.
fn gaps<T: Copy>(values: &[T], nulls: &Option<&NullBuffer>, from: usize, to: usize, sum: &mut u64, word: impl Fn(T) -> u64) {
    (from..to).for_each(|i| chain(sum, if is_null(nulls, i) { MISSING } else { word(values[i]) }));
}

/// How long each list or text is: one product where all are alike, as genotypes are, else one for two.
fn lengths(offsets: &[i32], sum: &mut u64) {
    let length = |pair: &[i32]| (pair[1] - pair[0]) as u32 as u64;
    let first = offsets.get(..2).map_or(0, length) as i32;
    if offsets.iter().zip(&offsets[1..]).fold(0, |odd, (from, to)| odd | ((to - from) ^ first)) == 0 {
        return chain(sum, first as u64 ^ A);
    }
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

/// Sixteen bytes of `data[from .. to]` a product; what is left over is padded with zeros, lengths are chained by whoever calls.
#[inline]
fn bytes(data: &[u8], from: usize, to: usize, sum: &mut u64) {
    let add = |sum: &mut u64, sixteen: u128| *sum = fold(*sum ^ sixteen as u64, (sixteen >> 64) as u64 ^ B);
    let mut at = from;
    if to - from >= 64 {
        let (blocks, rest) = data[from..to].as_chunks::<64>();
        let mut lanes = LANES;
        for block in blocks {
            let sixteens = block.as_chunks::<16>().0;
            lanes.iter_mut().zip(sixteens).for_each(|(lane, sixteen)| add(lane, u128::from_le_bytes(*sixteen)));
        }
        lanes.iter().for_each(|lane| chain(sum, *lane));
        at = to - rest.len();
    }
    while to - at >= 16 {
        add(sum, front(data, at));
        at += 16;
    }
    if at < to {
        add(sum, front(data, at) & (u128::MAX >> (128 - 8 * (to - at))));
    }
}

/// The same over the bytes of numbers.
#[inline]
fn words<T>(values: &[T], from: usize, to: usize, sum: &mut u64)
where
    [T]: ToByteSlice,
{
    bytes(values.to_byte_slice(), from * size_of::<T>(), to * size_of::<T>(), sum);
}

fn bits(values: &BooleanBuffer, from: usize, to: usize, sum: &mut u64) {
    match to - from {
        0 => {}
        1..=64 => chain(sum, word_of(values, from, to)),
        long => values.slice(from, long).bit_chunks().iter_padded().for_each(|word| chain(sum, word)),
    }
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
    fn an_array_of_nulls_sums_up_as_nulls_among_others_do() {
        type Rows = Vec<Option<Vec<Option<f64>>>>;
        let gaps: Rows = vec![Some(vec![None]), Some(vec![None, None]), None, Some(vec![])];
        let others: Rows = vec![Some(vec![None, Some(1.0)]), Some(vec![Some(2.0)])];
        let floats = |rows: &[Rows]| -> ArrayRef { Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows.concat())) };
        let texts = |rows: &[Rows]| -> ArrayRef {
            let mut lists = datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
            rows.concat().into_iter().for_each(|row| {
                lists.append_option(row.map(|row| row.into_iter().map(|item| item.map(|item| item.to_string()))));
            });
            Arc::new(lists.finish())
        };
        for make in [&floats as &dyn Fn(&[Rows]) -> ArrayRef, &texts] {
            let batch = |rows: &[Rows]| RecordBatch::try_from_iter([("x", make(rows))]).unwrap();
            let together = batch(&[gaps.clone(), others.clone()]);
            assert_eq!(of(&[batch(std::slice::from_ref(&gaps)), batch(std::slice::from_ref(&others))]), of(&[together]));
        }
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
