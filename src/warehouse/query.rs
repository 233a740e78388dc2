//! Read-only SQL on what is stored. It must not know how a result is printed.

use futures::TryStreamExt;
use serde_json::{Map, Number, Value};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{Kind, Type};

use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::crypto::digest::{hex, sha256};
use crate::db::{self, Connection};
use crate::error::{Class, Error, Result};

/// Rows shown when nobody says how many.
pub const DEFAULT_LIMIT: usize = 1000;

/// A statement's result. `rows[i]` is as long as `columns`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than asked for.
    pub truncated: bool,
}

impl Table {
    /// Every row as an object.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Value>| Value::Object(Map::from_iter(self.columns.iter().cloned().zip(row.iter().cloned())));
        self.rows.iter().map(object).collect()
    }

    /// Comma-separated values with a header line (RFC 4180); null is empty, an empty text is `""`.
    pub fn csv(&self) -> String {
        let quote = |text: &str| {
            let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
            if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
        };
        let cell = |value: &Value| if value.is_null() { String::new() } else { quote(&text(value)) };
        let header = self.columns.iter().map(|name| quote(name)).collect::<Vec<_>>().join(",");
        let lines = self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(","));
        std::iter::once(header).chain(lines).map(|line| line + "\r\n").collect()
    }

    /// Columns padded to one width, numbers to the right.
    pub fn text(&self) -> String {
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(|value| shown(&text(value))).collect()).collect();
        let width = |column: usize| {
            let body = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
            body.unwrap_or(0).max(self.columns.get(column).map_or(0, |name| name.chars().count()))
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = (String, bool)>| {
            let padded: Vec<String> = cells
                .zip(&widths)
                .map(|((cell, right), &width)| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
                .collect();
            padded.join("  ").trim_end().to_owned() + "\n"
        };
        let mut out = line(&mut self.columns.iter().map(|name| (name.clone(), false)));
        out += &line(&mut widths.iter().map(|&width| ("-".repeat(width), false)));
        for (row, values) in cells.into_iter().zip(&self.rows) {
            out += &line(&mut row.into_iter().zip(values).map(|(cell, value)| (cell, value.is_number())));
        }
        out
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Control characters could move a terminal's cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Runs one statement in a read-only transaction and returns at most `limit` rows. The act is durable in the audit trail
/// before any row is returned. The connection ends with the call, and with it whatever the server was still sending.
///
/// Class `usage` for more than one statement, one that returns no rows, a mistake in it, or one that would write.
pub async fn query(client: Connection, grant: &Grant, recorder: &Recorder, sql: &str, limit: usize) -> Result<Table> {
    grant.require(Permission::Query)?;
    client.batch_execute("BEGIN READ ONLY").await.map_err(|error| db::failure("beginning the query", error))?;
    // The extended protocol takes a single statement, so nothing can end this transaction and begin another.
    let statement = client.prepare(sql).await.map_err(refused)?;
    if statement.columns().is_empty() {
        return Err(Error::usage("the statement returns no rows").with_hint("genogate query takes one SELECT"));
    }
    let mut table = Table {
        columns: statement.columns().iter().map(|column| column.name().to_owned()).collect(),
        rows: Vec::new(),
        truncated: false,
    };
    let mut stream = std::pin::pin!(client.simple_query_raw(sql).await.map_err(refused)?);
    while let Some(message) = stream.try_next().await.map_err(refused)? {
        let SimpleQueryMessage::Row(row) = message else { continue };
        if table.rows.len() == limit {
            table.truncated = true;
            break;
        }
        let cells = statement.columns().iter().enumerate();
        table.rows.push(cells.map(|(n, column)| row.get(n).map_or(Value::Null, |text| value(column.type_(), text))).collect());
    }
    let digest = hex(&sha256(sql.as_bytes()));
    recorder.record(Event::QueryRun { sql_digest: digest, rows: table.rows.len() as u64 })?;
    recorder.flush().await?;
    Ok(table)
}

/// The server's own message may quote cells; its SQLSTATE and the place in the statement may not.
fn refused(error: tokio_postgres::Error) -> Error {
    use tokio_postgres::error::ErrorPosition;
    let position = error.as_db_error().and_then(|refusal| match refusal.position() {
        Some(ErrorPosition::Original(at)) => Some(*at),
        _ => None,
    });
    let code = error.as_db_error().map(|refusal| refusal.code().code().to_owned()).unwrap_or_default();
    let place = position.map_or("the query".into(), |at| format!("the query, at character {at}"));
    let failure = db::failure(&place, error);
    match code.as_str() {
        "25006" => Error::usage("genogate query only reads").with_sqlstate(code),
        // Syntax, names and types of the statement itself.
        _ if code.starts_with("42") && failure.class() != Class::Denied => Error::usage(failure.to_string())
            .with_sqlstate(code)
            .with_hint("tables: genogate.variants, calls, samples, loads, quarantine"),
        _ => failure,
    }
}

/// A cell as JSON: numbers, booleans, JSON and arrays keep their structure, everything else is text.
fn value(kind: &Type, cell: &str) -> Value {
    if let Kind::Array(element) = kind.kind() {
        return array(element, cell).unwrap_or_else(|| cell.into());
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

/// An array's text form (PostgreSQL manual 8.15.6): `{1,NULL,"a \"b\""}`, nested for more dimensions.
fn array(element: &Type, text: &str) -> Option<Value> {
    // Lower bounds other than 1 stand before `=`.
    let text = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let mut rest = text.strip_prefix('{')?;
    let parsed = items(element, &mut rest)?;
    rest.is_empty().then_some(parsed)
}

fn items(element: &Type, rest: &mut &str) -> Option<Value> {
    let mut list = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        *rest = after;
        return Some(Value::Array(list));
    }
    loop {
        if let Some(after) = rest.strip_prefix('{') {
            *rest = after;
            list.push(items(element, rest)?);
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
            list.push(value(element, &item));
        } else {
            let end = rest.find([',', '}'])?;
            let (item, after) = rest.split_at_checked(end)?;
            *rest = after;
            list.push(if item == "NULL" { Value::Null } else { value(element, item) });
        }
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
        } else {
            *rest = rest.strip_prefix('}')?;
            return Some(Value::Array(list));
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

    #[test]
    fn csv_and_text() {
        let table = Table {
            columns: vec!["pos".into(), "note".into()],
            rows: vec![vec![json!(10), json!("a \"b\"")], vec![json!(9), Value::Null], vec![json!(1), json!("\u{1b}[2J")]],
            truncated: false,
        };
        assert!(table.csv().starts_with("pos,note\r\n10,\"a \"\"b\"\"\"\r\n9,\r\n"));
        assert!(table.text().starts_with("pos  note\n---  -----\n 10  a \"b\"\n  9\n"));
        assert!(!table.text().contains('\u{1b}'));
        assert_eq!(table.objects()[1], json!({"pos": 9, "note": null}));
    }
}
