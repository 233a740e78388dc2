//! How a load ends: visible, dropped for an identical one, failed, dropped on request. It must not know what it is made of.

use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::shard::Shard;
use crate::crypto::digest::hex;
use crate::db;
use crate::error::{Class, Error, Result};

/// How a load ended.
#[derive(Debug, serde::Serialize)]
pub struct Finished {
    /// The visible load: this one, or the identical earlier one.
    #[serde(rename = "load_id")]
    pub id: Uuid,
    /// `complete`, `partial` when inputs were given up, `skipped`, or `unfinished` while units are missing.
    pub status: String,
    /// Loads whose place this one took: the identical one, with force, and those of the same pipeline and content under other
    /// options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Uuid>,
    /// Visible loads that other pipelines made of the same content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_content: Vec<Uuid>,
    pub input_records: i64,
    pub variants: i64,
    pub calls: i64,
    pub quarantined: i64,
    pub filtered: i64,
    pub out_of_region: i64,
    pub units: i64,
    /// Digest of the load, hexadecimal; none before it is complete.
    pub digest: Option<String>,
}

/// What makes a load the load it is, computed from its ledger.
#[derive(Clone, Debug)]
pub struct Seal {
    /// What was read, without options.
    pub content: [u8; 32],
    /// With options.
    pub identity: [u8; 32],
    /// Over what is stored.
    pub digest: [u8; 32],
    /// What was read of each input; `None` where that is nothing.
    pub contents: Vec<Option<[u8; 32]>>,
}

/// Is it this session's turn to finish the load? It stays so until the session ends.
pub async fn take_turn(client: &Client, load: Uuid) -> Result<bool> {
    let taken = client.query_one("SELECT genogate_store.take_turn($1)", &[&load]).await;
    taken.map(|row| row.get(0)).map_err(|error| db::failure("finishing the load", error))
}

/// Makes a whole load visible, or drops it when an identical one is and `force` is off: see [`load_outcome`].
pub async fn finish_load(client: &Client, load: Uuid, seal: &Seal, force: bool) -> Result<()> {
    let Seal { content, identity, digest, contents } = seal;
    let contents: Vec<Option<&[u8]>> = contents.iter().map(|content| content.as_ref().map(|digest| digest.as_slice())).collect();
    let finished = client
        .execute(
            "SELECT genogate_store.finish_load($1, $2, $3, $4, $5, $6)",
            &[&load, &content.as_slice(), &identity.as_slice(), &digest.as_slice(), &contents, &force],
        )
        .await;
    finished.map(|_| ()).map_err(|error| db::failure("finishing the load", error))
}

/// How a load ended; `None` while it is not visible and nothing took its place.
pub async fn load_outcome(client: &Client, load: Uuid) -> Result<Option<Finished>> {
    let row = client
        .query_opt(
            "SELECT o_load, o_status, o_replaced, o_same_content, o_input_records, o_variants, o_calls, o_quarantined, o_filtered,
                    o_out_of_region, o_units, o_digest
             FROM genogate_store.load_outcome($1)",
            &[&load],
        )
        .await
        .map_err(|error| db::failure("looking the load up", error))?;
    let finished = |row: Row| Finished {
        id: row.get(0),
        status: row.get(1),
        replaced: row.get(2),
        same_content: row.get(3),
        input_records: row.get(4),
        variants: row.get(5),
        calls: row.get(6),
        quarantined: row.get(7),
        filtered: row.get(8),
        out_of_region: row.get(9),
        units: row.get(10),
        digest: row.get::<_, Option<&[u8]>>(11).map(hex),
    };
    Ok(row.map(finished))
}

/// Records why a load failed. What a repeated run would meet again (bad input, PHI, a broken digest, a refusal) leaves
/// nothing behind; the rest stays, invisible, to be resumed.
///
/// While others work on the load, it is theirs; and nothing that is visible goes.
pub async fn fail_load(client: &Client, load: Uuid, shard: Option<Shard>, error: &Error) -> Result<()> {
    let purge = match error.class() {
        Class::Phi | Class::Input => true,
        Class::Integrity | Class::Usage | Class::Denied => shard.is_none(),
        _ => false,
    };
    // The message is not kept: it may name a file.
    let class = serde_json::to_value(error.class()).ok().and_then(|class| class.as_str().map(str::to_owned));
    let reason = class.into_iter().chain(error.sqlstate().map(|code| format!("SQLSTATE {code}"))).collect::<Vec<_>>().join(", ");
    let reason = shard.filter(|_| !purge).map_or_else(|| reason.clone(), |shard| format!("shard {shard}: {reason}"));
    let told = client.execute("SELECT genogate_store.fail_load($1, $2, $3)", &[&load, &reason, &purge]).await;
    told.map(|_| ()).map_err(|error| db::failure("recording the failure", error))
}

/// Drops a load; gives the number of variants and calls it had, `None` when there is no such load. Class `failed` while another
/// session works on it.
pub async fn drop_load(client: &Client, load: Uuid, reason: &str) -> Result<Option<(u64, u64)>> {
    let row = client
        .query_one("SELECT o_found, o_variants, o_calls FROM genogate_store.drop_load($1, $2)", &[&load, &reason])
        .await
        .map_err(|error| db::failure("dropping the load", error))?;
    let count = |column: usize| row.get::<_, Option<i64>>(column).unwrap_or(0).unsigned_abs();
    Ok(row.get::<_, bool>(0).then(|| (count(1), count(2))))
}

/// Deletes the rows a replaced load left.
pub async fn purge_load(client: &Client, load: Uuid) -> Result<()> {
    let purged = client.execute("SELECT genogate_store.purge_load($1)", &[&load]).await;
    purged.map(|_| ()).map_err(|error| db::failure("removing the replaced load", error))
}
