//! The sink, planned and opened: begins or resumes the load, hands out writers, makes it visible or records its failure.
//! It must not know how rows are encoded.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use serde_json::{Map, Value, json};

use super::completion::{self, Progress};
use super::config::{Config, Indexes};
use super::ledger::{self, Finished};
use super::tables::Layout;
use super::writer::{PartitionWriter, Shared};
use crate::access::Permission;
use crate::audit::Event;
use crate::db::{Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::{Document, InputUnits, OpenSink, Opening, Shard, Sink, Writer};

/// The planned sink.
#[derive(Debug)]
pub struct Postgres {
    config: Config,
}

impl Postgres {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    fn database(&self) -> String {
        self.config.database.clone().unwrap_or_else(|| Databases::default_name().to_owned())
    }
}

#[async_trait]
impl Sink for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn explain(&self) -> String {
        let writers = self.config.writers.map_or("as many writers as threads".into(), |n| format!("{n} writers"));
        format!("database {}, {writers}, binary COPY", self.database())
    }

    fn check(&self, schema: &Schema) -> Vec<String> {
        Layout::of(schema, &self.config.columns).err().unwrap_or_default()
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
        let database = self.database();
        let control = opening.databases.connect(&database).await?;
        ledger::prepare_columns(&control, &layout.own_columns()).await?;
        let load = ledger::begin(&control, opening, document).await?;
        let mut resumed = 0;
        match load.complete {
            true => opening.context.units.keep(Vec::new()),
            false => ledger::declare_columns(&control, load.id, &layout.variants_columns()).await?,
        }
        if load.resumed {
            let done = ledger::read(&control, load.id).await?;
            resumed = done.units.iter().filter(|&&unit| opening.context.units.wants(unit..unit + 1)).count() as u64;
            done.units.iter().for_each(|&unit| opening.context.units.mark_done(unit));
        } else if !load.complete && self.config.indexes == Indexes::Auto {
            ledger::call(&control, "drop_indexes_if_empty", None).await?;
        }
        opening.context.recorder.record(Event::LoadBegun { load_id: load.id, resumed_units: resumed })?;
        let shared = Shared {
            context: opening.context.clone(),
            databases: opening.databases.clone(),
            database,
            load,
            layout,
            units: opening.units.to_vec(),
        };
        Ok(Arc::new(Open {
            shared: Arc::new(shared),
            control,
            options: opening.options_digest,
            force: opening.force,
            shard: opening.shard,
            resumed,
        }))
    }
}

/// The opened sink. Its connection holds the load's lock.
struct Open {
    shared: Arc<Shared>,
    control: Connection,
    options: [u8; 32],
    force: bool,
    shard: Option<Shard>,
    resumed: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("load", &self.shared.load).finish_non_exhaustive()
    }
}

impl Open {
    /// Inputs whose units were unknown before this run has read them, from 1.
    fn read_to_their_ends(&self) -> Vec<i32> {
        let read = |cut: &&InputUnits| cut.count.is_none() && self.shared.context.units.wants(cut.first..cut.first + 1);
        self.shared.units.iter().filter(read).map(|cut| cut.input.cast_signed() + 1).collect()
    }

    /// What a shard reports while units of others are missing: the load as far as it is.
    fn partial(&self, inputs: &[Progress]) -> Finished {
        let sum = |of: fn(&Progress) -> i64| inputs.iter().map(of).sum();
        Finished {
            id: self.shared.load.id,
            status: "partial".into(),
            replaced: None,
            input_records: sum(|input| input.records),
            variants: sum(|input| input.variants),
            calls: sum(|input| input.calls),
            quarantined: sum(|input| input.quarantined),
            filtered: sum(|input| input.filtered),
            out_of_region: sum(|input| input.out_of_region),
            units: sum(|input| input.units),
        }
    }
}

#[async_trait]
impl OpenSink for Open {
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>> {
        Ok(Box::new(PartitionWriter::connect(self.shared.clone(), partition).await?))
    }

    async fn finish(&self) -> Result<Map<String, Value>> {
        let load = &self.shared.load;
        let closed = self.read_to_their_ends();
        if !closed.is_empty() {
            ledger::close_inputs(&self.control, load.id, &closed).await?;
        }
        let mut done = completion::complete(&self.control, load, &self.options, self.force).await?;
        let inputs = completion::progress(&self.control, done.as_ref().map_or(load.id, |done| done.id)).await?;
        if load.complete {
            done.iter_mut().for_each(|done| done.status = "skipped".into());
        }
        let done = match (done, self.shard) {
            (Some(done), _) => done,
            (None, Some(_)) => self.partial(&inputs),
            (None, None) => {
                let missing = completion::missing(&inputs).unwrap_or_default();
                return Err(Error::integrity(format!("the run ended, but {missing}")));
            }
        };
        let report = json!({
            "load_id": done.id, "status": done.status, "input_records": done.input_records, "variants": done.variants,
            "calls": done.calls, "quarantined": done.quarantined, "filtered": done.filtered,
            "out_of_region": done.out_of_region, "units": done.units, "units_resumed": self.resumed,
        });
        match report {
            Value::Object(mut report) => {
                if let Some(replaced) = done.replaced {
                    report.insert("replaced".into(), json!(replaced));
                }
                if let Some(shard) = self.shard {
                    report.insert("shard".into(), json!(shard.to_string()));
                }
                report.insert("files".into(), json!(inputs));
                Ok(report)
            }
            _ => Err(Error::internal("a report is an object")),
        }
    }

    async fn abandon(&self, error: &Error) {
        let load = self.shared.load.id;
        let recorded = match ledger::fail(&self.control, load, self.shard, error).await {
            // The server may have been restarted since: one new try, then the load keeps its state until it is resumed.
            Err(_) => match self.shared.databases.connect(&self.shared.database).await {
                Ok(client) => ledger::fail(&client, load, self.shard, error).await,
                Err(error) => Err(error),
            },
            done => done,
        };
        if let Err(error) = recorded {
            tracing::warn!(%error, "the failure could not be recorded with the load");
        }
    }
}
