//! The double nearest to a decimal text. It must not know columns.

use super::digits;
use super::ends::Ends;
use crate::source::vcf::reason::Reason;

/// Powers of ten that a double holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

/// Reads a number in decimal or scientific notation, `NaN`, `Inf` and `Infinity` in any case (VCF 4.3 section 1.3).
#[inline]
pub(crate) fn parse_float(text: &[u8]) -> Result<f64, Reason> {
    match plain(text, Ends::INFO) {
        Some((value, len)) if len == text.len() => Ok(value),
        _ => general(text),
    }
}

/// The number that `text` begins with and that one of `ends` follows, and its length. Up to 15 digits and a power of ten within
/// 22 need one correctly rounded operation on two exact doubles (Clinger 1990); `None` for the rest, which is left to the
/// standard library. Both are nearest-even.
#[inline(always)]
pub(super) fn plain(text: &[u8], ends: Ends) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let number = digits::decimal(if negative { &text[1..] } else { text }, ends.any())?;
    let (mut power, mut len) = (-(number.scale as i32), number.len + usize::from(negative));
    if !ends.has(number.end) {
        let (exponent, more) = scientific(text, len).filter(|(_, more)| ends.at(text.get(len + more)))?;
        power += exponent;
        len += more;
    }
    let exact = EXACT.get(power.unsigned_abs() as usize)?;
    let value = if power < 0 { number.mantissa as f64 / exact } else { number.mantissa as f64 * exact };
    Some((if negative { -value } else { value }, len))
}

/// An exponent of one or two digits at `at`: its value, and its length with the `e`.
#[inline]
fn scientific(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let [b'e' | b'E', rest @ ..] = text.get(at..)? else { return None };
    let signed = matches!(rest.first(), Some(b'-' | b'+'));
    let digit = |i: usize| rest.get(i + usize::from(signed)).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9);
    let first = i32::from(digit(0)?);
    let (value, digits) = match digit(1) {
        Some(second) => (first * 10 + i32::from(second), 2),
        None => (first, 1),
    };
    Some((if rest.first() == Some(&b'-') { -value } else { value }, 1 + usize::from(signed) + digits))
}

#[cold]
fn general(text: &[u8]) -> Result<f64, Reason> {
    let text = std::str::from_utf8(text).map_err(|_| Reason::NotNumber)?;
    text.parse().map_err(|_| if text.is_empty() { Reason::Empty } else { Reason::NotNumber })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn special_spellings() {
        for text in ["inf", "+Inf", "Infinity", "INF"] {
            assert_eq!(parse_float(text.as_bytes()), Ok(f64::INFINITY));
        }
        assert_eq!(parse_float(b"-inf"), Ok(f64::NEG_INFINITY));
        assert!(parse_float(b"NaN").unwrap().is_nan() && parse_float(b"nan").unwrap().is_nan());
        assert!(parse_float(b"-0").unwrap().is_sign_negative());
        for wrong in ["", "-", "1,2", "1e", "1.2.3", "0x10", "1 ", "e5", "1d3"] {
            assert!(parse_float(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_the_standard_library(value in any::<f64>().prop_filter("finite", |v| v.is_finite()), places in 0usize..20) {
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.places$e}"), format!("{:.places$}", value % 1e9)] {
                prop_assert_eq!(parse_float(text.as_bytes()).unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }
    }
}
