//! The three contracts, Source, Stage and Sink, as a pipeline file configures them and as they are planned (pure). It must not
//! know any implementation.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::LogicalPlan;

use super::{Apply, Context, Labels, OpenSink, Owed, Safeguard, Safeguards, Specification, UnitSize};
use crate::access::Grant;
use crate::audit::RecordedKeys;
use crate::db::Databases;
use crate::error::Result;
use crate::phi::Words;
use crate::store::{Document, InputUnits, Shard};

/// Something worth telling that stops nothing: an inferred header line, a skipped index. Free of values.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Notice {
    /// 1-based input number.
    pub input: u32,
    /// What was noticed, in fixed words and declared ids.
    pub text: String,
}

/// A source as a pipeline file configures it.
pub trait SourceConfig {
    /// The source, which meets what the sink demands. Checks the settings that can be checked without looking at a file;
    /// relative paths resolve against `base`.
    fn source(&self, demands: &Demands, base: &Path) -> Result<Arc<dyn Source>>;

    /// What of the settings concerns stages.
    fn facts(&self) -> SourceFacts;

    /// Where the inputs lie, in their order, for the caller's terminal only; `None`: standard input. Relative paths resolve against
    /// `base`.
    fn paths(&self, base: &Path) -> Result<Vec<Option<PathBuf>>>;
}

/// What a source's section says that concerns stages.
#[derive(Clone, Debug, Default)]
pub struct SourceFacts {
    /// The FASTA the records were called against, relative to the pipeline file.
    pub reference: Option<PathBuf>,
    pub bad_records: BadRecords,
    /// Contigs that the pipeline names, beside those that assemblies and archives name.
    pub contigs: Vec<String>,
}

/// What is done about a record that cannot become rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRecords {
    /// It ends the load.
    #[default]
    Fail,
    /// It is set aside; more than `most` end the load.
    SetAside { most: Option<u64> },
}

/// What a sink demands of the source.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// How much text goes into a unit, which the sink commits as a whole; `None`: as the source has it.
    pub unit: Option<UnitSize>,
    /// A file that goes bad half-way ends the load: what was written of it cannot be taken back.
    pub whole_files: bool,
}

/// Where records come from.
pub trait Source: Debug + Send + Sync {
    /// The key in the pipeline file.
    fn kind(&self) -> &'static str;

    /// Events that a run must leave, by what happens to the source. A test compares.
    fn owes(&self) -> Vec<Owed>;

    /// Reads the inputs' headers and lays out the scan; reads no record and opens no key.
    fn inspect(&self) -> Result<Inspection>;
}

/// What a source found out before the run.
pub struct Inspection {
    /// The scan. Its execution takes [`Context`] from the session's extensions, skips `context.units.is_done(..)`,
    /// closes every unit it has read, counts `counters.bytes_in` and `counters.records`, and stops on `context.cancel`.
    pub table: Arc<dyn TableProvider>,
    /// Labels of the table's columns, header lines and sample names.
    pub labels: Labels,
    /// Header lines and sample names, input by input.
    pub document: Document,
    /// How each input is cut into units.
    pub units: Vec<InputUnits>,
    /// Compressed bytes of all inputs, when known: the progress bar's length.
    pub bytes: Option<u64>,
    pub notices: Vec<Notice>,
    /// What may be kept and told of the inputs' words.
    pub words: Arc<Words>,
    /// Inputs (0-based) that cannot be read and are left out, and why, in words free of values.
    pub given_up: Vec<(u32, String)>,
    /// Where the inputs lie, for the caller's terminal only: a path may name a person. `None`: standard input.
    pub paths: Vec<Option<PathBuf>>,
    /// The source's own specification: part of a load's identity.
    pub specification: Specification,
}

/// A step as a pipeline file configures it.
pub trait StageConfig {
    /// The step. Opens no key and no connection; files with rules and a reference's index are read.
    fn build(&self, around: &Around<'_>) -> Result<Step>;
}

/// What a step may know of the pipeline around it while it is built.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// The folder that relative paths resolve against.
    pub base: &'a Path,
    pub source: SourceFacts,
    /// The database the sink writes to.
    pub database: Option<String>,
    /// Must the planner prove that no identifier reaches the sink?
    pub guarded: bool,
}

impl<'a> Around<'a> {
    /// Nothing is known but the folder.
    pub fn folder(base: &'a Path) -> Self {
        Self { base, source: SourceFacts::default(), database: None, guarded: false }
    }
}

/// A step between source and sink.
#[derive(Clone, Debug)]
pub enum Step {
    /// An object of ours, wrapped in one extension node.
    Stage(Arc<dyn Stage>),
    /// DataFusion's own nodes.
    Expression(Arc<dyn Expression>),
}

impl Step {
    /// The object, when it is one of ours.
    pub fn stage(&self) -> Option<&Arc<dyn Stage>> {
        match self {
            Step::Stage(stage) => Some(stage),
            Step::Expression(_) => None,
        }
    }

    /// The step's own specification.
    pub fn specification(&self) -> Result<Specification> {
        match self {
            Step::Stage(stage) => stage.specification(),
            Step::Expression(expression) => expression.specification(),
        }
    }
}

/// A step that DataFusion's own nodes carry out.
pub trait Expression: Debug + Send + Sync {
    /// Texts that a person typed into it, and which rows or plans may repeat. Pure.
    fn typed(&self) -> Vec<String>;

    /// Everything that decides about rows. Pure.
    fn specification(&self) -> Result<Specification>;

