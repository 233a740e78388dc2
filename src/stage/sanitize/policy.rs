//! Reads the two policy files. Every mistake is told at once, with line and column. It must not know batches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::header::{HeaderPolicy, Structured, Written};
use super::rule::Rule;
use super::rule_spec::{RuleRef, RuleSpec, Rules};
use super::symbols::Own;
use crate::error::{Error, Result};
use crate::yaml::{self, Node, Value};

const HEADERS: &str = include_str!("../../../pipelines/header-policy.yaml");
const TEXT: &str = include_str!("../../../pipelines/text-fields.yaml");

/// A policy file's text and what to call it in messages.
pub(super) struct Source {
    name: String,
    text: String,
}

/// The checked text policy: a rule by column name, exact names before patterns (`info.*_bin_freq`).
#[derive(Debug)]
pub(super) struct TextPolicy {
    exact: BTreeMap<String, Arc<Rule>>,
    patterns: Vec<(String, String, Arc<Rule>)>,
    /// The rules as they were parsed.
    pub written: Json,
    /// Symbols that are approved beside the shipped ones.
    pub symbols: Arc<Own>,
}

impl TextPolicy {
    /// Every column and pattern there is a rule for.
    #[cfg(test)]
    pub(super) fn columns(&self) -> impl Iterator<Item = String> {
        let patterns = self.patterns.iter().map(|(head, tail, _)| format!("{head}*{tail}"));
        self.exact.keys().cloned().chain(patterns)
    }

    /// Every rule, by column or pattern.
    #[cfg(test)]
    pub(super) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.exact.values().chain(self.patterns.iter().map(|(_, _, rule)| rule))
    }

    /// The rule of a column.
    pub(super) fn rule(&self, column: &str) -> Option<&Arc<Rule>> {
        let fits = |(head, tail, _): &&(String, String, Arc<Rule>)| {
            column.len() >= head.len() + tail.len() && column.starts_with(head) && column.ends_with(tail)
        };
        self.exact.get(column).or_else(|| self.patterns.iter().find(fits).map(|(_, _, rule)| rule))
    }
}

impl Source {
    /// The header policy's text: a file, or the built-in one.
    pub(super) fn headers(path: Option<&Path>, base: &Path) -> Result<Self> {
        Self::read(path, base, "the built-in header policy", HEADERS)
    }

    /// The text policy's text: a file, or the built-in one.
    pub(super) fn text(path: Option<&Path>, base: &Path) -> Result<Self> {
        Self::read(path, base, "the built-in text policy", TEXT)
    }

    /// The symbols that a site approves beside the shipped ones.
    pub(super) fn symbols(path: Option<&Path>, base: &Path) -> Result<Own> {
        Ok(Own::read(&Self::read(path, base, "no further symbols", "")?.text))
    }

