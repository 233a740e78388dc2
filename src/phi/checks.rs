//! What a regular expression cannot say about a match: its neighbours and its check digits. It must not know which
//! pattern asks.

use std::ops::Range;

/// Judges a match from the whole text and the span of the match within it.
pub(super) type Check = fn(&[u8], Range<usize>) -> bool;

/// Bytes that make up words. `_` separates: `NA12878_sorted.bam` names NA12878. Non-ASCII bytes are letters.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Does nothing word-like touch the span? A percent escape (VCF 4.3 section 1.2) before it is a separator.
pub(super) fn stands_alone(text: &[u8], span: Range<usize>) -> bool {
    let first = text.get(span.start).is_some_and(|&b| is_word(b));
    let last = span.end.checked_sub(1).and_then(|i| text.get(i)).is_some_and(|&b| is_word(b));
    (!first || opens(text, span.start)) && !(last && text.get(span.end).is_some_and(|&b| is_word(b)))
}

/// Is there no word directly before `start`?
fn opens(text: &[u8], start: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let escape = matches!(before, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    escape || before.last().is_none_or(|&b| !is_word(b))
}

/// No longer chain of digits goes on left or right (`12.555-123-4567`, `chr1:123-45-6789-1`).
pub(super) fn ends_of_number(text: &[u8], span: Range<usize>) -> bool {
    let joins = |b: u8| matches!(b, b'.' | b'-' | b'/');
    let left = matches!(text.get(..span.start), Some([.., digit, joint]) if digit.is_ascii_digit() && joins(*joint));
    let right = matches!(text.get(span.end..), Some([joint, digit, ..]) if digit.is_ascii_digit() && joins(*joint));
    !left && !right
}

/// A whole number that is not glued to a name by `_` (`CGAPipeline_2.0.0.32` is a version).
pub(super) fn address(text: &[u8], span: Range<usize>) -> bool {
    let glued = matches!(text.get(..span.start), Some([.., b'_' | b'-' | b'+' | b'v' | b'='])) && !after_host_word(text, &span);
    !glued && ends_of_number(text, span)
}

fn after_host_word(text: &[u8], span: &Range<usize>) -> bool {
    let before = text.get(span.start.saturating_sub(8)..span.start).unwrap_or_default().to_ascii_lowercase();
    [&b"ip="[..], b"host=", b"addr=", b"server="].iter().any(|word| before.ends_with(word))
}

fn digits(text: &[u8], span: Range<usize>) -> Vec<u8> {
    text.get(span).unwrap_or_default().iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect()
}

/// At least seven digits: a telephone number behind a word like `phone`.
pub(super) fn seven_digits(text: &[u8], span: Range<usize>) -> bool {
    digits(text, span).len() >= 7
}

/// An international number (ITU-T E.164: at most 15 digits): 8 digits when it is grouped, 10 when it is not, and not an
/// offset as in `c.205+5959C>G`.
pub(super) fn international(text: &[u8], span: Range<usize>) -> bool {
    let count = digits(text, span.clone()).len();
    let grouped = span.len() > count + 1;
    let offset = matches!(text.get(..span.start), Some([.., b'.' | b')' | b'*']));
    opens(text, span.start) && !offset && (8..=15).contains(&count) && (grouped || count >= 10)
}

/// The check digit of an NHS number: weights 10 to 2 modulo 11 (NHS Data Dictionary, NHS NUMBER).
pub(super) fn nhs_number(text: &[u8], span: Range<usize>) -> bool {
    let all = digits(text, span.clone());
    let Some(number) = all.len().checked_sub(10).and_then(|skip| all.get(skip..)) else { return false };
    let sum: u32 = number.iter().zip((2..=10).rev()).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    let check = (11 - sum % 11) % 11;
    let all_same = number.iter().all(|digit| Some(digit) == number.first());
    number.last().is_some_and(|&last| u32::from(last) == check) && !all_same && ends_of_number(text, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(check: Check, text: &str) -> bool {
        check(text.as_bytes(), 0..text.len())
    }

    #[test]
    fn an_nhs_number_needs_its_check_digit() {
        assert!(whole(nhs_number, "943 476 5919"));
        assert!(!whole(nhs_number, "943 476 5918"));
        assert!(!whole(nhs_number, "000 000 0000"));
        assert!(!whole(nhs_number, "12345"));
    }

    #[test]
    fn a_word_is_bounded_by_separators_escapes_and_the_ends() {
        let at = |text: &str, name: &str| {
            let start = text.find(name).unwrap();
            stands_alone(text.as_bytes(), start..start + name.len())
        };
        for text in ["HG002", "a/HG002.bam", "HG002_x", "for%20HG002", "(HG002)"] {
            assert!(at(text, "HG002"), "{text}");
        }
        for text in ["HG0021", "xHG002", "éHG002", "HG002é", "%G0HG002"] {
            assert!(!at(text, "HG002"), "{text}");
        }
        assert!(at("1=(A)2", "(A)"));
    }
}
