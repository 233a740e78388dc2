//! One BGZF block (SAMv1 section 4.1): its header, and its text, checked. It must not know files or what the text is.

use libdeflater::Decompressor;

/// The empty block every BGZF file ends in (SAMv1 section 4.1.2).
pub const EOF_BLOCK: [u8; 28] =
    [0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Bytes that hold a block's header when its extra field holds nothing but BSIZE.
pub const HEADER: usize = 18;

/// A block, stored or inflated, never exceeds this.
pub const MAX_BLOCK: usize = 1 << 16;

/// What a block's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Stored bytes, header and trailer included.
    pub size: usize,
    /// Where the deflated data begin.
    pub data: usize,
}

/// Reads a block's header: gzip with the extra subfield `BC` of two bytes. `None` when it is none, or too short to tell.
pub fn block_header(bytes: &[u8]) -> Option<Block> {
    let [0x1f, 0x8b, 0x08, 0x04, _, _, _, _, _, _, xlen_low, xlen_high, extra @ ..] = bytes else { return None };
    let xlen = usize::from(u16::from_le_bytes([*xlen_low, *xlen_high]));
    let mut fields = extra.get(..xlen)?;
    while let [id1, id2, low, high, rest @ ..] = fields {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if (*id1, *id2, length) == (b'B', b'C', 2) {
            let [low, high, ..] = rest else { return None };
            let size = usize::from(u16::from_le_bytes([*low, *high])) + 1;
            let data = 12 + xlen;
            return (size >= data + 8).then_some(Block { size, data });
        }
        fields = rest.get(length..)?;
    }
    None
}

/// How much text a whole block says it holds. The error is the reason in fixed words.
pub fn text_length(stored: &[u8], block: Block) -> Result<usize, &'static str> {
    let trailer = stored.get(..block.size).and_then(|stored| stored.last_chunk::<4>()).ok_or("a block is cut off")?;
    let length = u32::from_le_bytes(*trailer) as usize;
    if length > MAX_BLOCK { Err("a block claims more than 64 KiB of text") } else { Ok(length) }
}

/// Inflates a whole block into `room`, which has [`text_length`] bytes, and checks length and CRC32. The error is the reason in
/// fixed words.
pub fn inflate(decompressor: &mut Decompressor, stored: &[u8], block: Block, room: &mut [u8]) -> Result<(), &'static str> {
    let (body, trailer) =
        stored.get(..block.size).and_then(|stored| stored.split_last_chunk::<8>()).ok_or("a block is cut off")?;
    let [c0, c1, c2, c3, ..] = *trailer;
    let data = body.get(block.data..).ok_or("a block is cut off")?;
    match decompressor.deflate_decompress(data, room) {
        Ok(inflated) if inflated == room.len() => {}
        _ => return Err("a block does not inflate"),
    }
    match libdeflater::crc32(room) == u32::from_le_bytes([c0, c1, c2, c3]) {
        true => Ok(()),
        false => Err("a block's checksum does not match"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgzf::pack;

    #[test]
    fn the_eof_block_is_a_block_of_nothing() {
        let block = block_header(&EOF_BLOCK).unwrap();
        assert_eq!(block, Block { size: 28, data: 18 });
        assert_eq!(text_length(&EOF_BLOCK, block), Ok(0));
        assert_eq!(inflate(&mut Decompressor::new(), &EOF_BLOCK, block, &mut []), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let stored = pack(&b"chr1\t100\n".repeat(50), 1000);
        let block = block_header(&stored).unwrap();
        for at in [20, block.size - 8, block.size - 4] {
            let mut damaged = stored.clone();
            damaged[at] ^= 1;
            let stored = &damaged[..block.size];
            let mut room = vec![0; text_length(stored, block).unwrap_or(0)];
            assert!(inflate(&mut Decompressor::new(), stored, block, &mut room).is_err());
        }
    }
}
