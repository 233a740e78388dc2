//! Plain numbers at the front of a text, eight or sixteen bytes at once, without a branch a digit (Lemire 2018, "Quickly parsing
//! eight digits"). It must not know columns.

/// A number without its sign, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// The digits, the point left out; at most fifteen of them.
    pub mantissa: u64,
    /// Digits behind the point.
    pub scale: usize,
    /// Bytes it takes.
    pub len: usize,
    /// The byte behind it.
    pub end: u8,
}

const ZEROS: u64 = 0x3030_3030_3030_3030;
const ONES: u128 = 0x0101_0101_0101_0101_0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A bit in each byte that is no digit value, exact up to the first: a carry reaches bytes behind it only.
#[inline(always)]
fn others(digits: u64) -> u64 {
    (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH
}

/// The number that eight digit values make, the most significant one lowest.
#[inline(always)]
fn eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// Up to seven digits: how many, their value, the byte behind them. None at all when there are more, or none. Behind a text that is
/// too short stand delimiters, `fill`.
#[inline(always)]
pub(super) fn integer(text: &[u8], fill: u8) -> (usize, u64, u8) {
    let bytes = match text.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => sixteen(text, fill) as u64,
    };
    let digits = bytes ^ ZEROS;
    let bits = others(digits).trailing_zeros() & 0x78;
    // Eight digits leave no bit: 64 zeros.
    if bits == 64 || bits == 0 {
        return (0, 0, 0);
    }
    // Bytes shifted in from below are leading zeros.
    ((bits / 8) as usize, eight(digits << (64 - bits)), (bytes >> bits) as u8)
}

/// Up to fifteen digits: how many, their value, the byte behind them. None at all when there are more, or none.
#[inline(always)]
pub(super) fn long(text: &[u8], fill: u8) -> (usize, u64, u8) {
    let bytes = sixteen(text, fill);
    let (digits, odd) = halves(bytes);
    let bits = odd.trailing_zeros() & 0xf8;
    if bits == 128 || bits == 0 {
        return (0, 0, 0);
    }
    let all = digits << (128 - bits);
    let value = eight(all as u64) * 100_000_000 + eight((all >> 64) as u64);
    ((bits / 8) as usize, value, (bytes >> bits) as u8)
}

/// Up to fifteen digits with or without a point in or behind them. `None` for whatever does not begin so or is longer.
#[inline(always)]
pub(super) fn decimal(text: &[u8], fill: u8) -> Option<Decimal> {
    let bytes = sixteen(text, fill);
    let (digits, odd) = halves(bytes);
    let point = odd.trailing_zeros() & 0xf8;
    if point == 0 || point >= 64 {
        return None;
    }
    let before = digits as u64 & ((1 << point) - 1);
    let (mantissa, scale, end) = if (bytes as u64 >> point) as u8 == b'.' {
        let end = (odd & (odd - 1)).trailing_zeros() & 0xf8;
        if end >= 128 {
            return None;
        }
        // Digits behind the point move up to those before it, then all of them to the top of sixteen.
        let behind = (digits >> point >> 8) << point;
        let all = (behind | u128::from(before)) << (136 - end);
        let (high, low) = (all as u64, (all >> 64) as u64);
        (eight(high) * 100_000_000 + eight(low), (end - point) / 8 - 1, end)
    } else {
        (eight(before << (64 - point)), 0, point)
    };
    Some(Decimal { mantissa, scale: scale as usize, len: (end / 8) as usize, end: (bytes >> end) as u8 })
}

/// The values of sixteen digits, and a bit in each byte that is none, exact as [`others`].
#[inline(always)]
fn halves(bytes: u128) -> (u128, u128) {
    let digits = bytes ^ (u128::from(ZEROS) << 64 | u128::from(ZEROS));
    (digits, u128::from(others(digits as u64)) | u128::from(others((digits >> 64) as u64)) << 64)
}

/// The front of `text`, the first byte lowest; behind a shorter one stand delimiters, `fill`.
#[inline(always)]
fn sixteen(text: &[u8], fill: u8) -> u128 {
    match text.first_chunk() {
        Some(bytes) => u128::from_le_bytes(*bytes),
        None => filled(text, fill),
    }
}

/// Of fewer than sixteen bytes. Loads from both ends overlap, where they hold the same bytes.
#[inline]
fn filled(text: &[u8], fill: u8) -> u128 {
    let len = text.len();
    let bytes = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (8 * (len - 8))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << (8 * (len - 4))
    } else {
        text.iter().rev().fold(0, |bytes, byte| bytes << 8 | u128::from(*byte))
    };
    bytes | (ONES * u128::from(fill)) << (8 * len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = [u8; 16]> {
        prop::array::uniform16(prop_oneof![8 => b'0'..=b'9', 1 => Just(b'.'), 1 => any::<u8>()])
    }

    fn value_of(digits: &[u8]) -> u64 {
        let digits = digits.iter().filter(|byte| **byte != b'.');
        digits.fold(0u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    }

    #[test]
    fn a_short_text_ends_in_delimiters() {
        assert_eq!(integer(b"12", b';'), (2, 12, b';'));
        assert_eq!(integer(b"", b':'), (0, 0, 0));
        assert_eq!(decimal(b"1.5", b':'), Some(Decimal { mantissa: 15, scale: 1, len: 3, end: b':' }));
        for len in 0..16 {
            let text = &b"abcdefghijklmnop"[..len];
            let filled = [text, &[b'\t'; 16][len..]].concat();
            assert_eq!(sixteen(text, b'\t').to_le_bytes()[..], filled);
        }
    }

    proptest! {
        #[test]
        fn integers_agree_with_a_plain_loop(bytes in text()) {
            let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let right = if (1..8).contains(&count) { (count, value_of(&bytes[..count]), bytes[count]) } else { (0, 0, 0) };
            prop_assert_eq!(integer(&bytes, b';'), right);
            let right = if (1..16).contains(&count) { (count, value_of(&bytes[..count]), bytes[count]) } else { (0, 0, 0) };
            prop_assert_eq!(long(&bytes, b';'), right);
        }

        #[test]
        fn decimals_agree_with_a_plain_loop(bytes in text()) {
            prop_assert_eq!(decimal(&bytes, b';'), plain(&bytes));
        }
    }

    fn plain(bytes: &[u8]) -> Option<Decimal> {
        let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let scale = match bytes.get(whole) {
            Some(b'.') => Some(bytes[whole + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count()),
            _ => None,
        };
        let len = whole + scale.map_or(0, |scale| scale + 1);
        (whole > 0 && whole < 8 && len < bytes.len()).then(|| Decimal {
            mantissa: value_of(&bytes[..len]),
            scale: scale.unwrap_or(0),
            len,
            end: bytes[len],
        })
    }
}
