//! What a load looks like: counts by type and contig, of samples, of qualities, computed by the database over the views. What bcftools
//! stats says too is equal to it, over rows of one ALT. It must not know how it is shown.

mod chart;
mod count;
mod figures;
mod html;
mod statements;

use std::collections::BTreeMap;

use uuid::Uuid;

use self::count::{Asked, Column, shared_parts, stored_calls};
pub use self::figures::{Contig, Copies, Counts, Histogram, Qc, Sample, StoredCalls, X};
pub use self::html::page;
use super::loads;
use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::crypto::digest::{hex, sha256};
use crate::db::{self, Connection};
use crate::error::{Error, Result};
use crate::store::disposals::{load_disposals, remaining};
use crate::store::ledger::load_units;

/// Looks at a visible load as of one moment; the connection ends with the call, and the intent is durable in the trail before a row is
/// read. Class `usage` when the load is not visible.
pub async fn qc(client: Connection, grant: &Grant, recorder: &Recorder, id: Uuid) -> Result<Qc> {
    grant.require(Permission::Query)?;
    // The planner cannot know how many rows a part of the statements has; a loop over two of them for each other's rows takes minutes.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_nestloop = off";
    client.batch_execute(begin).await.map_err(|error| db::failure("beginning to count", error))?;
    let load = loads::show(&client, grant, id).await?;
    if !["complete", "partial"].contains(&load.status.as_str()) {
        return Err(Error::usage(format!("load {id} is {}, only a visible load is counted", load.status)));
    }
    let sql_digest = hex(&sha256(format!("loads qc {id}").as_bytes()));
    recorder.record(Event::QueryIntent { sql_digest: sql_digest.clone() })?;
    recorder.flush().await.map_err(|error| error.at("no durable audit intent, so nothing was read"))?;

    let units = remaining(&load_units(&client, id).await?, load_disposals(&client, id).await?).0;
    let columns = Column::of(&client, id).await?;
    let load_range = (id, i64::from(load.number) << 41, (i64::from(load.number) + 1) << 41);
    let asked = Asked { client: &client, load: load_range };
    let mut qc = Qc {
        load_id: id,
        name: load.name,
        assembly: load.assembly,
        stored_calls: stored_calls(&units, &columns),
        rows: units.iter().map(|unit| unit.variants).sum(),
        multiallelic: 0,
        kinds: BTreeMap::new(),
        transitions: 0,
        transversions: 0,
        ts_tv: None,
        singletons: None,
        substitutions: BTreeMap::new(),
        contigs: Vec::new(),
        quality: Histogram::default(),
        depth: Histogram::default(),
        frequency: Histogram::default(),
        missing: Histogram::default(),
        samples: Vec::new(),
        notes: Vec::new(),
    };
    asked.alleles(&mut qc).await?;
    if qc.stored_calls != StoredCalls::None {
        asked.calls(&mut qc, &units, &columns).await?;
    }
    qc.notes = notes(&qc, !columns.is_empty());
    recorder.record(Event::QueryRun { sql_digest, rows: qc.samples.len() as u64 })?;
    recorder.flush().await?;
    Ok(qc)
}

fn notes(qc: &Qc, has_samples: bool) -> Vec<String> {
    let mut notes = Vec::new();
    match qc.stored_calls {
        StoredCalls::All => {}
        StoredCalls::Carriers => notes.push(
            "Only non-reference and missing calls are stored: homozygous reference calls are derived (haploid ones among them), depths are \
             those of stored calls, and frequencies on X, Y and M are not known."
                .to_owned(),
        ),
        StoredCalls::None if has_samples => notes.push("No calls are stored: nothing is known about genotypes.".to_owned()),
        StoredCalls::None => {}
    }
    if qc.multiallelic > 0 {
        notes.push("Rows hold several ALTs: kinds, changes and frequencies are counted by ALT.".to_owned());
    }
    if !qc.samples.is_empty() && shared_parts(&qc.assembly).is_empty() {
        notes.push("The assembly is not known, so copies of X are judged over all of it.".to_owned());
    }
    notes
}
