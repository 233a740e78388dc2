//! The planned stage: labels, needs and opening. It must not look at rows.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::BoxFuture;

use super::apply::Rows;
use super::config::{Action, Config, Scan};
use super::document::Search;
use super::tally::Tally;
use crate::audit::Kind;
use crate::error::{Error, Result};
use crate::flow::{
    Apply, Around, Context, Input, Labels, Opening, Owed, Safeguard, Scanned, Situation, Specification, Stage, StageConfig, Step,
    column,
};
use crate::phi::{Scanner, Words, names, patterns, text, words};
use crate::sensitive::Label;
use crate::store::{Document, InputUnits};

/// Looks for identifiers.
#[derive(Debug)]
pub struct Detect {
    config: Config,
    /// Must nothing that names a person reach the sink?
    guarded: bool,
}

impl StageConfig for Config {
    fn build(&self, around: &Around<'_>) -> Result<Step> {
        let detect = Detect::new(self.clone());
        Ok(Step::Stage(Arc::new(if around.guarded { detect.guarded() } else { detect })))
    }
}

impl Detect {
    pub(super) fn new(config: Config) -> Self {
        Self { config, guarded: false }
    }

    /// The same where nothing that names a person may reach the sink.
    pub(super) fn guarded(self) -> Self {
        Self { guarded: true, ..self }
    }

    /// Does no CHROM, REF or ALT get past that is neither a contig's name nor an allele?
    fn checks_sites(&self) -> bool {
        self.guarded && self.config.scan == Scan::Full && self.config.actions.critical >= Action::Redact
    }

    /// Searches the document as it came in, rewrites what is left of it, and makes the object that searches rows.
    pub(super) fn begin(
        &self,
        context: &Arc<Context>,
        inputs: Vec<InputUnits>,
        schema: &Schema,
        original: &Document,
        words: &Arc<Words>,
        document: &mut Document,
    ) -> Result<Arc<dyn Apply>> {
        let names: HashSet<&str> = original.names().collect();
        let guard = self.guarded.then_some(words);
        let scanner = Scanner::with_identifiers(names.iter().copied())?;
        let tally = Tally::default();
        let search = Search {
            scanner: &scanner,
            actions: &self.config.actions,
            tally: &tally,
            run: &context.detections,
            names: &names,
            words: guard.map(AsRef::as_ref),
            removed: false,
        };
        search.document(original, document, schema);
        let reasons = tally.reasons();
        tally.events(&context.detections).into_iter().try_for_each(|event| context.recorder.record(event))?;
        if let Some(reasons) = reasons {
            return Err(Error::phi(format!("detect: identifiers in the header: {reasons}")).with_hint(
                "choose `redact`, which replaces the text, or `quarantine`, which drops the line, for the severity, such as \
                 `stages.detect.actions.critical=redact`; or put `sanitize` before `detect`, so that only what its policy keeps is \
                 left; an id that rows repeat cannot be redacted here",
            ));
        }
        Ok(match self.config.scan {
            Scan::Full => Arc::new(Rows::new(scanner, self.config.actions, schema, context.clone(), inputs, guard.cloned())),
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

    /// Finding nothing proves nothing, and what was found may not be all: no label gets lower, but those of CHROM, REF and ALT,
    /// whose grammar is checked.
    fn labels(&self, input: &Labels, schema: &Schema) -> Labels {
        let mut labels = input.clone();
        for name in column::SITE.iter().filter(|name| self.checks_sites() && schema.field_with_name(name).is_ok()) {
            labels.set(*name, Label::Public);
        }
        labels
    }

    fn safeguard(&self, _: &Schema) -> Safeguard {
        let scanned = match self.config.scan {
            Scan::Full => Scanned::Full,
            Scan::Headers => Scanned::Headers,
        };
        Safeguard { scanned, ..Safeguard::default() }
    }

    fn reads(&self, input: &Schema) -> Vec<String> {
        if self.config.scan == Scan::Headers {
            return Vec::new();
        }
        input.fields().iter().filter(|field| text::is_text(field.data_type())).map(|field| field.name().clone()).collect()
    }

    fn specification(&self) -> Result<Specification> {
        let patterns: Vec<_> = patterns::BUILTIN.iter().map(patterns::Pattern::rule).collect();
        let specification = Specification::new(self.kind(), &self.config)?.with_content("patterns", &patterns)?;
        specification.with_content("parts", &names::ROLES)?.with_content("words", &(self.guarded, words::rules()))
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
        Box::pin(async move {
            let (units, words) = (opening.units.to_vec(), opening.words);
            self.begin(&opening.context, units, &input.arriving, opening.original, words, document)
        })
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
