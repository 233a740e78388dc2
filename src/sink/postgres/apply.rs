//! The sink, planned and opened: begins or resumes the load, hands out writers, makes it visible or records its failure.
//! It must not know how rows are encoded.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use serde_json::json;
use tokio::sync::Mutex;

use super::config::{Config, Indexes};
use super::layout::Layout;
use super::shared::{Shared, elsewhere, pause};
use super::writer::PartitionWriter;
use crate::access::Permission;
use crate::audit::{Event, Kind};
use crate::db::{Backoff, Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::{
    Committed, Demands, Figures, OpenSink, Opening, Outcome, Owed, Sink, SinkConfig, Situation, Specification, Status, UnitSize,
    Writer,
};
use crate::store::begin::{Beginning, Secret, begin_load, keep_safeguards};
use crate::store::completion::{self, State};
use crate::store::inputs::{self, Progress, Stamp, load_inputs};
use crate::store::ledger::load_units;
use crate::store::outcome::{Finished, fail_load, load_outcome};
use crate::store::parallel::Parallel;
use crate::store::{Document, InputUnits, Places, tables};

/// How long a load is waited for whose run died: by then the server has noticed that its client is gone.
const ORPHAN: Duration = Duration::from_secs(30);

/// How long recording a failure may take.
const GOODBYE: Duration = Duration::from_secs(10);

/// The planned sink.
#[derive(Debug)]
pub struct Postgres {
    config: Config,
}

impl SinkConfig for Config {
    fn build(&self, _: &Path) -> Result<Arc<dyn Sink>> {
        if self.writers == Some(0) {
            return Err(Error::usage("sink.postgres.writers: at least 1"));
        }
        self.unit.as_ref().map(UnitSize::bytes).transpose()?;
        self.patience()?;
        Ok(Arc::new(Postgres { config: self.clone() }))
    }
}

impl Postgres {
    fn database(&self) -> String {
        self.config.database.clone().unwrap_or_else(|| Databases::default_name().to_owned())
    }
}

#[async_trait]
impl Sink for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    /// Where INFO columns are stored is part of the rows; connections, indexes and the size of a transaction are not.
    fn specification(&self) -> Result<Specification> {
        let columns: BTreeSet<&String> = self.config.columns.iter().collect();
        let writers = self.config.writers.map_or("as many as threads".into(), |writers| writers.to_string());
        let specification = Specification::new(self.kind(), &json!({ "columns": columns }))?;
        Ok(specification.with_aside("database", self.database()).with_aside("writers", writers))
    }

    fn demands(&self) -> Demands {
        Demands { unit: self.config.unit.clone(), whole_files: false }
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, schema: &Schema) -> Vec<String> {
        Layout::of(schema, &self.config.columns).err().unwrap_or_default()
    }

    fn owes(&self) -> Vec<Owed> {
        vec![Owed(Situation::Opened, Kind::LoadBegun)]
    }

    fn writers(&self) -> Option<usize> {
        self.config.writers
    }

    fn databases(&self) -> Vec<String> {
        vec![self.database()]
    }

    async fn open(&self, opening: &Opening<'_>, document: &Document, schema: SchemaRef) -> Result<Arc<dyn OpenSink>> {
        opening.grant.require(Permission::LoadRun)?;
        let layout = Layout::of(&schema, &self.config.columns).map_err(|mistakes| Error::usage(mistakes.join("; ")))?;
        let (database, patience) = (self.database(), self.config.patience()?);
        // With the first writer's, or hundreds of runs could hold every connection there is and each wait for one more.
        let [control, first] = opening.databases.connect_together(&database, patience).await?;
        tables::prepare_columns(&control, &layout.own_columns()).await?;
        let secret = Secret::new();
        let beginning = Beginning {
            id: opening.context.run_id,
            name: opening.name,
            meeting: opening.load_name,
            options: opening.options_digest,
            document,
            units: opening.units,
            columns: &layout.variants_columns(),
            shard: opening.shard,
            force: opening.force,
            files: opening.files,
            secret: &secret,
        };
        let mut tries = Backoff::new(ORPHAN.min(patience));
        let load = loop {
            match begin_load(&control, &beginning).await? {
                Ok(load) => break load,
                Err(busy) => pause(&opening.context, &mut tries, elsewhere(busy, opening.shard)).await?,
            }
        };
        if !load.over {
            let safeguards = serde_json::to_value(opening.safeguards).unwrap_or_default();
            keep_safeguards(&control, load.id, &safeguards).await?;
        }
        let (mut resumed, mut committed, mut places) = (0, Committed::default(), Places::new(opening.units, &[]));
        if load.resumed || load.over {
            let stored = load_inputs(&control, load.id).await?;
            places = Places::new(opening.units, &stored.iter().map(|input| input.first).collect::<Vec<_>>());
            let touched = (0u32..)
                .zip(stored.iter().zip(&opening.original.inputs))
                .filter(|(_, (stored, now))| stored.reason.is_none() && now.readable && stored.stamp != Stamp::of(now));
            committed.touched = touched.map(|(input, _)| input).collect();
            let units = &opening.context.units;
            for done in load_units(&control, load.id).await? {
                let Some(unit) = places.run(done.input, done.unit) else { continue };
                units.mark_done(unit);
                resumed += u64::from(load.resumed && units.wants(unit..unit + 1));
                // What is visible was read by a load that is over, and its files are as they were.
                if load.over || stored.get(done.input as usize).is_none_or(|input| !input.shown) {
                    committed.units.push((unit, done.digest));
                }
            }
            for (input, number) in stored.into_iter().zip(0u32..) {
                input.reason.into_iter().for_each(|reason| units.give_up(number, reason));
            }
        } else if self.config.indexes == Indexes::Auto {
            tables::drop_indexes_if_empty(&control).await?;
        }
        if load.over {
            opening.context.units.keep(Vec::new());
        }
        let _ = opening.context.load.set(load.id);
        opening.context.recorder.record(Event::LoadBegun { load_id: load.id, resumed_units: resumed })?;
        let shared = Shared {
            context: opening.context.clone(),
            databases: opening.databases.clone(),
            database,
            patience,
            load,
            shard: opening.shard,
            secret,
            control: Mutex::new(Some(control)),
            layout,
            places,
            first: Mutex::new(Some(first)),
        };
        Ok(Arc::new(Open {
            shared: Arc::new(shared),
            options: opening.options_digest,
            force: opening.force,
            stamps: opening.original.inputs.iter().map(Stamp::of).collect(),
            committed,
            resumed: AtomicU64::new(resumed),
            writers: AtomicUsize::new(0),
        }))
    }
}

