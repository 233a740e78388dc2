//! What a component says about itself in canonical form: what decides about rows, contents of files included, and what does
//! not. The digest of a pipeline's rules and EXPLAIN are made of it. It must not know any component.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::crypto::digest::{hex, sha256};
use crate::error::{Error, Result};

/// A component's own specification. Two components with equal [`Specification::rules`] make the same rows of the same records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Specification {
    kind: &'static str,
    settings: Map<String, Value>,
    contents: BTreeMap<&'static str, Value>,
    asides: Map<String, Value>,
}

impl Specification {
    /// A component of this kind with the settings that decide about rows, defaults filled in: a mapping. Paths and other names
    /// of places are none of them; what lies there is a content.
    ///
    /// # Errors
    /// Class `internal` when the settings are no mapping: a digest over less than all of them would be worse than none.
    pub fn new(kind: &'static str, settings: &impl Serialize) -> Result<Self> {
        let Value::Object(settings) = value(kind, settings)? else {
            return Err(Error::internal(format!("{kind}: the settings are no mapping")));
        };
        Ok(Self { kind, settings, contents: BTreeMap::new(), asides: Map::new() })
    }

    /// The same with the content of something the settings refer to: rules as parsed, not as written, so that a comment or a
    /// moved file changes nothing.
    ///
    /// # Errors
    /// Class `internal` when the content cannot be written down.
    pub fn with_content(mut self, name: &'static str, content: &impl Serialize) -> Result<Self> {
        self.contents.insert(name, value(self.kind, content)?);
        Ok(self)
    }

    /// The same with something that decides about no row and is worth showing: a database, a number of writers.
    pub fn with_aside(mut self, name: &str, aside: impl Into<Value>) -> Self {
        self.asides.insert(name.to_owned(), aside.into());
        self
    }

    /// The key in the pipeline file.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Everything that decides about rows, as one canonical JSON text: keys sorted, no blanks.
    pub fn rules(&self) -> String {
        let contents = self.contents.iter().map(|(name, content)| ((*name).to_owned(), content.clone())).collect();
        let whole =
            [("kind", Value::from(self.kind)), ("settings", Value::Object(self.settings.clone())), ("contents", contents)];
        sorted(&whole.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()).to_string()
    }
}

fn value(kind: &str, part: &impl Serialize) -> Result<Value> {
    serde_json::to_value(part).map_err(|_| Error::internal(format!("{kind}: its specification cannot be written down")))
}

/// The same value with the keys of its mappings in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// One line for EXPLAIN: settings, the beginning of each content's digest, asides.
impl fmt::Display for Specification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        self.settings.iter().for_each(|(name, value)| shown(name, value, &mut words));
        for (name, content) in &self.contents {
            let digest = hex(&sha256(sorted(content).to_string().as_bytes()));
            words.push(format!("{name}={}", digest.get(..12).unwrap_or_default()));
        }
        self.asides.iter().for_each(|(name, value)| shown(name, value, &mut words));
        f.write_str(&words.join(" "))
    }
}

fn shown(name: &str, value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| shown(key, value, words)),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            words.push(format!("{name}=[{}]", items.join(", ")));
        }
        value => words.push(format!("{name}={}", plain(value))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(settings: Value, content: Value) -> Specification {
        Specification::new("detect", &settings).unwrap().with_content("patterns", &content).unwrap()
    }

    #[test]
    fn rules_depend_on_what_is_said_and_not_on_its_order() {
        let one = made(json!({ "b": 1, "a": { "y": 1, "x": [2, 1] } }), json!({ "q": 1, "p": 2 }));
        let same = made(json!({ "a": { "x": [2, 1], "y": 1 }, "b": 1 }), json!({ "p": 2, "q": 1 }));
        assert_eq!(one.rules(), same.rules());
        assert_eq!(one.rules(), one.clone().with_aside("writers", 3).rules());
        for other in [
            made(json!({ "a": { "x": [1, 2], "y": 1 }, "b": 1 }), json!({ "p": 2, "q": 1 })),
            made(json!({ "a": { "x": [2, 1], "y": 1 }, "b": 1 }), json!({ "p": 2, "q": 2 })),
            Specification::new("encrypt", &json!({ "a": { "x": [2, 1], "y": 1 }, "b": 1 })).unwrap(),
        ] {
            assert_ne!(one.rules(), other.rules());
        }
    }

    #[test]
    fn explain_is_one_line_and_shows_contents_by_digest() {
        let shown =
            made(json!({ "scan": "full", "actions": { "high": "redact" }, "columns": ["a", "b"], "key": null }), json!(1));
        assert_eq!(
            shown.with_aside("database", "local").to_string(),
            "scan=full high=redact columns=[a, b] patterns=6b86b273ff34 database=local"
        );
    }

    #[test]
    fn what_cannot_be_written_down_is_an_error() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        assert!(Specification::new("normalize", &Broken).is_err());
        assert!(Specification::new("normalize", &json!([1])).is_err());
        assert!(made(json!({}), json!(1)).with_content("more", &Broken).is_err());
    }
}
