//! Columns of numbers, whatever they mean: each value becomes bytes of one width. It must not know types of PostgreSQL.

use datafusion::arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};

use super::column::{Bound, Fixed};

/// The column that `bytes` makes of an array's values.
pub(super) fn column<'a, T: ArrowPrimitiveType, const N: usize>(
    array: &'a PrimitiveArray<T>,
    bytes: impl Fn(T::Native) -> [u8; N] + Send + Sync + 'a,
) -> Bound<'a> {
    let values = array.values().as_ref();
    Box::new(Fixed { nulls: array.nulls(), value: move |row: usize| bytes(values[row]) })
}
