//! Deterministic generator of VCF 4.3 files: the same options give the same bytes on any machine.
//! It must not know who reads the files: not the source, not the detection of what it plants.

mod calls;
mod consequence;
mod genome;
mod genotypes;
mod header;
mod info;
mod options;
mod planted;
mod random;
mod record;
mod site;
#[cfg(test)]
mod tests;
mod text;

use std::io::Write;

pub use options::{Kind, Options, Stats};
pub use planted::{Place, Planted, planted};

use crate::error::{Error, Result};

/// Text held back before it is handed on.
const CHUNK: usize = 1 << 18;

/// Writes the file as plain text, in constant memory (one record's genotypes). Wrap `out` in a [`crate::bgzf::Writer`] to compress.
///
/// # Errors
/// Class `usage` when the options contradict each other, `failed` when `out` refuses bytes (the `io::Error` is the source).
pub fn write(options: &Options, mut out: impl Write) -> Result<Stats> {
    options.check()?;
    let mut maker = record::Maker::new(options);
    let mut text = Vec::with_capacity(2 * CHUNK);
    maker.header(&mut text);
    let mut bytes = 0;
    loop {
        let more = maker.record(&mut text);
        if text.len() >= CHUNK || !more {
            bytes += text.len() as u64;
            out.write_all(&text).map_err(refused)?;
            text.clear();
        }
        if !more {
            break;
        }
    }
    out.flush().map_err(refused)?;
    Ok(Stats { bytes, ..maker.stats() })
}

fn refused(error: std::io::Error) -> Error {
    Error::failed(format!("the generated file could not be written ({})", error.kind())).with_source(error)
}
