//! The rows of a load as they are stored, read back unit by unit and held against its ledger. It must not know why that is done.

mod tuples;
mod unit;

use std::collections::BTreeMap;

use futures::TryStreamExt;
use tokio_postgres::Client;

pub use self::unit::{Count, Difference, Found};
use self::unit::{first_id, unit_of};
use super::ledger::LedgerUnit;
use super::loads::StoredLoad;
use super::tables::{self, CALLS_COLUMNS};
use crate::db;
use crate::error::{Error, Result};

/// Units are read together until they hold this many rows: what is kept in memory at a time, unless one has more.
const ROWS_AT_ONCE: u64 = 250_000;

/// Reads all rows of a load, or what of them the caller may see, in the ranges that the units leave. `progress` is told how many rows came,
/// `each` gets the next units and what was found in their range. Memory does not grow with the load: of a unit's rows only which there
/// are is kept, as ranges.
///
/// # Errors
/// Class `integrity` when the load's columns are not those of the table.
pub async fn read(
    client: &Client,
    load: &StoredLoad,
    units: &[LedgerUnit],
    progress: impl Fn(u64),
    mut each: impl FnMut(&[LedgerUnit], BTreeMap<u32, Found>),
) -> Result<()> {
    let columns = Columns::of(client, load).await?;
    for span in spans(load.number, units) {
        each(span.units, columns.read(client, load, &span, &progress).await?);
    }
    Ok(())
}

/// Units whose rows are not those that their lines in the ledger tell. Rows between them are not looked at.
pub async fn differing(client: &Client, load: &StoredLoad, units: &[LedgerUnit]) -> Result<Vec<Difference>> {
    let columns = Columns::of(client, load).await?;
    let mut differing = Vec::new();
    for run in units.chunk_by(|unit, next| unit.unit + 1 == next.unit) {
        let mut rest = run;
        while let Some(first) = rest.first() {
            let mut rows = 0;
            let full = |unit: &LedgerUnit| {
                rows += unit.variants + unit.calls;
                rows >= ROWS_AT_ONCE
            };
            let (units, more) = rest.split_at(rest.iter().position(full).map_or(rest.len(), |at| at + 1));
            let end = first_id(load.number, first.unit + units.len() as u32);
            let mut found = columns
                .read(client, load, &Span { low: first_id(load.number, first.unit), high: end - 1, units }, &|_| {})
                .await?;
            let stored = units.iter().map(|unit| (unit, found.remove(&unit.unit).unwrap_or_default()));
            differing.extend(stored.filter_map(|(unit, found)| found.difference(unit.unit, Some(unit))));
            rest = more;
        }
    }
    Ok(differing)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Variants,
    Calls,
}

/// A range of ids, and the ledger's units in it.
struct Span<'a> {
    low: i64,
    high: i64,
    units: &'a [LedgerUnit],
}

/// Ranges that leave out no id of the load.
fn spans(load_no: i32, units: &[LedgerUnit]) -> Vec<Span<'_>> {
    let mut groups: Vec<&[LedgerUnit]> = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for (at, unit) in units.iter().enumerate() {
        rows += unit.variants + unit.calls;
        if rows >= ROWS_AT_ONCE || at + 1 == units.len() {
            groups.push(units.get(start..=at).unwrap_or_default());
            (start, rows) = (at + 1, 0);
        }
    }
    if groups.is_empty() {
        groups.push(&[]);
    }
    let border = |group: usize| match groups.get(group).and_then(|units| units.first()) {
        Some(first) if group > 0 => first_id(load_no, first.unit),
        _ => first_id(load_no + i32::from(group > 0), 0),
    };
    let spans = groups.iter().enumerate();
    spans.map(|(group, units)| Span { low: border(group), high: border(group + 1) - 1, units }).collect()
}

/// Columns of `variants`: first those the load wrote, in the order of its tuples, then every other.
struct Columns {
    names: Vec<String>,
    written: usize,
}

