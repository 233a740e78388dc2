//! A cell's text, as PostgreSQL writes it, into JSON. It must not know where cells come from.

use serde_json::{Number, Value};
use tokio_postgres::types::{Kind, Type};

/// A cell as JSON: numbers, booleans, JSON and arrays keep their structure, everything else is text.
pub fn value(kind: &Type, cell: &str) -> Value {
    if let Kind::Array(element) = kind.kind() {
        return array(cell).map_or_else(|| cell.into(), |items| items.iter().map(|item| item.value(element)).collect());
    }
    match *kind {
        Type::BOOL => Value::Bool(cell == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => cell.parse::<i64>().map_or_else(|_| cell.into(), Value::from),
        Type::FLOAT4 | Type::FLOAT8 => cell.parse().ok().and_then(Number::from_f64).map_or_else(|| cell.into(), Value::Number),
        // A decimal that a double cannot hold stays text.
        Type::NUMERIC => match cell.parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) => match cell.parse::<f64>() {
                Ok(number) if number.to_string() == cell => Number::from_f64(number).map_or_else(|| cell.into(), Value::Number),
                _ => cell.into(),
            },
        },
        Type::JSON | Type::JSONB => serde_json::from_str(cell).unwrap_or_else(|_| cell.into()),
        _ => cell.into(),
    }
}

/// A value as one text: JSON for what has structure, nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An element of an array.
#[derive(Debug, PartialEq)]
pub enum Item {
    Null,
    Text(String),
    Array(Vec<Item>),
}

impl Item {
    fn value(&self, element: &Type) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => value(element, text),
            Self::Array(items) => items.iter().map(|item| item.value(element)).collect(),
        }
    }
}

/// An array's text form (PostgreSQL manual 8.15.6): `{1,NULL,"a \"b\""}`, nested for more dimensions.
pub fn array(text: &str) -> Option<Vec<Item>> {
    // Lower bounds other than 1 stand before `=`.
    let text = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let mut rest = text.strip_prefix('{')?;
    let parsed = items(&mut rest)?;
    rest.is_empty().then_some(parsed)
}

fn items(rest: &mut &str) -> Option<Vec<Item>> {
    let mut list = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        *rest = after;
        return Some(list);
    }
    loop {
        if let Some(after) = rest.strip_prefix('{') {
            *rest = after;
            list.push(Item::Array(items(rest)?));
        } else if let Some(after) = rest.strip_prefix('"') {
            let (mut item, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next()? {
                    (_, '\\') => item.push(chars.next()?.1),
                    (at, '"') => break at + 1,
                    (_, other) => item.push(other),
                }
            };
            *rest = after.get(end..)?;
            list.push(Item::Text(item));
        } else {
            let end = rest.find([',', '}'])?;
            let (item, after) = rest.split_at_checked(end)?;
            *rest = after;
            list.push(if item == "NULL" { Item::Null } else { Item::Text(item.to_owned()) });
        }
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
        } else {
            *rest = rest.strip_prefix('}')?;
            return Some(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_keep_their_structure() {
        for (kind, cell, expected) in [
            (Type::INT8, "9223372036854775807", json!(i64::MAX)),
            (Type::FLOAT8, "NaN", json!("NaN")),
            (Type::FLOAT8, "0.25", json!(0.25)),
            (Type::BOOL, "f", json!(false)),
            (Type::NUMERIC, "12345678901234567890.5", json!("12345678901234567890.5")),
            (Type::NUMERIC, "0.5", json!(0.5)),
            (Type::JSONB, r#"{"AF": [0.5, null]}"#, json!({"AF": [0.5, null]})),
            (Type::TEXT_ARRAY, r#"{PASS,"a,\"b\\",NULL,"NULL","é}"}"#, json!(["PASS", "a,\"b\\", null, "NULL", "é}"])),
            (Type::INT4_ARRAY, "{}", json!([])),
            (Type::INT4_ARRAY, "{{1,2},{3,NULL}}", json!([[1, 2], [3, null]])),
            (Type::INT4_ARRAY, "[0:1]={1,2}", json!([1, 2])),
            (Type::INT4_ARRAY, "{1", json!("{1")),
        ] {
            assert_eq!(value(&kind, cell), expected);
        }
    }
}
