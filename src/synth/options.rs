//! What is asked of the generator and what it tells afterwards. It must not know how records are made.

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
    /// Plants invented identifiers; [`super::planted()`] lists them.
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
