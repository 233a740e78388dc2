//! Containers: how files are split. The first byte chooses: 0 takes the rest as a file's bytes; else the rest is the text of
//! a BGZF file with blocks of odd sizes, and some bytes of the file are changed. However a file is cut, its rows are those of
//! one piece; a changed file is refused or has rows of which the checksums know nothing (a block's header has none).

#![no_main]

use genogate_fuzz::{bgzf, check_cuts, read, settings, with_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [mode, unit, block, at, flip, rest @ ..] = bytes else { return };
    let config = settings(*mode >> 4);
    let unit = u64::from(*unit) * 7 + 1;
    if mode & 3 == 0 {
        with_file(rest, |path| check_cuts(&config, path, unit));
        return;
    }
    let plain = with_file(rest, |path| check_cuts(&config, path, unit));
    let mut packed = bgzf(rest, usize::from(*block) * 5 + 1);
    let whole = with_file(&packed, |path| check_cuts(&config, path, unit));
    match (&plain, &whole) {
        (Some(plain), Some(whole)) => assert_eq!(plain.rows, whole.rows, "compression changes rows"),
        (None, None) => {}
        // What is no VCF as plain text can be something else: a BGZF file within.
        (Some(_), None) | (None, Some(_)) => assert!(!rest.starts_with(b"#"), "compression decides about a text"),
    }
    if mode & 3 == 1 || *flip == 0 {
        return;
    }
    let at = usize::from(*at) * packed.len() / 256;
    match mode & 3 {
        2 => packed[at] ^= flip,
        _ => packed.truncate(at),
    }
    let damaged = with_file(&packed, |path| read(&config, path, 1));
    if let (Ok(damaged), Some(whole)) = (damaged, whole) {
        assert!(mode & 3 == 2, "a truncated file was read");
        assert_eq!(damaged.rows, whole.rows, "a damaged file was read as other rows");
    }
});
