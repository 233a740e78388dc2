//! The planned stage: which columns are checked, dropped or sealed, and what the document keeps.
//! It must not know how policies are written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::BoxFuture;

use super::apply::{Cleaning, Task};
use super::attributes;
use super::columns::{is_checkable, is_text};
use super::config::{Config, Otherwise};
use super::entries;
use super::header::HeaderPolicy;
use super::policy::{Source, TextPolicy};
use super::rule::{Atom, Check, Rule, Subfields, anchored};
use crate::audit::{Event, Kind};
use crate::error::{Error, Result};
use crate::flow::{
    Apply, Around, Dropped, Input, Labels, Opening, Owed, Safeguard, Situation, Specification, Stage, StageConfig, Step, Word,
    annotation, column, word_of,
};
use crate::phi::Words;
use crate::sensitive::Label;
use crate::stage::recorded::Recorded;
use crate::stage::seal::{Seal, is_sealed, sealed_type};
use crate::store::{Document, HeaderLine};

/// A declared filter must look like a name, too.
const FILTER_NAME: &str = r"[A-Za-z][A-Za-z0-9_.<>=:%+-]{0,63}";

/// Removes what the policies do not know.
#[derive(Debug)]
pub(super) struct Sanitize {
    headers: HeaderPolicy,
    fields: TextPolicy,
    key: Option<String>,
}

