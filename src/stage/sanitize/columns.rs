//! Checks every value of a text column, keeping lists as they are. It must not know which rule a column has.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;

use super::rule::{Check, Verdict};
use crate::error::{Error, Result};

/// Does the type hold text, at any depth of lists and structs?
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => is_text(item.data_type()),
        DataType::Struct(children) => children.iter().any(|child| is_text(child.data_type())),
        _ => false,
    }
}

/// Can values of this type be checked? Other text types come from expressions.
pub(super) fn is_checkable(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 => true,
        DataType::List(item) => is_checkable(item.data_type()),
        _ => false,
    }
}

/// The column with unfit values null, and how many values were changed or nulled.
pub(super) fn checked(values: &ArrayRef, check: &Check) -> Result<(ArrayRef, u64)> {
    if let Some(list) = values.as_list_opt::<i32>() {
        let DataType::List(field) = list.data_type() else { return Err(unplanned()) };
        let (items, dropped) = checked(list.values(), check)?;
        if dropped == 0 {
            return Ok((values.clone(), 0));
        }
        let list = ListArray::try_new(field.clone(), list.offsets().clone(), items, list.nulls().cloned())?;
        return Ok((Arc::new(list), dropped));
    }
    let texts = values.as_string_opt::<i32>().ok_or_else(unplanned)?;
    let Some(first) = (0..texts.len()).find(|&at| !texts.is_null(at) && check.verdict(texts.value(at)) != Verdict::Fits) else {
        return Ok((values.clone(), 0));
    };
    Ok(rebuilt(texts, check, first))
}

fn unplanned() -> Error {
    Error::internal("a text column does not have the planned type")
}

fn rebuilt(texts: &StringArray, check: &Check, first: usize) -> (ArrayRef, u64) {
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut dropped = 0;
    for at in 0..texts.len() {
        if texts.is_null(at) {
            builder.append_null();
            continue;
        }
        let text = texts.value(at);
        match if at < first { Verdict::Fits } else { check.verdict(text) } {
            Verdict::Fits => builder.append_value(text),
            Verdict::Changed(kept) => {
                builder.append_value(kept);
                dropped += 1;
            }
            Verdict::Unfit => {
                builder.append_null();
                dropped += 1;
            }
        }
    }
    (Arc::new(builder.finish()), dropped)
}
