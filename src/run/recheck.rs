//! Holds what an earlier run committed against the files as they are now: a resumed load must not end as half of one file and
//! half of another. It must not know where units are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlanProperties;

use super::partitions;
use crate::error::{Error, Result};
use crate::flow::{Committed, Context, column};
use crate::plan::Plan;
use crate::store::Digest;
use crate::store::identity::input_of;

/// Inputs (0-based) with units whose records are not those that were committed. Looked at are the units this run would skip,
/// and all units of an input whose size, time or inode is no longer what it was when the load began. Reads those units with
/// the source's own reader, without any column.
///
/// # Errors
/// What the source says of a file that cannot be read to the end of such a unit.
pub async fn changed(plan: &Plan, context: &Context, committed: &Committed) -> Result<BTreeSet<u32>> {
    let owner =
        |unit: u32| input_of(&plan.units, unit).ok_or_else(|| Error::internal(format!("unit {unit} belongs to no input")));
    let mut expected: BTreeMap<u32, Digest> = BTreeMap::new();
    for (unit, digest) in &committed.units {
        if context.units.wants(*unit..unit.saturating_add(1)) || committed.touched.contains(&owner(*unit)?) {
            expected.insert(*unit, *digest);
        }
    }
    if expected.is_empty() {
        return Ok(BTreeSet::new());
    }
    tracing::info!(units = expected.len(), "holding what an earlier run committed against the files");
    let found = read(plan, context, expected.keys().copied()).await?;
    let differing = expected.iter().filter(|(unit, digest)| found.get(unit) != Some(digest));
    differing.map(|(unit, _)| owner(*unit)).collect()
}

/// The digests of units as the files have them now; nothing for a unit that is not there any more or of a file that is given up.
async fn read(plan: &Plan, context: &Context, units: impl Iterator<Item = u32>) -> Result<BTreeMap<u32, Digest>> {
    let mut look = Context::new(context.run_id, context.recorder.clone());
    look.cancel = context.cancel.child_token();
    look.units.keep(ranges(units));
    context.units.given_up().into_iter().for_each(|(input, reason)| look.units.give_up(input, reason));
    let look = Arc::new(look);
    let state = plan.session().state();
    let narrow = plan.table.schema().index_of(column::UNIT).map_err(|error| Error::from(error).at("the unit's column"))?;
    let scan = plan.table.scan(&state, Some(&vec![narrow]), &[], None).await?;
    let task = TaskContext::from(&state);
    let config = task.session_config().clone().with_extension(look.clone());
    let task = Arc::new(task.with_session_config(config));
    partitions::drive(&scan, &task, &look.cancel).await?;
    let mut found = BTreeMap::new();
    for partition in 0..scan.output_partitioning().partition_count() {
        let whole = look.units.take_closed(partition, None).into_iter().filter(|closed| !closed.broken);
        found.extend(whole.map(|closed| (closed.unit, closed.counts.digest)));
    }
    let given_up: BTreeSet<u32> = look.units.given_up().into_iter().map(|(input, _)| input).collect();
    found.retain(|unit, _| input_of(&plan.units, *unit).is_some_and(|input| !given_up.contains(&input)));
    Ok(found)
}

/// Increasing ordinals as ranges.
fn ranges(units: impl Iterator<Item = u32>) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for unit in units {
        match ranges.last_mut() {
            Some(last) if last.end == unit => last.end = unit.saturating_add(1),
            _ => ranges.push(unit..unit.saturating_add(1)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges([0, 1, 2, 7, 9, 10].into_iter()), [0..3, 7..8, 9..11]);
        assert!(ranges(std::iter::empty()).is_empty());
    }
}
