//! Storage guard: rows enter the store only inside a unit of a load, and nobody sees a load that is not complete. It must not
//! know what the rows say.

use uuid::Uuid;

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::db;
use crate::error::Result;

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
        let mut application = target.databases.connect(target.name).await?;
        let mut attempts = must_be_refused(&mut application, &ATTACKS).await?;
        attempts.push(unfinished_load(&mut application).await?);
        application.close().await;
        Ok(attempts)
    }
}

/// Begins a load, stores one variant, looks for it through the views, and rolls everything back.
async fn unfinished_load(client: &mut tokio_postgres::Client) -> Result<Attempt> {
    let failure = |error| db::failure("attacking a control", error);
    let load = Uuid::now_v7();
    let options = [0u8; 32].as_slice();
    let transaction = client.transaction().await.map_err(failure)?;
    transaction
        .execute(
            "SELECT genogate_store.begin_load($1, 'compliance check', NULL, $2, NULL, 'none', 'none', '{}', '[]', NULL, NULL, false)",
            &[&load, &options],
        )
        .await
        .map_err(failure)?;
    transaction.execute("SELECT genogate_store.begin_unit($1, 0)", &[&load]).await.map_err(failure)?;
    let stored = transaction
        .execute(
            "INSERT INTO genogate_store.variants (load_id, variant_id, pos, chrom, contig) VALUES ($1, 1, 1, '22', '22')",
            &[&load],
        )
        .await
        .map_err(failure)?;
    let row = transaction
        .query_one(
            "SELECT (SELECT count(*) FROM genogate.variants WHERE load_id = $1) + (SELECT count(*) FROM genogate.loads \
             WHERE load_id = $1)",
            &[&load],
        )
        .await
        .map_err(failure)?;
    let seen: i64 = row.try_get(0).map_err(failure)?;
    transaction.rollback().await.map_err(failure)?;
    let held = stored == 1 && seen == 0;
    let evidence = format!("{stored} variant stored, {seen} rows of it seen through the views");
    Ok(Attempt::new("the application looks for a load that is not complete", held, evidence))
}
