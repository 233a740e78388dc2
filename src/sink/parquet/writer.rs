//! Writes one partition's file. It must not know the dataset's other files.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use super::dataset::{WITHIN_UNITS, append, close_parquet, failed, open_parquet};
use super::shared::{Shared, lock};
use crate::error::{Error, Result};
use crate::flow::{Writer, column};
use crate::store::ClosedUnit;
use crate::store::identity::variant_id;
use crate::store::tally::Tally;

/// A row group is closed when it has grown to about this many bytes.
const ROW_GROUP: usize = 64 << 20;

/// A writer of one partition.
pub struct PartitionWriter {
    shared: Arc<Shared>,
    partition: usize,
    path: PathBuf,
    file: ArrowWriter<File>,
    open: Option<OpenUnit>,
}

struct OpenUnit {
    unit: u32,
    rows: u32,
    tally: Tally,
}

impl PartitionWriter {
    /// Makes the partition's file.
    pub fn create(shared: Arc<Shared>, partition: usize) -> Result<Self> {
        let path = shared.path(&format!("variants/part-{partition}.parquet"));
        let file = open_parquet(&path, shared.file_schema.clone(), shared.access)?;
        Ok(Self { shared, partition, path, file, open: None })
    }

    fn account(&mut self, before: Option<u32>) -> Result<()> {
        let closed = self.shared.context.units.take_closed(self.partition, before);
        let current = self.open.take();
        if let Some(open) = &current
            && !closed.iter().any(|closed| closed.unit == open.unit)
        {
            return Err(Error::internal(format!("unit {}: its rows ended before the source closed it", open.unit)));
        }
        for closed in &closed {
            let account = match current.as_ref().filter(|open| open.unit == closed.unit) {
                Some(open) => open.tally.close(closed)?,
                None => Tally::default().close(closed)?,
            };
            self.set_aside(closed)?;
            self.shared.context.committed(closed, account.variants, account.calls);
            self.shared.state().add(closed, &account);
        }
        Ok(())
    }

    fn set_aside(&self, closed: &ClosedUnit) -> Result<()> {
        if closed.bad.is_empty() {
            return Ok(());
        }
        let lines: String = closed
            .bad
            .iter()
            .map(|bad| {
                let (input, line) = (closed.counts.input + 1, closed.line(bad));
                let entry =
                    json!({ "input": input, "unit": closed.unit, "line": line, "field": bad.field, "reason": bad.reason });
                format!("{entry}\n")
            })
            .collect();
        let _one = lock(&self.shared.quarantine);
        append(&self.shared.path(WITHIN_UNITS), lines.as_bytes(), self.shared.access)
    }

    /// Ids of a batch's rows; accounts for the units that end in it.
    fn ids(&mut self, batch: &RecordBatch) -> Result<Int64Array> {
        let number = |name: &str| {
            let array = batch.column_by_name(name).and_then(|array| array.as_any().downcast_ref::<UInt32Array>());
            array.ok_or_else(|| Error::internal(format!("column {name} is missing or no UInt32")))
        };
        let (units, lines) = (number(column::UNIT)?, number(column::ROW)?);
        let calls = batch.column_by_name(column::CALLS_SAMPLE).and_then(|array| array.as_any().downcast_ref());
        let calls: Option<&datafusion::arrow::array::ListArray> = calls;
        let mut ids = Vec::with_capacity(batch.num_rows());
        for (row, (unit, line)) in units.values().iter().zip(lines.values()).enumerate() {
            if self.open.as_ref().is_none_or(|open| open.unit != *unit) {
                self.account(Some(*unit))?;
                self.open = Some(OpenUnit { unit: *unit, rows: 0, tally: Tally::default() });
            }
            let Some(open) = &mut self.open else { return Err(Error::internal("no unit is open")) };
            ids.push(variant_id(0, *unit, open.rows)?);
            open.rows += 1;
            open.tally.record(*line);
            open.tally.variants += 1;
            open.tally.calls += calls.map_or(0, |calls| calls.value_length(row).unsigned_abs().into());
        }
        Ok(Int64Array::from(ids))
    }
}

#[async_trait]
impl Writer for PartitionWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.ids(&batch)?)];
        let schema = batch.schema();
        let stored = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| !column::is_internal(field.name()));
        columns.extend(stored.map(|(_, array)| array.clone()));
        let batch = RecordBatch::try_new(self.shared.file_schema.clone(), columns)?;
        self.file.write(&batch).map_err(|error| failed(&self.path, &error))?;
        if self.file.in_progress_size() > ROW_GROUP {
            self.file.flush().map_err(|error| failed(&self.path, &error))?;
        }
        Ok(())
    }

    async fn end(mut self: Box<Self>) -> Result<()> {
        self.account(None)?;
        close_parquet(&self.path, self.file)
    }
}
