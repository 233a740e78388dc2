//! The list of loads, visible or not, finishing one that is whole, and dropping one. It must not know how a load is written.

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::db;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::store::completion::{self, Progress};
use crate::store::identity::fingerprint;
use crate::store::ledger::Finished;
use crate::store::parallel::Parallel;

/// One load. Counts are null until it is complete.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Load {
    pub load_id: Uuid,
    pub name: String,
    /// `started`, `complete`, `failed`, `replaced` or `dropped`.
    pub status: String,
    /// Why it is not complete: an error class, or the load that took its place.
    pub reason: Option<String>,
    /// `pseudonym`, `name` or `none`.
    pub sample_ids: String,
    pub assembly: String,
    pub input_records: Option<i64>,
    pub variants: Option<i64>,
    pub calls: Option<i64>,
    pub quarantined: Option<i64>,
    pub filtered: Option<i64>,
    pub out_of_region: Option<i64>,
    pub units: Option<i64>,
    pub created: DateTime<Utc>,
    pub finished: Option<DateTime<Utc>>,
    /// The same command, run again, goes on where this load stopped.
    pub resumable: bool,
    /// The name under which its shards meet.
    pub load_name: Option<String>,
    /// Into how many shards its work was cut.
    pub shards: Option<i32>,
    /// Sessions at work on it.
    pub sessions: i64,
    #[serde(skip)]
    fingerprint: Option<Vec<u8>>,
    #[serde(skip)]
    pub(super) options: Vec<u8>,
    #[serde(skip)]
    pub(super) identity: Option<Vec<u8>>,
    /// The load's share of its variants' ids.
    #[serde(skip)]
    pub(super) number: i32,
    /// Columns of `variants` in the order its tuples were written.
    #[serde(skip)]
    pub(super) columns: Vec<String>,
    #[serde(skip)]
    pub(super) rows_digest: Option<Vec<u8>>,
}

impl Load {
    fn of(row: &Row) -> Result<Self> {
        let status: String = row.get("status");
        let fingerprint: Option<Vec<u8>> = row.get("fingerprint");
        Ok(Self {
            load_id: row.get("load_id"),
            name: row.get("name"),
            resumable: ["started", "failed"].contains(&status.as_str()) && fingerprint.is_some(),
            fingerprint,
            status,
            reason: row.get("reason"),
            sample_ids: row.get("sample_ids"),
            assembly: row.get("assembly"),
            input_records: row.get("input_records"),
            variants: row.get("variants"),
            calls: row.get("calls"),
            quarantined: row.get("quarantined"),
            filtered: row.get("filtered"),
            out_of_region: row.get("out_of_region"),
            units: row.get("units"),
            created: row.get("created"),
            finished: row.get("finished"),
            load_name: row.get("meeting"),
            shards: row.get("shards"),
            sessions: row.get("sessions"),
            options: row.get("options"),
            identity: row.get("identity"),
            number: row.get("load_no"),
            columns: row.get::<_, Option<_>>("columns").unwrap_or_default(),
            rows_digest: row.get("rows_digest"),
        })
    }
}

/// Every load, oldest first.
pub async fn list(client: &Client, grant: &Grant) -> Result<Vec<Load>> {
    grant.require(Permission::LoadManage)?;
    all(client).await
}

/// One load. Class `usage` when there is none with this id.
pub async fn show(client: &Client, grant: &Grant, id: Uuid) -> Result<Load> {
    grant.require(Permission::LoadManage)?;
    all(client).await?.into_iter().find(|load| load.load_id == id).ok_or_else(|| unknown(id))
}

/// A load with each of its inputs.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub load: Load,
    pub files: Vec<Progress>,
}

/// One load and how far each of its inputs is. Class `usage` when there is none with this id.
pub async fn inspect(client: &Client, grant: &Grant, id: Uuid) -> Result<Shown> {
    let load = show(client, grant, id).await?;
    let files = completion::progress(client, id).await?;
    Ok(Shown { load, files })
}

