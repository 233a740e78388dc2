//! Spec and registry into a checked plan. Pure but for the inputs' headers: opens no database and no key.
//! Schemas are walked end to end, every mistake is reported at once, and the sensitivity proof happens here.
//! It must not know how a plan is run.

mod proof;
mod session;
mod typed;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::SessionContext;

pub use proof::{Proof, labels_of};
pub use session::threads;

use crate::crypto::digest;
use crate::error::{Error, Result};
use crate::flow::exec::{SinkNode, StageNode};
use crate::flow::{Around, Demands, Labels, Notice, Owed, Safeguards, Sink, Source, Specification, Stage, Step};
use crate::phi::{Contigs, Words};
use crate::secrets::Keys;
use crate::spec::{Mistake, Mistakes, Pipeline, Profile, Spec};
use crate::store::{Document, InputUnits};
use crate::yaml::Place;

/// A pipeline that holds: schemas fit, references exist, and the profile's guarantees are proven.
pub struct Plan {
    pub pipeline: Pipeline,
    /// The folder relative paths of the pipeline resolve against.
    pub base: std::path::PathBuf,
    /// Header lines and sample names of the inputs.
    pub document: Document,
    pub units: Vec<InputUnits>,
    /// Compressed bytes of all inputs, when known.
    pub bytes: Option<u64>,
    pub notices: Vec<Notice>,
    /// What may be kept and told of the inputs' words.
    pub words: Arc<Words>,
    /// Inputs (0-based) that cannot be read and are left out, and why.
    pub given_up: Vec<(u32, String)>,
    /// Where the inputs lie, for the caller's terminal only.
    pub paths: Vec<Option<std::path::PathBuf>>,
    /// Stages in plan order; a stage node's index points here.
    pub stages: Vec<Planned>,
    pub sink: Arc<dyn Sink>,
    /// SHA-256 over everything that decides about rows and is known before a key is opened: the specifications of source,
    /// steps and sink. A run adds the keys in use.
    pub rules_digest: [u8; 32],
    pub proof: Proof,
    /// What the stages do for the safety of what passes them.
    pub safeguards: Safeguards,
    /// The source's scan, without anything above it.
    pub table: Arc<dyn TableProvider>,
    session: SessionContext,
    logical: LogicalPlan,
}

/// A stage and the columns that come into it before anything is pruned.
#[derive(Clone, Debug)]
pub struct Planned {
    pub stage: Arc<dyn Stage>,
    pub input: SchemaRef,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Failure {
    /// The pipeline file is wrong: all mistakes.
    Mistakes(Mistakes),
    /// The file may be right; an input cannot be read.
    Other(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Mistakes(mistakes) => mistakes.into(),
            Failure::Other(error) => error,
        }
    }
}

/// Options of planning that are not part of the pipeline.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Worker threads; `None`: what the machine, the cgroup and SLURM_CPUS_PER_TASK allow.
    pub threads: Option<usize>,
    /// Stages of the program's own, behind the pipeline's: checked, proven and part of the load's identity like those.
    pub stages: Vec<Arc<dyn Stage>>,
}

/// Checks a spec end to end and proves its profile.
pub fn plan(spec: &Spec, options: &PlanOptions) -> Result<Plan, Failure> {
    Draft::of(spec, options).inspect(options.threads)
}

/// A pipeline's components, built from its file: what can be known before anybody looks at an input.
pub struct Draft<'a> {
    spec: &'a Spec,
    source: Option<Arc<dyn Source>>,
    steps: Vec<Option<Step>>,
    sink: Option<Arc<dyn Sink>>,
    mistakes: Vec<Mistake>,
}

impl<'a> Draft<'a> {
    /// Builds the components; mistakes are kept for later.
    pub fn of(spec: &'a Spec, options: &PlanOptions) -> Self {
        let pipeline = &spec.pipeline;
        let mut mistakes = Vec::new();
        let mut note = |path: &[&str], error: &Error| {
            let mistake = Mistake::new(spec.place(path), error.to_string());
            mistakes.push(match error.hint() {
                Some(hint) => mistake.hint(hint.to_owned()),
                None => mistake,
            });
        };
        let sink = pipeline.sink.config().build(&spec.base).map_err(|error| note(&["sink"], &error)).ok();
        let demands = sink.as_ref().map_or_else(Demands::default, |sink| sink.demands());
        let configured = pipeline.source.config();
        let source = configured.source(&demands, &spec.base).map_err(|error| note(&["source"], &error)).ok();
        let database = sink.as_ref().and_then(|sink| sink.databases().into_iter().next());
        let around =
            Around { base: &spec.base, source: configured.facts(), database, guarded: pipeline.profile == Profile::Hipaa };
        let steps: Vec<Option<Step>> = (pipeline.stages.iter().enumerate())
            .map(|(i, stage)| stage.config().build(&around).map_err(|error| note(&["stages", &i.to_string()], &error)).ok())
            .chain(options.stages.iter().map(|stage| Some(Step::Stage(stage.clone()))))
            .collect();
        references(spec, &steps, sink.as_deref(), &mut mistakes);
        match Words::new([], Contigs::default()) {
            Ok(words) => mistakes.extend(typed::mistakes(spec, &steps, &words)),
            Err(error) => mistakes.push(Mistake::new(Place::OUTSIDE, error.to_string())),
        }
        Self { spec, source, steps, sink, mistakes }
    }

