//! The ledger of a load's units: announced, committed, read. It must not know how rows are encoded.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::begin::Secret;
use super::digest::Digest;
use super::tally::Account;
use super::unit::{ClosedUnit, InputTotal};
use crate::db;
use crate::error::{Error, Result};

/// A committed unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerUnit {
    pub unit: u32,
    /// Index into the load's inputs, from 0.
    pub input: u32,
    pub records: u64,
    pub loaded_records: u64,
    pub variants: u64,
    pub calls: u64,
    pub quarantined: u64,
    pub filtered: u64,
    pub out_of_region: u64,
    /// Sum of the digests of its records inside the regions: what was read.
    pub digest: Digest,
    /// Of the stored rows.
    pub variants_digest: [u8; 32],
    pub calls_digest: [u8; 32],
    /// Digest of the secret of the run that committed it.
    pub worker: [u8; 32],
}

impl LedgerUnit {
    fn of(row: &Row) -> Result<Self> {
        let digest =
            |column| row.get::<_, &[u8]>(column).try_into().map_err(|_| Error::integrity("a ledger row's digest is cut"));
        let count = |column: &str| row.get::<_, i64>(column).cast_unsigned();
        Ok(Self {
            unit: row.get::<_, i32>("unit").cast_unsigned(),
            input: (row.get::<_, i32>("input") - 1).cast_unsigned(),
            records: count("records"),
            loaded_records: count("loaded_records"),
            variants: count("variants"),
            calls: count("calls"),
            quarantined: count("quarantined"),
            filtered: count("filtered"),
            out_of_region: count("out_of_region"),
            digest: Digest::from_bytes(digest("digest")?),
            variants_digest: digest("variants_digest")?,
            calls_digest: digest("calls_digest")?,
            worker: digest("worker")?,
        })
    }
}

/// The ledger of a load, in the order of units.
pub async fn load_units(client: &Client, load: Uuid) -> Result<Vec<LedgerUnit>> {
    let rows = client.query("SELECT * FROM genogate_store.load_units($1)", &[&load]).await;
    rows.map_err(|error| db::failure("reading the ledger", error))?.iter().map(LedgerUnit::of).collect()
}

/// Records inside the regions and digest sums, by 0-based input.
pub fn totals(units: &[LedgerUnit]) -> BTreeMap<u32, InputTotal> {
    let mut totals: BTreeMap<u32, InputTotal> = BTreeMap::new();
    for unit in units {
        let total = totals.entry(unit.input).or_default();
        total.records += unit.records - unit.out_of_region;
        total.digest.add(unit.digest);
    }
    totals
}

/// Opens a transaction for a unit.
pub async fn begin_transaction(client: &Client) -> Result<()> {
    client.batch_execute("BEGIN").await.map_err(|error| db::failure("beginning a unit", error))
}

/// SQLSTATE of a unit that is in the ledger already.
pub const COMMITTED: &str = "GG400";

/// SQLSTATE of a unit of a load that no session holds which has the secret.
pub const NOT_HELD: &str = "GG501";

/// SQLSTATE of a unit of a load that is finished, failed or dropped by now.
pub const NOT_IN_PROGRESS: &str = "GG100";

/// Announces a unit within the open transaction. Class `failed` when it is in the ledger by now: whoever ran the load before
/// was not quite dead yet.
pub async fn begin_unit(client: &Client, load: Uuid, unit: u32, secret: &Secret) -> Result<()> {
    let sql = "SELECT genogate_store.begin_unit($1, $2, $3)";
    let begun = client.execute(sql, &[&load, &unit.cast_signed(), &secret.bytes()]).await;
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
        .query("SELECT unit, digest FROM genogate_store.load_units($1) WHERE unit = ANY($2)", &[&load, &units])
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
            "SELECT genogate_store.commit_unit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
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
                &account.variants_digest.as_slice(),
                &account.calls_digest.as_slice(),
                &Value::Array(quarantine),
            ],
        )
        .await
        .map_err(|error| db::failure("committing a unit", error))?;
    Ok(())
}

/// Commits the open transaction. The database refuses it while an announced unit is not committed.
pub async fn commit_transaction(client: &Client) -> Result<()> {
    client.batch_execute("COMMIT").await.map_err(|error| db::failure("committing a unit", error))
}
