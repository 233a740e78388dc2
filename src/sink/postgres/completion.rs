//! The end of a load, by whoever commits its last unit, or by anybody later: everything it needs lies in the database.
//! It must not know files, writers or how rows are encoded.

use serde::Serialize;
use tokio_postgres::Client;
use uuid::Uuid;

use super::ledger::{self, Finished};
use crate::db;
use crate::error::{Error, Result};
use crate::sink::identity::identity;

/// How far one input of a load is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// 1-based number.
    pub input: i32,
    /// `complete`, `partial`, or `failed`: it was given up, and nothing of it is kept.
    pub status: &'static str,
    pub records: i64,
    pub variants: i64,
    pub calls: i64,
    pub quarantined: i64,
    pub filtered: i64,
    pub out_of_region: i64,
    /// Committed units.
    pub units: i64,
    /// Units it is cut into, when that is known.
    pub units_planned: Option<i32>,
    /// Why it was given up, in words free of values.
    pub reason: Option<String>,
}

/// Every input of a load, by number. Empty for a load that is dropped.
pub async fn progress(client: &Client, load: Uuid) -> Result<Vec<Progress>> {
    let rows = client
        .query(
            "SELECT o_input, o_planned, o_units, o_records, o_variants, o_calls, o_quarantined, o_filtered, o_out_of_region, o_reason
             FROM genogate_store.load_progress($1)",
            &[&load],
        )
        .await
        .map_err(|error| db::failure("reading how far the load is", error))?;
    let progress = |row: &tokio_postgres::Row| {
        let (units_planned, units, reason): (Option<i32>, i64, Option<String>) = (row.get(1), row.get(2), row.get(9));
        let status = match (&reason, units_planned) {
            (Some(_), _) => "failed",
            (None, Some(planned)) if i64::from(planned) == units => "complete",
            _ => "partial",
        };
        let rows = |column: usize| if reason.is_some() { 0 } else { row.get(column) };
        Progress {
            input: row.get(0),
            status,
            records: rows(3),
            variants: rows(4),
            calls: rows(5),
            quarantined: rows(6),
            filtered: rows(7),
            out_of_region: rows(8),
            units: rows(2),
            units_planned,
            reason,
        }
    };
    Ok(rows.iter().map(progress).collect())
}

/// What is missing of a load, in words; `None` when every input is whole.
pub fn missing(inputs: &[Progress]) -> Option<String> {
    let open: Vec<&Progress> = inputs.iter().filter(|input| input.status == "partial").collect();
    let shown: Vec<String> = open
        .iter()
        .take(5)
        .map(|input| match input.units_planned {
            Some(planned) => format!("{} of {planned} units of input {}", input.units, input.input),
            None => format!("input {} not to its end", input.input),
        })
        .collect();
    let more = if open.len() > shown.len() { format!(" and {} inputs more", open.len() - shown.len()) } else { String::new() };
    (!open.is_empty()).then(|| format!("committed are {}{more}", shown.join(", ")))
}

/// Makes a load visible whose inputs are all whole, or drops it when an identical one is and `force` is off. Of several
/// sessions that come at once the first does it, and the others find it done. `None` while units are missing.
pub async fn complete(client: &Client, load: &ledger::Load, options: &[u8; 32], force: bool) -> Result<Option<Finished>> {
    ledger::call(client, "take_turn", Some(load.id)).await?;
    let done = complete_in_turn(client, load.id, options, force).await;
    // A session that is broken gives its turn up by ending.
    if let Err(error) = ledger::call(client, "end_turn", Some(load.id)).await {
        return done.and(Err(error));
    }
    done
}

async fn complete_in_turn(client: &Client, load: Uuid, options: &[u8; 32], force: bool) -> Result<Option<Finished>> {
    if let Some(done) = ledger::finished(client, load).await? {
        return Ok(Some(done));
    }
    if missing(&progress(client, load).await?).is_some() {
        return Ok(None);
    }
    ledger::call(client, "build_indexes", None).await?;
    ledger::call(client, "take_back_inputs", Some(load)).await?;
    let ledger = ledger::read(client, load).await?;
    let identity = identity(options, &ledger::headers(client, load).await?, &ledger.totals);
    let done = ledger::finish(client, load, &identity, ledger.rows_digest, force).await?;
    if let Some(replaced) = done.replaced
        && let Err(error) = ledger::call(client, "purge_load", Some(replaced)).await
    {
        tracing::warn!(%error, "the rows of the replaced load are still there; `genogate loads drop` removes them");
    }
    if done.status == "complete"
        && let Err(error) = ledger::call(client, "analyze_tables", None).await
    {
        tracing::warn!(%error, "the tables' statistics are those of before the load");
    }
    Ok(Some(done))
}

/// Takes up a load to finish it without its files. Class `failed` while units are missing, a run without shards is on it, or
/// it cannot be taken up any more; class `usage` for a load that is none. Done twice, it is done once.
pub async fn finish_later(client: &Client, load: &ledger::Load, options: &[u8; 32], force: bool) -> Result<Finished> {
    if let Some(done) = ledger::finished(client, load.id).await? {
        return Ok(done);
    }
    if let Some(missing) = missing(&progress(client, load.id).await?) {
        return Err(Error::failed(format!("load {} is not whole: {missing}", load.id))
            .with_hint("run the missing shards, or the same command without `--shard`: only what is missing is read"));
    }
    let row = client
        .query_one("SELECT genogate_store.reopen_load($1)", &[&load.id])
        .await
        .map_err(|error| db::failure("taking up the load", error))?;
    if !row.get::<_, bool>(0) {
        return Err(Error::failed(format!("load {} is being written by a run, or cannot be finished any more", load.id))
            .with_hint("see `genogate loads show`"));
    }
    match complete(client, load, options, force).await? {
        Some(done) => Ok(done),
        None => Err(Error::failed(format!("load {} was changed while it was finished", load.id)).with_hint("try again")),
    }
}
