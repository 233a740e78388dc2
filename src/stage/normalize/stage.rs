//! The planned stage: schema, labels and needs. It must not look at rows.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use futures::future::BoxFuture;

use super::apply::Split;
use super::shape::{Per, Shape};
use crate::error::Result;
use crate::flow::{Apply, Document, Labels, Opening, Stage, column};
use crate::stage::recorded::Recorded;

/// Divides records into one row per ALT.
#[derive(Debug)]
pub struct Normalize {
    split: bool,
}

impl Normalize {
    pub(super) fn new(split: bool) -> Self {
        Self { split }
    }
}

impl Stage for Normalize {
    fn kind(&self) -> &'static str {
        "normalize"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        let field = |field: &Field| if self.split { Shape::of(field).field(field) } else { field.clone() };
        let fields: Vec<Field> = input.fields().iter().map(|f| field(f)).collect();
        Ok(Arc::new(Schema::new_with_metadata(fields, input.metadata().clone())))
    }

    /// A value's sensitivity does not change with the row it stands in.
    fn labels(&self, input: &Labels, _: &Schema) -> Labels {
        input.clone()
    }

    /// ALT always; genotypes where FORMAT fields are per genotype (a call's ploidy is needed).
    fn reads(&self, input: &Schema) -> Vec<String> {
        if !self.split {
            return Vec::new();
        }
        let genotypes = input.fields().iter().any(|field| Shape::of(field) == Shape::Calls(Per::Genotype));
        let wanted = [Some(column::ALT), genotypes.then_some(column::CALLS_GT)];
        wanted.into_iter().flatten().filter(|name| input.field_with_name(name).is_ok()).map(str::to_owned).collect()
    }

    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        const SAME_FOR_ALL_ROWS: [&str; 4] = [column::QUAL, column::FILTERS, column::IDS, column::CHROM];
        let names = output.fields().iter().map(|field| field.name().clone());
        names.filter(|name| self.split && !SAME_FOR_ALL_ROWS.contains(&name.as_str())).collect()
    }

    fn explain(&self) -> String {
        format!("split={}", self.split)
    }

    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        schema: SchemaRef,
        _: &'a mut Document,
    ) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move {
            if !self.split {
                return Ok(Arc::new(AsItIs) as Arc<dyn Apply>);
            }
            let work = Split::new(&schema, self.schema(&schema)?);
            Ok(Arc::new(Recorded { work, recorder: opening.context.recorder.clone() }) as Arc<dyn Apply>)
        })
    }
}

/// `split: false`: batches pass.
#[derive(Debug)]
struct AsItIs;

impl Apply for AsItIs {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(batch)
    }
}