    /// Puts the step on top of a plan.
    ///
    /// # Errors
    /// Every mistake, with class `usage`.
    fn extend(&self, plan: LogicalPlan) -> Result<LogicalPlan>;
}

/// What happens to batches, and to the document, between source and sink.
pub trait Stage: Debug + Send + Sync {
    /// The key in the pipeline file, such as `normalize`.
    fn kind(&self) -> &'static str;

    /// The output schema for an input schema. Pure. Column pruning calls it again with fewer columns, so a column that
    /// is missing is only an error in [`Stage::check`].
    fn schema(&self, input: &Schema) -> Result<SchemaRef>;

    /// Every mistake of the configuration against the schema it will see, one line each. Pure.
    fn check(&self, input: &Schema) -> Vec<String> {
        let _ = input;
        Vec::new()
    }

    /// Labels after the stage; `schema` is its input schema. Pure; the sensitivity proof rests on it.
    fn labels(&self, input: &Labels, schema: &Schema) -> Labels;

    /// What the stage searches, and which columns it drops, told as far as their names may be. Pure.
    fn safeguard(&self, input: &Schema) -> Safeguard;

    /// Columns the stage reads even when nobody below asks for them.
    fn reads(&self, input: &Schema) -> Vec<String>;

    /// Columns of the output on which a predicate must not be moved below this stage. Default: all.
    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        output.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Everything of the stage that decides about rows, with the contents of the files it refers to: part of a load's
    /// identity, and what EXPLAIN shows. No key material; which keys were used is added when they are opened. Pure.
    fn specification(&self) -> Result<Specification>;

    /// Names of the key references the stage may open. It gets no other.
    fn keys(&self) -> Vec<String>;

    /// Has the stage nothing to protect in what these headers announce, so that it opens neither keys nor databases? Pure.
    fn is_idle(&self, document: &Document) -> bool {
        let _ = document;
        false
    }

    /// Events that a run must leave, by what happens to the stage. A test compares.
    fn owes(&self) -> Vec<Owed>;

    /// Names of the databases the stage may open.
    fn databases(&self) -> Vec<String> {
        Vec::new()
    }

    /// Opens keys and connections, rewrites the document, and returns the object that runs. The future is driven once a run,
    /// in stage order.
    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        input: Input,
        document: &'a mut Document,
    ) -> futures::future::BoxFuture<'a, Result<Arc<dyn Apply>>>;
}

/// The columns that come into a stage.
#[derive(Clone, Debug)]
pub struct Input {
    /// All of them, as they were planned.
    pub planned: SchemaRef,
    /// Those that arrive: a column that nobody asks for is pruned.
    pub arriving: SchemaRef,
}

impl Input {
    /// Nothing was pruned.
    pub fn whole(schema: SchemaRef) -> Self {
        Self { planned: schema.clone(), arriving: schema }
    }
}

/// What opening may use.
pub struct Opening<'a> {
    pub context: Arc<Context>,
    pub grant: &'a Grant,
    /// The rings that the stages announced.
    pub keys: &'a RecordedKeys,
    pub databases: &'a Databases,
    /// SHA-256 over everything that decides about rows: the specifications of source, steps and sink, and the keys in use.
    pub options_digest: [u8; 32],
    /// The pipeline's name.
    pub name: &'a str,
    /// What the pipeline does for the safety of what passes it.
    pub safeguards: &'a Safeguards,
    /// Header lines and sample names as they came in, whatever earlier stages made of them.
    pub original: &'a Document,
    /// What may be kept and told of the inputs' words.
    pub words: &'a Arc<Words>,
    /// How inputs are cut.
    pub units: &'a [InputUnits],
    /// Replace an identical complete load.
    pub force: bool,
    /// What is written to files is nobody's but their owner's.
    pub private: bool,
    /// The part of the work that is this run's; `None`: all of it.
    pub shard: Option<Shard>,
    /// The name under which runs meet in one load.
    pub load_name: Option<&'a str>,
    /// Digest of where the inputs lie; `None` when one of them is a stream.
    pub files: Option<[u8; 32]>,
}

/// A sink as a pipeline file configures it.
pub trait SinkConfig {
    /// The sink. Connects nowhere and writes nothing.
    fn build(&self, base: &Path) -> Result<Arc<dyn Sink>>;
}

/// Where rows go.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// The key in the pipeline file.
    fn kind(&self) -> &'static str;

    /// What of the sink decides about rows as they are stored, and what EXPLAIN shows. No credentials. Pure.
    fn specification(&self) -> Result<Specification>;

    /// What the source must do for this sink.
    fn demands(&self) -> Demands;

    /// Can a load that was interrupted be gone on with by another run?
    fn resumes(&self) -> bool;

    /// Mistakes against the schema that will arrive. Pure.
    fn check(&self, schema: &Schema) -> Vec<String>;

    /// Events that a run must leave, by what happens to the sink. A test compares.
    fn owes(&self) -> Vec<Owed>;

    /// How many writers the sink wants; the source is cut into as many partitions. `None`: as many as threads.
    fn writers(&self) -> Option<usize>;

    /// Names of the databases the sink will open.
    fn databases(&self) -> Vec<String>;

    /// Connects, begins or resumes the load (marking committed units done in `opening.context.units`).
    async fn open(&self, opening: &Opening<'_>, document: &Document, schema: SchemaRef) -> Result<Arc<dyn OpenSink>>;
}
