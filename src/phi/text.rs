//! The text values of Arrow columns: which columns hold text, a look at all bytes at once, a walk over the values and a
//! copy with some of them replaced. It must not know what is searched for.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, LargeStringArray, ListArray, StringArray, StringViewArray, StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field};

use crate::error::{Error, Result};

/// Is it a column this file can search: text, lists of text, or structs with text?
pub fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) => is_text(item.data_type()),
        DataType::Struct(children) => children.iter().any(|child| is_text(child.data_type())),
        _ => false,
    }
}

/// May it hold text in a shape this file cannot search? (Binary columns are ciphertext.)
pub fn is_unsearchable(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) => is_unsearchable(item.data_type()),
        DataType::Struct(children) => children.iter().any(|child| is_unsearchable(child.data_type())),
        kind => kind.is_nested() || matches!(kind, DataType::Dictionary(..) | DataType::RunEndEncoded(..)),
    }
}

/// The bytes of all values of `array` in a row, border to border; `None` when they do not lie in one piece.
fn bytes(array: &dyn Array) -> Option<&[u8]> {
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

/// Calls `see` for every text value of `array`: in order, and of structs one child after the other.
pub fn each(array: &ArrayRef, see: impl FnMut(Value<'_>)) {
    each_where(array, |_| true, see);
}

/// The same, but passes over all that lies in one piece whose bytes `may` not hold what is looked for.
pub fn each_where(array: &ArrayRef, may: impl Fn(&[u8]) -> bool, mut see: impl FnMut(Value<'_>)) {
    for (base, leaf) in leaves(array) {
        if bytes(&leaf).is_none_or(&may) {
            (0..leaf.len()).for_each(|row| visit(&leaf, row, row, &mut |value| see(Value { slot: base + value.slot, ..value })));
        }
    }
}

/// The text of a column as columns without structs, each with the number of its first slot.
fn leaves(array: &ArrayRef) -> Vec<(usize, ArrayRef)> {
    if let Some(list) = array.as_list_opt::<i32>() {
        // Cannot panic: these offsets fitted as many values, and the item may be null.
        let around = |values: ArrayRef| -> ArrayRef {
            let item = Arc::new(Field::new("item", values.data_type().clone(), true));
            Arc::new(ListArray::new(item, list.offsets().clone(), values, list.nulls().cloned()))
        };
        return leaves(list.values()).into_iter().map(|(base, values)| (base, around(values))).collect();
    }
    if let Some(children) = array.as_struct_opt() {
        let mut base = 0;
        let mut all = Vec::new();
        for child in children.columns() {
            all.extend(leaves(child).into_iter().map(|(inner, leaf)| (base + inner, leaf)));
            base += slots(child);
        }
        return all;
    }
    if is_text(array.data_type()) { vec![(0, array.clone())] } else { Vec::new() }
}

/// How many slots a column has.
fn slots(array: &ArrayRef) -> usize {
    match (array.as_list_opt::<i32>(), array.as_struct_opt()) {
        (Some(list), _) => slots(list.values()),
        (_, Some(children)) => children.columns().iter().map(slots).sum(),
        _ => array.len(),
    }
}

fn visit<'a>(array: &'a dyn Array, slot: usize, row: usize, see: &mut dyn FnMut(Value<'a>)) {
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

/// A copy of `array` with the values at some slots replaced. Lists and structs keep their offsets and nulls.
pub fn replace(array: &ArrayRef, new: &HashMap<usize, String>) -> Result<ArrayRef> {
    replaced(array, new, 0)
}

fn replaced(array: &ArrayRef, new: &HashMap<usize, String>, base: usize) -> Result<ArrayRef> {
    if let (Some(structs), DataType::Struct(fields)) = (array.as_struct_opt(), array.data_type()) {
        let mut base = base;
        let mut columns = Vec::with_capacity(fields.len());
        for child in structs.columns() {
            let text = is_text(child.data_type());
            columns.push(if text { replaced(child, new, base)? } else { child.clone() });
            base += slots(child);
        }
        let structs = StructArray::try_new_with_length(fields.clone(), columns, structs.nulls().cloned(), structs.len());
        return Ok(Arc::new(structs.map_err(Error::from)?));
    }
    if let (Some(list), DataType::List(item)) = (array.as_list_opt::<i32>(), array.data_type()) {
        let values = replaced(list.values(), new, base)?;
        let nulls = list.nulls().cloned();
        return Ok(Arc::new(ListArray::try_new(item.clone(), list.offsets().clone(), values, nulls).map_err(Error::from)?));
    }
    let texts = (0..array.len()).map(|slot| {
        let old = if array.is_null(slot) { None } else { value(array, slot) };
        old.map(|old| new.get(&(base + slot)).map_or(old, String::as_str))
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

    fn seen(array: &ArrayRef) -> Vec<(usize, String)> {
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
        assert!(is_text(&kind) && is_text(&list(kind.clone())) && !is_unsearchable(&list(kind)));
        let map = Field::new("entries", DataType::Struct(vec![Field::new("k", DataType::Utf8, false)].into()), false);
        assert!(is_unsearchable(&DataType::Map(Arc::new(map.clone()), false)));
        let inside = DataType::Struct(vec![Field::new("m", DataType::Map(Arc::new(map), false), true)].into());
        assert!(is_unsearchable(&list(inside)));
        let numbers = DataType::Struct(vec![Field::new("x", list(DataType::Int32), true)].into());
        assert!(!is_text(&list(numbers.clone())) && !is_unsearchable(&list(numbers)));
    }

    /// Two rows of entries `{ n, a, [b] }`.
    fn structs() -> ArrayRef {
        let texts = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let mut lists = ListBuilder::new(StringBuilder::new());
        [&["p", "q"][..], &[], &["r"]].iter().for_each(|row| lists.append_value(row.iter().map(|text| Some(*text))));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(datafusion::arrow::array::Int32Array::from(vec![1, 2, 3])),
            texts(&["a", "b", "c"]),
            Arc::new(lists.finish()),
        ];
        let fields: Vec<Field> =
            columns.iter().zip(["n", "a", "b"]).map(|(array, name)| Field::new(name, array.data_type().clone(), true)).collect();
        let entries = StructArray::new(fields.into(), columns, None);
        let item = Arc::new(Field::new("item", entries.data_type().clone(), true));
        let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([1, 0, 2]);
        Arc::new(ListArray::new(item, offsets, Arc::new(entries), None))
    }

    #[test]
    fn structs_are_searched_and_rewritten_child_by_child() {
        for (array, first) in [(structs(), 0), (structs().slice(1, 2), 1)] {
            let all = [(0, "a"), (2, "b"), (2, "c"), (0, "p"), (0, "q"), (2, "r")];
            let expected: Vec<_> = all.iter().filter(|(row, _)| *row >= first).map(|(row, text)| (row - first, *text)).collect();
            assert_eq!(seen(&array), pairs(&expected));
            let mut new = HashMap::new();
            each(&array, |value| {
                if ["c", "r"].contains(&value.text) {
                    new.insert(value.slot, value.text.to_uppercase());
                }
            });
            let out = replace(&array, &new).unwrap();
            let rewritten: Vec<_> = expected
                .iter()
                .map(|(row, text)| (*row, if ["c", "r"].contains(text) { text.to_uppercase() } else { (*text).to_owned() }))
                .collect();
            assert_eq!((seen(&out), out.data_type()), (rewritten, array.data_type()));
        }
        let mut few = Vec::new();
        each_where(&structs(), |bytes| bytes.contains(&b'q'), |value| few.push(value.text.to_owned()));
        assert_eq!(few, ["p", "q", "r"]);
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
