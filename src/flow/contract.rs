//! The three contracts: Source, Stage and Sink, each in its planned form (pure) and its opened form (with keys and
//! connections). It must not know any implementation.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;

use super::{Context, Document, InputUnits, Labels, Owed, Shard};
use crate::access::Grant;
use crate::audit::RecordedKeys;
use crate::db::Databases;
use crate::error::Result;

/// Something worth telling that stops nothing: an inferred header line, a skipped index. Free of values.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Notice {
    /// 1-based input number.
    pub input: u32,
    /// What was noticed, in fixed words and declared ids.
    pub text: String,
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
    /// Inputs (0-based) that cannot be read and are left out, and why, in words free of values.
    pub given_up: Vec<(u32, String)>,
    /// Where the inputs lie, for the caller's terminal only: a path may name a person. `None`: standard input.
    pub paths: Vec<Option<std::path::PathBuf>>,
    /// Options of the source that change rows, in canonical text: part of a load's identity.
    pub identity: String,
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

    /// Columns the stage reads even when nobody below asks for them.
    fn reads(&self, input: &Schema) -> Vec<String>;

    /// Columns of the output on which a predicate must not be moved below this stage. Default: all.
    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        output.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// One line for EXPLAIN: what it does, in the pipeline file's words. No key material.
    fn explain(&self) -> String;

    /// What of the stage changes rows but is not written in the pipeline file, such as a reference's content, in canonical
    /// text: part of a load's identity. Default: nothing.
    fn identity(&self) -> String {
        String::new()
    }

    /// Events that a run must leave, by what happens to the stage. A test compares.
    fn owes(&self) -> Vec<Owed>;

    /// Names of the key references the stage will open.
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    /// Names of the databases the stage will open.
    fn databases(&self) -> Vec<String> {
        Vec::new()
    }

    /// Opens keys and connections, rewrites the document, and returns the object that runs. `schema` is the stage's
    /// input schema in the final plan. The future is driven once a run, in stage order.
    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        schema: SchemaRef,
        document: &'a mut Document,
    ) -> futures::future::BoxFuture<'a, Result<Arc<dyn Apply>>>;
}

/// An opened stage. Shared by all partitions.
pub trait Apply: Debug + Send + Sync {
    /// Transforms one batch; rows keep their order. Rows may be dropped only with an entry in `context.units`.
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch>;

    /// Called once after the last batch of all partitions: emits the events that sum up what was done.
    fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// What opening may use.
pub struct Opening<'a> {
    pub context: Arc<Context>,
    pub grant: &'a Grant,
    /// Opens rings, with an event for each.
    pub keys: &'a RecordedKeys<'a>,
    pub databases: &'a Databases,
    /// The pipeline's identity: SHA-256 of the canonical spec's parts that change rows.
    pub options_digest: [u8; 32],
    /// The pipeline's name.
    pub name: &'a str,
    /// Header lines and sample names as they came in, whatever earlier stages made of them.
    pub original: &'a Document,
    /// How inputs are cut.
    pub units: &'a [InputUnits],
    /// Replace an identical complete load.
    pub force: bool,
    /// The part of the work that is this run's; `None`: all of it.
    pub shard: Option<Shard>,
    /// The name under which runs meet in one load.
    pub load_name: Option<&'a str>,
}

/// Where rows go.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// The key in the pipeline file.
    fn kind(&self) -> &'static str;

    /// One line for EXPLAIN and for the proof's messages. No credentials.
    fn explain(&self) -> String;

    /// Mistakes against the schema that will arrive. Pure.
    fn check(&self, schema: &Schema) -> Vec<String>;

    /// Events that a run must leave, by what happens to the sink. A test compares.
    fn owes(&self) -> Vec<Owed>;

    /// How many writers the sink wants; the source is cut into as many partitions. `None`: as many as threads.
    fn writers(&self) -> Option<usize>;

    /// Names of the databases the sink will open.
    fn databases(&self) -> Vec<String> {
        Vec::new()
    }

    /// Connects, begins or resumes the load (marking committed units done in `opening.context.units`).
    async fn open(&self, opening: &Opening<'_>, document: &Document, schema: SchemaRef) -> Result<Arc<dyn OpenSink>>;
}

/// An opened sink.
#[async_trait]
pub trait OpenSink: Debug + Send + Sync {
    /// A writer for one partition.
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>>;

    /// Makes the load visible: the explicit success. Dropping without it leaves nothing visible. Returns the sink's part
    /// of the report: at least `load_id`, `status` (`complete`, `skipped`, or `partial` while units of other shards are missing), `input_records`, `variants`, `calls`,
    /// `quarantined`, `filtered`, `out_of_region`, `units`, `units_resumed`.
    async fn finish(&self) -> Result<serde_json::Map<String, serde_json::Value>>;

    /// The run failed: records the reason with the load, as far as the database still answers.
    async fn abandon(&self, error: &crate::error::Error);
}

/// Writes one partition's batches, unit by unit.
#[async_trait]
pub trait Writer: Send {
    /// Takes a batch. Rows of one unit are contiguous; a new `__unit` value means that the units before it are closed
    /// (`context.units.take_closed`) and can be committed.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// The stream ended well: commits what is left. Dropping the writer instead aborts its open unit.
    async fn end(self: Box<Self>) -> Result<()>;
}
