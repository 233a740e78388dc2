//! Columns that nobody filled: one array of nulls serves all of a kind. It must not know fields.

use std::mem::{Discriminant, discriminant};

use datafusion::arrow::array::ArrayRef;

use super::{AnyColumn, Column};

/// The arrays of nulls of one batch, all of one length.
#[derive(Default)]
pub(crate) struct Blanks(Vec<(Discriminant<AnyColumn>, ArrayRef)>);

impl Blanks {
    /// The finished array of `len` slots: what was filled padded to its end, else what other columns of its kind have got;
    /// `wrapped` says what becomes of an array.
    pub(crate) fn finish(&mut self, column: &mut AnyColumn, len: usize, wrapped: impl FnOnce(ArrayRef) -> ArrayRef) -> ArrayRef {
        if column.len() > 0 {
            column.pad(len);
            return wrapped(column.finish());
        }
        let kind = discriminant(column);
        if let Some((_, array)) = self.0.iter().find(|(known, _)| *known == kind) {
            return array.clone();
        }
        column.pad(len);
        let array = wrapped(column.finish());
        self.0.push((kind, array.clone()));
        array
    }
}
