//! FORMAT and the sample columns (VCF 4.3 section 1.6.2): one call a sample that is kept. It must not know other columns.

mod bcf;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::Field as ArrowField;

use super::odd::{Odd, Tally};
use super::{Bad, Place, Recipe, Shape, Slot, columns_fit, expected, wrong_columns};
use crate::flow::{Number, VcfType};
use crate::source::vcf::columns::{Column, How, Ints, Texts, column_for};
use crate::source::vcf::config::Calls;
use crate::source::vcf::find::find;
use crate::source::vcf::hash::KeyMap;

/// What the parts of a call mean under one FORMAT text.
struct Plan {
    parts: Vec<Part>,
    /// Which part is GT.
    genotype: Option<usize>,
}

enum Part {
    /// Index into the fields.
    Field(usize),
    /// A key without a column; kept as text.
    Other(Box<[u8]>),
    Skip,
}

struct Field {
    column: Option<Box<dyn Column>>,
    number: Number,
    inferred: bool,
    odd: Tally,
}

/// Decodes calls into the columns that are asked for.
pub(super) struct CallsDecoder {
    mode: Calls,
    columns: usize,
    samples: Arc<[Option<u32>]>,
    fields: Vec<Field>,
    index: KeyMap<usize>,
    plans: Vec<Plan>,
    known: HashMap<Box<[u8]>, usize>,
    last: Option<(Box<[u8]>, usize)>,
    offsets: Vec<i32>,
    sample: Ints,
    other: Option<Texts>,
    open: bool,
    total: usize,
    scratch: Vec<u8>,
    /// The first allele of a genotype in BCF bears a phase of its own.
    leading_phase: bool,
    room: bcf::Room,
    /// Of sample columns as a whole.
    odd: Tally,
}

/// Plans kept before starting over: files have a handful of FORMAT texts.
const MAX_PLANS: usize = 1024;

impl CallsDecoder {
    pub(super) fn new(recipe: &Recipe, shape: &Shape) -> Self {
        let mut index = KeyMap::default();
        let fields = recipe.fields.formats.iter().enumerate().map(|(i, field)| {
            index.insert(field.id.as_bytes().into(), i);
            let column = recipe.slots.contains(&Slot::Call(i)).then(|| {
                if field.id == "GT" && field.kind == VcfType::String && field.number == Number::Count(1) {
                    Box::new(Texts::verbatim()) as Box<dyn Column>
                } else {
                    column_for(field.number, field.kind)
                }
            });
            Field { column, number: field.number, inferred: field.inferred, odd: Tally::default() }
        });
        Self {
            mode: recipe.calls,
            columns: shape.columns,
            samples: shape.samples.clone(),
            fields: fields.collect(),
            index,
            plans: Vec::new(),
            known: HashMap::new(),
            last: None,
            offsets: vec![0],
            sample: Ints::default(),
            other: recipe.slots.contains(&Slot::CallsOther).then(Texts::default),
            open: recipe.open.1,
            total: 0,
            scratch: Vec::new(),
            leading_phase: shape.binary.as_ref().is_some_and(|dictionary| dictionary.leading_phase),
            room: bcf::Room::default(),
            odd: Tally::default(),
        }
    }

    /// What was tolerated, by field; `None` is FORMAT and the sample columns as a whole.
    pub(super) fn oddities(&self) -> impl Iterator<Item = (Option<usize>, Odd, u64)> {
        let fields = self.fields.iter().enumerate();
        let fields = fields.flat_map(|(i, field)| field.odd.counts().map(move |(odd, n)| (Some(i), odd, n)));
        fields.chain(self.odd.counts().map(|(odd, n)| (None, odd, n)))
    }

    /// Decodes what follows the fixed columns for slot `row`.
    pub(super) fn decode(&mut self, rest: Option<&[u8]>, row: usize, alts: usize, how: How) -> Result<(), Bad> {
        debug_assert_eq!(self.offsets.len(), row + 1);
        let found = match rest {
            None => 8,
            Some(rest) => match memchr::memchr(b'\t', rest) {
                None => 9,
                Some(at) => {
                    let plan = self.plan(&rest[..at], how)?;
                    9 + self.samples(&rest[at + 1..], plan, alts, how)?
                }
            },
        };
        if !columns_fit(found, self.columns, how.strict) {
            return Err(wrong_columns());
        }
        if found > self.columns {
            self.odd.add(Odd::SurplusColumns);
        }
        self.offsets.push(self.total as i32);
        Ok(())
    }

