//! Where the elements of a list column lie. It must not know what they are.

use std::ops::Range;

use datafusion::arrow::array::{Array, GenericListArray, LargeListArray, ListArray, OffsetSizeTrait};

/// Where each row's elements lie among the values.
pub enum Spans<'a> {
    Small(&'a ListArray),
    Large(&'a LargeListArray),
}

impl<'a> Spans<'a> {
    /// Looks at a list array and its values.
    pub fn bind(array: &'a dyn Array) -> Option<(Self, &'a dyn Array)> {
        let any = array.as_any();
        if let Some(list) = any.downcast_ref::<ListArray>() {
            return Some((Self::Small(list), list.values().as_ref()));
        }
        let list = any.downcast_ref::<LargeListArray>()?;
        Some((Self::Large(list), list.values().as_ref()))
    }

    /// The elements of a row, `None` for a null list.
    #[inline]
    pub fn get(&self, row: usize) -> Option<Range<usize>> {
        match self {
            Self::Small(list) => span(list, row),
            Self::Large(list) => span(list, row),
        }
    }
}

#[inline]
fn span<O: OffsetSizeTrait>(list: &GenericListArray<O>, row: usize) -> Option<Range<usize>> {
    let offsets = list.value_offsets();
    list.is_valid(row).then(|| offsets[row].as_usize()..offsets[row + 1].as_usize())
}
