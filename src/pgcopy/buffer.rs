//! The bytes of one COPY statement: header, tuples, trailer, and the digest of the tuples. It must not know Arrow or a
//! connection.

use std::ops::Range;

use bytes::Bytes;

use super::column::{Column, Tuples};
use super::limits::{Fault, LIMIT, LONGEST_ROW, Unstorable};
use crate::crypto::digest::Sha256;

/// Signature, flags (none) and the length of the header extension (none).
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The file trailer: a tuple of -1 fields.
const TRAILER: [u8; 2] = (-1i16).to_be_bytes();
/// Rows that are measured and written together: their lines of memory stay in the first cache from column to column.
const BLOCK: usize = 128;

/// What a stored row adds to its unit's digest: SHA-256 of its table's tag and its tuple as binary COPY has it, a 16-bit number
/// of fields and the fields, each behind its 32-bit length (PostgreSQL manual, COPY, "Binary Format"). `fields` are the fields.
pub fn row_digest(tag: u8, field_count: u16, fields: &[u8]) -> [u8; 32] {
    let mut sha = Sha256::new();
    let [high, low] = field_count.to_be_bytes();
    sha.update(&[tag, high, low]);
    sha.update(fields);
    sha.finish()
}

/// Grows by tuples, leaves as a whole COPY statement's data.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    rows: u64,
    /// When it is full.
    limit: usize,
    /// How much of `bytes` is the header: nothing in a statement's later pieces.
    header: usize,
    /// The table's tag and the sum of its rows' digests, where somebody wants it.
    digest: Option<(u8, [u64; 4])>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: HEADER.to_vec(), rows: 0, limit: LIMIT, header: HEADER.len(), digest: None }
    }
}

impl Buffer {
    /// A buffer that sums up the digests of its rows, which belong to the table with this tag.
    pub fn digesting(tag: u8) -> Self {
        Self { digest: Some((tag, [0; 4])), ..Self::default() }
    }

    /// A buffer that is full earlier.
    #[cfg(test)]
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The sum of [`row_digest`] over the rows since it was last taken.
    pub fn take_digest(&mut self) -> [u64; 4] {
        self.digest.as_mut().map(|(_, sum)| std::mem::take(sum)).unwrap_or_default()
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
        if let Some((tag, sum)) = &mut self.digest {
            let mut start = first;
            for &end in ends {
                let digest = row_digest(*tag, fields, &self.bytes[start + 2..end]);
                for (lane, chunk) in sum.iter_mut().zip(digest.as_chunks::<8>().0) {
                    *lane = lane.wrapping_add(u64::from_le_bytes(*chunk));
                }
                start = end;
            }
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

    /// The digest of one row, put together by hand.
    #[test]
    fn a_digest_is_the_sum_over_tuples_behind_their_tables_tag() {
        let rows = |tag, values: &[i32]| {
            let mut buffer = Buffer::digesting(tag);
            for value in values {
                buffer.put(&mut [&mut Fixed { nulls: None, value: |_| value.to_be_bytes() }], 0..1).unwrap();
                buffer.take();
            }
            buffer.take_digest()
        };
        let one = crate::crypto::digest::sha256(b"v\0\x01\0\0\0\x04\0\0\0\x07");
        assert_eq!(rows(b'v', &[7])[0].to_le_bytes(), one[..8]);
        assert_eq!(rows(b'v', &[7, 8]), rows(b'v', &[8, 7]));
        assert_ne!(rows(b'v', &[7]), rows(b'c', &[7]));
        assert_ne!(rows(b'v', &[7, 7]), rows(b'v', &[7]));
        let mut buffer = Buffer::digesting(b'v');
        buffer.put(&mut [], 0..1).unwrap();
        assert_ne!(buffer.take_digest(), [0; 4]);
        assert_eq!(buffer.take_digest(), [0; 4]);
    }
}
