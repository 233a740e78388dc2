//! One partition's work: its units in increasing order, decoded and handed on batch by batch, with their counts. Runs on a
//! blocking thread. It must not know the plan around it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::arrow::array::RecordBatch;

use super::annotation::{Annotator, Reading};
use super::config::{OnBadFile, OnBadRecord};
use super::decode::{Bad, Decoder, Outcome, Recipe};
use super::input::Input;
use super::shared::Shared;
use super::split::{Deals, PADDED, UnitReader};
use super::strict::Checker;
use crate::crypto::digest::sha256;
use crate::error::{Class, Error, Result};
use crate::flow::{Context, Counters};
use crate::store::{BadRecord, Digest, UnitCounts};

/// Lines of a unit: their ordinals take 21 bits of a variant's id.
const MAX_LINES: u32 = 1 << 21;
/// Text of a batch, when they are wide: Arrow takes about as much or up to three times that.
const MAX_TEXT: usize = 2 << 20;
/// Text of a batch with calls: four bytes of genotype become up to 25. Larger arrays would be fresh pages of the system's each
/// time, which took a third of a cohort's decoding.
const MAX_CALLS_TEXT: usize = 256 << 10;

/// What a partition has to do.
pub(crate) struct PartitionWork {
    pub shared: Arc<Shared>,
    pub recipe: Recipe,
    pub reading: Option<Arc<Reading>>,
    pub partition: usize,
    pub partitions: usize,
    /// What all partitions of this scan share.
    pub deals: Arc<Deals>,
    pub context: Arc<Context>,
}

/// Takes a batch; false when nobody wants more.
type Deliver<'a> = dyn FnMut(RecordBatch) -> bool + 'a;

/// Reads every unit of the partition. Ends early, without an error, when nobody takes the batches any more. Streams of other
/// partitions come last, so that several are inflated at once as long as there are several.
pub(crate) fn run(part: &PartitionWork, deliver: &mut Deliver<'_>) -> Result<()> {
    let units = &part.context.units;
    let helps = |input: &Input| input.is_stream() && !input.is_own(part.partition, part.partitions);
    let inputs = &part.shared.inputs;
    for input in inputs.iter().filter(|input| !helps(input)).chain(inputs.iter().filter(|input| helps(input))) {
        if !units.wants(input.ordinals.clone()) || units.is_given_up(input.number) {
            continue;
        }
        match read(part, input, deliver) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => part.broken(input, because(input, error))?,
        }
    }
    // As long as others read.
    let mut held =
        inputs.iter().filter(|input| units.wants(input.ordinals.clone())).filter(|input| !units.is_given_up(input.number));
    held.try_for_each(|input| input.check().or_else(|error| part.broken(input, error)))
}

/// What is odd about a file that was changed meanwhile comes of that.
fn because(input: &Input, error: Error) -> Error {
    if error.class() == Class::Input { input.check().err().unwrap_or(error) } else { error }
}

impl PartitionWork {
    /// Gives the input up, when there are others to go on with.
    fn broken(&self, input: &Input, error: Error) -> Result<()> {
        if !self.goes_on(&error) {
            return Err(error.at_input(input.number + 1));
        }
        self.context.units.give_up(input.number, error.to_string());
        Ok(())
    }

    /// Is this the file's fault, and are there others to go on with?
    fn goes_on(&self, error: &Error) -> bool {
        let Shared { inputs, on_bad_file, max_bad_records, .. } = self.shared.as_ref();
        let too_many = max_bad_records.is_some_and(|most| self.context.units.set_aside_total() > most);
        *on_bad_file == OnBadFile::Continue && inputs.len() > 1 && error.class() == Class::Input && !too_many
    }
}

