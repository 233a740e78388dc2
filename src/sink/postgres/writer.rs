//! Writes one partition: one connection, one open unit, two buffers. It must not know the load's beginning or end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, RecordBatch};
use tokio_postgres::Statement;
use uuid::Uuid;

use super::encode::Buffer;
use super::tables::{CALLS, CALLS_COLUMNS, CALLS_TAG, Layout, Rows, VARIANTS, VARIANTS_TAG};
use super::{copy, ledger};
use crate::db::{self, Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::{ClosedUnit, Context, Counters, InputUnits, Writer};
use crate::sink::identity::{input_of, variant_id};
use crate::sink::tally::Tally;

/// How often a unit of which nothing was sent yet is begun anew, and the first pause between two tries.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// What the writers of one load share.
pub struct Shared {
    pub context: Arc<Context>,
    pub databases: Databases,
    pub database: String,
    pub load: ledger::Load,
    pub layout: Layout,
    pub units: Vec<InputUnits>,
}

/// A writer of one partition. Dropping it closes the connection and with it the open transaction.
pub struct PartitionWriter {
    shared: Arc<Shared>,
    partition: usize,
    session: Session,
    variants: Buffer,
    calls: Buffer,
    open: Option<OpenUnit>,
}

struct Session {
    client: Connection,
    variants: Statement,
    calls: Statement,
}

struct OpenUnit {
    unit: u32,
    input: i32,
    tally: Tally,
    rows: u32,
    /// The transaction has begun: rows may have been sent.
    begun: bool,
    variants_sent: bool,
}

impl PartitionWriter {
    /// Connects.
    pub async fn connect(shared: Arc<Shared>, partition: usize) -> Result<Self> {
        let session = Session::connect(&shared).await?;
        let (variants, calls) = (Buffer::digesting(VARIANTS_TAG), Buffer::digesting(CALLS_TAG));
        Ok(Self { shared, partition, session, variants, calls, open: None })
    }

    fn load(&self) -> Uuid {
        self.shared.load.id
    }

    /// The rows before `unit` are complete: commits what the source has closed.
    async fn commit_closed(&mut self, before: Option<u32>) -> Result<()> {
        let closed = self.shared.context.units.take_closed(self.partition, before);
        if closed.is_empty() && self.open.is_none() {
            return Ok(());
        }
        self.commit(closed).await
    }

    /// Commits the open unit and those without rows, in one transaction.
    async fn commit(&mut self, closed: Vec<ClosedUnit>) -> Result<()> {
        let open = self.open.as_ref().map(|open| open.unit);
        if let Some(unit) = open
            && !closed.iter().any(|closed| closed.unit == unit)
        {
            return Err(Error::internal(format!("unit {unit}: its rows ended before the source closed it")));
        }
        if open.is_some() {
            self.flush_variants().await?;
            self.flush_calls().await?;
        }
        let mut current = self.open.take();
        if let Some(open) = &mut current {
            open.tally.rows_digest.add(self.variants.take_digest());
            open.tally.rows_digest.add(self.calls.take_digest());
        }
        if current.as_ref().is_none_or(|open| !open.begun) {
            self.begin_transaction().await?;
        }
        let (mut variants, mut calls) = (0, 0);
        for closed in &closed {
            let announced = current.as_ref().filter(|open| open.unit == closed.unit);
            let account = match announced {
                Some(open) => open.tally.close(closed)?,
                None => Tally::default().close(closed)?,
            };
            if announced.is_none_or(|open| !open.begun) {
                ledger::begin_unit(&self.session.client, self.load(), closed.unit).await?;
            }
            ledger::commit_unit(&self.session.client, self.load(), closed, &account).await?;
            variants += account.variants;
            calls += account.calls;
        }
        ledger::commit_transaction(&self.session.client).await?;
        Counters::add(&self.shared.context.counters.variants, variants);
        Counters::add(&self.shared.context.counters.calls, calls);
        Ok(())
    }

    /// Begins a transaction; while nothing was sent, a passing failure is survived by connecting anew.
    async fn begin_transaction(&mut self) -> Result<()> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match ledger::begin_transaction(&self.session.client).await {
                Err(error) if error.is_transient() => tracing::warn!(partition = self.partition, %error, "connecting anew"),
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            match Session::connect(&self.shared).await {
                Ok(session) => self.session = session,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
        ledger::begin_transaction(&self.session.client).await
    }

    /// Makes sure that the open unit's transaction has begun.
    async fn begin_unit(&mut self) -> Result<()> {
        let Some(unit) = self.open.as_ref().filter(|open| !open.begun).map(|open| open.unit) else { return Ok(()) };
        self.begin_transaction().await?;
        ledger::begin_unit(&self.session.client, self.load(), unit).await?;
        if let Some(open) = &mut self.open {
            open.begun = true;
        }
        Ok(())
    }

    async fn flush_variants(&mut self) -> Result<()> {
        if self.variants.row_count() == 0 {
            return Ok(());
        }
        self.begin_unit().await?;
        let rows = self.variants.row_count();
        let written = copy::send(&self.session.client, &self.session.variants, self.variants.take()).await;
        expect_rows(rows, written.map_err(|error| db::failure("writing variants", error))?)?;
        if let Some(open) = &mut self.open {
            open.variants_sent = true;
        }
        Ok(())
    }

    /// Calls never go before a unit's first variants: every writer locks the two tables in the same order.
    async fn flush_calls(&mut self) -> Result<()> {
        if self.calls.row_count() == 0 {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|open| !open.variants_sent) {
            self.flush_variants().await?;
        }
        let rows = self.calls.row_count();
        let written = copy::send(&self.session.client, &self.session.calls, self.calls.take()).await;
        expect_rows(rows, written.map_err(|error| db::failure("writing calls", error))?)
    }

    async fn write_rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let shared = self.shared.clone();
        let load = shared.load.id.into_bytes();
        let rows = shared.layout.bind(batch)?;
        for row in 0..batch.num_rows() {
            let (unit, line) = unit_and_line(&rows, row)?;
            if self.open.as_ref().is_none_or(|open| open.unit != unit) {
                self.commit_closed(Some(unit)).await?;
                let input =
                    input_of(&shared.units, unit).ok_or_else(|| Error::internal(format!("unit {unit} belongs to no input")))?;
                self.open = Some(OpenUnit {
                    unit,
                    input: input.cast_signed() + 1,
                    tally: Tally::default(),
                    rows: 0,
                    begun: false,
                    variants_sent: false,
                });
            }
            let Some(open) = &mut self.open else { return Err(Error::internal("no unit is open")) };
            let (id, input) = (variant_id(shared.load.number, unit, open.rows)?, open.input);
            let calls = rows.call_count(row);
            open.rows += 1;
            open.tally.record(line);
            open.tally.variants += 1;
            open.tally.calls += calls as u64;
            rows.put_variant(&load, id, row, &mut self.variants);
            self.check_fault(unit, line)?;
            if self.variants.is_full() {
                self.flush_variants().await?;
            }
            let mut call = 0;
            while call < calls {
                call = rows.put_calls(&load, id, input, row, call, &mut self.calls)?;
                self.check_fault(unit, line)?;
                if self.calls.is_full() {
                    self.flush_calls().await?;
                }
            }
        }
        Ok(())
    }

    fn check_fault(&self, unit: u32, line: u32) -> Result<()> {
        match self.variants.fault().or(self.calls.fault()) {
            None => Ok(()),
            Some(fault) => Err(Error::input(fault.reason()).at(format_args!("unit {unit}, line {}", u64::from(line) + 1))),
        }
    }
}

impl Session {
    async fn connect(shared: &Shared) -> Result<Self> {
        let client = shared.databases.connect(&shared.database).await?;
        let prepare = async |table: &str, columns: &[&str]| {
            let statement = copy::statement(table, columns);
            client.prepare(&statement).await.map_err(|error| db::failure("preparing to write", error))
        };
        let variants = prepare(VARIANTS, &shared.layout.variants_columns()).await?;
        let calls = prepare(CALLS, &CALLS_COLUMNS).await?;
        Ok(Self { client, variants, calls })
    }
}

fn unit_and_line(rows: &Rows<'_>, row: usize) -> Result<(u32, u32)> {
    if rows.unit.is_null(row) || rows.row.is_null(row) {
        return Err(Error::internal("a row does not say which unit and line it comes from"));
    }
    Ok((rows.unit.value(row), rows.row.value(row)))
}

fn expect_rows(sent: u64, written: u64) -> Result<()> {
    if sent == written {
        return Ok(());
    }
    Err(Error::integrity(format!("{sent} rows were sent, the database counted {written}")))
}

/// What to do when a load breaks off in the middle.
fn resumable(error: Error) -> Error {
    use crate::error::Class;
    match error.class() {
        Class::Database | Class::Failed if error.hint().is_none() => {
            error.with_hint("run the same command again to resume; units already committed are not read again")
        }
        _ => error,
    }
}

#[async_trait]
impl Writer for PartitionWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.write_rows(&batch).await.map_err(resumable)
    }

    async fn end(mut self: Box<Self>) -> Result<()> {
        self.commit_closed(None).await.map_err(resumable)
    }
}
