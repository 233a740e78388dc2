//! One thing looked at, and what was found. It must not know what there is to look at.

use crate::error::Error;

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was looked at; the names stay the same between versions.
    pub name: &'static str,
    /// Is it as it should be?
    pub ok: bool,
    /// What was found.
    pub what: String,
    /// What to do, when something is to be done.
    pub hint: Option<String>,
}

impl Check {
    pub(super) fn good(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, ok: true, what: what.into(), hint: None }
    }

    pub(super) fn bad(name: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, ok: false, what: what.into(), hint: Some(hint.into()) }
    }

    pub(super) fn failed(name: &'static str, error: &Error) -> Self {
        Self { name, ok: false, what: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}
