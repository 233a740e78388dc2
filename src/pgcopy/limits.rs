//! What binary COPY cannot carry, and how much of it is sent at once. It must not know columns or buffers.

/// A statement's data is sent when it has grown to this many bytes (4 MiB).
pub const LIMIT: usize = 4 << 20;

/// PostgreSQL's own bound on one field (1 GiB - 1).
pub const LONGEST_ROW: usize = (1 << 30) - 1;

/// Why a value cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Text holds U+0000, which `text` and `jsonb` cannot.
    Nul,
    /// A row is longer than 1 GiB.
    TooLong,
}

impl Fault {
    /// In words for an error.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Nul => "a text value holds a NUL character, which PostgreSQL cannot store",
            Self::TooLong => "a row is longer than 1 GiB, which PostgreSQL cannot store",
        }
    }
}

/// A row that cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unstorable {
    /// Its number, as the column counts rows.
    pub row: usize,
    pub fault: Fault,
}
