//! Annotation entries whose sub-fields have a rule each: which children stay under which name, and the check of every value.
//! It must not know how the entries were read.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};

use super::columns::{checked, is_checkable, is_text};
use super::rule::{Check, Subfields, Verdict};
use super::symbols::is_accession;
use crate::error::{Error, Result};
use crate::flow::annotation::{ALT_INDEX, entries_of};
use crate::phi::text;

/// Children that the reader adds: they hold no text and say nothing of a person.
const READERS_OWN: [&str; 3] = [ALT_INDEX, "after_stop", "see_pos"];

/// The children of entries that can be checked; `None` when the type is no list of entries, or one of its children is of a
/// shape that nobody can check.
fn children(kind: &DataType) -> Option<&[FieldRef]> {
    let children = entries_of(kind)?;
    let fits = |child: &FieldRef| match child.data_type() {
        DataType::List(item) => !item.data_type().is_nested(),
        kind => !kind.is_nested(),
    };
    let plain = |child: &FieldRef| !is_text(child.data_type()) || is_checkable(child.data_type());
    children.iter().all(|child| fits(child) && plain(child)).then_some(children)
}

/// The checked column's type. The name of a sub-field comes from a description, which is free text: one that the policy does
/// not know becomes `field_N`, as in the header line.
pub(super) fn checked_type(kind: &DataType, subfields: &Subfields) -> Option<DataType> {
    let DataType::List(item) = kind else { return None };
    let named = children(kind)?.iter().enumerate().map(|(at, child)| {
        let known = READERS_OWN.contains(&child.name().as_str()) || subfields.rule(child.name()).is_some();
        let name = if known { child.name().clone() } else { format!("field_{at}") };
        Field::new(name, child.data_type().clone(), true)
    });
    let entry = DataType::Struct(named.collect::<Fields>());
    Some(DataType::List(Arc::new(Field::new(item.name(), entry, true))))
}

/// The check of each child; `None` for those that need none: no text, and no rule to hold them to.
pub(super) fn checks(kind: &DataType, subfields: &Subfields) -> Option<Vec<Option<Check>>> {
    let one = |child: &FieldRef| {
        let rule = subfields.rule(child.name());
        match child.data_type() {
            kind if is_text(kind) => Some(Check::Rule(rule.unwrap_or(&subfields.otherwise).clone())),
            // A number was text, too: what its rule would not have let through does not get through as a number.
            DataType::Int32 if !READERS_OWN.contains(&child.name().as_str()) => rule.map(|rule| Check::Rule(rule.clone())),
            _ => None,
        }
    };
    Some(children(kind)?.iter().map(one).collect())
}

/// The column with unfit values null, of the type `output`, and how many values were nulled.
pub(super) fn checked_entries(values: &ArrayRef, checks: &[Option<Check>], output: &DataType) -> Result<(ArrayRef, u64)> {
    let unplanned = || Error::internal("an annotation column does not have the planned type");
    let (list, DataType::List(item)) = (values.as_list_opt::<i32>().ok_or_else(unplanned)?, output) else {
        return Err(unplanned());
    };
    let (entries, DataType::Struct(fields)) = (list.values().as_struct_opt().ok_or_else(unplanned)?, item.data_type()) else {
        return Err(unplanned());
    };
    if entries.num_columns() != checks.len() {
        return Err(unplanned());
    }
    let (mut columns, mut dropped) = (Vec::with_capacity(checks.len()), 0);
    for (column, check) in entries.columns().iter().zip(checks) {
        let (kept, count) = match (check, column.as_primitive_opt::<Int32Type>()) {
            (None, _) => (column.clone(), 0),
            (Some(check), Some(numbers)) => checked_numbers(numbers, check),
            (Some(check), None) if check.has_symbols() => checked_symbols(entries, column, check)?,
            (Some(check), None) => checked(column, check)?,
        };
        dropped += count;
        columns.push(kept);
    }
    let entries = StructArray::try_new_with_length(fields.clone(), columns, entries.nulls().cloned(), entries.len())?;
    let list = ListArray::try_new(item.clone(), list.offsets().clone(), Arc::new(entries), list.nulls().cloned())?;
    Ok((Arc::new(list), dropped))
}

/// Symbols: one of an entry that holds an accession needs the form only.
fn checked_symbols(entries: &StructArray, column: &ArrayRef, check: &Check) -> Result<(ArrayRef, u64)> {
    let (kept, dropped) = checked(column, check)?;
    if dropped == 0 {
        return Ok((kept, 0));
    }
    let mut held = vec![false; entries.len()];
    for other in entries.columns() {
        text::each(other, |value| held[value.row] |= is_accession(value.text));
    }
    // Values that fit beside an accession, by their slot; the others are gone already.
    let mut spared = HashMap::new();
    text::each(column, |value| {
        if held.get(value.row) == Some(&true) && check.fits_beside(value.text) {
            spared.insert(value.slot, value.text.to_owned());
        }
    });
    let again = |texts: &StringArray| {
        let mut back = 0;
        let texts: StringArray = (0..texts.len())
            .map(|slot| match (texts.is_valid(slot), spared.get(&slot)) {
                (true, _) => Some(texts.value(slot)),
                (false, Some(text)) => {
                    back += 1;
                    Some(text.as_str())
                }
                (false, None) => None,
            })
            .collect();
        (texts, back)
    };
    Ok(match (kept.as_string_opt::<i32>(), kept.as_list_opt::<i32>()) {
        (Some(texts), _) => {
            let (texts, back) = again(texts);
            (Arc::new(texts), dropped - back)
        }
        (_, Some(list)) => match (list.values().as_string_opt::<i32>(), list.data_type()) {
            (Some(texts), DataType::List(item)) => {
                let (texts, back) = again(texts);
                let list = ListArray::try_new(item.clone(), list.offsets().clone(), Arc::new(texts), list.nulls().cloned())?;
                (Arc::new(list), dropped - back)
            }
            _ => (kept, dropped),
        },
        _ => (kept, dropped),
    })
}

fn checked_numbers(numbers: &Int32Array, check: &Check) -> (ArrayRef, u64) {
    let (mut text, mut dropped) = (String::new(), 0);
    let mut fits = |number: i32| {
        text.clear();
        // Writing to a String cannot fail.
        let _ = write!(text, "{number}");
        check.verdict(&text, &mut Vec::new()) == Verdict::Fits
    };
    let kept: Int32Array = numbers
        .iter()
        .map(|number| {
            let fits = number.is_none_or(&mut fits);
            dropped += u64::from(!fits);
            number.filter(|_| fits)
        })
        .collect();
    (Arc::new(kept), dropped)
}
