//! Text cut and put together. It must not know what a text means.

use std::ops::Range;

/// `text` with each span replaced; spans are ordered and do not overlap. `None` without spans.
pub fn splice<S: AsRef<str>>(text: &str, spans: impl Iterator<Item = (Range<usize>, S)>) -> Option<String> {
    let (mut out, mut copied) = (None, 0);
    for (span, replacement) in spans {
        let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        out.push_str(text.get(copied..span.start).unwrap_or_default());
        out.push_str(replacement.as_ref());
        copied = span.end;
    }
    let mut out: String = out?;
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_replaced_and_the_rest_stays() {
        assert_eq!(splice("abcdef", [(1..2, "X"), (4..6, "")].into_iter()).as_deref(), Some("aXcd"));
        assert_eq!(splice("aé", [(1..3, "e")].into_iter()).as_deref(), Some("ae"));
        assert_eq!(splice("abc", std::iter::empty::<(Range<usize>, &str)>()), None);
    }
}