/// What happens to a column.
enum Fate<'a> {
    Stays,
    Checked(&'a Arc<Rule>),
    /// Annotation entries: every sub-field has its rule. With the column's new type.
    Entries(&'a Subfields, DataType),
    Dropped,
    Sealed,
}

impl StageConfig for Config {
    /// Reads the policy files; opens no key.
    ///
    /// # Errors
    /// Class `usage`: a policy file that cannot be read or has mistakes (all of them), a missing or needless `key`.
    fn build(&self, around: &Around<'_>) -> Result<Step> {
        let key = match (self.text.otherwise, &self.text.key) {
            (Otherwise::Encrypt, Some(key)) => Some(key.clone()),
            (Otherwise::Drop, None) => None,
            (Otherwise::Encrypt, None) => {
                return Err(Error::usage("sanitize: text.otherwise: encrypt needs the name of a key ring")
                    .with_hint("write text: { otherwise: encrypt, key: clinical }"));
            }
            (Otherwise::Drop, Some(_)) => {
                return Err(Error::usage("sanitize: text.key is given, but nothing is encrypted")
                    .with_hint("write text: { otherwise: encrypt, key: … }, or leave the key out"));
            }
        };
        let headers = Source::headers(self.headers.as_deref(), around.base)?.header_policy()?;
        let fields = Source::text(self.text.allow.as_deref(), around.base)?;
        let fields = fields.text_policy(Source::symbols(self.text.symbols.as_deref(), around.base)?)?;
        Ok(Step::Stage(Arc::new(Sanitize::new(headers, fields, key))))
    }
}

impl Sanitize {
    pub(super) fn new(headers: HeaderPolicy, fields: TextPolicy, key: Option<String>) -> Self {
        Self { headers, fields, key }
    }

    fn fate(&self, field: &Field) -> Fate<'_> {
        let name = field.name().as_str();
        // `detect` looks at these.
        if column::SITE.contains(&name) || name.starts_with("__") || name == column::CALLS_SAMPLE {
            return Fate::Stays;
        }
        let entries = annotation::entries_of(field.data_type()).is_some() && name.starts_with(column::INFO);
        let text = is_text(field.data_type());
        match self.flat_rule(field).or_else(|| self.fields.rule(name)) {
            // A name can be free text, whatever the column's type.
            _ if !self.name_allowed(field) => Fate::Dropped,
            Some(rule) if entries => match rule.as_ref() {
                Rule::Subfields(subfields) => match entries::checked_type(field.data_type(), subfields) {
                    Some(kind) => Fate::Entries(subfields, kind),
                    None => self.unchecked(),
                },
                _ => self.unchecked(),
            },
            _ if entries => self.unchecked(),
            _ if !text => Fate::Stays,
            Some(rule) if is_checkable(field.data_type()) => Fate::Checked(rule),
            _ => self.unchecked(),
        }
    }

    fn unchecked(&self) -> Fate<'_> {
        if self.key.is_some() { Fate::Sealed } else { Fate::Dropped }
    }

    /// The rule of the sub-field whose values a flat annotation column holds.
    fn flat_rule(&self, field: &Field) -> Option<&Arc<Rule>> {
        let (id, subfield) = annotation::flat_of(field)?;
        let whole = format!("{}{id}", column::INFO);
        field.name().strip_prefix(whole.as_str()).filter(|rest| rest.starts_with('.'))?;
        let subfields = self.subfields(&whole)?;
        Some(subfields.rule(subfield).unwrap_or(&subfields.otherwise))
    }

    fn name_allowed(&self, field: &Field) -> bool {
        let name = field.name().as_str();
        match (name.strip_prefix(column::INFO), name.strip_prefix(column::CALLS)) {
            (Some("__other"), _) | (_, Some("__other")) => true,
            _ if word_of(field).is_some_and(|word| word != Word::Known) => false,
            (Some(id), _) => self.headers.allows("INFO", id),
            (_, Some(id)) => self.headers.allows("FORMAT", id),
            _ => true,
        }
    }

    /// Why a column is dropped.
    fn why(&self, field: &Field) -> &'static str {
        match word_of(field) {
            Some(Word::Undeclared) => "neither a header nor the specification knows its key",
            Some(Word::Named) => "its key may name somebody",
            _ if !self.name_allowed(field) => "the policy does not allow its name",
            _ if field.name().ends_with("__other") => "text of keys that no header declares, and of values that do not fit",
            _ => "text without a rule in the policy",
        }
    }

    fn subfields(&self, column: &str) -> Option<&Subfields> {
        match self.fields.rule(column).map(Arc::as_ref) {
            Some(Rule::Subfields(subfields)) => Some(subfields),
            _ => None,
        }
    }

    /// The rule as one run needs it; `document` is still the input's own.
    fn check(&self, name: &str, rule: &Arc<Rule>, document: &Document, filters: &HashSet<String>) -> Check {
        match rule.as_ref() {
            Rule::Subfields(subfields) => Check::Positions {
                separator: subfields.separator,
                parenthesized: subfields.parenthesized,
                rules: names_of(name, subfields, document)
                    .into_iter()
                    .map(|name| name.and_then(|name| subfields.rule(&name)).unwrap_or(&subfields.otherwise).clone())
                    .collect(),
                otherwise: subfields.otherwise.clone(),
            },
            Rule::Filters { separators } => {
                let words = filters.iter().cloned().chain(["PASS".to_owned()]).collect();
                Check::Rule(Arc::new(Rule::pieces(separators.clone(), vec![Atom::Words(words)])))
            }
            Rule::Genotype | Rule::Pieces(_) => Check::Rule(rule.clone()),
        }
    }

    /// Decides every column's work from the schema and the document as read, then rewrites the document.
    pub(super) fn opened(
        &self,
        input: &Input,
        document: &mut Document,
        words: &Words,
        seal: Option<Seal>,
    ) -> Result<(Cleaning, Vec<Event>)> {
        let schema = &input.arriving;
        let filters = declared_filters(document, words)?;
        let mut columns = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            let task = match self.fate(field) {
                Fate::Stays => Task::Pass,
                Fate::Checked(rule) => Task::Check(self.check(field.name(), rule, document, &filters), Default::default()),
                Fate::Entries(subfields, kind) => {
                    let checks = entries::checks(field.data_type(), subfields);
                    let checks = checks.ok_or_else(|| Error::internal("an annotation column cannot be checked"))?;
                    Task::Entries(checks, kind, Default::default())
                }
                Fate::Sealed => Task::Seal,
                Fate::Dropped => continue,
            };
            columns.push((at, field.name().clone(), task));
        }
        let output = self.schema(schema)?;
        // Of the planned columns: nobody asks for one that is dropped, so pruning hides it.
        let dropped = input.planned.fields().iter().filter(|field| matches!(self.fate(field), Fate::Dropped));
        // The name of a field that is dropped for its name must not be told either.
        let (named, unnamed): (Vec<&Arc<Field>>, Vec<_>) = dropped.partition(|field| self.name_allowed(field));
        let mut told: BTreeSet<String> = named.into_iter().map(|field| field.name().clone()).collect();
        told.extend((!unnamed.is_empty()).then(|| format!("fields whose names may not be kept: {}", unnamed.len())));
        let gone = |column| Event::ColumnDropped { stage: "sanitize".into(), column };
        let mut events: Vec<Event> = told.into_iter().map(gone).collect();
        for (input, inside) in (1..).zip(&mut document.inputs) {
            let lines = self.headers.rewrite(inside, words, |id| self.subfields(&format!("{}{id}", column::INFO)));
            events.extend(lines.into_iter().map(|(key, count)| Event::HeaderLinesDropped { input, key: key.into(), count }));
        }
        Ok((Cleaning { columns, output, seal }, events))
    }
}

/// Filters that headers declare, that look like names and name nobody.
fn declared_filters(document: &Document, words: &Words) -> Result<HashSet<String>> {
    let name = anchored(FILTER_NAME).map_err(Error::internal)?;
    let lines = document.inputs.iter().flat_map(|input| &input.lines).filter(|line| line.key == "FILTER");
    Ok(lines.filter_map(id_of).filter(|id| name.is_match(id) && words.flaw(id).is_none()).collect())
}

fn id_of(line: &HeaderLine) -> Option<String> {
    line.id.clone().or_else(|| attribute(line, "ID"))
}

fn attribute(line: &HeaderLine, wanted: &str) -> Option<String> {
    attributes::parse(&line.value)?.into_iter().find(|(name, _)| name == wanted).map(|(_, text)| text)
}

