//! The opened forms of stages and sinks: what runs, with keys and connections. It must not know how a run is put together.

use std::collections::BTreeSet;
use std::fmt::Debug;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;

use super::Outcome;
use crate::error::{Error, Result};
use crate::store::Digest;

/// An opened stage. Shared by all partitions.
pub trait Apply: Debug + Send + Sync {
    /// Transforms one batch; rows keep their order. Rows may be dropped only with an entry in `context.units`.
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch>;

    /// Called once after the last batch of all partitions: emits the events that sum up what was done.
    fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// An opened sink.
#[async_trait]
pub trait OpenSink: Debug + Send + Sync {
    /// A writer for one partition.
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>>;

    /// What an earlier run committed and this one would skip; nothing where nothing is.
    fn committed(&self) -> Committed;

    /// Takes back all that is stored of these inputs (0-based), and marks their units in the context so that they are read again.
    /// Class `input` while others work on the load.
    async fn take_back(&self, inputs: &BTreeSet<u32>) -> Result<()>;

    /// Makes the load visible: the explicit success. Dropping without it leaves nothing visible.
    async fn finish(&self) -> Result<Outcome>;

    /// The run failed: records the reason with the load, as far as the database still answers.
    async fn abandon(&self, error: &Error);
}

/// What an earlier run of a load left in the ledger.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Units, and the sum of the digests of the records that were read for each.
    pub units: Vec<(u32, Digest)>,
    /// Inputs (0-based) whose size, time of change or inode is another than when the load began.
    pub touched: BTreeSet<u32>,
}

/// Writes one partition's batches, unit by unit.
#[async_trait]
pub trait Writer: Send {
    /// Takes a batch. Rows of one unit are contiguous; a new `__unit` value means that the units before it are closed
    /// (`context.units.take_closed`) and can be committed.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// The stream ended well: commits what is left. Dropping the writer instead aborts its open unit.
    async fn end(self: Box<Self>) -> Result<()>;
}
