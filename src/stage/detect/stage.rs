//! The planned stage: labels, needs and opening. It must not look at rows.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::BoxFuture;

use super::apply::Rows;
use super::config::{Config, Scan};
use super::document::Search;
use super::tally::Tally;
use crate::audit::Kind;
use crate::error::{Error, Result};
use crate::flow::{Apply, Around, Context, Input, Labels, Opening, Owed, Situation, Specification, Stage, StageConfig, Step};
use crate::phi::{Scanner, names, patterns, text};
use crate::sensitive::Sensitive;
use crate::store::{Document, InputUnits, SampleId};

/// Looks for identifiers.
#[derive(Debug)]
pub struct Detect {
    config: Config,
}

impl StageConfig for Config {
    fn build(&self, _: &Around<'_>) -> Result<Step> {
        Ok(Step::Stage(Arc::new(Detect::new(self.clone()))))
    }
}

impl Detect {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    /// Searches the document as it came in, rewrites what is left of it, and makes the object that searches rows.
    pub(super) fn begin(
        &self,
        context: &Arc<Context>,
        inputs: Vec<InputUnits>,
        schema: &Schema,
        original: &Document,
        document: &mut Document,
    ) -> Result<Arc<dyn Apply>> {
        let samples = original.inputs.iter().flat_map(|input| &input.samples);
        let held: Vec<Sensitive<String>> = samples
            .filter_map(|sample| match sample {
                SampleId::Name(name) => Some(name.clone()),
                SampleId::Pseudonym(_) => None,
            })
            .chain(original.inputs.iter().flat_map(|input| &input.renamed).map(|rename| rename.old.clone()))
            .collect();
        let names: HashSet<&str> = held.iter().map(|name| name.expose().as_str()).collect();
        let scanner = Scanner::with_identifiers(names.iter().copied())?;
        let tally = Tally::default();
        let search =
            Search { scanner: &scanner, actions: &self.config.actions, tally: &tally, run: &context.detections, names: &names };
        search.document(original, document, schema);
        let reasons = tally.reasons();
        tally.events().into_iter().try_for_each(|event| context.recorder.record(event))?;
        if let Some(reasons) = reasons {
            return Err(Error::phi(format!("detect: identifiers in the header: {reasons}")).with_hint(
                "let sanitize drop these lines before detect, rename the fields, or choose another action for the severity; \
                 an id that rows repeat cannot be redacted here",
            ));
        }
        Ok(match self.config.scan {
            Scan::Full => Arc::new(Rows::new(scanner, self.config.actions, schema, context.clone(), inputs)),
            Scan::Headers => Arc::new(HeadersOnly),
        })
    }
}

impl Stage for Detect {
    fn kind(&self) -> &'static str {
        "detect"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(Arc::new(input.clone()))
    }

    fn check(&self, input: &Schema) -> Vec<String> {
        let unsearchable = input.fields().iter().filter(|field| text::is_unsearchable(field.data_type()));
        let mistake = |field: &Arc<datafusion::arrow::datatypes::Field>| {
            format!("{} has the type {}, which cannot be searched for identifiers", field.name(), field.data_type())
        };
        if self.config.scan == Scan::Full { unsearchable.map(mistake).collect() } else { Vec::new() }
    }

    /// Finding nothing proves nothing, and what was found may not be all: no label gets lower.
    fn labels(&self, input: &Labels, _: &Schema) -> Labels {
        input.clone()
    }

    fn reads(&self, input: &Schema) -> Vec<String> {
        if self.config.scan == Scan::Headers {
            return Vec::new();
        }
        input.fields().iter().filter(|field| text::is_text(field.data_type())).map(|field| field.name().clone()).collect()
    }

    fn specification(&self) -> Result<Specification> {
        let patterns: Vec<_> = patterns::BUILTIN.iter().map(patterns::Pattern::rule).collect();
        Specification::new(self.kind(), &self.config)?.with_content("patterns", &patterns)?.with_content("parts", &names::ROLES)
    }

    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    fn owes(&self) -> Vec<Owed> {
        vec![Owed(Situation::Found, Kind::PhiDetected), Owed(Situation::SetAside, Kind::Quarantined)]
    }

    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        input: Input,
        document: &'a mut Document,
    ) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move { self.begin(&opening.context, opening.units.to_vec(), &input.arriving, opening.original, document) })
    }
}

/// `scan: headers`: batches pass.
#[derive(Debug)]
struct HeadersOnly;

impl Apply for HeadersOnly {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(batch)
    }
}
