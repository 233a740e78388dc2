//! Holds what is stored against the ledger: counts, ids, links, digests. It must not know the files it came from.

use tokio_postgres::Client;
use uuid::Uuid;

use super::loads::{self, Load};
use crate::access::{Grant, Permission};
use crate::db;
use crate::error::{Error, Result};
use crate::sink::identity::identity;
use crate::sink::postgres::ledger;

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    pub name: &'static str,
    pub expected: i64,
    pub found: i64,
}

impl Check {
    /// Does it hold?
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// What was checked of a load.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Validation {
    pub load_id: Uuid,
    pub checks: Vec<Check>,
    /// Every check holds.
    pub valid: bool,
}

impl Validation {
    /// Ends with class `integrity`, naming what does not hold.
    pub fn require(&self) -> Result<()> {
        let broken: Vec<&str> = self.checks.iter().filter(|check| !check.holds()).map(|check| check.name).collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(Error::integrity(format!("load {}: {}", self.load_id, broken.join(", "))))
    }
}

/// Recounts a complete load. Class `usage` when it is not complete.
pub async fn validate(client: &Client, grant: &Grant, id: Uuid) -> Result<Validation> {
    grant.require(Permission::Query)?;
    let load = loads::show(client, grant, id).await?;
    if load.status != "complete" {
        return Err(Error::usage(format!("load {id} is {}, only a complete load can be validated", load.status)));
    }
    let failed = |error| db::failure("recounting the load", error);
    let sums = "SELECT count(*), coalesce(sum(records), 0)::bigint, coalesce(sum(variants), 0)::bigint,
                       coalesce(sum(calls), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
                       coalesce(sum(filtered), 0)::bigint, coalesce(sum(out_of_region), 0)::bigint,
                       coalesce(sum(loaded_records), 0)::bigint
                FROM genogate_store.ledger($1)";
    let sums = client.query_one(sums, &[&id]).await.map_err(failed)?;
    let found = client
        .query_one(
            "SELECT o_variants, o_variant_ids, o_calls, o_orphans, o_foreign, o_quarantined FROM genogate_store.recount($1)",
            &[&id],
        )
        .await
        .map_err(failed)?;
    let (sum, stored) = (|column: usize| sums.get::<_, i64>(column), |column: usize| found.get::<_, i64>(column));
    let listed = |count: Option<i64>| count.unwrap_or(-1);
    let check = |name, expected, found| Check { name, expected, found };
    let mut checks = vec![
        check("units in the ledger", listed(load.units), sum(0)),
        check("records in the ledger", listed(load.input_records), sum(1)),
        check("records accounted for", sum(1), sum(7) + sum(4) + sum(5) + sum(6)),
        check("variants in the ledger", listed(load.variants), sum(2)),
        check("calls in the ledger", listed(load.calls), sum(3)),
        check("variants stored", sum(2), stored(0)),
        check("variant ids used twice", 0, stored(0) - stored(1)),
        check("calls stored", sum(3), stored(2)),
        check("calls without a variant", 0, stored(3)),
        check("rows of another load", 0, stored(4)),
        // A record of which another allele was stored has an entry without counting as quarantined.
        check("quarantined records without an entry", 0, (sum(4) - stored(5)).max(0)),
    ];
    checks.push(check("digests that differ", 0, i64::from(!same_identity(client, &load).await?)));
    let valid = checks.iter().all(Check::holds);
    Ok(Validation { load_id: id, checks, valid })
}

/// The identity, computed anew from the ledger, is the one the load was finished with.
async fn same_identity(client: &Client, load: &Load) -> Result<bool> {
    let ledger = ledger::read(client, load.load_id).await?;
    let headers = ledger::headers(client, load.load_id).await?;
    let options: [u8; 32] = load.options.clone().try_into().map_err(|_| Error::integrity("a stored digest is cut"))?;
    Ok(load.identity.as_deref() == Some(identity(&options, &headers, &ledger.totals).as_slice()))
}
