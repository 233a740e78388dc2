//! Annotations (VEP CSQ, SnpEff ANN and EFF, BCFtools/csq BCSQ) from text into columns, batch by batch behind the decoder.
//! It must not know files, units or how text is decoded.

mod allele;
mod bcsq;
mod format;
mod leaf;
mod plan;
mod read;
mod rejoin;
mod severity;
mod snpeff;
#[cfg(test)]
mod tests;
mod vep;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};

pub(crate) use plan::{Planned, plan};

use super::header::Fields;
use super::slot::{Slot, fixed_field, info_field};
use crate::error::{Error, Result};
use crate::flow::Context;
use read::{Columns, Reader};

crate::text::worded! {
    /// What is told of annotations that are read all the same.
    enum Odd {
        UnknownAllele => "annotation entries name an allele that their record does not have",
        Unfit => "annotation entries do not have the declared form; `info.__other` keeps their text",
    }
}

/// How a scan's columns come from what the decoder fills.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What the decoder fills: the projected columns that are no annotation's, and what annotations are read from.
    pub decoded: SchemaRef,
    pub slots: Arc<[Slot]>,
    schema: SchemaRef,
    outputs: Vec<Output>,
    sources: Vec<Source>,
    /// Decoded places of POS, REF and ALT, and of `info.__other` when it is projected.
    site: [usize; 3],
    other: Option<usize>,
}

/// What fills a projected column.
#[derive(Clone, Copy, Debug)]
enum Output {
    Decoded(usize),
    /// The nested column of a source.
    Entries(usize),
    /// A flat column of a source.
    Worst(usize, usize),
}

/// An annotation that is projected.
#[derive(Clone, Debug)]
struct Source {
    plan: Arc<Planned>,
    text: usize,
    entries: bool,
    worst: Vec<bool>,
}

impl Reading {
    /// How to fill `slots`; `None` when none of them is an annotation's.
    pub(crate) fn of(schema: &SchemaRef, slots: &[Slot], plans: &[Arc<Planned>], fields: &Fields) -> Option<Arc<Self>> {
        let mut decoded: Vec<(Slot, Field)> = Vec::new();
        let mut sources: Vec<(usize, Source)> = Vec::new();
        let mut outputs = Vec::new();
        for (slot, field) in slots.iter().zip(schema.fields()) {
            let (at, flat) = match slot {
                Slot::Entries(at) => (*at, None),
                Slot::Worst(at, flat) => (*at, Some(*flat)),
                _ => {
                    outputs.push(Output::Decoded(decoded.len()));
                    decoded.push((*slot, field.as_ref().clone()));
                    continue;
                }
            };
            let plan = plans.get(at)?;
            let known = sources.iter().position(|(known, _)| *known == at);
            let source = known.unwrap_or_else(|| {
                let worst = vec![false; plan.worst.len()];
                sources.push((at, Source { plan: plan.clone(), text: 0, entries: false, worst }));
                sources.len() - 1
            });
            match flat {
                None => sources[source].1.entries = true,
                Some(flat) => *sources[source].1.worst.get_mut(flat)? = true,
            }
            outputs.push(flat.map_or(Output::Entries(source), |flat| Output::Worst(source, flat)));
        }
        if sources.is_empty() {
            return None;
        }
        let mut place = |slot: Slot, field: Field| {
            decoded.iter().position(|(known, _)| *known == slot).unwrap_or_else(|| {
                decoded.push((slot, field));
                decoded.len() - 1
            })
        };
        let site = [Slot::Pos, Slot::Ref, Slot::Alt].map(|slot| place(slot, fixed_field(slot)));
        for (_, source) in &mut sources {
            source.text = place(Slot::Info(source.plan.info), info_field(fields.info.get(source.plan.info)?));
        }
        let other = decoded.iter().position(|(slot, _)| *slot == Slot::InfoOther);
        let (slots, decoded): (Vec<Slot>, Vec<Field>) = decoded.into_iter().unzip();
        Some(Arc::new(Self {
            decoded: Arc::new(Schema::new(decoded)),
            slots: slots.into(),
            schema: schema.clone(),
            outputs,
            sources: sources.into_iter().map(|(_, source)| source).collect(),
            site,
            other,
        }))
    }
}

