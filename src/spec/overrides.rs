//! Values from outside the file: `${NAME}` from the environment and `--set a.b=VALUE`. And the way back: a pipeline as
//! YAML text. It must not know what a value means.

use serde_json::Value as Json;

use super::mistake::Mistake;
use crate::text::holds_password;
use crate::yaml::{self, Key, Node, Place, Value};

/// Replaces `${NAME}` in every text. A text that is nothing but one variable takes the variable's YAML type.
pub fn substitute(node: &mut Node, variable: &impl Fn(&str) -> Option<String>, mistakes: &mut Vec<Mistake>) {
    match &mut node.value {
        Value::Text(text) if text.contains("${") => {
            let whole = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
            let replaced = expand(text, node.place, variable, mistakes);
            node.value = match yaml::parse(&replaced) {
                Ok(Node { value, .. }) if whole && !matches!(value, Value::Map(_) | Value::List(_)) => value,
                _ => Value::Text(replaced),
            };
        }
        Value::List(items) => items.iter_mut().for_each(|item| substitute(item, variable, mistakes)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, child)| substitute(child, variable, mistakes)),
        _ => {}
    }
}

fn expand(text: &str, place: Place, variable: &impl Fn(&str) -> Option<String>, mistakes: &mut Vec<Mistake>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            mistakes.push(Mistake::new(place, "`${` without its `}`"));
            return out;
        };
        match variable(name) {
            Some(value) => out.push_str(&value),
            None => {
                let hint = format!("export {name}=…, or write the value");
                mistakes.push(Mistake::new(place, format!("the variable {name} is not set")).hint(hint));
                out.push_str(&format!("${{{name}}}"));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Adds a mistake for each text or key that holds a password, which no part of this file does: it is shown, stored and logged.
pub fn passwords(node: &Node, mistakes: &mut Vec<Mistake>) {
    let mut refuse = |place, what| {
        let hint = "a database is `{ host: …, port: …, name: …, user: …, password: { env: NAME } }` under `databases:`";
        mistakes.push(Mistake::new(place, format!("{what} holds a password")).hint(hint));
    };
    match &node.value {
        Value::Text(text) if holds_password(text) => refuse(node.place, "the value"),
        Value::List(items) => items.iter().for_each(|item| passwords(item, mistakes)),
        Value::Map(entries) => {
            entries.iter().filter(|(key, _)| holds_password(&key.name)).for_each(|(key, _)| refuse(key.place, "the key"));
            entries.iter().for_each(|(_, child)| passwords(child, mistakes));
        }
        _ => {}
    }
}

/// Applies `path=VALUE` settings in order. VALUE is YAML; a stage is addressed by its kind.
pub fn apply(tree: &mut Node, sets: &[String], mistakes: &mut Vec<Mistake>) {
    for set in sets {
        let Some((path, value)) = set.split_once('=') else {
            let shown = if holds_password(set) { "a text with a password" } else { set };
            mistakes.push(Mistake::new(Place::OUTSIDE, format!("--set {shown}: takes KEY.KEY=VALUE")));
            continue;
        };
        let value = match scalar_or_tree(value) {
            Ok(value) => value.outside(),
            Err(error) => {
                mistakes.push(Mistake::new(Place::OUTSIDE, format!("--set {path}: the value is not YAML: {}", error.message)));
                continue;
            }
        };
        let path: Vec<&str> = path.split('.').collect();
        if let Err(message) = put(tree, &path, value) {
            mistakes.push(Mistake::new(Place::OUTSIDE, format!("--set {}: {message}", path.join("."))));
        }
    }
}

fn scalar_or_tree(value: &str) -> Result<Node, yaml::SyntaxError> {
    if value.trim().is_empty() {
        return Ok(Node { place: Place::OUTSIDE, value: Value::Text(String::new()) });
    }
    yaml::parse(value)
}

fn put(node: &mut Node, path: &[&str], new: Node) -> Result<(), String> {
    let Some((head, rest)) = path.split_first() else {
        *node = new;
        return Ok(());
    };
    match &mut node.value {
        Value::Map(entries) => {
            if !entries.iter().any(|(key, _)| key.name == *head) {
                let empty = Node { place: Place::OUTSIDE, value: Value::Map(Vec::new()) };
                entries.push((Key { name: (*head).to_owned(), place: Place::OUTSIDE }, empty));
            }
            match entries.iter_mut().find(|(key, _)| key.name == *head) {
                Some((_, child)) => put(child, rest, new),
                None => Ok(()),
            }
        }
        Value::List(items) => {
            let by_number = head.parse::<usize>().ok();
            let found = items.iter_mut().enumerate().find(|(i, item)| by_number == Some(*i) || item.get(head).is_some());
            match found {
                Some((i, item)) if by_number == Some(i) => put(item, rest, new),
                Some((_, item)) => put(item, path, new),
                None => Err(format!("there is no `{head}` to set")),
            }
        }
        Value::Null => {
            node.value = Value::Map(Vec::new());
            put(node, path, new)
        }
        _ => Err(format!("`{head}` cannot be set inside a plain value")),
    }
}

/// Writes `key: value`, mappings and lists of mappings in block style, everything else as JSON, which is YAML.
pub fn write_yaml(out: &mut String, depth: usize, key: &str, value: &Json) {
    let pad = "  ".repeat(depth);
    match value {
        Json::Null => {}
        Json::Object(map) if !map.is_empty() && depth < 2 => {
            out.push_str(&format!("{pad}{key}:\n"));
            map.iter().for_each(|(key, value)| write_yaml(out, depth + 1, key, value));
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            out.push_str(&format!("{pad}{key}:\n"));
            items.iter().for_each(|item| out.push_str(&format!("{pad}  - {}\n", without_nulls(item))));
        }
        value => out.push_str(&format!("{pad}{key}: {}\n", without_nulls(value))),
    }
}

fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            Json::Object(map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
