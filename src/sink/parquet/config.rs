//! What a pipeline file says about the sink `parquet`. It must not know how files are written.

use std::path::PathBuf;

/// Writes a dataset of Parquet files (zstd) where no server is wanted: `load=<id>/variants/part-<n>.parquet`. The folder opens as
/// it is with pyarrow, pandas, DuckDB and Polars (docs/clients.md). Beside the rows stand `_samples.jsonl`, `_header.jsonl`,
/// `_quarantine.jsonl` and `_manifest.json` with the counts. Under `hipaa` they are
/// their owner's alone. The folder `load=<id>` appears when the
/// load is complete. The same pipeline over the same inputs under other rules replaces its earlier load.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the dataset; made when it is missing.
    #[schemars(extend("x-path" = true))]
    pub path: PathBuf,
}
