//! Looks through files for identifiers without loading them: headers, keys, sites and every text value, as `detect` does where
//! nothing that names a person may get through. It needs no database, changes nothing, and must not tell what it found, only where.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use serde::Serialize;
use uuid::Uuid;

use crate::access;
use crate::audit::{RecordedKeys, Recorder};
use crate::db::Databases;
use crate::error::{Error, Result};
use crate::flow::{Around, Context, Found, Input, Opening, Safeguards, StageConfig};
use crate::sensitive::Severity;
use crate::source::vcf::{self, decode_on};
use crate::stage::detect::{self, Action, Actions, Scan};

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub files: usize,
    pub records: u64,
    /// Matches by severity.
    pub detections: BTreeMap<&'static str, u64>,
    pub findings: Vec<Found>,
}

impl Report {
    /// Matches of one severity.
    pub fn of(&self, severity: Severity) -> u64 {
        self.detections.get(severity.name()).copied().unwrap_or(0)
    }
}

/// Searches the files of `source` on so many threads, and their values where `values` says so.
pub async fn screen(source: &vcf::Config, base: &Path, values: bool, threads: usize) -> Result<Report> {
    let inspection = source.build(base)?.inspect()?;
    let log = Action::Log;
    let actions = Actions { critical: log, high: log, medium: log, low: log };
    let config = detect::Config { scan: if values { Scan::Full } else { Scan::Headers }, actions };
    let around = Around { guarded: true, ..Around::folder(base) };
    let step = config.build(&around)?;
    let stage = step.stage().ok_or_else(|| Error::internal("the search is no stage"))?;
    let context = Arc::new(Context::new(Uuid::nil(), Recorder::discard()));
    let mut document = inspection.document.clone();
    let opening = Opening {
        context: context.clone(),
        grant: &access::credential_holder(),
        keys: &RecordedKeys::default(),
        databases: &Databases::default(),
        options_digest: [0; 32],
        name: "",
        original: &inspection.document,
        words: &inspection.words,
        safeguards: &Safeguards::default(),
        units: &inspection.units,
        force: false,
        private: true,
        shard: None,
        load_name: None,
        files: None,
    };
    let rows = stage.open(&opening, Input::whole(inspection.table.schema()), &mut document).await?;
    let each = |(): &mut (), batch: &RecordBatch| rows.apply(batch.clone()).map(|_| ());
    let records = if values { tokio::task::block_in_place(|| decode_on(&inspection, threads, None, each))?.0.records } else { 0 };
    rows.finish()?;
    let count = |severity: &Severity| (severity.name(), context.detections.get(*severity));
    Ok(Report {
        files: inspection.document.inputs.len(),
        records,
        detections: Severity::ALL.iter().map(count).collect(),
        findings: context.detections.findings(),
    })
}
