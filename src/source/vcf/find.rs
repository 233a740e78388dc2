//! Finding a delimiter that is likely near. It must not know what is delimited.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where `needle` is first in `text`. Most values are a few bytes long: eight bytes are looked at at once (Mycroft's zero-byte
/// test; the lowest set bit is exact), and only long text goes to the vectorized search, whose start costs more than that.
#[inline]
pub(crate) fn find(needle: u8, text: &[u8]) -> Option<usize> {
    let pattern = LOW * u64::from(needle);
    let mut rest = text;
    for passed in [0, 8, 16, 24] {
        let Some((eight, behind)) = rest.split_first_chunk::<8>() else {
            return rest.iter().position(|byte| *byte == needle).map(|at| passed + at);
        };
        let differs = u64::from_le_bytes(*eight) ^ pattern;
        let found = differs.wrapping_sub(LOW) & !differs & HIGH;
        if found != 0 {
            return Some(passed + (found.trailing_zeros() / 8) as usize);
        }
        rest = behind;
    }
    memchr::memchr(needle, rest).map(|at| 32 + at)
}

/// Where `a` or `b` is first in `text`; the same trade, for lists of short names and of whole annotations.
#[inline]
pub(crate) fn find_two(a: u8, b: u8, text: &[u8]) -> Option<usize> {
    let (pattern_a, pattern_b) = (LOW * u64::from(a), LOW * u64::from(b));
    let mut rest = text;
    for passed in [0, 8] {
        let Some((eight, behind)) = rest.split_first_chunk::<8>() else {
            return rest.iter().position(|byte| *byte == a || *byte == b).map(|at| passed + at);
        };
        let eight = u64::from_le_bytes(*eight);
        let (differs_a, differs_b) = (eight ^ pattern_a, eight ^ pattern_b);
        // The lowest set bit of each is exact, so the lowest of both is.
        let found = (differs_a.wrapping_sub(LOW) & !differs_a | differs_b.wrapping_sub(LOW) & !differs_b) & HIGH;
        if found != 0 {
            return Some(passed + (found.trailing_zeros() / 8) as usize);
        }
        rest = behind;
    }
    memchr::memchr2(a, b, rest).map(|at| 16 + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_loop_finds(text in prop::collection::vec(prop_oneof![Just(b';'), Just(b':'), any::<u8>()], 0..80)) {
            for needle in [b';', b':', 0, 0x80] {
                prop_assert_eq!(find(needle, &text), text.iter().position(|byte| *byte == needle));
                prop_assert_eq!(find_two(needle, b':', &text), text.iter().position(|byte| [needle, b':'].contains(byte)));
            }
        }
    }
}
