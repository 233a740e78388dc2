//! Which loads have outlived a retention period. It deletes nothing: a person decides.

use chrono::{DateTime, TimeDelta, Utc};

use crate::warehouse::loads::Load;

/// A load past its period.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Due {
    pub load_id: uuid::Uuid,
    pub name: String,
    pub status: String,
    /// Whole days since the load began.
    pub age_days: i64,
}

/// The loads that hold rows and began more than `days` days before `now`, oldest first.
pub fn due(loads: &[Load], now: DateTime<Utc>, days: u32) -> Vec<Due> {
    let mut due: Vec<Due> = (loads.iter())
        .filter(|load| load.status != "dropped" && now - load.created > TimeDelta::days(days.into()))
        .map(|load| Due {
            load_id: load.load_id,
            name: load.name.clone(),
            status: load.status.clone(),
            age_days: (now - load.created).num_days(),
        })
        .collect();
    due.sort_by_key(|load| std::cmp::Reverse(load.age_days));
    due
}
