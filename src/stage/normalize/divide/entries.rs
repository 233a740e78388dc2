//! Annotation entries of divided rows: those about the row's own allele, and those that name none. It must not know which
//! tool wrote them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Int32Type};

use super::by_number::Rows;
use super::info::extent;
use crate::error::{Error, Result};
use crate::flow::annotation::ALT_INDEX;

/// Sub-fields a divided batch may have: entries that name no ALT stand in the rows of all.
const MOST_CELLS: usize = 1 << 27;

/// The entries of each row. `alt_index` stays the allele's number in the file, as the row's own does.
pub(super) fn divide(list: &ListArray, rows: &Rows) -> Result<ArrayRef> {
    let unplanned = || Error::internal("a batch does not have the planned schema");
    let DataType::List(item) = list.data_type() else { return Err(unplanned()) };
    let entries = list.values().as_struct_opt().ok_or_else(unplanned)?;
    let about = entries.column_by_name(ALT_INDEX).and_then(|about| about.as_primitive_opt::<Int32Type>());
    let about = about.ok_or_else(unplanned)?;
    let mut positions = Vec::with_capacity(entries.len());
    let mut lengths = Vec::with_capacity(rows.source.len());
    for (&source, &alt) in rows.source.iter().zip(&rows.alt) {
        let before = positions.len();
        if list.is_valid(source as usize) {
            let (start, len) = extent(list, source as usize);
            let own = |at: &usize| alt == 0 || about.is_null(*at) || i64::from(about.value(*at)) == i64::from(alt);
            positions.extend((start..start + len).filter(own).map(|at| at as u32));
        }
        lengths.push(positions.len() - before);
        if positions.len().saturating_mul(entries.num_columns()) > MOST_CELLS {
            return Err(Error::failed("a record's annotation entries times its ALTs are too many to be divided")
                .with_hint("load the annotation as text"));
        }
    }
    let nulls = list.nulls().map(|nulls| rows.source.iter().map(|&source| nulls.is_valid(source as usize)).collect());
    let taken = take(list.values(), &UInt32Array::from(positions), None)?;
    Ok(Arc::new(ListArray::try_new(item.clone(), OffsetBuffer::from_lengths(lengths), taken, nulls)?))
}
