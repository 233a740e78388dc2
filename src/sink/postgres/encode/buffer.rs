//! The bytes of one COPY statement: header, tuples, trailer, and the digest of the tuples. It must not know Arrow or a
//! connection.

use bytes::Bytes;

use crate::crypto::digest::Sha256;
use crate::flow::Digest;

/// A statement's data is sent when it has grown to this many bytes (4 MiB).
pub const LIMIT: usize = 4 << 20;

/// Signature, flags (none) and the length of the header extension (none).
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The file trailer: a tuple of -1 fields.
const TRAILER: [u8; 2] = (-1i16).to_be_bytes();
/// PostgreSQL's own bound on one field (1 GiB - 1).
const LONGEST_ROW: usize = (1 << 30) - 1;

/// Why a value cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Text holds U+0000, which `text` and `jsonb` cannot.
    Nul,
    /// A row is longer than 1 GiB.
    TooLong,
}

impl Fault {
    /// In words for an error.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Nul => "a text value holds a NUL character, which PostgreSQL cannot store",
            Self::TooLong => "a row is longer than 1 GiB, which PostgreSQL cannot store",
        }
    }
}

/// What a stored row adds to its unit's digest: SHA-256 of its table's tag and its tuple as binary COPY has it, a 16-bit number
/// of fields and the fields, each behind its 32-bit length (PostgreSQL manual, COPY, "Binary Format"). `fields` are the fields.
pub fn row_digest(tag: u8, field_count: u16, fields: &[u8]) -> Digest {
    let mut sha = Sha256::new();
    let [high, low] = field_count.to_be_bytes();
    sha.update(&[tag, high, low]);
    sha.update(fields);
    Digest::from_bytes(sha.finish())
}

/// Grows by tuples, leaves as a whole COPY statement's data.
#[derive(Debug)]
pub struct Buffer {
    pub(super) bytes: Vec<u8>,
    fault: Option<Fault>,
    rows: u64,
    row_start: usize,
    /// How much of `bytes` is the header: nothing in a statement's later pieces.
    header: usize,
    /// The table's tag and the sum of its rows' digests, where somebody wants it.
    digest: Option<(u8, Digest)>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: HEADER.to_vec(), fault: None, rows: 0, row_start: HEADER.len(), header: HEADER.len(), digest: None }
    }
}

impl Buffer {
    /// A buffer that sums up the digests of its rows, which belong to the table with this tag.
    pub fn digesting(tag: u8) -> Self {
        Self { digest: Some((tag, Digest::default())), ..Self::default() }
    }

    /// The sum of [`row_digest`] over the rows since it was last taken.
    pub fn take_digest(&mut self) -> Digest {
        self.digest.as_mut().map(|(_, sum)| std::mem::take(sum)).unwrap_or_default()
    }

    /// Starts a tuple of `fields` fields.
    #[inline]
    pub fn begin_row(&mut self, fields: usize) {
        self.row_start = self.bytes.len();
        self.bytes.extend_from_slice(&(fields as i16).to_be_bytes());
        self.rows += 1;
    }

    /// Ends a tuple, of which nothing may change any more. A fault is kept for [`Self::fault`].
    #[inline]
    pub fn end_row(&mut self) {
        if self.bytes.len() - self.row_start > LONGEST_ROW {
            self.fault = Some(Fault::TooLong);
        }
        if let (Some((tag, sum)), Some((count, fields))) = (&mut self.digest, self.bytes[self.row_start..].split_first_chunk()) {
            sum.add(row_digest(*tag, u16::from_be_bytes(*count), fields));
        }
    }

    /// Appends a null field.
    #[inline]
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
    }

    /// Appends a field.
    #[inline]
    pub fn field(&mut self, value: &[u8]) {
        self.bytes.reserve(4 + value.len());
        self.bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// Appends a field of fixed width, at most 16 bytes: length and value in one go.
    #[inline]
    pub fn fixed<const N: usize>(&mut self, value: [u8; N]) {
        // One growth for both: lengths are constants, so this is two stores.
        let mut field = [0; 20];
        field[..4].copy_from_slice(&(N as i32).to_be_bytes());
        field[4..4 + N].copy_from_slice(&value);
        self.bytes.extend_from_slice(&field[..4 + N]);
    }

    /// Appends a field whose length is known only afterwards. [`Self::end_row`] has the last word on its size.
    #[inline]
    pub fn measured(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(self);
        let length = (self.bytes.len() - start - 4) as i32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Notes that a value cannot be stored.
    pub fn set_fault(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// What went wrong in any row so far.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Tuples since the statement began.
    pub fn row_count(&self) -> u64 {
        self.rows
    }

    /// Has it grown to [`LIMIT`]?
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= LIMIT
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
    use super::*;

    #[test]
    fn a_statement_is_header_tuples_trailer() {
        let mut buffer = Buffer::default();
        buffer.begin_row(2);
        buffer.fixed(7i32.to_be_bytes());
        buffer.null();
        buffer.end_row();
        assert_eq!(buffer.row_count(), 1);
        let bytes = buffer.take();
        let expected: &[u8] =
            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\x00\x02\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff\xff\xff";
        assert_eq!(&bytes[..], expected);
        assert_eq!((buffer.row_count(), buffer.rows().len()), (0, 0));
        buffer.begin_row(0);
        assert_eq!(&buffer.take_piece()[..], [&HEADER[..], &[0, 0]].concat());
        assert_eq!(&buffer.take()[..], TRAILER);
    }

    /// The digest of one row, put together by hand.
    #[test]
    fn a_digest_is_the_sum_over_tuples_behind_their_tables_tag() {
        let rows = |tag, values: &[i32]| {
            let mut buffer = Buffer::digesting(tag);
            for value in values {
                buffer.begin_row(1);
                buffer.fixed(value.to_be_bytes());
                buffer.end_row();
                buffer.take();
            }
            buffer.take_digest()
        };
        let one = Digest::from_bytes(crate::crypto::digest::sha256(b"v\0\x01\0\0\0\x04\0\0\0\x07"));
        assert_eq!(rows(b'v', &[7]), one);
        assert_eq!(rows(b'v', &[7, 8]), rows(b'v', &[8, 7]));
        assert_ne!(rows(b'v', &[7]), rows(b'c', &[7]));
        assert_ne!(rows(b'v', &[7, 7]), rows(b'v', &[7]));
        let mut buffer = Buffer::digesting(b'v');
        buffer.begin_row(0);
        buffer.end_row();
        assert_ne!(buffer.take_digest(), Digest::default());
        assert_eq!(buffer.take_digest(), Digest::default());
    }
}
