//! The store's functions as calls: begin, resume, announce, commit, finish, fail. It must not know how rows are encoded.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::digest::Digest;
use super::document::{Document, InputDocument, SampleId};
use super::identity::{InputTotal, fingerprint};
use super::shard::Shard;
use super::tally::Account;
use super::unit::{ClosedUnit, InputUnits};
use crate::crypto::digest::hex;
use crate::db;
use crate::error::{Class, Error, Result};

/// A load that is in progress on this connection, which holds its lock, alone or with other shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub id: Uuid,
    pub number: i32,
    pub resumed: bool,
    /// It is visible already: nothing is left to do for a shard that comes late.
    pub complete: bool,
}

/// What a load is begun with.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    /// The load's id, when it is a new one.
    pub id: Uuid,
    pub name: &'a str,
    /// The name under which shards meet.
    pub meeting: Option<&'a str>,
    /// Digest over everything that decides about rows.
    pub options: [u8; 32],
    /// Header lines and sample names as they came in.
    pub original: &'a Document,
    /// The same as they are stored.
    pub document: &'a Document,
    pub units: &'a [InputUnits],
    pub shard: Option<Shard>,
    /// Make a new load although an identical one is complete.
    pub force: bool,
}

/// Begins a load, or takes part in the unfinished one with the same fingerprint. `Err` inside: another session runs it, or this
/// shard of it. Class `usage` when shards or the load's name do not fit what is there.
pub async fn begin(client: &Client, beginning: &Beginning<'_>) -> Result<Result<Load, Uuid>> {
    let Beginning { document, units, shard, .. } = *beginning;
    let fingerprint = fingerprint(&beginning.options, document, units);
    if shard.is_some() && fingerprint.is_none() {
        return Err(Error::usage("a stream cannot be cut into shards").with_hint("write it to a file first"));
    }
    let counts: Vec<Option<i32>> = units.iter().map(|cut| cut.count.map(u32::cast_signed)).collect();
    let part = |number: fn(Shard) -> u32| shard.map(|shard| number(shard).cast_signed());
    let row = client
        .query_one(
            "SELECT o_load, o_load_no, o_state
             FROM genogate_store.join_load($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                &beginning.id,
                &beginning.meeting.unwrap_or(beginning.name),
                &beginning.options.as_slice(),
                &fingerprint.as_ref().map(|digest| digest.as_slice()),
                &sample_kind(document),
                &assembly(document),
                &inputs(document),
                &counts,
                &beginning.meeting,
                &part(|shard| shard.index + 1),
                &part(|shard| shard.count),
                &beginning.force,
            ],
        )
        .await
        .map_err(|error| db::failure("beginning the load", error))?;
    let (id, number, state): (Uuid, i32, &str) = (row.get(0), row.get(1), row.get(2));
    match state {
        "busy" => Ok(Err(id)),
        "split" => Err(Error::usage(format!("load {id} is being written in another number of shards"))
            .with_hint("give every task the same n in `--shard i/n`, or wait until the others have ended")),
        "other" => Err(Error::usage(format!("load {id} is unfinished and has this name or these files, but not both"))
            .with_hint("give it the files, the options and the name it was begun with, take another name, or drop it: `genogate loads drop`")),
        state => Ok(Ok(Load { id, number, resumed: state == "resumed", complete: state == "complete" })),
    }
}

/// Takes the lock of a load, or of a shard of it, on this connection, whose predecessor was lost. False: another session holds it.
pub async fn hold(client: &Client, load: Uuid, shard: Option<Shard>) -> Result<bool> {
    let row = match shard.map(|shard| (shard.index.cast_signed() + 1, shard.count.cast_signed())) {
        None => client.query_one("SELECT genogate_store.hold_load($1)", &[&load]).await,
        Some((number, count)) => {
            client.query_one("SELECT genogate_store.hold_shard($1, $2, $3)", &[&load, &number, &count]).await
        }
    };
    row.map(|row| row.get(0)).map_err(|error| db::failure("holding the load", error))
}

/// The server's process behind this connection.
pub async fn backend(client: &Client) -> Result<i32> {
    let row = client.query_one("SELECT pg_catalog.pg_backend_pid()", &[]).await;
    row.map(|row| row.get(0)).map_err(|error| db::failure("asking who serves", error))
}

/// Cancels what a process of the server is doing.
pub async fn cancel(client: &Client, backend: i32) -> Result<()> {
    let told = client.execute("SELECT pg_catalog.pg_cancel_backend($1)", &[&backend]).await;
    told.map(|_| ()).map_err(|error| db::failure("cancelling a statement", error))
}

/// What the ledger holds of a load.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Committed units.
    pub units: Vec<u32>,
    /// Records inside the regions and digest sums, by 0-based input.
    pub totals: BTreeMap<u32, InputTotal>,
    /// Sum of the units' row digests.
    pub rows_digest: Digest,
}

