//! What a scan asks of the decoder. It must not know inputs.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use crate::source::vcf::config::Calls;
use crate::source::vcf::filter::Predicate;
use crate::source::vcf::header::Fields;
use crate::source::vcf::limits::Limits;
use crate::source::vcf::regions::Regions;
use crate::source::vcf::slot::{CatchAll, Slot};

/// What decoding one input needs to know. Shared by all partitions.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub fields: Arc<Fields>,
    pub regions: Arc<Regions>,
    pub predicate: Arc<Predicate>,
    pub calls: Calls,
    pub catch_all: CatchAll,
    pub limits: Limits,
    /// The projected schema and what its columns are filled from.
    pub schema: SchemaRef,
    pub slots: Arc<[Slot]>,
}