    fn read(path: Option<&Path>, base: &Path, builtin: &str, text: &str) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { name: builtin.to_owned(), text: text.to_owned() }) };
        let path = base.join(path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::usage(format!("sanitize: the policy {} cannot be read: {}", path.display(), error.kind()))
                .with_hint("leave the entry out to use the built-in policy")
        })?;
        Ok(Self { name: path.display().to_string(), text })
    }

    /// Reads `version`, `words`, `names`, `structured`, `descriptions`.
    pub(super) fn header_policy(&self) -> Result<HeaderPolicy> {
        let sections = self.sections(&["words", "names", "structured", "descriptions"])?;
        let mut mistakes = Vec::new();
        let words = self.entries(&sections, "words", &mut mistakes);
        let names = self.entries(&sections, "names", &mut mistakes);
        let structured: BTreeMap<String, Structured> = self.entries(&sections, "structured", &mut mistakes);
        let descriptions = self.entries(&sections, "descriptions", &mut mistakes);
        let policy = HeaderPolicy::new(Written { words, names, structured, descriptions }, &mut mistakes);
        self.done(mistakes).map(|()| policy)
    }

    /// Reads `version`, `rules`, `fields`.
    pub(super) fn text_policy(&self, symbols: Own) -> Result<TextPolicy> {
        let sections = self.sections(&["rules", "fields"])?;
        let mut mistakes = Vec::new();
        let rules: BTreeMap<String, RuleSpec> = self.entries(&sections, "rules", &mut mistakes);
        let fields: BTreeMap<String, RuleRef> = self.entries(&sections, "fields", &mut mistakes);
        let written = serde_json::to_value((&rules, &fields, symbols.sorted()))
            .map_err(|_| Error::internal("a policy cannot be written down"))?;
        let symbols = Arc::new(symbols);
        let rules = Rules::new(rules, symbols.clone());
        rules.check_all(&mut mistakes);
        let mut policy = TextPolicy { exact: BTreeMap::new(), patterns: Vec::new(), written, symbols };
        for (column, reference) in fields {
            match rules.resolve(&reference) {
                Err(mistake) => mistakes.push(format!("fields.{column}: {mistake}")),
                Ok(rule) => match column.split_once('*') {
                    Some((_, tail)) if tail.contains('*') => mistakes.push(format!("fields.{column}: one * at most")),
                    Some((head, tail)) => policy.patterns.push((head.to_owned(), tail.to_owned(), rule)),
                    None => drop(policy.exact.insert(column, rule)),
                },
            }
        }
        self.done(mistakes).map(|()| policy)
    }

    fn done(&self, mut mistakes: Vec<String>) -> Result<()> {
        mistakes.dedup();
        if mistakes.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = mistakes.iter().map(|mistake| format!("{}: {mistake}", self.name)).collect();
        Err(Error::usage(lines.join("\n")))
    }

    /// The file's sections. Refuses unknown ones and any version but 1.
    fn sections(&self, known: &[&str]) -> Result<BTreeMap<String, Node>> {
        let node = yaml::parse(&self.text).map_err(|error| {
            Error::usage(format!("{}:{}:{}: {}", self.name, error.place.line, error.place.column, error.message))
        })?;
        let Value::Map(entries) = node.value else {
            return Err(Error::usage(format!("{}: a policy is a mapping", self.name)));
        };
        let mut sections = BTreeMap::new();
        let mut version = None;
        let mut mistakes = Vec::new();
        for (key, node) in entries {
            match key.name.as_str() {
                "version" => version = Some(node.value),
                name if known.contains(&name) => drop(sections.insert(key.name, node)),
                name => mistakes.push(format!("{}:{}: unknown section {name}", key.place.line, key.place.column)),
            }
        }
        if version != Some(Value::Integer(1)) {
            mistakes.push("version: 1 is missing".into());
        }
        self.done(mistakes).map(|()| sections)
    }

    /// A section's entries, each read by itself so that every mistake has its line.
    fn entries<T: DeserializeOwned>(
        &self,
        sections: &BTreeMap<String, Node>,
        section: &str,
        mistakes: &mut Vec<String>,
    ) -> BTreeMap<String, T> {
        let mut read = BTreeMap::new();
        match sections.get(section).map(|node| (&node.value, node.place)) {
            None => {}
            Some((Value::Map(entries), _)) => {
                for (key, node) in entries {
                    let at = format!("{}:{}", key.place.line, key.place.column);
                    match serde_json::from_value(node.to_json()) {
                        Ok(value) if !read.contains_key(&key.name) => drop(read.insert(key.name.clone(), value)),
                        Ok(_) => mistakes.push(format!("{at}: {section}.{} is there twice", key.name)),
                        Err(error) => mistakes.push(format!("{at}: {section}.{}: {error}", key.name)),
                    }
                }
            }
            Some((_, place)) => mistakes.push(format!("{}:{}: {section} is a mapping", place.line, place.column)),
        }
        read
    }
}
