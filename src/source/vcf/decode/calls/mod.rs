//! FORMAT and the sample columns (VCF 4.5 section 1.6.2): one call a sample that is kept. It must not know other columns.

mod bcf;
mod field;
mod finished;
mod number;
mod plan;
mod room;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, Int32Array, ListArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::Field as ArrowField;

use super::bad::{Bad, Place, check_columns};
use super::keep_or_fail::{Demand, Leftovers};
use super::odd::{Odd, Tally};
use super::recipe::Recipe;
use crate::source::vcf::columns::{Blanks, Column, Encoding, Ends, Genotypes, Taken, column_for};
use crate::source::vcf::config::Calls;
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::limits::Limits;
use crate::source::vcf::reason::Reason;
use crate::source::vcf::shape::Shape;
use crate::source::vcf::slot::{Slot, is_genotype};

use field::Field;
use finished::Finished;
use number::{is_diploid, of_most};
use plan::{Count, Part, Plan, Plans};
use room::Room;
use walk::{Run, count, end_of_part, is_reference, part, pass, reference_calls, runs};

/// A FORMAT text so long may name very many keys.
const LONG_FORMAT: usize = 1 << 20;

/// Genotypes with a column of their own type.
struct Genotype {
    /// Index into the fields.
    field: usize,
    column: Genotypes,
}

/// Decodes calls into the columns that are asked for.
pub(super) struct CallsDecoder {
    mode: Calls,
    columns: usize,
    /// GT may begin with a phase: from VCF 4.4 on.
    leading_phase: bool,
    runs: Vec<Run>,
    limits: Limits,
    fields: Vec<Field>,
    genotype: Option<Genotype>,
    index: KeyMap<usize>,
    plans: Plans,
    /// Ends of the rows' calls.
    offsets: Vec<i32>,
    /// Whose call it is, by index among the samples that are kept.
    sample: Vec<i32>,
    leftovers: Leftovers,
    /// Of sample columns as a whole.
    odd: Tally,
    room: Room,
}

impl CallsDecoder {
    pub(super) fn new(recipe: &Recipe, shape: &Shape) -> Self {
        let mut index = KeyMap::default();
        let mut genotype = None;
        let asked = recipe.slots.iter().filter_map(|slot| if let Slot::Call(i) = slot { Some(*i) } else { None });
        let asked: HashSet<usize> = asked.collect();
        let fields = recipe.fields.formats.iter().enumerate().map(|(i, field)| {
            index.insert(field.id.as_bytes().into(), i);
            let wanted = asked.contains(&i);
            let typed = is_genotype(field);
            if wanted && typed {
                genotype = Some(Genotype { field: i, column: Genotypes::default() });
            }
            let column = (wanted && !typed).then(|| column_for(field.number, field.kind));
            let id = field.id.as_str().into();
            Field { id, column, demand: Demand::of(field), kind: field.kind, odd: Tally::default(), roomy: false }
        });
        let fields = fields.collect();
        Self {
            mode: recipe.calls,
            columns: shape.columns,
            leading_phase: shape.leading_phase,
            runs: runs(&shape.samples),
            limits: recipe.limits,
            fields,
            genotype,
            index,
            plans: Plans::default(),
            offsets: vec![0],
            sample: Vec::new(),
            leftovers: Leftovers::new(recipe.catch_all.calls, recipe.slots.contains(&Slot::CallsOther), shape.strict.is_some()),
            odd: Tally::default(),
            room: Room::default(),
        }
    }

    /// What was tolerated, by field; `None` is FORMAT and the sample columns as a whole.
    pub(super) fn oddities(&self) -> impl Iterator<Item = (Option<usize>, Odd, u64)> {
        let fields = self.fields.iter().enumerate();
        let fields = fields.flat_map(|(i, field)| field.odd.counts().map(move |(odd, n)| (Some(i), odd, n)));
        fields.chain(self.odd.counts().map(|(odd, n)| (None, odd, n)))
    }

    /// Decodes what follows the fixed columns for slot `row`.
    pub(super) fn decode(&mut self, rest: Option<&[u8]>, row: usize, alts: usize, encoding: Encoding) -> Result<(), Bad> {
        debug_assert_eq!(self.offsets.len(), row + 1);
        let found = match rest {
            None => 8,
            Some(rest) => match memchr::memchr(b'\t', rest) {
                None => 9,
                Some(at) => {
                    let (format, calls) = (&rest[..at], &rest[at + 1..]);
                    9 + match format {
                        b"." | b"" => no_calls(calls)?,
                        format => {
                            let plan = self.plan(format)?;
                            self.samples(calls, plan, alts, encoding)?
                        }
                    }
                }
            },
        };
        if check_columns(found, self.columns, rest)? {
            self.odd.add(Odd::SurplusColumns);
        }
        self.offsets.push(self.sample.len() as i32);
        Ok(())
    }

