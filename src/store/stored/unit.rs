//! What the database holds of one unit, and how that differs from the ledger. It must not know how rows come in.

use std::cmp::Ordering;
use std::ops::Range;

use super::tuples::Tuple;
use crate::error::{Error, Result};
use crate::pgcopy::TupleDigest;
use crate::store::ledger::LedgerUnit;
use crate::store::tables::{CALLS_LABEL, VARIANTS_LABEL};

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
    /// The variants, or their order, are not those that were written.
    pub variants_changed: bool,
    /// The same of the calls.
    pub calls_changed: bool,
    /// A column holds a value although the load writes none there.
    pub unwritten: bool,
}

fn told(rows: &str, Count { expected, found }: Count, changed: bool) -> Option<String> {
    match found.cmp(&expected) {
        Ordering::Less => Some(format!("{} of {expected} {rows} missing", expected - found)),
        Ordering::Greater => Some(format!("{} {rows} more than {expected}", found - expected)),
        Ordering::Equal => changed.then(|| format!("{rows} changed")),
    }
}

impl Difference {
    /// One line for people.
    pub fn text(&self) -> String {
        let mut parts: Vec<String> =
            [told("variants", self.variants, self.variants_changed), told("calls", self.calls, self.calls_changed)]
                .into_iter()
                .flatten()
                .collect();
        let mut part = |wrong: bool, text: String| parts.extend(wrong.then_some(text));
        part(self.repeated_variants > 0, format!("{} variants stored twice", self.repeated_variants));
        part(self.repeated_calls > 0, format!("{} calls stored twice", self.repeated_calls));
        part(self.orphan_calls > 0, format!("{} calls without a variant", self.orphan_calls));
        part(self.unwritten, "values in columns that the load does not write".into());
        let input = self.input.map_or("not in the ledger".into(), |input| format!("input {input}"));
        format!("unit {} ({input}): {}", self.unit, parts.join(", "))
    }
}

/// A unit's rows as they come out of the tables: variants by id, then calls by id and sample.
#[derive(Debug)]
pub struct Found {
    variants: u64,
    calls: u64,
    variants_digest: TupleDigest,
    calls_digest: TupleDigest,
    /// Which row numbers there are, in order.
    rows: Vec<Range<u32>>,
    /// Of the last call: its variant's row number, its input and its sample's number.
    last: Option<(u32, [u8; 4], [u8; 4])>,
    /// The last of the ranges that begins at or before it.
    at: usize,
    /// A column holds a value although the load writes none there.
    unwritten: bool,
    /// Rows that name another load.
    pub foreign: u64,
    pub repeated_variants: u64,
    pub repeated_calls: u64,
    pub orphan_calls: u64,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            variants: 0,
            calls: 0,
            variants_digest: TupleDigest::new(VARIANTS_LABEL),
            calls_digest: TupleDigest::new(CALLS_LABEL),
            rows: Vec::new(),
            last: None,
            at: 0,
            unwritten: false,
            foreign: 0,
            repeated_variants: 0,
            repeated_calls: 0,
            orphan_calls: 0,
        }
    }
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

fn row_of(tuple: &Tuple<'_>) -> Result<u32> {
    Ok((id(tuple)? & ((1 << ROW_BITS) - 1)) as u32)
}

impl Found {
    /// The next stored variant; the load writes the first `written` columns.
    pub fn variant(&mut self, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) -> Result<()> {
        let row = row_of(tuple)?;
        match self.rows.last_mut() {
            Some(last) if row < last.end => self.repeated_variants += 1,
            Some(last) if row == last.end => last.end += 1,
            _ => self.rows.push(row..row + 1),
        }
        self.variants += 1;
        digest(&mut self.variants_digest, tuple, written)?;
        self.look(tuple, load, written);
        Ok(())
    }

    /// The next stored call. Its third column is the input, its fourth the sample's number.
    pub fn call(&mut self, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) -> Result<()> {
        let row = row_of(tuple)?;
        let call = (row, tuple.fixed(2).unwrap_or_default(), tuple.fixed(3).unwrap_or_default());
        self.repeated_calls += u64::from(self.last.replace(call) == Some(call));
        while self.rows.get(self.at).is_some_and(|rows| rows.end <= row) {
            self.at += 1;
        }
        self.orphan_calls += u64::from(self.rows.get(self.at).is_none_or(|rows| !rows.contains(&row)));
        self.calls += 1;
        digest(&mut self.calls_digest, tuple, written)?;
        self.look(tuple, load, written);
        Ok(())
    }

    fn look(&mut self, tuple: &Tuple<'_>, load: &[u8; 16], written: usize) {
        self.foreign += u64::from(tuple.fixed(0) != Some(*load));
        self.unwritten |= !tuple.is_null_from(written);
    }

    /// Rows of both kinds.
    pub fn rows(&self) -> (u64, u64) {
        (self.variants, self.calls)
    }

    /// All rows are in: what differs from the ledger; `None` when nothing does.
    pub fn difference(mut self, unit: u32, expected: Option<&LedgerUnit>) -> Option<Difference> {
        let (variants, calls) = self.rows();
        let none = LedgerUnit::default();
        let ledger = expected.unwrap_or(&none);
        let variants_changed = self.variants_digest.take() != ledger.variants_digest;
        let calls_changed = self.calls_digest.take() != ledger.calls_digest;
        let same = (ledger.variants, ledger.calls) == (variants, calls) && !variants_changed && !calls_changed;
        (!same || self.unwritten).then(|| Difference {
            unit,
            input: expected.map(|ledger| ledger.input + 1),
            variants: Count { expected: ledger.variants, found: variants },
            calls: Count { expected: ledger.calls, found: calls },
            variants_changed,
            calls_changed,
            unwritten: self.unwritten,
            repeated_variants: self.repeated_variants,
            repeated_calls: self.repeated_calls,
            orphan_calls: self.orphan_calls,
        })
    }
}

fn digest(digest: &mut TupleDigest, tuple: &Tuple<'_>, written: usize) -> Result<()> {
    let fields = tuple.first(written).ok_or_else(|| Error::internal("a stored row came without its columns"))?;
    digest.update(&(written as u16).to_be_bytes());
    digest.update(fields);
    Ok(())
}
