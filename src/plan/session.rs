//! The DataFusion session a plan is made in: partitions fixed, nothing repartitioned, names left as they are.
//! It must not know pipelines.

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::flow::exec::FlowPlanner;

/// The scan's name in EXPLAIN.
pub const TABLE: &str = "vcf";

/// A session whose plans keep the source's partitions to the sink.
pub fn context(partitions: usize) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_round_robin_repartition(false)
        .with_repartition_file_scans(false)
        .with_repartition_joins(false)
        .with_repartition_aggregations(false)
        .with_repartition_sorts(false)
        .with_repartition_windows(false)
        .with_information_schema(false);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    let state =
        SessionStateBuilder::new().with_config(config).with_default_features().with_query_planner(Arc::new(FlowPlanner)).build();
    SessionContext::new_with_state(state)
}

/// Threads this process may use: what the operating system says (affinity, cgroup quota, both versions), and not more than
/// SLURM_CPUS_PER_TASK.
pub fn threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    at_most(allowed, std::env::var("SLURM_CPUS_PER_TASK").ok().as_deref())
}

fn at_most(allowed: usize, slurm: Option<&str>) -> usize {
    slurm.and_then(|n| n.parse().ok()).filter(|n| *n > 0).map_or(allowed, |n: usize| n.min(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurm_lowers_and_never_raises() {
        let found = [None, Some("3"), Some("64"), Some("0"), Some(""), Some("many")].map(|slurm| at_most(8, slurm));
        assert_eq!(found, [8, 3, 8, 8, 8, 8]);
    }
}
