//! The list of loads, visible or not, finishing one that is whole, and dropping one. It must not know how a load is written.

use tokio_postgres::Client;
use uuid::Uuid;

use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::store::completion;
use crate::store::identity::fingerprint;
use crate::store::inputs::{Progress, load_inputs};
pub use crate::store::loads::StoredLoad as Load;
use crate::store::loads::list_loads;
use crate::store::outcome::{Finished, drop_load};
use crate::store::parallel::Parallel;

/// Every load, oldest first.
pub async fn list(client: &Client, grant: &Grant) -> Result<Vec<Load>> {
    grant.require(Permission::LoadManage)?;
    list_loads(client).await
}

/// One load. Class `usage` when there is none with this id.
pub async fn show(client: &Client, grant: &Grant, id: Uuid) -> Result<Load> {
    grant.require(Permission::LoadManage)?;
    list_loads(client).await?.into_iter().find(|load| load.load_id == id).ok_or_else(|| unknown(id))
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
    let files = load_inputs(client, id).await?;
    Ok(Shown { load, files })
}

/// The load of this name: the unfinished one, else the latest visible one. Class `usage` when there is none.
pub async fn named(client: &Client, grant: &Grant, name: &str) -> Result<Uuid> {
    let mut loads = list(client, grant).await?;
    loads.retain(|load| load.name == name);
    let with = |wanted: fn(&Load) -> bool| loads.iter().rev().find(|load| wanted(load)).map(|load| load.load_id);
    let visible = |load: &Load| ["complete", "partial"].contains(&load.status.as_str());
    with(|load| load.resumable && (load.mending || load.status != "partial"))
        .or_else(|| with(visible))
        .ok_or_else(|| Error::usage(format!("there is no load `{name}`")).with_hint("see: genogate loads list"))
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
    let visible = ["complete", "partial"].contains(&load.status.as_str()) && !load.mending;
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
            digest: done.digest.clone(),
        })?;
    }
    Ok(done)
}

/// Would a run of `plan` under these options go on with this load? Not when its files or options have changed, but for files of a partial
/// load that were given up.
pub fn goes_on(load: &Load, plan: &Plan, options: &[u8; 32]) -> bool {
    let wanted = fingerprint(options, &plan.document, &plan.units);
    if load.status == "partial" {
        return load.resumable && load.options == options && load.inputs.unsigned_abs() == plan.units.len() as u64;
    }
    load.resumable && wanted.is_some() && load.fingerprint.as_deref() == wanted.as_ref().map(<[u8; 32]>::as_slice)
}

/// Rows a dropped load had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    pub load_id: Uuid,
    pub variants: u64,
    pub calls: u64,
}

/// Deletes a load's rows; its line in the list stays. Class `usage` when there is none with this id, or it was dropped, `failed` while it runs.
pub async fn drop(client: &Client, grant: &Grant, recorder: &Recorder, id: Uuid) -> Result<Dropped> {
    grant.require(Permission::LoadManage)?;
    let Some((variants, calls)) = drop_load(client, id, "dropped on request").await? else {
        // It stays in the list.
        show(client, grant, id).await?;
        return Err(
            Error::usage(format!("load {id} was dropped already")).with_hint("nothing of it is left but its line in the list")
        );
    };
    let dropped = Dropped { load_id: id, variants, calls };
    recorder.record(Event::LoadDropped { load_id: id, variants: dropped.variants, calls: dropped.calls })?;
    Ok(dropped)
}

fn unknown(id: Uuid) -> Error {
    Error::usage(format!("there is no load {id}")).with_hint("see: genogate loads list")
}
