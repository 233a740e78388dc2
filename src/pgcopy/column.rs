//! Columns of fields, written a block of rows at a time: all are measured first, so that each then writes where its fields
//! will be. It must not know Arrow's types, tables or statements.

use std::borrow::BorrowMut;
use std::ops::Range;

use datafusion::arrow::buffer::NullBuffer;

use super::limits::{Fault, LIMIT, Unstorable};

/// One column of tuples: fields of a 32-bit length (-1 for null) and a value's bytes (PostgreSQL manual, COPY, "Binary Format").
pub trait Column {
    /// Gets ready for `rows`, at least one. Returns the end of those it is ready for, which may be fewer.
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        Ok(rows.end)
    }

    /// Fields of each tuple that this column is.
    fn fields(&self) -> usize {
        1
    }

    /// Bytes of `row`, length included.
    fn size(&self, row: usize) -> usize;

    /// Writes `row` to the front of `out`, which is what is left of its tuple. Returns its size.
    fn put(&self, row: usize, out: &mut [u8]) -> usize;

    /// Adds the size of each of `rows`.
    fn measure(&self, rows: Range<usize>, sizes: &mut [usize]) {
        for (row, size) in rows.zip(sizes) {
            *size += self.size(row);
        }
    }

    /// Writes all `rows`.
    fn fill(&self, rows: Range<usize>, tuples: &mut Tuples<'_>) {
        tuples.each(rows, |row, out| self.put(row, out));
    }
}

/// A column of an array's values.
pub type Bound<'a> = Box<dyn Column + Send + Sync + 'a>;

/// A block of tuples: where each goes on, and where it ends.
pub struct Tuples<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) cursors: &'a mut [usize],
    pub(super) ends: &'a [usize],
}

impl Tuples<'_> {
    /// Lets `put` write every row's next field and moves its cursor by what that returns.
    #[inline(always)]
    pub(super) fn each<T>(&mut self, rows: impl Iterator<Item = T>, put: impl Fn(T, &mut [u8]) -> usize) {
        for ((row, cursor), end) in rows.zip(self.cursors.iter_mut()).zip(self.ends) {
            *cursor += put(row, &mut self.bytes[*cursor..*end]);
        }
    }
}

pub const NULL: [u8; 4] = (-1i32).to_be_bytes();

/// Values of one width. `value` is called for every row below the column's length, null or not.
pub struct Fixed<'a, const N: usize, F: Fn(usize) -> [u8; N]> {
    pub nulls: Option<&'a NullBuffer>,
    pub value: F,
}

impl<const N: usize, F: Fn(usize) -> [u8; N]> Fixed<'_, N, F> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    #[inline(always)]
    fn write(&self, row: usize, null: bool, out: &mut [u8]) -> usize {
        let length = if null { NULL } else { (N as i32).to_be_bytes() };
        match out.get_mut(..4 + N) {
            // A null's bytes are those of the next column, which writes them after this: no branch a row.
            Some(field) => {
                field[..4].copy_from_slice(&length);
                field[4..].copy_from_slice(&(self.value)(row));
            }
            None => out[..4].copy_from_slice(&length),
        }
        4 + if null { 0 } else { N }
    }
}

impl<const N: usize, F: Fn(usize) -> [u8; N]> Column for Fixed<'_, N, F> {
    #[inline]
    fn size(&self, row: usize) -> usize {
        4 + if self.is_null(row) { 0 } else { N }
    }

    fn measure(&self, rows: Range<usize>, sizes: &mut [usize]) {
        match self.nulls {
            None => sizes.iter_mut().for_each(|size| *size += 4 + N),
            Some(_) => rows.zip(sizes).for_each(|(row, size)| *size += self.size(row)),
        }
    }

    #[inline(always)]
    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        self.write(row, self.is_null(row), out)
    }

    fn fill(&self, rows: Range<usize>, tuples: &mut Tuples<'_>) {
        match self.nulls {
            Some(_) => tuples.each(rows, |row, out| self.put(row, out)),
            None => tuples.each(rows, |row, out| self.write(row, false, out)),
        }
    }
}

/// Values of any length. `value` gives the bytes of a row, `None` for null.
pub struct Varying<F> {
    pub value: F,
}

impl<'a, F: Fn(usize) -> Option<&'a [u8]>> Column for Varying<F> {
    #[inline]
    fn size(&self, row: usize) -> usize {
        4 + (self.value)(row).map_or(0, <[u8]>::len)
    }

    #[inline]
    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        put_bytes((self.value)(row), out)
    }
}

/// Writes one field of any length to the front of `out`. Returns its size.
#[inline]
pub(super) fn put_bytes(value: Option<&[u8]>, out: &mut [u8]) -> usize {
    let Some((head, rest)) = out.split_first_chunk_mut() else { return 0 };
    match value {
        None => *head = NULL,
        Some(value) => {
            *head = (value.len() as i32).to_be_bytes();
            rest[..value.len()].copy_from_slice(value);
        }
    }
    4 + value.map_or(0, <[u8]>::len)
}

/// Fields that are the same in every row.
pub struct Constant {
    bytes: Vec<u8>,
    fields: usize,
}

impl Constant {
    /// Of these values, one field each.
    pub fn of(values: &[&[u8]]) -> Self {
        let field = |value: &&[u8]| [&(value.len() as i32).to_be_bytes()[..], value].concat();
        Self { bytes: values.iter().flat_map(field).collect(), fields: values.len() }
    }
}

impl Column for Constant {
    fn fields(&self) -> usize {
        self.fields
    }

    #[inline]
    fn size(&self, _row: usize) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn put(&self, _row: usize, out: &mut [u8]) -> usize {
        out[..self.bytes.len()].copy_from_slice(&self.bytes);
        self.bytes.len()
    }
}

/// Fields whose lengths are known only once they are written: a block of them, before it is copied into its tuples.
#[derive(Debug, Default)]
pub struct Staging {
    pub(super) bytes: Vec<u8>,
    ends: Vec<usize>,
    first: usize,
    fault: Option<Fault>,
}

impl Staging {
    /// Appends a null field.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL);
    }

    /// Appends a field.
    pub fn field(&mut self, value: &[u8]) {
        self.measured(|out| out.bytes.extend_from_slice(value));
    }

    /// Appends a field whose length is known only afterwards. The tuple's size has the last word on it.
    #[inline]
    pub fn measured(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(self);
        let length = (self.bytes.len() - start - 4) as i32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Notes that the value cannot be stored.
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// Where the field goes whose value is being written.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn get(&self, row: usize) -> &[u8] {
        let at = row - self.first;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

/// A column that `write` writes: one field a call.
pub struct Staged<S, W> {
    pub stage: S,
    pub write: W,
}

impl<S: BorrowMut<Staging>, W: FnMut(usize, &mut Staging)> Column for Staged<S, W> {
    /// Stops when the stage holds as much as is sent at once.
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        let stage = self.stage.borrow_mut();
        stage.bytes.clear();
        stage.ends.clear();
        stage.first = rows.start;
        for row in rows.clone() {
            (self.write)(row, stage);
            if let Some(fault) = stage.fault.take() {
                return Err(Unstorable { row, fault });
            }
            stage.ends.push(stage.bytes.len());
            if stage.bytes.len() >= LIMIT {
                return Ok(row + 1);
            }
        }
        Ok(rows.end)
    }

    fn size(&self, row: usize) -> usize {
        self.stage.borrow().get(row).len()
    }

    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        let field = self.stage.borrow().get(row);
        out[..field.len()].copy_from_slice(field);
        field.len()
    }
}
