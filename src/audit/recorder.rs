//! The handle every part of a flow records events with, and the task that makes them durable. It must not know how a
//! destination stores them.
//!
//! Events wait in a bounded queue. A task hands them to the destination; when that fails once, the rest of the trail goes to the
//! spool, in order, and [`Delivery::close`] tries to bring the spool in. When the queue is full, `record` itself writes it to the
//! spool, behind what the task holds: callers wait for a disk at most, and from then on the spool takes everything, so a trail's
//! events reach the destination in their order. When neither takes an event, the trail has failed and every later call says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::Event;
use super::destination::{BATCH, Destination, append_within};
use super::seal::Entry;
use super::spool::{Spool, Writer};
use crate::error::{Error, Result};

/// Events that may wait in memory (about 1 MiB).
const QUEUE: usize = 4096;
/// After this long without an event the destination may rest.
const IDLE: Duration = Duration::from_millis(500);

/// Records events. Cheap to clone; all clones feed one trail.
#[derive(Clone)]
pub struct Recorder(Option<Arc<Shared>>);

struct Shared {
    actor: String,
    run_id: Uuid,
    trail_id: Uuid,
    spool: Spool,
    state: Mutex<State>,
    /// Tells the task that there is something to do.
    wake: Notify,
    /// Every event up to this place is durable; past every place when the trail has failed, which ends all waiting. Who waits
    /// looks at nothing else: it holds the channel's lock, which is taken behind the state's.
    durable: watch::Sender<i64>,
}

struct State {
    /// Events accepted, the last one's place in the trail.
    accepted: i64,
    queue: VecDeque<Entry>,
    /// What the task is handing over and nobody has yet.
    in_flight: Vec<Entry>,
    writer: Option<Writer>,
    spooled: u64,
    closing: bool,
    failed: bool,
}

/// The recorder's other end, which makes events durable: whoever starts a recorder closes this.
#[must_use = "close the delivery, or the last events may be lost"]
pub struct Delivery {
    shared: Arc<Shared>,
    destination: Option<Arc<dyn Destination>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// What a closed trail held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Closed {
    /// The trail's id, which its rows carry.
    pub trail_id: Uuid,
    /// Events recorded.
    pub events: u64,
    /// Events that wait in the spool because the database was away; 0 when all are in the database.
    pub spooled: u64,
}

impl Recorder {
    /// Starts a trail: events of `actor` in the run `run_id` go to `destination`, or to `spool` when there is none or it is
    /// away. Needs a Tokio runtime.
    pub fn start(actor: &str, run_id: Uuid, destination: Option<Arc<dyn Destination>>, spool: Spool) -> (Recorder, Delivery) {
        let shared = Arc::new(Shared {
            actor: actor.to_owned(),
            run_id,
            trail_id: Uuid::now_v7(),
            spool,
            state: Mutex::new(State {
                accepted: 0,
                queue: VecDeque::new(),
                in_flight: Vec::new(),
                writer: None,
                spooled: 0,
                closing: false,
                failed: false,
            }),
            wake: Notify::new(),
            durable: watch::channel(0).0,
        });
        let task = tokio::spawn(deliver(shared.clone(), destination.clone()));
        (Recorder(Some(shared.clone())), Delivery { shared, destination, task: Some(task) })
    }

    /// A recorder that forgets everything: for benches and for decoding that reaches no warehouse. Never for PHI.
    pub fn discard() -> Self {
        Recorder(None)
    }

    /// Records an event. Never waits for the database; fails only when the trail itself cannot take it (fail closed).
    pub fn record(&self, event: Event) -> Result<()> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let mut state = shared.lock();
        state.usable()?;
        if state.queue.len() >= QUEUE {
            let mut backlog = std::mem::take(&mut state.in_flight);
            backlog.extend(std::mem::take(&mut state.queue));
            shared.to_spool(&mut state, backlog)?;
        }
        state.accepted += 1;
        let entry = Entry {
            time: chrono::Utc::now().timestamp_micros(),
            actor: shared.actor.clone(),
            session_id: None,
            run_id: shared.run_id,
            event: event.kind().name().into(),
            outcome: event.outcome().name().into(),
            detail: event.detail(),
            trail_id: shared.trail_id,
            trail_seq: state.accepted,
            spool_hash: None,
        };
        state.queue.push_back(entry);
        drop(state);
        shared.wake.notify_one();
        Ok(())
    }

    /// Returns once everything recorded so far is durable: in the database, or fsynced in the spool. Fails with class `denied`
    /// when neither is possible.
    pub async fn flush(&self) -> Result<()> {
        match &self.0 {
            Some(shared) => shared.flush().await,
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("trail_id", &self.0.as_ref().map(|shared| shared.trail_id)).finish()
    }
}

