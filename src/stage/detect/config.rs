//! What a pipeline file says under `detect`. It must not know patterns.

use crate::sensitive::Severity;

/// Looks for what has the form of an identifier (45 CFR 164.514(b)(2)): record and social security numbers, names behind
/// markers, telephone numbers, addresses, dates, personal folders; and for the input's own sample names anywhere but in
/// their column heading.
///
/// Searched are header lines, ids, descriptions, column names, sample names and every text value. A finding is reported as
/// pattern, place and count, never as text. Detection is defence in depth: it makes no column of free text less sensitive, because a
/// bare surname has no form. Sample names themselves are `anonymize`'s matter: here they raise a warning at most.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `full`: header and every text value; `headers`: header only.
    #[serde(default)]
    pub scan: Scan,
    /// What to do about a match, by its severity.
    #[serde(default)]
    pub actions: Actions,
}

/// What is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// Header lines, sample names, column names and every text value.
    #[default]
    Full,
    /// Header lines, sample names and column names only.
    Headers,
}

/// What to do about a match of each severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// Numbers that name a person by themselves. Default: abort.
    pub critical: Action,
    /// Names, addresses, telephone numbers, sample names. Default: redact.
    pub high: Action,
    /// Dates, personal folders, network addresses. Default: warn.
    pub medium: Action,
    /// What is often named after a sample. Default: log.
    pub low: Action,
}

/// What to do about a match, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Count it in the audit trail and the report.
    Log,
    /// Also say so while running.
    Warn,
    /// Replace the text by `[redacted:<pattern>]`; in header lines the whole attribute.
    Redact,
    /// Set the record aside; drop the header line.
    Quarantine,
    /// Stop with exit code 3; nothing becomes visible.
    Abort,
}

impl Default for Actions {
    fn default() -> Self {
        Self { critical: Action::Abort, high: Action::Redact, medium: Action::Warn, low: Action::Log }
    }
}

impl Actions {
    /// What to do about a match of this severity.
    pub fn of(&self, severity: Severity) -> Action {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
        }
    }
}

impl Action {
    /// The word used in files and events.
    pub fn name(self) -> &'static str {
        ["log", "warn", "redact", "quarantine", "abort"][self as usize]
    }
}
