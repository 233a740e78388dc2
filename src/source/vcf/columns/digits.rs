//! Decimal digits eight at a time, without a branch a digit (Lemire 2018, "Quickly parsing eight digits"). It must not know
//! signs, points or columns.

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many of the eight bytes (first one lowest) are digits before the first that is none, and their value.
#[inline]
pub(super) fn leading(eight: [u8; 8]) -> (usize, u64) {
    let digits = u64::from_le_bytes(eight) ^ ZEROS;
    // A byte above 9 sets its high bit; a carry can only reach bytes behind it, and the lowest one counts.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH;
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Bytes shifted in from below are leading zeros.
    let digits = digits << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    (count, low.wrapping_add(high) >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_loop(bytes in prop::array::uniform8(prop_oneof![4 => b'0'..=b'9', 1 => any::<u8>()])) {
            let digits: Vec<u8> = bytes.iter().copied().take_while(u8::is_ascii_digit).collect();
            let value = digits.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
            prop_assert_eq!(leading(bytes), (digits.len(), value));
        }
    }
}