    fn plan(&mut self, format: &[u8]) -> Result<usize, Bad> {
        if format.len() > LONG_FORMAT && memchr::memchr_iter(b':', format).count() >= self.limits.fields {
            return Err(Bad::column("FORMAT", Reason::SurplusKeys));
        }
        let Self { plans, index, fields, genotype, leftovers, .. } = self;
        let part = |key: &[u8], repeated: bool| {
            let known = index.get(key).and_then(|at| Some((*at, fields.get(*at)?)));
            match known.filter(|_| !repeated) {
                Some((at, _)) if genotype.as_ref().is_some_and(|gt| gt.field == at) => Part::Genotype,
                Some((at, field)) if field.column.is_some() => Part::Field(at),
                None if leftovers.is_wanted() => Part::Other(key.into()),
                _ => Part::Skip,
            }
        };
        Ok(plans.find(format, || Plan::of(format, part)))
    }

    /// Walks the sample columns and returns how many there are.
    fn samples(&mut self, text: &[u8], plan: usize, alts: usize, encoding: Encoding) -> Result<usize, Bad> {
        let fields = &self.fields;
        self.plans.count(plan, alts, |part, plan| match part {
            Part::Field(index) => {
                fields.get(*index).map_or_else(Count::default, |field| of_most(field.demand.number, alts, plan))
            }
            _ => Count::default(),
        });
        let Some(known) = self.plans.get(plan) else { return Ok(0) };
        // Each call takes room in every column that FORMAT names, however few values it has.
        let most = self.sample.len() + self.limits.values / known.parts.len().max(1);
        let genotype_at = known.genotype.filter(|_| self.mode == Calls::Carriers);
        let genotypes_only = matches!(known.parts.as_slice(), [Part::Genotype]);
        let (mut rest, mut at, mut one_by_one) = (Some(text), 0, 0);
        for nth in 0..self.runs.len() {
            let (Some(text), Some(Run { skip, keep, first })) = (rest, self.runs.get(nth)) else { break };
            let (end, first) = (at + skip + keep, *first);
            let mut text = match pass(text, *skip) {
                Ok(text) => text,
                Err(passed) => return Ok(at + passed + 1),
            };
            at += skip;
            // The index of a sample is as far from its run's first as its column.
            let base = first as i32 - at as i32;
            loop {
                match genotype_at {
                    Some(0) => {
                        let passed = reference_calls(text, end - at);
                        text = &text[passed * 4..];
                        at += passed;
                    }
                    // Lines of unusual calls are not tried as usual ones at every call.
                    None if genotypes_only && one_by_one > 0 => one_by_one -= 1,
                    None if genotypes_only => {
                        let taken = self.take_diploid(&text[..text.len().min(4 * (end - at))], alts);
                        self.sample.extend((at..at + taken).map(|column| base + column as i32));
                        text = &text[taken * 4..];
                        at += taken;
                        one_by_one = 7;
                    }
                    _ => {}
                }
                if at == end {
                    rest = Some(text);
                    break;
                }
                let reference = genotype_at.and_then(|nth| part(text, nth)).is_some_and(is_reference);
                let behind = if reference {
                    pass(text, 1).ok()
                } else {
                    let used = self.call(text, plan, alts, encoding)?;
                    self.sample.push(base + at as i32);
                    if self.sample.len() > most {
                        return Err(too_many_values());
                    }
                    text.get(used + 1..)
                };
                at += 1;
                match behind {
                    Some(behind) if at < end => text = behind,
                    behind => {
                        rest = behind;
                        break;
                    }
                }
            }
        }
        Ok(at + rest.map_or(0, count))
    }

    /// Many calls at once, as far as they are of the usual form.
    #[inline]
    fn take_diploid(&mut self, text: &[u8], alts: usize) -> usize {
        let calls = self.sample.len();
        self.genotype.as_mut().map_or(0, |gt| {
            gt.column.pad(calls);
            gt.column.take_diploid(text, alts)
        })
    }

