//! The Arrow schema of a load and what each column is filled from. It must not know files or bytes.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};

use super::annotation::Planned;
use super::header::{Field, Fields};
use super::slot::{CatchAll, Slot, declared, info_field, is_genotype, list, value_type};
use crate::flow::genotype::genotype_type;
use crate::flow::{Labels, VcfType, Word, column, with_word};
use crate::sensitive::Label;

/// Raw text of INFO entries that no column takes: undeclared keys, repeated keys, values of flags. `KEY=VALUE;KEY`; null
/// where there are none.
pub(crate) const INFO_OTHER: &str = "info.__other";
/// The same for FORMAT: a List<Utf8> with one element a call.
pub(crate) const CALLS_OTHER: &str = "calls.__other";

/// The full schema of a table.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub schema: SchemaRef,
    /// One a column.
    pub slots: Vec<Slot>,
    pub labels: Labels,
    /// What [`Slot::Entries`] and [`Slot::Worst`] point into.
    pub annotations: Vec<Arc<Planned>>,
}

/// A column whose name may be any text, or somebody's, is as sensitive as that.
fn label_of(field: &Field) -> Label {
    match field.kind {
        _ if field.word != Word::Known => Label::Identifier,
        VcfType::Integer | VcfType::Float | VcfType::Flag => Label::Clinical,
        VcfType::Character | VcfType::String => Label::Phi,
    }
}

/// Lays out the columns. Annotations stand where the text they are read from would. `info` and `calls` say which fields are wanted, `None` for no column of the kind at all.
pub(crate) fn lay_out(
    fields: &Fields,
    info: Option<&[usize]>,
    annotations: &[Arc<Planned>],
    calls: Option<&[usize]>,
    catch_all: CatchAll,
) -> Layout {
    let mut columns: Vec<(Slot, ArrowField, Label)> = Vec::new();
    let mut add = |slot, name: &str, kind, nullable, label| columns.push((slot, ArrowField::new(name, kind, nullable), label));
    add(Slot::Chrom, column::CHROM, DataType::Utf8, false, Label::Phi);
    add(Slot::Pos, column::POS, DataType::Int64, false, Label::Public);
    add(Slot::EndPos, column::END_POS, DataType::Int64, false, Label::Public);
    add(Slot::Ids, column::IDS, list(DataType::Utf8), true, Label::Phi);
    add(Slot::Ref, column::REF, DataType::Utf8, false, Label::Phi);
    add(Slot::Alt, column::ALT, DataType::Utf8, true, Label::Phi);
    add(Slot::AltIndex, column::ALT_INDEX, DataType::Int32, true, Label::Public);
    add(Slot::Qual, column::QUAL, DataType::Float64, true, Label::Clinical);
    add(Slot::Filters, column::FILTERS, list(DataType::Utf8), true, Label::Phi);
    for (i, field) in info.into_iter().flatten().filter_map(|i| Some((*i, fields.info.get(*i)?))) {
        // What was read from a text is as sensitive as the text, whatever its type.
        match annotations.iter().position(|annotation| annotation.info == i) {
            None => columns.push((Slot::Info(i), info_field(field), label_of(field))),
            Some(at) => {
                columns.push((Slot::Entries(at), with_word(annotations[at].entries(), field.word), label_of(field)));
                let flat = annotations[at].flat().map(|arrow| with_word(arrow, field.word)).enumerate();
                columns.extend(flat.map(|(nth, arrow)| (Slot::Worst(at, nth), arrow, label_of(field))));
            }
        }
    }
    if catch_all.info {
        columns.push((Slot::InfoOther, ArrowField::new(INFO_OTHER, DataType::Utf8, true), Label::Phi));
    }
    if let Some(calls) = calls {
        columns.push((Slot::Sample, ArrowField::new(column::CALLS_SAMPLE, list(DataType::Int32), false), Label::Clinical));
        for (i, field) in calls.iter().filter_map(|i| Some((*i, fields.formats.get(*i)?))) {
            let name = format!("{}{}", column::CALLS, field.id);
            let (kind, label) = match is_genotype(field) {
                true => (genotype_type(), Label::Clinical),
                false => (value_type(field.number, field.kind), label_of(field)),
            };
            let arrow = ArrowField::new(name, list(kind), false);
            columns.push((Slot::Call(i), declared(arrow, field, false), label));
        }
        if catch_all.calls {
            columns.push((Slot::CallsOther, ArrowField::new(CALLS_OTHER, list(DataType::Utf8), false), Label::Phi));
        }
    }
    for (slot, name) in [(Slot::Unit, column::UNIT), (Slot::Row, column::ROW)] {
        columns.push((slot, ArrowField::new(name, DataType::UInt32, false), Label::Public));
    }
    columns.push((Slot::AltEnds, ArrowField::new(column::ALT_ENDS, list(DataType::Int64), true), Label::Public));
    let mut labels = Labels::default();
    for (_, field, label) in &columns {
        labels.set(field.name(), *label);
    }
    let slots = columns.iter().map(|(slot, ..)| *slot).collect();
    let schema = Schema::new(columns.into_iter().map(|(_, field, _)| field).collect::<Vec<_>>());
    Layout { schema: Arc::new(schema), slots, labels, annotations: annotations.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Number;

    fn field(id: &str, number: Number, kind: VcfType) -> Field {
        Field { id: id.into(), number, kind, inferred: false, word: Word::Known }
    }

    #[test]
    fn types_and_labels_follow_the_declarations() {
        let fields = Fields {
            info: vec![field("AC", Number::A, VcfType::Integer), field("NOTE", Number::Count(1), VcfType::String)],
            formats: vec![field("GT", Number::Count(1), VcfType::String), field("PL", Number::G, VcfType::Integer)],
            notices: Vec::new(),
        };
        let layout = lay_out(&fields, Some(&[0, 1]), &[], Some(&[0, 1]), CatchAll { info: true, calls: true });
        let kind = |name: &str| layout.schema.field_with_name(name).unwrap().data_type().clone();
        assert_eq!(kind("info.AC"), list(DataType::Int32));
        assert_eq!(kind("info.NOTE"), DataType::Utf8);
        assert_eq!(kind("calls.GT"), list(genotype_type()));
        assert_eq!(kind("calls.PL"), list(list(DataType::Int32)));
        let label = |name: &str| layout.labels.of(name);
        assert_eq!((label("info.NOTE"), label("calls.GT"), label("ids")), (Label::Phi, Label::Clinical, Label::Phi));
        assert_eq!(label("info.__other"), Label::Phi);
        assert_eq!(layout.slots.len(), layout.schema.fields().len());
    }
}
