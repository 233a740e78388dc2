//! Binary of any layout -> bytea. It must not know other types.

use datafusion::arrow::array::{Array, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray};

use super::column::{Bound, Varying};

/// A column of bytes.
pub enum Bytes<'a> {
    Binary(&'a BinaryArray),
    Large(&'a LargeBinaryArray),
    View(&'a BinaryViewArray),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Bytes<'a> {
    pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
        let any = array.as_any();
        None.or_else(|| any.downcast_ref().map(Self::Binary))
            .or_else(|| any.downcast_ref().map(Self::Large))
            .or_else(|| any.downcast_ref().map(Self::View))
            .or_else(|| any.downcast_ref().map(Self::Fixed))
    }

    pub(super) fn get(&self, row: usize) -> Option<&'a [u8]> {
        match self {
            Self::Binary(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Large(values) => values.is_valid(row).then(|| values.value(row)),
            Self::View(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Fixed(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }

    pub(super) fn column(self) -> Bound<'a> {
        Box::new(Varying { value: move |row: usize| self.get(row) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        let plain = [0, 0, 0, 2, 0, 9, 0, 0, 0, 0];
        assert_eq!(fields(&BinaryArray::from_vec(vec![&[0, 9], &[]])), plain);
        assert_eq!(fields(&LargeBinaryArray::from_vec(vec![&[0, 9], &[]])), plain);
        assert_eq!(fields(&BinaryViewArray::from_iter_values([&[0u8, 9][..], &[]])), plain);
        let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size([None, Some([1u8, 2])].into_iter(), 2).unwrap();
        assert_eq!(fields(&fixed), [&NULL[..], &[0, 0, 0, 2, 1, 2]].concat());
        assert_eq!(fields(&BinaryArray::from_opt_vec(vec![None, Some(&[1])])), [&NULL[..], &[0, 0, 0, 1, 1]].concat());
    }
}