impl Delivery {
    /// Flushes, ends the trail (later `record` calls fail) and brings its spool, if there is one, to the destination. A
    /// destination that does not answer is waited for a limited time; what it did not take stays in the spool, said aloud.
    pub async fn close(mut self) -> Result<Closed> {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
        self.shared.flush().await?;
        let (events, mut spooled) = {
            let mut state = self.shared.lock();
            // Ends the file's lock.
            state.writer = None;
            (state.accepted as u64, state.spooled)
        };
        let trail_id = self.shared.trail_id;
        if let (Some(destination), true) = (&self.destination, spooled > 0) {
            match self.shared.spool.import(destination.as_ref(), Some(trail_id)).await {
                Ok(_) => spooled = 0,
                Err(error) => tracing::warn!(%error, events = spooled, "audit events wait in the spool: genogate audit import"),
            }
        }
        Ok(Closed { trail_id, events, spooled })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn flush(&self) -> Result<()> {
        let target = {
            let state = self.lock();
            state.alive()?;
            state.accepted
        };
        let mut durable = self.durable.subscribe();
        // The sender lives in self.
        let _ = durable.wait_for(|place| *place >= target).await;
        self.lock().alive()
    }

    /// Writes events to the spool and syncs it. A failure is the trail's end.
    fn to_spool(&self, state: &mut State, entries: Vec<Entry>) -> Result<()> {
        let events = entries.len() as u64;
        if events == 0 {
            return Ok(());
        }
        let written = match &mut state.writer {
            Some(writer) => writer.write(entries),
            None => self.spool.create(self.trail_id).and_then(|writer| state.writer.insert(writer).write(entries)),
        };
        match written {
            Ok(()) => {
                state.spooled += events;
                self.tell(state);
                Ok(())
            }
            Err(error) => {
                state.failed = true;
                tracing::error!(%error, "no durable audit");
                self.tell(state);
                state.alive()
            }
        }
    }

    /// Tells those who wait how far the trail is durable, or that it has failed. The task's events are older than the queue's.
    fn tell(&self, state: &State) {
        let first = state.in_flight.first().or_else(|| state.queue.front());
        let place = if state.failed { i64::MAX } else { first.map_or(state.accepted, |first| first.trail_seq - 1) };
        self.durable.send_replace(place);
    }
}

impl State {
    fn alive(&self) -> Result<()> {
        if !self.failed {
            return Ok(());
        }
        Err(Error::denied("no durable audit: neither the database nor the spool takes events")
            .with_hint("bring the database back, or free space on the disk of the data folder; nothing is done unaudited"))
    }

