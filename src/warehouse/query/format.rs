//! The forms a query's rows can take, and the writer of each. It must not know where rows come from or which file it is.

use std::io::Write;

use super::columnar::Columnar;
use super::output::{Column, Rows};
use super::text::{Csv, JsonLines, JsonObject, Table};
use super::vertical::Vertical;
use crate::error::{Error, Result};

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people, cut to a width where one is given.
    Table { width: Option<usize> },
    /// A block of lines a row, a line a column.
    Vertical,
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

impl Format {
    /// A writer of rows with these columns. Class `usage` when a form that names columns gets two of one name.
    pub fn rows<'a>(self, columns: &[Column], out: Box<dyn Write + Send + 'a>) -> Result<Box<dyn Rows + 'a>> {
        let columns = columns.to_vec();
        if !matches!(self, Self::Table { .. } | Self::Vertical | Self::Csv) {
            let twice = columns.iter().enumerate().find(|(n, column)| columns.iter().take(*n).any(|c| c.name == column.name));
            if let Some((_, column)) = twice {
                return Err(Error::usage(format!("two columns are called {}", column.name)).with_hint("name them with AS"));
            }
        }
        Ok(match self {
            Self::Table { width } => Box::new(Table::new(columns, out, width)),
            Self::Vertical => Box::new(Vertical::new(columns, out)),
            Self::Csv => Box::new(Csv::begin(columns, out)?),
            Self::JsonLines => Box::new(JsonLines::new(columns, out)),
            Self::JsonObject => Box::new(JsonObject::begin(columns, out)?),
            Self::Arrow => Box::new(Columnar::arrow(columns, out)?),
            Self::Parquet => Box::new(Columnar::parquet(columns, out)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio_postgres::types::Type;

    use super::super::text::MEASURED;
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

    const TABLE: Format = Format::Table { width: None };

    #[test]
    fn wide_lines_are_cut_with_a_mark_or_stand_one_below_the_other() {
        let rows = [[Some("1"), Some("0123456789")], [Some("2"), Some("x")]];
        let names = ["pos", "note"];
        assert_eq!(
            written(Format::Table { width: Some(12) }, names, &rows).unwrap(),
            "pos  note\n---  ------…\n  1  012345…\n  2  x\n"
        );
        assert_eq!(written(Format::Table { width: Some(15) }, names, &rows).unwrap(), written(TABLE, names, &rows).unwrap());
        let blocks = "-- 1 --\npos   1\nnote  0123456789\n-- 2 --\npos   2\nnote  x\n";
        assert_eq!(written(Format::Vertical, names, &rows).unwrap(), blocks);
    }

    const ROWS: [[Option<&str>; 2]; 4] =
        [[Some("10"), Some("a \"b\"")], [Some("9"), None], [Some("8"), Some("")], [Some("1"), Some("\u{1b}[2J")]];

    #[test]
    fn every_text_form_of_one_result() {
        let names = ["pos", "note"];
        let table = written(TABLE, names, &ROWS).unwrap();
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
        let table = written(TABLE, ["pos", "note"], &rows).unwrap();
        assert_eq!(table.lines().count(), MEASURED + 3);
        assert!(table.ends_with("  1  short\n22222  x\n"));
    }

    #[test]
    fn names_must_differ_where_they_are_keys() {
        for (format, fits) in [(TABLE, true), (Format::Csv, true), (Format::JsonLines, false), (Format::Arrow, false)] {
            assert_eq!(written(format, ["pos", "pos"], &[]).is_ok(), fits, "{format:?}");
        }
    }
}
