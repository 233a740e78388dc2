//! A pipeline plus a grant into a running flow: intent recorded, inputs looked at, keys and connections opened, partitions
//! driven, one report.
//! It must not know how a pipeline is written or shown.

pub mod keys;
mod partitions;
mod recheck;
mod report;
mod ticket;
mod trail;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;

pub use report::{REIDENTIFICATION, Report};
pub use ticket::Ticket;
pub use trail::{Trail, destination, spool};

use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::crypto::digest::{self, Sha256};
use crate::db::{Databases, LOCAL};
use crate::error::{Class, Error, Result};
use crate::flow::exec::{SinkExec, StageExec};
use crate::flow::{Apply, Context, Input, OpenSink, Opened, Opening, Outcome, Status};
use crate::plan::{Draft, Plan, PlanOptions, Planned};
use crate::spec::{Profile, Spec};
use crate::store::Shard;

/// Options of a run that are not part of the pipeline.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Replace an identical complete load instead of skipping.
    pub force: bool,
    /// Do this part of the work only.
    pub shard: Option<Shard>,
    /// The name under which runs of the same files and options meet in one load.
    pub load_name: Option<String>,
}

/// A run before its start: the plan, the open trail, and the context that progress and signals look at.
pub struct Run {
    plan: Plan,
    context: Arc<Context>,
    databases: Databases,
    home: PathBuf,
    trail: Trail,
}

impl Run {
    /// Opens the trail, makes the intent durable, then looks at the inputs and plans. A mistake in the file that shows without
    /// the inputs comes before all that.
    ///
    /// The trail is that of the sink's database, else of the first that a stage uses, else the managed one's where that runs, else the
    /// spool alone.
    pub async fn prepare(spec: &Spec, options: PlanOptions, home: &Path) -> Result<Self> {
        let draft = Draft::of(spec, &options).require()?;
        let databases = Databases::new(spec.pipeline.databases.clone(), &spec.base).with_home(home);
        let running = databases.is_running().then(|| LOCAL.to_owned());
        let trail = Trail::open(&databases, draft.databases().first().or(running.as_ref()).map(String::as_str), home).await?;
        match look(spec, draft, options.threads, &trail).await {
            Ok(plan) => {
                let context = Arc::new(Context::new(trail.run_id(), trail.recorder()));
                let databases = databases.with_witness(trail.witness());
                Ok(Self { plan, context, databases, home: home.to_owned(), trail })
            }
            Err(error) => {
                failed(&trail.recorder(), None, &error).await;
                // A trail that cannot be closed was told in the log; why the run ended comes first.
                let _ = trail.close().await;
                Err(error)
            }
        }
    }

    /// What the run shares with those who watch or stop it.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The plan that will run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The databases the pipeline names.
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// The run's trail.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Ends the trail. Gives the plan back, and how many events wait in the spool.
    pub async fn close(self) -> (Plan, Result<u64>) {
        (self.plan, self.trail.close().await)
    }

    /// Ends a run that is not begun after all.
    pub async fn refuse(self, error: Error) -> Error {
        failed(&self.context.recorder, None, &error).await;
        let _ = self.trail.close().await;
        error
    }

    /// Runs to the end. The first error stops every partition; the sink then keeps nothing visible.
    pub async fn execute(&self, options: RunOptions) -> Result<Report> {
        let start = Instant::now();
        let recorder = &self.context.recorder;
        self.keep_ticket(&options);
        let shard = options.shard;
        let driven = self.drive(self.trail.grant(), options).await;
        let told = self.context.set_aside.events().into_iter().try_for_each(|event| recorder.record(event));
        match driven {
            Ok(outcome) => {
                self.drop_tickets(&outcome);
                let own = shard.map(|shard| shard.inputs(&self.plan.units));
                let report = Report::new(&self.plan, &self.context, outcome, own.as_ref(), start.elapsed());
                told.and_then(|()| recorder.record(report.finished_event()))?;
                recorder.flush().await?;
                Ok(report)
            }
            Err(error) => {
                if !is_resumable(&error) {
                    Ticket::forget(&self.home, self.context.run_id);
                }
                let load = self.context.load.get().copied().unwrap_or(self.context.run_id);
                failed(recorder, Some(load), &error).await;
                Err(error.of_load(load))
            }
        }
    }

