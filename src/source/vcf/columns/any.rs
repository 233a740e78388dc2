//! One type for all builders, so that the hot loop calls none through a pointer. It must not build anything itself.

use datafusion::arrow::array::ArrayRef;

use super::column::{Column, Encoding, Taken};
use super::ends::Ends;
use super::flag::Flags;
use super::float::Floats;
use super::int::Ints;
use super::list::List;
use super::text::Texts;
use super::vector::Vector;
use crate::flow::{Number, VcfType};
use crate::source::vcf::reason::Reason;

/// A builder of any type; chosen once from the header.
#[derive(Debug)]
pub(crate) enum AnyColumn {
    Flags(Flags),
    Ints(Ints),
    Floats(Floats),
    Texts(Texts),
    IntLists(List<Ints>),
    FloatLists(List<Floats>),
    TextLists(List<Texts>),
}

macro_rules! each {
    ($self:expr, $column:ident => $call:expr) => {
        match $self {
            AnyColumn::Flags($column) => $call,
            AnyColumn::Ints($column) => $call,
            AnyColumn::Floats($column) => $call,
            AnyColumn::Texts($column) => $call,
            AnyColumn::IntLists($column) => $call,
            AnyColumn::FloatLists($column) => $call,
            AnyColumn::TextLists($column) => $call,
        }
    };
}

impl Column for AnyColumn {
    fn push(&mut self, text: &[u8], encoding: Encoding) -> Result<usize, Reason> {
        each!(self, column => column.push(text, encoding))
    }

    fn put(&mut self, slot: usize, text: &[u8], encoding: Encoding) -> Result<Option<usize>, Reason> {
        each!(self, column => column.put(slot, text, encoding))
    }

    fn push_vector(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        each!(self, column => column.push_vector(vector, encoding))
    }

    fn put_vector(&mut self, slot: usize, vector: Vector<'_>, encoding: Encoding) -> Result<Option<usize>, Reason> {
        each!(self, column => column.put_vector(slot, vector, encoding))
    }

    #[inline(always)]
    fn take(&mut self, slot: usize, text: &[u8], ends: Ends, encoding: Encoding) -> Taken {
        each!(self, column => column.take(slot, text, ends, encoding))
    }

    #[inline]
    fn len(&self) -> usize {
        each!(self, column => column.len())
    }

    fn pad(&mut self, len: usize) {
        each!(self, column => column.pad(len));
    }

    fn truncate(&mut self, len: usize) {
        each!(self, column => column.truncate(len));
    }

    fn finish(&mut self) -> ArrayRef {
        each!(self, column => column.finish())
    }
}

/// The builder for a declaration: Flag -> Boolean, Number=1 -> a scalar, everything else -> a list split at commas.
pub(crate) fn column_for(number: Number, kind: VcfType) -> AnyColumn {
    match (number, kind) {
        (_, VcfType::Flag) => AnyColumn::Flags(Flags::default()),
        (Number::Count(1), VcfType::Integer) => AnyColumn::Ints(Ints::default()),
        (Number::Count(1), VcfType::Float) => AnyColumn::Floats(Floats::default()),
        (Number::Count(1), _) => AnyColumn::Texts(Texts::default()),
        (_, VcfType::Integer) => AnyColumn::IntLists(List::new(Ints::default(), b',')),
        (_, VcfType::Float) => AnyColumn::FloatLists(List::new(Floats::default(), b',')),
        (_, _) => AnyColumn::TextLists(List::new(Texts::default(), b',')),
    }
}
