//! The forms of output that are text: a table, CSV, JSON lines, one JSON object. It must not know where rows come from.
//!
//! Arrow's own printers would not do: `pretty` holds all rows to measure them, `arrow-csv` and `arrow-json` have no jsonb (theirs is a
//! quoted text), write NaN as null, and know no type of PostgreSQL beyond Arrow's.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::cell::{text, value};
use super::output::{Column, Rows, unwritable};
use crate::error::Result;

pub(super) fn put(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(unwritable)
}

pub(super) fn values<'a>(columns: &'a [Column], cells: &'a [Option<&str>]) -> impl Iterator<Item = Value> + 'a {
    columns.iter().zip(cells).map(|(column, cell)| cell.map_or(Value::Null, |cell| value(&column.kind, cell)))
}

fn object(columns: &[Column], cells: &[Option<&str>]) -> Value {
    let names = columns.iter().map(|column| column.name.clone());
    Value::Object(Map::from_iter(names.zip(values(columns, cells))))
}

/// Rows that are looked at before the columns' widths are fixed.
pub const MEASURED: usize = 1000;

/// Columns padded to one width, numbers to the right. Wider cells among later rows push what stands behind them.
pub struct Table<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
    /// The first rows, until the widths are known.
    waiting: Option<Vec<Vec<Value>>>,
    widths: Vec<usize>,
    /// Longer lines are cut, with a mark.
    most: Option<usize>,
    cut: bool,
}

/// Ends a line that was cut.
const CUT: char = '…';

impl<'a> Table<'a> {
    pub fn new(columns: Vec<Column>, out: Box<dyn Write + Send + 'a>, most: Option<usize>) -> Self {
        Self { columns, out, waiting: Some(Vec::new()), widths: Vec::new(), most, cut: false }
    }

    fn line(&mut self, cells: impl Iterator<Item = (String, bool)>) -> Result<()> {
        let padded: Vec<String> = cells
            .zip(&self.widths)
            .map(|((cell, right), &width)| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
            .collect();
        let mut line = padded.join("  ").trim_end().to_owned();
        if let Some(most) = self.most.filter(|most| line.chars().count() > *most) {
            line = line.chars().take(most.saturating_sub(1)).chain([CUT]).collect();
            self.cut = true;
        }
        put(&mut self.out, &(line + "\n"))
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

    fn has_cut(&self) -> bool {
        self.cut
    }
}

/// Control characters could move a terminal's cursor.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A header line, then lines that end in CR LF; null is empty, an empty text is `""`.
pub struct Csv<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
}

impl<'a> Csv<'a> {
    pub fn begin(columns: Vec<Column>, mut out: Box<dyn Write + Send + 'a>) -> Result<Self> {
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

    fn has_cut(&self) -> bool {
        false
    }
}

/// One JSON object a line.
pub struct JsonLines<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
}

impl<'a> JsonLines<'a> {
    pub fn new(columns: Vec<Column>, out: Box<dyn Write + Send + 'a>) -> Self {
        Self { columns, out }
    }
}

impl Rows for JsonLines<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        put(&mut self.out, &format!("{}\n", object(&self.columns, cells)))
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        self.out.flush().map_err(unwritable)
    }

    fn has_cut(&self) -> bool {
        false
    }
}

/// `{"columns": […], "rows": [{…}, …], "row_count": 1, "truncated": false}`, written as rows come.
pub struct JsonObject<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
    rows: u64,
}

impl<'a> JsonObject<'a> {
    pub fn begin(columns: Vec<Column>, mut out: Box<dyn Write + Send + 'a>) -> Result<Self> {
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

    fn has_cut(&self) -> bool {
        false
    }
}
