//! Checks batches against the reference, lets them be divided, and writes the alleles at their left-most place, the originals
//! beside them. It must not know INFO or calls, except that END follows its record.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Int64Type, SchemaRef, UInt32Type};

use super::super::divide::Split;
use super::check::{Fault, Site, fault};
use super::moved::{self, Move};
use super::place::{is_sequence, place};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::fasta::{Cursor, Fasta, Sequence};
use crate::flow::{BadRecords, Context, column};
use crate::stage::recorded::Work;
use crate::store::{BadRecord, InputUnits};

/// Bases looked at between two looks at the run's cancellation: a repeat can be as long as a chromosome.
const STRIDE: u32 = 1 << 16;

/// The opened stage with a reference.
pub(in crate::stage::normalize) struct LeftAlign {
    pub fasta: Arc<Fasta>,
    pub bad_records: BadRecords,
    /// Divides what was checked; `None` keeps records whole.
    pub split: Option<Split>,
    pub output: SchemaRef,
    pub context: Arc<Context>,
    pub inputs: Vec<InputUnits>,
    pub state: State,
}

/// What grows while batches pass.
#[derive(Debug, Default)]
pub(in crate::stage::normalize) struct State {
    /// Cursors at rest: as many as partitions, each near where one of them was.
    cursors: Mutex<Vec<Cursor>>,
    moved: AtomicU64,
}

impl std::fmt::Debug for LeftAlign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeftAlign").field("split", &self.split).finish_non_exhaustive()
    }
}

/// Where and what the rows of a batch are.
struct Sites<'a> {
    chrom: &'a StringArray,
    pos: &'a Int64Array,
    reference: &'a StringArray,
    alt: &'a StringArray,
}

impl<'a> Sites<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let text = |name| batch.column_by_name(name).and_then(|array| array.as_string_opt::<i32>()).ok_or_else(unplanned);
        let pos = batch.column_by_name(column::POS).and_then(|array| array.as_primitive_opt::<Int64Type>());
        Ok(Self {
            chrom: text(column::CHROM)?,
            pos: pos.ok_or_else(unplanned)?,
            reference: text(column::REF)?,
            alt: text(column::ALT)?,
        })
    }

    fn site(&self, row: usize) -> Site<'a> {
        let alt = self.alt.is_valid(row).then(|| self.alt.value(row));
        Site { pos: self.pos.value(row), reference: self.reference.value(row), alt }
    }
}

/// The sequence of the row before: neighbours nearly always share it.
struct Neighbour<'a> {
    fasta: &'a Fasta,
    last: Option<(&'a str, Option<Sequence>)>,
}

impl<'a> Neighbour<'a> {
    fn sequence(&mut self, chrom: &'a str) -> Option<Sequence> {
        match self.last {
            Some((last, sequence)) if last == chrom => sequence,
            _ => {
                let sequence = self.fasta.sequence(chrom);
                self.last = Some((chrom, sequence));
                sequence
            }
        }
    }
}

impl LeftAlign {
    /// The records that agree with the reference; the others end the load or are set aside.
    fn checked(&self, batch: RecordBatch, cursor: &mut Cursor) -> Result<RecordBatch> {
        let sites = Sites::of(&batch)?;
        let mut neighbour = Neighbour { fasta: &self.fasta, last: None };
        let mut bad: Vec<(usize, Fault)> = Vec::new();
        for row in 0..batch.num_rows() {
            let sequence = neighbour.sequence(sites.chrom.value(row));
            if let Some(found) = fault(&self.fasta, cursor, sequence, sites.site(row))? {
                if self.bad_records == BadRecords::Fail {
                    return Err(self.refused(&batch, &sites, row, found)?);
                }
                bad.push((row, found));
            }
        }
        if bad.is_empty() {
            return Ok(batch);
        }
        let (units, lines) = (internal(&batch, column::UNIT)?, internal(&batch, column::ROW)?);
        let mut keep = vec![true; batch.num_rows()];
        for (row, found) in bad {
            if let Some(keep) = keep.get_mut(row) {
                *keep = false;
            }
            let (field, reason) = (found.field(), found.text());
            let entry = BadRecord { line: lines.value(row).into(), field: field.into(), reason: reason.into() };
            let so_far = self.context.units.set_aside(units.value(row), entry);
            if let BadRecords::SetAside { most: Some(most) } = self.bad_records
                && so_far > most
            {
                return Err(Error::input(format!("more than {most} bad records"))
                    .with_hint("is the reference the assembly the files were called against? See `max_bad_records`"));
            }
        }
        Ok(filter_record_batch(&batch, &keep.into())?)
    }

