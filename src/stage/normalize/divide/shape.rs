//! What becomes of each column when rows are divided, decided once from the schema. It must not know values.

use datafusion::arrow::datatypes::{DataType, Field};

use crate::flow::genotype::is_genotype;
use crate::flow::{Number, annotation, column, number_of, usual_number_of};

/// How a column of divided rows is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stage::normalize) enum Shape {
    /// The record's value in each of its rows.
    Repeat,
    Alt,
    AltIndex,
    /// The record's end, or the allele's own.
    EndPos,
    /// What `EndPos` is made from: it ends here.
    AltEnds,
    /// INFO list with one value per ALT, allele or genotype.
    Info(Per),
    /// INFO list that may have one value per ALT or allele, though its declaration leaves that open: then divided, else whole.
    UsualInfo(Per),
    /// FORMAT list of lists, likewise per call.
    UsualCalls(Per),
    /// FORMAT list of lists with one value per ALT, allele or genotype, per call.
    Calls(Per),
    /// The same, counting in the ALTs that the call's LAA lists.
    LocalCalls(Per),
    Genotype,
    /// Annotation entries that say which ALT they are about.
    Entries,
    /// `info.__other`: undeclared keys and undivided fields as text.
    InfoOther,
    /// `calls.__other`: likewise per call.
    CallsOther,
}

/// What a list has one value for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stage::normalize) enum Per {
    Alt,
    Allele,
    Genotype,
}

/// Catch-all columns, filled when a field cannot be divided. Text `KEY=v1,v2`, joined by `;`.
pub(super) const INFO_OTHER: &str = "info.__other";
pub(super) const CALLS_OTHER: &str = "calls.__other";

impl Shape {
    pub(in crate::stage::normalize) fn of(field: &Field) -> Shape {
        let per = match number_of(field) {
            Some(Number::A) => Some(Per::Alt),
            Some(Number::R) => Some(Per::Allele),
            Some(Number::G) => Some(Per::Genotype),
            _ => None,
        };
        let local = match number_of(field) {
            Some(Number::LA) => Some(Per::Alt),
            Some(Number::LR) => Some(Per::Allele),
            Some(Number::LG) => Some(Per::Genotype),
            _ => None,
        };
        let usual = match usual_number_of(field) {
            Some(Number::A) => Some(Per::Alt),
            Some(Number::R) => Some(Per::Allele),
            _ => None,
        };
        let (name, kind) = (field.name().as_str(), field.data_type());
        match (name, kind) {
            (column::ALT, DataType::Utf8) => Shape::Alt,
            (column::ALT_INDEX, DataType::Int32) => Shape::AltIndex,
            (column::END_POS, DataType::Int64) => Shape::EndPos,
            (column::ALT_ENDS, DataType::List(item)) if item.data_type() == &DataType::Int64 => Shape::AltEnds,
            (INFO_OTHER, DataType::Utf8) => Shape::InfoOther,
            (CALLS_OTHER, DataType::List(item)) if item.data_type() == &DataType::Utf8 => Shape::CallsOther,
            (column::CALLS_GT, DataType::List(item)) if is_genotype(item.data_type()) => Shape::Genotype,
            (name, kind) if name.starts_with(column::INFO) && names_its_alt(kind) => Shape::Entries,
            (_, DataType::List(item)) => match (per, local, usual) {
                (Some(per), ..) if name.starts_with(column::INFO) => Shape::Info(per),
                (.., Some(per)) if name.starts_with(column::INFO) => Shape::UsualInfo(per),
                _ if !name.starts_with(column::CALLS) || !matches!(item.data_type(), DataType::List(_)) => Shape::Repeat,
                (Some(per), ..) => Shape::Calls(per),
                (_, Some(per), _) => Shape::LocalCalls(per),
                (.., Some(per)) => Shape::UsualCalls(per),
                _ => Shape::Repeat,
            },
            _ => Shape::Repeat,
        }
    }

    /// The output field, where there is one. Number=A loses one level of list.
    pub(in crate::stage::normalize) fn field(self, field: &Field) -> Option<Field> {
        let kind = match (self, field.data_type()) {
            (Shape::Info(Per::Alt), DataType::List(item)) => item.data_type().clone(),
            (Shape::Calls(Per::Alt) | Shape::LocalCalls(Per::Alt), DataType::List(calls)) => match calls.data_type() {
                DataType::List(item) => DataType::new_list(item.data_type().clone(), true),
                other => other.clone(),
            },
            (Shape::AltEnds, _) => return None,
            _ => return Some(field.clone()),
        };
        Some(Field::new(field.name(), kind, true).with_metadata(field.metadata().clone()))
    }
}

fn names_its_alt(kind: &DataType) -> bool {
    let about = |child: &datafusion::arrow::datatypes::FieldRef| {
        child.name() == annotation::ALT_INDEX && child.data_type() == &DataType::Int32
    };
    annotation::entries_of(kind).is_some_and(|children| children.iter().any(about))
}
