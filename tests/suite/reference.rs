//! `docs/pipeline-reference.md` is rendered from the configuration types' doc comments. To render it anew:
//! `UPDATE_REFERENCE=1 cargo test --test suite reference`.

use std::fmt::Write;

use serde_json::Value;

use super::support::repository;

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// A short name of what a key takes.
fn takes(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if let Some(options) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        let mut words: Vec<String> = options.iter().map(|option| takes(root, option)).filter(|word| word != "nothing").collect();
        words.dedup();
        return words.join(" or ");
    }
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return format!("`{word}`");
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => vec!["object"],
    };
    let word = |kind: &&str| match *kind {
        "boolean" => "true or false".to_owned(),
        "integer" => "whole number".to_owned(),
        "number" => "number".to_owned(),
        "string" => "text".to_owned(),
        "null" => "nothing".to_owned(),
        "array" => format!("list of {}", schema.get("items").map_or("anything".into(), |items| takes(root, items))),
        _ => match schema.get("properties").and_then(Value::as_object) {
            Some(keys) if keys.len() == 1 => format!("`{{ {}: … }}`", keys.keys().next().unwrap()),
            _ => "mapping".to_owned(),
        },
    };
    kinds.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn description(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or("").replace('\n', " ")
}

fn table(out: &mut String, root: &Value, title: &str, schema: &Value) {
    let outer = description(schema);
    let schema = resolve(root, schema);
    let text = if outer.is_empty() { description(schema) } else { outer };
    writeln!(out, "\n## {title}\n\n{text}").unwrap();
    let Some(keys) = schema.get("properties").and_then(Value::as_object) else {
        writeln!(out, "\nTakes {}.", takes(root, schema)).unwrap();
        return;
    };
    writeln!(out, "\n| key | takes | meaning |\n|---|---|---|").unwrap();
    for (key, value) in keys {
        let own = description(value);
        let meaning = if own.is_empty() { description(resolve(root, value)) } else { own };
        writeln!(out, "| `{key}` | {} | {} |", takes(root, value).replace('|', "\\|"), meaning.replace('|', "\\|")).unwrap();
    }
}

fn render(root: &Value) -> String {
    let mut out = String::from(
        "# Pipeline files\n\nRendered from the configuration types; `genogate schema` prints the same as JSON Schema for editors.\n",
    );
    table(&mut out, root, "The file", root);
    let definitions = root["$defs"].as_object().unwrap();
    for (title, name) in [("source", "SourceSpec"), ("stages", "StageSpec"), ("sink", "SinkSpec")] {
        for option in definitions[name]["oneOf"].as_array().unwrap() {
            let (kind, schema) = option["properties"].as_object().unwrap().iter().next().unwrap();
            let own = description(option);
            let mut schema = schema.clone();
            if schema.get("$ref").is_none() && !own.is_empty() {
                schema["description"] = Value::String(own);
            }
            table(&mut out, root, &format!("{title}: {kind}"), &schema);
            if kind == "vcf" {
                table(&mut out, root, "source: vcf: limits", &definitions["Limits"]);
            }
        }
    }
    table(&mut out, root, "databases: a database", &definitions["DatabaseSpec"]);
    out
}

#[test]
fn the_reference_is_what_the_types_say() {
    let path = repository("docs/pipeline-reference.md");
    let rendered = render(&genogate::spec::schema());
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == rendered,
        "docs/pipeline-reference.md is old: UPDATE_REFERENCE=1 cargo test --test suite reference"
    );
}
