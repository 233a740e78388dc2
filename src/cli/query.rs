//! `genogate query`: read-only SQL. It must not know how it is made read-only.

use std::io::Read;

use serde_json::json;

use super::Console;
use super::door::{Door, Which};
use crate::error::{Error, Result};
use crate::warehouse::query;

/// Runs one SELECT on the views variants, calls, samples, loads and quarantine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate query \"SELECT contig, pos, info->>'AF' FROM variants LIMIT 5\"")]
pub struct Command {
    /// The statement; `-` reads it from standard input.
    sql: String,
    /// Rows shown at most.
    #[arg(short, long, default_value_t = query::DEFAULT_LIMIT)]
    limit: usize,
    /// How rows are written.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    which: Which,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Aligned columns.
    Text,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON object a row.
    Json,
}

impl Command {
    /// Prints the rows. Class `usage` for a statement that is wrong or would write.
    pub async fn run(self, console: &Console) -> Result<()> {
        let sql = match self.sql.as_str() {
            "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|_| Error::usage("standard input is not readable text"))?;
                text
            }
            sql => sql.to_owned(),
        };
        let door = Door::open(&self.which).await?;
        let outcome = async {
            let client = door.connect().await?;
            query::query(client, door.grant(), &door.recorder(), &sql, self.limit).await
        }
        .await;
        let table = door.leave(outcome).await?;
        console.object(json!({ "columns": table.columns, "rows": table.objects(), "truncated": table.truncated }));
        match self.format {
            Format::Text => console.line(table.text().trim_end_matches('\n')),
            Format::Csv => console.line(table.csv().trim_end_matches("\r\n")),
            Format::Json => table.objects().into_iter().for_each(|row| console.line(row)),
        }
        if table.truncated {
            console.remark(format_args!("only the first {} rows are shown; --limit shows more", self.limit));
        }
        Ok(())
    }
}
