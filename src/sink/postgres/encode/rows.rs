//! Whole batches to tuples: every column of the schema, in order. It must not know which table they are for.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::{Buffer, Encoder};
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
        let bound = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(encoder, array)| encoder.bind(array.as_ref()))
            .collect::<Option<Vec<_>>>()
            .filter(|bound| bound.len() == self.columns.len())
            .ok_or_else(|| Error::internal("a batch does not have the schema it was announced with"))?;
        let mut row = from;
        while row < batch.num_rows() && !out.is_full() {
            out.begin_row(bound.len());
            for column in &bound {
                column.put(row, out);
            }
            out.end_row();
            row += 1;
        }
        match out.fault() {
            Some(fault) => Err(Error::input(fault.reason())),
            None => Ok(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int32Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field};

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
}
