//! The planned and the opened stage. It must not know where rows come from.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use futures::future::BoxFuture;

use super::config::Config;
use crate::audit::{Event, Kind};
use crate::error::{Error, Result};
use crate::flow::{
    Apply, Around, Input, Labels, Opening, Owed, Safeguard, Situation, Specification, Stage, StageConfig, Step, Word, column,
    with_word, word_of,
};
use crate::sensitive::Label;
use crate::stage::expr::did_you_mean;
use crate::stage::recorded::{Recorded, Work};
use crate::stage::seal::{Seal, is_sealed, sealed_type};
use crate::store::Document;

/// Seals the configured columns.
#[derive(Debug)]
pub(super) struct Encrypt {
    config: Config,
}

impl StageConfig for Config {
    /// Class `usage` when no column is named.
    fn build(&self, _: &Around<'_>) -> Result<Step> {
        if self.columns.is_empty() {
            return Err(
                Error::usage("encrypt: no column is named").with_hint("write columns: [info.NOTE], or leave the stage out")
            );
        }
        Ok(Step::Stage(Arc::new(Encrypt::new(self.clone()))))
    }
}

impl Encrypt {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    fn seals(&self, field: &Field) -> bool {
        self.config.columns.contains(field.name()) && !is_sealed(field.data_type())
    }
}

impl Stage for Encrypt {
    fn kind(&self) -> &'static str {
        "encrypt"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        let field = |field: &Arc<Field>| match self.seals(field) {
            // The VCF declaration no longer describes the values.
            true => {
                let sealed = Field::new(field.name(), sealed_type(field.name(), field.data_type()), true);
                Arc::new(word_of(field).map_or(sealed.clone(), |word| with_word(sealed, word)))
            }
            false => field.clone(),
        };
        let fields: Vec<Arc<Field>> = input.fields().iter().map(field).collect();
        Ok(Arc::new(Schema::new_with_metadata(fields, input.metadata().clone())))
    }

    fn check(&self, input: &Schema) -> Vec<String> {
        let mistake = |(at, name): (usize, &String)| {
            if self.config.columns[..at].contains(name) {
                return Some(format!("column {name} is named twice"));
            }
            if name.starts_with("__") || name == column::CALLS_SAMPLE {
                return Some(format!("column {name} links rows and cannot be encrypted"));
            }
            match input.field_with_name(name) {
                Ok(field) if is_sealed(field.data_type()) => Some(format!("column {name} is encrypted already")),
                Ok(_) => None,
                Err(_) => {
                    let known = input.fields().iter().map(|field| field.name().as_str());
                    Some(format!("unknown column {name}{}", did_you_mean(name, known)))
                }
            }
        };
        self.config.columns.iter().enumerate().filter_map(mistake).collect()
    }

    /// Ciphertext counts as clinical: it says that there is a value and how long it is.
    fn labels(&self, input: &Labels, schema: &Schema) -> Labels {
        let mut labels = input.clone();
        // A name is not encrypted with the values.
        let known = |field: &Field| word_of(field).is_none_or(|word| word == Word::Known);
        for field in schema.fields().iter().filter(|field| self.seals(field) && known(field)) {
            labels.set(field.name(), Label::Clinical.min(input.of(field.name())));
        }
        labels
    }

    fn safeguard(&self, _: &Schema) -> Safeguard {
        Safeguard::default()
    }

    fn reads(&self, _: &Schema) -> Vec<String> {
        Vec::new()
    }

    fn blocks_predicates_on(&self, _: &Schema) -> Vec<String> {
        self.config.columns.clone()
    }

    fn specification(&self) -> Result<Specification> {
        Specification::new(self.kind(), &self.config)
    }

    fn owes(&self) -> Vec<Owed> {
        vec![Owed(Situation::Opened, Kind::KeyOpened), Owed(Situation::Changed, Kind::ColumnsEncrypted)]
    }

    fn keys(&self) -> Vec<String> {
        vec![self.config.key.clone()]
    }

    fn open<'a>(&'a self, opening: &'a Opening<'a>, input: Input, _: &'a mut Document) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move {
            let seal = Seal::new(opening.keys.ring(&self.config.key)?.as_ref())?;
            let work = self.sealing(&input.arriving, seal)?;
            Ok(Arc::new(Recorded { work, recorder: opening.context.recorder.clone() }) as Arc<dyn Apply>)
        })
    }
}

impl Encrypt {
    pub(super) fn sealing(&self, schema: &Schema, seal: Seal) -> Result<Sealing> {
        let columns = schema.fields().iter().enumerate().filter(|(_, field)| self.seals(field));
        Ok(Sealing {
            columns: columns.map(|(at, field)| (at, field.name().clone())).collect(),
            output: self.schema(schema)?,
            seal,
        })
    }
}

/// The opened stage.
#[derive(Debug)]
pub(super) struct Sealing {
    columns: Vec<(usize, String)>,
    output: SchemaRef,
    seal: Seal,
}

impl Work for Sealing {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        for (at, name) in &self.columns {
            let values = columns.get_mut(*at).ok_or_else(|| Error::internal("a batch does not have the planned schema"))?;
            *values = self.seal.column(name, values)?;
        }
        Ok(RecordBatch::try_new(self.output.clone(), columns)?)
    }

    fn events(&self) -> Vec<Event> {
        if self.columns.is_empty() {
            return Vec::new();
        }
        let columns = self.columns.iter().map(|(_, name)| name.clone()).collect();
        vec![Event::ColumnsEncrypted { columns, key_id: self.seal.key_id().to_owned(), values: self.seal.count() }]
    }
}
