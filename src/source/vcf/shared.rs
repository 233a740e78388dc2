//! What all scans of a table share. It must not know plans or threads.

use std::sync::Arc;

use super::config::{Calls, OnBadFile, OnBadRecord};
use super::header::Fields;
use super::input::Input;
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
}
