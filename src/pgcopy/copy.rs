//! Sends encoded tuples to a server by COPY. It must not know which tables there are.

use std::pin::pin;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use futures::SinkExt;
use tokio_postgres::{Client, Statement};

use super::buffer::Buffer;
use super::rows::RowEncoder;
use crate::db;
use crate::error::Result;

/// Copies batches by a COPY statement, which must take binary data for the schema's fields in order. Returns the number of rows.
/// Within a transaction of the caller's, give its client. Data leaves in pieces of about 4 MiB, all in one statement: dropping
/// the future aborts it and nothing is stored.
///
/// Classes: `internal` for a type without a PostgreSQL counterpart, `input` for a NUL in text, and those of the database.
pub async fn copy_statement(client: &Client, statement: &str, schema: &Schema, batches: &[RecordBatch]) -> Result<u64> {
    let encoder = RowEncoder::new(schema)?;
    let failed = |error| db::failure("copying rows", error);
    let mut sink = pin!(client.copy_in(statement).await.map_err(failed)?);
    let mut buffer = Buffer::default();
    for batch in batches {
        let mut row = 0;
        while row < batch.num_rows() {
            row = encoder.encode(batch, row, &mut buffer)?;
            if buffer.is_full() {
                sink.feed(buffer.take_piece()).await.map_err(failed)?;
            }
        }
    }
    sink.send(buffer.take()).await.map_err(failed)?;
    sink.finish().await.map_err(failed)
}

/// `table` and `columns` are names of our own, never input: `COPY table (columns) FROM STDIN (FORMAT binary)`.
pub fn statement(table: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", columns.join(", "))
}

/// Runs one prepared COPY statement with all its data. Returns the rows the server counted.
pub async fn send(client: &Client, statement: &Statement, data: Bytes) -> Result<u64, tokio_postgres::Error> {
    let mut sink = pin!(client.copy_in::<_, Bytes>(statement).await?);
    sink.send(data).await?;
    sink.finish().await
}
