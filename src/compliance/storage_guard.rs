//! Storage guard: rows enter the store only inside a unit of a load, and nobody sees a load that is not complete. It must not
//! know what the rows say.

use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::crypto::digest::sha256;
use crate::db;
use crate::error::{Error, Result};

/// See the module.
pub struct StorageGuard;

const ATTACKS: [(&str, &str); 6] = [
    (
        "the application inserts a variant without a unit",
        "INSERT INTO genogate_store.variants (load_id, variant_id, pos, chrom, contig) \
         VALUES (gen_random_uuid(), 1, 1, '22', '22')",
    ),
    (
        "the application inserts a variant straight into a partition",
        "INSERT INTO genogate_store.variants_22 (load_id, variant_id, pos, chrom, contig) \
         VALUES (gen_random_uuid(), 1, 1, '22', '22')",
    ),
    (
        "the application inserts a call straight into a partition",
        "INSERT INTO genogate_store.calls_22 (load_id, variant_id, input, sample_index, contig) \
         VALUES (gen_random_uuid(), 1, 1, 0, '22')",
    ),
    ("the application reads the store behind the views", "SELECT * FROM genogate_store.variants LIMIT 1"),
    ("the application changes stored variants", "UPDATE genogate_store.variants SET ref = 'N'"),
    ("the application empties the store", "TRUNCATE genogate_store.variants"),
];

#[async_trait::async_trait]
impl Control for StorageGuard {
    fn id(&self) -> &'static str {
        "storage-guard"
    }

    fn citation(&self) -> &'static str {
        "45 CFR 164.312(c)(1)"
    }

    fn claim(&self) -> &'static str {
        "stored rows come from loads only, stay as they are, and are seen when their load is complete"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let mut application = target.databases.connect_to_attack(target.name).await?;
        let mut attempts = must_be_refused(&mut application, &ATTACKS).await?;
        attempts.push(unfinished_load(&mut application).await?);
        application.close().await;
        Ok(attempts)
    }
}

/// One file without samples, in one unit.
const INPUTS: &str = r#"[{"bytes": 0, "header_digest": "0000000000000000000000000000000000000000000000000000000000000000",
    "version": "VCFv4.3", "assembly": "none", "header": [], "tags": {}, "first_unit": 0, "units": 1, "reserved": 1, "samples": []}]"#;

/// Begins a load, stores one variant, looks for both through the views, finishes the load, looks again, and rolls everything back.
async fn unfinished_load(client: &mut Client) -> Result<Attempt> {
    let load = Uuid::now_v7();
    let transaction = client.transaction().await.map_err(failure)?;
    let seen = look(&transaction, load).await;
    transaction.rollback().await.map_err(failure)?;
    let (before, after) = seen?;
    let attack = "the application looks for a load that is not complete";
    Ok(match (before, after) {
        (0, 2) => Attempt::new(attack, true, "nothing of it is seen through the views, until it is complete"),
        (0, _) => Attempt::new(attack, false, "nothing of it is seen, but nothing of a complete one either"),
        _ => Attempt::new(attack, false, format!("{before} rows of it are seen through the views")),
    })
}

/// Rows of the load and its only variant that the views show before it is complete, and then.
async fn look(client: &Transaction<'_>, load: Uuid) -> Result<(i64, i64)> {
    let digest = sha256(load.as_bytes());
    let digest = digest.as_slice();
    let begin = "SELECT o_load_no::bigint << 41
                 FROM genogate_store.begin_load($1, 'compliance check', NULL, $2, NULL, NULL, $2, 'none', 'none', '{}', $3::text::jsonb, NULL, NULL, false)";
    let row = client.query_one(begin, &[&load, &digest, &INPUTS]).await.map_err(failure)?;
    let variant: i64 = row.try_get(0).map_err(failure)?;
    client.execute("SELECT genogate_store.begin_unit($1, 0, $2)", &[&load, &digest]).await.map_err(failure)?;
    let insert = "INSERT INTO genogate_store.variants (load_id, variant_id, pos, chrom, contig) VALUES ($1, $2, 1, '22', '22')";
    client.execute(insert, &[&load, &variant]).await.map_err(failure)?;
    let commit = "SELECT genogate_store.commit_unit($1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, $2, $2, $2, '[]')";
    client.execute(commit, &[&load, &digest]).await.map_err(failure)?;
    let before = shown(client, load).await?;
    client.execute("SELECT genogate_store.finish_load($1, $2, $2, $2, '{}', false)", &[&load, &digest]).await.map_err(failure)?;
    Ok((before, shown(client, load).await?))
}

async fn shown(client: &Transaction<'_>, load: Uuid) -> Result<i64> {
    let query = "SELECT (SELECT count(*) FROM genogate.variants WHERE load_id = $1) + (SELECT count(*) FROM genogate.loads WHERE load_id = $1)";
    client.query_one(query, &[&load]).await.and_then(|row| row.try_get(0)).map_err(failure)
}

fn failure(error: tokio_postgres::Error) -> Error {
    db::failure("attacking a control", error)
}
