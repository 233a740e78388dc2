//! Counts a load by asking the database. It must not know how the figures are shown.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::figures::{Contig, Counts, Histogram, Qc, Sample, StoredCalls, is_transition, ratio};
use super::statements;
use crate::db;
use crate::error::Result;
use crate::store::ledger::LedgerUnit;

/// A sample column of an input.
pub struct Column {
    input: i32,
    index: i32,
    sample: String,
}

impl Column {
    /// Those of a load, in order.
    pub async fn of(client: &Client, id: Uuid) -> Result<Vec<Self>> {
        let query = "SELECT input, sample_index, sample_id FROM genogate.samples WHERE load_id = $1 ORDER BY input, sample_index";
        let rows = client.query(query, &[&id]).await.map_err(|error| db::failure("reading the samples", error))?;
        Ok(rows.iter().map(|row| Self { input: row.get(0), index: row.get(1), sample: row.get(2) }).collect())
    }
}

/// Samples of the input that a unit is of.
fn samples_of(unit: &LedgerUnit, columns: &[Column]) -> u64 {
    columns.iter().filter(|column| column.input.cast_unsigned() == unit.input + 1).count() as u64
}

/// Which calls are stored: the ledger counts them.
pub fn stored_calls(units: &[LedgerUnit], columns: &[Column]) -> StoredCalls {
    let whole = |unit: &LedgerUnit| unit.calls == unit.variants * samples_of(unit, columns);
    match units.iter().map(|unit| unit.calls).sum::<u64>() {
        0 => StoredCalls::None,
        _ if units.iter().all(whole) => StoredCalls::All,
        _ => StoredCalls::Carriers,
    }
}

/// The parts of X that Y has too (GenBank's pseudo-autosomal regions, 1-based, both ends included), where the assembly is known.
pub fn shared_parts(assembly: &str) -> &'static [(i64, i64)] {
    match assembly {
        "GRCh37" => &[(60_001, 2_699_520), (154_931_044, 155_260_560)],
        "GRCh38" => &[(10_001, 2_781_479), (155_701_383, 156_030_895)],
        _ => &[],
    }
}

/// A load that is asked about.
pub struct Asked<'a> {
    pub client: &'a Client,
    /// Its id, and the range of its variants' ids.
    pub load: (Uuid, i64, i64),
}

impl Asked<'_> {
    async fn rows(&self, sql: &str, more: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let (id, from, to) = &self.load;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            [id as &(dyn ToSql + Sync), from, to].into_iter().chain(more.iter().copied()).collect();
        self.client.query(sql, &parameters).await.map_err(|error| db::failure("counting the load", error))
    }

    /// Fills in what rows say.
    pub async fn alleles(&self, qc: &mut Qc) -> Result<()> {
        let mut contigs: BTreeMap<String, Contig> = BTreeMap::new();
        for row in self.rows(&statements::kinds(), &[]).await? {
            let (contig, kind, change): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
            let count = count(&row, 3);
            if kind != "reference" {
                let entry = contigs.entry(contig.clone()).or_insert_with(|| Contig { contig, ..Contig::default() });
                entry.alleles += count;
                match kind.as_str() {
                    "snp" => entry.snps += count,
                    "insertion" | "deletion" => entry.indels += count,
                    _ => entry.others += count,
                }
            }
            *qc.kinds.entry(kind).or_default() += count;
            // Bases other than these are neither.
            if let Some(change) = change.filter(|change| change.bytes().all(|base| b"ACGT>".contains(&base))) {
                match is_transition(&change) {
                    true => qc.transitions += count,
                    false => qc.transversions += count,
                }
                *qc.substitutions.entry(change).or_default() += count;
            }
        }
        qc.ts_tv = ratio(qc.transitions, qc.transversions);
        qc.contigs = contigs.into_values().collect();
        qc.contigs.sort_by_key(|contig| (contig.contig.parse::<u32>().unwrap_or(u32::MAX), contig.contig.clone()));
        let qualities = self.rows(statements::QUALITIES, &[]).await?;
        qc.quality = Histogram::of(qualities.iter().map(|row| (row.get(0), count(row, 1))));
        let several = "SELECT count(*) FROM genogate.variants
                       WHERE load_id = $1 AND variant_id >= $2 AND variant_id < $3 AND alt LIKE '%,%'";
        qc.multiallelic = self.rows(several, &[]).await?.first().map_or(0, |row| count(row, 0));
        Ok(())
    }

    /// Fills in what calls say.
    pub async fn calls(&self, qc: &mut Qc, units: &[LedgerUnit], columns: &[Column]) -> Result<()> {
        let numbers: Vec<i32> = units.iter().map(|unit| unit.unit.cast_signed()).collect();
        let sizes: Vec<i64> = units.iter().map(|unit| samples_of(unit, columns).cast_signed()).collect();
        let of_units: [&(dyn ToSql + Sync); 2] = [&numbers, &sizes];
        let depths = self.rows(&statements::depths(), &[]).await?;
        qc.depth = Histogram::of(depths.iter().map(|row| (row.get(0), count(row, 1))));
        let mut singletons: BTreeMap<String, u64> = BTreeMap::new();
        let mut bins = Vec::new();
        for row in self.rows(&statements::frequencies(qc.stored_calls == StoredCalls::All), &of_units).await? {
            if row.get::<_, bool>(1) {
                *singletons.entry(row.get(0)).or_default() += count(&row, 3);
            }
            bins.push((row.get(2), count(&row, 3)));
        }
        qc.singletons = Some(singletons);
        qc.frequency = Histogram::twentieths(bins, 20);
        let missing = self.rows(&statements::missing(), &of_units).await?;
        qc.missing = Histogram::twentieths(missing.iter().map(|row| (row.get(0), count(row, 1))), 21);
        qc.samples = self.samples(qc, units, columns).await?;
        Ok(())
    }

    async fn samples(&self, qc: &Qc, units: &[LedgerUnit], columns: &[Column]) -> Result<Vec<Sample>> {
        let (from, to): (Vec<i64>, Vec<i64>) = shared_parts(&qc.assembly).iter().copied().unzip();
        let mut found: BTreeMap<(i32, i32), Counts> = BTreeMap::new();
        for row in self.rows(&statements::samples(), &[&from, &to]).await? {
            found.insert((row.get(0), row.get(1)), Counts::of(|at| count(&row, at + 2)));
        }
        // A sample may be in several inputs, in order of their first.
        let mut order = Vec::new();
        let mut merged: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for column in columns {
            let mut counts = found.remove(&(column.input, column.index)).unwrap_or_default();
            let rows =
                units.iter().filter(|unit| column.input.cast_unsigned() == unit.input + 1).map(|unit| unit.variants).sum::<u64>();
            counts.hom_ref += rows.saturating_sub(counts.calls);
            if qc.stored_calls == StoredCalls::Carriers {
                counts.hom_ref += std::mem::take(&mut counts.haploid_ref);
            }
            counts.calls = rows;
            merged.entry(&column.sample).or_default().add(&counts);
            if seen.insert(&column.sample) {
                order.push(column.sample.as_str());
            }
        }
        Ok(order.into_iter().filter_map(|sample| Some(Sample::of(sample, merged.remove(sample)?))).collect())
    }
}

fn count(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).cast_unsigned()
}