/// Reads the ledger of a load.
pub async fn read(client: &Client, load: Uuid) -> Result<Ledger> {
    let rows = client
        .query("SELECT unit, input, records - out_of_region, digest, rows_digest FROM genogate_store.ledger($1)", &[&load])
        .await
        .map_err(|error| db::failure("reading the ledger", error))?;
    let mut ledger = Ledger::default();
    for row in rows {
        let (unit, input, records, digest): (i32, i32, i64, &[u8]) = (row.get(0), row.get(1), row.get(2), row.get(3));
        let digest: [u8; 32] = digest.try_into().map_err(|_| Error::integrity("a ledger row's digest is cut"))?;
        if let Some(rows) = row.get::<_, Option<&[u8]>>(4).and_then(|rows| rows.try_into().ok()) {
            ledger.rows_digest.add(Digest::from_bytes(rows));
        }
        ledger.units.push(unit.cast_unsigned());
        let total = ledger.totals.entry((input - 1).cast_unsigned()).or_default();
        total.records += records.cast_unsigned();
        total.digest.add(Digest::from_bytes(digest));
    }
    Ok(ledger)
}

/// Opens a transaction for a unit.
pub async fn begin_transaction(client: &Client) -> Result<()> {
    client.batch_execute("BEGIN").await.map_err(|error| db::failure("beginning a unit", error))
}

/// SQLSTATE of a unit that is in the ledger already.
pub const COMMITTED: &str = "GG400";

/// SQLSTATE of a unit of a load that is finished, failed or dropped by now.
pub const NOT_IN_PROGRESS: &str = "GG100";

/// Announces a unit within the open transaction. Class `failed` when it is in the ledger by now: whoever ran the load before
/// was not quite dead yet.
pub async fn begin_unit(client: &Client, load: Uuid, unit: u32) -> Result<()> {
    let begun = client.execute("SELECT genogate_store.begin_unit($1, $2)", &[&load, &unit.cast_signed()]).await;
    begun.map(|_| ()).map_err(|error| match db::failure("beginning a unit", error) {
        error if error.sqlstate() == Some(COMMITTED) => {
            Error::failed(format!("unit {unit} was committed by another session meanwhile")).with_sqlstate(COMMITTED)
        }
        error => error,
    })
}

/// Are all these units in the ledger, with the records that were read here? A COMMIT without an answer may have been
/// carried out.
pub async fn holds(client: &Client, load: Uuid, closed: &[(ClosedUnit, Account)]) -> Result<bool> {
    let units: Vec<i32> = closed.iter().map(|(closed, _)| closed.unit.cast_signed()).collect();
    let rows = client
        .query("SELECT unit, digest FROM genogate_store.ledger($1) WHERE unit = ANY($2)", &[&load, &units])
        .await
        .map_err(|error| db::failure("asking the ledger", error))?;
    let same = |(closed, _): &(ClosedUnit, Account)| {
        let digest = closed.counts.digest.to_bytes();
        rows.iter().any(|row| row.get::<_, i32>(0) == closed.unit.cast_signed() && row.get::<_, &[u8]>(1) == digest)
    };
    Ok(closed.iter().all(same))
}

/// Writes a unit's ledger row and quarantine within the open transaction.
pub async fn commit_unit(client: &Client, load: Uuid, closed: &ClosedUnit, account: &Account) -> Result<()> {
    let quarantine: Vec<Value> = closed.bad.iter().map(|bad| json!([closed.line(bad), bad.field, bad.reason])).collect();
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    client
        .execute(
            "SELECT genogate_store.commit_unit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            &[
                &load,
                &closed.unit.cast_signed(),
                &(closed.counts.input.cast_signed() + 1),
                &number(closed.counts.lines),
                &number(closed.counts.records),
                &number(account.loaded),
                &number(account.variants),
                &number(account.calls),
                &number(account.quarantined),
                &number(account.filtered),
                &number(closed.counts.out_of_region),
                &closed.counts.digest.to_bytes().as_slice(),
                &Value::Array(quarantine),
                &account.rows_digest.to_bytes().as_slice(),
            ],
        )
        .await
        .map_err(|error| db::failure("committing a unit", error))?;
    Ok(())
}

/// Commits the open transaction.
pub async fn commit_transaction(client: &Client) -> Result<()> {
    client.batch_execute("COMMIT").await.map_err(|error| db::failure("committing a unit", error))
}

