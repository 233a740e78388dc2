//! What a column is filled from, and the Arrow column of one field. It must not know tables, files or bytes.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField};

use super::header::{Field, reserved};
use crate::flow::{Number, VcfType, column, usual_field, vcf_field, with_word};

/// What a column is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Chrom,
    Pos,
    EndPos,
    Ids,
    Ref,
    Alt,
    AltIndex,
    Qual,
    Filters,
    /// Index into [`Fields::info`].
    Info(usize),
    InfoOther,
    /// The nested column of an annotation, by index.
    Entries(usize),
    /// A flat column of an annotation, by index and order.
    Worst(usize, usize),
    Sample,
    /// Index into [`Fields::formats`].
    Call(usize),
    CallsOther,
    Unit,
    Row,
    AltEnds,
}

/// Which catch-all columns a table has, so that values that fit no column are not lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CatchAll {
    pub info: bool,
    pub calls: bool,
}

pub(super) fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(ArrowField::new("item", item, true)))
}

/// The Arrow type of a declared field: Flag -> Boolean, Number=1 -> scalar, everything else -> List.
pub(super) fn value_type(number: Number, kind: VcfType) -> DataType {
    match (number, kind) {
        (_, VcfType::Flag) | (Number::Count(1), _) => kind.arrow(),
        _ => list(kind.arrow()),
    }
}

/// Is it GT? Its column holds genotypes as [`genotype_type`](crate::flow::genotype::genotype_type): whatever a header declares it
/// as, it is read as the specification reserves it.
pub(crate) fn is_genotype(field: &Field) -> bool {
    field.id == "GT"
}

/// The column of an INFO field.
pub(crate) fn info_field(field: &Field) -> ArrowField {
    let arrow = ArrowField::new(format!("{}{}", column::INFO, field.id), value_type(field.number, field.kind), true);
    declared(arrow, field, true)
}

/// Marks the column of a field with its declaration, with what is known of its id, and with what the specification says of the key where
/// the declaration leaves it open.
pub(super) fn declared(arrow: ArrowField, field: &Field, is_info: bool) -> ArrowField {
    let arrow = with_word(vcf_field(arrow, field.number, field.kind), field.word);
    match reserved::by_allele(&field.id, is_info).filter(|_| field.number == Number::Unknown) {
        Some(usual) => usual_field(arrow, usual),
        None => arrow,
    }
}

/// The columns annotations are read from.
pub(crate) fn fixed_field(slot: Slot) -> ArrowField {
    match slot {
        Slot::Pos => ArrowField::new(column::POS, DataType::Int64, false),
        Slot::Ref => ArrowField::new(column::REF, DataType::Utf8, false),
        _ => ArrowField::new(column::ALT, DataType::Utf8, true),
    }
}
