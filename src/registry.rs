//! One visible list: kind -> constructor. A component that is not named here does not exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::flow::{Sink, Source, Stage};
use crate::source::vcf::{OnBadFile, OnBadRecord};
use crate::spec::{SinkSpec, SourceSpec, StageSpec};
use crate::stage::{anonymize, normalize};

/// A step between source and sink: an object of ours, or a DataFusion expression.
#[derive(Clone, Debug)]
pub enum Step {
    Stage(Arc<dyn Stage>),
    Filter(String),
    Derive(BTreeMap<String, String>),
    Select(Vec<String>),
}

/// Builds the source. Pure: reads no record. The source cuts the units that the sink commits, so a size the sink names wins.
pub fn source(spec: &SourceSpec, sink: &SinkSpec, base: &Path) -> Result<Arc<dyn Source>> {
    let unit = match sink {
        SinkSpec::Postgres(config) => config.unit_bytes()?,
        SinkSpec::Parquet(_) => None,
    };
    let SourceSpec::Vcf(config) = spec;
    let mut config = unit.map_or_else(|| config.clone(), |bytes| config.with_unit(bytes));
    if matches!(sink, SinkSpec::Parquet(_)) {
        // What was written of a bad file cannot be taken back from a dataset.
        config.on_bad_file = OnBadFile::Fail;
    }
    config.build(base)
}

/// Builds a step. Pure: opens no key; policy files and a reference's index are read. `normalize` gets the source's reference and
/// treats bad records as the source does; the vault lies in the sink's database unless a stage names another.
pub fn step(spec: &StageSpec, source: &SourceSpec, sink: &SinkSpec, base: &Path) -> Result<Step> {
    Ok(match spec {
        StageSpec::Normalize(config) => {
            let SourceSpec::Vcf(source) = source;
            let given = normalize::Given {
                reference: source.reference.clone(),
                quarantine: source.on_bad_record == OnBadRecord::Quarantine,
                max_bad_records: source.max_bad_records,
            };
            Step::Stage(config.build(&given, base)?)
        }
        StageSpec::Sanitize(config) => Step::Stage(config.build(base)?),
        StageSpec::Detect(config) => Step::Stage(config.build(base)?),
        StageSpec::Anonymize(config) => {
            let beside = match sink {
                SinkSpec::Postgres(sink) => sink.database.clone(),
                SinkSpec::Parquet(_) => None,
            };
            let database = config.database.clone().or(beside);
            Step::Stage(anonymize::Config { database, ..config.clone() }.build(base)?)
        }
        StageSpec::Encrypt(config) => Step::Stage(config.build(base)?),
        StageSpec::Filter(expression) => Step::Filter(expression.clone()),
        StageSpec::Derive(columns) => Step::Derive(columns.clone()),
        StageSpec::Select(columns) => Step::Select(columns.clone()),
    })
}

/// Builds the sink. Pure: connects nowhere.
pub fn sink(spec: &SinkSpec, base: &Path) -> Result<Arc<dyn Sink>> {
    match spec {
        SinkSpec::Postgres(config) => config.build(base),
        SinkSpec::Parquet(config) => config.build(base),
    }
}