/// How a load ended.
#[derive(Debug, serde::Serialize)]
pub struct Finished {
    /// The visible load: this one, or the identical earlier one.
    #[serde(rename = "load_id")]
    pub id: Uuid,
    /// `complete` or `skipped`.
    pub status: String,
    /// The load this one replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Uuid>,
    pub input_records: i64,
    pub variants: i64,
    pub calls: i64,
    pub quarantined: i64,
    pub filtered: i64,
    pub out_of_region: i64,
    pub units: i64,
    /// Sum of the stored rows' digests, hexadecimal; none before the load is complete.
    pub rows_digest: Option<String>,
}

impl Finished {
    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            status: row.get(1),
            replaced: row.get(2),
            input_records: row.get(3),
            variants: row.get(4),
            calls: row.get(5),
            quarantined: row.get(6),
            filtered: row.get(7),
            out_of_region: row.get(8),
            units: row.get(9),
            rows_digest: row.get(10),
        }
    }
}

/// The header digests of a load's inputs, in order; zeros for one that was given up.
pub async fn headers(client: &Client, load: Uuid) -> Result<Vec<[u8; 32]>> {
    let rows = client
        .query("SELECT genogate_store.input_digests($1)", &[&load])
        .await
        .map_err(|error| db::failure("reading the inputs", error))?;
    let cut = |_| Error::integrity("a stored digest is cut");
    rows.iter().map(|row| row.get::<_, Vec<u8>>(0).try_into().map_err(cut)).collect()
}

/// How a load ended that is visible; `None` when it is not.
pub async fn visible(client: &Client, load: Uuid) -> Result<Option<Finished>> {
    let row = client
        .query_opt(
            "SELECT load_id, status, NULL::uuid, input_records, variants, calls, quarantined, filtered, out_of_region, units,
                    encode(rows_digest, 'hex')
             FROM genogate_store.list_loads() WHERE load_id = $1 AND status = 'complete'",
            &[&load],
        )
        .await
        .map_err(|error| db::failure("looking the load up", error))?;
    Ok(row.as_ref().map(Finished::of))
}

/// Says which columns of `variants` the load's rows are written with, in their order: what their digests are made over.
/// Class `failed` when the load was begun with others.
pub async fn declare_columns(client: &Client, load: Uuid, columns: &[&str]) -> Result<()> {
    client
        .execute("SELECT genogate_store.declare_columns($1, $2)", &[&load, &columns])
        .await
        .map_err(|error| db::failure("declaring the columns", error))?;
    Ok(())
}

/// Stores what the caller says about each input.
pub async fn tag(client: &Client, load: Uuid, document: &Document) -> Result<()> {
    if document.inputs.iter().all(|input| input.tags.is_empty()) {
        return Ok(());
    }
    let tags = Value::Array(document.inputs.iter().map(|input| json!(input.tags)).collect());
    let told = client.execute("SELECT genogate_store.tag_inputs($1, $2)", &[&load, &tags]).await;
    told.map(|_| ()).map_err(|error| db::failure("tagging the inputs", error))
}

/// Makes a load visible, or drops it when an identical one is and `force` is off. `rows_digest` is kept with it.
pub async fn finish(client: &Client, load: Uuid, identity: &[u8; 32], rows_digest: Digest, force: bool) -> Result<Finished> {
    client
        .execute("SELECT genogate_store.seal_load($1, $2)", &[&load, &rows_digest.to_bytes().as_slice()])
        .await
        .map_err(|error| db::failure("finishing the load", error))?;
    let row = client
        .query_one(
            "SELECT o_load, o_status, o_replaced, o_input_records, o_variants, o_calls, o_quarantined, o_filtered,
                    o_out_of_region, o_units,
                    (SELECT encode(l.rows_digest, 'hex') FROM genogate_store.list_loads() l WHERE l.load_id = o_load)
             FROM genogate_store.finish_load($1, $2, $3)",
            &[&load, &identity.as_slice(), &force],
        )
        .await
        .map_err(|error| db::failure("finishing the load", error))?;
    Ok(Finished::of(&row))
}

/// How a load ended whose [`finish`] got no answer; `None` when it was not carried out.
pub async fn finished(client: &Client, load: Uuid, identity: &[u8; 32]) -> Result<Option<Finished>> {
    let row = client
        .query_opt(
            "SELECT l.load_id, CASE WHEN l.load_id = $1 THEN 'complete' ELSE 'skipped' END,
                    (SELECT r.load_id FROM genogate_store.list_loads() r
                     WHERE r.status = 'replaced' AND r.reason = 'replaced by load ' || $1),
                    l.input_records, l.variants, l.calls, l.quarantined, l.filtered, l.out_of_region, l.units,
                    encode(l.rows_digest, 'hex')
             FROM genogate_store.list_loads() l
             WHERE l.identity = $2 AND l.status = 'complete'
               AND EXISTS (SELECT FROM genogate_store.list_loads() o
                           WHERE o.load_id = $1 AND o.status IN ('complete', 'dropped'))",
            &[&load, &identity.as_slice()],
        )
        .await
        .map_err(|error| db::failure("finishing the load", error))?;
    Ok(row.as_ref().map(Finished::of))
}

