//! The digest of tuples in their order. It must not know tables, nor where tuples come from.

use crate::crypto::digest::Sha256;

/// SHA-256 of a label and the tuples behind it, each exactly as binary COPY carries it: a 16-bit number of fields, and the fields,
/// each behind its 32-bit length, -1 for null (PostgreSQL manual, COPY, "Binary Format"). Counts and lengths frame the stream: from its
/// bytes follows where every tuple and every field ends, so no two sequences of tuples are the same bytes.
#[derive(Clone)]
pub struct TupleDigest {
    label: &'static [u8],
    sha: Sha256,
}

impl TupleDigest {
    /// Of no tuple yet. Labels tell tables apart; none is the beginning of another.
    pub fn new(label: &'static [u8]) -> Self {
        let mut sha = Sha256::new();
        sha.update(label);
        Self { label, sha }
    }

    /// Takes in the next tuples, or the next part of one.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
    }

    /// The digest of all tuples; the next ones are another sequence.
    pub fn take(&mut self) -> [u8; 32] {
        std::mem::replace(self, Self::new(self.label)).sha.finish()
    }
}

impl std::fmt::Debug for TupleDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TupleDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::sha256;

    #[test]
    fn it_is_sha256_of_the_label_and_the_tuples_whatever_pieces_they_come_in() {
        let tuples = b"\0\x01\0\0\0\x04\0\0\0\x07\0\0";
        let expected = sha256(&[b"table\0", &tuples[..]].concat());
        for size in 1..=tuples.len() {
            let mut digest = TupleDigest::new(b"table\0");
            tuples.chunks(size).for_each(|piece| digest.update(piece));
            assert_eq!(digest.take(), expected);
            assert_eq!(digest.take(), sha256(b"table\0"), "the next ones are another sequence");
        }
    }
}
