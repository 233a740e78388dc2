//! Fields that cannot be divided, as text for the catch-all columns. It must not know why they do not fit.

use std::collections::BTreeMap;
use std::fmt::Write;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// What goes into catch-all columns, and what nobody keeps.
#[derive(Debug, Default)]
pub(super) struct Spill {
    /// Whether the batch has `info.__other` and `calls.__other`.
    pub keeps_info: bool,
    pub keeps_calls: bool,
    /// Text by row.
    pub info: BTreeMap<usize, String>,
    /// Text by position among the calls of all rows.
    pub calls: BTreeMap<usize, String>,
    /// Fields dropped, by column.
    pub dropped: BTreeMap<String, u64>,
}

impl Spill {
    /// Keeps `KEY=v1,v2` for a row.
    pub(super) fn info(&mut self, row: usize, name: &str, values: &ArrayRef) {
        append(self.info.entry(row).or_default(), name, values);
    }

    /// Keeps `KEY=v1,v2` for a call.
    pub(super) fn call(&mut self, call: usize, name: &str, values: &ArrayRef) {
        append(self.calls.entry(call).or_default(), name, values);
    }

    /// Counts a field nobody keeps.
    pub(super) fn drop(&mut self, name: &str) {
        *self.dropped.entry(name.to_owned()).or_default() += 1;
    }

    /// `info.__other` with the kept texts appended.
    pub(super) fn onto_info(&self, other: &StringArray) -> StringArray {
        joined(other, &self.info)
    }

    /// The values of `calls.__other` with the kept texts appended.
    pub(super) fn onto_calls(&self, other: &StringArray) -> StringArray {
        joined(other, &self.calls)
    }
}

fn joined(other: &StringArray, kept: &BTreeMap<usize, String>) -> StringArray {
    if kept.is_empty() {
        return other.clone();
    }
    let mut builder = StringBuilder::with_capacity(other.len(), other.value_data().len());
    for (at, text) in other.iter().enumerate() {
        match (text, kept.get(&at)) {
            (text, None) => builder.append_option(text),
            (Some("" | ".") | None, Some(more)) => builder.append_value(more),
            (Some(text), Some(more)) => builder.append_value(format!("{text};{more}")),
        }
    }
    builder.finish()
}

fn append(text: &mut String, name: &str, values: &ArrayRef) {
    if !text.is_empty() {
        text.push(';');
    }
    let key = name.split_once('.').map_or(name, |(_, key)| key);
    text.push_str(key);
    for at in 0..values.len() {
        text.push(if at == 0 { '=' } else { ',' });
        match values.data_type() {
            _ if values.is_null(at) => text.push('.'),
            DataType::Utf8 => text.push_str(values.as_string::<i32>().value(at)),
            DataType::Float64 => float(text, values.as_primitive::<Float64Type>(), at),
            _ => {
                let shown = ArrayFormatter::try_new(values, &FormatOptions::default()).map(|f| f.value(at).to_string());
                text.push_str(shown.as_deref().unwrap_or("."));
            }
        }
    }
}

fn float(text: &mut String, values: &Float64Array, at: usize) {
    let value = values.value(at);
    let scale = value.abs();
    // Writing to a String cannot fail. Exponents keep very small frequencies short.
    let _ = if scale != 0.0 && scale.is_finite() && !(1e-5..1e16).contains(&scale) {
        write!(text, "{value:e}")
    } else {
        write!(text, "{value}")
    };
}
