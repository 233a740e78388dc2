//! What readers of units have in common. It must not know containers.

use crate::error::Result;

/// Reads units one after the other. A unit's text ends at a line border; what begins in the unit belongs to it whole.
pub(crate) trait UnitReader: Send {
    /// Moves to the reader's next unit and returns its ordinal within the input; `None` after the last.
    fn next_unit(&mut self) -> Result<Option<u32>>;

    /// Whole lines of the current unit, as many as are at hand; the input's last line may lack its line ending. `None` at
    /// the unit's end.
    fn next_chunk(&mut self) -> Result<Option<&[u8]>>;

    /// Stored bytes of the current unit so far.
    fn bytes(&self) -> u64;

    /// Lines, or records of BCF, behind the header and before the current unit; `None` where the reader has not seen them.
    fn lines_before(&self) -> Option<u64>;
}

/// A reader that sees all of its input, from front to back.
pub(crate) trait ForwardReader: UnitReader {
    /// Lines, or records of BCF, that were handed on so far.
    fn passed(&self) -> u64;
}

/// What was appended to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// Text of the unit itself.
    Own,
    /// Text behind the unit's border, needed to complete its last line.
    Beyond,
    /// Nothing: the input has ended.
    End,
}
