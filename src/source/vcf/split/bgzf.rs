//! BGZF blocks into a buffer of text. It must not know what the text is.

use libdeflater::Decompressor;

use super::buffer::TextBuf;
pub(crate) use crate::bgzf::{
    Block, EOF_BLOCK, HEADER, MAX_BLOCK, block_header, blocks_end, damaged, find_start, garbage, read_full, without,
};

/// Inflates a whole block behind the buffer's text; how much that is. The error is the reason in fixed words.
pub(crate) fn inflate(
    decompressor: &mut Decompressor,
    stored: &[u8],
    block: Block,
    out: &mut TextBuf,
) -> Result<usize, &'static str> {
    let length = crate::bgzf::text_length(stored, block)?;
    crate::bgzf::inflate(decompressor, stored, block, out.room(length))?;
    out.filled(length);
    Ok(length)
}
