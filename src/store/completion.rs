//! The end of a load, by whoever commits its last unit, or by anybody later: everything it needs lies in the database.
//! It must not know files, writers or how rows are encoded.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::identity::identity;
use super::ledger::{self, Finished};
use super::parallel::Parallel;
use crate::db;
use crate::error::{Error, Result};

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
    /// What its manifest says about it.
    pub tags: Value,
}

/// Every input of a load, by number. Empty for a load that is dropped.
pub async fn progress(client: &Client, load: Uuid) -> Result<Vec<Progress>> {
    let rows = client
        .query(
            "SELECT p.o_input, o_planned, o_units, o_records, o_variants, o_calls, o_quarantined, o_filtered, o_out_of_region, o_reason, o_tags
             FROM genogate_store.load_progress($1) p JOIN genogate_store.input_tags($1) t USING (o_input) ORDER BY o_input",
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
            tags: row.get(10),
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

/// The sums of a load that is not finished.
pub fn so_far(load: Uuid, inputs: &[Progress]) -> Finished {
    let sum = |of: fn(&Progress) -> i64| inputs.iter().map(of).sum();
    Finished {
        id: load,
        status: "partial".into(),
        replaced: None,
        input_records: sum(|input| input.records),
        variants: sum(|input| input.variants),
        calls: sum(|input| input.calls),
        quarantined: sum(|input| input.quarantined),
        filtered: sum(|input| input.filtered),
        out_of_region: sum(|input| input.out_of_region),
        units: sum(|input| input.units),
        rows_digest: None,
    }
}

/// Where a load stands.
#[derive(Debug)]
pub enum State {
    /// Units are missing.
    Partial,
    /// Every unit is committed.
    Whole,
    /// It was finished before, by this session or another.
    Finished(Box<Finished>),
}

/// Waits for the caller's turn to finish a load, which lasts as long as the session, and looks where the load stands. `sent` is
/// the identity with which this session tried to finish it before.
pub async fn state(client: &Client, parallel: Parallel<'_>, load: Uuid, sent: Option<&[u8; 32]>) -> Result<State> {
    parallel.run(client, "waiting for the load's end", &[format!("SELECT genogate_store.take_turn('{load}')")]).await?;
    let finished = match sent {
        Some(identity) => ledger::finished(client, load, identity).await?,
        None => ledger::visible(client, load).await?,
    };
    Ok(match finished {
        Some(finished) => State::Finished(Box::new(finished)),
        None if missing(&progress(client, load).await?).is_some() => State::Partial,
        None => State::Whole,
    })
}

/// Builds the indexes that are missing, and makes a whole load visible, or drops it when an identical one is and `force` is off.
/// `sent` becomes the identity. The caller has its turn.
pub async fn publish(
    client: &Client,
    parallel: Parallel<'_>,
    load: Uuid,
    options: &[u8; 32],
    force: bool,
    sent: &mut Option<[u8; 32]>,
) -> Result<Finished> {
    build_indexes(client, parallel).await?;
    ledger::begin_transaction(client).await?;
    let published = publish_within(client, load, options, force, sent).await;
    let end = if published.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).await.map_err(|error| db::failure("finishing the load", error));
    published.and_then(|finished| ended.map(|()| finished))
}

/// No unit enters between what is taken back and the end.
async fn publish_within(
    client: &Client,
    load: Uuid,
    options: &[u8; 32],
    force: bool,
    sent: &mut Option<[u8; 32]>,
) -> Result<Finished> {
    ledger::call(client, "take_back_inputs", Some(load)).await?;
    let ledger = ledger::read(client, load).await?;
    let identity = identity(options, &ledger::headers(client, load).await?, &ledger.totals);
    *sent = Some(identity);
    ledger::finish(client, load, &identity, ledger.rows_digest, force).await
}

/// Partition by partition, the largest first; then the tables' own, which adopt what is there.
async fn build_indexes(client: &Client, parallel: Parallel<'_>) -> Result<()> {
    let doing = "building the indexes";
    let partitions = client
        .query("SELECT o_partition FROM genogate_store.missing_indexes() GROUP BY o_partition ORDER BY max(o_bytes) DESC", &[])
        .await
        .map_err(|error| db::failure(doing, error))?;
    let build = |row: &tokio_postgres::Row| format!("SELECT genogate_store.index_partition({})", row.get::<_, u32>(0));
    parallel.run(client, doing, &partitions.iter().map(build).collect::<Vec<_>>()).await?;
    parallel.run(client, doing, &["SELECT genogate_store.build_indexes()".to_owned()]).await
}

/// What a finished load leaves behind it: no rows of the load it replaced, and statistics. It is visible whether or not this succeeds.
pub async fn tidy(client: &Client, parallel: Parallel<'_>, done: &Finished) -> Result<()> {
    if done.replaced.is_some() {
        ledger::call(client, "purge_load", done.replaced).await?;
    }
    if done.status != "complete" {
        return Ok(());
    }
    let analyze = |table| format!("SELECT genogate_store.analyze_table('{table}')");
    let filled = [("variants", done.variants), ("calls", done.calls)].into_iter().filter(|(_, rows)| *rows > 0);
    parallel.run(client, "making statistics", &filled.map(|(table, _)| analyze(table)).collect::<Vec<_>>()).await
}

/// Takes up a load and finishes it without its files; done again, it changes nothing. Class `failed` while units are missing,
/// while a run without shards is on it, or when it cannot be taken up any more.
pub async fn finish_later(
    client: &Client,
    parallel: Parallel<'_>,
    load: Uuid,
    options: &[u8; 32],
    force: bool,
) -> Result<Finished> {
    match state(client, parallel, load, None).await? {
        State::Finished(done) => return Ok(*done),
        State::Whole => {}
        State::Partial => {
            let missing = missing(&progress(client, load).await?).unwrap_or_default();
            return Err(Error::failed(format!("load {load} is not whole: {missing}"))
                .with_hint("run the missing shards, or the same command without `--shard`: only what is missing is read"));
        }
    }
    let row = client
        .query_one("SELECT genogate_store.reopen_load($1)", &[&load])
        .await
        .map_err(|error| db::failure("taking up the load", error))?;
    if !row.get::<_, bool>(0) {
        return Err(Error::failed(format!("load {load} is being written by a run, or cannot be finished any more"))
            .with_hint("see `genogate loads show`"));
    }
    let done = publish(client, parallel, load, options, force, &mut None).await?;
    tidy(client, parallel, &done).await?;
    Ok(done)
}