    /// The plan for a FORMAT text; the same text as in the record before costs one comparison.
    fn plan(&mut self, format: &[u8], how: How) -> Result<usize, Bad> {
        if let Some((text, plan)) = &self.last
            && **text == *format
        {
            return Ok(*plan);
        }
        let plan = match self.known.get(format) {
            Some(plan) => *plan,
            None => {
                if self.plans.len() >= MAX_PLANS {
                    (self.plans, self.known) = (Vec::new(), HashMap::new());
                }
                let plan = self.make_plan(format, how)?;
                self.plans.push(plan);
                self.known.insert(format.into(), self.plans.len() - 1);
                self.plans.len() - 1
            }
        };
        self.last = Some((format.into(), plan));
        Ok(plan)
    }

    fn make_plan(&self, format: &[u8], how: How) -> Result<Plan, Bad> {
        let (mut parts, mut genotype, mut seen) = (Vec::new(), None, Vec::new());
        for (i, key) in format.split(|byte| *byte == b':').enumerate() {
            let repeated = seen.contains(&key);
            seen.push(key);
            if key == b"GT" && genotype.is_none() {
                genotype = Some(i);
            }
            if how.strict && (repeated || key.is_empty()) {
                return Err(Bad::column("FORMAT", "an empty or repeated name"));
            }
            let part = match self.index.get(key).filter(|_| !repeated) {
                Some(field) if self.fields[*field].column.is_some() => Part::Field(*field),
                None if self.other.is_some() => Part::Other(key.into()),
                _ => Part::Skip,
            };
            parts.push(part);
        }
        if how.strict && genotype.is_some_and(|at| at > 0) {
            return Err(Bad::column("FORMAT", "GT is not the first name"));
        }
        Ok(Plan { parts, genotype })
    }

    /// Walks the sample columns and returns how many there are.
    fn samples(&mut self, mut rest: &[u8], plan: usize, alts: usize, how: How) -> Result<usize, Bad> {
        let samples = self.samples.clone();
        let skip_reference = self.mode == Calls::Carriers && self.plans[plan].genotype == Some(0);
        let mut at = 0;
        loop {
            if skip_reference {
                let skipped = skip_homozygous_reference(rest);
                rest = &rest[skipped * 4..];
                at += skipped;
            }
            let end = find(b'\t', rest);
            let call = &rest[..end.unwrap_or(rest.len())];
            if let Some(Some(sample)) = samples.get(at)
                && (self.mode == Calls::All || is_carrier(call, self.plans[plan].genotype))
            {
                self.call(call, plan, alts, how)?;
                self.sample.push_value(*sample as i32);
                self.total += 1;
            }
            at += 1;
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return Ok(at),
            }
        }
    }

    fn call(&mut self, call: &[u8], plan: usize, alts: usize, how: How) -> Result<(), Bad> {
        let Self { plans, fields, other, open, total, scratch, index: names, .. } = self;
        let parts = &plans[plan].parts;
        let mut rest = Some(call);
        let mut keep = |name: &[u8], value: &[u8]| {
            if !scratch.is_empty() {
                scratch.push(b';');
            }
            scratch.extend_from_slice(name);
            scratch.push(b'=');
            scratch.extend_from_slice(value);
        };
        for part in parts {
            let Some(text) = rest else { break };
            let value = match find(b':', text) {
                Some(at) => {
                    rest = Some(&text[at + 1..]);
                    &text[..at]
                }
                None => {
                    rest = None;
                    text
                }
            };
            match part {
                Part::Field(index) => {
                    let Some(field) = fields.get_mut(*index) else { continue };
                    let Some(column) = &mut field.column else { continue };
                    match column.put(*total, value, how) {
                        // A plan gives each field one part, so its slot is free.
                        Ok(None) => {}
                        Ok(Some(count)) => {
                            if expected(field.number, alts).is_some_and(|expected| expected != count) && value != b"." {
                                if how.strict {
                                    return Err(Bad::new(Place::Format(*index), "another number of values than declared"));
                                }
                                field.odd.add(Odd::Miscount);
                            }
                        }
                        Err(reason) => {
                            let several = field.number == Number::Count(1) && value.contains(&b',');
                            if how.strict || !*open || !(field.inferred || several) {
                                return Err(Bad::new(Place::Format(*index), reason));
                            }
                            field.odd.add(if several { Odd::Miscount } else { Odd::Misfit });
                            if let Some((name, _)) = names.iter().find(|(_, at)| *at == index) {
                                keep(name, value);
                            }
                        }
                    }
                }
                Part::Other(name) => keep(name, value),
                Part::Skip => {}
            }
        }
        if rest.is_some() {
            return Err(Bad::column("FORMAT", "a call has more values than FORMAT has names"));
        }
        if !scratch.is_empty() {
            if let Some(other) = other {
                other.pad(*total);
                other.push_raw(scratch);
            }
            scratch.clear();
        }
        Ok(())
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.total = self.offsets.last().map_or(0, |offset| *offset as usize);
        self.scratch.clear();
        self.sample.truncate(self.total);
        for column in self.fields.iter_mut().filter_map(|field| field.column.as_mut()) {
            column.truncate(self.total);
        }
        if let Some(other) = &mut self.other {
            other.truncate(self.total);
        }
    }

    /// The finished columns of `rows` rows.
    pub(super) fn finish(&mut self, rows: usize) -> Finished {
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(rows + 1));
        self.offsets.push(0);
        let total = std::mem::take(&mut self.total);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let list = |items: ArrayRef| {
            let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
            Arc::new(ListArray::new(field, offsets.clone(), items, None)) as ArrayRef
        };
        let mut arrays = vec![(Slot::Sample, list(self.sample.finish()))];
        for (i, field) in self.fields.iter_mut().enumerate() {
            if let Some(column) = &mut field.column {
                column.pad(total);
                arrays.push((Slot::Call(i), list(column.finish())));
            }
        }
        if let Some(other) = &mut self.other {
            other.pad(total);
            arrays.push((Slot::CallsOther, list(other.finish())));
        }
        Finished(arrays)
    }
}

