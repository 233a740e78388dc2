//! Puts a stage's own summary on the audit trail when it has seen the last batch. It must not know any stage.

use std::fmt::Debug;

use datafusion::arrow::array::RecordBatch;

use crate::audit::{Event, Recorder};
use crate::error::Result;
use crate::flow::Apply;

/// What an opened stage does, apart from the trail.
pub(super) trait Work: Debug + Send + Sync {
    /// Transforms one batch; rows keep their order.
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch>;

    /// What was dropped, changed or protected so far. Empties the counts.
    fn events(&self) -> Vec<Event>;
}

/// A stage's work and the trail it reports to.
#[derive(Debug)]
pub(super) struct Recorded<W> {
    pub work: W,
    pub recorder: Recorder,
}

impl<W: Work> Apply for Recorded<W> {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        self.work.apply(batch)
    }

    fn finish(&self) -> Result<()> {
        self.work.events().into_iter().try_for_each(|event| self.recorder.record(event))
    }
}