    /// Without a ticket the load is resumed by the same command only.
    fn keep_ticket(&self, options: &RunOptions) {
        if let Some(Err(error)) = Ticket::of(&self.plan, options).map(|ticket| ticket.keep(&self.home, self.context.run_id)) {
            tracing::warn!(%error, "`genogate loads resume` will not know this load");
        }
    }

    fn drop_tickets(&self, outcome: &Outcome) {
        let goes_on = matches!(outcome.status, Status::Partial | Status::Unfinished);
        let through = |id: &uuid::Uuid| !(goes_on && *id == outcome.load_id);
        [self.context.run_id, outcome.load_id].iter().filter(|id| through(id)).for_each(|id| Ticket::forget(&self.home, *id));
    }

    async fn drive(&self, grant: &Grant, options: RunOptions) -> Result<Outcome> {
        if let Some(flaw) = options.load_name.as_deref().and_then(|name| self.plan.words.flaw(name)) {
            let message = format!("the load's name may name a person ({}), and it is kept in the clear", flaw.pattern().id);
            return Err(Error::usage(message).with_hint("take a name such as `nightly` or `cohort-7`"));
        }
        let physical = self.plan.physical().await?;
        let keys = keys::open(&self.plan, &self.home, &self.context.recorder)?;
        let opening = Opening {
            context: self.context.clone(),
            grant,
            keys: &keys,
            databases: &self.databases,
            options_digest: keys::options_digest(&self.plan, &keys),
            name: &self.plan.pipeline.name,
            original: &self.plan.document,
            words: &self.plan.words,
            safeguards: &self.plan.safeguards,
            units: &self.plan.units,
            force: options.force,
            private: self.plan.pipeline.profile == Profile::Hipaa,
            shard: options.shard,
            load_name: options.load_name.as_deref(),
            files: files_digest(&self.plan),
        };
        self.plan.given_up.iter().for_each(|(input, reason)| self.context.units.give_up(*input, reason.clone()));
        if let Some(shard) = options.shard {
            self.context.units.keep(shard.units(&self.plan.units));
        }
        let mut document = self.plan.document.clone();
        let mut opened: Vec<Arc<dyn Apply>> = Vec::new();
        for (index, Planned { stage, input }) in self.plan.stages.iter().enumerate() {
            let arriving = stage_schema(&physical, index).ok_or_else(|| Error::internal("a stage is missing from the plan"))?;
            let input = Input { planned: input.clone(), arriving };
            opened.push(stage.open(&opening, input, &mut document).await.map_err(|error| error.at(stage.kind()))?);
        }
        let schema = match physical.downcast_ref::<SinkExec>() {
            Some(sink) => sink.input_schema(),
            None => return Err(Error::internal("the plan does not end in a sink")),
        };
        let sink = self.plan.sink.open(&opening, &document, schema).await?;
        let opened = Arc::new(Opened { stages: opened, sink });
        let sink = opened.sink.as_ref();
        let held = self.hold_to_the_files(sink).await;
        // A file that is another one by now says nothing about the load, on which others may be at work.
        let leave = held.as_ref().is_err_and(|error| error.class() == Class::Input);
        let finished = match held {
            Ok(()) => self.carry_out(&physical, &opened).await,
            Err(error) => Err(error),
        };
        let finished = finished.map_err(resumable);
        if let Some(error) = finished.as_ref().err().filter(|_| !leave) {
            sink.abandon(error).await;
        }
        finished
    }

    async fn carry_out(&self, physical: &Arc<dyn ExecutionPlan>, opened: &Arc<Opened>) -> Result<Outcome> {
        self.partitions(physical, opened).await?;
        self.something_is_left()?;
        for stage in &opened.stages {
            stage.finish()?;
        }
        opened.sink.finish().await
    }

    /// A load of which every file was given up is none.
    fn something_is_left(&self) -> Result<()> {
        let given_up = self.context.units.given_up();
        match given_up.first() {
            Some((input, reason)) if given_up.len() == self.plan.units.len() => {
                Err(Error::input(format!("no file can be loaded; input {}: {reason}", input + 1)).with_hint("mend the files"))
            }
            _ => Ok(()),
        }
    }

