//! The opened stage: checks, seals and drops column by column. It must not know policies or the document.

use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, SchemaRef};

use super::columns::checked;
use super::entries;
use super::rule::Check;
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::stage::recorded::Work;
use crate::stage::seal::Seal;

/// The opened stage: input position, name and task of each output column.
#[derive(Debug)]
pub(super) struct Cleaning {
    pub columns: Vec<(usize, String, Task)>,
    pub output: SchemaRef,
    pub seal: Option<Seal>,
}

/// What is done to one column.
#[derive(Debug)]
pub(super) enum Task {
    Pass,
    /// With the number of values dropped so far.
    Check(Check, AtomicU64),
    /// The check of each sub-field, and the new type.
    Entries(Vec<Option<Check>>, DataType, AtomicU64),
    Seal,
}

impl Work for Cleaning {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (at, name, task) in &self.columns {
            let values = batch.columns().get(*at).ok_or_else(|| Error::internal("a batch does not have the planned schema"))?;
            columns.push(match task {
                Task::Pass => values.clone(),
                Task::Check(check, dropped) => {
                    let (kept, count) = checked(values, check)?;
                    dropped.fetch_add(count, Ordering::Relaxed);
                    kept
                }
                Task::Entries(checks, kind, dropped) => {
                    let (kept, count) = entries::checked_entries(values, checks, kind)?;
                    dropped.fetch_add(count, Ordering::Relaxed);
                    kept
                }
                Task::Seal => {
                    let seal = self.seal.as_ref().ok_or_else(|| Error::internal("a column is sealed without a key"))?;
                    seal.column(name, values)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.output.clone(), columns, &options)?)
    }

    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut sealed = Vec::new();
        for (_, name, task) in &self.columns {
            match task {
                Task::Pass => {}
                Task::Seal => sealed.push(name.clone()),
                Task::Check(_, dropped) | Task::Entries(_, _, dropped) => match dropped.swap(0, Ordering::Relaxed) {
                    0 => {}
                    count => events.push(Event::ValuesDropped { stage: "sanitize".into(), column: name.clone(), count }),
                },
            }
        }
        if let (Some(seal), false) = (&self.seal, sealed.is_empty()) {
            let key_id = seal.key_id().to_owned();
            events.push(Event::ColumnsEncrypted { columns: sealed, key_id, values: seal.count() });
        }
        events
    }
}
