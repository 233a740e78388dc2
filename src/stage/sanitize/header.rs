//! The header policy: which lines travel on, and in which words. It must not know batches.

use std::collections::BTreeMap;

use regex::Regex;

use super::attributes;
use super::rule::{Subfields, anchored};
use crate::phi::Words;
use crate::phi::headers::SPECIFIED;
use crate::store::{HeaderLine, InputDocument};

/// A structured line's rule as a policy file writes it.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Structured {
    /// Grammar of the ID; a line whose ID does not fit is dropped.
    id: String,
    /// Attributes that stay, and their grammars; an attribute that does not fit is dropped.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

/// The policy as a file writes it.
#[derive(Debug, serde::Serialize)]
pub(super) struct Written {
    pub words: BTreeMap<String, String>,
    pub names: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    pub structured: BTreeMap<String, Structured>,
    pub descriptions: BTreeMap<String, BTreeMap<String, String>>,
}

/// The checked policy.
#[derive(Debug)]
pub(super) struct HeaderPolicy {
    words: BTreeMap<String, Regex>,
    structured: BTreeMap<String, (Regex, BTreeMap<String, Regex>)>,
    /// The rules as they were parsed.
    pub written: Written,
}

impl HeaderPolicy {
    /// Compiles the parts; adds to `mistakes` what does not compile.
    pub(super) fn new(written: Written, mistakes: &mut Vec<String>) -> Self {
        let mut grammar = |place: String, text: &str| anchored(text).map_err(|m| mistakes.push(format!("{place}: {m}"))).ok();
        let words = written.words.iter().filter_map(|(key, text)| Some((key.clone(), grammar(format!("words.{key}"), text)?)));
        let words = words.collect();
        let structured = written.structured.iter().filter_map(|(key, rule)| {
            let kept = rule.keep.iter();
            let kept = kept.filter_map(|(name, text)| Some((name.clone(), grammar(format!("structured.{key}.{name}"), text)?)));
            let kept = kept.collect();
            Some((key.clone(), (grammar(format!("structured.{key}.id"), &rule.id)?, kept)))
        });
        let structured = structured.collect();
        Self { words, structured, written }
    }

    /// May a field of this kind (`INFO`, `FORMAT`) be called `id`?
    pub(super) fn allows(&self, key: &str, id: &str) -> bool {
        self.structured.get(key).is_some_and(|(grammar, _)| grammar.is_match(id))
    }

    /// Rewrites an input's lines and returns how many were dropped, by key. `annotation` gives the sub-fields of an INFO
    /// field that is an annotation: its Description keeps their names.
    pub(super) fn rewrite<'a>(
        &self,
        input: &mut InputDocument,
        words: &Words,
        annotation: impl Fn(&str) -> Option<&'a Subfields>,
    ) -> BTreeMap<&'static str, u64> {
        let mut dropped = BTreeMap::new();
        let lines = std::mem::take(&mut input.lines);
        for line in lines {
            match self.line(&line, words, &annotation) {
                Some(kept) => input.lines.push(kept),
                None => *dropped.entry(SPECIFIED.into_iter().find(|key| *key == line.key).unwrap_or("other")).or_default() += 1,
            }
        }
        if !self.words.get("fileformat").is_some_and(|grammar| grammar.is_match(&input.version)) {
            input.version = "unknown".into();
        }
        dropped
    }

    fn line<'a>(
        &self,
        line: &HeaderLine,
        words: &Words,
        annotation: &impl Fn(&str) -> Option<&'a Subfields>,
    ) -> Option<HeaderLine> {
        let kept = |value: String, id| Some(HeaderLine { key: line.key.clone(), value, id });
        if let Some(grammar) = self.words.get(&line.key) {
            return grammar.is_match(&line.value).then(|| kept(line.value.clone(), None))?;
        }
        if let Some(names) = self.written.names.get(&line.key) {
            let value = line.value.to_lowercase();
            let known =
                names.iter().find(|(_, spellings)| spellings.iter().any(|spelling| value.contains(&spelling.to_lowercase())));
            return known.and_then(|(name, _)| kept(name.clone(), None));
        }
        let (id_grammar, attributes_kept) = self.structured.get(&line.key)?;
        let attributes = attributes::parse(&line.value)?;
        let id = attributes.iter().find(|(name, _)| name == "ID").map(|(_, id)| id.clone())?;
        if !id_grammar.is_match(&id) || !is_good(&line.key, &id, words) {
            return None;
        }
        let description = |text: &str| {
            let own = self.written.descriptions.get(&line.key).and_then(|texts| texts.get(&id)).cloned();
            own.or_else(|| annotation(&id).filter(|_| line.key == "INFO").and_then(|subfields| format_of(text, subfields)))
        };
        let attributes = attributes.into_iter().filter_map(|(name, text)| match name.as_str() {
            "ID" => Some((name, text)),
            "Description" => description(&text).map(|text| (name, text)),
            _ => attributes_kept.get(&name)?.is_match(&text).then_some((name, text)),
        });
        let value = attributes::write(&attributes.collect::<Vec<_>>());
        kept(value, Some(id))
    }
}

/// Does the id of such a line name nobody?
fn is_good(key: &str, id: &str, words: &Words) -> bool {
    match key {
        "contig" => words.is_contig(id),
        "ALT" => words.is_symbol(id),
        _ => words.flaw(id).is_none(),
    }
}

/// `Format: A|B|C`, names the policy does not know replaced by their place.
fn format_of(description: &str, subfields: &Subfields) -> Option<String> {
    let separator = char::from(subfields.separator);
    let names = attributes::subfield_names(description, separator)?;
    let known = names.into_iter().enumerate().map(|(at, name)| match subfields.rule(&name).is_some() {
        true => name,
        false => format!("field_{}", at + 1),
    });
    Some(format!("Format: {}", known.collect::<Vec<_>>().join(&separator.to_string())))
}
