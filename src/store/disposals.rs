//! What was disposed of in the units of a load, and what must be left of them. It must not know why or by whom.

use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::ledger::LedgerUnit;
use crate::db;
use crate::error::{Error, Result};

/// What one disposal took from a unit, and the unit's digests before and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposal {
    pub unit: u32,
    pub variants: u64,
    pub calls: u64,
    /// Of the variants and of the calls.
    pub before: [[u8; 32]; 2],
    pub after: [[u8; 32]; 2],
}

impl Disposal {
    fn of(row: &Row) -> Result<Self> {
        let digest = |column| row.get::<_, &[u8]>(column).try_into().map_err(|_| Error::integrity("a disposal's digest is cut"));
        Ok(Self {
            unit: row.get::<_, i32>("unit").cast_unsigned(),
            variants: row.get::<_, i64>("variants").cast_unsigned(),
            calls: row.get::<_, i64>("calls").cast_unsigned(),
            before: [digest("variants_before")?, digest("calls_before")?],
            after: [digest("variants_after")?, digest("calls_after")?],
        })
    }
}

/// The disposals of a load, unit by unit.
pub async fn load_disposals(client: &Client, load: Uuid) -> Result<Vec<Disposal>> {
    let rows = client.query("SELECT * FROM genogate_store.load_disposals($1)", &[&load]).await;
    rows.map_err(|error| db::failure("reading the disposals", error))?.iter().map(Disposal::of).collect()
}

/// What must be left of `units`, which are in order: the counts and digests of their rows after the last disposal of each. A
/// disposal counts when it begins with the digests that are left by then; how many do not is returned too.
pub fn remaining(units: &[LedgerUnit], disposals: Vec<Disposal>) -> (Vec<LedgerUnit>, u64) {
    let mut units = units.to_vec();
    let mut waiting = disposals;
    loop {
        let before = waiting.len();
        waiting.retain(|disposal| {
            let unit = units.binary_search_by_key(&disposal.unit, |unit| unit.unit).ok().and_then(|at| units.get_mut(at));
            let Some(unit) = unit.filter(|unit| disposal.before == [unit.variants_digest, unit.calls_digest]) else {
                return true;
            };
            [unit.variants_digest, unit.calls_digest] = disposal.after;
            unit.variants = unit.variants.saturating_sub(disposal.variants);
            unit.calls = unit.calls.saturating_sub(disposal.calls);
            false
        });
        if waiting.len() == before {
            return (units, waiting.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disposals_follow_each_other_by_digest_and_others_are_counted() {
        let unit = |unit| LedgerUnit { unit, variants: 10, calls: 20, ..LedgerUnit::default() };
        let disposal = |unit, before: u8, after: u8| Disposal {
            unit,
            variants: 1,
            calls: 2,
            before: [[before; 32]; 2],
            after: [[after; 32]; 2],
        };
        let units = [unit(0), unit(4)];
        assert_eq!(remaining(&units, Vec::new()), (units.to_vec(), 0));
        let (left, unfounded) =
            remaining(&units, vec![disposal(4, 1, 2), disposal(4, 0, 1), disposal(4, 9, 3), disposal(7, 0, 1)]);
        assert_eq!((&left[0], unfounded), (&units[0], 2));
        assert_eq!((left[1].variants, left[1].calls, left[1].variants_digest), (8, 16, [2; 32]));
    }
}
