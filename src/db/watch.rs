//! The limit on waiting. Every session of ours is watched from beside it: when nothing has moved on it for a while, the database
//! is asked on another connection whether it waits for a lock, and ends who has held the lock for too long: which sessions and how
//! long the database decides (`access.end_holders`). It must not know what is waited for.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_postgres::Client;

use super::failure::failure;
use crate::error::Result;

/// How often a session is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Looks without a movement before the database is asked.
const STILL: u32 = 5;
/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A session that held a lock for too long and was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was locked: a table's name or a kind of lock.
    pub lock: String,
    /// How long it was waited for.
    pub seconds: u64,
    /// Sessions that were ended.
    pub sessions: u64,
}

/// Who is told about ended sessions. Clones are one witness.
#[derive(Clone, Default)]
pub struct Witness(Arc<Mutex<Told>>);

/// Takes what it is told, or does not (`false`).
type Hears = Box<dyn Fn(&Ended) -> bool + Send>;

#[derive(Default)]
struct Told {
    hears: Option<Hears>,
    untold: Vec<Ended>,
}

impl Witness {
    /// Tells `hears` from now on; what it does not take (`false`) is kept.
    pub fn tell(&self, hears: impl Fn(&Ended) -> bool + Send + 'static) {
        self.lock().hears = Some(Box::new(hears));
    }

    /// Is there something that nobody took?
    pub fn has_untold(&self) -> bool {
        !self.lock().untold.is_empty()
    }

    /// What nobody took.
    pub fn untold(&self) -> Vec<Ended> {
        std::mem::take(&mut self.lock().untold)
    }

    fn saw(&self, ended: Ended) {
        tracing::warn!(lock = ended.lock, seconds = ended.seconds, "a session that held a lock for too long was ended");
        let mut told = self.lock();
        if !told.hears.as_ref().is_some_and(|hears| hears(&ended)) {
            told.untold.push(ended);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

/// Counts the movements of a session: how often its driver had something to do.
#[derive(Clone, Default)]
pub(super) struct Movements(Arc<AtomicU64>);

impl Movements {
    /// `driver`, counted.
    pub fn of<F: Future>(&self, driver: F) -> impl Future<Output = F::Output> + use<F> {
        let count = self.0.clone();
        let mut driver = Box::pin(driver);
        std::future::poll_fn(move |context| {
            count.fetch_add(1, Ordering::Relaxed);
            driver.as_mut().poll(context)
        })
    }
}

/// What a session that does not move is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    Working,
    Waiting,
}

/// Watches the session `backend` until dropped. `connect` makes the connection to ask on.
pub(super) async fn watch<S: std::ops::Deref<Target = Client>>(
    movements: Movements,
    backend: i32,
    witness: Witness,
    connect: impl Fn() -> BoxFuture<'static, Result<S>>,
) {
    let (mut seen, mut still, mut next) = (0, 0, STILL);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = movements.0.load(Ordering::Relaxed);
        if now != seen {
            (seen, still, next) = (now, 0, STILL);
            continue;
        }
        still += 1;
        if still < next {
            continue;
        }
        let asked = tokio::time::timeout(PATIENCE, async {
            let beside = connect().await?;
            ask(&beside, backend, &witness).await
        })
        .await;
        next = match asked {
            // Until it moves again.
            Ok(Ok(Doing::Nothing)) => u32::MAX,
            Ok(Ok(Doing::Waiting)) => still + 1,
            Ok(Ok(Doing::Working)) => still.saturating_mul(2),
            // A database without the function, one that is away or full: asked again, ever more rarely.
            Ok(Err(_)) | Err(_) => still.saturating_mul(2),
        };
    }
}

async fn ask(client: &Client, backend: i32, witness: &Witness) -> Result<Doing> {
    let failed = |error| failure("asking who holds a lock", error);
    let query = "SELECT o_state, o_lock, o_seconds, o_ended FROM access.end_holders($1)";
    let row = client.query_one(query, &[&backend]).await.map_err(failed)?;
    let ended: i32 = row.try_get(3).map_err(failed)?;
    if ended > 0 {
        let (lock, seconds): (String, i32) = (row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?);
        witness.saw(Ended { lock, seconds: seconds.unsigned_abs().into(), sessions: ended.unsigned_abs().into() });
    }
    Ok(match row.try_get(0).map_err(failed)? {
        "waiting" => Doing::Waiting,
        "working" => Doing::Working,
        _ => Doing::Nothing,
    })
}
