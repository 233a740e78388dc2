//! One connection that writes units. What it sent of the open one is kept until the commit: a transaction that is lost is
//! written again on a new connection. It must not know how rows are encoded.

use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::Statement;

use super::shared::{Shared, pause};
use crate::db::{self, Backoff, Connection};
use crate::error::{Error, Result};
use crate::pgcopy;
use crate::store::inputs::load_inputs;
use crate::store::tables::{CALLS, CALLS_COLUMNS, VARIANTS};
use crate::store::tally::Account;
use crate::store::{ClosedUnit, ledger};

/// How much of a unit is kept (64 MiB). A larger one is not written again within the run, only by the next one.
const KEPT: usize = 64 << 20;

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Variants,
    Calls,
}

/// The data of one COPY statement.
pub struct CopyData {
    pub table: Table,
    pub rows: u64,
    pub data: Bytes,
}

/// A writer's session: the connection, when there is one, and the open unit. Dropping it rolls back.
pub struct Session {
    shared: Arc<Shared>,
    link: Option<Link>,
    /// The unit whose rows were sent, by the load's number, as all units here.
    unit: Option<u32>,
    kept: Vec<CopyData>,
    bytes: usize,
    /// Is all of the unit kept?
    whole: bool,
}

struct Link {
    client: Connection,
    variants: Statement,
    calls: Statement,
    /// A transaction is open, and the unit announced in it.
    begun: bool,
    /// How many of the kept statements the transaction holds.
    written: usize,
}

impl Session {
    /// Connects; waits as long as the load's patience for a server that is away.
    pub async fn connect(shared: Arc<Shared>) -> Result<Self> {
        let mut session = Self { shared, link: None, unit: None, kept: Vec::new(), bytes: 0, whole: true };
        let mut tries = Backoff::new(session.shared.patience);
        while let Err(error) = session.link().await {
            session.lost(&mut tries, error).await?;
        }
        Ok(session)
    }

    /// Writes rows of `unit`, which stays the same until [`Self::commit`].
    pub async fn send(&mut self, unit: u32, copy: CopyData) -> Result<()> {
        self.unit = Some(unit);
        self.bytes += copy.data.len();
        self.kept.push(copy);
        let mut tries = Backoff::new(self.shared.patience);
        while let Err(error) = self.catch_up().await {
            if self.given_up_elsewhere(&error, &[unit]).await? {
                self.discard();
                return Ok(());
            }
            self.lost(&mut tries, error).await?;
        }
        if self.bytes > KEPT {
            self.kept.clear();
            self.whole = false;
            if let Some(link) = &mut self.link {
                link.written = 0;
            }
        }
        Ok(())
    }

    /// Takes back what was sent of the open unit: its rows go with the connection that holds them.
    pub fn discard(&mut self) {
        (self.link, self.unit) = (None, None);
        self.kept.clear();
        (self.bytes, self.whole) = (0, true);
    }

    /// Commits the open unit and those without rows, in one transaction, exactly once.
    pub async fn commit(&mut self, closed: &[(ClosedUnit, Account)]) -> Result<()> {
        let mut tries = Backoff::new(self.shared.patience);
        let mut unanswered = false;
        while let Err(error) = self.try_commit(closed, &mut unanswered).await {
            let units: Vec<u32> = closed.iter().map(|(closed, _)| closed.unit).collect();
            if self.given_up_elsewhere(&error, &units).await? {
                break;
            }
            // The old connection's COMMIT was carried out after all, behind our question.
            let late = unanswered && matches!(error.sqlstate(), Some("23505" | ledger::COMMITTED));
            self.lost(&mut tries, if late { error.transient() } else { error }).await?;
        }
        self.unit = None;
        self.kept.clear();
        (self.bytes, self.whole) = (0, true);
        Ok(())
    }

