//! Writes one partition: one open unit, two buffers, and a session that works behind them. It must not know the load's beginning or end.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;

use super::queue::{Order, Queue};
use super::rows::{Owner, Place, Rows};
use super::session::{CopyData, Table};
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::flow::Writer;
use crate::pgcopy::Buffer;
use crate::store::ClosedUnit;
use crate::store::identity::variant_id;
use crate::store::tables::{CALLS_LABEL, VARIANTS_LABEL};
use crate::store::tally::{Account, Tally};

/// A writer of one partition. Dropping it closes the connection and with it the open transaction.
pub struct PartitionWriter {
    shared: Arc<Shared>,
    partition: usize,
    queue: Queue,
    variants: Buffer,
    calls: Buffer,
    open: Option<OpenUnit>,
}

struct OpenUnit {
    unit: u32,
    /// The load's number for it.
    stored: u32,
    input: i32,
    tally: Tally,
    rows: u32,
    variants_sent: bool,
}

impl PartitionWriter {
    /// Connects.
    pub async fn connect(shared: Arc<Shared>, partition: usize) -> Result<Self> {
        let queue = Queue::connect(shared.clone()).await?;
        let (variants, calls) = buffers();
        Ok(Self { shared, partition, queue, variants, calls, open: None })
    }

    /// The rows before `unit` are complete: commits what the source has closed.
    async fn commit_closed(&mut self, before: Option<u32>) -> Result<()> {
        let closed = self.shared.context.units.take_closed(self.partition, before);
        if closed.is_empty() && self.open.is_none() {
            return Ok(());
        }
        self.commit(closed).await
    }

    /// Commits the open unit and those without rows, in one transaction; units that broke off are let go.
    async fn commit(&mut self, closed: Vec<ClosedUnit>) -> Result<()> {
        let (broken, closed): (Vec<_>, Vec<_>) = closed.into_iter().partition(|closed| closed.broken);
        if self.open.as_ref().is_some_and(|open| broken.iter().any(|broken| broken.unit == open.unit)) {
            self.queue.put(Order::Discard).await?;
            (self.variants, self.calls) = buffers();
            self.open = None;
        }
        if closed.is_empty() && self.open.is_none() {
            return Ok(());
        }
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
        let current = self.open.take();
        let (written, none) = (self.take_digests()?, self.take_digests()?);
        let places = &self.shared.places;
        let account = |mut closed: ClosedUnit| {
            let (account, (variants_digest, calls_digest)) = match current.as_ref().filter(|open| open.unit == closed.unit) {
                Some(open) => (open.tally.close(&closed)?, written),
                None => (Tally::default().close(&closed)?, none),
            };
            let unit = closed.unit;
            closed.unit = places.stored(unit).ok_or_else(|| Error::internal(format!("unit {unit} belongs to no input")))?;
            Ok((closed, Account { variants_digest, calls_digest, ..account }))
        };
        let closed: Vec<_> = closed.into_iter().map(account).collect::<Result<_>>()?;
        self.queue.put(Order::Commit(closed)).await
    }

    /// The digests of the variants and the calls since they were last taken.
    fn take_digests(&mut self) -> Result<([u8; 32], [u8; 32])> {
        let digests = self.variants.take_digest().zip(self.calls.take_digest());
        digests.ok_or_else(|| Error::internal("a writer's buffers make digests"))
    }

    async fn flush_variants(&mut self) -> Result<()> {
        let Some(open) = self.open.as_mut().filter(|_| self.variants.row_count() > 0) else { return Ok(()) };
        open.variants_sent = true;
        let copy = CopyData { table: Table::Variants, rows: self.variants.row_count(), data: self.variants.take() };
        self.queue.put(Order::Write(open.stored, copy)).await
    }

    /// Calls never go before a unit's first variants: every writer locks the two tables in the same order.
    async fn flush_calls(&mut self) -> Result<()> {
        if self.open.as_ref().is_some_and(|open| !open.variants_sent) {
            self.flush_variants().await?;
        }
        let Some(open) = self.open.as_ref().filter(|_| self.calls.row_count() > 0) else { return Ok(()) };
        let copy = CopyData { table: Table::Calls, rows: self.calls.row_count(), data: self.calls.take() };
        self.queue.put(Order::Write(open.stored, copy)).await
    }

    async fn write_rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let shared = self.shared.clone();
        let mut rows = shared.layout.bind(batch)?;
        let mut from = 0;
        while from < batch.num_rows() {
            let unit = rows.unit(from);
            let end = (from..batch.num_rows()).find(|&row| rows.unit(row) != unit).unwrap_or(batch.num_rows());
            if self.open.as_ref().is_none_or(|open| open.unit != unit) {
                self.commit_closed(Some(unit)).await?;
                let place = shared.places.input(unit).zip(shared.places.stored(unit));
                let (input, stored) = place.ok_or_else(|| Error::internal(format!("unit {unit} belongs to no input")))?;
                self.open = Some(OpenUnit {
                    unit,
                    stored,
                    input: input.cast_signed() + 1,
                    tally: Tally::default(),
                    rows: 0,
                    variants_sent: false,
                });
            }
            self.write_run(&mut rows, from..end).await?;
            from = end;
        }
        Ok(())
    }

    /// Writes rows of the open unit.
    async fn write_run(&mut self, rows: &mut Rows<'_>, run: Range<usize>) -> Result<()> {
        let Some(open) = &mut self.open else { return Err(Error::internal("no unit is open")) };
        let load = &self.shared.load;
        let last = open.rows.checked_add(run.len() as u32).ok_or_else(|| Error::internal("a unit has more rows than numbers"))?;
        variant_id(load.number, open.stored, last - 1)?;
        let first_id = variant_id(load.number, open.stored, open.rows)?;
        let owner = Owner { load: load.id.into_bytes(), input: open.input, first_id };
        open.rows = last;
        for row in run.clone() {
            open.tally.record(rows.line(row));
            open.tally.variants += 1;
            open.tally.calls += rows.call_count(row) as u64;
        }
        let mut row = run.start;
        while row < run.end {
            let part = Owner { first_id: first_id + (row - run.start) as i64, ..owner };
            row = rows.put_variants(part, row..run.end, &mut self.variants)?;
            if self.variants.is_full() {
                self.flush_variants().await?;
            }
        }
        let mut place = Place { row: run.start, call: 0 };
        while place.row < run.end {
            place = rows.put_calls(owner, run.clone(), place, &mut self.calls)?;
            if self.calls.is_full() {
                self.flush_calls().await?;
            }
        }
        Ok(())
    }
}

/// Empty buffers for variants and calls.
fn buffers() -> (Buffer, Buffer) {
    (Buffer::digesting(VARIANTS_LABEL), Buffer::digesting(CALLS_LABEL))
}

#[async_trait]
impl Writer for PartitionWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.write_rows(&batch).await
    }

    async fn end(mut self: Box<Self>) -> Result<()> {
        self.commit_closed(None).await?;
        self.queue.end().await
    }
}
