//! The text values of Arrow columns: which columns hold text, a look at all bytes at once, a walk over the values and a
//! copy with some of them replaced. It must not know what is searched for.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, ListArray, StringArray, StringViewArray};
use datafusion::arrow::datatypes::DataType;

use crate::error::{Error, Result};

/// Is it a column this file can search: text, or lists of text?
pub fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) => is_text(item.data_type()),
        _ => false,
    }
}

/// May it hold text in a shape this file cannot search? (Binary columns are ciphertext.)
pub fn is_unsearchable(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) => is_unsearchable(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| is_text(field.data_type()) || is_unsearchable(field.data_type())),
        kind => kind.is_nested() || matches!(kind, DataType::Dictionary(..) | DataType::RunEndEncoded(..)),
    }
}

/// The bytes of all values of `array` in a row, border to border; `None` when they do not lie in one piece.
pub fn bytes(array: &dyn Array) -> Option<&[u8]> {
    fn range(array: &dyn Array, from: usize, to: usize) -> Option<&[u8]> {
        match array.data_type() {
            DataType::Utf8 => {
                let text = array.as_string_opt::<i32>()?;
                let offsets = text.value_offsets();
                text.value_data().get(*offsets.get(from)? as usize..*offsets.get(to)? as usize)
            }
            DataType::List(_) => {
                let list = array.as_list_opt::<i32>()?;
                let offsets = list.value_offsets();
                range(list.values(), *offsets.get(from)? as usize, *offsets.get(to)? as usize)
            }
            _ => None,
        }
    }
    range(array, 0, array.len())
}

/// One text value of a column.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// Row of the column it belongs to.
    pub row: usize,
    /// Where it lies among the innermost values, for [`replace`].
    pub slot: usize,
    pub text: &'a str,
}

/// Calls `see` for every text value of `array`, in order.
pub fn each<'a>(array: &'a dyn Array, mut see: impl FnMut(Value<'a>)) {
    (0..array.len()).for_each(|row| visit(array, row, row, &mut see));
}

fn visit<'a>(array: &'a dyn Array, slot: usize, row: usize, see: &mut impl FnMut(Value<'a>)) {
    if array.is_null(slot) {
        return;
    }
    if let Some(list) = array.as_list_opt::<i32>() {
        let offsets = list.value_offsets();
        let (from, to) = (offsets.get(slot).copied().unwrap_or(0), offsets.get(slot + 1).copied().unwrap_or(0));
        (from as usize..to as usize).for_each(|inner| visit(list.values(), inner, row, see));
    } else if let Some(text) = value(array, slot) {
        see(Value { row, slot, text });
    }
}

fn value(array: &dyn Array, slot: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string_opt::<i32>()?.value(slot)),
        DataType::LargeUtf8 => Some(array.as_string_opt::<i64>()?.value(slot)),
        DataType::Utf8View => Some(array.as_string_view_opt()?.value(slot)),
        _ => None,
    }
}

/// A copy of `array` with the values at some slots replaced. Lists keep their offsets and nulls.
pub fn replace(array: &ArrayRef, new: &HashMap<usize, String>) -> Result<ArrayRef> {
    if let (Some(list), DataType::List(item)) = (array.as_list_opt::<i32>(), array.data_type()) {
        let values = replace(list.values(), new)?;
        let nulls = list.nulls().cloned();
        return Ok(Arc::new(ListArray::try_new(item.clone(), list.offsets().clone(), values, nulls).map_err(Error::from)?));
    }
    let texts = (0..array.len()).map(|slot| {
        let old = if array.is_null(slot) { None } else { value(array, slot) };
        old.map(|old| new.get(&slot).map_or(old, String::as_str))
    });
    Ok(match array.data_type() {
        DataType::Utf8 => Arc::new(texts.collect::<StringArray>()),
        DataType::LargeUtf8 => Arc::new(texts.collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(texts.collect::<StringViewArray>()),
        _ => return Err(Error::internal("a column without text was to be rewritten")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ListBuilder, StringBuilder};
    use datafusion::arrow::datatypes::Field;

    fn nested() -> ArrayRef {
        let mut outer = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
        for row in
            [Some(vec![Some(vec![Some("a"), None]), None]), None, Some(vec![]), Some(vec![Some(vec![Some("b"), Some("c")])])]
        {
            let valid = row.is_some();
            for call in row.unwrap_or_default() {
                let present = call.is_some();
                call.unwrap_or_default().into_iter().for_each(|text| outer.values().values().append_option(text));
                outer.values().append(present);
            }
            outer.append(valid);
        }
        Arc::new(outer.finish())
    }

    fn seen(array: &dyn Array) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        each(array, |value| all.push((value.row, value.text.to_owned())));
        all
    }

    fn pairs(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
        expected.iter().map(|(row, text)| (*row, (*text).to_owned())).collect()
    }

    #[test]
    fn values_of_nested_lists_know_their_row() {
        let array = nested();
        assert_eq!(seen(&array), pairs(&[(0, "a"), (3, "b"), (3, "c")]));
        assert_eq!(seen(&array.slice(1, 3)), pairs(&[(2, "b"), (2, "c")]));
        assert_eq!((bytes(&array), bytes(&array.slice(1, 3))), (Some(&b"abc"[..]), Some(&b"bc"[..])));
    }

    #[test]
    fn replacing_a_value_keeps_lists_and_nulls_also_in_a_slice() {
        let array = nested().slice(1, 3);
        let mut new = HashMap::new();
        each(&array, |value| {
            if value.text == "c" {
                new.insert(value.slot, "[redacted]".to_owned());
            }
        });
        let out = replace(&array, &new).unwrap();
        assert_eq!(seen(&out), pairs(&[(2, "b"), (2, "[redacted]")]));
        assert_eq!((out.data_type(), out.null_count(), out.len()), (array.data_type(), 1, 3));
    }

    #[test]
    fn columns_are_sorted_by_what_they_can_hold() {
        let list = |kind| DataType::List(Arc::new(Field::new("item", kind, true)));
        assert!(is_text(&list(list(DataType::Utf8))) && is_text(&DataType::Utf8View));
        assert!(!is_text(&list(DataType::Int32)) && !is_unsearchable(&list(DataType::Int32)));
        assert!(!is_unsearchable(&DataType::Binary) && !is_unsearchable(&DataType::Boolean));
        let kind = DataType::Struct(vec![Field::new("x", DataType::Utf8, true)].into());
        assert!(is_unsearchable(&kind) && is_unsearchable(&list(kind)));
        let numbers = DataType::Struct(vec![Field::new("x", list(DataType::Int32), true)].into());
        assert!(!is_text(&list(numbers.clone())) && !is_unsearchable(&list(numbers)));
    }

    #[test]
    fn views_are_searched_though_they_do_not_lie_in_one_piece() {
        let array: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a long enough value"), None]));
        assert_eq!(bytes(&array), None);
        assert_eq!(seen(&array).len(), 1);
        let out = replace(&array, &HashMap::from([(0, "x".to_owned())])).unwrap();
        assert_eq!((seen(&out), out.data_type()), (pairs(&[(0, "x")]), &DataType::Utf8View));
    }
}