    /// Was the load finished without these units, because another shard gave their inputs up? Then nothing more of them is read.
    async fn given_up_elsewhere(&mut self, error: &Error, units: &[u32]) -> Result<bool> {
        if error.sqlstate() != Some(ledger::NOT_IN_PROGRESS) || units.is_empty() {
            return Ok(false);
        }
        let load = self.shared.load.id;
        self.link = None;
        let inputs = load_inputs(&self.link().await?.client, load).await?;
        let reason = |unit: &u32| {
            let input = self.shared.places.stored_input(*unit)?;
            let given_up = inputs.iter().find(|known| known.input == input.cast_signed() + 1)?;
            given_up.reason.clone().map(|reason| (input, reason))
        };
        let Some(given_up) = units.iter().map(reason).collect::<Option<Vec<_>>>() else { return Ok(false) };
        given_up.into_iter().for_each(|(input, reason)| self.shared.context.units.give_up(input, reason));
        Ok(true)
    }

    async fn try_commit(&mut self, closed: &[(ClosedUnit, Account)], unanswered: &mut bool) -> Result<()> {
        let load = self.shared.load.id;
        if *unanswered && ledger::holds(&self.link().await?.client, load, closed).await? {
            return Ok(());
        }
        self.catch_up().await?;
        let (announced, shared) = (self.unit, self.shared.clone());
        let link = self.link().await?;
        for (closed, account) in closed {
            if announced != Some(closed.unit) {
                ledger::begin_unit(&link.client, load, closed.unit, &shared.secret).await?;
            }
            ledger::commit_unit(&link.client, load, closed, account).await?;
        }
        *unanswered = true;
        link.begun = false;
        link.written = 0;
        ledger::commit_transaction(&link.client).await
    }

    /// Brings the transaction up to what is kept: connects, begins, announces, sends what it does not hold.
    async fn catch_up(&mut self) -> Result<()> {
        self.link().await?;
        let (load, unit) = (self.shared.load.id, self.unit);
        let Some(link) = &mut self.link else { return Err(Error::internal("a connection was made and is not there")) };
        if !link.begun {
            ledger::begin_transaction(&link.client).await?;
            if let Some(unit) = unit {
                ledger::begin_unit(&link.client, load, unit, &self.shared.secret).await?;
            }
            link.begun = true;
        }
        while let Some(copy) = self.kept.get(link.written) {
            let (statement, doing) = match copy.table {
                Table::Variants => (&link.variants, "writing variants"),
                Table::Calls => (&link.calls, "writing calls"),
            };
            let written = pgcopy::send(&link.client, statement, copy.data.clone()).await;
            expect_rows(copy.rows, written.map_err(|error| db::failure(doing, error))?)?;
            link.written += 1;
        }
        Ok(())
    }

    async fn link(&mut self) -> Result<&mut Link> {
        if self.link.is_none() {
            self.link = Some(Link::connect(&self.shared).await?);
        }
        self.link.as_mut().ok_or_else(|| Error::internal("a connection was made and is not there"))
    }

    /// Gives the connection up, and with it the transaction, and pauses before the next try. Gives `error` back when there
    /// is none: it lasts, the patience is used up, or the unit is not kept whole.
    async fn lost(&mut self, tries: &mut Backoff, error: Error) -> Result<()> {
        self.link = None;
        // The session that held the load was lost too, and nobody has asked for it since.
        let error = match error.sqlstate() {
            Some(ledger::NOT_HELD) => self.shared.hold_again().await.err().unwrap_or_else(|| error.transient()),
            _ => error,
        };
        match self.whole {
            true => pause(&self.shared.context, tries, error).await,
            false => Err(error),
        }
    }
}

impl Link {
    async fn connect(shared: &Shared) -> Result<Self> {
        let client = match shared.first.lock().await.take().filter(|first| !first.is_closed()) {
            Some(first) => first,
            None => shared.databases.connect(&shared.database).await?,
        };
        let prepare = async |table: &str, columns: &[&str]| {
            let statement = pgcopy::statement(table, columns);
            client.prepare(&statement).await.map_err(|error| db::failure("preparing to write", error))
        };
        let variants = prepare(VARIANTS, &shared.layout.variants_columns()).await?;
        let calls = prepare(CALLS, &CALLS_COLUMNS).await?;
        Ok(Self { client, variants, calls, begun: false, written: 0 })
    }
}

fn expect_rows(sent: u64, written: u64) -> Result<()> {
    if sent == written {
        return Ok(());
    }
    Err(Error::integrity(format!("{sent} rows were sent, the database counted {written}")))
}