/// Names by position: those all inputs agree on, `None` where they differ; the policy's order when no header lists any.
fn names_of(column: &str, subfields: &Subfields, document: &Document) -> Vec<Option<String>> {
    let id = column.split_once('.').map_or(column, |(_, id)| id);
    let mut agreed: Option<Vec<Option<String>>> = None;
    for line in document.inputs.iter().flat_map(|input| &input.lines) {
        if !matches!(line.key.as_str(), "INFO" | "FORMAT") || id_of(line).as_deref() != Some(id) {
            continue;
        }
        let listed =
            attribute(line, "Description").and_then(|text| attributes::subfield_names(&text, subfields.separator.into()));
        let Some(listed) = listed else { continue };
        let listed: Vec<Option<String>> = listed.into_iter().map(Some).collect();
        agreed = Some(match agreed {
            None => listed,
            Some(before) => before.into_iter().zip(listed).map(|(a, b)| if a == b { a } else { None }).collect(),
        });
    }
    agreed.unwrap_or_else(|| subfields.order.iter().cloned().map(Some).collect())
}

impl Stage for Sanitize {
    fn kind(&self) -> &'static str {
        "sanitize"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        let mut fields: Vec<Arc<Field>> = Vec::with_capacity(input.fields().len());
        for field in input.fields() {
            match self.fate(field) {
                Fate::Stays | Fate::Checked(_) => fields.push(field.clone()),
                Fate::Entries(_, kind) => fields.push(Arc::new(field.as_ref().clone().with_data_type(kind))),
                Fate::Sealed => {
                    fields.push(Arc::new(Field::new(field.name(), sealed_type(field.name(), field.data_type()), true)))
                }
                Fate::Dropped => {}
            }
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, input.metadata().clone())))
    }

    /// Checked values are clinical, identifiers of variants public, ciphertext clinical, header lines public.
    fn labels(&self, input: &Labels, schema: &Schema) -> Labels {
        let mut labels = input.clone();
        labels.headers = Label::Public;
        for field in schema.fields() {
            let name = field.name();
            let label = match self.fate(field) {
                Fate::Checked(_) if name == column::IDS => Label::Public,
                Fate::Checked(_) | Fate::Entries(..) | Fate::Sealed => Label::Clinical,
                Fate::Stays | Fate::Dropped => continue,
            };
            labels.set(name, label.min(input.of(name)));
        }
        labels
    }

    fn safeguard(&self, input: &Schema) -> Safeguard {
        let mut dropped: BTreeMap<&'static str, Dropped> = BTreeMap::new();
        for field in input.fields().iter().filter(|field| matches!(self.fate(field), Fate::Dropped)) {
            let why = self.why(field);
            let new = || Dropped { stage: "sanitize".into(), why: why.into(), columns: Vec::new(), count: 0 };
            let dropped = dropped.entry(why).or_insert_with(new);
            dropped.count += 1;
            dropped.columns.extend(self.name_allowed(field).then(|| field.name().clone()));
        }
        Safeguard { dropped: dropped.into_values().collect(), ..Safeguard::default() }
    }

    fn reads(&self, _: &Schema) -> Vec<String> {
        Vec::new()
    }

    /// A predicate on a checked or sealed column must see what the stage leaves of it.
    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        let touched = |field: &&Arc<Field>| {
            is_text(field.data_type()) || is_sealed(field.data_type()) || annotation::entries_of(field.data_type()).is_some()
        };
        let names = output.fields().iter().filter(touched).map(|field| field.name().clone());
        names.filter(|name| !column::SITE.contains(&name.as_str())).collect()
    }

    fn specification(&self) -> Result<Specification> {
        let otherwise = if self.key.is_some() { Otherwise::Encrypt } else { Otherwise::Drop };
        Specification::new(self.kind(), &serde_json::json!({ "otherwise": otherwise, "key": self.key }))?
            .with_content("headers", &self.headers.written)?
            .with_content("text", &self.fields.written)
    }

    fn owes(&self) -> Vec<Owed> {
        let removed = [Kind::HeaderLinesDropped, Kind::ValuesDropped].map(|kind| Owed(Situation::Removed, kind));
        let text = match self.key {
            None => vec![Owed(Situation::Removed, Kind::ColumnDropped)],
            Some(_) => vec![Owed(Situation::Opened, Kind::KeyOpened), Owed(Situation::Changed, Kind::ColumnsEncrypted)],
        };
        removed.into_iter().chain(text).collect()
    }

    fn keys(&self) -> Vec<String> {
        self.key.iter().cloned().collect()
    }

    fn open<'a>(
        &'a self,
        opening: &'a Opening<'a>,
        input: Input,
        document: &'a mut Document,
    ) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move {
            let seal = self.key.as_ref().map(|key| Seal::new(opening.keys.ring(key)?.as_ref())).transpose()?;
            self.fields.symbols.meet(opening.words);
            let (work, events) = self.opened(&input, document, opening.words, seal)?;
            let recorder = opening.context.recorder.clone();
            events.into_iter().try_for_each(|event| recorder.record(event))?;
            Ok(Arc::new(Recorded { work, recorder }) as Arc<dyn Apply>)
        })
    }
}
