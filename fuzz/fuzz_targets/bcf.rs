//! BCF: any bytes as its stream, packed into BGZF. The first byte is the settings, the second the size of units, the third that
//! of the blocks. However it is cut, its rows are those of one piece.

#![no_main]

use genogate_fuzz::{bgzf, check_cuts, settings, with_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [options, unit, block, rest @ ..] = bytes else { return };
    let packed = bgzf(rest, usize::from(*block) * 16 + 1);
    with_file(&packed, |path| check_cuts(&settings(*options), path, u64::from(*unit) * 16 + 1));
});
