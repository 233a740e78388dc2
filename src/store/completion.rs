//! The end of a load, by whoever commits its last unit, or by anybody later: everything it needs lies in the database.
//! It must not know files, writers or how rows are encoded.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_postgres::Client;
use uuid::Uuid;

use super::begin::take_up_load;
use super::identity::{content, contents, identity};
use super::inputs::{Progress, clear_given_up, load_inputs, missing, take_back_inputs};
use super::ledger::{self, LedgerUnit, load_units, totals};
use super::load_digest::load_digest;
use super::loads::stored_load;
use super::outcome::{Finished, Seal, finish_load, load_outcome, purge_load, take_turn};
use super::parallel::Parallel;
use super::stored::differing;
use super::tables;
use crate::db;
use crate::error::{Error, Result};

/// How often a session asks that waits for its turn.
const TURN: Duration = Duration::from_millis(200);

/// The sums of a load that is not finished.
pub fn so_far(load: Uuid, inputs: &[Progress]) -> Finished {
    let sum = |of: fn(&Progress) -> i64| inputs.iter().map(of).sum();
    Finished {
        id: load,
        status: "unfinished".into(),
        replaced: Vec::new(),
        same_content: Vec::new(),
        input_records: sum(|input| input.records),
        variants: sum(|input| input.variants),
        calls: sum(|input| input.calls),
        quarantined: sum(|input| input.quarantined),
        filtered: sum(|input| input.filtered),
        out_of_region: sum(|input| input.out_of_region),
        units: sum(|input| input.units),
        digest: None,
    }
}

/// Where a load stands.
#[derive(Debug)]
pub enum State {
    /// Units are missing.
    Unfinished,
    /// Every unit is committed, and it is the caller's turn to finish the load.
    Whole,
    /// It was finished before, by this session or another.
    Finished(Box<Finished>),
}

/// Looks where the load stands that the caller holds; where it is whole, waits for the caller's turn to finish it, which lasts as
/// long as the session. Class `interrupted` when the run was stopped.
pub async fn state(client: &Client, parallel: Parallel<'_>, load: Uuid) -> Result<State> {
    let mut mine = false;
    loop {
        if let Some(finished) = load_outcome(client, load).await? {
            return Ok(State::Finished(Box::new(finished)));
        }
        if missing(&load_inputs(client, load).await?).is_some() {
            return Ok(State::Unfinished);
        }
        if mine {
            return Ok(State::Whole);
        }
        // Whoever had the turn before has finished the load, or is gone: it is looked at again.
        mine = take_turn(client, load).await?;
        tokio::select! {
            () = tokio::time::sleep(TURN), if !mine => {}
            () = std::future::ready(()), if mine => {}
            () = parallel.cancel.cancelled() => return Err(Error::interrupted("the run was stopped")),
        }
    }
}

/// Builds the indexes that are missing, and makes a whole load visible, or drops it when an identical one is and `force` is off.
/// The caller has its turn. `worker`: whose units need no second look, being its own.
pub async fn publish(
    client: &Client,
    parallel: Parallel<'_>,
    load: Uuid,
    options: &[u8; 32],
    worker: Option<[u8; 32]>,
    force: bool,
) -> Result<Finished> {
    build_indexes(client, parallel).await?;
    let verified = verify(client, load, worker).await?;
    ledger::begin_transaction(client).await?;
    let published = publish_within(client, load, options, &verified, force).await;
    let end = if published.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).await.map_err(|error| db::failure("finishing the load", error));
    published.and_then(|finished| ended.map(|()| finished))
}

