//! A result as blocks of lines, a block a row, for rows wider than a terminal. It must not know where rows come from.

use std::io::Write;

use super::cell::text;
use super::output::{Column, Rows, unwritable};
use super::text::{put, shown, values};
use crate::error::Result;

/// `-- 1 --`, then a line `name  cell` a column.
pub struct Vertical<'a> {
    columns: Vec<Column>,
    out: Box<dyn Write + Send + 'a>,
    longest: usize,
    rows: u64,
}

impl<'a> Vertical<'a> {
    pub fn new(columns: Vec<Column>, out: Box<dyn Write + Send + 'a>) -> Self {
        let longest = columns.iter().map(|column| shown(&column.name).chars().count()).max().unwrap_or(0);
        Self { columns, out, longest, rows: 0 }
    }
}

impl Rows for Vertical<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        self.rows += 1;
        let mut block = format!("-- {} --\n", self.rows);
        for (column, value) in self.columns.iter().zip(values(&self.columns, cells)) {
            let line = format!("{:<width$}  {}", shown(&column.name), shown(&text(&value)), width = self.longest);
            block.push_str(line.trim_end());
            block.push('\n');
        }
        put(&mut self.out, &block)
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        self.out.flush().map_err(unwritable)
    }

    fn has_cut(&self) -> bool {
        false
    }
}
