//! Where a query's rows go, one after the other, and the forms they can take. It must not know where rows come from or which
//! file it is.

use std::io::Write;

use serde_json::{Map, Value, json};
use tokio_postgres::types::Type;

use super::columnar::Columnar;
use super::value::{text, value};
use crate::error::{Error, Result};

/// A column of a result.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// One JSON object with columns, rows, and whether rows were cut.
    JsonObject,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

/// Takes a result's rows in their order.
pub trait Rows: Send {
    /// A row: one text, or null, a column.
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()>;

    /// There are no more rows; `truncated` says that there would have been.
    fn end(&mut self, truncated: bool) -> Result<()>;
}

impl Format {
    /// A writer of rows with these columns. Class `usage` when a form that names columns gets two of one name.
    pub fn rows<'a>(self, columns: &[Column], out: Box<dyn Write + Send + 'a>) -> Result<Box<dyn Rows + 'a>> {
        let columns = columns.to_vec();
        if self != Self::Table && self != Self::Csv {
            let twice = columns.iter().enumerate().find(|(n, column)| columns.iter().take(*n).any(|c| c.name == column.name));
            if let Some((_, column)) = twice {
                return Err(Error::usage(format!("two columns are called {}", column.name)).with_hint("name them with AS"));
            }
        }
        Ok(match self {
            Self::Table => Box::new(Table { columns, out, waiting: Some(Vec::new()), widths: Vec::new() }),
            Self::Csv => Box::new(Csv::begin(columns, out)?),
            Self::JsonLines => Box::new(JsonLines { columns, out }),
            Self::JsonObject => Box::new(JsonObject::begin(columns, out)?),
            Self::Arrow => Box::new(Columnar::arrow(columns, out)?),
            Self::Parquet => Box::new(Columnar::parquet(columns, out)?),
        })
    }
}

/// A failure of the output; its cause is kept, so that a closed pipe can be told from a full disk.
pub fn unwritable(error: std::io::Error) -> Error {
    Error::failed(format!("the output cannot be written ({})", error.kind())).with_source(error)
}

fn put(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(unwritable)
}

fn values<'a>(columns: &'a [Column], cells: &'a [Option<&str>]) -> impl Iterator<Item = Value> + 'a {
    columns.iter().zip(cells).map(|(column, cell)| cell.map_or(Value::Null, |cell| value(&column.kind, cell)))
}

fn object(columns: &[Column], cells: &[Option<&str>]) -> Value {
    let names = columns.iter().map(|column| column.name.clone());
    Value::Object(Map::from_iter(names.zip(values(columns, cells))))
}

/// Rows that are looked at before the columns' widths are fixed.
const MEASURED: usize = 1000;

/// Columns padded to one width, numbers to the right. Wider cells among later rows push what stands behind them.
struct Table<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
    /// The first rows, until the widths are known.
    waiting: Option<Vec<Vec<Value>>>,
    widths: Vec<usize>,
}

impl Table<'_> {
    fn line(&mut self, cells: impl Iterator<Item = (String, bool)>) -> Result<()> {
        let padded: Vec<String> = cells
            .zip(&self.widths)
            .map(|((cell, right), &width)| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
            .collect();
        put(&mut self.out, &(padded.join("  ").trim_end().to_owned() + "\n"))
    }

    fn values(&mut self, values: &[Value]) -> Result<()> {
        self.line(values.iter().map(|value| (shown(&text(value)), value.is_number())))
    }

    /// Fixes the widths and writes what waits.
    fn measure(&mut self) -> Result<()> {
        let Some(rows) = self.waiting.take() else { return Ok(()) };
        let names: Vec<String> = self.columns.iter().map(|column| shown(&column.name)).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
        for row in &rows {
            for (width, value) in widths.iter_mut().zip(row) {
                *width = (*width).max(shown(&text(value)).chars().count());
            }
        }
        self.widths = widths;
        self.line(names.into_iter().map(|name| (name, false)))?;
        let rule: Vec<String> = self.widths.iter().map(|&width| "-".repeat(width)).collect();
        self.line(rule.into_iter().map(|dashes| (dashes, false)))?;
        rows.iter().try_for_each(|row| self.values(row))
    }
}

impl Rows for Table<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        let values: Vec<Value> = values(&self.columns, cells).collect();
        match &mut self.waiting {
            Some(waiting) if waiting.len() < MEASURED => {
                waiting.push(values);
                Ok(())
            }
            _ => {
                self.measure()?;
                self.values(&values)
            }
        }
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        self.measure()?;
        self.out.flush().map_err(unwritable)
    }
}

