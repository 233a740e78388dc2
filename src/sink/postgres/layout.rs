//! Which column of a batch goes where in `variants` and `calls`. It must not know how the bytes travel.

use datafusion::arrow::array::{Array, RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Schema};
use tokio_postgres::types::Type;

use super::genotype::Gt;
use super::rows::{Calls, Rows};
use crate::error::{Error, Result};
use crate::flow::column;
use crate::flow::genotype::is_genotype;
use crate::pgcopy::{Encoder, JsonKind, Object, Spans, Text};

/// Columns of `variants` that a batch column fills as it is, with the type they have.
const TYPED: [(&str, Type); 12] = [
    (column::POS, Type::INT8),
    (column::END_POS, Type::INT8),
    (column::QUAL, Type::FLOAT8),
    (column::ALT_INDEX, Type::INT4),
    (column::CHROM, Type::TEXT),
    (column::IDS, Type::TEXT_ARRAY),
    (column::REF, Type::TEXT),
    (column::ALT, Type::TEXT),
    (column::FILTERS, Type::TEXT_ARRAY),
    (column::ORIG_POS, Type::INT8),
    (column::ORIG_REF, Type::TEXT),
    (column::ORIG_ALT, Type::TEXT),
];

/// What of `info.*` and `calls.*` holds the text of values that no other column took.
const OTHER: &str = "__other";

/// Bytes of a PostgreSQL name.
const LONGEST_NAME: usize = 63;

/// Where every column of a schema goes; made once, before the first batch.
#[derive(Clone, Debug)]
pub struct Layout {
    unit: usize,
    row: usize,
    chrom: usize,
    typed: Vec<(String, usize, Encoder)>,
    info: Vec<(String, usize, JsonKind)>,
    calls: Option<CallsLayout>,
}

#[derive(Clone, Debug)]
struct CallsLayout {
    sample: usize,
    gt: Option<usize>,
    format: Vec<(String, usize, JsonKind)>,
}

