//! From files to lines: what container an input is, how it is cut into units, and the text of one unit, chunk by chunk.
//! It must not know what a line means.

pub(crate) mod bgzf;
mod buffer;
mod open;
mod ranged;
mod records;
pub(crate) mod spans;
mod stream;

use crate::error::{Error, Result};

pub(crate) use buffer::TextBuf;
pub(crate) use open::{Access, Container, FromStart, Opened, open};
pub(crate) use ranged::{BgzfCut, Cut, Layout, PlainCut, Ranged, count_units};
pub(crate) use records::{RangedRecords, StreamedRecords};
pub(crate) use spans::{Span, Spanned, Spans, Virtual};
pub(crate) use stream::{StreamText, Streamed};

/// The longest line that is read. Longer ones are no VCF.
pub(crate) const MAX_LINE: usize = 1 << 30;

/// Reads units one after the other. A unit's text ends at a line border; what begins in the unit belongs to it whole.
pub(crate) trait UnitReader: Send {
    /// Moves to the reader's next unit and returns its ordinal within the input; `None` after the last.
    fn next_unit(&mut self) -> Result<Option<u32>>;

    /// Whole lines of the current unit, as many as are at hand; the input's last line may lack its line ending. `None` at
    /// the unit's end.
    fn next_chunk(&mut self) -> Result<Option<&[u8]>>;

    /// Stored bytes of the current unit so far.
    fn bytes(&self) -> u64;
}

/// What was appended to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text of the unit itself.
    Own,
    /// Text behind the unit's border, needed to complete its last line.
    Beyond,
    /// Nothing: the input has ended.
    End,
}

/// A failed read, told without the path.
pub(crate) fn read_failed(error: &std::io::Error) -> Error {
    let error = match error.kind() {
        std::io::ErrorKind::NotFound => return Error::input("no such file").with_hint("check the path"),
        std::io::ErrorKind::PermissionDenied => {
            return Error::input("the file cannot be read: permission denied").with_hint("give the running user read permission");
        }
        _ if error.raw_os_error().is_some_and(|code| code == nix::libc::ENFILE || code == nix::libc::EMFILE) => {
            return Error::failed("too many files are open")
                .with_hint("raise the limit (`ulimit -n`), or load fewer files at once");
        }
        kind => Error::input(format!("the file cannot be read: {kind}")),
    };
    error.with_hint("check the disk or the mount the file lies on")
}
