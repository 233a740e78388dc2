//! What a run did, as one JSON object. Holds no path, no name and no value: it may be stored and sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::audit::Event;
use crate::error::{Error, Result};
use crate::flow::{Context, Counters, Dropped, Found, Notice, Oddity, Outcome, Scanned};
use crate::plan::Plan;
use crate::sensitive::Severity;
use crate::spec::Profile;

/// Said on every load, export and report (45 CFR 164.514).
pub const REIDENTIFICATION: &str = "Genotypes can identify a person. This load is not claimed to be de-identified under Safe Harbor; \
     release it only under an expert determination (45 CFR 164.514(b)(1)) or a data use agreement.";

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Matches of `detect`, by severity.
    pub detections: BTreeMap<&'static str, u64>,
    /// What was found where, gravest first; never the text.
    pub findings: Vec<Found>,
    /// What was searched: `full`, `headers` or `nothing`; where nothing was, no detections mean nothing.
    pub scanned: Scanned,
    /// Columns that did not reach the sink, and why.
    pub dropped: Vec<Dropped>,
    pub seconds: f64,
    pub bytes_in: u64,
    /// Files.
    pub inputs: usize,
    /// The pipeline's name.
    pub pipeline: String,
    pub profile: Profile,
    pub index_used: bool,
    /// Inputs (from 1) that had changed since parts of them were loaded, and were read again.
    pub changed_inputs: Vec<u32>,
    /// Files (from 1) that were given up, and why: those this run answers for, and those that other shards do.
    #[serde(skip)]
    pub given_up: Vec<(u32, String)>,
    #[serde(skip)]
    pub given_up_elsewhere: Vec<(u32, String)>,
    pub notices: Vec<Notice>,
    /// What the source tolerated.
    pub oddities: Vec<Oddity>,
    pub reidentification: &'static str,
}

impl Report {
    /// `own`: the inputs (0-based) this run answers for; `None`: all.
    pub(super) fn new(plan: &Plan, context: &Context, outcome: Outcome, own: Option<&BTreeSet<u32>>, elapsed: Duration) -> Self {
        let (given_up, given_up_elsewhere): (Vec<_>, Vec<_>) =
            context.units.given_up().into_iter().partition(|(input, _)| own.is_none_or(|own| own.contains(input)));
        let from_one = |files: Vec<(u32, String)>| files.into_iter().map(|(input, reason)| (input + 1, reason)).collect();
        Self {
            given_up: from_one(given_up),
            given_up_elsewhere: from_one(given_up_elsewhere),
            outcome,
            detections: Severity::ALL.iter().map(|&severity| (severity.name(), context.detections.get(severity))).collect(),
            findings: context.detections.findings(),
            scanned: plan.safeguards.scanned,
            dropped: plan.safeguards.dropped.clone(),
            seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            bytes_in: Counters::get(&context.counters.bytes_in),
            inputs: plan.document.inputs.len(),
            pipeline: plan.pipeline.name.clone(),
            profile: plan.pipeline.profile,
            index_used: plan.units.iter().any(|input| input.index.is_some()),
            changed_inputs: context
                .changed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .map(|input| input + 1)
                .collect(),
            notices: plan.notices.clone(),
            oddities: context.oddities.list(),
            reidentification: REIDENTIFICATION,
        }
    }

    /// The report as one JSON object.
    ///
    /// # Errors
    /// Class `internal` when it cannot be written down.
    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|_| Error::internal("the report cannot be written"))
    }

    /// What was found, or that nothing was looked for.
    pub fn detected(&self) -> String {
        let found =
            || Severity::ALL.iter().rev().map(|&s| format!("{} {}", self.detections(s), s.name())).collect::<Vec<_>>().join(", ");
        match self.scanned {
            Scanned::Nothing => "not scanned: the pipeline has no `detect`".to_owned(),
            Scanned::Headers => format!("{} (headers only; values were not scanned)", found()),
            Scanned::Full => found(),
        }
    }

    /// Detections of one severity.
    pub fn detections(&self, severity: Severity) -> u64 {
        self.detections.get(severity.name()).copied().unwrap_or(0)
    }

    /// Readable lines about what was tolerated: the most frequent `most`, and how many kinds there are beside them.
    pub fn oddities(&self, most: usize) -> Vec<String> {
        let mut all: Vec<&Oddity> = self.oddities.iter().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.count));
        let text = |one: &&Oddity| format!("input {}: {}: {} ({})", one.input, one.field, one.what, one.count);
        let mut lines: Vec<String> = all.iter().take(most).map(text).collect();
        if all.len() > most {
            lines.push(format!("and {} more kinds: see `oddities` of --json", all.len() - most));
        }
        lines
    }

    pub(super) fn finished_event(&self) -> Event {
        let Outcome { load_id, status, figures, digest, .. } = &self.outcome;
        Event::LoadFinished {
            load_id: *load_id,
            status: status.name().to_owned(),
            input_records: figures.input_records,
            variants: figures.variants,
            calls: figures.calls,
            quarantined: figures.quarantined,
            filtered: figures.filtered,
            digest: digest.clone(),
        }
    }
}
