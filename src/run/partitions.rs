//! Drives every partition of a plan to its end. It must not know what the plan does.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::{Class, Error, Result};

/// How long partitions may finish or roll back what they hold after the run was stopped.
const GRACE: Duration = Duration::from_secs(20);

/// Runs all partitions side by side; the first failure cancels the others and is what is told.
pub async fn drive(physical: &Arc<dyn ExecutionPlan>, task: &Arc<TaskContext>, cancel: &CancellationToken) -> Result<()> {
    let mut running = JoinSet::new();
    for partition in 0..physical.output_partitioning().partition_count() {
        let stream = physical.execute(partition, task.clone())?;
        running.spawn(async move { stream.try_for_each(|_| ready(Ok(()))).await });
    }
    let mut first: Option<Error> = None;
    let overdue = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::pin!(overdue);
    loop {
        let joined = tokio::select! {
            joined = running.join_next() => joined,
            () = &mut overdue, if !running.is_empty() => {
                running.abort_all();
                while running.join_next().await.is_some() {}
                None
            }
        };
        let Some(joined) = joined else { break };
        let failed = match joined {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Error::from(error),
            Err(_) => Error::internal("a partition panicked"),
        };
        // A partition that stopped because another failed only repeats the news.
        if first.as_ref().is_none_or(|first| first.class() == Class::Interrupted) {
            first = Some(failed);
        }
        cancel.cancel();
    }
    match first {
        Some(error) => Err(error),
        None if cancel.is_cancelled() => Err(Error::interrupted("the run was stopped")),
        None => Ok(()),
    }
}
