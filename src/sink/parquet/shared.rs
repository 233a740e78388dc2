//! What the writers of one load share: the folder, the files' schema and the sums over closed units. It must not know how
//! a file is written or published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::dataset::Access;
use crate::flow::{Context, Figures, column};
use crate::store::ClosedUnit;
use crate::store::InputTotal;
use crate::store::tally::Account;

/// What the writers of one load share.
pub struct Shared {
    pub context: Arc<Context>,
    hidden: PathBuf,
    pub access: Access,
    pub file_schema: SchemaRef,
    state: Mutex<State>,
    /// Held while the common quarantine file is appended to.
    pub quarantine: Mutex<()>,
}

impl Shared {
    /// Nothing written yet, below the folder `hidden`.
    pub fn new(context: Arc<Context>, hidden: &Path, access: Access, schema: &Schema) -> Self {
        let (file_schema, state) = (file_schema(schema), Mutex::default());
        Self { context, hidden: hidden.to_owned(), access, file_schema, state, quarantine: Mutex::new(()) }
    }

    /// A path in the load's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.hidden.join(name)
    }

    /// The sums so far.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Sums over the closed units.
#[derive(Debug, Default)]
pub struct State {
    pub totals: BTreeMap<u32, InputTotal>,
    /// Input and lines of every unit.
    lines: BTreeMap<u32, (u32, u64)>,
    sum: Account,
    records: u64,
    out_of_region: u64,
    pub units: u64,
}

impl State {
    /// The sums, as they are told.
    pub fn figures(&self) -> Figures {
        Figures {
            input_records: self.records,
            variants: self.sum.variants,
            calls: self.sum.calls,
            quarantined: self.sum.quarantined,
            filtered: self.sum.filtered,
            out_of_region: self.out_of_region,
            units: self.units,
        }
    }

    /// For every unit the lines of its input that lie before it.
    pub fn lines_before(&self) -> BTreeMap<u32, u64> {
        let mut read: BTreeMap<u32, u64> = BTreeMap::new();
        let before = |(&unit, &(input, lines)): (&u32, &(u32, u64))| {
            let sum = read.entry(input).or_default();
            let before = *sum;
            *sum += lines;
            (unit, before)
        };
        self.lines.iter().map(before).collect()
    }

    /// Adds a closed unit.
    pub fn add(&mut self, closed: &ClosedUnit, account: &Account) {
        let total = self.totals.entry(closed.counts.input).or_default();
        total.records += closed.counts.records - closed.counts.out_of_region;
        total.digest.add(closed.counts.digest);
        self.records += closed.counts.records;
        self.out_of_region += closed.counts.out_of_region;
        self.units += 1;
        self.lines.insert(closed.unit, (closed.counts.input, closed.counts.lines));
        self.sum.variants += account.variants;
        self.sum.calls += account.calls;
        self.sum.quarantined += account.quarantined;
        self.sum.filtered += account.filtered;
    }
}

/// A panicking writer's figures are never published: its partition failed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file's schema: `variant_id`, then every column but the internal ones.
fn file_schema(schema: &Schema) -> SchemaRef {
    let mut fields = vec![Arc::new(Field::new("variant_id", DataType::Int64, false))];
    fields.extend(schema.fields().iter().filter(|field| !column::is_internal(field.name())).cloned());
    Arc::new(Schema::new(fields))
}