    /// Decodes the call at the front of `text` and returns its length.
    fn call(&mut self, text: &[u8], plan: usize, alts: usize, encoding: Encoding) -> Result<usize, Bad> {
        let Self { plans, fields, genotype, leftovers, .. } = self;
        let Some(plan) = plans.get(plan) else { return Ok(0) };
        let slot = self.sample.len();
        let diploid = is_diploid(text, plan);
        let (mut parts, mut from) = (plan.parts.iter().zip(&plan.counts).enumerate(), 0);
        let end = loop {
            let Some((nth, (part, count))) = parts.next() else {
                return Err(Bad::column("FORMAT", Reason::SurplusValues));
            };
            let value = &text[from..];
            from += match (part, &mut *genotype) {
                (Part::Genotype, Some(gt)) => {
                    let taken = gt.take(value, slot);
                    let Some(field) = fields.get_mut(gt.field) else { return Ok(0) };
                    match taken {
                        Ok(length) => {
                            if gt.names_more_than(alts) {
                                field.odd.add(Odd::PastAlt);
                            }
                            length
                        }
                        Err(reason) => {
                            let value = &value[..end_of_part(value)];
                            field.keep_or_fail(value, false, Place::Format(gt.field), reason, leftovers)?;
                            value.len()
                        }
                    }
                }
                (Part::Field(index), _) => {
                    let Some(field) = fields.get_mut(*index) else { return Ok(0) };
                    let expected = |number| number::expected(number, alts, text, plan);
                    let taken = field.column.as_mut().map_or(Taken::NOT, |column| column.take(slot, value, Ends::CALL, encoding));
                    let length = if taken == Taken::NOT { end_of_part(value) } else { taken.len as usize };
                    let value = &value[..length];
                    // The specification's own example leaves LAA empty where it names no allele.
                    let none = value.is_empty() && plan.local == Some(nth);
                    let outcome = match taken {
                        Taken::NOT if none => Ok(()),
                        Taken::NOT => field.put(slot, value, expected, encoding),
                        taken => {
                            if (taken.count ^ count.values) & count.bits != 0 || (count.diploid && !diploid) {
                                field.check(taken.count as usize, value, expected);
                            }
                            Ok(())
                        }
                    };
                    if let Err(reason) = outcome {
                        field.keep_or_fail(value, value.contains(&b','), Place::Format(*index), reason, leftovers)?;
                    }
                    length
                }
                (Part::Other(name), _) => {
                    let value = &value[..end_of_part(value)];
                    // `.` beside other keys names nothing.
                    if **name != *b"." || value != b"." {
                        leftovers.keep_value(name, value);
                    }
                    value.len()
                }
                (Part::Skip | Part::Genotype, _) => end_of_part(value),
            };
            match text.get(from) {
                Some(b':') => from += 1,
                _ => break from,
            }
        };
        leftovers.put(slot);
        Ok(end)
    }

    /// Takes back what a bad record with these keys in FORMAT has left behind the first `rows`.
    pub(super) fn undo<'a>(&mut self, keys: impl Iterator<Item = &'a [u8]>, rows: usize) {
        self.offsets.truncate(rows + 1);
        let total = self.offsets.last().map_or(0, |offset| *offset as usize);
        self.sample.truncate(total);
        if let Some(gt) = &mut self.genotype {
            gt.column.truncate(total);
        }
        for key in keys {
            let field = self.index.get(key).and_then(|at| self.fields.get_mut(*at));
            if let Some(column) = field.and_then(|field| field.column.as_mut()) {
                column.truncate(total);
            }
        }
        self.leftovers.truncate(total);
    }

    /// The finished columns of `rows` rows.
    pub(super) fn finish(&mut self, rows: usize) -> Finished {
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(rows + 1));
        self.offsets.push(0);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let total = self.sample.len();
        let sample = std::mem::replace(&mut self.sample, Vec::with_capacity(total));
        let list = |items: ArrayRef| {
            let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
            Arc::new(ListArray::new(field, offsets.clone(), items, None)) as ArrayRef
        };
        let padded = |column: &mut dyn Column| {
            column.pad(total);
            list(column.finish())
        };
        let mut blanks = Blanks::default();
        let mut fields: Vec<_> = self.fields.iter_mut().map(|field| field.finish(total, &mut blanks, &list)).collect();
        if let Some(gt) = &mut self.genotype
            && let Some(place) = fields.get_mut(gt.field)
        {
            *place = Some(padded(&mut gt.column));
        }
        let other = self.leftovers.finish(total).map(&list);
        Finished { sample: list(Arc::new(Int32Array::from(sample))), fields, other }
    }
}

impl Genotype {
    /// Takes the GT at the front of `text` and returns its length. On an error the slot stays free, which makes it null.
    #[inline]
    fn take(&mut self, text: &[u8], slot: usize) -> Result<usize, Reason> {
        self.column.pad(slot);
        self.column.take(text)
    }

    /// Does the last call name an allele past the ALT alleles?
    #[inline]
    fn names_more_than(&self, alts: usize) -> bool {
        self.column.last().iter().any(|allele| i64::from(*allele) > alts as i64)
    }
}

/// The columns of calls that have no field: FORMAT is `.`, as htslib writes it. A call that says something all the same says it
/// of no key.
#[cold]
fn no_calls(text: &[u8]) -> Result<usize, Bad> {
    match text.iter().all(|byte| b"./|:\t".contains(byte)) {
        true => Ok(count(text)),
        false => Err(Bad::column("FORMAT", Reason::SurplusValues)),
    }
}

fn too_many_values() -> Bad {
    Bad::new(Place::Record, Reason::SurplusCells)
}

#[cfg(test)]
mod tests;
