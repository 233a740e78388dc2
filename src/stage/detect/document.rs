//! Searches header lines, column names and sample names, and rewrites the lines. It must not look at rows.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::datatypes::Schema;

use super::config::{Action, Actions};
use super::tally::{Tally, place};
use crate::flow::{Detections, annotation};
use crate::phi::patterns::SAMPLE_NAME;
use crate::phi::{Match, Pattern, Scanner, Words, headers};
use crate::store::{Document, HeaderLine, SampleId};

/// One search of a document: what to look for, what to do, where to count.
pub(super) struct Search<'a> {
    pub scanner: &'a Scanner,
    pub actions: &'a Actions,
    pub tally: &'a Tally,
    pub run: &'a Detections,
    /// The sample names of all inputs.
    pub names: &'a HashSet<&'a str>,
    /// Where nothing that names a person may reach the sink: what may be kept of the inputs' words. Others are dropped by
    /// `sanitize`, without which there would be no plan.
    pub words: Option<&'a Words>,
    /// Has an earlier stage removed what is searched? Then it is told, and stops nothing.
    pub removed: bool,
}

/// A line as it came in: key, value and ID.
type Whole<'a> = (&'a str, &'a str, Option<&'a str>);
/// What was decided about each line of an input.
type Searched<'a> = HashMap<Whole<'a>, Option<HeaderLine>>;

fn whole(line: &HeaderLine) -> Whole<'_> {
    (&line.key, &line.value, line.id.as_deref())
}

impl Search<'_> {
    /// Searches everything that came in, so that what an earlier stage removed is still found and told; the lines that are
    /// left are rewritten or removed as the actions say. Findings that stop the run are in the tally: those in what is left.
    pub fn document(&self, original: &Document, document: &mut Document, schema: &Schema) {
        for (number, input) in original.inputs.iter().enumerate() {
            let mut searched = Searched::new();
            let remain: HashSet<Whole<'_>> =
                document.inputs.get(number).into_iter().flat_map(|left| &left.lines).map(whole).collect();
            for line in &input.lines {
                let mut rewritten = line.clone();
                if remain.contains(&whole(line)) {
                    let keep = self.line(&mut rewritten);
                    searched.entry(whole(line)).or_insert(keep.then_some(rewritten));
                } else {
                    Search { removed: true, ..*self }.line(&mut rewritten);
                }
            }
            if self.words.is_some() {
                input.undeclared.iter().for_each(|key| self.fixed(key.expose(), "undeclared keys"));
            }
            for sample in &input.samples {
                if let SampleId::Name(name) = sample {
                    self.count(name.expose(), "sample names", Some(Action::Warn), |p| p.id != SAMPLE_NAME.id);
                }
            }
            if let Some(left) = document.inputs.get_mut(number) {
                let lines = std::mem::take(&mut left.lines);
                left.lines = lines.into_iter().filter_map(|line| self.left(line, &searched)).collect();
            }
        }
        for (index, field) in schema.fields().iter().enumerate() {
            let place = format!("name of column {}", index + 1);
            self.fixed(field.name(), &place);
            for child in annotation::entries_of(field.data_type()).into_iter().flatten() {
                self.fixed(child.name(), &place);
            }
        }
    }

    /// What becomes of a line that is left: what its search decided. One that an earlier stage changed is searched again; counted
    /// are only findings that stop the run, as the rest was told with the line as it came in.
    fn left(&self, mut line: HeaderLine, searched: &Searched<'_>) -> Option<HeaderLine> {
        if let Some(decided) = searched.get(&whole(&line)) {
            return decided.clone();
        }
        let (tally, run) = (Tally::default(), Detections::default());
        let again = Search { tally: &tally, run: &run, ..*self };
        let keep = again.line(&mut line);
        self.tally.add_stopping(&tally, self.run);
        keep.then_some(line)
    }

    /// Searches one line; `false` when it is to be dropped.
    fn line(&self, line: &mut HeaderLine) -> bool {
        let named = self.count(&line.key, "header key", None, |_| true);
        let here = self.place(if headers::is_known(&line.key) { place("header", &line.key) } else { "other header line".into() });
        if matches!(named, Some((Action::Redact | Action::Quarantine, _))) {
            return false;
        }
        let mut keep = true;
        let key = line.key.clone();
        let mut new_id = None;
        let rewritten = headers::rewrite(&line.value, |name, value| {
            let structural = name == "ID" && headers::id_is_structural(&key);
            // A long number in an accession is no person's.
            if structural && key == "contig" && self.words.is_some_and(|words| words.is_contig(value)) {
                return None;
            }
            if structural {
                self.fixed(value, &self.place(place("id of a header line", &key)));
                return None;
            }
            // where a line lists samples, their names are what it is for: `anonymize` replaces them
            if headers::names_samples(&key) && self.names.contains(value) {
                self.count(value, "sample names", Some(Action::Warn), |p| p.id != SAMPLE_NAME.id);
                return None;
            }
            let in_name = self.count(name, &here, None, |_| true);
            if matches!(in_name, Some((Action::Redact | Action::Quarantine, _))) {
                keep = false;
            }
            let (action, pattern) = self.count(value, &here, None, |pattern| !headers::ignores(&key, pattern.id))?;
            keep &= action != Action::Quarantine;
            let redacted = (action == Action::Redact).then(|| format!("[redacted:{pattern}]"))?;
            if name == "ID" {
                new_id = Some(redacted.clone());
            }
            Some(redacted)
        });
        if let Some(value) = rewritten {
            line.value = value;
        }
        if let Some(id) = new_id {
            line.id = Some(id);
        }
        keep
    }

    fn place(&self, place: String) -> String {
        if self.removed { format!("removed: {place}") } else { place }
    }

    /// Searches a name that rows and schema repeat: it cannot be rewritten here, so what asks for that stops the run, unless
    /// nothing that is named so reaches the sink.
    fn fixed(&self, name: &str, place: &str) {
        let Some(words) = self.words else {
            let action = |action| if action > Action::Warn { Action::Abort } else { action };
            self.tally_up(self.scanner.scan(name), place, action, |_| true);
            return;
        };
        if let Some(flaw) = words.flaw(name) {
            let action = self.actions.of(flaw.pattern().severity).min(Action::Warn);
            self.tally.add(self.run, place, flaw.pattern(), action, 1);
        }
    }

    /// Counts the matches in `text` that are `wanted`, with at most the action `cap`. Returns the strongest action and the
    /// pattern it is for.
    fn count(
        &self,
        text: &str,
        place: &str,
        cap: Option<Action>,
        wanted: impl Fn(&Pattern) -> bool,
    ) -> Option<(Action, &'static str)> {
        self.tally_up(self.scanner.scan(text), place, |action| cap.map_or(action, |cap| action.min(cap)), wanted)
    }

    fn tally_up(
        &self,
        matches: Vec<Match>,
        place: &str,
        action: impl Fn(Action) -> Action,
        wanted: impl Fn(&Pattern) -> bool,
    ) -> Option<(Action, &'static str)> {
        let mut strongest: Option<(Action, &Pattern)> = None;
        for hit in matches {
            let Some(pattern) = self.scanner.patterns().get(hit.pattern).filter(|pattern| wanted(pattern)) else { continue };
            let action = action(self.actions.of(pattern.severity));
            let action = if self.removed { action.min(Action::Warn) } else { action };
            self.tally.add(self.run, place, pattern, action, 1);
            if strongest.is_none_or(|(a, p)| (action, pattern.severity) > (a, p.severity)) {
                strongest = Some((action, pattern));
            }
        }
        strongest.map(|(action, pattern)| (action, pattern.id))
    }
}
