//! Runs a pipeline from Rust: `cargo run --example run -- FILE.vcf.gz FOLDER` makes a Parquet dataset of one file.

use std::path::Path;

use genogate::error::{Error, Result};
use genogate::plan::PlanOptions;
use genogate::run::{Report, Run, RunOptions};
use genogate::spec::Spec;

/// What `genogate run` does, without its progress and its words. `home` holds keys and the spool of the audit trail.
pub async fn run(home: &Path, file: &str, folder: &str) -> Result<Report> {
    let pipeline = serde_json::json!({
        "version": 1, "name": "embedded", "profile": "open",
        "source": { "vcf": { "paths": [file], "calls": "all" } },
        "stages": [{ "normalize": { "split": true } }, { "filter": "qual >= 30" }],
        "sink": { "parquet": { "path": folder } },
    });
    let spec = Spec::from_json(&pipeline, &[])?;
    let run = Run::prepare(&spec, PlanOptions::default(), home).await?;
    let report = run.execute(RunOptions::default()).await;
    run.close().await.1?;
    report
}

#[tokio::main]
#[allow(dead_code, reason = "the tests call `run`")]
async fn main() -> Result<()> {
    let [_, file, folder] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err(Error::usage("give a VCF and a folder that does not exist"));
    };
    let report = run(&genogate::secrets::home()?, file, folder).await?;
    println!("{}", report.to_json()?);
    Ok(())
}
