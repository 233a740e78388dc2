//! The trail in PostgreSQL: events are sealed behind the chain's head under its lock and enter by binary COPY. It must not know
//! what they tell.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_postgres::Transaction;

use super::destination::Destination;
use super::seal::{Entry, Head, Sealed};
use super::stream::{self, COLUMNS, Micros};
use crate::db::{self, Connection, Databases};
use crate::error::{Error, Result};
use crate::pgcopy::copy_statement;

/// Whoever holds the chain's head keeps all others waiting. A process that is suspended there, or vanished, loses it after five
/// seconds; when it goes on, its events go to the spool.
const HOLD: &str = "SET idle_in_transaction_session_timeout = '5s'";

/// The trail of one database.
pub struct PostgresTrail {
    databases: Arc<Databases>,
    name: String,
    /// Kept between batches. Taken out while in use: whatever interrupts a batch drops the connection and with it the
    /// transaction.
    connection: Mutex<Option<Connection>>,
}

impl PostgresTrail {
    /// The trail of the database called `name`. Connects when the first event comes.
    pub fn new(databases: Arc<Databases>, name: &str) -> Self {
        Self { databases, name: name.to_owned(), connection: Mutex::new(None) }
    }

    pub(super) async fn connect(&self) -> Result<Connection> {
        let connection = self.databases.connect(&self.name).await?;
        connection.batch_execute(HOLD).await.map_err(|error| db::failure("writing the audit trail", error))?;
        Ok(connection)
    }
}

#[async_trait::async_trait]
impl Destination for PostgresTrail {
    async fn append(&self, entries: &[Entry]) -> Result<()> {
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let failure = |error| db::failure("writing the audit trail", error);
        let transaction = connection.transaction().await.map_err(failure)?;
        write(&transaction, entries).await?;
        transaction.commit().await.map_err(failure)?;
        *slot = Some(connection);
        Ok(())
    }

    async fn rest(&self) {
        self.connection.lock().await.take();
    }
}

/// Appends events in a transaction that ends right after. Two writers take turns at the head, so the chain never forks.
///
/// The server's clock comes with the head, because the hash covers it; the table's guard holds it against the clock again.
pub(super) async fn write(transaction: &Transaction<'_>, entries: &[Entry]) -> Result<()> {
    let failure = |error| db::failure("writing the audit trail", error);
    let Some(first) = entries.first() else { return Ok(()) };
    let statement = "SELECT seq, hash, last, recorded FROM audit.lock_head($1)";
    let row = transaction.query_one(statement, &[&first.trail_id]).await.map_err(failure)?;
    let hash: &[u8] = row.try_get(1).map_err(failure)?;
    let hash = hash.try_into().map_err(|_| Error::integrity("the head of the audit trail is no SHA-256 hash"))?;
    let mut head = Head { seq: row.try_get(0).map_err(failure)?, hash };
    let last: i64 = row.try_get(2).map_err(failure)?;
    let Micros(recorded) = row.try_get(3).map_err(failure)?;

    // An earlier import of the spool was interrupted, or a commit's answer was lost.
    let known = |entry: &&Entry| entry.spool_hash.is_some() && entry.trail_seq <= last;
    let new = entries.iter().filter(|entry| !known(entry));
    let rows: Vec<Sealed> = new.map(|entry| head.seal(recorded, entry.clone())).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let statement = format!("COPY audit.events ({COLUMNS}) FROM STDIN (FORMAT binary)");
    let batch = stream::to_batch(&rows)?;
    copy_statement(transaction.client(), &statement, &batch.schema(), std::slice::from_ref(&batch)).await.map(|_| ())
}
