//! What a run did, as one JSON object. Holds no path, no name and no value: it may be stored and sent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::audit::Event;
use crate::flow::{Context, Counters};
use crate::plan::Plan;
use crate::sensitive::Severity;

/// Said on every load, export and report (45 CFR 164.514).
pub const REIDENTIFICATION: &str = "Genotypes can identify a person. This load is not claimed to be de-identified under Safe Harbor; \
     release it only under an expert determination (45 CFR 164.514(b)(1)) or a data use agreement.";

/// A finished run.
#[derive(Clone, Debug)]
pub struct Report {
    fields: Map<String, Value>,
}

impl Report {
    pub(super) fn new(plan: &Plan, context: &Context, sink: Map<String, Value>, elapsed: Duration) -> Self {
        let mut fields = sink;
        let detections: Map<String, Value> =
            Severity::ALL.iter().map(|&s| (s.name().to_owned(), json!(context.detections.get(s)))).collect();
        fields.insert("detections".into(), Value::Object(detections));
        fields.insert("seconds".into(), json!((elapsed.as_secs_f64() * 1000.0).round() / 1000.0));
        fields.insert("bytes_in".into(), json!(Counters::get(&context.counters.bytes_in)));
        fields.insert("inputs".into(), json!(plan.document.inputs.len()));
        fields.insert("pipeline".into(), json!(plan.pipeline.name));
        fields.insert("profile".into(), json!(plan.pipeline.profile));
        fields.insert("index_used".into(), json!(plan.units.iter().any(|input| input.index.is_some())));
        fields.insert("notices".into(), json!(plan.notices));
        fields.insert("oddities".into(), json!(context.oddities.list()));
        fields.insert("reidentification".into(), json!(REIDENTIFICATION));
        Self { fields }
    }

    /// The report as one JSON object.
    pub fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// Files that were given up: number from 1, and why.
    pub fn given_up(&self) -> Vec<(u64, &str)> {
        let files = self.fields.get("files").and_then(Value::as_array).into_iter().flatten();
        files
            .filter(|file| file["status"] == "failed")
            .map(|file| (file["input"].as_u64().unwrap_or(0), file["reason"].as_str().unwrap_or("")))
            .collect()
    }

    /// A count of the report; 0 when the sink did not say.
    pub fn count(&self, name: &str) -> u64 {
        self.fields.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A word of the report, such as `status` or `load_id`.
    pub fn word(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// Detections of one severity.
    pub fn detections(&self, severity: Severity) -> u64 {
        self.fields.get("detections").and_then(|d| d.get(severity.name())).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Readable lines about what was tolerated: the most frequent `most`, and how many kinds there are beside them.
    pub fn oddities(&self, most: usize) -> Vec<String> {
        let mut all: Vec<&Value> = self.fields.get("oddities").and_then(Value::as_array).into_iter().flatten().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one["count"].as_u64()));
        let text = |one: &&Value| {
            let word = |name: &str| one[name].as_str().unwrap_or("").to_owned();
            format!("input {}: {}: {} ({})", one["input"], word("field"), word("what"), one["count"])
        };
        let mut lines: Vec<String> = all.iter().take(most).map(text).collect();
        if all.len() > most {
            lines.push(format!("and {} more kinds: see `oddities` of --json", all.len() - most));
        }
        lines
    }

    /// Wall time.
    pub fn seconds(&self) -> f64 {
        self.fields.get("seconds").and_then(Value::as_f64).unwrap_or(0.0)
    }

    pub(super) fn finished_event(&self) -> Event {
        Event::LoadFinished {
            load_id: self.word("load_id").parse().unwrap_or_default(),
            status: self.word("status").to_owned(),
            input_records: self.count("input_records"),
            variants: self.count("variants"),
            calls: self.count("calls"),
            quarantined: self.count("quarantined"),
            filtered: self.count("filtered"),
            rows_digest: Some(self.word("rows_digest").to_owned()).filter(|digest| !digest.is_empty()),
        }
    }
}