/// The opened sink.
struct Open {
    shared: Arc<Shared>,
    options: [u8; 32],
    force: bool,
    /// What the inputs look like now.
    stamps: Vec<Stamp>,
    committed: Committed,
    resumed: AtomicU64,
    /// Writers that began: as many sessions may end the load.
    writers: AtomicUsize,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("load", &self.shared.load).finish_non_exhaustive()
    }
}

impl Open {
    /// Builds indexes and makes the load visible. `None` while units of other shards are missing.
    async fn complete(&self, control: &mut Option<Connection>) -> Result<Option<Finished>> {
        let load = self.shared.load.id;
        let client = self.shared.held(control).await?;
        if self.shared.load.over {
            return load_outcome(client, load).await;
        }
        for (input, reason) in self.shared.context.units.given_up() {
            inputs::give_up_input(client, load, input, &reason, self.shared.shard).await?;
        }
        inputs::close_inputs(client, load, &self.read_to_their_ends()).await?;
        match completion::state(client, self.parallel(), load).await? {
            State::Finished(done) => return Ok(Some(*done)),
            State::Unfinished => return Ok(None),
            State::Whole => {}
        }
        let worker = Some(self.shared.secret.digest());
        completion::publish(client, self.parallel(), load, &self.options, worker, self.force).await.map(Some)
    }

    fn parallel(&self) -> Parallel<'_> {
        Parallel {
            databases: &self.shared.databases,
            database: &self.shared.database,
            sessions: self.writers.load(Ordering::Relaxed),
            cancel: &self.shared.context.cancel,
        }
    }

    /// Inputs whose units were unknown before this run has read them.
    fn read_to_their_ends(&self) -> Vec<u32> {
        let read = |cut: &&InputUnits| cut.count.is_none() && self.shared.context.units.wants(cut.first..cut.first + 1);
        self.shared.places.units().iter().filter(read).map(|cut| cut.input).collect()
    }

    /// What is reported when units are missing: the load as far as it is. Class `integrity` when nobody else is to bring them.
    fn unfinished(&self, inputs: &[Progress]) -> Result<Finished> {
        if self.shared.shard.is_none() {
            let missing = inputs::missing(inputs).unwrap_or_default();
            return Err(Error::integrity(format!("the run ended, but {missing}")));
        }
        Ok(completion::so_far(self.shared.load.id, inputs))
    }

    /// Records a failure with the load, which only who holds it may: another process may have taken it up. Else the
    /// load keeps its state until it is resumed.
    async fn record(&self, error: &Error) {
        let mut control = self.shared.control.lock().await;
        let load = self.shared.load.id;
        let mut recorded = Ok(());
        // The server may have been restarted since the connection was last used: one new try.
        for _ in 0..2 {
            recorded = match self.shared.held(&mut control).await {
                Ok(client) => fail_load(client, load, self.shared.shard, error).await,
                Err(error) => Err(error),
            };
            match recorded {
                Ok(()) => return,
                Err(_) => *control = None,
            }
        }
        if let Err(error) = recorded {
            tracing::warn!(%error, "the failure could not be recorded with the load");
        }
    }

    /// What a finished load can do without.
    async fn tidy(&self, control: &mut Option<Connection>, done: &Finished) {
        let tidied = match self.shared.held(control).await {
            Ok(client) => completion::tidy(client, self.parallel(), done).await,
            Err(error) => Err(error),
        };
        if let Err(error) = tidied {
            tracing::warn!(%error, "the load is complete, but the warehouse was not tidied up after it");
        }
    }
}

