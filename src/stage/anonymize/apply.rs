//! Replaces sample names in the text of rows. It must not keep a value.

use std::collections::HashMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use crate::error::{Error, Result};
use crate::flow::{Apply, column};
use crate::phi::{Names, names, text};
use crate::sensitive::Sensitive;

/// The search of rows. Shared by all partitions; the automaton holds the names while the run lasts.
#[derive(Debug)]
pub(super) struct Rows {
    /// Names and, by their index, pseudonyms. `None`: no name is long enough to be searched for.
    words: Option<(Names, Vec<String>)>,
    columns: Vec<usize>,
}

impl Rows {
    pub(super) fn new(schema: &Schema, names: &[Sensitive<String>], pseudonyms: &[String]) -> Result<Self> {
        let known: HashMap<&str, &String> =
            names.iter().zip(pseudonyms).map(|(name, pseudonym)| (name.expose().as_str(), pseudonym)).collect();
        let (searched, pseudonyms): (Vec<&str>, Vec<String>) = known
            .into_iter()
            .filter(|(name, _)| names::searched_in_values(name))
            .map(|(name, pseudonym)| (name, pseudonym.clone()))
            .unzip();
        let words = Names::new(searched)?.map(|words| (words, pseudonyms));
        let columns = schema.fields().iter().enumerate().filter(|(_, field)| is_searched(field.name(), field.data_type()));
        Ok(Self { words, columns: columns.map(|(index, _)| index).collect() })
    }
}

/// Text in which a sample may be named: not contigs and alleles, which are words of another kind.
pub(super) fn is_searched(name: &str, kind: &datafusion::arrow::datatypes::DataType) -> bool {
    text::is_text(kind) && !column::SITE.contains(&name)
}

impl Apply for Rows {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some((words, pseudonyms)) = &self.words else { return Ok(batch) };
        let mut columns = None;
        for &index in &self.columns {
            let array = batch.column(index);
            let mut new = HashMap::new();
            text::each_where(
                array,
                |bytes| words.may_hold(bytes),
                |value| {
                    let replaced = words.replace(value.text, |name| pseudonyms.get(name).map_or("", String::as_str));
                    new.extend(replaced.map(|replaced| (value.slot, replaced)));
                },
            );
            if !new.is_empty() {
                let columns = columns.get_or_insert_with(|| batch.columns().to_vec());
                if let Some(column) = columns.get_mut(index) {
                    *column = text::replace(array, &new)?;
                }
            }
        }
        match columns {
            Some(columns) => Ok(RecordBatch::try_new(batch.schema(), columns).map_err(Error::from)?),
            None => Ok(batch),
        }
    }
}
