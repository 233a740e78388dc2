//! The inputs of a load: how far each is, what its file looked like, and how it is closed, given up or taken back. It must not
//! know how files are read.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::document::InputDocument;
use super::shard::Shard;
use crate::db;
use crate::error::{Error, Result};

/// How far one input of a load is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// 1-based number.
    pub input: i32,
    /// `complete`, `unfinished`, or `failed`: it was given up, and nothing of it is kept.
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
    /// Other visible loads that hold the same header and records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Uuid>,
    /// Ordinal of its first unit in the load.
    #[serde(skip)]
    pub first: u32,
    /// Its rows are visible.
    #[serde(skip)]
    pub shown: bool,
    /// Zeros once it was given up and cleared.
    #[serde(skip)]
    pub header_digest: [u8; 32],
    /// The file as it was when its units were last held against it.
    #[serde(skip)]
    pub stamp: Stamp,
}

/// SQLSTATE of an input that has changed while other sessions work on its load, and what to do then.
pub(super) const OTHERS: &str = "GG600";
pub(super) const WAIT: &str = "wait until they have ended, then run the same command again";

/// SQLSTATE of an input that has changed and whose rows are visible.
const VISIBLE: &str = "GG601";

/// By what a change of a file shows without reading it. All `None` for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub bytes: Option<i64>,
    /// Nanoseconds since 1970.
    pub modified: Option<i64>,
    pub inode: Option<i64>,
}

impl Stamp {
    /// Of an input as it is now.
    pub fn of(input: &InputDocument) -> Self {
        Self { bytes: input.bytes.map(u64::cast_signed), modified: input.modified, inode: input.inode.map(u64::cast_signed) }
    }
}

/// Every input of a load, by number. Empty for a load that is dropped.
pub async fn load_inputs(client: &Client, load: Uuid) -> Result<Vec<Progress>> {
    let rows = client
        .query(
            "SELECT o_input, o_planned, o_units, o_records, o_variants, o_calls, o_quarantined, o_filtered, o_out_of_region,
                    o_reason, o_tags, o_header_digest, o_bytes, o_modified, o_inode, o_first_unit, o_shown, o_elsewhere
             FROM genogate_store.load_inputs($1)",
            &[&load],
        )
        .await
        .map_err(|error| db::failure("reading how far the load is", error))?;
    rows.iter().map(progress).collect()
}

fn progress(row: &Row) -> Result<Progress> {
    let (units_planned, units, reason): (Option<i32>, i64, Option<String>) = (row.get(1), row.get(2), row.get(9));
    let status = match (&reason, units_planned) {
        (Some(_), _) => "failed",
        (None, Some(planned)) if i64::from(planned) == units => "complete",
        _ => "unfinished",
    };
    let rows = |column: usize| if reason.is_some() { 0 } else { row.get(column) };
    let header = row.get::<_, Vec<u8>>(11).try_into().map_err(|_| Error::integrity("a stored digest is cut"))?;
    Ok(Progress {
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
        header_digest: header,
        stamp: Stamp { bytes: row.get(12), modified: row.get(13), inode: row.get(14) },
        first: row.get::<_, i32>(15).cast_unsigned(),
        shown: row.get(16),
        elsewhere: row.get(17),
    })
}

/// What is missing of a load, in words; `None` when every input is whole.
pub fn missing(inputs: &[Progress]) -> Option<String> {
    let open: Vec<&Progress> = inputs.iter().filter(|input| input.status == "unfinished").collect();
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

/// Gives an input (0-based) up on behalf of a shard: nothing of it will be visible. The reason must be free of values.
pub async fn give_up_input(client: &Client, load: Uuid, input: u32, reason: &str, shard: Option<Shard>) -> Result<()> {
    let shard = shard.map(|shard| shard.index.cast_signed() + 1);
    let sql = "SELECT genogate_store.give_up_input($1, $2, $3, $4)";
    let told = client.execute(sql, &[&load, &number(input), &reason, &shard]).await;
    told.map(|_| ()).map_err(|error| db::failure("giving an input up", error))
}

/// Says of inputs (0-based) whose units were unknown that they were read to their ends.
pub async fn close_inputs(client: &Client, load: Uuid, inputs: &[u32]) -> Result<()> {
    if inputs.is_empty() {
        return Ok(());
    }
    let told = client.execute("SELECT genogate_store.close_inputs($1, $2)", &[&load, &numbers(inputs)]).await;
    told.map(|_| ()).map_err(|error| db::failure("closing the inputs", error))
}

/// Keeps what inputs (0-based) look like by now: their units were held against them.
pub async fn stamp_inputs(client: &Client, load: Uuid, inputs: &[(u32, Stamp)]) -> Result<()> {
    let of = |part: fn(&Stamp) -> Option<i64>| inputs.iter().map(|(_, stamp)| part(stamp)).collect::<Vec<_>>();
    let numbers: Vec<i32> = inputs.iter().map(|(input, _)| number(*input)).collect();
    let (bytes, modified, inode) = (of(|stamp| stamp.bytes), of(|stamp| stamp.modified), of(|stamp| stamp.inode));
    let told = client
        .execute("SELECT genogate_store.stamp_inputs($1, $2, $3, $4, $5)", &[&load, &numbers, &bytes, &modified, &inode])
        .await;
    told.map(|_| ()).map_err(|error| db::failure("keeping what the inputs look like", error))
}

/// Takes inputs (0-based) back whose files have changed: their units are read anew. Class `input` while other sessions work on
/// the load.
pub async fn take_back_inputs(client: &Client, load: Uuid, inputs: &[u32]) -> Result<()> {
    let told = client.execute("SELECT genogate_store.take_back_inputs($1, $2)", &[&load, &numbers(inputs)]).await;
    told.map(|_| ()).map_err(|error| {
        let error = db::failure("it cannot be read anew", error);
        match error.sqlstate() {
            Some(OTHERS) => error.with_hint(WAIT),
            Some(VISIBLE) => error.with_hint("load it all anew: the same command with --force takes the load's place"),
            _ => error,
        }
    })
}

/// Removes what inputs that were given up have stored. No unit enters the load until the transaction ends.
pub async fn clear_given_up(client: &Client, load: Uuid) -> Result<()> {
    let cleared = client.execute("SELECT genogate_store.clear_given_up($1)", &[&load]).await;
    cleared.map(|_| ()).map_err(|error| db::failure("removing what was given up", error))
}

fn number(input: u32) -> i32 {
    input.cast_signed() + 1
}

fn numbers(inputs: &[u32]) -> Vec<i32> {
    inputs.iter().map(|input| number(*input)).collect()
}
