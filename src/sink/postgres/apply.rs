//! The sink, planned and opened: begins or resumes the load, hands out writers, makes it visible or records its failure.
//! It must not know how rows are encoded.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use serde_json::{Map, Value, json};

use super::config::{Config, Indexes};
use super::ledger;
use super::tables::Layout;
use super::writer::{PartitionWriter, Shared};
use crate::access::Permission;
use crate::audit::Event;
use crate::db::{Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::{Document, OpenSink, Opening, Sink, Writer};
use crate::sink::identity::{fingerprint, headers, identity};

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
        let options = &opening.options_digest;
        let print = fingerprint(options, document, opening.units);
        let load = ledger::begin(&control, opening.context.run_id, opening.name, options, print.as_ref(), document).await?;
        ledger::declare_columns(&control, load.id, &layout.variants_columns()).await?;
        let mut resumed = 0;
        if load.resumed {
            let done = ledger::read(&control, load.id).await?;
            resumed = done.units.len() as u64;
            done.units.iter().for_each(|&unit| opening.context.units.mark_done(unit));
        } else if self.config.indexes == Indexes::Auto {
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
            headers: headers(document),
            options: *options,
            force: opening.force,
            resumed,
        }))
    }
}

/// The opened sink. Its connection holds the load's lock.
struct Open {
    shared: Arc<Shared>,
    control: Connection,
    headers: Vec<[u8; 32]>,
    options: [u8; 32],
    force: bool,
    resumed: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("load", &self.shared.load).finish_non_exhaustive()
    }
}

impl Open {
    /// Every unit of the plan is in the ledger.
    fn all_committed(&self, ledger: &ledger::Ledger) -> Result<()> {
        let planned: Option<u64> = self.shared.units.iter().map(|cut| cut.count.map(u64::from)).sum();
        match planned {
            Some(planned) if planned != ledger.units.len() as u64 => {
                Err(Error::integrity(format!("{} of {planned} units are in the ledger", ledger.units.len())))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl OpenSink for Open {
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>> {
        Ok(Box::new(PartitionWriter::connect(self.shared.clone(), partition).await?))
    }

    async fn finish(&self) -> Result<Map<String, Value>> {
        let load = self.shared.load.id;
        let ledger = ledger::read(&self.control, load).await?;
        self.all_committed(&ledger)?;
        ledger::call(&self.control, "build_indexes", None).await?;
        let identity = identity(&self.options, &self.headers, &ledger.totals);
        let done = ledger::finish(&self.control, load, &identity, ledger.rows_digest, self.force).await?;
        if let Some(replaced) = done.replaced
            && let Err(error) = ledger::call(&self.control, "purge_load", Some(replaced)).await
        {
            tracing::warn!(%error, "the rows of the replaced load are still there; `genogate loads drop` removes them");
        }
        if done.status == "complete"
            && let Err(error) = ledger::call(&self.control, "analyze_tables", None).await
        {
            tracing::warn!(%error, "the tables' statistics are those of before the load");
        }
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
                Ok(report)
            }
            _ => Err(Error::internal("a report is an object")),
        }
    }

    async fn abandon(&self, error: &Error) {
        let load = self.shared.load.id;
        let recorded = match ledger::fail(&self.control, load, error).await {
            // The server may have been restarted since: one new try, then the load keeps its state until it is resumed.
            Err(_) => match self.shared.databases.connect(&self.shared.database).await {
                Ok(client) => ledger::fail(&client, load, error).await,
                Err(error) => Err(error),
            },
            done => done,
        };
        if let Err(error) = recorded {
            tracing::warn!(%error, "the failure could not be recorded with the load");
        }
    }
}