/// Control characters could move a terminal's cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A header line, then lines that end in CR LF; null is empty, an empty text is `""`.
struct Csv<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
}

impl<'a> Csv<'a> {
    fn begin(columns: Vec<Column>, mut out: Box<dyn Write + Send + 'a>) -> Result<Self> {
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        put(&mut out, &(names.join(",") + "\r\n"))?;
        Ok(Self { columns, out })
    }
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

impl Rows for Csv<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        let cell = |value: Value| if value.is_null() { String::new() } else { quoted(&text(&value)) };
        let cells: Vec<String> = values(&self.columns, cells).map(cell).collect();
        put(&mut self.out, &(cells.join(",") + "\r\n"))
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        self.out.flush().map_err(unwritable)
    }
}

struct JsonLines<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
}

impl Rows for JsonLines<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        put(&mut self.out, &format!("{}\n", object(&self.columns, cells)))
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        self.out.flush().map_err(unwritable)
    }
}

/// `{"columns": […], "rows": [{…}, …], "row_count": 1, "truncated": false}`, written as rows come.
struct JsonObject<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
    rows: u64,
}

impl<'a> JsonObject<'a> {
    fn begin(columns: Vec<Column>, mut out: Box<dyn Write + Send + 'a>) -> Result<Self> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        put(&mut out, &format!("{{\"columns\":{},\"rows\":[", json!(names)))?;
        Ok(Self { columns, out, rows: 0 })
    }
}

impl Rows for JsonObject<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        let comma = if self.rows > 0 { "," } else { "" };
        self.rows += 1;
        put(&mut self.out, &format!("{comma}{}", object(&self.columns, cells)))
    }

    fn end(&mut self, truncated: bool) -> Result<()> {
        put(&mut self.out, &format!("],\"row_count\":{},\"truncated\":{truncated}}}\n", self.rows))?;
        self.out.flush().map_err(unwritable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, names: [&str; 2], rows: &[[Option<&str>; 2]]) -> Result<String> {
        let columns = names.map(|name| Column { name: name.into(), kind: if name == "pos" { Type::INT8 } else { Type::TEXT } });
        let mut out = Vec::new();
        let mut writer = format.rows(&columns, Box::new(&mut out))?;
        rows.iter().try_for_each(|row| writer.row(row))?;
        writer.end(true)?;
        drop(writer);
        Ok(String::from_utf8(out).unwrap())
    }

    const ROWS: [[Option<&str>; 2]; 4] =
        [[Some("10"), Some("a \"b\"")], [Some("9"), None], [Some("8"), Some("")], [Some("1"), Some("\u{1b}[2J")]];

    #[test]
    fn every_text_form_of_one_result() {
        let names = ["pos", "note"];
        let table = written(Format::Table, names, &ROWS).unwrap();
        assert!(table.starts_with("pos  note\n---  -----\n 10  a \"b\"\n  9\n"), "{table}");
        assert!(!table.contains('\u{1b}'));
        let csv = written(Format::Csv, names, &ROWS[..3]).unwrap();
        assert_eq!(csv, "pos,note\r\n10,\"a \"\"b\"\"\"\r\n9,\r\n8,\"\"\r\n");
        let lines = written(Format::JsonLines, names, &ROWS[..2]).unwrap();
        assert_eq!(lines, "{\"pos\":10,\"note\":\"a \\\"b\\\"\"}\n{\"pos\":9,\"note\":null}\n");
        for rows in [&ROWS[..0], &ROWS[..1], &ROWS[..]] {
            let object: Value = serde_json::from_str(&written(Format::JsonObject, names, rows).unwrap()).unwrap();
            assert_eq!(object["columns"], json!(names));
            assert_eq!((&object["row_count"], &object["truncated"]), (&json!(rows.len()), &json!(true)));
            assert_eq!(object["rows"].as_array().unwrap().len(), rows.len());
        }
    }

    #[test]
    fn a_long_table_keeps_the_widths_of_its_first_rows() {
        let mut rows = vec![[Some("1"), Some("short")]; MEASURED];
        rows.push([Some("22222"), Some("x")]);
        let table = written(Format::Table, ["pos", "note"], &rows).unwrap();
        assert_eq!(table.lines().count(), MEASURED + 3);
        assert!(table.ends_with("  1  short\n22222  x\n"));
    }

    #[test]
    fn names_must_differ_where_they_are_keys() {
        for (format, fits) in [(Format::Table, true), (Format::Csv, true), (Format::JsonLines, false), (Format::Arrow, false)] {
            assert_eq!(written(format, ["pos", "pos"], &[]).is_ok(), fits, "{format:?}");
        }
    }
}
