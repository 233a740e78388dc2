//! Paths given on the command line: relative to the working folder, not to the file. Which texts are paths is marked in the
//! schema (`x-path`). It must not know any key.

use serde_json::Value as Json;

use crate::yaml::{Node, Place, Value};

/// The mark of a path in a schema: `true`, or a text that may stand before the path.
const MARK: &str = "x-path";

/// Makes the relative paths of `tree` that came from outside the file absolute; `-` is standard input.
pub fn from_here(tree: &mut Node, schema: &Json) {
    visit(tree, schema, schema);
}

fn visit(node: &mut Node, schema: &Json, root: &Json) {
    if let Some(pointer) = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'))
        && let Some(found) = root.pointer(pointer)
    {
        visit(node, found, root);
    }
    if let Some(mark) = schema.get(MARK) {
        absolute(node, mark.as_str().unwrap_or_default());
    }
    for option in ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        visit(node, option, root);
    }
    match &mut node.value {
        Value::List(items) => {
            let of_items = schema.get("items").into_iter();
            of_items.for_each(|schema| items.iter_mut().for_each(|item| visit(item, schema, root)));
        }
        Value::Map(entries) => {
            for (key, child) in entries {
                let property = schema.get("properties").and_then(|properties| properties.get(&key.name));
                if let Some(schema) = property.or_else(|| schema.get("additionalProperties")) {
                    visit(child, schema, root);
                }
            }
        }
        _ => {}
    }
}

fn absolute(node: &mut Node, before: &str) {
    match &mut node.value {
        Value::Text(text) if node.place == Place::OUTSIDE && text != "-" => {
            let (before, path) = match text.strip_prefix(before) {
                Some(path) => (before, path),
                None => ("", text.as_str()),
            };
            if let Ok(absolute) = std::path::absolute(path) {
                *text = format!("{before}{}", absolute.to_string_lossy());
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| absolute(item, before)),
        _ => {}
    }
}
