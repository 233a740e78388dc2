//! Searches every text value of a batch: one look at a column's bytes, and at single values only where that look says maybe.
//! It must not keep, log or return a value.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Field, Schema, UInt32Type};

use super::config::{Action, Actions};
use super::tally::{Tally, place};
use crate::error::{Error, Result};
use crate::flow::{Apply, Context, Word, column, word_of};
use crate::phi::{Match, Scanner, Words, patterns, text};
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
    /// Where nothing that names a person may reach the sink: what CHROM, REF and ALT are held to.
    sites: Option<Sites>,
    /// Can records be set aside?
    sets_aside: bool,
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
    /// What a column of the site holds.
    site: Option<Site>,
    /// The bytes its values are ordinarily made of, when these can hold no identifier.
    alphabet: Option<fn(u8) -> bool>,
}

/// What CHROM, REF and ALT hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    Contig,
    Alleles,
}

/// The check of sites, with the contigs that were judged.
#[derive(Debug)]
struct Sites {
    words: Arc<Words>,
    contigs: Mutex<HashMap<Box<str>, bool>>,
}

/// Contigs whose verdict is kept.
const MOST_CONTIGS: usize = 10_000;

impl Sites {
    fn is_contig(&self, name: &str) -> bool {
        let mut known = self.contigs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(good) = known.get(name) {
            return *good;
        }
        let good = self.words.is_contig(name);
        if known.len() < MOST_CONTIGS {
            known.insert(name.into(), good);
        }
        good
    }
}

/// A value with matches.
struct Hit {
    row: usize,
    slot: usize,
    column: usize,
    matches: Vec<Match>,
    /// Is all of it the finding, so that nothing can be redacted?
    whole: bool,
    action: Action,
    /// The gravest pattern.
    pattern: &'static str,
    /// The value without what is to be redacted.
    redacted: Option<String>,
}

const SITES_HINT: &str = "are these contigs of an assembly? then name them: `contigs: [NAME, scaf_*]` under vcf (`--contigs NAME`), `*` \
     being digits. Else set such records aside: `stages.detect.actions.critical=quarantine` (`--set`)";
const VALUES_HINT: &str = "choose `redact` or `quarantine` for the severity, such as `stages.detect.actions.critical=redact` (`--set`), or \
     put `sanitize` before `detect`, so that only what its policy keeps is left";

impl Rows {
    pub(super) fn new(
        scanner: Scanner,
        actions: Actions,
        schema: &Schema,
        context: Arc<Context>,
        inputs: Vec<InputUnits>,
        words: Option<Arc<Words>>,
    ) -> Self {
        let texts = schema.fields().iter().enumerate().filter(|(_, field)| text::is_text(field.data_type()));
        let columns = texts.map(|(index, field)| Searched::new(&scanner, index, field)).collect();
        let sites = words.map(|words| Sites { words, contigs: Mutex::default() });
        let all = [actions.critical, actions.high, actions.medium, actions.low];
        let sets_aside = all.contains(&Action::Quarantine) || sites.is_some() && actions.critical == Action::Redact;
        let (tally, last) = (Tally::default(), Mutex::default());
        Self { scanner, actions, columns, context, inputs, tally, sites, sets_aside, last }
    }

    /// The values of CHROM, REF or ALT that are no contig's name and no alleles.
    fn check(&self, sites: &Sites, site: Site, array: &ArrayRef, column: usize, searched: &Searched, hits: &mut Vec<Hit>) {
        let mut before: Option<(String, bool)> = None;
        let may = |bytes: &[u8]| !searched.is_plain(bytes);
        text::each_where(array, may, |value| {
            let good = match (site, &before) {
                (Site::Alleles, _) => sites.words.are_alleles(value.text),
                (Site::Contig, Some((name, good))) if name == value.text => *good,
                (Site::Contig, _) => {
                    let good = sites.is_contig(value.text);
                    before = Some((value.text.to_owned(), good));
                    good
                }
            };
            if !good {
                // Nothing of it can be redacted: the record has no other place.
                let action = match self.actions.critical {
                    Action::Redact => Action::Quarantine,
                    action => action,
                };
                let matches = vec![self.scanner.site_word(value.text)];
                let (row, slot, pattern) = (value.row, value.slot, patterns::SITE_WORD.id);
                hits.push(Hit { row, slot, column, matches, whole: true, action, pattern, redacted: None });
            }
        });
    }

    /// The values of one column that match, with the matches that count.
    fn search(&self, batch: &RecordBatch, column: usize, searched: &Searched, hits: &mut Vec<Hit>) {
        let array = batch.column(searched.index);
        if let (Some(sites), Some(site)) = (&self.sites, searched.site) {
            return self.check(sites, site, array, column, searched, hits);
        }
        let may = |bytes: &[u8]| !searched.is_plain(bytes) && self.scanner.may_hold(bytes);
        text::each_where(array, may, |value| {
            let mut matches = self.scanner.scan(value.text);
            matches.retain(|hit| searched.site.is_none() || self.pattern(hit).id != patterns::SAMPLE_NAME.id);
            let strongest = matches.iter().map(|hit| self.pattern(hit)).max_by_key(|p| (self.actions.of(p.severity), p.severity));
            if let Some(pattern) = strongest {
                let (action, pattern) = (self.actions.of(pattern.severity), pattern.id);
                let unwanted: Vec<Match> =
                    matches.iter().copied().filter(|hit| self.actions.of(self.pattern(hit).severity) >= Action::Redact).collect();
                let redacted = self.scanner.redact_matches(value.text, &unwanted);
                let (row, slot) = (value.row, value.slot);
                hits.push(Hit { row, slot, column, matches, whole: false, action, pattern, redacted });
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
        if !self.sets_aside || units.is_empty() {
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
                hit.action = if hit.whole { Action::Abort } else { Action::Redact };
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
    fn new(scanner: &Scanner, index: usize, field: &Field) -> Self {
        let name = field.name().as_str();
        let site = column::SITE.contains(&name).then(|| if name == column::CHROM { Site::Contig } else { Site::Alleles });
        let clean = scanner.scan(name).is_empty() && word_of(field).is_none_or(|word| word == Word::Known);
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
        Self { index, place, field, site, alphabet }
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
                let action = if hit.whole { hit.action } else { self.actions.of(pattern.severity).min(hit.action) };
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
            let hint = if self.tally.stops_for(&patterns::SITE_WORD) { SITES_HINT } else { VALUES_HINT };
            self.finish()?;
            return Err(Error::phi(format!("identifiers in rows, first at {place}: {reasons}")).with_hint(hint));
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
        self.tally.events(&self.context.detections).into_iter().try_for_each(|event| self.context.recorder.record(event))
    }
}