    fn usable(&self) -> Result<()> {
        self.alive()?;
        if self.closing { Err(Error::internal("an event was recorded after the audit trail was closed")) } else { Ok(()) }
    }
}

/// Hands events on until the trail closes or fails.
async fn deliver(shared: Arc<Shared>, mut destination: Option<Arc<dyn Destination>>) {
    loop {
        let batch: Vec<Entry> = {
            let mut state = shared.lock();
            let size = state.queue.len().min(BATCH);
            state.in_flight = state.queue.drain(..size).collect();
            if size == 0 && (state.closing || state.failed) {
                return;
            }
            if state.writer.is_some() {
                destination = None;
            }
            state.in_flight.clone()
        };
        if batch.is_empty() {
            if tokio::time::timeout(IDLE, shared.wake.notified()).await.is_err() {
                if let Some(resting) = &destination {
                    resting.rest().await;
                }
                shared.wake.notified().await;
            }
            continue;
        }
        if let Some(open) = &destination {
            match append_within(open.as_ref(), &batch, shared.spool.patience).await {
                Ok(()) => {
                    let mut state = shared.lock();
                    state.in_flight.clear();
                    shared.tell(&state);
                    continue;
                }
                Err(error) => tracing::warn!(%error, "audit events go to the spool"),
            }
            destination = None;
        }
        let spooling = shared.clone();
        let spooled = tokio::task::spawn_blocking(move || {
            let mut state = spooling.lock();
            // Empty when a full queue took it to the spool meanwhile.
            let held = std::mem::take(&mut state.in_flight);
            spooling.to_spool(&mut state, held)
        });
        if !matches!(spooled.await, Ok(Ok(()))) {
            let mut state = shared.lock();
            state.failed = true;
            shared.tell(&state);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::error::Class;

    /// A database that can be away, or never answer.
    #[derive(Default)]
    struct Database {
        kept: Mutex<Vec<Entry>>,
        away: AtomicBool,
        silent: AtomicBool,
        calls: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl Destination for Database {
        async fn append(&self, entries: &[Entry]) -> Result<()> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if self.silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.away.load(Ordering::SeqCst) {
                return Err(Error::database("away"));
            }
            let mut kept = self.kept.lock().unwrap();
            let last = kept.last().map_or(0, |last| last.trail_seq);
            kept.extend(entries.iter().filter(|entry| entry.trail_seq > last).cloned());
            Ok(())
        }
    }

    impl Database {
        fn places(&self) -> Vec<i64> {
            self.kept.lock().unwrap().iter().map(|entry| entry.trail_seq).collect()
        }
    }

    fn event(n: i64) -> Event {
        Event::MigrationApplied { version: n, name: "x".into() }
    }

    #[tokio::test]
    async fn a_flushed_event_is_in_the_database() {
        let home = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::default());
        let run_id = Uuid::now_v7();
        let (recorder, trail) = Recorder::start("local:uid=1", run_id, Some(database.clone()), Spool::new(home.path()));
        recorder.record(event(1)).unwrap();
        recorder.flush().await.unwrap();
        assert_eq!(database.places(), [1]);
        recorder.clone().record(event(2)).unwrap();
        let closed = trail.close().await.unwrap();
        assert_eq!((closed.events, closed.spooled), (2, 0));
        let kept = database.kept.lock().unwrap();
        assert_eq!(
            (kept[1].actor.as_str(), kept[1].run_id, kept[1].event.as_ref()),
            ("local:uid=1", run_id, "migration_applied")
        );
        assert!(Spool::new(home.path()).waiting().unwrap().is_empty());
        drop(kept);
        assert_eq!(recorder.record(event(3)).unwrap_err().class(), Class::Internal);
    }

    #[tokio::test]
    async fn while_the_database_is_away_events_are_spooled_and_come_in_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::default());
        let (recorder, trail) = Recorder::start("a", Uuid::nil(), Some(database.clone()), Spool::new(home.path()));
        recorder.record(event(1)).unwrap();
        recorder.flush().await.unwrap();
        database.away.store(true, Ordering::SeqCst);
        recorder.record(event(2)).unwrap();
        recorder.flush().await.unwrap();
        assert_eq!(Spool::new(home.path()).waiting().unwrap().len(), 1);
        database.away.store(false, Ordering::SeqCst);
        recorder.record(event(3)).unwrap();
        let closed = trail.close().await.unwrap();
        assert_eq!((closed.events, closed.spooled, database.places()), (3, 0, vec![1, 2, 3]));
        assert!(Spool::new(home.path()).waiting().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_database_that_stays_away_leaves_a_spool_that_waits() {
        let home = tempfile::tempdir().unwrap();
        let database = Arc::new(Database { away: true.into(), ..Default::default() });
        let (recorder, trail) = Recorder::start("a", Uuid::nil(), Some(database.clone()), Spool::new(home.path()));
        (1..=5).for_each(|n| recorder.record(event(n)).unwrap());
        assert_eq!(trail.close().await.unwrap().spooled, 5);
        database.away.store(false, Ordering::SeqCst);
        let done = Spool::new(home.path()).import(database.as_ref(), None).await.unwrap();
        assert_eq!((done[0].events, database.places()), (5, vec![1, 2, 3, 4, 5]));
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_counts_as_away() {
        let home = tempfile::tempdir().unwrap();
        let database = Arc::new(Database { silent: true.into(), ..Default::default() });
        let spool = Spool::new(home.path()).with_patience(Duration::from_millis(10));
        let (recorder, trail) = Recorder::start("a", Uuid::nil(), Some(database.clone()), spool.clone());
        recorder.record(event(1)).unwrap();
        recorder.flush().await.unwrap();
        assert_eq!(spool.waiting().unwrap().len(), 1);
        // Closing tries once more, for a limited time: no answer is no failure of what was done.
        assert_eq!(trail.close().await.unwrap().spooled, 1);
        assert_eq!(database.calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_full_queue_goes_to_the_spool_and_nothing_is_lost() {
        let home = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::default());
        let (recorder, trail) = Recorder::start("a", Uuid::nil(), Some(database.clone()), Spool::new(home.path()));
        // The task of this one-threaded runtime cannot run in between.
        let events = 2 * QUEUE as i64 + 10;
        (1..=events).for_each(|n| recorder.record(event(n)).unwrap());
        assert!(recorder.0.as_ref().unwrap().lock().queue.len() <= QUEUE);
        recorder.flush().await.unwrap();
        assert_eq!(trail.close().await.unwrap().spooled, 0);
        assert_eq!(database.places(), (1..=events).collect::<Vec<_>>());
    }

    /// While the task holds a batch, a full queue goes to the spool behind that batch, which is then in both: once it counts.
    #[tokio::test]
    async fn a_batch_that_is_held_goes_to_the_spool_before_the_queue_behind_it() {
        for away in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let (database, gate) = (Arc::new(Database::default()), Arc::new(tokio::sync::Semaphore::new(0)));
            let slow = Arc::new(Slow { database: database.clone(), gate: gate.clone() });
            let (recorder, trail) = Recorder::start("a", Uuid::nil(), Some(slow), Spool::new(home.path()));
            recorder.record(event(1)).unwrap();
            while database.calls.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            let events = QUEUE as i64 + 10;
            (2..=events).for_each(|n| recorder.record(event(n)).unwrap());
            database.away.store(away, Ordering::SeqCst);
            gate.add_permits(1);
            recorder.flush().await.unwrap();
            database.away.store(false, Ordering::SeqCst);
            gate.add_permits(100);
            assert_eq!(trail.close().await.unwrap().spooled, 0);
            assert_eq!(database.places(), (1..=events).collect::<Vec<_>>(), "away: {away}");
        }
    }

    /// A database that answers when it is let.
    struct Slow {
        database: Arc<Database>,
        gate: Arc<tokio::sync::Semaphore>,
    }

    #[async_trait::async_trait]
    impl Destination for Slow {
        async fn append(&self, entries: &[Entry]) -> Result<()> {
            self.database.calls.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            self.database.append(entries).await
        }
    }

    #[tokio::test]
    async fn without_database_and_spool_nothing_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let blocked = home.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        for destination in [None, Some(Arc::new(Database { away: true.into(), ..Default::default() }) as Arc<dyn Destination>)] {
            let (recorder, trail) = Recorder::start("a", Uuid::nil(), destination, Spool::new(&blocked));
            recorder.record(event(1)).unwrap();
            assert_eq!(recorder.flush().await.unwrap_err().class(), Class::Denied);
            assert_eq!(recorder.record(event(2)).unwrap_err().class(), Class::Denied);
            assert_eq!(trail.close().await.unwrap_err().class(), Class::Denied);
        }
    }

    /// Who waits and who spools take two locks; in opposite orders they would wait for each other for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_may_wait_while_events_are_spooled() {
        let home = tempfile::tempdir().unwrap();
        let (recorder, trail) = Recorder::start("a", Uuid::nil(), None, Spool::new(home.path()));
        let many = (0..8).map(|_| {
            let recorder = recorder.clone();
            tokio::spawn(async move {
                for n in 0..100 {
                    recorder.record(event(n)).unwrap();
                    recorder.flush().await.unwrap();
                }
            })
        });
        for waiting in many.collect::<Vec<_>>() {
            waiting.await.unwrap();
        }
        assert_eq!(trail.close().await.unwrap().spooled, 800);
    }

    #[tokio::test]
    async fn a_discarding_recorder_takes_everything() {
        let recorder = Recorder::discard();
        recorder.record(event(1)).unwrap();
        recorder.flush().await.unwrap();
    }

    /// The test's own program, started again with this variable, spools, says so and is killed.
    const VICTIM: &str = "GENOGATE_TEST_SPOOL_VICTIM";

    #[tokio::test]
    async fn flushed_events_survive_kill_9() {
        if let Some(folder) = std::env::var_os(VICTIM) {
            let (recorder, _trail) = Recorder::start("a", Uuid::nil(), None, Spool::new(folder));
            for n in 1..=20 {
                recorder.record(event(n)).unwrap();
                recorder.flush().await.unwrap();
            }
            recorder.record(event(21)).unwrap();
            nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        let home = tempfile::tempdir().unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audit::recorder::tests::flushed_events_survive_kill_9"])
            .env(VICTIM, home.path())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9));
        let database = Database::default();
        let done = Spool::new(home.path()).import(&database, None).await.unwrap();
        assert!(done[0].events >= 20, "{done:?}");
        assert_eq!(database.places()[..20], (1..=20).collect::<Vec<_>>());
    }
}
