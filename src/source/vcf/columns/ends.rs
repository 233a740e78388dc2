//! Where a value ends: the delimiters that may follow it. It must not know what is delimited.

use crate::source::vcf::find::{find, find_two};

/// A set of delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends(u8);

const COMMA: u8 = 1;
const SEMICOLON: u8 = 2;
const COLON: u8 = 4;
const TAB: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    classes[b',' as usize] = COMMA;
    classes[b';' as usize] = SEMICOLON;
    classes[b':' as usize] = COLON;
    classes[b'\t' as usize] = TAB;
    classes
};

impl Ends {
    /// A fixed column ends at a tab.
    pub(crate) const COLUMN: Self = Self(TAB);
    /// An INFO value ends at `;`.
    pub(crate) const INFO: Self = Self(SEMICOLON);
    /// A value of a call ends at `:` or at the next call.
    pub(crate) const CALL: Self = Self(COLON | TAB);

    /// The same for an item of a list.
    #[inline]
    pub(super) fn or_comma(self) -> Self {
        Self(self.0 | COMMA)
    }

    /// One of them.
    #[inline(always)]
    pub(super) fn any(self) -> u8 {
        match self.0 {
            set if set & SEMICOLON != 0 => b';',
            set if set & COLON != 0 => b':',
            _ => b'\t',
        }
    }

    /// Is `byte` one of them?
    #[inline(always)]
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES[usize::from(byte)] & self.0 != 0
    }

    /// Does a value that is followed by `byte` end there? The text's own end (`None`) ends every value.
    #[inline]
    pub(super) fn at(self, byte: Option<&u8>) -> bool {
        byte.is_none_or(|byte| self.has(*byte))
    }

    /// Where the value that `text` begins with ends.
    #[inline]
    pub(super) fn find(self, text: &[u8]) -> usize {
        const INFO_LIST: u8 = SEMICOLON | COMMA;
        const CALL: u8 = COLON | TAB;
        let found = match self.0 {
            SEMICOLON => find(b';', text),
            INFO_LIST => find_two(b';', b',', text),
            CALL => find_two(b':', b'\t', text),
            _ => text.iter().position(|byte| self.at(Some(byte))),
        };
        found.unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_at_their_delimiters_only() {
        let text = b"a|b/c,d;e:f\tg";
        for (ends, at) in [(Ends::INFO, 7), (Ends::INFO.or_comma(), 5), (Ends::CALL, 9), (Ends::CALL.or_comma(), 5)] {
            assert_eq!(ends.find(text), at);
            assert!(ends.at(text.get(at)) && ends.at(None) && !ends.at(Some(&b'a')));
            assert_eq!(ends.find(b"none"), 4);
        }
    }
}