/// The finished columns, each to be taken once.
pub(super) struct Finished(Vec<(Slot, ArrayRef)>);

impl Finished {
    pub(super) fn take(&mut self, slot: Slot) -> Option<ArrayRef> {
        self.0.iter().find(|(known, _)| *known == slot).map(|(_, array)| array.clone())
    }
}

/// How many calls at the front are `0|0` or `0/0` and nothing else, each with the tab behind it. Eight at a time: in a
/// cohort nearly all are.
fn skip_homozygous_reference(text: &[u8]) -> usize {
    const PHASED: [u8; 32] = *b"0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t";
    const UNPHASED: [u8; 32] = *b"0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t";
    let mut skipped = 0;
    let (eights, _) = text.as_chunks::<32>();
    for eight in eights {
        if *eight != PHASED && *eight != UNPHASED {
            break;
        }
        skipped += 8;
    }
    let (ones, _) = text[skipped * 4..].as_chunks::<4>();
    skipped + ones.iter().take_while(|one| **one == *b"0|0\t" || **one == *b"0/0\t").count()
}

/// True unless every allele of the genotype is the reference: missing alleles and absent genotypes count as carriers.
fn is_carrier(call: &[u8], genotype: Option<usize>) -> bool {
    let Some(at) = genotype else { return true };
    let Some(text) = call.split(|byte| *byte == b':').nth(at) else { return true };
    text.is_empty() || !text.iter().all(|byte| matches!(byte, b'0' | b'/' | b'|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers() {
        for (call, carrier) in [
            ("0/0", false),
            ("0|0:12", false),
            ("0", false),
            ("0/0/0", false),
            ("/0/0", false),
            ("0/1", true),
            ("./.", true),
            (".", true),
            ("0/.", true),
            ("10", true),
            ("", true),
        ] {
            assert_eq!(is_carrier(call.as_bytes(), Some(0)), carrier, "{call}");
        }
        assert!(is_carrier(b"5", None) && is_carrier(b"5", Some(1)) && !is_carrier(b"5:0/0", Some(1)));
    }

    #[test]
    fn reference_calls_are_skipped_up_to_the_first_other() {
        let text = format!("{}0/1\t0|0\t0|0", "0|0\t".repeat(13));
        assert_eq!(skip_homozygous_reference(text.as_bytes()), 13);
        assert_eq!(skip_homozygous_reference(b"0|0"), 0);
        assert_eq!(skip_homozygous_reference(b"0|0\t0/0\t0|0:1\t"), 2);
    }
}
