//! Decodes a source to its end and drops the rows: what benches and `benchmark decode` measure. It must not keep batches.

use std::sync::Arc;

use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use uuid::Uuid;

use crate::audit::Recorder;
use crate::error::{Error, Result};
use crate::flow::{Context, Counters, Inspection};

/// What was decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Decoded {
    /// Records read.
    pub records: u64,
    /// Rows made of them.
    pub rows: u64,
    pub batches: u64,
    /// Stored bytes read.
    pub bytes_in: u64,
    /// Bytes of Arrow memory the batches took, all together.
    pub arrow_bytes: u64,
}

/// Runs the scan on `partitions` threads; `columns`: only these, else all.
pub async fn decode_to_end(inspection: &Inspection, partitions: usize, columns: Option<&[&str]>) -> Result<Decoded> {
    let context = Arc::new(Context::new(Uuid::now_v7(), Recorder::discard()));
    let config = SessionConfig::new().with_target_partitions(partitions.max(1)).with_extension(context.clone());
    let session = SessionContext::new_with_config(config);
    let state = session.state();
    let schema = inspection.table.schema();
    let projection = match columns {
        None => None,
        Some(names) => {
            let index = |name: &&str| schema.index_of(name).map_err(|_| Error::usage("no such column"));
            Some(names.iter().map(index).collect::<Result<Vec<_>>>()?)
        }
    };
    let plan = inspection.table.scan(&state, projection.as_ref(), &[], None).await?;
    let streams = datafusion::physical_plan::execute_stream_partitioned(plan, session.task_ctx())?;
    let drains = streams.into_iter().map(|stream| {
        stream.try_fold(Decoded::default(), |mut sum, batch| async move {
            sum.rows += batch.num_rows() as u64;
            sum.batches += 1;
            sum.arrow_bytes += batch.get_array_memory_size() as u64;
            Ok(sum)
        })
    });
    let parts = futures::future::try_join_all(drains).await?;
    let mut decoded = Decoded {
        records: Counters::get(&context.counters.records),
        bytes_in: Counters::get(&context.counters.bytes_in),
        ..Decoded::default()
    };
    for part in parts {
        decoded.rows += part.rows;
        decoded.batches += part.batches;
        decoded.arrow_bytes += part.arrow_bytes;
    }
    Ok(decoded)
}
