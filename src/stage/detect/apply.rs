//! Searches every text value of a batch: one look at a column's bytes, and at single values only where that look says maybe.
//! It must not keep, log or return a value.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Schema, UInt32Type};

use super::config::{Action, Actions};
use super::tally::{Tally, place};
use crate::error::{Error, Result};
use crate::flow::{Apply, Context, column};
use crate::phi::{Match, Scanner, patterns, text};
use crate::store::{BadRecord, InputUnits};

/// The search of rows. Shared by all partitions.
#[derive(Debug)]
pub(super) struct Rows {
    scanner: Scanner,
    actions: Actions,
    columns: Vec<Searched>,
    context: Arc<Context>,
    inputs: Vec<InputUnits>,
    tally: Tally,
    /// Last line of the last batch of each unit, and whether it was set aside: a record's rows may lie in two batches.
    last: Mutex<HashMap<u32, (u32, bool)>>,
}

/// One text column.
#[derive(Debug)]
struct Searched {
    index: usize,
    place: String,
    /// As quarantine entries name it: `INFO/NOTE`.
    field: String,
    /// Are sample names looked for? Contigs and alleles are made of other words.
    names: bool,
    /// The bytes its values are ordinarily made of, when these can hold no identifier.
    alphabet: Option<fn(u8) -> bool>,
}

/// A value with matches.
struct Hit {
    row: usize,
    slot: usize,
    column: usize,
    matches: Vec<Match>,
    action: Action,
    /// The gravest pattern.
    pattern: &'static str,
    /// The value without what is to be redacted.
    redacted: Option<String>,
}

impl Rows {
    pub(super) fn new(
        scanner: Scanner,
        actions: Actions,
        schema: &Schema,
        context: Arc<Context>,
        inputs: Vec<InputUnits>,
    ) -> Self {
        let texts = schema.fields().iter().enumerate().filter(|(_, field)| text::is_text(field.data_type()));
        let columns = texts.map(|(index, field)| Searched::new(&scanner, index, field.name())).collect();
        Self { scanner, actions, columns, context, inputs, tally: Tally::default(), last: Mutex::default() }
    }

    /// The values of one column that match, with the matches that count.
    fn search(&self, batch: &RecordBatch, column: usize, searched: &Searched, hits: &mut Vec<Hit>) {
        let array = batch.column(searched.index);
        let may = |bytes: &[u8]| !searched.is_plain(bytes) && self.scanner.may_hold(bytes);
        text::each_where(array, may, |value| {
            let mut matches = self.scanner.scan(value.text);
            matches.retain(|hit| searched.names || self.pattern(hit).id != patterns::SAMPLE_NAME.id);
            let strongest = matches.iter().map(|hit| self.pattern(hit)).max_by_key(|p| (self.actions.of(p.severity), p.severity));
            if let Some(pattern) = strongest {
                let (action, pattern) = (self.actions.of(pattern.severity), pattern.id);
                let unwanted: Vec<Match> =
                    matches.iter().copied().filter(|hit| self.actions.of(self.pattern(hit).severity) >= Action::Redact).collect();
                let redacted = self.scanner.redact_matches(value.text, &unwanted);
                hits.push(Hit { row: value.row, slot: value.slot, column, matches, action, pattern, redacted });
            }
        });
    }

    fn pattern(&self, hit: &Match) -> &patterns::Pattern {
        self.scanner.patterns().get(hit.pattern).unwrap_or(&patterns::SAMPLE_NAME)
    }

    /// Input (1-based), unit and line of a row, for messages.
    fn whereabouts(&self, units: &UInt32Array, lines: &UInt32Array, row: usize) -> String {
        let (unit, line) = (units.value(row), lines.value(row));
        let input = self.inputs.iter().filter(|input| input.first <= unit).map(|input| input.input + 1).max().unwrap_or(1);
        format!("input {input}, unit {unit}, line {} of the unit", line + 1)
    }

