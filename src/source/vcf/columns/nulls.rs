//! Which slots of a column under construction are null. It must not know values.

use std::ops::Range;

use datafusion::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// Runs of nulls, in order and apart. Slots outside of them hold values, and appending one costs nothing.
#[derive(Debug, Default)]
pub(super) struct Nulls(Vec<Range<u32>>);

impl Nulls {
    /// These slots are null; they lie behind all that were told before. A batch has fewer than 2^31.
    #[inline]
    pub(super) fn add(&mut self, slots: Range<usize>) {
        let slots = slots.start as u32..slots.end as u32;
        match self.0.last_mut() {
            Some(last) if last.end == slots.start => last.end = slots.end,
            _ if slots.is_empty() => {}
            _ => self.0.push(slots),
        }
    }

    /// Forgets the slots from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        let len = len as u32;
        while self.0.last().is_some_and(|last| last.start >= len) {
            self.0.pop();
        }
        if let Some(last) = self.0.last_mut() {
            last.end = last.end.min(len);
        }
    }

    /// The bits of `len` slots, if one is null; starts again without any.
    pub(super) fn finish(&mut self, len: usize) -> Option<NullBuffer> {
        if self.0.is_empty() {
            return None;
        }
        let mut bits = vec![u8::MAX; len.div_ceil(8)];
        self.0.drain(..).for_each(|run| clear(&mut bits, run.start as usize..run.end as usize));
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, len)))
    }
}

/// Clears a run of at least one bit.
fn clear(bits: &mut [u8], run: Range<usize>) {
    let (first, last) = (run.start / 8, run.end / 8);
    let (before, behind) = (!(u8::MAX << (run.start % 8)), u8::MAX << (run.end % 8));
    if first == last {
        bits.get_mut(first).into_iter().for_each(|byte| *byte &= before | behind);
        return;
    }
    bits.get_mut(first).into_iter().for_each(|byte| *byte &= before);
    bits.get_mut(first + 1..last).into_iter().for_each(|whole| whole.fill(0));
    bits.get_mut(last).into_iter().for_each(|byte| *byte &= behind);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_bits_are_those_of_a_plain_list(
            runs in prop::collection::vec((any::<bool>(), 0usize..40), 0..30), cut in 0usize..600,
        ) {
            let (mut nulls, mut plain) = (Nulls::default(), Vec::new());
            for (null, length) in runs {
                if null {
                    nulls.add(plain.len()..plain.len() + length);
                }
                plain.resize(plain.len() + length, !null);
            }
            if cut < plain.len() {
                plain.truncate(cut);
                nulls.truncate(cut);
            }
            let found = nulls.finish(plain.len());
            prop_assert_eq!(found.is_some(), plain.contains(&false));
            prop_assert!(found.is_none_or(|found| found.iter().eq(plain.iter().copied())));
            prop_assert!(nulls.finish(9).is_none());
        }
    }
}