/// Reads the partition's units of one input. False when nobody takes the batches any more.
fn read(part: &PartitionWork, input: &Input, deliver: &mut Deliver<'_>) -> Result<bool> {
    let units = &part.context.units;
    let Some(mut reader) = input.reader(part.partition, part.partitions, part.shared.unit, &part.deals)? else { return Ok(true) };
    if let Some(locate) = input.locate() {
        units.locate(input.ordinals.clone(), locate);
    }
    let mut decoder = Decoder::new(part.recipe.clone(), input.shape.clone());
    let mut annotator = part.reading.clone().map(|reading| Annotator::new(reading, input.number, !input.shape.percent));
    let mut failed = None;
    let mut deliver = |batch: RecordBatch| match annotator.as_mut().map(|annotator| annotator.batch(&batch)) {
        None => deliver(batch),
        Some(Ok(batch)) => deliver(batch),
        Some(Err(error)) => {
            failed = Some(error);
            false
        }
    };
    while let Some(unit) = reader.next_unit()? {
        let work = UnitWork { part, input, unit };
        let ordinal = input.ordinals.start + unit;
        if units.is_given_up(input.number) {
            return Ok(true);
        }
        if units.is_done(ordinal) {
            if decoder.strict().is_some() {
                work.pass(reader.as_mut(), &mut decoder)?;
            }
            continue;
        }
        let done = work.unit(reader.as_mut(), &mut decoder, &mut deliver).and_then(|counts| input.check().map(|()| counts));
        match done {
            Ok(Some(counts)) => units.close(part.partition, ordinal, counts),
            // Its rows may be on their way.
            broken => {
                units.break_off(part.partition, ordinal);
                broken?;
                return failed.map_or(Ok(false), Err);
            }
        }
    }
    report_oddities(part, &decoder, input.number + 1);
    // Whoever comes after the stream's last reader tells it, once.
    if input.padded.swap(false, Ordering::Relaxed) {
        part.context.oddities.add(input.number + 1, "file", PADDED, 1);
    }
    if let Some(annotator) = &annotator {
        annotator.report(&part.context, input.number + 1);
    }
    Ok(true)
}

/// One unit.
struct UnitWork<'a> {
    part: &'a PartitionWork,
    input: &'a Input,
    unit: u32,
}