    /// Fails with the mistakes that show without the inputs.
    pub fn require(self) -> Result<Self, Failure> {
        if self.mistakes.is_empty() { Ok(self) } else { Err(Failure::Mistakes(self.spec.mistakes(self.mistakes))) }
    }

    /// The databases that the components will open, the sink's first.
    pub fn databases(&self) -> Vec<String> {
        let stages = self.steps.iter().flatten().filter_map(Step::stage).flat_map(|stage| stage.databases());
        self.sink.iter().flat_map(|sink| sink.databases()).chain(stages).collect()
    }

    /// What each component owes the audit trail, by its key in the pipeline file.
    pub fn owes(&self) -> Vec<(&'static str, Vec<Owed>)> {
        let stages = self.steps.iter().flatten().filter_map(Step::stage).map(|stage| (stage.kind(), stage.owes()));
        let source = self.source.iter().map(|source| (source.kind(), source.owes()));
        source.chain(stages).chain(self.sink.iter().map(|sink| (sink.kind(), sink.owes()))).collect()
    }

    /// Looks at the inputs, checks everything and proves the profile; `threads` as in [`PlanOptions`].
    pub fn inspect(self, threads: Option<usize>) -> Result<Plan, Failure> {
        let Self { spec, source, steps, sink, mut mistakes } = self;
        let pipeline = &spec.pipeline;
        let inspection = match source.map(|source| source.inspect()) {
            Some(Ok(inspection)) => inspection,
            Some(Err(error)) if mistakes.is_empty() => return Err(Failure::Other(error)),
            Some(Err(error)) => {
                mistakes.push(Mistake::new(spec.place(&["source"]), error.to_string()));
                return Err(Failure::Mistakes(spec.mistakes(mistakes)));
            }
            None => return Err(Failure::Mistakes(spec.mistakes(mistakes))),
        };
        // Once more, with the samples' names.
        if mistakes.is_empty() {
            mistakes.extend(typed::mistakes(spec, &steps, &inspection.words));
        }
        let Some(sink) = sink else { return Err(Failure::Mistakes(spec.mistakes(mistakes))) };

        let threads = threads.unwrap_or_else(session::threads);
        let session = session::context(sink.writers().unwrap_or(threads).max(1));
        let scan = LogicalPlanBuilder::scan(session::TABLE, provider_as_source(inspection.table.clone()), None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| Failure::Other(error.into()))?;
        let mut stages = Vec::new();
        let mut logical = scan;
        for (i, step) in steps.iter().enumerate() {
            let Some(step) = step else { break };
            let place = spec.place(&["stages", &i.to_string()]);
            match extend(logical.clone(), step, &mut stages) {
                Ok(next) => logical = next,
                Err(found) => mistakes.extend(found.into_iter().map(|mut mistake| {
                    if mistake.place == Place::OUTSIDE {
                        mistake.place = place;
                    }
                    mistake
                })),
            }
        }
        let arriving = logical.schema().as_arrow().clone();
        mistakes.extend(sink.check(&arriving).into_iter().map(|text| Mistake::new(spec.place(&["sink"]), text)));
        if !mistakes.is_empty() {
            return Err(Failure::Mistakes(spec.mistakes(mistakes)));
        }
        let logical = SinkNode::plan(sink.clone(), logical).map_err(Failure::Other)?;
        let logical = session.state().optimize(&logical).map_err(|error| Failure::Other(error.into()))?;
        let proof = proof::prove(pipeline.profile, &logical, &inspection.labels, sink.as_ref());
        if !proof.violations.is_empty() {
            let place = spec.place(&["sink"]);
            let list = proof.violations.iter().map(|v| Mistake::new(place, v.message.clone()).hint(v.hint.clone())).collect();
            return Err(Failure::Mistakes(spec.mistakes(list)));
        }
        let rules_digest = rules_digest(pipeline, &inspection.specification, &steps, sink.as_ref()).map_err(Failure::Other)?;
        let mut safeguards = Safeguards { profile: pipeline.profile.name(), ..Safeguards::default() };
        stages.iter().for_each(|Planned { stage, input }: &Planned| safeguards.add(stage.safeguard(input)));
        Ok(Plan {
            safeguards,
            pipeline: pipeline.clone(),
            base: spec.base.clone(),
            rules_digest,
            document: inspection.document,
            units: inspection.units,
            bytes: inspection.bytes,
            notices: inspection.notices,
            words: inspection.words,
            given_up: inspection.given_up,
            paths: inspection.paths,
            stages,
            sink,
            proof,
            table: inspection.table,
            session,
            logical,
        })
    }
}

