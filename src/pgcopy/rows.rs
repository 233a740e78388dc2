//! Whole batches to tuples: every column of the schema, in order. It must not know which table they are for.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::buffer::Buffer;
use super::column::Column;
use super::encoder::Encoder;
use crate::error::{Error, Result};

/// Encodes batches of one schema.
#[derive(Debug)]
pub struct RowEncoder {
    columns: Vec<Encoder>,
}

impl RowEncoder {
    /// Chooses an encoder for every column. Class `internal` when a type has none.
    pub fn new(schema: &Schema) -> Result<Self> {
        let choose = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| {
            Encoder::of(field)
                .ok_or_else(|| Error::internal(format!("column {}: no PostgreSQL type for {}", field.name(), field.data_type())))
        };
        Ok(Self { columns: schema.fields().iter().map(choose).collect::<Result<_>>()? })
    }

    /// Appends every row from `from` on until the buffer is full. Returns the first row not written.
    pub fn encode(&self, batch: &RecordBatch, from: usize, out: &mut Buffer) -> Result<usize> {
        let columns = self.columns.iter().zip(batch.columns());
        let mut bound = Some(columns)
            .filter(|columns| columns.len() == self.columns.len())
            .and_then(|columns| columns.map(|(encoder, array)| encoder.bind(array.as_ref())).collect::<Option<Vec<_>>>())
            .ok_or_else(|| Error::internal("a batch does not have the schema it was announced with"))?;
        let mut columns: Vec<&mut dyn Column> = bound.iter_mut().map(|column| &mut **column as _).collect();
        out.put(&mut columns, from..batch.num_rows()).map_err(|found| Error::input(found.fault.reason()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::*;
    use datafusion::arrow::datatypes::{DataType, Field};
    use proptest::prelude::*;

    use super::super::testing::fields;
    use super::*;

    #[test]
    fn a_full_buffer_stops_between_rows() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false), Field::new("t", DataType::Utf8, true)]));
        let long = "x".repeat(1 << 20);
        let text = StringArray::from(vec![long.as_str(); 6]);
        let batch =
            RecordBatch::try_new(schema.clone(), vec![Arc::new(Int32Array::from_iter_values(0..6)), Arc::new(text)]).unwrap();
        let encoder = RowEncoder::new(&schema).unwrap();
        let mut out = Buffer::default();
        let first = encoder.encode(&batch, 0, &mut out).unwrap();
        assert_eq!((first, out.row_count()), (4, 4));
        out.take();
        assert_eq!(encoder.encode(&batch, first, &mut out).unwrap(), 6);
        assert_eq!(out.row_count(), 2);
    }

    prop_compose! {
        /// A batch of every kind of column, long texts and nulls among them, and a slice of it: offsets must not matter.
        fn batches()(rows in prop::collection::vec(
            (any::<Option<i64>>(), any::<i32>(), any::<Option<bool>>(), prop::option::of("[ -é]{0,40}"),
             prop::option::of(prop::collection::vec(prop::option::of("[A-Z]{0,20}"), 0..4))), 1..300,
        ), cut in any::<prop::sample::Index>()) -> RecordBatch {
            let mut lists = ListBuilder::new(StringBuilder::new());
            rows.iter().for_each(|row| lists.append_option(row.4.clone()));
            let lists: ArrayRef = Arc::new(lists.finish());
            let nested = StructArray::from(vec![(Arc::new(Field::new("list", lists.data_type().clone(), true)), lists.clone())]);
            let texts: Vec<_> = rows.iter().map(|row| row.3.as_deref()).collect();
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("text", Arc::new(StringArray::from(texts.clone()))),
                ("long", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0)))),
                ("large", Arc::new(LargeStringArray::from(texts.clone()))),
                ("int", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1)))),
                ("view", Arc::new(StringViewArray::from(texts.clone()))),
                ("bytes", Arc::new(BinaryArray::from_iter(texts.iter().map(|text| text.map(str::as_bytes))))),
                ("list", lists),
                ("exact", Arc::new(Decimal128Array::from_iter(rows.iter().map(|row| row.0.map(i128::from)))
                    .with_precision_and_scale(38, 3).unwrap())),
                ("nested", Arc::new(nested)),
                ("bool", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.2)))),
                ("last", Arc::new(StringArray::from(texts))),
            ];
            let from = cut.index(rows.len());
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
                .slice(from, rows.len() - from)
        }
    }

    proptest! {
        /// Columns by the block write what fields one by one are, wherever a buffer is full.
        #[test]
        fn blocks_are_the_fields_one_by_one(batch in batches(), limit in 20..20_000usize) {
            let encoder = RowEncoder::new(&batch.schema()).unwrap();
            let one_by_one = (0..batch.num_rows()).flat_map(|row| {
                let fields = batch.columns().iter().flat_map(move |column| fields(&column.slice(row, 1)));
                (batch.num_columns() as u16).to_be_bytes().into_iter().chain(fields)
            });
            let (mut out, mut written, mut row) = (Buffer::default().with_limit(limit), Vec::new(), 0);
            while row < batch.num_rows() {
                let next = encoder.encode(&batch, row, &mut out).unwrap();
                prop_assert!(next > row && (next == batch.num_rows() || out.is_full()));
                row = next;
                written.extend(out.take_piece());
            }
            let header = Buffer::default().take_piece();
            let one_by_one: Vec<u8> = header.into_iter().chain(one_by_one).collect();
            prop_assert_eq!(written, one_by_one);
        }
    }
}
