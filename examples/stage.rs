//! A stage of one's own behind those of a pipeline file: `cargo run --example stage -- PIPELINE.yaml` rounds QUAL to whole
//! numbers. It is part of the plan, of the proof, and of the load's identity, like any other.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Schema, SchemaRef};
use futures::future::BoxFuture;
use genogate::error::{Error, Result};
use genogate::flow::{Apply, Input, Labels, Opening, Owed, Safeguard, Specification, Stage};
use genogate::plan::PlanOptions;
use genogate::run::{Report, Run, RunOptions};
use genogate::spec::Spec;
use genogate::store::Document;

/// Rounds QUAL.
#[derive(Debug)]
pub struct Round;

impl Stage for Round {
    fn kind(&self) -> &'static str {
        "round"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(Arc::new(input.clone()))
    }

    fn labels(&self, input: &Labels, _: &Schema) -> Labels {
        input.clone()
    }

    /// It searches nothing and drops no column.
    fn safeguard(&self, _: &Schema) -> Safeguard {
        Safeguard::default()
    }

    fn reads(&self, _: &Schema) -> Vec<String> {
        vec!["qual".into()]
    }

    fn specification(&self) -> Result<Specification> {
        Specification::new(self.kind(), &serde_json::json!({ "digits": 0 }))
    }

    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    fn owes(&self) -> Vec<Owed> {
        Vec::new()
    }

    fn open<'a>(&'a self, _: &'a Opening<'a>, _: Input, _: &'a mut Document) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async { Ok(Arc::new(Round) as Arc<dyn Apply>) })
    }
}

impl Apply for Round {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let Ok(at) = schema.index_of("qual") else { return Ok(batch) };
        let mut columns = batch.columns().to_vec();
        if let Some(column) = columns.get_mut(at) {
            let rounded: ArrayRef = Arc::new(column.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round));
            *column = rounded;
        }
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

/// Runs a pipeline file with the stage behind its own.
pub async fn run(home: &Path, pipeline: &Path) -> Result<Report> {
    let spec = Spec::read(pipeline, &[])?;
    let options = PlanOptions { stages: vec![Arc::new(Round)], ..PlanOptions::default() };
    let run = Run::prepare(&spec, options, home).await?;
    let report = run.execute(RunOptions::default()).await;
    run.close().await.1?;
    report
}

#[tokio::main]
#[allow(dead_code, reason = "the tests call `run`")]
async fn main() -> Result<()> {
    let pipeline = std::env::args().nth(1).ok_or_else(|| Error::usage("give a pipeline file"))?;
    println!("{}", run(&genogate::secrets::home()?, Path::new(&pipeline)).await?.to_json()?);
    Ok(())
}
