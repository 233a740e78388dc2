//! A key as it stands at the front of an INFO entry. It must not know what the key means.

/// `AC=`, or a flag's name alone.
#[derive(Debug)]
pub(super) struct Needle {
    /// The first eight bytes and the next eight; which bits of them count.
    head: [u64; 2],
    mask: [u64; 2],
    len: usize,
    /// Bytes of the key alone.
    name: usize,
    text: Box<[u8]>,
}

impl Needle {
    pub(super) fn new(id: &str, flag: bool) -> Self {
        let text = if flag { id.to_owned() } else { format!("{id}=") };
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(text.bytes()) {
            (*head, *mask) = (byte, 0xff);
        }
        let halves = |both: [u8; 16]| {
            let both = u128::from_le_bytes(both);
            [both as u64, (both >> 64) as u64]
        };
        Self { head: halves(head), mask: halves(mask), len: text.len(), name: id.len(), text: text.into_bytes().into() }
    }

    /// Bytes, `=` included.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Is a name of `len` bytes that begins with it the key itself?
    #[inline]
    pub(super) fn is_whole(&self, len: usize) -> bool {
        self.name == len
    }

    /// Does `entry` begin with it? (A flag's name may go on there.)
    #[inline(always)]
    pub(super) fn begins(&self, entry: &[u8]) -> bool {
        match entry.first_chunk::<16>() {
            Some(sixteen) => {
                let text = u128::from_le_bytes(*sixteen);
                (text as u64 ^ self.head[0]) & self.mask[0] == 0
                    && (self.len <= 8
                        || (((text >> 64) as u64 ^ self.head[1]) & self.mask[1] == 0 && (self.len <= 16 || self.goes_on(entry))))
            }
            None => entry.starts_with(&self.text),
        }
    }

    fn goes_on(&self, entry: &[u8]) -> bool {
        entry.get(16..self.len) == self.text.get(16..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_whole() {
        for id in ["A", "AC", "age_hist_het_bin_freq", "exactly_15_long", "a_key_of_16_byte"] {
            let needle = Needle::new(id, false);
            assert_eq!(needle.len(), id.len() + 1);
            for behind in ["", "1", "1;AN=2;a long way to the end"] {
                let (value, flag, longer) = (format!("{id}={behind}"), format!("{id};{behind}"), format!("{id}x={behind}"));
                assert!(needle.begins(value.as_bytes()));
                assert!(!needle.begins(flag.as_bytes()) && !needle.begins(longer.as_bytes()));
                assert!(!needle.begins(id.as_bytes()) && !needle.begins(b""));
            }
        }
        let flag = Needle::new("DB", true);
        assert!(flag.begins(b"DB;AC=1") && flag.begins(b"DBX=1") && flag.is_whole(2) && !flag.is_whole(3));
    }
}
