//! Long statements on several sessions at once. When the run is stopped or one of them fails, the server is told to cancel the
//! others. It must not know what the statements do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::db::{self, Connection, Databases};
use crate::error::{Error, Result};

/// How long a further session may take to begin: without it the work goes on, only slower.
const BEGINNING: Duration = Duration::from_secs(1);

/// Sessions at most. Each may take `maintenance_work_mem`.
const SESSIONS: usize = 4;

/// A request to cancel is lost on a session between two statements, so it is made again.
const AGAIN: Duration = Duration::from_millis(100);

/// Where further sessions come from, and what stops them.
#[derive(Clone, Copy, Debug)]
pub struct Parallel<'a> {
    pub databases: &'a Databases,
    pub database: &'a str,
    /// How many sessions wrote, or would; the caller's is one of them. Two at least and four at most are used.
    pub sessions: usize,
    pub cancel: &'a CancellationToken,
}

impl Parallel<'_> {
    /// Carries the statements out, on `client` and, when there are several, on further sessions: each whole, in any order. The
    /// first error ends all of them and is given back; class `interrupted` when the run was stopped. `doing` says what failed.
    pub async fn run(&self, client: &Client, doing: &str, statements: &[String]) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        let further = self.further(statements.len()).await;
        let sessions: Vec<&Client> = std::iter::once(client).chain(further.iter().map(|further| &**further)).collect();
        let backends = futures::future::try_join_all(sessions.iter().map(|session| backend(session))).await?;
        let next = AtomicUsize::new(0);
        let mut works: FuturesUnordered<_> =
            sessions.into_iter().map(|session| carry_out(session, doing, statements, &next)).collect();
        let failed = loop {
            tokio::select! {
                done = works.next() => match done {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => break error,
                },
                () = self.cancel.cancelled() => break Error::interrupted("the run was stopped"),
            }
        };
        next.store(statements.len(), Ordering::Relaxed);
        let other = match works.is_empty() {
            true => return Err(failed),
            false => self.databases.connect(self.database).await?,
        };
        while !works.is_empty() {
            for backend in &backends {
                cancel(&other, *backend).await?;
            }
            // How they end is of no interest any more.
            let ended = async { while works.next().await.is_some() {} };
            let _ = tokio::time::timeout(AGAIN, ended).await;
        }
        Err(failed)
    }

    /// As many more sessions as so many statements are worth and the server has free.
    async fn further(&self, statements: usize) -> Vec<Connection> {
        let connect = || tokio::time::timeout(BEGINNING, self.databases.connect(self.database));
        let wanted = self.sessions.clamp(2, SESSIONS).min(statements) - 1;
        let begun = futures::future::join_all((0..wanted).map(|_| connect())).await;
        begun.into_iter().filter_map(|begun| begun.ok()?.ok()).collect()
    }
}

async fn carry_out(session: &Client, doing: &str, statements: &[String], next: &AtomicUsize) -> Result<()> {
    while let Some(statement) = statements.get(next.fetch_add(1, Ordering::Relaxed)) {
        session.batch_execute(statement).await.map_err(|error| db::failure(doing, error))?;
    }
    Ok(())
}

/// The server's process behind this connection.
async fn backend(client: &Client) -> Result<i32> {
    let row = client.query_one("SELECT pg_catalog.pg_backend_pid()", &[]).await;
    row.map(|row| row.get(0)).map_err(|error| db::failure("asking who serves", error))
}

/// Cancels what a process of the server is doing.
async fn cancel(client: &Client, backend: i32) -> Result<()> {
    let told = client.execute("SELECT pg_catalog.pg_cancel_backend($1)", &[&backend]).await;
    told.map(|_| ()).map_err(|error| db::failure("cancelling a statement", error))
}
