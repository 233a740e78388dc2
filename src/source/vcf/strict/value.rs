//! Single values by their declared type (4.3 section 1.3; before that as text). It must not know keys or counts.

use crate::flow::VcfType;
use crate::source::vcf::columns::parse_float;
use crate::source::vcf::reason::Reason;

/// A value that is not missing.
pub(super) fn check(text: &[u8], kind: VcfType, minor: u32) -> Result<(), Reason> {
    match kind {
        _ if text == b"." => Ok(()),
        VcfType::String if text.is_empty() && minor >= 4 => Ok(()),
        _ if text.is_empty() => Err(Reason::EmptyValue),
        VcfType::Integer => integer(text, minor).map(|_| ()),
        VcfType::Float => float(text, minor).map(|_| ()),
        VcfType::Character if characters(text) != 1 => Err(Reason::Characters),
        VcfType::Flag if !matches!(text, b"0" | b"1") => Err(Reason::FlagValue),
        VcfType::Character | VcfType::String | VcfType::Flag => Ok(()),
    }
}

/// 32 bits; from 4.3 on without the eight lowest, which BCF keeps for itself.
pub(super) fn integer(text: &[u8], minor: u32) -> Result<i32, Reason> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Reason::NotInteger);
    }
    let value: Option<i32> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    match value {
        None => Err(Reason::WideInteger),
        Some(value) if minor >= 3 && value < i32::MIN + 8 => Err(Reason::ReservedInteger),
        Some(value) => Ok(value),
    }
}

/// From 4.3 on `[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?` or `[-+]?(INF|INFINITY|NAN)` in any case.
pub(super) fn float(text: &[u8], minor: u32) -> Result<f64, Reason> {
    let value = parse_float(text)?;
    if minor >= 3 && value.is_finite() {
        let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
        if !mantissa.last().is_some_and(u8::is_ascii_digit) {
            return Err(Reason::NotNumber);
        }
    }
    Ok(value)
}

/// Characters, an escape such as `%3A` counting as one.
fn characters(text: &[u8]) -> usize {
    match text {
        [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 1,
        text => String::from_utf8_lossy(text).chars().count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_their_borders() {
        assert_eq!(integer(b"-2147483640", 3), Ok(-2_147_483_640));
        for bad in ["-2147483641", "-2147483648", "2147483648", "1.0", "", "-", "1e3"] {
            assert!(integer(bad.as_bytes(), 3).is_err(), "{bad}");
        }
        assert!(integer(b"-2147483648", 2).is_ok());
    }

    #[test]
    fn floats_and_their_spelling() {
        for good in ["1", "-0.5", ".5", "2e+1", "5.3E-10", "Inf", "+inf", "-INFINITY", "NaN", "0.0"] {
            assert!(float(good.as_bytes(), 3).is_ok(), "{good}");
        }
        for bad in ["1.", "1.e5", "e5", "x", "1,5", "", "0x1p3"] {
            assert!(float(bad.as_bytes(), 3).is_err(), "{bad}");
        }
    }

    #[test]
    fn characters_are_one() {
        for good in ["A", "é", "%3B"] {
            assert!(check(good.as_bytes(), VcfType::Character, 3).is_ok());
        }
        assert!(check(b"AB", VcfType::Character, 3).is_err());
        assert!(check(b"2", VcfType::Flag, 3).is_err() && check(b"1", VcfType::Flag, 3).is_ok());
    }
}
