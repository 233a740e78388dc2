//! The closed set of audit events. It must not hold a cell's value, a path or a sample name: only numbers, declared ids,
//! fixed words and keyed hashes.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;

/// How the act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was begun and failed.
    Failure,
    /// It was not permitted.
    Denied,
}

impl Outcome {
    /// The word stored in the trail.
    pub fn name(self) -> &'static str {
        ["success", "failure", "denied"][self as usize]
    }
}

/// One act worth remembering (45 CFR 164.312(b)).
///
/// Text fields are declared ids and fixed words. Whatever else gets into one (a path, free text) is stored as `[withheld]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Durable before the first row is written.
    LoadIntent { pipeline: String, profile: String, inputs: u32, options_digest: String },
    /// The sink began or resumed a load.
    LoadBegun { load_id: Uuid, resumed_units: u64 },
    /// The load became visible, or was recognised as one that is.
    LoadFinished {
        load_id: Uuid,
        status: String,
        input_records: u64,
        variants: u64,
        calls: u64,
        quarantined: u64,
        filtered: u64,
        /// What `genogate validate` holds the stored rows against, hexadecimal; none while shards are missing.
        rows_digest: Option<String>,
    },
    /// The run ended without a visible load. The message is not kept: it may name a file. See [`Event::load_failed`].
    LoadFailed { load_id: Option<Uuid>, class: String, sqlstate: Option<String> },
    /// Header lines removed by `sanitize`, by key.
    HeaderLinesDropped { input: u32, key: String, count: u64 },
    /// A column removed from the flow by a stage.
    ColumnDropped { stage: String, column: String },
    /// Values removed because they did not fit a column's vocabulary or grammar.
    ValuesDropped { stage: String, column: String, count: u64 },
    /// Rows whose position or alleles `normalize` changed.
    VariantsAligned { count: u64 },
    /// A pattern matched: where and how often, never what.
    PhiDetected { severity: String, pattern: String, place: String, count: u64, action: String },
    /// Records set aside, by reason.
    Quarantined { input: u32, field: String, reason: String, count: u64 },
    /// Samples given pseudonyms.
    SamplesPseudonymized { input: u32, samples: u64, new: u64, key_id: String },
    /// Columns encrypted with a key.
    ColumnsEncrypted { columns: Vec<String>, key_id: String, values: u64 },
    /// A key ring was opened.
    KeyOpened { key: String, key_id: String },
    /// A migration was applied.
    MigrationApplied { version: i64, name: String },
    /// A managed database was started, stopped or reset.
    DatabaseCluster { action: String },
    /// Somebody opened a shell on the database.
    DatabaseShell { role: String },
    /// Durable before a query through the warehouse is run: its digest, not its text.
    QueryIntent { sql_digest: String },
    /// A query through the warehouse ended: rows that were given.
    QueryRun { sql_digest: String, rows: u64 },
    /// A load was dropped.
    LoadDropped { load_id: Uuid, variants: u64, calls: u64 },
    /// The trail itself was read or verified.
    AuditRead { command: String, events: u64 },
    /// The trail was verified against its chain.
    AuditVerified { events: u64, verified: bool, first_bad: Option<u64> },
    /// Events written while the database was away were brought in.
    SpoolImported { spool: Uuid, events: u64, state: String },
    /// A control was attacked by `compliance check`.
    ControlTested { control: String, held: bool },
    /// Somebody was refused.
    Denied { permission: String },
}

impl Event {
    /// Every kind there is, as stored.
    pub const KINDS: [&'static str; 24] = [
        "load_intent",
        "load_begun",
        "load_finished",
        "load_failed",
        "header_lines_dropped",
        "column_dropped",
        "values_dropped",
        "variants_aligned",
        "phi_detected",
        "quarantined",
        "samples_pseudonymized",
        "columns_encrypted",
        "key_opened",
        "migration_applied",
        "database_cluster",
        "database_shell",
        "query_intent",
        "query_run",
        "load_dropped",
        "audit_read",
        "audit_verified",
        "spool_imported",
        "control_tested",
        "denied",
    ];

    /// A failed run, told by the error's class and SQLSTATE only.
    pub fn load_failed(load_id: Option<Uuid>, error: &Error) -> Self {
        let class = serde_json::to_value(error.class()).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        Event::LoadFailed { load_id, class, sqlstate: error.sqlstate().map(str::to_owned) }
    }