#[async_trait]
impl OpenSink for Open {
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>> {
        self.writers.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(PartitionWriter::connect(self.shared.clone(), partition).await?))
    }

    fn committed(&self) -> Committed {
        self.committed.clone()
    }

    async fn take_back(&self, changed: &BTreeSet<u32>) -> Result<()> {
        let numbers: Vec<String> = changed.iter().map(|input| (input + 1).to_string()).collect();
        let place = format!("input {} has changed since it was loaded", numbers.join(", "));
        let load = self.shared.load.id;
        if self.shared.load.over {
            return Err(Error::input(format!("{place}, and load {load} is complete"))
                .with_hint("load the files as they are now without --shard, or with --force"));
        }
        let mut control = self.shared.control.lock().await;
        let client = self.shared.held(&mut control).await?;
        let taken: Vec<u32> = changed.iter().copied().collect();
        inputs::take_back_inputs(client, load, &taken).await.map_err(|error| error.at(place))?;
        let now = |input: &u32| self.stamps.get(*input as usize).map(|stamp| (*input, *stamp));
        inputs::stamp_inputs(client, load, &taken.iter().filter_map(now).collect::<Vec<_>>()).await?;
        let context = &self.shared.context;
        let units = self.shared.places.units();
        for (i, cut) in units.iter().enumerate().filter(|(_, cut)| changed.contains(&cut.input)) {
            let end = units.get(i + 1).map_or(u32::MAX, |next| next.first);
            let back = self.committed.units.iter().filter(|(unit, _)| (cut.first..end).contains(unit));
            let back = back.filter(|(unit, _)| context.units.wants(*unit..unit + 1)).count() as u64;
            self.resumed.fetch_sub(back, Ordering::Relaxed);
            context.units.mark_undone(&(cut.first..end));
        }
        Ok(())
    }

    async fn finish(&self) -> Result<Outcome> {
        let mut control = self.shared.control.lock().await;
        let mut tries = Backoff::new(self.shared.patience);
        let done = loop {
            match self.complete(&mut control).await {
                Ok(done) => break done,
                Err(error) => pause(&self.shared.context, &mut tries, error).await?,
            }
        };
        if let Some(done) = done.as_ref().filter(|_| !self.shared.load.over) {
            self.tidy(&mut control, done).await;
        }
        let progress = match self.shared.held(&mut control).await {
            Ok(client) => load_inputs(client, done.as_ref().map_or(self.shared.load.id, |done| done.id)).await,
            Err(error) => Err(error),
        };
        let inputs = match (progress, &done) {
            (Err(error), Some(_)) => {
                tracing::warn!(%error, "the load is complete, but its files could not be listed");
                Vec::new()
            }
            (progress, _) => progress?,
        };
        let (done, status) = match done {
            None => (self.unfinished(&inputs)?, Status::Unfinished),
            Some(done) if done.status == "partial" => (done, Status::Partial),
            Some(done) if self.shared.load.over || done.status == "skipped" => (done, Status::Skipped),
            Some(done) => (done, Status::Complete),
        };
        let count = |count: i64| count.unsigned_abs();
        let figures = Figures {
            input_records: count(done.input_records),
            variants: count(done.variants),
            calls: count(done.calls),
            quarantined: count(done.quarantined),
            filtered: count(done.filtered),
            out_of_region: count(done.out_of_region),
            units: count(done.units),
        };
        Ok(Outcome {
            load_id: done.id,
            status,
            figures,
            units_resumed: self.resumed.load(Ordering::Relaxed),
            digest: done.digest,
            replaced: done.replaced,
            same_content: done.same_content,
            shard: self.shared.shard.map(|shard| shard.to_string()),
            files: inputs,
        })
    }

    async fn abandon(&self, error: &Error) {
        if tokio::time::timeout(GOODBYE, self.record(error)).await.is_err() {
            tracing::warn!("the failure could not be recorded with the load: no answer in time");
        }
    }
}
