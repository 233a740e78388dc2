//! What the database holds of one unit, and how that differs from the ledger. It must not know how rows come in.

use super::tuples::Tuple;
use crate::error::{Error, Result};
use crate::pgcopy::row_digest;
use crate::store::Digest;
use crate::store::ledger::LedgerUnit;
use crate::store::tables::{CALLS_TAG, VARIANTS_TAG};

/// Expected by the ledger, found in the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    pub expected: u64,
    pub found: u64,
}

/// A unit whose stored rows are not those that were written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// As `unit` in the view quarantine.
    pub unit: u32,
    /// 1-based input the unit was read from; null for a unit that is not in the ledger.
    pub input: Option<u32>,
    pub variants: Count,
    pub calls: Count,
    /// Rows whose id another row of the unit has too.
    pub repeated_variants: u64,
    /// Calls of a sample that another call for the same variant has too.
    pub repeated_calls: u64,
    /// Calls whose variant is not stored.
    pub orphan_calls: u64,
}

impl Difference {
    /// One line for people.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |wrong: bool, text: String| parts.extend(wrong.then_some(text));
        let Count { expected, found } = self.variants;
        part(expected != found, format!("{found} variants instead of {expected}"));
        let Count { expected, found } = self.calls;
        part(expected != found, format!("{found} calls instead of {expected}"));
        part(self.repeated_variants > 0, format!("{} variants stored twice", self.repeated_variants));
        part(self.repeated_calls > 0, format!("{} calls stored twice", self.repeated_calls));
        part(self.orphan_calls > 0, format!("{} calls without a variant", self.orphan_calls));
        part(true, "content differs".into());
        let input = self.input.map_or("not in the ledger".into(), |input| format!("input {input}"));
        format!("unit {} ({input}): {}", self.unit, parts.join(", "))
    }
}

/// A unit's rows as they come out of the tables.
#[derive(Debug, Default)]
pub struct Found {
    variants: Vec<u64>,
    calls: Vec<u64>,
    variants_digest: Digest,
    calls_digest: Digest,
    /// A column holds a value although the load writes none there.
    unwritten: bool,
    /// Rows that name another load.
    pub foreign: u64,
    pub repeated_variants: u64,
    pub repeated_calls: u64,
    pub orphan_calls: u64,
}

/// Bits of a variant's id that number the rows of a unit, and those before them that number the unit.
const ROW_BITS: u32 = 21;
const UNIT_BITS: u32 = 20;

/// The first id of a unit.
pub fn first_id(load_no: i32, unit: u32) -> i64 {
    i64::from(load_no) << (UNIT_BITS + ROW_BITS) | i64::from(unit) << ROW_BITS
}

/// The unit a tuple's id names. The first two fields are the load's and the variant's ids.
pub fn unit_of(tuple: &Tuple<'_>) -> Result<u32> {
    Ok((id(tuple)? >> ROW_BITS & ((1 << UNIT_BITS) - 1)) as u32)
}

fn id(tuple: &Tuple<'_>) -> Result<u64> {
    tuple.fixed(1).map(u64::from_be_bytes).ok_or_else(|| Error::internal("a stored row came without its id"))
}

fn row_of(id: u64) -> u64 {
    id & ((1 << ROW_BITS) - 1)
}

impl Found {
    /// A stored variant; the load writes the first `written` columns.
    pub fn variant(&mut self, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) -> Result<()> {
        self.variants.push(row_of(id(tuple)?));
        let digest = self.row(VARIANTS_TAG, tuple, load, written)?;
        self.variants_digest.add(digest);
        Ok(())
    }

    /// A stored call; its fourth column is the sample's number.
    pub fn call(&mut self, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) -> Result<()> {
        let sample = tuple.fixed(3).map_or(0, u32::from_be_bytes);
        self.calls.push(row_of(id(tuple)?) << 32 | u64::from(sample));
        let digest = self.row(CALLS_TAG, tuple, load, written)?;
        self.calls_digest.add(digest);
        Ok(())
    }

    fn row(&mut self, tag: u8, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) -> Result<Digest> {
        let fields = tuple.first(written).ok_or_else(|| Error::internal("a stored row came without its columns"))?;
        self.foreign += u64::from(tuple.fixed(0) != Some(*load));
        self.unwritten |= !tuple.is_null_from(written);
        Ok(Digest::from_bytes(row_digest(tag, written as u16, fields)))
    }

    /// All rows are in: counts what is there twice and what hangs in the air.
    pub fn count(&mut self) {
        self.variants.sort_unstable();
        self.calls.sort_unstable();
        let twice = |ids: &[u64]| ids.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        self.repeated_variants = twice(&self.variants);
        self.repeated_calls = twice(&self.calls);
        self.orphan_calls = self.calls.iter().filter(|&call| self.variants.binary_search(&(call >> 32)).is_err()).count() as u64;
    }

    /// Rows of both kinds.
    pub fn rows(&self) -> (u64, u64) {
        (self.variants.len() as u64, self.calls.len() as u64)
    }

    /// What differs from the ledger; `None` when nothing does.
    pub fn difference(&self, unit: u32, recorded: Option<&LedgerUnit>) -> Option<Difference> {
        let none = LedgerUnit::default();
        let ledger = recorded.unwrap_or(&none);
        let (variants, calls) = self.rows();
        let same = (ledger.variants, ledger.calls) == (variants, calls)
            && ledger.variants_digest == self.variants_digest.to_bytes()
            && ledger.calls_digest == self.calls_digest.to_bytes()
            && !self.unwritten;
        (!same || recorded.is_none()).then(|| Difference {
            unit,
            input: recorded.map(|recorded| recorded.input + 1),
            variants: Count { expected: ledger.variants, found: variants },
            calls: Count { expected: ledger.calls, found: calls },
            repeated_variants: self.repeated_variants,
            repeated_calls: self.repeated_calls,
            orphan_calls: self.orphan_calls,
        })
    }
}
