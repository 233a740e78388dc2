//! How a load begins, or is taken up: by a run, by one of several shards, or by whoever finishes it. It must not know how rows
//! are encoded.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::document::{Document, InputDocument, SampleId};
use super::identity::{command, fingerprint, input_fingerprint};
use super::inputs::{OTHERS, WAIT};
use super::shard::Shard;
use super::unit::InputUnits;
use crate::crypto::digest::{hex, sha256};
use crate::crypto::random;
use crate::db;
use crate::error::{Error, Result};
use crate::sensitive::Sensitive;

/// A load that is in progress on this connection, which holds it, alone or with other shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub id: Uuid,
    pub number: i32,
    pub resumed: bool,
    /// It is visible already: nothing is left to do, and nothing is held.
    pub over: bool,
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
    /// Header lines and samples as they are stored.
    pub document: &'a Document,
    pub units: &'a [InputUnits],
    /// Columns of `variants` its rows are written with, in their order: what their digests are made over.
    pub columns: &'a [&'a str],
    pub shard: Option<Shard>,
    /// Make a new load although an identical one is complete.
    pub force: bool,
    /// Digest of where the inputs lie; `None` when one of them is a stream.
    pub files: Option<[u8; 32]>,
    /// What the run's writers show.
    pub secret: &'a Secret,
}

/// Made by a run for its own sessions: whoever writes units of a load shows the secret of one that holds it. Kept by the database as
/// a digest only.
#[derive(Clone, Debug)]
pub struct Secret(Sensitive<Vec<u8>>);

impl Secret {
    /// A fresh one.
    pub fn new() -> Self {
        let mut bytes = vec![0; 32];
        random(&mut bytes);
        Self(Sensitive::new(bytes))
    }

    /// As the database is told it.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// As the database keeps it with the units that were written under it.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.bytes())
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::new()
    }
}

/// Begins a load, or takes part in one: the unfinished one with the same fingerprint, or what the same command left unfinished or
/// partial, of which inputs that are others by now are read anew, and those that were given up. `Err` inside: another session runs it, or this
/// shard of it. Class `usage` when shards or the load's name do not fit what is there, `failed` when the load was begun with
/// other columns.
pub async fn begin_load(client: &Client, beginning: &Beginning<'_>) -> Result<Result<Load, Uuid>> {
    let Beginning { document, units, shard, .. } = *beginning;
    let fingerprint = fingerprint(&beginning.options, document, units);
    if shard.is_some() && fingerprint.is_none() {
        return Err(Error::usage("a stream cannot be cut into shards").with_hint("write it to a file first"));
    }
    let (number, count) = numbers(shard);
    let name = beginning.meeting.unwrap_or(beginning.name);
    let command = beginning.files.map(|files| command(name, &beginning.options, &files));
    let row = client
        .query_one(
            "SELECT o_load, o_load_no, o_state
             FROM genogate_store.begin_load($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            &[
                &beginning.id,
                &beginning.name,
                &beginning.meeting,
                &beginning.options.as_slice(),
                &fingerprint.as_ref().map(|digest| digest.as_slice()),
                &command.as_ref().filter(|_| fingerprint.is_some()).map(|digest| digest.as_slice()),
                &beginning.secret.bytes(),
                &sample_kind(document),
                &assembly(document),
                &beginning.columns,
                &inputs(document, units),
                &number,
                &count,
                &beginning.force,
            ],
        )
        .await
        .map_err(|error| match db::failure("beginning the load", error) {
            // No such function, table or schema.
            error if matches!(error.sqlstate(), Some("42883" | "42P01" | "3F000")) => error
                .with_hint("the database was made by another build: `genogate init-db` brings it up to date, or says what to do"),
            error if error.sqlstate() == Some(OTHERS) => error.with_hint(WAIT),
            error => error,
        })?;
    let (id, number, state): (Uuid, i32, &str) = (row.get(0), row.get(1), row.get(2));
    match state {
        "busy" => Ok(Err(id)),
        "split" => Err(Error::usage(format!("load {id} is being written in another number of shards"))
            .with_hint("give every task the same n in `--shard i/n`, or wait until the others have ended")),
        "other" => Err(Error::usage(format!("load {id} is unfinished and has this name or these files, but not both"))
            .with_hint("give it the files, the options and the name it was begun with, take another name, or drop it: `genogate loads drop`")),
        state => Ok(Ok(Load { id, number, resumed: state == "resumed", over: ["complete", "partial"].contains(&state) })),
    }
}

/// Keeps what the pipeline does for the safety of what passes it.
pub async fn keep_safeguards(client: &Client, load: Uuid, safeguards: &Value) -> Result<()> {
    let kept = client.execute("SELECT genogate_store.keep_safeguards($1, $2)", &[&load, safeguards]).await;
    kept.map(|_| ()).map_err(|error| db::failure("beginning the load", error))
}

/// Holds a load, or a shard of it, on this connection, whose predecessor was lost. False: another session holds it.
pub async fn hold_load(client: &Client, load: Uuid, shard: Option<Shard>, secret: &Secret) -> Result<bool> {
    let (number, count) = numbers(shard);
    let sql = "SELECT genogate_store.hold_load($1, $2, $3, $4)";
    let held = client.query_one(sql, &[&load, &number, &count, &secret.bytes()]).await;
    held.map(|row| row.get(0)).map_err(|error| db::failure("holding the load", error))
}

/// Holds a load to finish it, beside shards that work on it. False: a run without shards is on it, or it cannot be taken up.
pub async fn take_up_load(client: &Client, load: Uuid) -> Result<bool> {
    let taken = client.query_one("SELECT genogate_store.take_up_load($1)", &[&load]).await;
    taken.map(|row| row.get(0)).map_err(|error| db::failure("taking up the load", error))
}

/// A shard's number from 1, and how many there are.
fn numbers(shard: Option<Shard>) -> (Option<i32>, Option<i32>) {
    (shard.map(|shard| shard.index.cast_signed() + 1), shard.map(|shard| shard.count.cast_signed()))
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

fn inputs(document: &Document, units: &[InputUnits]) -> Value {
    let input = |(number, input): (usize, &InputDocument)| {
        let header: Vec<Value> = input.lines.iter().map(|line| json!({ "key": line.key, "value": line.value })).collect();
        let samples: Vec<&str> = input.samples.iter().map(sample_id).collect();
        let cut = units.iter().find(|cut| cut.input as usize == number);
        json!({
            "fingerprint": cut.and_then(|cut| input_fingerprint(input, cut)).map(|digest| hex(&digest)),
            "reserved": cut.map_or(0, |cut| cut.reserved),
            "bytes": input.bytes, "modified": input.modified, "inode": input.inode.map(u64::cast_signed),
            "header_digest": hex(&input.header_digest), "version": input.version, "assembly": input.assembly,
            "header": header, "tags": input.tags, "first_unit": cut.map_or(0, |cut| cut.first),
            "units": cut.and_then(|cut| cut.count), "samples": samples,
        })
    };
    Value::Array(document.inputs.iter().enumerate().map(input).collect())
}

fn sample_id(sample: &SampleId) -> &str {
    match sample {
        SampleId::Name(name) => name.expose(),
        SampleId::Pseudonym(pseudonym) => pseudonym,
    }
}
