//! The sink, planned and opened: a hidden folder, writers, then a rename. It must not know how a file is laid out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use serde_json::{Map, Value, json};

use super::dataset::Folder;
use super::shared::{Shared, lock};
use super::writer::PartitionWriter;
use crate::access::Permission;
use crate::audit::{Event, Kind};
use crate::crypto::digest::hex;
use crate::error::{Error, Result};
use crate::flow::{Document, OpenSink, Opening, Owed, Sink, Situation, Writer, column};
use crate::store::identity::{headers, identity};

/// The planned sink.
#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
}

impl Parquet {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl Sink for Parquet {
    fn kind(&self) -> &'static str {
        "parquet"
    }

    fn explain(&self) -> String {
        "one zstd file a partition".into()
    }

    fn check(&self, schema: &Schema) -> Vec<String> {
        let number = |name: &str| schema.field_with_name(name).is_ok_and(|field| field.data_type() == &DataType::UInt32);
        let missing = [column::UNIT, column::ROW].into_iter().filter(|name| !number(name));
        missing.map(|name| format!("column {name}: missing or no UInt32")).collect()
    }

    fn owes(&self) -> Vec<Owed> {
        vec![Owed(Situation::Opened, Kind::LoadBegun)]
    }

    fn writers(&self) -> Option<usize> {
        None
    }

    async fn open(&self, opening: &Opening<'_>, document: &Document, schema: SchemaRef) -> Result<Arc<dyn OpenSink>> {
        opening.grant.require(Permission::LoadRun)?;
        if opening.shard.is_some() || opening.load_name.is_some() {
            return Err(Error::usage("shards meet in a database, not in a folder")
                .with_hint("load into PostgreSQL, or without `--shard` and `--load-name`"));
        }
        let load = opening.context.run_id;
        let folder = Folder::create(&self.path, load)?;
        folder.write_document(document)?;
        opening.context.recorder.record(Event::LoadBegun { load_id: load, resumed_units: 0 })?;
        let shared = Shared::new(opening.context.clone(), &folder.path(""), &schema);
        Ok(Arc::new(Open {
            shared: Arc::new(shared),
            folder: Mutex::new(Some(folder)),
            headers: headers(document),
            planned: opening.units.iter().map(|cut| cut.count.map(u64::from)).sum(),
            name: opening.name.to_owned(),
            options: opening.options_digest,
            force: opening.force,
        }))
    }
}

struct Open {
    shared: Arc<Shared>,
    /// Gone once the load is published or abandoned.
    folder: Mutex<Option<Folder>>,
    headers: Vec<[u8; 32]>,
    /// Units the plan has, when it knows.
    planned: Option<u64>,
    name: String,
    options: [u8; 32],
    force: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl OpenSink for Open {
    async fn writer(&self, partition: usize) -> Result<Box<dyn Writer>> {
        Ok(Box::new(PartitionWriter::create(self.shared.clone(), partition)?))
    }

    async fn finish(&self) -> Result<Map<String, Value>> {
        let mut folder = lock(&self.folder).take().ok_or_else(|| Error::internal("the load was ended twice"))?;
        let state = self.shared.state();
        if let Some(planned) = self.planned
            && planned != state.units
        {
            return Err(Error::integrity(format!("{} of {planned} units were written", state.units)));
        }
        let identity = hex(&identity(&self.options, &self.headers, &state.totals));
        let earlier = folder.find(&identity);
        if let Some((_, manifest)) = earlier.as_ref().filter(|_| !self.force) {
            let mut report = manifest.clone();
            report.insert("status".into(), "skipped".into());
            return Ok(report);
        }
        let report = json!({
            "load_id": self.shared.context.run_id, "status": "complete", "name": self.name, "input_records": state.records,
            "variants": state.sum.variants, "calls": state.sum.calls, "quarantined": state.sum.quarantined,
            "filtered": state.sum.filtered, "out_of_region": state.out_of_region, "units": state.units, "units_resumed": 0,
            "identity": identity, "options": hex(&self.options), "finished": chrono::Utc::now().to_rfc3339(),
        });
        let Value::Object(report) = report else { return Err(Error::internal("a report is an object")) };
        let replaced: Option<&Path> = earlier.as_ref().map(|(path, _)| path.as_path());
        folder.publish(&report, replaced)?;
        Ok(report)
    }

    async fn abandon(&self, _error: &Error) {
        drop(lock(&self.folder).take());
    }
}
