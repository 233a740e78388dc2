//! Read-only SQL on what is stored, row by row. It must not know how a result is printed.

mod acts;
mod cell;
mod columnar;
mod explain;
mod format;
mod names;
mod output;
mod text;
mod vertical;

use std::io::Write;

use futures::TryStreamExt;
use tokio_postgres::SimpleQueryMessage;

pub use self::format::Format;
use self::output::Column;
use crate::access::{Grant, Permission};
use crate::audit::{Event, Recorder};
use crate::crypto::digest::{hex, sha256};
use crate::db::{self, Connection};
use crate::error::{Error, Result};

/// Rows given when nobody says how many.
pub const DEFAULT_LIMIT: u64 = 1000;

/// A query as somebody asks it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// One statement that returns rows.
    pub sql: &'a str,
    /// Rows at most; `None`: all.
    pub limit: Option<u64>,
    pub format: Format,
}

/// What a query gave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Answer {
    pub columns: Vec<String>,
    pub row_count: u64,
    /// There were more rows than asked for.
    pub truncated: bool,
    /// Lines were cut to fit.
    #[serde(skip)]
    pub cut: bool,
}

/// Runs one statement and writes its rows to `out` as they come from the server: memory does not grow with them. The intent is
/// durable in the audit trail before the statement is run.
///
/// Nothing is written: the transaction is read-only, which cannot be changed within it, and it is never committed. Nothing else is
/// done either: a statement that names a function which acts is refused. The connection ends with the call, and with it whatever
/// the server was still sending.
///
/// Class `usage` for more than one statement, one that returns no rows, a mistake in it, or one that would write or act.
pub async fn query(
    client: Connection,
    grant: &Grant,
    recorder: &Recorder,
    question: &Question<'_>,
    out: Box<dyn Write + Send + '_>,
) -> Result<Answer> {
    grant.require(Permission::Query)?;
    client.batch_execute("BEGIN READ ONLY").await.map_err(|error| db::failure("beginning the query", error))?;
    // The extended protocol takes a single statement, so nothing can end this transaction and begin another.
    let statement = client.prepare(question.sql).await.map_err(|error| explain::unreadable(&error, question.sql))?;
    if statement.columns().is_empty() {
        return Err(Error::usage("the statement returns no rows").with_hint("genogate query takes one SELECT"));
    }
    acts::refuse(&client, question.sql).await?;
    let columns: Vec<Column> =
        statement.columns().iter().map(|column| Column { name: column.name().into(), kind: column.type_().clone() }).collect();
    let sql_digest = hex(&sha256(question.sql.as_bytes()));
    recorder.record(Event::QueryIntent { sql_digest: sql_digest.clone() })?;
    recorder.flush().await.map_err(|error| error.at("no durable audit intent, so nothing was read"))?;

    let mut answer = Answer {
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        row_count: 0,
        truncated: false,
        cut: false,
    };
    let given = give(&client, question, &columns, out, &mut answer).await;
    // Rows of a query that failed later were given all the same.
    recorder.record(Event::QueryRun { sql_digest, rows: answer.row_count })?;
    recorder.flush().await?;
    given.map(|()| answer)
}

async fn give(
    client: &Connection,
    question: &Question<'_>,
    columns: &[Column],
    out: Box<dyn Write + Send + '_>,
    answer: &mut Answer,
) -> Result<()> {
    // Cells come as text, the one form every type has.
    let mut stream =
        std::pin::pin!(client.simple_query_raw(question.sql).await.map_err(|error| explain::failed(error, question.sql))?);
    // Not before the server has begun to answer: a statement it refuses leaves no output.
    let mut message = stream.try_next().await.map_err(|error| explain::failed(error, question.sql))?;
    let mut rows = question.format.rows(columns, out)?;
    while let Some(next) = message {
        if let SimpleQueryMessage::Row(row) = next {
            if question.limit == Some(answer.row_count) {
                answer.truncated = true;
                break;
            }
            let cells: Vec<Option<&str>> = (0..columns.len()).map(|column| row.get(column)).collect();
            rows.row(&cells)?;
            answer.row_count += 1;
        }
        message = stream.try_next().await.map_err(|error| explain::failed(error, question.sql))?;
    }
    rows.end(answer.truncated)?;
    answer.cut = rows.has_cut();
    Ok(())
}
