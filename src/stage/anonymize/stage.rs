//! The planned stage: labels, needs and opening. It must not look at rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::BoxFuture;

use super::apply::{Rows, is_searched};
use super::config::Config;
use super::document;
use crate::audit::{Event, Kind};
use crate::db::Databases;
use crate::error::Result;
use crate::flow::{Apply, Around, Input, Labels, Opening, Owed, Safeguard, Situation, Specification, Stage, StageConfig, Step};
use crate::phi::{names, vault};
use crate::sensitive::Label;
use crate::store::Document;

/// Gives samples pseudonyms.
#[derive(Debug)]
pub struct Anonymize {
    config: Config,
}

impl StageConfig for Config {
    /// The vault lies beside the rows unless the stage names another database.
    fn build(&self, around: &Around<'_>) -> Result<Step> {
        let database = self.database.clone().or_else(|| around.database.clone());
        Ok(Step::Stage(Arc::new(Anonymize::new(Self { database, ..self.clone() }))))
    }
}

impl Anonymize {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    fn database(&self) -> &str {
        self.config.database.as_deref().unwrap_or_else(|| Databases::default_name())
    }
}

impl Stage for Anonymize {
    fn kind(&self) -> &'static str {
        "anonymize"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(Arc::new(input.clone()))
    }

    /// A pseudonym says nothing about who somebody is, but what is known under it is about a person. Text stays as
    /// sensitive as it was: only known names leave it.
    fn labels(&self, input: &Labels, _: &Schema) -> Labels {
        let mut labels = input.clone();
        labels.samples = labels.samples.min(Label::Clinical);
        labels
    }

    fn safeguard(&self, _: &Schema) -> Safeguard {
        Safeguard::default()
    }

    /// Text that nobody below asks for does not travel on, so nothing in it needs replacing.
    fn reads(&self, _: &Schema) -> Vec<String> {
        Vec::new()
    }

    /// Predicates may pass where no text is replaced.
    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        let fields = output.fields().iter().filter(|field| is_searched(field.name(), field.data_type()));
        fields.map(|field| field.name().clone()).collect()
    }

    /// The vault's database is part of it: another vault has other pseudonyms.
    fn specification(&self) -> Result<Specification> {
        let settings = Config { database: Some(self.database().to_owned()), ..self.config.clone() };
        Specification::new(self.kind(), &settings)?.with_content("parts", &names::ROLES)
    }

    fn owes(&self) -> Vec<Owed> {
        // A file without samples needs no key.
        vec![Owed(Situation::Changed, Kind::KeyOpened), Owed(Situation::Changed, Kind::SamplesPseudonymized)]
    }

    fn keys(&self) -> Vec<String> {
        vec![self.config.key.clone()]
    }

    fn is_idle(&self, document: &Document) -> bool {
        document::names_in(document).is_empty()
    }

    fn databases(&self) -> Vec<String> {
        vec![self.database().to_owned()]
    }

    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        input: Input,
        document: &'a mut Document,
    ) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move {
            let (schema, names) = (input.arriving, document::names_in(document));
            if names.is_empty() {
                return Ok(Arc::new(Rows::new(&schema, &[], &[])?) as Arc<dyn Apply>);
            }
            let recorder = &opening.context.recorder;
            let ring = opening.keys.ring(&self.config.key)?;
            let connection = opening.databases.connect(self.database()).await?;
            let resolved = vault::resolve(&connection, ring, &names).await?;
            connection.close().await;
            let (words, replacements) = document::in_rows(document, &names, &resolved.pseudonyms);
            let rows = Rows::new(&schema, &words, &replacements)?;
            let renamed = document::rewrite(document, &names, &resolved.pseudonyms)?;
            let mut fresh = resolved.new.iter();
            for (&samples, input) in renamed.iter().zip(1..).filter(|(samples, _)| **samples > 0) {
                let new = fresh.by_ref().take(samples as usize).filter(|new| **new).count() as u64;
                recorder.record(Event::SamplesPseudonymized { input, samples, new, key_id: resolved.key_id.clone() })?;
            }
            Ok(Arc::new(rows) as Arc<dyn Apply>)
        })
    }
}
