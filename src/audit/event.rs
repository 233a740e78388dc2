//! The closed set of audit events. It must not hold a cell's value, a path or a sample name: only numbers, declared ids,
//! fixed words and keyed hashes.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::spool::State;
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

/// Declares [`Event`], its [`Kind`]s and their words from one list.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $word:literal { $($(#[$about:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        /// One act worth remembering (45 CFR 164.312(b)).
        ///
        /// Text fields are declared ids and fixed words. Whatever else gets into one (a path, free text) is stored as
        /// `[withheld]`.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($(#[$doc])* $name { $($(#[$about])* $field: $type),* },)*
        }

        /// What an event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            /// The word stored in the trail.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $word,)*
                }
            }
        }

        impl Event {
            /// What it is about.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Event::$name { .. } => Kind::$name,)*
                }
            }
        }
    };
}

events! {
    /// Durable before any input is looked at.
    LoadIntent "load_intent" { pipeline: String, profile: String }
    /// The inputs' headers were read, and the plan holds: how many there are, and the digest of the rules that decide about rows.
    LoadPlanned "load_planned" { inputs: u32, rules_digest: String }
    /// The sink began or resumed a load.
    LoadBegun "load_begun" { load_id: Uuid, resumed_units: u64 }
    /// The load became visible, or was recognised as one that is.
    LoadFinished "load_finished" {
        load_id: Uuid,
        status: String,
        input_records: u64,
        variants: u64,
        calls: u64,
        quarantined: u64,
        filtered: u64,
        /// What `genogate validate` holds the stored rows against, hexadecimal; none while shards are missing.
        digest: Option<String>,
    }
    /// The run ended without a visible load. The message is not kept: it may name a file. See [`Event::load_failed`].
    LoadFailed "load_failed" { load_id: Option<Uuid>, class: String, sqlstate: Option<String> }
    /// Header lines removed by `sanitize`, by key.
    HeaderLinesDropped "header_lines_dropped" { input: u32, key: String, count: u64 }
    /// A column removed from the flow by a stage.
    ColumnDropped "column_dropped" { stage: String, column: String }
    /// Values removed because they did not fit a column's vocabulary or grammar.
    ValuesDropped "values_dropped" { stage: String, column: String, count: u64 }
    /// Rows whose position or alleles `normalize` changed.
    VariantsAligned "variants_aligned" { count: u64 }
    /// A pattern matched: where and how often, never what.
    PhiDetected "phi_detected" { severity: String, pattern: String, place: String, count: u64, action: String }
    /// Records set aside, by reason.
    Quarantined "quarantined" { input: u32, field: String, reason: String, count: u64 }
    /// Samples given pseudonyms.
    SamplesPseudonymized "samples_pseudonymized" { input: u32, samples: u64, new: u64, key_id: String }
    /// Columns encrypted with a key.
    ColumnsEncrypted "columns_encrypted" { columns: Vec<String>, key_id: String, values: u64 }
    /// A key ring was opened.
    KeyOpened "key_opened" { key: String, key_id: String }
    /// A migration was applied.
    MigrationApplied "migration_applied" { version: i64, name: String }
    /// A managed database was started, stopped or reset.
    DatabaseCluster "database_cluster" { action: String }
    /// Settings that somebody had stored for our roles were taken back, each told by its name.
    SettingsReset "settings_reset" { settings: Vec<String> }
    /// Sessions that held a lock for too long were ended by who waited for it.
    LockHolderEnded "lock_holder_ended" { lock: String, seconds: u64, sessions: u64 }
    /// Somebody opened a shell on the database.
    DatabaseShell "database_shell" { role: String }
    /// Durable before a query through the warehouse is run: its digest, not its text.
    QueryIntent "query_intent" { sql_digest: String }
    /// A query through the warehouse ended: rows that were given.
    QueryRun "query_run" { sql_digest: String, rows: u64 }
    /// A load was dropped.
    LoadDropped "load_dropped" { load_id: Uuid, variants: u64, calls: u64 }
    /// The trail itself was read or verified.
    AuditRead "audit_read" { command: String, events: u64 }
    /// The trail was verified against its chain.
    AuditVerified "audit_verified" { events: u64, verified: bool, first_bad: Option<u64> }
    /// Events written while the database was away were brought in.
    SpoolImported "spool_imported" { spool: Uuid, events: u64, state: State }
    /// A control was attacked by `compliance check`.
    ControlTested "control_tested" { control: String, held: bool }
    /// Somebody was refused.
    Denied "denied" { permission: String }
}

impl Event {
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
            Event::SpoolImported { state: State::Damaged, .. } => Outcome::Failure,
            Event::Denied { .. } => Outcome::Denied,
            _ => Outcome::Success,
        }
    }

    /// The detail as JSON text, text fields held to their grammar.
    pub(super) fn detail(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        withhold(&mut value);
        value.to_string()
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

    #[test]
    fn words_are_the_kinds_in_snake_case_and_no_word_is_twice() {
        for kind in Kind::ALL {
            let camel: String =
                kind.name().split('_').map(|part| part.split_at(1)).map(|(first, rest)| first.to_uppercase() + rest).collect();
            assert_eq!(camel, format!("{kind:?}"));
        }
    }

    #[test]
    fn a_path_in_a_text_field_is_withheld() {
        let event = Event::LoadIntent { pipeline: "/data/SMITH_JOHN.vcf.gz".into(), profile: "hipaa".into() };
        assert_eq!(event.kind(), Kind::LoadIntent);
        assert_eq!(event.detail(), r#"{"pipeline":"[withheld]","profile":"hipaa"}"#);
    }

    #[test]
    fn a_failure_keeps_class_and_sqlstate_but_no_message() {
        let error = Error::denied("/data/SMITH.vcf: refused").with_sqlstate("28P01");
        let event = Event::load_failed(None, &error);
        assert_eq!(event.outcome(), Outcome::Denied);
        assert_eq!(event.detail(), r#"{"load_id":null,"class":"denied","sqlstate":"28P01"}"#);
    }
}
