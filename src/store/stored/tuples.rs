//! Tuples out of the pieces of a binary COPY (PostgreSQL manual, COPY, "Binary Format"). It must not know what they hold.

use crate::error::{Error, Result};

/// Signature, flags and length of the header extension.
const HEADER: usize = 19;
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Cuts pieces, wherever they end, into tuples.
#[derive(Debug, Default)]
pub struct Tuples {
    pending: Vec<u8>,
    ends: Vec<usize>,
    begun: bool,
    ended: bool,
}

/// One tuple: its fields, each behind its length.
#[derive(Clone, Copy, Debug)]
pub struct Tuple<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Tuple<'a> {
    /// The bytes of the first `count` fields, lengths included; `None` when there are fewer.
    pub fn first(&self, count: usize) -> Option<&'a [u8]> {
        match count.checked_sub(1) {
            None => Some(&[]),
            Some(last) => self.bytes.get(..*self.ends.get(last)?),
        }
    }

    /// A field's value; `None` for a null or where there is no such field.
    pub fn value(&self, field: usize) -> Option<&'a [u8]> {
        let start = self.first(field)?.len();
        let field = self.bytes.get(start..*self.ends.get(field)?)?;
        let (length, value) = field.split_first_chunk()?;
        (i32::from_be_bytes(*length) >= 0).then_some(value)
    }

    /// A field of fixed width.
    pub fn fixed<const N: usize>(&self, field: usize) -> Option<[u8; N]> {
        self.value(field)?.try_into().ok()
    }

    /// Are all fields from the `from`th on null?
    pub fn is_null_from(&self, from: usize) -> bool {
        (from..self.ends.len()).all(|field| self.value(field).is_none())
    }
}

impl Tuples {
    /// Takes in a piece and hands on the tuples that are whole by now. Class `internal` for bytes that are no binary COPY.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(Tuple<'_>) -> Result<()>) -> Result<()> {
        let mut joined = std::mem::take(&mut self.pending);
        let mut rest = if joined.is_empty() {
            piece
        } else {
            joined.extend_from_slice(piece);
            &joined
        };
        if !self.begun && rest.len() >= HEADER {
            if !rest.starts_with(SIGNATURE) {
                return Err(broken());
            }
            let extension =
                rest.get(HEADER - 4..).and_then(|bytes| bytes.first_chunk()).map_or(0, |&bytes| u32::from_be_bytes(bytes));
            if extension != 0 {
                return Err(broken());
            }
            self.begun = true;
            rest = rest.get(HEADER..).unwrap_or_default();
        }
        while self.begun && !self.ended {
            let Some(length) = self.measure(rest)? else { break };
            let (bytes, after) = rest.split_at_checked(length).ok_or_else(broken)?;
            each(Tuple { bytes: bytes.get(2..).unwrap_or_default(), ends: &self.ends })?;
            rest = after;
        }
        self.pending = rest.to_vec();
        Ok(())
    }

    /// Was the trailer met?
    pub fn is_complete(&self) -> bool {
        self.ended
    }

    /// The length of the tuple that begins here, `None` while it is not whole. Leaves in `ends` where its fields end.
    fn measure(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let Some((count, fields)) = bytes.split_first_chunk() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.ended = true;
            return Ok(None);
        }
        self.ends.clear();
        let mut at = 0;
        for _ in 0..count {
            let Some(&length) = fields.get(at..).and_then(|field| field.first_chunk()) else { return Ok(None) };
            at += 4;
            match i32::from_be_bytes(length) {
                -1 => {}
                length => at += usize::try_from(length).map_err(|_| broken())?,
            }
            if at > fields.len() {
                return Ok(None);
            }
            self.ends.push(at);
        }
        Ok(Some(at + 2))
    }
}

fn broken() -> Error {
    Error::internal("what the database sends is no binary COPY")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(7, null)`, `()`, `(null, 'ab')`.
    const COPY: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\
        \0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\
        \0\0\
        \0\x02\xff\xff\xff\xff\0\0\0\x02ab\
        \xff\xff";

    #[test]
    fn tuples_are_the_same_wherever_the_pieces_end() {
        for size in 1..=COPY.len() {
            let (mut tuples, mut seen) = (Tuples::default(), Vec::new());
            for piece in COPY.chunks(size) {
                let each = |tuple: Tuple<'_>| {
                    let values: Vec<_> = (0..tuple.ends.len()).map(|field| tuple.value(field).map(<[u8]>::to_vec)).collect();
                    seen.push((values, tuple.is_null_from(1), tuple.first(1).map(<[u8]>::len)));
                    Ok(())
                };
                tuples.push(piece, each).unwrap();
            }
            assert!(tuples.is_complete());
            assert_eq!(
                seen,
                [
                    (vec![Some(vec![0, 0, 0, 7]), None], true, Some(8)),
                    (vec![], true, None),
                    (vec![None, Some(b"ab".to_vec())], false, Some(4))
                ],
                "{size}"
            );
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_not_complete() {
        let mut tuples = Tuples::default();
        tuples.push(&COPY[..COPY.len() - 1], |_| Ok(())).unwrap();
        assert!(!tuples.is_complete());
        assert!(Tuples::default().push(b"id,name\r\n1,two and more\r\n", |_| Ok(())).is_err());
    }
}