    /// The error that ends a load: contig and position are named, bases are not.
    fn refused(&self, batch: &RecordBatch, sites: &Sites<'_>, row: usize, found: Fault) -> Result<Error> {
        let unit = internal(batch, column::UNIT)?.value(row);
        let input = self.inputs.iter().filter(|input| input.first <= unit).map(|input| input.input + 1).max().unwrap_or(1);
        let (chrom, pos) = (sites.chrom.value(row), sites.pos.value(row));
        let error = Error::input(format!("input {input}, {}:{pos}: {}: {found}", speakable(chrom), found.field()));
        let other = match chrom.strip_prefix("chr") {
            Some(bare) => Cow::Borrowed(bare),
            None => Cow::Owned(format!("chr{chrom}")),
        };
        Ok(error.with_hint(match found {
            Fault::Contig if self.fasta.sequence(&other).is_some() => {
                "the reference has it with another prefix: take the FASTA with the file's own names, or rename the file's \
                 contigs with `bcftools annotate --rename-chrs`"
            }
            _ => "take the FASTA the file was called against, or set `on_bad_record: quarantine` to set such records aside",
        }))
    }

    /// The rows whose alleles belong elsewhere.
    fn moves(&self, batch: &RecordBatch, cursor: &mut Cursor) -> Result<Vec<Move>> {
        let sites = Sites::of(batch)?;
        let mut neighbour = Neighbour { fasta: &self.fasta, last: None };
        let (mut moves, mut alleles) = (Vec::new(), Vec::<&[u8]>::new());
        let mut steps = 0;
        for row in 0..batch.num_rows() {
            let site = sites.site(row);
            let Some(alt) = site.alt else {
                // A record without ALT is one of its position; end_pos keeps how far it reaches.
                if let Some((end, _)) = site.reference.char_indices().nth(1) {
                    moves.push(Move { row, pos: site.pos, reference: site.reference[..end].into(), alt: None, end: None });
                }
                continue;
            };
            if site.reference.len() == 1 && alt.len() == 1 {
                continue;
            }
            alleles.clear();
            alleles.extend(std::iter::once(site.reference).chain(alt.split(',')).map(str::as_bytes));
            let same = |allele: &&[u8]| allele.eq_ignore_ascii_case(site.reference.as_bytes());
            if !alleles.iter().all(|allele| is_sequence(allele)) || alleles.iter().skip(1).any(same) {
                continue;
            }
            let (Some(sequence), Ok(pos)) = (neighbour.sequence(sites.chrom.value(row)), u64::try_from(site.pos)) else {
                continue;
            };
            let start = pos.saturating_sub(1);
            let mut bases = |at: u64| {
                steps += 1;
                if steps % STRIDE == 0 && self.context.cancel.is_cancelled() {
                    return Err(Error::interrupted("the run was stopped"));
                }
                let base = cursor.bases(&self.fasta, sequence, at)?.first().copied();
                Ok(base.filter(|base| matches!(base, b'A' | b'C' | b'G' | b'T')).unwrap_or(b'N'))
            };
            let Some(placement) = place(&alleles, start, &mut bases)? else { continue };
            let mut texts = Vec::with_capacity(alleles.len());
            for allele in &alleles {
                let mut text = String::new();
                placement.write(allele, start, &mut bases, &mut text)?;
                texts.push(text);
            }
            let reference = texts.remove(0);
            // Both fit: they lie between the old position and its sequence's end.
            let pos = placement.start(start) as i64 + 1;
            let end = Some(pos + reference.len() as i64 - 1);
            moves.push(Move { row, pos, reference, alt: Some(texts.join(",")), end });
        }
        Ok(moves)
    }
}

impl Work for LeftAlign {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let resting = self.state.cursors.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut cursor = resting.unwrap_or_default();
        let checked = self.checked(batch, &mut cursor)?;
        let divided = match &self.split {
            Some(split) => split.apply(checked)?,
            None => checked,
        };
        let moves = self.moves(&divided, &mut cursor)?;
        self.state.cursors.lock().unwrap_or_else(PoisonError::into_inner).push(cursor);
        self.state.moved.fetch_add(moves.len() as u64, Ordering::Relaxed);
        moved::rewrite(&divided, &moves, self.output.clone())
    }

    fn events(&self) -> Vec<Event> {
        let count = self.state.moved.swap(0, Ordering::Relaxed);
        let mut events = self.split.as_ref().map(Work::events).unwrap_or_default();
        events.extend((count > 0).then_some(Event::VariantsAligned { count }));
        events
    }
}

/// A contig's name when it is one by the specification's grammar (VCF 4.5 section 1.4.7); other text may be anything.
fn speakable(chrom: &str) -> &str {
    let first = |c: char| c.is_ascii_alphanumeric() || "!#$%&+./:;?@^_|~-".contains(c);
    let named = chrom.len() <= 100 && chrom.starts_with(first) && chrom.chars().all(|c| first(c) || "*=".contains(c));
    if named { chrom } else { "a contig" }
}

/// One of the two internal columns, which always travel.
fn internal<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt32Array> {
    batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<UInt32Type>()).ok_or_else(unplanned)
}

fn unplanned() -> Error {
    Error::internal("a batch does not have the planned schema")
}