impl Layout {
    /// Finds a place for every column, or says for which there is none, one line each. `own` names the `info.*` columns that are
    /// stored as columns of their own.
    pub fn of(schema: &Schema, own: &[String]) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        for name in own.iter().filter(|name| schema.index_of(name).is_err() || !name.starts_with(column::INFO)) {
            mistakes.push(format!("columns: {name} is no info.* column here"));
        }
        let (mut typed, mut info, mut format) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sample, mut gt) = (None, None);
        for (index, field) in schema.fields().iter().enumerate() {
            let (name, kind) = (field.name().as_str(), field.data_type());
            if column::is_internal(name) {
                if name != column::ALT_ENDS && kind != &DataType::UInt32 {
                    mistakes.push(format!("column {name}: arrives as {kind}, must be UInt32"));
                }
            } else if let Some((stored, wanted)) = TYPED.iter().find(|(stored, _)| *stored == name) {
                match Encoder::of(field) {
                    Some(encoder) if &encoder.pg_type() == wanted => typed.push(((*stored).to_owned(), index, encoder)),
                    _ => mistakes.push(format!("column {name}: arrives as {kind}, the table stores {wanted}")),
                }
            } else if name == column::CALLS_SAMPLE {
                sample = Some(index);
                if element(kind) != Some(&DataType::Int32) {
                    mistakes.push(format!("column {name}: arrives as {kind}, must be a list of Int32"));
                }
            } else if name == column::CALLS_GT && element(kind).is_some_and(|kind| is_genotype(kind) || is_text(kind)) {
                gt = Some(index);
            } else if own.iter().any(|own| own == name) {
                match Encoder::of(field).filter(|encoder| own_type(encoder).is_some()) {
                    Some(_) if name.len() > LONGEST_NAME => {
                        mistakes.push(format!("column {name}: a column's name has at most {LONGEST_NAME} bytes"));
                    }
                    Some(encoder) => typed.push((name.to_owned(), index, encoder)),
                    None => mistakes.push(format!("column {name}: {kind} cannot be a column of its own")),
                }
            } else if let Some(id) = name.strip_prefix(column::INFO) {
                match JsonKind::of(kind) {
                    Some(json) => info.push((id.to_owned(), index, json)),
                    None => mistakes.push(format!("column {name}: {kind} cannot be stored")),
                }
            } else if let Some(id) = name.strip_prefix(column::CALLS) {
                match element(kind).and_then(JsonKind::of) {
                    Some(json) => format.push((id.to_owned(), index, json)),
                    None => mistakes
                        .push(format!("column {name}: {kind} cannot be stored, it must be a list with one element a call")),
                }
            } else {
                mistakes.push(format!("column {name}: variants has no such column; name it {}{name} to store it", column::INFO));
            }
        }
        let mut need = |name: &str| {
            schema.index_of(name).unwrap_or_else(|_| {
                mistakes.push(format!("column {name} is missing"));
                0
            })
        };
        let (unit, row, chrom, _pos) = (need(column::UNIT), need(column::ROW), need(column::CHROM), need(column::POS));
        if sample.is_none() && (gt.is_some() || !format.is_empty()) {
            mistakes.push(format!("column {} is missing beside other calls.* columns", column::CALLS_SAMPLE));
        }
        let calls = sample.map(|sample| CallsLayout { sample, gt, format });
        if mistakes.is_empty() { Ok(Self { unit, row, chrom, typed, info, calls }) } else { Err(mistakes) }
    }

    /// Columns of `variants` in the order they are written.
    pub fn variants_columns(&self) -> Vec<&str> {
        let mut columns = vec!["load_id", "variant_id", "contig"];
        columns.extend(self.typed.iter().map(|(name, _, _)| name.as_str()));
        columns.push("info");
        columns
    }

    /// The `info.*` columns that are stored as columns of their own, and the names of their types.
    pub fn own_columns(&self) -> Vec<(&str, String)> {
        let own = self.typed.iter().filter(|(name, ..)| name.starts_with(column::INFO));
        own.filter_map(|(name, _, encoder)| Some((name.as_str(), own_type(encoder)?))).collect()
    }

    /// Looks at a batch's values through this layout.
    pub fn bind<'a>(&self, batch: &'a RecordBatch) -> Result<Rows<'a>> {
        self.try_bind(batch).ok_or_else(|| Error::internal("a batch does not have the schema the sink was opened with"))
    }

    fn try_bind<'a>(&self, batch: &'a RecordBatch) -> Option<Rows<'a>> {
        let array = |index: usize| batch.columns().get(index).map(|array| array.as_ref());
        // JSON leaves nulls out, so a column without anything else costs no row anything.
        let holds = |values: &dyn Array| values.null_count() < values.len();
        let calls = match &self.calls {
            None => None,
            Some(calls) => {
                let (samples, numbers) = Spans::bind(array(calls.sample)?)?;
                let gt = match calls.gt {
                    None => None,
                    Some(index) => {
                        let (spans, values) = Spans::bind(array(index)?)?;
                        Some((spans, Gt::bind(values)?))
                    }
                };
                let (mut spans, mut fields) = (Vec::new(), Vec::new());
                for (id, index, json) in &calls.format {
                    let (span, values) = Spans::bind(array(*index)?)?;
                    if holds(values) {
                        spans.push(span);
                        fields.push((id.clone(), json.bind(values)?));
                    }
                }
                Some(Calls {
                    samples,
                    numbers: numbers.as_any().downcast_ref()?,
                    gt,
                    spans,
                    format: Object::new(fields).with_loose(OTHER),
                })
            }
        };
        let mut info = Vec::new();
        for (id, index, json) in &self.info {
            let values = array(*index)?;
            if holds(values) {
                info.push((id.clone(), json.bind(values)?));
            }
        }
        Some(Rows {
            unit: array(self.unit)?.as_any().downcast_ref().filter(|units: &&UInt32Array| units.null_count() == 0)?,
            line: array(self.row)?.as_any().downcast_ref().filter(|lines: &&UInt32Array| lines.null_count() == 0)?,
            chrom: Text::bind(array(self.chrom)?)?,
            typed: self.typed.iter().map(|(_, index, encoder)| encoder.bind(array(*index)?)).collect::<Option<_>>()?,
            info: Object::new(info).with_loose(OTHER),
            calls,
        })
    }
}

/// The type of a column of its own; `None` where only JSON holds the values.
fn own_type(encoder: &Encoder) -> Option<String> {
    match encoder {
        Encoder::List(item) => own_type(item).map(|item| item + "[]"),
        scalar => match scalar.pg_type() {
            // Of jsonb the server gives back another text than it was sent, and ciphertext stays marked as such in `info`.
            Type::JSONB | Type::BYTEA => None,
            kind => Some(kind.name().to_owned()),
        },
    }
}

fn element(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) => Some(item.data_type()),
        _ => None,
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn every_mistake_is_told() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        let schema = Schema::new(vec![
            Field::new(column::CHROM, DataType::Utf8, false),
            Field::new(column::POS, DataType::Utf8, false),
            Field::new(column::UNIT, DataType::UInt32, false),
            Field::new("info.X", DataType::Null, true),
            Field::new("calls.GT", list, true),
            Field::new("score", DataType::Float64, true),
        ]);
        let mistakes = Layout::of(&schema, &["info.Y".into()]).unwrap_err();
        for part in [
            "columns: info.Y",
            "column pos",
            "column info.X",
            "column score",
            "column __row is missing",
            "column calls.__sample is missing",
        ] {
            assert!(mistakes.iter().any(|line| line.starts_with(part)), "{part}: {mistakes:?}");
        }
        assert_eq!(mistakes.len(), 6);
    }
}
