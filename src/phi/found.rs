//! Where something was found in a text. It must not know what was looked for.

/// A match: bytes `start .. end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which of the patterns or names that were looked for.
    pub pattern: usize,
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset behind the last byte.
    pub end: usize,
}
