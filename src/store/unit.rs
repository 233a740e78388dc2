//! A unit: how inputs are cut into them, and what was read of one. It must not know how it is read or stored.

use std::collections::BTreeMap;

use super::digest::Digest;

/// How an input is cut: units `first .. first + count` of the load. The cut depends on the file and the unit size only,
/// never on threads, so a resumed load finds the same units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputUnits {
    /// Index into [`super::Document::inputs`].
    pub input: u32,
    /// Ordinal of the input's first unit within the load.
    pub first: u32,
    /// Number of units, `None` while a stream's end is unknown.
    pub count: Option<u32>,
    /// Digest of where the units lie, when an index says that.
    pub index: Option<[u8; 32]>,
    /// Ordinals that are set aside for it: as many as it has units, or at most can have.
    pub reserved: u32,
}

/// What the source read of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCounts {
    /// Index into [`super::Document::inputs`].
    pub input: u32,
    /// Lines that begin in the unit, records and blank lines alike; sums of it give file line numbers. 0 where only parts of
    /// the input are read: then [`ClosedUnit::line`] gives the file's lines itself.
    pub lines: u64,
    /// Records among them. Where an index is used, only what it names is read and counted.
    pub records: u64,
    /// Records outside the asked regions.
    pub out_of_region: u64,
    /// Compressed bytes of the unit (uncompressed for streams).
    pub bytes: u64,
    /// Sum of the digests of its records inside the asked regions.
    pub digest: Digest,
}

/// A record that cannot become rows. Holds where and why, never what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// 0-based line within its unit.
    pub line: u64,
    /// Field id such as `POS`, `INFO/DP`, `FORMAT/GT`.
    pub field: String,
    /// Why, in fixed words.
    pub reason: String,
}

/// A unit whose last row has left the source: counts, and the records set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedUnit {
    pub unit: u32,
    pub counts: UnitCounts,
    pub bad: Vec<BadRecord>,
    /// The source could not read it to its end: its rows must not be kept.
    pub broken: bool,
    /// For lines within the unit, those within the input, where sums of [`UnitCounts::lines`] do not give them.
    pub places: BTreeMap<u64, u64>,
}

impl ClosedUnit {
    /// A bad record's line, 0-based, counted from the end of the units before it as [`UnitCounts::lines`] has them.
    pub fn line(&self, bad: &BadRecord) -> u64 {
        self.places.get(&bad.line).copied().unwrap_or(bad.line)
    }
}

/// Records of one input that are inside the asked regions, and the sum of their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputTotal {
    pub records: u64,
    pub digest: Digest,
}
