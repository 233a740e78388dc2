//! What no input may go past, and the words for it. It must not know how inputs are read.

use crate::error::Error;

/// More header than this is no header.
pub(crate) const MAX_HEADER: usize = 1 << 29;
/// The longest line that is read. Longer ones are no VCF.
pub(crate) const MAX_LINE: usize = 1 << 30;

pub(crate) fn line_too_long() -> Error {
    Error::input("a line is longer than 1 GiB").with_hint("this is not a VCF text file")
}