impl UnitWork<'_> {
    /// Lines of the header that count to this unit.
    fn header_lines(&self) -> u64 {
        if self.unit == 0 { self.input.header_lines } else { 0 }
    }

    /// Shows a unit that was committed before to the checker of strict mode.
    fn pass(&self, reader: &mut dyn UnitReader, decoder: &mut Decoder) -> Result<()> {
        while let Some(mut rest) = reader.next_chunk()? {
            while !rest.is_empty() {
                decoder.pass(self.input.take_record(&mut rest));
            }
        }
        Ok(())
    }

    /// Decodes the unit. `None` when nobody takes the batches any more.
    fn unit(&self, reader: &mut dyn UnitReader, decoder: &mut Decoder, deliver: &mut Deliver<'_>) -> Result<Option<UnitCounts>> {
        let PartitionWork { context, .. } = self.part;
        let ordinal = self.input.ordinals.start + self.unit;
        let mut counts = UnitCounts { input: self.input.number, lines: self.header_lines(), ..UnitCounts::default() };
        let (mut text, mut told_records, mut told_bytes) = (0, 0, 0);
        let (most_rows, lines_before) = (decoder.most_rows(), reader.lines_before());
        let most = if decoder.has_calls() { MAX_CALLS_TEXT } else { MAX_TEXT };
        while let Some(chunk) = reader.next_chunk()? {
            if context.cancel.is_cancelled() {
                return Err(Error::interrupted("the run was stopped"));
            }
            let text_only = || std::str::from_utf8(chunk).is_ok() && memchr::memchr(0, chunk).is_none();
            let clean = self.input.shape.binary.is_none() && text_only();
            let mut rest = chunk;
            while !rest.is_empty() {
                let line = self.input.take_record(&mut rest);
                if rest.is_empty() && chunk.last() != Some(&b'\n') && self.input.shape.binary.is_none() {
                    decoder.open_end();
                }
                let at = counts.lines;
                counts.lines += 1;
                if line.is_empty() {
                    decoder.strict().into_iter().for_each(Checker::blank);
                    continue;
                }
                if line.starts_with(b"#") && self.input.shape.binary.is_none() {
                    return Err(self.header_line(at, lines_before)?);
                }
                counts.records += 1;
                let row = u32::try_from(at).ok().filter(|row| *row < MAX_LINES).ok_or_else(too_many_lines)?;
                let outcome = decoder.record(line, row, clean);
                // Records outside the regions are no part of the load's identity: an index spares reading them.
                if context.digests && outcome != Outcome::OutOfRegion {
                    counts.digest.add(Digest::from_bytes(sha256(line)));
                }
                match outcome {
                    Outcome::Row => text += line.len(),
                    Outcome::OutOfRegion => counts.out_of_region += 1,
                    Outcome::Filtered => {}
                    Outcome::Bad(bad) => self.bad(bad, at, lines_before, decoder)?,
                }
                if (text >= most || decoder.rows() >= most_rows) && decoder.rows() > 0 {
                    text = 0;
                    if !deliver(decoder.flush(ordinal)?) {
                        return Ok(None);
                    }
                }
            }
            Counters::add(&context.counters.text_bytes, chunk.len() as u64);
            Counters::add(&context.counters.records, counts.records - told_records);
            told_records = counts.records;
            let bytes = reader.bytes();
            Counters::add(&context.counters.bytes_in, bytes.saturating_sub(told_bytes));
            told_bytes = told_bytes.max(bytes);
        }
        if decoder.rows() > 0 && !deliver(decoder.flush(ordinal)?) {
            return Ok(None);
        }
        for (field, what, count) in self.input.shape.oddities.iter().filter(|_| self.unit == 0) {
            context.oddities.add(self.input.number + 1, field.as_str(), what, *count);
        }
        counts.bytes = reader.bytes();
        if self.input.index() != "none" {
            counts.lines = 0;
        }
        Counters::add(&context.counters.bytes_in, counts.bytes.saturating_sub(told_bytes));
        Ok(Some(counts))
    }

    /// A record that cannot become a row: ends the load, or is set aside. Says where and why, never what.
    fn bad(&self, bad: Bad, line: u64, before: Option<u64>, decoder: &Decoder) -> Result<()> {
        let PartitionWork { context, shared, .. } = self.part;
        let field = bad.place.field(decoder.fields());
        if shared.on_bad_record == OnBadRecord::Quarantine {
            let bad = BadRecord { line, field, reason: bad.reason.to_string() };
            let so_far = context.units.set_aside(self.input.ordinals.start + self.unit, bad);
            return match shared.max_bad_records {
                Some(most) if so_far > most => Err(Error::input(format!("more than {most} bad records"))
                    .with_hint("see the quarantine for lines and reasons, or raise `max_bad_records`")),
                _ => Ok(()),
            };
        }
        let what = if self.input.shape.binary.is_some() { "record" } else { "line" };
        Err(Error::input(format!("{what} {}: {field}: {}", self.number_of(line, before)?, bad.reason))
            .with_hint("mend the record, or set `on_bad_record: quarantine` to set such records aside"))
    }

    /// A header line among the records is no bad record: calls behind it may be those of other samples.
    #[cold]
    fn header_line(&self, line: u64, before: Option<u64>) -> Result<Error> {
        let number = self.number_of(line, before)?;
        Ok(Error::input(format!(
            "line {number}: a line that begins with `#` among the records, as in files put together with `cat`"
        ))
        .with_hint("load the files as they were before, or put them together with `bcftools concat` or `bcftools merge`"))
    }

    /// The file's 1-based number of the unit's line, or record, `line`; `before`: lines of a stream before the unit.
    fn number_of(&self, line: u64, before: Option<u64>) -> Result<u64> {
        let line = match before {
            Some(0) => line,
            Some(before) => self.input.header_lines + before + line,
            None => self.input.line_of(self.unit, line)?,
        };
        Ok(line + 1)
    }
}

fn too_many_lines() -> Error {
    Error::input("a unit has more than 2097152 lines").with_hint("lower `unit`, such as to `4MiB`")
}

/// Adds what the decoder tolerated to the run's oddities.
fn report_oddities(part: &PartitionWork, decoder: &Decoder, input: u32) {
    for (field, what, count) in decoder.oddities() {
        part.context.oddities.add(input, field, what, count);
    }
}