    /// How the act ended.
    pub fn outcome(&self) -> Outcome {
        match self {
            Event::LoadFailed { class, .. } if class == "denied" => Outcome::Denied,
            Event::LoadFailed { .. } => Outcome::Failure,
            Event::AuditVerified { verified: false, .. } | Event::ControlTested { held: false, .. } => Outcome::Failure,
            Event::Denied { .. } => Outcome::Denied,
            _ => Outcome::Success,
        }
    }

    /// The kind's name, one of [`Event::KINDS`].
    pub fn kind(&self) -> &'static str {
        self.parts().0
    }

    /// The kind and the detail as JSON text without the kind, text fields held to their grammar.
    pub(super) fn parts(&self) -> (&'static str, String) {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let tag = value.as_object_mut().and_then(|fields| fields.shift_remove("event"));
        let kind = Self::KINDS.into_iter().find(|kind| tag.as_ref().is_some_and(|tag| tag == kind)).unwrap_or("unknown");
        withhold(&mut value);
        (kind, value.to_string())
    }
}

/// Replaces text that is neither an id nor plain words. Names of persons pass a grammar; that is why no event has a field for
/// one. A path does not.
fn withhold(value: &mut Value) {
    match value {
        Value::String(text) if !is_word(text) => *text = "[withheld]".into(),
        Value::Array(items) => items.iter_mut().for_each(withhold),
        Value::Object(fields) => fields.values_mut().for_each(withhold),
        _ => {}
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= 160 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _-.,:+=<>()[]*#'".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, in the order of [`Event::KINDS`].
    fn one_of_each() -> Vec<Event> {
        let s = || String::from("x");
        let load_id = Uuid::nil();
        vec![
            Event::LoadIntent { pipeline: s(), profile: s(), inputs: 1, options_digest: s() },
            Event::LoadBegun { load_id, resumed_units: 0 },
            Event::LoadFinished {
                load_id,
                status: s(),
                input_records: 0,
                variants: 0,
                calls: 0,
                quarantined: 0,
                filtered: 0,
                rows_digest: None,
            },
            Event::LoadFailed { load_id: None, class: s(), sqlstate: None },
            Event::HeaderLinesDropped { input: 0, key: s(), count: 1 },
            Event::ColumnDropped { stage: s(), column: s() },
            Event::ValuesDropped { stage: s(), column: s(), count: 1 },
            Event::VariantsAligned { count: 1 },
            Event::PhiDetected { severity: s(), pattern: s(), place: s(), count: 1, action: s() },
            Event::Quarantined { input: 0, field: s(), reason: s(), count: 1 },
            Event::SamplesPseudonymized { input: 0, samples: 1, new: 1, key_id: s() },
            Event::ColumnsEncrypted { columns: vec![s()], key_id: s(), values: 1 },
            Event::KeyOpened { key: s(), key_id: s() },
            Event::MigrationApplied { version: 1, name: s() },
            Event::DatabaseCluster { action: s() },
            Event::DatabaseShell { role: s() },
            Event::QueryIntent { sql_digest: s() },
            Event::QueryRun { sql_digest: s(), rows: 1 },
            Event::LoadDropped { load_id, variants: 1, calls: 1 },
            Event::AuditRead { command: s(), events: 1 },
            Event::AuditVerified { events: 1, verified: true, first_bad: None },
            Event::SpoolImported { spool: load_id, events: 1, state: s() },
            Event::ControlTested { control: s(), held: true },
            Event::Denied { permission: s() },
        ]
    }

    #[test]
    fn every_kind_is_listed() {
        assert_eq!(one_of_each().iter().map(Event::kind).collect::<Vec<_>>(), Event::KINDS);
    }

    #[test]
    fn a_path_in_a_text_field_is_withheld() {
        let event = Event::LoadIntent {
            pipeline: "/data/SMITH_JOHN.vcf.gz".into(),
            profile: "hipaa".into(),
            inputs: 1,
            options_digest: "ab12".into(),
        };
        let (kind, detail) = event.parts();
        assert_eq!(kind, "load_intent");
        assert_eq!(detail, r#"{"pipeline":"[withheld]","profile":"hipaa","inputs":1,"options_digest":"ab12"}"#);
    }

    #[test]
    fn a_failure_keeps_class_and_sqlstate_but_no_message() {
        let error = Error::denied("/data/SMITH.vcf: refused").with_sqlstate("28P01");
        let event = Event::load_failed(None, &error);
        assert_eq!(event.outcome(), Outcome::Denied);
        assert_eq!(event.parts().1, r#"{"load_id":null,"class":"denied","sqlstate":"28P01"}"#);
    }
}
