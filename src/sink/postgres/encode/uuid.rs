//! FixedSizeBinary(16) -> uuid. It must not know other types.

use datafusion::arrow::array::{Array, FixedSizeBinaryArray};

use super::Buffer;

/// A column of UUIDs.
pub struct Uuids<'a>(&'a FixedSizeBinaryArray);

impl<'a> Uuids<'a> {
    pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
        array.as_any().downcast_ref::<FixedSizeBinaryArray>().filter(|values| values.value_length() == 16).map(Self)
    }

    #[inline]
    pub(super) fn put(&self, row: usize, out: &mut Buffer) {
        if self.0.is_null(row) { out.null() } else { out.field(self.0.value(row)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        let id = [7u8; 16];
        let plain = FixedSizeBinaryArray::try_from_iter([id].into_iter()).unwrap();
        assert_eq!(fields(&plain), [&[0, 0, 0, 16][..], &id].concat());
        let nullable = FixedSizeBinaryArray::try_from_sparse_iter_with_size([None, Some(id)].into_iter(), 16).unwrap();
        assert_eq!(fields(&nullable), [&NULL[..], &[0, 0, 0, 16], &id].concat());
    }
}
