//! Sums of digests: what is read in whatever order gives one sum. It must not know what is digested.

/// Sum of record digests: four 64-bit lanes of each record's SHA-256, added with wrap-around, so the order of records
/// does not matter and units can be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u64; 4]);

impl Digest {
    /// Adds another record's (or unit's) digest.
    pub fn add(&mut self, other: Digest) {
        for (lane, value) in self.0.iter_mut().zip(other.0) {
            *lane = lane.wrapping_add(value);
        }
    }

    /// The four lanes, little endian; 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, lane) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&lane.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; also turns a SHA-256 into lanes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut lanes = [0; 4];
        for (lane, chunk) in lanes.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*chunk);
        }
        Self(lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_add_up_in_any_order() {
        let (a, b) = (Digest([1, u64::MAX, 3, 4]), Digest([5, 6, 7, 8]));
        let (mut ab, mut ba) = (a, b);
        ab.add(b);
        ba.add(a);
        assert_eq!(ab, ba);
        assert_eq!(Digest::from_bytes(ab.to_bytes()), ab);
    }
}
