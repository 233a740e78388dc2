//! Holds what is stored against the ledger: counts, ids, links, and the digest of every unit's rows. It must not know the
//! files they came from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use tokio_postgres::Client;
use uuid::Uuid;

use super::loads::{self, Load};
use crate::access::{Grant, Permission};
use crate::audit::{self, Selection};
use crate::crypto::digest::hex;
use crate::db::{self, Connection};
use crate::error::{Error, Result};
use crate::store::disposals::{load_disposals, remaining};
use crate::store::identity::{content, identity};
use crate::store::inputs::load_inputs;
use crate::store::ledger::{LedgerUnit, load_units, totals};
use crate::store::stored::{self, Found};
pub use crate::store::stored::{Count, Difference};
use crate::store::{load_digest, tables};

/// Units that differ are named up to this many.
pub const NAMED: usize = 1000;

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
    /// The units that differ, in order, at most [`NAMED`].
    pub units: Vec<Difference>,
    /// Events of the audit trail that tell the load's digest: 0 where its run was killed at its very end.
    pub audited: u64,
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
        let error = Error::integrity(format!("load {}: {}", self.load_id, broken.join(", ")));
        Err(error.with_hint("the stored rows are not those that were loaded: load the file again with --force"))
    }
}

/// How far a validation is: rows read, and rows the ledger promises.
#[derive(Debug, Default)]
pub struct Progress {
    pub rows: AtomicU64,
    pub total: AtomicU64,
}

/// Recounts and hashes again every row of a complete load, unit by unit, as of one moment. The connection ends with the call.
/// Memory does not grow with the load: of a unit's rows only which there are is kept, as ranges.
///
/// Class `usage` when the load is not complete. What does not hold is in the result: see [`Validation::require`].
pub async fn validate(client: Connection, grant: &Grant, id: Uuid, progress: &Progress) -> Result<Validation> {
    grant.require(Permission::Query)?;
    let failed = |error| db::failure("recounting the load", error);
    // Between two reads the rows are digested: the server must not take that for idleness.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0";
    client.batch_execute(begin).await.map_err(failed)?;
    let load = loads::show(&client, grant, id).await?;
    if !["complete", "partial"].contains(&load.status.as_str()) {
        return Err(Error::usage(format!("load {id} is {}, only a visible load can be validated", load.status)));
    }
    if load.mending {
        return Err(Error::usage(format!("files of load {id} that were given up are being read again"))
            .with_hint("finish it first: run the same command again"));
    }
    let recorded = load_units(&client, id).await?;
    let (expected, unfounded) = remaining(&recorded, load_disposals(&client, id).await?);
    let total: u64 = expected.iter().map(|unit| unit.variants + unit.calls).sum();
    progress.total.store(total, Ordering::Relaxed);
    let mut stored = Stored::default();
    let rows = |rows| {
        progress.rows.fetch_add(rows, Ordering::Relaxed);
    };
    stored::read(&client, &load, &expected, rows, |units, found| stored.add(units, found)).await?;
    let mut checks = ledger_checks(&client, &load, &recorded).await?;
    checks.extend(stored.checks(&expected));
    checks.push(Check { name: "disposals that do not follow from what was stored", expected: 0, found: unfounded.cast_signed() });
    let (audited, others) = audited(&client, &load).await?;
    checks.push(Check { name: "digests in the audit trail that are not the load's", expected: 0, found: others });
    let valid = checks.iter().all(Check::holds);
    Ok(Validation { load_id: id, checks, units: stored.differences, audited, valid })
}

/// Events of the audit trail that tell the load's digest, and how many of them tell another than is kept with it.
async fn audited(client: &Client, load: &Load) -> Result<(u64, i64)> {
    let digest = load.digest.as_ref().map(|digest| hex(digest));
    let selection = Selection { event: Some("load_finished".into()), ..Selection::default() };
    let mut events = std::pin::pin!(audit::stream(client, selection));
    let mut told: Vec<(bool, bool)> = Vec::new();
    while let Some(batch) = events.try_next().await? {
        for event in audit::from_batch(&batch)? {
            let detail: serde_json::Value = serde_json::from_str(&event.entry.detail).unwrap_or_default();
            let of_load = detail["load_id"] == load.load_id.to_string();
            let recorded = detail["digest"].as_str().filter(|_| of_load);
            told.extend(recorded.map(|recorded| (digest.as_deref() == Some(recorded), detail["status"] == "partial")));
        }
    }
    // What was partial had another digest until its other files came.
    let last = told.iter().rposition(|(same, _)| *same);
    let other = |(at, (same, partial)): (usize, &(bool, bool))| !(*same || *partial && last.is_some_and(|last| at < last));
    let others = told.iter().enumerate().filter(|told| other(*told)).count() as i64;
    Ok((told.len() as u64, others))
}

