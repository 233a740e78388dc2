//! YAML text as a tree that remembers where everything stood. It must not know what a file is about.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// Where something stood: 1-based line and column, or nowhere (it came from the command line).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of what did not come from the file.
    pub const OUTSIDE: Place = Place { line: 0, column: 0 };
}

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// What a node holds. Mappings keep their order and the places of their keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub name: String,
    pub place: Place,
}

/// The first thing that is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub place: Place,
    pub message: String,
}

/// Reads one YAML 1.2 document. An empty text is an empty mapping.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let documents = MarkedYaml::load_from_str(text).map_err(|error| SyntaxError {
        place: Place { line: error.marker().line(), column: error.marker().col() + 1 },
        // What begins with `*` is a reference to an anchor.
        message: match error.info() {
            anchor if anchor.contains("unknown anchor") => {
                "a text that begins with `*` must stand in quotes: \"*.vcf.gz\"".into()
            }
            other => other.to_owned(),
        },
    })?;
    match documents.as_slice() {
        [] => Ok(Node { place: Place { line: 1, column: 1 }, value: Value::Map(Vec::new()) }),
        [one] => convert(one),
        [_, second, ..] => Err(SyntaxError { place: place_of(second), message: "a second document; one file holds one".into() }),
    }
}

fn place_of(node: &MarkedYaml) -> Place {
    Place { line: node.span.start.line(), column: node.span.start.col() + 1 }
}

fn convert(node: &MarkedYaml) -> Result<Node, SyntaxError> {
    let place = place_of(node);
    let unsupported = |what: &str| SyntaxError { place, message: format!("{what} are not supported") };
    let value = match &node.data {
        YamlData::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(b) => Value::Bool(*b),
            Scalar::Integer(i) => Value::Integer(*i),
            Scalar::FloatingPoint(f) => Value::Float(f.0),
            Scalar::String(s) => Value::Text(s.to_string()),
        },
        YamlData::Sequence(items) => Value::List(items.iter().map(convert).collect::<Result<_, _>>()?),
        YamlData::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let name = match &key.data {
                    YamlData::Value(Scalar::String(s)) => s.to_string(),
                    YamlData::Value(Scalar::Integer(i)) => i.to_string(),
                    YamlData::Value(Scalar::Boolean(b)) => b.to_string(),
                    _ => return Err(SyntaxError { place: place_of(key), message: "a key must be a plain word".into() }),
                };
                Ok((Key { name, place: place_of(key) }, convert(value)?))
            });
            Value::Map(entries.collect::<Result<_, _>>()?)
        }
        YamlData::Tagged(..) => return Err(unsupported("tags")),
        YamlData::Alias(_) => return Err(unsupported("aliases")),
        YamlData::Representation(..) | YamlData::BadValue => return Err(unsupported("such values")),
    };
    Ok(Node { place, value })
}

impl Node {
    /// A node that came from the command line.
    pub fn outside(mut self) -> Self {
        self.place = Place::OUTSIDE;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| *item = item.clone().outside()),
            Value::Map(entries) => entries.iter_mut().for_each(|(key, node)| {
                key.place = Place::OUTSIDE;
                *node = node.clone().outside();
            }),
            _ => {}
        }
        self
    }

    /// The value of a key, when the node is a mapping that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The node at the end of a path of keys and list positions; stops early at the deepest node there is.
    pub fn nearest(&self, path: &[String]) -> &Node {
        let Some((head, rest)) = path.split_first() else { return self };
        let child = match &self.value {
            Value::Map(_) => self.get(head),
            Value::List(items) => head.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        };
        child.map_or(self, |child| child.nearest(rest))
    }

    /// The same tree without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Integer(i) => Json::from(*i),
            Value::Float(f) => serde_json::Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Value::Text(s) => Json::String(s.clone()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(entries) => Json::Object(entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_one_based_lines_and_columns() {
        let tree = parse("a: 1\nb:\n  - x\n  - {c: true}\n").unwrap();
        let c = tree.nearest(&["b".into(), "1".into(), "c".into()]);
        assert_eq!((c.place, &c.value), (Place { line: 4, column: 9 }, &Value::Bool(true)));
        assert_eq!(tree.to_json(), serde_json::json!({"a": 1, "b": ["x", {"c": true}]}));
    }

    #[test]
    fn a_broken_text_says_where() {
        assert_eq!(parse("a: 1\nb: [1, 2\n").unwrap_err().place.line, 3);
        assert!(parse("a: 1\na: 2\n").is_err(), "a key that stands twice would hide one of its values");
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn a_glob_without_quotes_is_told() {
        for text in ["a: [*.vcf]", "a: *.vcf.gz"] {
            assert!(parse(text).unwrap_err().message.contains("must stand in quotes"), "{text}");
        }
    }

    #[test]
    fn an_empty_text_is_an_empty_mapping() {
        assert_eq!(parse("# nothing\n").unwrap().to_json(), serde_json::json!({}));
    }
}