    /// Drives every partition of the plan to its end.
    async fn partitions(&self, physical: &Arc<dyn ExecutionPlan>, opened: &Arc<Opened>) -> Result<()> {
        let task = TaskContext::from(&self.plan.session().state());
        let config = task.session_config().clone().with_extension(self.context.clone()).with_extension(opened.clone());
        let task = Arc::new(task.with_session_config(config));
        partitions::drive(physical, &task, &self.context.cancel).await
    }

    /// What an earlier run committed of files that were changed since is taken back, to be read again.
    async fn hold_to_the_files(&self, sink: &dyn OpenSink) -> Result<()> {
        let changed = recheck::changed(&self.plan, &self.context, &sink.committed()).await?;
        if changed.is_empty() {
            return Ok(());
        }
        sink.take_back(&changed).await?;
        for input in &changed {
            tracing::warn!(
                input = input + 1,
                "this input has changed since parts of it were loaded: they are taken back, and it is read again"
            );
        }
        self.context.changed.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
        Ok(())
    }
}

/// Digest of where the inputs lie, and of what their samples are called anew; `None` when one is a stream.
fn files_digest(plan: &Plan) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(&(bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    for (path, input) in plan.paths.iter().zip(&plan.document.inputs) {
        // A workflow's link to a file lies in another folder each time.
        let path = path.as_ref()?;
        let path = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()?;
        part(path.as_os_str().as_encoded_bytes());
        part(&(input.renamed.len() as u64).to_le_bytes());
        input.renamed.iter().flat_map(|name| [&name.old, &name.new]).for_each(|name| part(name.expose().as_bytes()));
    }
    Some(digest.finish())
}

/// Reads the inputs' headers and plans, behind a durable intent.
async fn look(spec: &Spec, draft: Draft<'_>, threads: Option<usize>, trail: &Trail) -> Result<Plan> {
    let recorder = trail.recorder();
    if let Err(error) = trail.grant().require(Permission::LoadRun) {
        recorder.record(Event::Denied { permission: Permission::LoadRun.name().into() })?;
        return Err(error);
    }
    recorder.record(Event::LoadIntent {
        pipeline: digest::hex(&digest::sha256(spec.pipeline.name.as_bytes()))[..16].to_owned(),
        profile: spec.pipeline.profile.name().to_owned(),
    })?;
    recorder.flush().await.map_err(|error| error.at("no durable audit intent, so no input was looked at"))?;
    let plan = draft.inspect(threads)?;
    let inputs = plan.document.inputs.len() as u32;
    recorder.record(Event::LoadPlanned { inputs, rules_digest: digest::hex(&plan.rules_digest) })?;
    Ok(plan)
}

/// Records a failure. It is what the caller must hear; a trail that fails too was already told in the log.
async fn failed(recorder: &Recorder, load_id: Option<uuid::Uuid>, error: &Error) {
    if recorder.record(Event::load_failed(load_id, error)).is_ok()
        && let Err(second) = recorder.flush().await
    {
        tracing::warn!(class = ?second.class(), "the audit trail could not take the failure");
    }
}

/// Says how an interrupted load goes on, behind what its error says to do first.
fn resumable(error: Error) -> Error {
    if !is_resumable(&error) {
        return error;
    }
    let resume = "nothing of this load is visible; run the same command again to go on from the last committed unit";
    let hint = match error.hint() {
        Some(first) => format!("{first}; {resume}"),
        None => resume.to_owned(),
    };
    error.with_hint(hint)
}

fn is_resumable(error: &Error) -> bool {
    matches!(error.class(), Class::Interrupted | Class::Database | Class::Failed)
}

/// The input schema of a stage in the physical plan.
fn stage_schema(plan: &Arc<dyn ExecutionPlan>, index: usize) -> Option<datafusion::arrow::datatypes::SchemaRef> {
    match plan.downcast_ref::<StageExec>() {
        Some(stage) if stage.index() == index => Some(stage.input_schema()),
        _ => plan.children().into_iter().find_map(|child| stage_schema(child, index)),
    }
}