impl Columns {
    async fn of(client: &Client, load: &StoredLoad) -> Result<Self> {
        let doing = |error| db::failure("reading the table's columns", error);
        let statement = client.prepare("SELECT * FROM genogate_store.stored_variants(NULL, 0, 0)").await.map_err(doing)?;
        let (written, stored): (_, Vec<_>) = (&load.columns, statement.columns().iter().map(|column| column.name()).collect());
        if !written.iter().map(String::as_str).take(2).eq(["load_id", "variant_id"])
            || written.iter().any(|name| !stored.contains(&name.as_str()))
        {
            return Err(Error::integrity(format!("load {}: its columns are not those of the table", load.load_id)));
        }
        let others = stored.into_iter().filter(|name| !written.iter().any(|n| n == name)).map(str::to_owned);
        Ok(Self { names: written.iter().cloned().chain(others).collect(), written: written.len() })
    }

    fn copy(&self, load: &StoredLoad, table: Table, span: &Span<'_>) -> String {
        let Span { low, high, .. } = *span;
        match table {
            Table::Variants => tables::stored_variants(load.load_id, &self.names, low, high),
            Table::Calls => tables::stored_calls(load.load_id, low, high),
        }
    }

    /// What is stored in a range, by unit.
    async fn read(
        &self,
        client: &Client,
        load: &StoredLoad,
        span: &Span<'_>,
        progress: &impl Fn(u64),
    ) -> Result<BTreeMap<u32, Found>> {
        let (id, mut found) = (load.load_id, BTreeMap::new());
        for table in [Table::Variants, Table::Calls] {
            let statement = self.copy(load, table, span);
            copy_out(client, &statement, |tuple| {
                let found: &mut Found = found.entry(unit_of(&tuple)?).or_default();
                match table {
                    Table::Variants => found.variant(&tuple, id.as_bytes(), self.written)?,
                    Table::Calls => found.call(&tuple, id.as_bytes(), CALLS_COLUMNS.len())?,
                }
                progress(1);
                Ok(())
            })
            .await?;
        }
        Ok(found)
    }
}

async fn copy_out(client: &Client, statement: &str, mut each: impl FnMut(tuples::Tuple<'_>) -> Result<()>) -> Result<()> {
    let failed = |error| db::failure("reading the stored rows", error);
    let mut pieces = std::pin::pin!(client.copy_out(statement).await.map_err(failed)?);
    let mut tuples = tuples::Tuples::default();
    while let Some(piece) = pieces.try_next().await.map_err(failed)? {
        tuples.push(&piece, &mut each)?;
    }
    if tuples.is_complete() {
        Ok(())
    } else {
        Err(Error::database("reading the stored rows: the database stopped in the middle"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_leave_out_no_id() {
        let unit = |unit, rows| LedgerUnit { unit, variants: rows, ..LedgerUnit::default() };
        for units in [
            vec![],
            vec![unit(0, 1)],
            vec![unit(3, ROWS_AT_ONCE), unit(5, 1), unit(6, ROWS_AT_ONCE), unit(9, ROWS_AT_ONCE)],
            vec![unit(3, 1), unit(5, ROWS_AT_ONCE), unit(1 << 19, 0)],
        ] {
            let spans = spans(7, &units);
            assert_eq!((spans[0].low, spans[spans.len() - 1].high), (7 << 41, (8 << 41) - 1));
            assert!(spans.windows(2).all(|pair| pair[0].high + 1 == pair[1].low));
            assert_eq!(spans.iter().flat_map(|span| span.units).map(|unit| unit.unit).collect::<Vec<_>>(), {
                units.iter().map(|unit| unit.unit).collect::<Vec<_>>()
            });
            for span in &spans {
                assert!(span.units.iter().all(|unit| (span.low..=span.high).contains(&first_id(7, unit.unit))));
            }
        }
    }
}