/// Puts one step on top of the plan, or says everything that is wrong with it.
fn extend(plan: LogicalPlan, step: &Step, stages: &mut Vec<Planned>) -> Result<LogicalPlan, Vec<Mistake>> {
    let outside = |text: String| Mistake::new(Place::OUTSIDE, text);
    let one = |error: Error| {
        let mistake = outside(error.to_string());
        vec![match error.hint() {
            Some(hint) => mistake.hint(hint.to_owned()),
            None => mistake,
        }]
    };
    match step {
        Step::Stage(stage) => {
            let wrong = stage.check(plan.schema().as_arrow());
            if !wrong.is_empty() {
                return Err(wrong.into_iter().map(outside).collect());
            }
            let input = Arc::new(plan.schema().as_arrow().clone());
            let node = StageNode::plan(stages.len(), stage.clone(), plan).map_err(one)?;
            stages.push(Planned { stage: stage.clone(), input });
            Ok(node)
        }
        Step::Expression(expression) => expression.extend(plan).map_err(one),
    }
}

/// Key and database references that name nothing.
fn references(spec: &Spec, steps: &[Option<Step>], sink: Option<&dyn Sink>, mistakes: &mut Vec<Mistake>) {
    let pipeline = &spec.pipeline;
    let known_key = |name: &str| pipeline.keys.contains_key(name) || Keys::development_names().contains(&name);
    let known_database = |name: &str| name == "local" || name == "env" || pipeline.databases.contains_key(name);
    let mut missing = |path: &[&str], what: &str, name: &str, section: &str| {
        let hint = format!("add `{name}` under `{section}`");
        mistakes.push(Mistake::new(spec.place(path), format!("there is no {what} called `{name}`")).hint(hint));
    };
    for (i, step) in steps.iter().enumerate() {
        let Some(stage) = step.as_ref().and_then(Step::stage) else { continue };
        let number = i.to_string();
        let path = ["stages", number.as_str(), stage.kind()];
        stage.keys().iter().filter(|name| !known_key(name)).for_each(|name| missing(&path, "key", name, "keys"));
        stage
            .databases()
            .iter()
            .filter(|name| !known_database(name))
            .for_each(|name| missing(&path, "database", name, "databases"));
    }
    for name in sink.map(Sink::databases).unwrap_or_default().iter().filter(|name| !known_database(name)) {
        missing(&["sink"], "database", name, "databases");
    }
}

/// One line a component, in order: moving a filter over a stage makes other rows.
fn rules_digest(pipeline: &Pipeline, source: &Specification, steps: &[Option<Step>], sink: &dyn Sink) -> Result<[u8; 32]> {
    let mut rules = vec!["genogate-rules-1".to_owned(), pipeline.profile.name().to_owned(), source.rules()];
    for step in steps.iter().flatten() {
        rules.push(step.specification()?.rules());
    }
    rules.push(sink.specification()?.rules());
    Ok(digest::sha256(rules.join("\n").as_bytes()))
}

impl Plan {
    /// Names of the keys that a run will open, in order.
    pub fn keys(&self) -> BTreeSet<String> {
        let stages = self.stages.iter().map(|planned| &planned.stage);
        stages.filter(|stage| !stage.is_idle(&self.document)).flat_map(|stage| stage.keys()).collect()
    }

    /// The physical plan: one partition a writer, checked to hold no repartitioning.
    pub async fn physical(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let physical = self.session.state().query_planner().create_physical_plan(&self.logical, &self.session.state()).await?;
        let shown = displayable(physical.as_ref()).indent(false).to_string();
        match shown.contains("RepartitionExec") || shown.contains("CoalescePartitionsExec") {
            true => Err(Error::internal("the engine would mix partitions, which would blur the borders of units")),
            false => Ok(physical),
        }
    }

    /// What `genogate plan` shows.
    pub async fn explain(&self) -> Result<Explained> {
        let physical = self.physical().await?;
        Ok(Explained {
            logical: self.logical.display_indent().to_string(),
            physical: displayable(physical.as_ref()).indent(false).to_string(),
            partitions: physical.properties().partitioning.partition_count(),
        })
    }

    /// The session the plan was made in; a run adds its context.
    pub fn session(&self) -> &SessionContext {
        &self.session
    }

    /// Labels of what reaches the sink.
    pub fn labels(&self) -> &Labels {
        &self.proof.labels
    }
}

/// A plan as text.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explained {
    pub logical: String,
    pub physical: String,
    pub partitions: usize,
}
