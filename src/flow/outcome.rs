//! How a load ended, as its sink tells it. It must not know how a report is shown.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::inputs::Progress;

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All of it is visible.
    Complete,
    /// Inputs were given up; the others are visible.
    Partial,
    /// An identical one was visible already; nothing was stored.
    Skipped,
    /// Units of other shards are missing: what this run has read is not visible yet.
    Unfinished,
}

impl Status {
    /// The word in reports and events.
    pub fn name(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Skipped => "skipped",
            Status::Partial => "partial",
            Status::Unfinished => "unfinished",
        }
    }
}

/// Where every input record went, and what was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub input_records: u64,
    pub variants: u64,
    pub calls: u64,
    pub quarantined: u64,
    pub filtered: u64,
    pub out_of_region: u64,
    pub units: u64,
}

/// A load's end.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The visible load: this one, or the identical earlier one.
    pub load_id: Uuid,
    pub status: Status,
    /// Of a skipped load the earlier load's.
    #[serde(flatten)]
    pub figures: Figures,
    /// Units an earlier run of the same load had committed.
    pub units_resumed: u64,
    /// Digest of the load, its rows and what gives them meaning, hexadecimal, where the sink makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Loads that were visible before, and whose place this one took: the identical one, with force, and what the same pipeline
    /// made of the same content under other rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Uuid>,
    /// Visible loads that other pipelines made of the same content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_content: Vec<Uuid>,
    /// The part of the work that was this run's: `3/8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Input by input, where the sink keeps them apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Progress>,
}
