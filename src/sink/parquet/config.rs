//! What a pipeline file says about the sink `parquet`. It must not know how files are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apply::Parquet;
use crate::error::{Error, Result};
use crate::flow::Sink;

/// Writes a dataset of Parquet files (zstd) where no server is wanted: `load=<id>/variants/part-<n>.parquet`,
/// `samples.parquet`, `header.jsonl`, `quarantine.jsonl` and `manifest.json` with the counts. The folder `load=<id>` appears
/// when the load is complete.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the dataset; made when it is missing.
    #[schemars(extend("x-path" = true))]
    pub path: PathBuf,
}

impl Config {
    /// The sink this configuration asks for. Writes nothing.
    pub fn build(&self, base: &Path) -> Result<Arc<dyn Sink>> {
        if self.path.as_os_str().is_empty() {
            return Err(Error::usage("sink.parquet.path: empty"));
        }
        Ok(Arc::new(Parquet::new(base.join(&self.path))))
    }
}
