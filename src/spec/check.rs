//! Holds a YAML tree against a JSON Schema and reports everything that does not fit, with places and hints.
//! Covers what schemars writes for our types; it must not know any of them.

use serde_json::Value as Json;

use super::mistake::{Mistake, did_you_mean};
use crate::yaml::{Key, Node, Value};

/// Adds every mistake of `tree` against `schema` (JSON Schema draft 2020-12, with `$defs`).
pub fn against(tree: &Node, schema: &Json, mistakes: &mut Vec<Mistake>) {
    Checker { root: schema }.node(tree, schema, "the file", mistakes);
}

struct Checker<'a> {
    root: &'a Json,
}

impl<'a> Checker<'a> {
    fn resolve(&self, schema: &'a Json) -> &'a Json {
        match schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#')) {
            Some(pointer) => self.root.pointer(pointer).map_or(schema, |found| self.resolve(found)),
            None => schema,
        }
    }

    /// `what` names the node in messages: the key it stands under.
    fn node(&self, node: &Node, schema: &'a Json, what: &str, mistakes: &mut Vec<Mistake>) {
        let schema = self.resolve(schema);
        if let Some(options) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array) {
            return self.one_of(node, options, what, mistakes);
        }
        if let Some(words) = schema.get("enum").and_then(Json::as_array) {
            return self.word(node, words.iter().filter_map(Json::as_str).collect(), what, mistakes);
        }
        if let Some(word) = schema.get("const").and_then(Json::as_str) {
            return self.word(node, vec![word], what, mistakes);
        }
        let types = types_of(schema);
        if !types.is_empty() && !types.iter().any(|kind| fits(node, kind)) {
            mistakes.push(wrong_type(node, what, &types));
            return;
        }
        match &node.value {
            Value::Map(entries) => self.object(node, entries, schema, what, mistakes),
            Value::List(items) => {
                if let Some(item) = schema.get("items") {
                    items.iter().for_each(|child| self.node(child, item, what, mistakes));
                }
            }
            Value::Integer(i) => self.range(node, *i, schema, what, mistakes),
            Value::Text(text) if text.trim().is_empty() && schema.get("minLength").is_some() => {
                mistakes.push(Mistake::new(node.place, format!("`{what}` is empty")));
            }
            _ => {}
        }
    }

    fn object(&self, node: &Node, entries: &[(Key, Node)], schema: &'a Json, what: &str, mistakes: &mut Vec<Mistake>) {
        let empty = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&empty);
        for (key, child) in entries {
            match (properties.get(&key.name), schema.get("additionalProperties")) {
                (Some(property), _) => self.node(child, property, &key.name, mistakes),
                (None, Some(Json::Bool(false))) => {
                    let hint = did_you_mean(&key.name, properties.keys().map(String::as_str));
                    mistakes.push(Mistake::new(key.place, format!("unknown key `{}` in {what}", key.name)).hint(hint));
                }
                (None, Some(any)) => self.node(child, any, &key.name, mistakes),
                (None, None) => {}
            }
        }
        for name in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if node.get(name).is_none() {
                mistakes.push(Mistake::new(node.place, format!("{what} lacks the key `{name}`")));
            }
        }
    }

    fn one_of(&self, node: &Node, options: &'a [Json], what: &str, mistakes: &mut Vec<Mistake>) {
        let options: Vec<&'a Json> = options.iter().map(|option| self.resolve(option)).collect();
        if options.iter().all(|option| !words_of(option).is_empty()) {
            return self.word(node, options.iter().flat_map(|option| words_of(option)).collect(), what, mistakes);
        }
        let variants: Vec<(&str, &'a Json)> = options.iter().filter_map(|option| variant_of(option)).collect();
        if variants.len() == options.len() {
            return self.variant(node, &variants, what, mistakes);
        }
        let mut best: Option<Vec<Mistake>> = None;
        for option in options.iter().filter(|option| types_of(option).iter().any(|kind| fits(node, kind)) || untyped(option)) {
            let mut found = Vec::new();
            self.node(node, option, what, &mut found);
            if found.is_empty() {
                return;
            }
            if best.as_ref().is_none_or(|best| found.len() < best.len()) {
                best = Some(found);
            }
        }
        match best {
            Some(found) => mistakes.extend(found),
            None => {
                let types: Vec<&str> =
                    options.iter().flat_map(|option| types_of(option)).filter(|kind| *kind != "null").collect();
                mistakes.push(wrong_type(node, what, &types));
            }
        }
    }

    /// A mapping with one key that names the variant, as in `- normalize: {…}`.
    fn variant(&self, node: &Node, variants: &[(&str, &'a Json)], what: &str, mistakes: &mut Vec<Mistake>) {
        let names = || variants.iter().map(|(name, _)| *name);
        let Value::Map(entries) = &node.value else {
            let hint = format!("one of: {}", names().collect::<Vec<_>>().join(", "));
            mistakes.push(Mistake::new(node.place, format!("{what} takes a mapping with one key")).hint(hint));
            return;
        };
        if entries.len() != 1 {
            let hint = format!("one of: {}", names().collect::<Vec<_>>().join(", "));
            let message = format!("{what} takes exactly one key here, and has {}", entries.len());
            mistakes.push(Mistake::new(node.place, message).hint(hint));
        }
        for (key, child) in entries {
            match variants.iter().find(|(name, _)| *name == key.name) {
                Some((name, schema)) => self.node(child, schema, name, mistakes),
                None => {
                    let kind = if what == "stages" { "stage" } else { what };
                    let mistake = Mistake::new(key.place, format!("unknown {kind} `{}`", key.name));
                    mistakes.push(mistake.hint(did_you_mean(&key.name, names())));
                }
            }
        }
    }

    fn word(&self, node: &Node, words: Vec<&str>, what: &str, mistakes: &mut Vec<Mistake>) {
        match &node.value {
            Value::Text(text) if words.contains(&text.as_str()) => {}
            Value::Text(text) => {
                let mistake = Mistake::new(node.place, format!("`{what}` cannot be `{text}`"));
                mistakes.push(mistake.hint(did_you_mean(text, words)));
            }
            _ => mistakes.push(Mistake::new(node.place, format!("`{what}` takes one of: {}", words.join(", ")))),
        }
    }

    fn range(&self, node: &Node, value: i64, schema: &Json, what: &str, mistakes: &mut Vec<Mistake>) {
        let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
        let value = value as f64;
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
            let range = match (least, most) {
                (Some(least), Some(most)) if least >= most => format!("be {least}"),
                (Some(least), Some(most)) => format!("lie between {least} and {most}"),
                (Some(least), None) => format!("be at least {least}"),
                (None, most) => format!("be at most {}", most.unwrap_or_default()),
            };
            mistakes.push(Mistake::new(node.place, format!("`{what}` must {range}")));
        }
    }
}

/// The words a schema of string constants allows.
fn words_of(schema: &Json) -> Vec<&str> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(Json::String(word)), _) => vec![word],
        (_, Some(Json::Array(words))) => words.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Name and schema of an externally tagged variant: an object with one required property.
fn variant_of(schema: &Json) -> Option<(&str, &Json)> {
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required")?.as_array()?;
    match (properties.len(), required.len()) {
        (1, 1) => properties.iter().next().map(|(name, schema)| (name.as_str(), schema)),
        _ => None,
    }
}

fn types_of(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ if !words_of(schema).is_empty() => vec!["string"],
        _ => Vec::new(),
    }
}

fn untyped(schema: &Json) -> bool {
    schema.get("oneOf").is_some() || schema.get("anyOf").is_some()
}

fn fits(node: &Node, kind: &str) -> bool {
    match &node.value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Integer(_) => kind == "integer" || kind == "number",
        Value::Float(_) => kind == "number",
        Value::Text(_) => kind == "string",
        Value::List(_) => kind == "array",
        Value::Map(_) => kind == "object",
    }
}

fn wrong_type(node: &Node, what: &str, types: &[&str]) -> Mistake {
    let word = |kind: &str| match kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a mapping",
        _ => "nothing",
    };
    let expected: Vec<&str> = types.iter().filter(|kind| **kind != "null").map(|kind| word(kind)).collect();
    let found = match &node.value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    };
    Mistake::new(node.place, format!("`{what}` takes {}, not {found}", expected.join(" or ")))
}
