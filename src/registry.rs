//! One visible list: kind -> constructor. A component that is not named here does not exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::flow::{Sink, Source, Stage};
use crate::spec::{SinkSpec, SourceSpec, StageSpec};

/// A step between source and sink: an object of ours, or a DataFusion expression.
#[derive(Clone, Debug)]
pub enum Step {
    Stage(Arc<dyn Stage>),
    Filter(String),
    Derive(BTreeMap<String, String>),
    Select(Vec<String>),
}

/// Builds the source. Pure: reads no record.
pub fn source(spec: &SourceSpec, base: &Path) -> Result<Arc<dyn Source>> {
    match spec {
        SourceSpec::Vcf(config) => config.build(base),
    }
}

/// Builds a step. Pure: opens no key; policy files are read.
pub fn step(spec: &StageSpec, base: &Path) -> Result<Step> {
    Ok(match spec {
        StageSpec::Normalize(config) => Step::Stage(config.build(base)?),
        StageSpec::Sanitize(config) => Step::Stage(config.build(base)?),
        StageSpec::Detect(config) => Step::Stage(config.build(base)?),
        StageSpec::Anonymize(config) => Step::Stage(config.build(base)?),
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
