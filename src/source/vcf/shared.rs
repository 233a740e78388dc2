//! What all scans of a table share. It must not know plans or threads.

use std::sync::Arc;

use super::config::{Calls, Config, OnBadFile, OnBadRecord};
use super::header::Fields;
use super::input::Input;
use super::limits::Limits;
use super::regions::Regions;
use super::slot::CatchAll;

/// The inputs of a load, and what was settled about all of them.
#[derive(Debug)]
pub(crate) struct Shared {
    pub inputs: Vec<Input>,
    pub fields: Arc<Fields>,
    pub regions: Arc<Regions>,
    pub calls: Calls,
    pub on_bad_record: OnBadRecord,
    pub on_bad_file: OnBadFile,
    pub max_bad_records: Option<u64>,
    pub catch_all: CatchAll,
    pub unit: u64,
    pub limits: Limits,
}

impl Shared {
    pub(crate) fn new(
        inputs: Vec<Input>,
        fields: Fields,
        regions: Regions,
        catch_all: CatchAll,
        unit: u64,
        limits: Limits,
        config: &Config,
    ) -> Self {
        Self {
            inputs,
            fields: Arc::new(fields),
            regions: Arc::new(regions),
            calls: config.calls,
            on_bad_record: config.on_bad_record,
            on_bad_file: config.on_bad_file,
            max_bad_records: config.max_bad_records,
            catch_all,
            unit,
            limits,
        }
    }
}
