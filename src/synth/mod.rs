//! Deterministic generator of VCF 4.3 files: the same options give the same bytes on any machine.
//! It must not know who reads the files: not the source, not the detection of what it plants.

pub mod bgzf;
mod calls;
mod consequence;
mod genome;
mod genotypes;
mod header;
mod info;
mod planted;
mod random;
mod record;
mod site;
#[cfg(test)]
mod tests;
mod text;

use std::io::Write;

pub use planted::{Place, Planted, planted};

use crate::error::{Error, Result};

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sites of a large population, without samples.
    Sites,
    /// Father, mother and son, with full likelihoods.
    Trio,
    /// Unrelated people: every other one male.
    Cohort,
}

/// What to write. Equal options give equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What kind of file.
    pub kind: Kind,
    /// Number of records; sorted by contig and position.
    pub records: u64,
    /// Number of samples: 0 for sites, 3 for a trio, at least 1 for a cohort.
    pub samples: usize,
    /// Chooses the file among all of its kind.
    pub seed: u64,
    /// Plants invented identifiers; [`planted()`] lists them.
    pub phi: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Records.
    pub records: u64,
    /// Alternate alleles over all records.
    pub alts: u64,
    /// Records with more than one alternate.
    pub multiallelic: u64,
    /// Rows after a split to one alternate each: a record without an alternate stays one row.
    pub split: u64,
    /// Samples.
    pub samples: u64,
    /// Bytes of text, before any compression.
    pub bytes: u64,
}

impl Options {
    /// Refuses numbers of samples that do not fit the kind (class `usage`).
    pub fn check(&self) -> Result<()> {
        let told = match (self.kind, self.samples) {
            (Kind::Sites, 0) | (Kind::Trio, 3) | (Kind::Cohort, 1..) => return Ok(()),
            (Kind::Sites, _) => "a file of sites has no samples",
            (Kind::Trio, _) => "a trio has three samples",
            (Kind::Cohort, _) => "a cohort has at least one sample",
        };
        Err(Error::usage(told).with_hint("leave out --samples, or make a cohort"))
    }
}

/// Text held back before it is handed on.
const CHUNK: usize = 1 << 18;

/// Writes the file as plain text, in constant memory (one record's genotypes). Wrap `out` in a [`bgzf::Writer`] to compress.
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
