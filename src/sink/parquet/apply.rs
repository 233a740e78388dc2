//! The sink, planned and opened: a hidden folder, writers, then a rename. It must not know how a file is laid out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use serde_json::json;

use super::config::Config;
use super::dataset::{Access, Folder, Manifest};
use super::shared::{Shared, lock};
use super::writer::PartitionWriter;
use crate::access::Permission;
use crate::audit::{Event, Kind};
use crate::crypto::digest::hex;
use crate::error::{Error, Result};
use crate::flow::{
    Committed, Demands, OpenSink, Opening, Outcome, Owed, Sink, SinkConfig, Situation, Specification, Status, Writer, column,
};
use crate::store::Document;
use crate::store::identity::{content, contents, headers, identity};

/// The planned sink.
#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
}

impl SinkConfig for Config {
    fn build(&self, base: &Path) -> Result<Arc<dyn Sink>> {
        if self.path.as_os_str().is_empty() {
            return Err(Error::usage("sink.parquet.path: empty"));
        }
        Ok(Arc::new(Parquet { path: base.join(&self.path) }))
    }
}

#[async_trait]
impl Sink for Parquet {
    fn kind(&self) -> &'static str {
        "parquet"
    }

    fn specification(&self) -> Result<Specification> {
        Ok(Specification::new(self.kind(), &json!({}))?.with_aside("files", "one a partition, zstd"))
    }

    fn demands(&self) -> Demands {
        Demands { unit: None, whole_files: true }
    }

    fn resumes(&self) -> bool {
        false
    }

    fn databases(&self) -> Vec<String> {
        Vec::new()
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
        if opening.shard.is_some() {
            return Err(Error::usage("shards meet in a database, not in a folder")
                .with_hint("load into PostgreSQL, or without `--shard`"));
        }
        let load = opening.context.run_id;
        let access = if opening.private { Access::Private } else { Access::Usual };
        let folder = Folder::create(&self.path, load, access)?;
        folder.write_document(document)?;
        let _ = opening.context.load.set(load);
        opening.context.recorder.record(Event::LoadBegun { load_id: load, resumed_units: 0 })?;
        let shared = Shared::new(opening.context.clone(), &folder.path(""), access, &schema);
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

    /// A dataset is written in one go.
    fn committed(&self) -> Committed {
        Committed::default()
    }

    async fn take_back(&self, _inputs: &BTreeSet<u32>) -> Result<()> {
        Ok(())
    }

    async fn finish(&self) -> Result<Outcome> {
        let mut folder = lock(&self.folder).take().ok_or_else(|| Error::internal("the load was ended twice"))?;
        let state = self.shared.state();
        if let Some(planned) = self.planned
            && planned != state.units
        {
            return Err(Error::integrity(format!("{} of {planned} units were written", state.units)));
        }
        let before = state.lines_before();
        folder.place_bad_records(|unit| before.get(&unit).copied().unwrap_or(0))?;
        contents(&self.headers, &state.totals)?;
        let content = content(&self.headers, &state.totals);
        let outcome = |load_id, status, figures, replaced| Outcome {
            load_id,
            status,
            figures,
            units_resumed: 0,
            digest: None,
            replaced,
            same_content: Vec::new(),
            shard: None,
            files: Vec::new(),
        };
        let load_id = self.shared.context.run_id;
        let manifest = Manifest {
            load_id,
            name: self.name.clone(),
            figures: state.figures(),
            identity: hex(&identity(&self.options, &content)),
            content: hex(&content),
            options: hex(&self.options),
            finished: chrono::Utc::now().to_rfc3339(),
        };
        let loads = folder.loads()?;
        let identical = loads.iter().find(|(_, earlier)| earlier.identity == manifest.identity);
        if let Some((_, earlier)) = identical.filter(|_| !self.force) {
            return Ok(outcome(earlier.load_id, Status::Skipped, earlier.figures, Vec::new()));
        }
        let under_other_rules =
            || loads.iter().find(|(_, earlier)| earlier.name == manifest.name && earlier.content == manifest.content);
        let replaced = identical.or_else(under_other_rules);
        folder.publish(&manifest, replaced.map(|(path, _)| path.as_path()))?;
        Ok(outcome(load_id, Status::Complete, manifest.figures, replaced.iter().map(|(_, earlier)| earlier.load_id).collect()))
    }

    async fn abandon(&self, _error: &Error) {
        drop(lock(&self.folder).take());
    }
}