/// Reads the annotations of one input's batches.
pub(crate) struct Annotator {
    reading: Arc<Reading>,
    readers: Vec<Reader>,
}

impl Annotator {
    /// For the input with this number, from 0. `escaped`: its texts are still percent-encoded. Tools escape what would end a value
    /// (`p.Gly299%3D`) whatever version the header names.
    pub(crate) fn new(reading: Arc<Reading>, input: u32, escaped: bool) -> Self {
        let reader =
            |source: &Source| Reader::new(source.plan.clone(), input as usize, escaped, source.entries, source.worst.clone());
        let readers = reading.sources.iter().map(reader).collect();
        Self { reading, readers }
    }

    /// The projected batch from a decoded one.
    ///
    /// Entries that do not fit their declared form go to `info.__other` as text, where that column is projected.
    pub(crate) fn batch(&mut self, decoded: &RecordBatch) -> Result<RecordBatch> {
        let reading = self.reading.clone();
        let unplanned = || Error::internal("a decoded batch does not have the planned columns");
        let array = |at: usize| decoded.columns().get(at).ok_or_else(unplanned);
        let text = |at: usize| array(at)?.as_string_opt::<i32>().ok_or_else(unplanned);
        let [pos, reference, alt] = reading.site;
        let pos = array(pos)?.as_primitive_opt::<Int64Type>().ok_or_else(unplanned)?;
        let (reference, alt) = (text(reference)?, text(alt)?);
        let mut parsed = Vec::with_capacity(self.readers.len());
        let mut spilled: BTreeMap<usize, String> = BTreeMap::new();
        for (reader, source) in self.readers.iter_mut().zip(&reading.sources) {
            let mut one = reader.read(&Columns { text: array(source.text)?, pos, reference, alt })?;
            for (row, text) in std::mem::take(&mut one.spilled) {
                let kept = spilled.entry(row).or_default();
                if !kept.is_empty() {
                    kept.push(';');
                }
                kept.push_str(&text);
            }
            parsed.push(one);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(reading.outputs.len());
        for output in &reading.outputs {
            arrays.push(match *output {
                Output::Decoded(at) if reading.other == Some(at) && !spilled.is_empty() => Arc::new(joined(text(at)?, &spilled)),
                Output::Decoded(at) => array(at)?.clone(),
                Output::Entries(source) => parsed.get(source).and_then(|p| p.entries.clone()).ok_or_else(unplanned)?,
                Output::Worst(source, flat) => {
                    parsed.get(source).and_then(|p| p.worst.get(flat).cloned().flatten()).ok_or_else(unplanned)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(decoded.num_rows()));
        Ok(RecordBatch::try_new_with_options(reading.schema.clone(), arrays, &options)?)
    }

    /// Adds what did not fit to the run's oddities. `input` is 1-based.
    pub(crate) fn report(&self, context: &Context, input: u32) {
        for (reader, source) in self.readers.iter().zip(&self.reading.sources) {
            let add = |odd: Odd, count| context.oddities.add(input, format!("INFO/{}", source.plan.id), odd.text(), count);
            add(Odd::UnknownAllele, reader.unknown);
            add(Odd::Unfit, reader.unfit);
        }
    }
}

/// `info.__other` with more text.
fn joined(other: &StringArray, more: &BTreeMap<usize, String>) -> StringArray {
    let mut builder = StringBuilder::with_capacity(other.len(), other.value_data().len());
    for row in 0..other.len() {
        let known = other.is_valid(row).then(|| other.value(row));
        match (known, more.get(&row)) {
            (known, None) => builder.append_option(known),
            (None, Some(more)) => builder.append_value(more),
            (Some(known), Some(more)) => builder.append_value(format!("{known};{more}")),
        }
    }
    builder.finish()
}