/// Sums over all units.
#[derive(Default)]
struct Stored {
    variants: u64,
    calls: u64,
    foreign: u64,
    repeated_variants: u64,
    repeated_calls: u64,
    orphan_calls: u64,
    differing: u64,
    differences: Vec<Difference>,
}

impl Stored {
    fn add(&mut self, units: &[LedgerUnit], mut found: BTreeMap<u32, Found>) {
        for unit in units {
            found.entry(unit.unit).or_default();
        }
        for (number, found) in found {
            let (variants, calls) = found.rows();
            self.variants += variants;
            self.calls += calls;
            self.foreign += found.foreign;
            self.repeated_variants += found.repeated_variants;
            self.repeated_calls += found.repeated_calls;
            self.orphan_calls += found.orphan_calls;
            let recorded = units.binary_search_by_key(&number, |unit| unit.unit).ok().and_then(|at| units.get(at));
            if let Some(difference) = found.difference(number, recorded) {
                self.differing += 1;
                if self.differences.len() < NAMED {
                    self.differences.push(difference);
                }
            }
        }
    }

    fn checks(&self, expected: &[LedgerUnit]) -> [Check; 7] {
        let none = |name, found: u64| Check { name, expected: 0, found: found.cast_signed() };
        let all = |name, expected: u64, found: u64| Check { name, expected: expected.cast_signed(), found: found.cast_signed() };
        [
            all("variants stored", expected.iter().map(|unit| unit.variants).sum(), self.variants),
            all("calls stored", expected.iter().map(|unit| unit.calls).sum(), self.calls),
            none("units whose rows differ", self.differing),
            none("variants stored twice", self.repeated_variants),
            none("calls stored twice", self.repeated_calls),
            none("calls without a variant", self.orphan_calls),
            none("rows that name another load", self.foreign),
        ]
    }
}

async fn ledger_checks(client: &Client, load: &Load, units: &[LedgerUnit]) -> Result<Vec<Check>> {
    let sum = |of: fn(&LedgerUnit) -> u64| units.iter().map(of).sum::<u64>().cast_signed();
    let (records, variants, calls) = (sum(|unit| unit.records), sum(|unit| unit.variants), sum(|unit| unit.calls));
    let (quarantined, accounted) =
        (sum(|unit| unit.quarantined), sum(|unit| unit.loaded_records + unit.quarantined + unit.filtered + unit.out_of_region));
    let (stray, entries) = tables::recount(client, load.load_id).await?;
    let bound = load.digest.as_deref() == Some(load_digest(client, load, units).await?.as_slice());
    let identical = same_identity(client, load, units).await?;
    let listed = |count: Option<i64>| count.unwrap_or(-1);
    let check = |name, expected, found| Check { name, expected, found };
    Ok(vec![
        check("units in the ledger", listed(load.units), units.len() as i64),
        check("records in the ledger", listed(load.input_records), records),
        check("records accounted for", records, accounted),
        check("variants in the ledger", listed(load.variants), variants),
        check("calls in the ledger", listed(load.calls), calls),
        // A record of which another allele was stored has an entry without counting as quarantined.
        check("quarantined records without an entry", 0, (quarantined - entries).max(0)),
        check("digests in the ledger that are not the load's", 0, i64::from(!identical)),
        check("columns, inputs, samples or ledger not as digested", 0, i64::from(!bound)),
        check("rows whose ids are not the load's", 0, stray),
    ])
}

/// Content and identity, computed anew from the ledger, are those the load was finished with.
async fn same_identity(client: &Client, load: &Load, units: &[LedgerUnit]) -> Result<bool> {
    let headers: Vec<_> = load_inputs(client, load.load_id).await?.iter().map(|input| input.header_digest).collect();
    let options: [u8; 32] = load.options.clone().try_into().map_err(|_| Error::integrity("a stored digest is cut"))?;
    let content = content(&headers, &totals(units));
    let same = |stored: &Option<Vec<u8>>, computed: &[u8; 32]| stored.as_deref() == Some(computed.as_slice());
    Ok(same(&load.content, &content) && same(&load.identity, &identity(&options, &content)))
}
