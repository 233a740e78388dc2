//! FixedSizeBinary(16) -> uuid. It must not know other types.

use datafusion::arrow::array::{Array, FixedSizeBinaryArray};

use super::column::{Bound, Fixed};

pub(super) fn bind<'a>(array: &'a dyn Array) -> Option<Bound<'a>> {
    let array = array.as_any().downcast_ref::<FixedSizeBinaryArray>().filter(|array| array.value_length() == 16)?;
    Some(Box::new(Fixed { nulls: array.nulls(), value: |row: usize| array.value(row).try_into().unwrap_or([0; 16]) }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NULL, fields};
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