    /// Decides which records are set aside, and which of their values can only be redacted because rows of the record
    /// have left already. Returns the rows to keep, or `None` for all.
    fn quarantine(&self, hits: &mut [Hit], units: &UInt32Array, lines: &UInt32Array) -> Option<BooleanArray> {
        if ![self.actions.critical, self.actions.high, self.actions.medium, self.actions.low].contains(&Action::Quarantine)
            || units.is_empty()
        {
            return None;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |row: usize| (units.value(row), lines.value(row));
        let mut aside: HashSet<(u32, u32)> = HashSet::new();
        let first = key(0);
        let continued = last.get(&first.0).filter(|(line, _)| *line == first.1).map(|(_, gone)| *gone);
        if continued == Some(true) {
            aside.insert(first);
        }
        for hit in hits.iter_mut().filter(|hit| hit.action == Action::Quarantine) {
            let (unit, line) = key(hit.row);
            if continued == Some(false) && (unit, line) == first {
                hit.action = Action::Redact;
            } else if aside.insert((unit, line)) {
                let field = self.columns.get(hit.column).map(|c| c.field.clone()).unwrap_or_default();
                let bad = BadRecord { line: line.into(), field, reason: format!("phi pattern {}", hit.pattern) };
                self.context.units.set_aside(unit, bad);
            }
        }
        let end = key(units.len() - 1);
        if first.0 != end.0 {
            last.remove(&first.0);
        }
        last.insert(end.0, (end.1, aside.contains(&end)));
        (!aside.is_empty()).then(|| (0..units.len()).map(|row| Some(!aside.contains(&key(row)))).collect())
    }
}

impl Searched {
    fn new(scanner: &Scanner, index: usize, name: &str) -> Self {
        let names = !column::SITE.contains(&name);
        let clean = scanner.scan(name).is_empty();
        let place = if clean { place("column", name) } else { format!("column number {}", index + 1) };
        let field = match (name.strip_prefix(column::INFO), name.strip_prefix(column::CALLS)) {
            _ if !clean => place.clone(),
            (Some(id), _) => format!("INFO/{id}"),
            (_, Some(id)) => format!("FORMAT/{id}"),
            _ => match name {
                column::IDS => "ID".to_owned(),
                column::FILTERS => "FILTER".to_owned(),
                other => other.to_uppercase(),
            },
        };
        let alphabet: Option<fn(u8) -> bool> = match name {
            column::REF | column::ALT | column::ORIG_REF | column::ORIG_ALT => {
                Some(|b| matches!(b & !0x20, b'A' | b'C' | b'G' | b'T' | b'N') || matches!(b, b'*' | b','))
            }
            _ => None,
        };
        Self { index, place, field, names, alphabet }
    }

    /// Nothing but bases? Blocks keep the loop free of exits, so that it runs many bytes at once.
    fn is_plain(&self, bytes: &[u8]) -> bool {
        let Some(ordinary) = self.alphabet else { return false };
        bytes.chunks(4096).all(|block| block.iter().fold(true, |plain, &b| plain & ordinary(b)))
    }
}

/// One of the two internal columns, which always travel.
fn internal<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt32Array> {
    let array = batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<UInt32Type>());
    array.ok_or_else(|| Error::internal(format!("rows arrived without {name}")))
}

impl Apply for Rows {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut hits = Vec::new();
        for (column, searched) in self.columns.iter().enumerate() {
            self.search(&batch, column, searched, &mut hits);
        }
        let (units, lines) = (internal(&batch, column::UNIT)?, internal(&batch, column::ROW)?);
        hits.sort_by_key(|hit: &Hit| hit.row);
        let keep = self.quarantine(&mut hits, units, lines);
        if hits.is_empty() && keep.is_none() {
            return Ok(batch);
        }

        let mut rewritten: HashMap<usize, HashMap<usize, String>> = HashMap::new();
        let mut stopped = None;
        for hit in hits {
            let Some(searched) = self.columns.get(hit.column) else { continue };
            for one in &hit.matches {
                let pattern = self.pattern(one);
                let action = self.actions.of(pattern.severity).min(hit.action);
                self.tally.add(&self.context.detections, &searched.place, pattern, action, 1);
            }
            if hit.action == Action::Abort && stopped.is_none() {
                stopped = Some(self.whereabouts(units, lines, hit.row));
            }
            if let (Action::Redact, Some(redacted)) = (hit.action, hit.redacted) {
                rewritten.entry(searched.index).or_default().insert(hit.slot, redacted);
            }
        }
        if let Some(place) = stopped {
            let reasons = self.tally.reasons().unwrap_or_default();
            self.finish()?;
            return Err(Error::phi(format!("identifiers in rows, first at {place}: {reasons}")).with_hint(
                "let sanitize drop or encrypt these fields before detect, or choose redact or quarantine for the severity",
            ));
        }
        let mut columns = batch.columns().to_vec();
        for (index, slots) in rewritten {
            if let Some(array) = columns.get_mut(index) {
                *array = text::replace(array, &slots)?;
            }
        }
        let batch = RecordBatch::try_new(batch.schema(), columns).map_err(Error::from)?;
        match keep {
            Some(keep) => Ok(filter_record_batch(&batch, &keep).map_err(Error::from)?),
            None => Ok(batch),
        }
    }

    fn finish(&self) -> Result<()> {
        self.tally.events().into_iter().try_for_each(|event| self.context.recorder.record(event))
    }
}
