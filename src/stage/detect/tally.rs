//! Counts findings by severity, pattern, place and action. It must not see what was found.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::config::Action;
use crate::audit::Event;
use crate::flow::{Detections, Finding as Told};
use crate::phi::Pattern;
use crate::sensitive::Severity;

/// Findings so far. Safe to share between threads.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<Finding, u64>>);

/// One kind of finding; ordered by place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub place: String,
    pub pattern: &'static str,
    pub severity: Severity,
    pub action: Action,
}

/// A place's name in the words of audit events: a header key or a column, shortened, without what could be a path.
pub(super) fn place(kind: &str, name: &str) -> String {
    const LONGEST: usize = 60;
    let word = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    format!("{kind} {}", name.chars().take(LONGEST).map(word).collect::<String>())
}

impl Tally {
    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<Finding, u64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Counts `n` matches, here and in the run's detections.
    pub fn add(&self, run: &Detections, place: &str, pattern: &Pattern, action: Action, n: u64) {
        run.add(pattern.severity, n);
        let finding = Finding { place: place.to_owned(), pattern: pattern.id, severity: pattern.severity, action };
        *self.counts().entry(finding).or_default() += n;
    }

    /// Counts those findings of another tally that stop the run.
    pub fn add_stopping(&self, other: &Tally, run: &Detections) {
        for (finding, n) in other.counts().iter().filter(|(finding, _)| finding.action == Action::Abort) {
            run.add(finding.severity, *n);
            *self.counts().entry(finding.clone()).or_default() += n;
        }
    }

    /// Does a finding of this pattern stop the run?
    pub fn stops_for(&self, pattern: &Pattern) -> bool {
        self.counts().keys().any(|finding| finding.action == Action::Abort && finding.pattern == pattern.id)
    }

    /// The findings that stop the run, as one line: how many, of which pattern, where.
    pub fn reasons(&self) -> Option<String> {
        const SHOWN: usize = 8;
        let counts = self.counts();
        let mut stopping = counts.iter().filter(|(finding, _)| finding.action == Action::Abort);
        let shown: Vec<String> =
            stopping.by_ref().take(SHOWN).map(|(finding, n)| format!("{}: {n} of {}", finding.place, finding.pattern)).collect();
        let more = match stopping.count() {
            0 => String::new(),
            n => format!("; and {n} more kinds"),
        };
        (!shown.is_empty()).then(|| format!("{}{more}", shown.join("; ")))
    }

    /// One event a kind of finding; says aloud what is to be warned of. Empties the counts.
    pub fn events(&self, run: &Detections) -> Vec<Event> {
        let counts = std::mem::take(&mut *self.counts());
        let told = counts.into_iter().map(|(finding, count)| {
            let Finding { place, pattern, severity, action } = finding;
            run.tell(Told { place: place.clone(), pattern, severity, action: action.name() }, count);
            if action == Action::Log {
                tracing::info!(place, pattern, severity = severity.name(), count, "possible identifier");
            } else {
                tracing::warn!(place, pattern, severity = severity.name(), count, action = action.name(), "possible identifier");
            }
            let (severity, action) = (severity.name().to_owned(), action.name().to_owned());
            Event::PhiDetected { severity, pattern: pattern.to_owned(), place, count, action }
        });
        told.collect()
    }
}
