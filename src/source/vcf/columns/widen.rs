//! Single precision into double by way of the shortest decimal form, so that 0.1 read from 32 bits is the 0.1 of the text.
//! It must not know columns.

use std::io::Write;

use super::decimal::parse_float;

/// 5^12 has 28 bits, so a 24-bit mantissa times 10^12 is exact in a double.
const PLACES: usize = 12;
const TEN: [f64; PLACES + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Adding and taking it away again rounds a double below 2^51 to a whole number.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// The double nearest to the shortest decimal number that is nearest to `value` among single-precision numbers (Steele and
/// White 1990). NaN and infinities stay what they are.
#[inline]
pub(crate) fn widen(value: f32) -> f64 {
    let exact = f64::from(value);
    let size = exact.abs();
    // Whole numbers below 2^24 are their own shortest form.
    if size < 16_777_216.0 && (value as i32) as f32 == value {
        return exact;
    }
    let bits = value.to_bits();
    let (exponent, mantissa) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
    // From 2^-20 on, and not at a power of two, where the neighbour below is nearer than the one above.
    if (107..151).contains(&exponent) && mantissa != 0 {
        // Half the distance to the neighbours: 2^(exponent - 127 - 24).
        let half = f64::from_bits(u64::from(exponent + 1023 - 127 - 24) << 52);
        for power in &TEN[1..] {
            let scaled = size * power;
            let whole = (scaled + WHOLE) - WHOLE;
            let off = (scaled - whole).abs();
            if off <= half * power {
                // Two candidates are as near, or one lies on the border: rare, and the formatter knows the rule.
                if off == 0.5 || off == half * power {
                    break;
                }
                let near = whole / power;
                return if exact < 0.0 { -near } else { near };
            }
        }
    }
    by_text(value)
}

#[cold]
fn by_text(value: f32) -> f64 {
    let (mut text, mut at) = ([0u8; 24], 0);
    let mut room = &mut text[..];
    let before = room.len();
    if write!(room, "{value:e}").is_ok() {
        at = before - room.len();
    }
    parse_float(&text[..at]).unwrap_or_else(|_| f64::from(value))
}

/// Appends the shortest decimal form as C's `%g` lays it out, which is what VCF written from BCF has.
pub(crate) fn write_short(value: f32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let text = if value.is_nan() { "nan" } else { ["inf", "-inf"][usize::from(value < 0.0)] };
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits.max(6) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{mantissa}e{sign}{:02}", exponent.abs()).as_bytes());
    } else {
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(value: f32) -> f64 {
        format!("{value:e}").parse().unwrap()
    }

    #[test]
    fn known_values() {
        for (value, wide) in
            [(0.1f32, 0.1), (-0.3, -0.3), (0.000_399_361, 0.000_399_361), (1e-30, 1e-30), (16_777_217.0, 16_777_216.0)]
        {
            assert_eq!(widen(value), wide);
        }
        assert!(widen(f32::NAN).is_nan() && widen(-0.0).is_sign_negative());
        assert_eq!((widen(f32::INFINITY), widen(f32::NEG_INFINITY)), (f64::INFINITY, f64::NEG_INFINITY));
        let tie = 2_097_152.0 + 0.25;
        assert_eq!(widen(tie), plain(tie));
        assert_eq!((widen(f32::MAX), widen(f32::MIN_POSITIVE), widen(1e-45)), (plain(f32::MAX), plain(f32::MIN_POSITIVE), 1e-45));
    }

    #[test]
    fn numbers_as_files_have_them() {
        for places in 0..8u32 {
            for n in (0..200_000u32).step_by(7) {
                let value = (f64::from(n) / 10f64.powi(places as i32)) as f32;
                assert_eq!(widen(value), plain(value), "{value}");
            }
        }
        for exponent in 1..=254u32 {
            for mantissa in [0, 1, 2, 0x40_0000, 0x7f_fffe, 0x7f_ffff] {
                let value = f32::from_bits(exponent << 23 | mantissa);
                assert_eq!(widen(value), plain(value), "{value:e}");
            }
        }
    }

    #[test]
    fn text_is_laid_out_as_c_does() {
        for (value, text) in [
            (0.5f32, "0.5"),
            (100.0, "100"),
            (1e6, "1e+06"),
            (123456.0, "123456"),
            (1234567.0, "1234567"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-10, "-2.5e-10"),
            (f32::INFINITY, "inf"),
            (f32::NAN, "nan"),
        ] {
            let mut out = Vec::new();
            write_short(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn every_float_is_its_shortest_text(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(widen(value).to_bits(), plain(value).to_bits());
        }

        #[test]
        fn every_float_near_one_is_its_shortest_text(bits in (100u32 << 23)..(152u32 << 23)) {
            let value = f32::from_bits(bits);
            prop_assert_eq!(widen(value).to_bits(), plain(value).to_bits());
        }
    }
}