/// Records why a load failed. What a repeated run would meet again (bad input, PHI, a broken digest, a refusal) leaves
/// nothing behind; the rest stays, invisible, to be resumed.
///
/// A shard ends the load only where its input or what is in it does; else it leaves the load to the others.
pub async fn fail(client: &Client, load: Uuid, shard: Option<Shard>, error: &Error) -> Result<()> {
    let purge = match error.class() {
        Class::Phi | Class::Input => true,
        Class::Integrity | Class::Usage | Class::Denied => shard.is_none(),
        _ => false,
    };
    // The message is not kept: it may name a file.
    let class = serde_json::to_value(error.class()).ok().and_then(|class| class.as_str().map(str::to_owned));
    let reason = class.into_iter().chain(error.sqlstate().map(|code| format!("SQLSTATE {code}"))).collect::<Vec<_>>().join(", ");
    let recorded = match shard {
        Some(shard) if !purge => {
            let reason = format!("shard {shard}: {reason}");
            client.execute("SELECT genogate_store.leave_load($1, $2)", &[&load, &reason]).await
        }
        _ => client.execute("SELECT genogate_store.fail_load($1, $2, $3)", &[&load, &reason, &purge]).await,
    };
    recorded.map_err(|error| db::failure("recording the failure", error))?;
    Ok(())
}

/// Gives an input (0-based) up: nothing of it will be visible. The reason must be free of values.
pub async fn give_up(client: &Client, load: Uuid, input: u32, reason: &str) -> Result<()> {
    client
        .execute("SELECT genogate_store.give_up_input($1, $2, $3)", &[&load, &(input.cast_signed() + 1), &reason])
        .await
        .map_err(|error| db::failure("giving an input up", error))?;
    Ok(())
}

/// Says of inputs (from 1) whose units were unknown that they were read to their ends.
pub async fn close_inputs(client: &Client, load: Uuid, inputs: &[i32]) -> Result<()> {
    client
        .execute("SELECT genogate_store.close_inputs($1, $2)", &[&load, &inputs])
        .await
        .map_err(|error| db::failure("closing the inputs", error))?;
    Ok(())
}

/// Makes sure that `variants` has these columns of these types. Class `usage` when one holds another type already.
pub async fn prepare_columns(client: &Client, columns: &[(&str, String)]) -> Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let columns: serde_json::Map<_, _> = columns.iter().map(|(name, kind)| ((*name).to_owned(), json!(kind))).collect();
    client
        .execute("SELECT genogate_store.prepare_columns($1)", &[&Value::Object(columns)])
        .await
        .map_err(|error| db::failure("preparing the columns", error))?;
    Ok(())
}

/// Calls one of the store's functions that take nothing or a load and whose result is of no interest.
pub async fn call(client: &Client, function: &str, load: Option<Uuid>) -> Result<()> {
    let failed = |error| db::failure(function, error);
    match load {
        Some(load) => client.execute(&format!("SELECT genogate_store.{function}($1)"), &[&load]).await.map_err(failed)?,
        None => client.execute(&format!("SELECT genogate_store.{function}()"), &[]).await.map_err(failed)?,
    };
    Ok(())
}

fn sample_kind(document: &Document) -> &'static str {
    let samples: Vec<&SampleId> = document.inputs.iter().flat_map(|input| &input.samples).collect();
    match samples.iter().all(|sample| matches!(sample, SampleId::Pseudonym(_))) {
        _ if samples.is_empty() => "none",
        true => "pseudonym",
        false => "name",
    }
}

/// The assembly all inputs share, or `mixed`.
fn assembly(document: &Document) -> &str {
    let mut assemblies = document.inputs.iter().map(|input| input.assembly.as_str());
    let first = assemblies.next().unwrap_or("unknown");
    if assemblies.all(|assembly| assembly == first) { first } else { "mixed" }
}

fn inputs(document: &Document) -> Value {
    let input = |input: &InputDocument| {
        let header: Vec<Value> = input.lines.iter().map(|line| json!({ "key": line.key, "value": line.value })).collect();
        let samples: Vec<&str> = input.samples.iter().map(sample_id).collect();
        json!({
            "bytes": input.bytes, "header_digest": hex(&input.header_digest), "version": input.version,
            "assembly": input.assembly, "header": header, "samples": samples,
        })
    };
    Value::Array(document.inputs.iter().map(input).collect())
}

fn sample_id(sample: &SampleId) -> &str {
    match sample {
        SampleId::Name(name) => name.expose(),
        SampleId::Pseudonym(pseudonym) => pseudonym,
    }
}