/// Holds the rows of units that other sessions committed against what they said of them: their word alone makes nothing visible. Gives
/// the ledger as it was. What is visible already was looked at then.
///
/// # Errors
/// Class `integrity` when rows differ; their inputs are taken back then, as far as nobody else is at work, to be read again.
async fn verify(client: &Client, load: Uuid, worker: Option<[u8; 32]>) -> Result<Vec<LedgerUnit>> {
    let units = load_units(client, load).await?;
    let inputs = load_inputs(client, load).await?;
    let open = |unit: &&LedgerUnit| inputs.get(unit.input as usize).is_some_and(|input| !input.shown && input.reason.is_none());
    let others: Vec<_> = units.iter().filter(|unit| worker != Some(unit.worker)).filter(open).cloned().collect();
    if others.is_empty() {
        return Ok(units);
    }
    let stored = stored_load(client, load).await?.ok_or_else(|| Error::integrity("the load is not in the list of loads"))?;
    let wrong = differing(client, &stored, &others).await?;
    let Some(first) = wrong.first() else { return Ok(units) };
    let back: BTreeSet<u32> = wrong.iter().filter_map(|unit| unit.input.map(|input| input - 1)).collect();
    let taken = take_back_inputs(client, load, &back.into_iter().collect::<Vec<_>>()).await;
    let hint = match taken {
        Ok(()) => "they were taken back: run the same command again",
        Err(_) => "drop the load and load the files anew",
    };
    Err(Error::integrity(format!("rows that another session stored are not those it told of: {}", first.text())).with_hint(hint))
}

/// No unit enters between what is cleared and the end.
async fn publish_within(
    client: &Client,
    load: Uuid,
    options: &[u8; 32],
    verified: &[LedgerUnit],
    force: bool,
) -> Result<Finished> {
    clear_given_up(client, load).await?;
    let units = load_units(client, load).await?;
    if !units
        .iter()
        .all(|unit| verified.binary_search_by_key(&unit.unit, |known| known.unit).is_ok_and(|at| verified.get(at) == Some(unit)))
    {
        return Err(Error::failed("units of the load were changed while it was finished").transient());
    }
    let stored = stored_load(client, load).await?.ok_or_else(|| Error::integrity("the load is not in the list of loads"))?;
    let headers: Vec<_> = load_inputs(client, load).await?.iter().map(|input| input.header_digest).collect();
    let totals = totals(&units);
    let (content, contents) = (content(&headers, &totals), contents(&headers, &totals)?);
    let digest = load_digest(client, &stored, &units).await?;
    let seal = Seal { content, identity: identity(options, &content), digest, contents };
    finish_load(client, load, &seal, force).await?;
    load_outcome(client, load).await?.ok_or_else(|| Error::internal("a finished load has no outcome"))
}

/// Partition by partition, the largest first; then the tables' own, which adopt what is there.
async fn build_indexes(client: &Client, parallel: Parallel<'_>) -> Result<()> {
    let doing = "building the indexes";
    let partitions = tables::missing_indexes(client).await?;
    parallel.run(client, doing, &partitions.into_iter().map(tables::index_partition).collect::<Vec<_>>()).await?;
    parallel.run(client, doing, &[tables::build_indexes()]).await
}

/// What a finished load leaves behind it: no rows of loads it replaced, and statistics. It is visible whether or not this succeeds.
pub async fn tidy(client: &Client, parallel: Parallel<'_>, done: &Finished) -> Result<()> {
    for replaced in &done.replaced {
        purge_load(client, *replaced).await?;
    }
    if done.status == "skipped" {
        return Ok(());
    }
    let filled = [("variants", done.variants), ("calls", done.calls)].into_iter().filter(|(_, rows)| *rows > 0);
    let statements: Vec<String> = filled.map(|(table, _)| tables::analyze_table(table)).collect();
    parallel.run(client, "making statistics", &statements).await
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
    if let Some(done) = load_outcome(client, load).await? {
        return Ok(done);
    }
    let partial = |missing: String| {
        Error::failed(format!("load {load} is not whole: {missing}"))
            .with_hint("run the missing shards, or the same command without `--shard`: only what is missing is read")
    };
    if let Some(missing) = missing(&load_inputs(client, load).await?) {
        return Err(partial(missing));
    }
    if !take_up_load(client, load).await? {
        return Err(Error::failed(format!("load {load} is being written by a run, or cannot be finished any more"))
            .with_hint("see `genogate loads show`"));
    }
    match state(client, parallel, load).await? {
        State::Finished(done) => return Ok(*done),
        State::Whole => {}
        State::Unfinished => return Err(partial("units were taken back".into())),
    }
    let done = publish(client, parallel, load, options, None, force).await?;
    tidy(client, parallel, &done).await?;
    Ok(done)
}
