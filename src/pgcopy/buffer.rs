//! The bytes of one COPY statement: header, tuples, trailer, and the digest that goes on from statement to statement. It must not know Arrow or a
//! connection.

use std::ops::Range;

use bytes::Bytes;

use super::column::{Column, Tuples};
use super::digest::TupleDigest;
use super::limits::{Fault, LIMIT, LONGEST_ROW, Unstorable};

/// Signature, flags (none) and the length of the header extension (none).
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The file trailer: a tuple of -1 fields.
const TRAILER: [u8; 2] = (-1i16).to_be_bytes();
/// Rows that are measured and written together: their lines of memory stay in the first cache from column to column.
const BLOCK: usize = 128;

/// Grows by tuples, leaves as a whole COPY statement's data.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    rows: u64,
    /// When it is full.
    limit: usize,
    /// How much of `bytes` is the header: nothing in a statement's later pieces.
    header: usize,
    /// Of the tuples, where somebody wants it.
    digest: Option<TupleDigest>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: HEADER.to_vec(), rows: 0, limit: LIMIT, header: HEADER.len(), digest: None }
    }
}

impl Buffer {
    /// A buffer that digests its tuples behind this label.
    pub fn digesting(label: &'static [u8]) -> Self {
        Self { digest: Some(TupleDigest::new(label)), ..Self::default() }
    }

    /// The same, full earlier.
    #[cfg(test)]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The digest of all tuples since it was last taken, whatever statements they left in; `None` where it was not asked for.
    pub fn take_digest(&mut self) -> Option<[u8; 32]> {
        self.digest.as_mut().map(TupleDigest::take)
    }

    /// Appends the tuples of `rows`, a block at a time, until the buffer is full. Returns the first row not written.
    ///
    /// # Errors
    /// The first row that cannot be stored; the buffer is of no use any more.
    pub fn put(&mut self, columns: &mut [&mut dyn Column], rows: Range<usize>) -> Result<usize, Unstorable> {
        let mut from = rows.start;
        while from < rows.end && !self.is_full() {
            from = self.put_block(columns, from..rows.end.min(from + BLOCK))?;
        }
        Ok(from)
    }

    fn put_block(&mut self, columns: &mut [&mut dyn Column], mut rows: Range<usize>) -> Result<usize, Unstorable> {
        for column in columns.iter_mut() {
            rows.end = column.prepare(rows.clone())?;
        }
        let fields = columns.iter().map(|column| column.fields()).sum::<usize>() as u16;
        let (mut sizes, mut cursors) = ([2; BLOCK], [0; BLOCK]);
        for column in columns.iter() {
            column.measure(rows.clone(), &mut sizes[..rows.len()]);
        }
        let first = self.bytes.len();
        let mut end = first;
        for (n, (size, cursor)) in sizes[..rows.len()].iter_mut().zip(&mut cursors).enumerate() {
            if end >= self.limit {
                rows.end = rows.start + n;
                break;
            }
            if *size > LONGEST_ROW {
                return Err(Unstorable { row: rows.start + n, fault: Fault::TooLong });
            }
            *cursor = end + 2;
            end += *size;
            *size = end;
        }
        let (ends, cursors) = (&sizes[..rows.len()], &mut cursors[..rows.len()]);
        self.bytes.resize(end, 0);
        for cursor in cursors.iter() {
            self.bytes[cursor - 2..*cursor].copy_from_slice(&fields.to_be_bytes());
        }
        let mut tuples = Tuples { bytes: &mut self.bytes, cursors, ends };
        for column in columns.iter() {
            column.fill(rows.clone(), &mut tuples);
        }
        debug_assert_eq!(tuples.cursors, ends, "a column is as long as it measured");
        self.rows += rows.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(&self.bytes[first..end]);
        }
        Ok(rows.end)
    }

    /// Tuples since the statement began.
    pub fn row_count(&self) -> u64 {
        self.rows
    }

    /// Has it grown to its limit?
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= self.limit
    }

    /// The tuples' bytes, without header and trailer.
    pub fn rows(&self) -> &[u8] {
        &self.bytes[self.header..]
    }

    /// Hands over the last data of a COPY statement, trailer included, and starts the next statement.
    pub fn take(&mut self) -> Bytes {
        self.bytes.extend_from_slice(&TRAILER);
        let mut next = Vec::with_capacity(self.bytes.len().min(LIMIT + LIMIT / 8));
        next.extend_from_slice(HEADER);
        self.header = HEADER.len();
        self.rows = 0;
        Bytes::from(std::mem::replace(&mut self.bytes, next))
    }

    /// Hands over what there is of a statement that goes on.
    pub fn take_piece(&mut self) -> Bytes {
        let next = Vec::with_capacity(self.bytes.len().min(LIMIT + LIMIT / 8));
        self.header = 0;
        Bytes::from(std::mem::replace(&mut self.bytes, next))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::buffer::NullBuffer;

    use super::super::column::Fixed;
    use super::*;

    #[test]
    fn a_statement_is_header_tuples_trailer() {
        let mut buffer = Buffer::default();
        let nulls = NullBuffer::new_null(1);
        let mut seven = Fixed { nulls: None, value: |_| 7i32.to_be_bytes() };
        let mut null = Fixed { nulls: Some(&nulls), value: |_| 8i32.to_be_bytes() };
        assert_eq!(buffer.put(&mut [&mut seven, &mut null], 0..1), Ok(1));
        assert_eq!(buffer.row_count(), 1);
        let bytes = buffer.take();
        let expected: &[u8] =
            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\x00\x02\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff\xff\xff";
        assert_eq!(&bytes[..], expected);
        assert_eq!((buffer.row_count(), buffer.rows().len()), (0, 0));
        buffer.put(&mut [], 0..1).unwrap();
        assert_eq!(&buffer.take_piece()[..], [&HEADER[..], &[0, 0]].concat());
        assert_eq!(&buffer.take()[..], TRAILER);
    }

    /// Put together by hand: the label, then each tuple whole. It goes on over statements, and order is part of it.
    #[test]
    fn a_digest_is_that_of_the_tuples_in_their_order() {
        let rows = |label, values: &[i32]| {
            let mut buffer = Buffer::digesting(label);
            for value in values {
                buffer.put(&mut [&mut Fixed { nulls: None, value: |_| value.to_be_bytes() }], 0..1).unwrap();
                buffer.take();
            }
            buffer.take_digest().unwrap()
        };
        let two = crate::crypto::digest::sha256(b"v\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\0\0\x04\0\0\0\x08");
        assert_eq!(rows(b"v", &[7, 8]), two);
        assert_ne!(rows(b"v", &[7, 8]), rows(b"v", &[8, 7]));
        assert_ne!(rows(b"v", &[7]), rows(b"c", &[7]));
        assert_ne!(rows(b"v", &[7, 7]), rows(b"v", &[7]));
        let mut buffer = Buffer::digesting(b"v");
        buffer.put(&mut [], 0..1).unwrap();
        assert_ne!(buffer.take_digest(), buffer.take_digest(), "the next sequence begins anew");
        assert_eq!(Buffer::default().take_digest(), None);
    }
}
