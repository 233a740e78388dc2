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

/// An enum whose variants are fixed words: the words stand beside the variant and are made by `Display`.
macro_rules! worded {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$doc])* #[doc = $text] $variant,)+
        }

        impl $name {
            /// The words.
            $vis const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

pub(crate) use worded;

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
