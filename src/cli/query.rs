//! `genogate query`: read-only SQL. It must not know how it is made read-only.

use std::error::Error as _;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;

use serde_json::json;

use super::Console;
use super::door::{Door, Which};
use super::output::{begin, end};
use crate::error::{Error, Result};
use crate::warehouse::query::{self, Answer};

/// Runs one SELECT on the views variants, calls, samples, loads and quarantine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate query \"SELECT contig, pos, info->>'AF' FROM variants LIMIT 5\"\n  \
                        genogate query --limit all --format parquet --output sites.parquet 'SELECT * FROM variants'")]
pub struct Command {
    /// The statement, in quotes; `-` reads it from standard input.
    #[arg(required = true, value_name = "SQL")]
    sql: Vec<String>,
    /// Rows given at most, or `all`.
    #[arg(short, long, value_name = "ROWS|all", default_value_t = Limit(Some(query::DEFAULT_LIMIT)))]
    limit: Limit,
    /// How rows are written.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show each row as a block of lines, a column each.
    #[arg(long, conflicts_with = "format")]
    vertical: bool,
    /// Write the rows to this file, which appears when it is complete and is its owner's alone; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    which: Which,
}

#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

impl std::str::FromStr for Limit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(None)),
            number => number.parse().map(|rows| Self(Some(rows))).map_err(|_| "neither a number of rows nor `all`".into()),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(rows) => rows.fmt(f),
            None => f.write_str("all"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Aligned columns.
    Table,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON object a row and line.
    Json,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl Command {
    /// Writes the rows. Class `usage` for a statement that is wrong or would write.
    pub async fn run(mut self, console: &Console) -> Result<()> {
        self.output = self.output.filter(|path| path.as_os_str() != "-");
        let format = self.form(console)?;
        let sql = match self.sql.as_slice() {
            [_, _, ..] => {
                let hint = "quote it, or the shell cuts it at blanks and replaces `*` by file names: genogate query 'SELECT …'";
                return Err(Error::usage(format!("the statement came in {} pieces", self.sql.len())).with_hint(hint));
            }
            [dash] if dash == "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|_| Error::usage("standard input is not readable text"))?;
                text
            }
            sql => sql.concat(),
        };
        let mut file = self.output.as_deref().map(|path| begin(path, self.force)).transpose()?;
        let door = Door::open(&self.which).await?;
        let outcome = async {
            let client = door.connect().await?;
            let out: Box<dyn Write + Send + '_> = match &mut file {
                Some(file) => Box::new(BufWriter::new(file)),
                None => Box::new(BufWriter::new(console.stdout())),
            };
            let question = query::Question { sql: &sql, limit: self.limit.0, format };
            query::query(client, door.grant(), &door.recorder(), &question, out).await
        }
        .await;
        let answer = match door.leave(outcome).await {
            // A closed standard output (`| head`) is the reader's wish.
            Err(error) if self.output.is_none() && is_closed(&error) => return Ok(()),
            outcome => outcome?,
        };
        if let (Some(file), Some(path)) = (file, &self.output) {
            end(file, path, self.force)?;
            console.object(json!(answer));
        }
        self.remark(console, &answer);
        Ok(())
    }

    fn form(&self, console: &Console) -> Result<query::Format> {
        let binary = matches!(self.format, Format::Arrow | Format::Parquet);
        if self.output.is_none() && binary && (console.json || console.is_terminal()) {
            return Err(Error::usage("these rows are no text: give --output FILE, or a pipe without --json"));
        }
        Ok(match self.format {
            _ if console.json && self.output.is_none() => query::Format::JsonObject,
            Format::Table if self.vertical => query::Format::Vertical,
            Format::Table => query::Format::Table { width: console.width().filter(|_| self.output.is_none()) },
            Format::Csv => query::Format::Csv,
            Format::Json => query::Format::JsonLines,
            Format::Arrow => query::Format::Arrow,
            Format::Parquet => query::Format::Parquet,
        })
    }

    fn remark(&self, console: &Console, answer: &Answer) {
        if answer.truncated {
            console
                .remark(format_args!("only the first {} rows are given; --limit N or --limit all gives more", answer.row_count));
        } else if answer.cut {
            console.remark("lines that end in … are cut: --vertical or another --format shows them whole");
        } else if self.output.is_some() {
            console.remark(format_args!("{} rows", answer.row_count));
        }
    }
}

fn is_closed(error: &Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}
