//! Boolean -> bool: one byte. It must not know other types.

use datafusion::arrow::array::{Array, BooleanArray};

use super::column::{Bound, Fixed};

/// A Boolean column.
#[derive(Clone, Copy)]
pub struct Bools<'a>(pub(super) &'a BooleanArray);

impl<'a> Bools<'a> {
    pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
        array.as_any().downcast_ref().map(Self)
    }

    pub(super) fn column(self) -> Bound<'a> {
        let (bits, nulls) = (self.0.values(), self.0.nulls());
        let (bytes, offset) = (bits.values(), bits.offset());
        Box::new(Fixed { nulls, value: move |row: usize| [bytes[(row + offset) / 8] >> ((row + offset) % 8) & 1] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    #[test]
    fn golden() {
        assert_eq!(fields(&BooleanArray::from(vec![true, false])), [0, 0, 0, 1, 1, 0, 0, 0, 1, 0]);
        assert_eq!(fields(&BooleanArray::from(vec![None, Some(true)])), [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1]);
    }
}
