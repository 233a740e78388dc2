//! The closed set of audit events. It must not hold a cell's value, a path or a sample name: only numbers, declared ids,
//! fixed words and keyed hashes.

use serde::Serialize;

/// One act worth remembering (45 CFR 164.312(b)).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Durable before the first row is written.
    LoadIntent { pipeline: String, profile: String, inputs: u32, options_digest: String },
    /// The sink began or resumed a load.
    LoadBegun { load_id: uuid::Uuid, resumed_units: u64 },
    /// The load became visible, or was recognised as one that is.
    LoadFinished {
        load_id: uuid::Uuid,
        status: String,
        input_records: u64,
        variants: u64,
        calls: u64,
        quarantined: u64,
        filtered: u64,
    },
    /// The run ended without a visible load.
    LoadFailed { load_id: Option<uuid::Uuid>, class: String, message: String },
    /// Header lines removed by `sanitize`, by key.
    HeaderLinesDropped { input: u32, key: String, count: u64 },
    /// A column removed from the flow by a stage.
    ColumnDropped { stage: String, column: String },
    /// Values removed because they did not fit a column's vocabulary or grammar.
    ValuesDropped { stage: String, column: String, count: u64 },
    /// A pattern matched: where and how often, never what.
    PhiDetected { severity: String, pattern: String, place: String, count: u64, action: String },
    /// Records set aside, by reason.
    Quarantined { input: u32, field: String, reason: String, count: u64 },
    /// Samples given pseudonyms.
    SamplesPseudonymized { input: u32, samples: u64, new: u64, key_id: String },
    /// Columns encrypted with a key.
    ColumnsEncrypted { columns: Vec<String>, key_id: String, values: u64 },
    /// A migration was applied.
    MigrationApplied { version: i64, name: String },
    /// A managed database was started, stopped or reset.
    DatabaseCluster { action: String },
    /// Somebody opened a shell on the database.
    DatabaseShell { role: String },
    /// A query was run through the warehouse: its digest, not its text.
    QueryRun { sql_digest: String, rows: u64 },
    /// A load was dropped.
    LoadDropped { load_id: uuid::Uuid, variants: u64, calls: u64 },
    /// Somebody was refused.
    Denied { permission: String },
}