/// The load whose shards meet under `name`: the unfinished one, else the latest visible one. Class `usage` when there is none.
pub async fn named(client: &Client, grant: &Grant, name: &str) -> Result<Uuid> {
    let mut loads = list(client, grant).await?;
    loads.retain(|load| load.load_name.as_deref() == Some(name));
    let with = |wanted: fn(&Load) -> bool| loads.iter().rev().find(|load| wanted(load)).map(|load| load.load_id);
    with(|load| load.resumable).or_else(|| with(|load| load.status == "complete")).ok_or_else(|| {
        Error::usage(format!("there is no load that was begun with `--load-name {name}`")).with_hint("see: genogate loads list")
    })
}

/// Makes a load visible of which every unit is committed; one that is visible already is left as it is. Class `usage` when
/// there is none with this id, `failed` while units are missing, `interrupted` when `parallel` was stopped.
pub async fn finish(
    client: &Client,
    parallel: Parallel<'_>,
    grant: &Grant,
    recorder: &Recorder,
    id: Uuid,
    force: bool,
) -> Result<Finished> {
    let load = show(client, grant, id).await?;
    grant.require(Permission::LoadRun)?;
    let options: [u8; 32] = load.options.try_into().map_err(|_| Error::integrity("a stored digest is cut"))?;
    let visible = load.status == "complete";
    let done = completion::finish_later(client, parallel, id, &options, force).await?;
    if !visible {
        let count = |count: i64| count.unsigned_abs();
        recorder.record(Event::LoadFinished {
            load_id: done.id,
            status: done.status.clone(),
            input_records: count(done.input_records),
            variants: count(done.variants),
            calls: count(done.calls),
            quarantined: count(done.quarantined),
            filtered: count(done.filtered),
            rows_digest: done.rows_digest.clone(),
        })?;
    }
    Ok(done)
}

/// Would a run of `plan` under these options go on with this load? Not when its files or options have changed.
pub fn goes_on(load: &Load, plan: &Plan, options: &[u8; 32]) -> bool {
    let wanted = fingerprint(options, &plan.document, &plan.units);
    load.resumable && wanted.is_some() && load.fingerprint.as_deref() == wanted.as_ref().map(<[u8; 32]>::as_slice)
}

/// Rows a dropped load had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    pub load_id: Uuid,
    pub variants: u64,
    pub calls: u64,
}

/// Deletes a load's rows; its line in the list stays. Class `usage` when there is none with this id, `failed` while it runs.
pub async fn drop(client: &Client, grant: &Grant, recorder: &Recorder, id: Uuid) -> Result<Dropped> {
    grant.require(Permission::LoadManage)?;
    let row = client
        .query_one("SELECT o_found, o_variants, o_calls FROM genogate_store.drop_load($1, 'dropped on request')", &[&id])
        .await
        .map_err(|error| db::failure("dropping the load", error))?;
    if !row.get::<_, bool>(0) {
        return Err(unknown(id));
    }
    let count = |column: usize| row.get::<_, Option<i64>>(column).unwrap_or(0).unsigned_abs();
    let dropped = Dropped { load_id: id, variants: count(1), calls: count(2) };
    recorder.record(Event::LoadDropped { load_id: id, variants: dropped.variants, calls: dropped.calls })?;
    Ok(dropped)
}

async fn all(client: &Client) -> Result<Vec<Load>> {
    let rows = client
        .query(
            "SELECT l.*, coalesce(s.o_sessions, 0) AS sessions
             FROM genogate_store.list_loads() l LEFT JOIN genogate_store.load_sessions() s ON s.o_load = l.load_id
             ORDER BY l.load_no",
            &[],
        )
        .await
        .map_err(|error| db::failure("listing the loads", error))?;
    rows.iter().map(Load::of).collect()
}

fn unknown(id: Uuid) -> Error {
    Error::usage(format!("there is no load {id}")).with_hint("see: genogate loads list")
}
