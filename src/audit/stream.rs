//! The trail as Arrow: sealed events to record batches and back, and the database's trail as a stream of batches.
//! It must not know who writes the batches where.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use futures::stream::{Stream, try_unfold};
use tokio_postgres::Client;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::seal::{Entry, Hash, POSTGRES_EPOCH, Sealed};
use crate::error::{Error, Result};

/// Rows a page of [`stream`] holds at most.
const PAGE: i64 = 4096;

/// The columns of `audit.events` and `genogate.audit_events`, in the order of [`schema`].
pub(super) const COLUMNS: &str =
    "seq, recorded, time, actor, session_id, run_id, event, outcome, detail, trail_id, trail_seq, spool_hash, prev_hash, hash";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, matches!(name, "session_id" | "spool_hash"));
    Arc::new(Schema::new(vec![
        field("seq", DataType::Int64),
        field("recorded", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("actor", DataType::Utf8),
        field("session_id", DataType::FixedSizeBinary(16)),
        field("run_id", DataType::FixedSizeBinary(16)),
        field("event", DataType::Utf8),
        field("outcome", DataType::Utf8),
        field("detail", DataType::Utf8),
        field("trail_id", DataType::FixedSizeBinary(16)),
        field("trail_seq", DataType::Int64),
        field("spool_hash", DataType::FixedSizeBinary(32)),
        field("prev_hash", DataType::FixedSizeBinary(32)),
        field("hash", DataType::FixedSizeBinary(32)),
    ]))
});

/// The trail's schema, the same in `audit.events` and on the wire.
///
/// `seq` and `trail_seq` count from 1; `recorded` (the server's clock) and `time` (the program's) are UTC in microseconds; `session_id`,
/// `run_id` and `trail_id` are UUIDs (16 bytes, RFC 9562);
/// the hashes are SHA-256 (32 bytes); `detail` is a JSON object.
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// Sealed events as one batch.
pub fn to_batch(rows: &[Sealed]) -> Result<RecordBatch> {
    let text = |get: fn(&Sealed) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(get))) as ArrayRef;
    let time = |get: fn(&Sealed) -> i64| {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(get)).with_timezone("UTC")) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.seq))),
        time(|row| row.recorded),
        time(|row| row.entry.time),
        text(|row| &row.entry.actor),
        fixed(16, rows, |row| row.entry.session_id.as_ref().map(|id| id.as_bytes().as_slice()))?,
        fixed(16, rows, |row| Some(row.entry.run_id.as_bytes()))?,
        text(|row| &row.entry.event),
        text(|row| &row.entry.outcome),
        text(|row| &row.entry.detail),
        fixed(16, rows, |row| Some(row.entry.trail_id.as_bytes()))?,
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.entry.trail_seq))),
        fixed(32, rows, |row| row.entry.spool_hash.as_ref().map(|hash| hash.as_slice()))?,
        fixed(32, rows, |row| Some(&row.prev_hash))?,
        fixed(32, rows, |row| Some(&row.hash))?,
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn fixed(width: i32, rows: &[Sealed], get: impl Fn(&Sealed) -> Option<&[u8]>) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), width);
    for row in rows {
        match get(row) {
            Some(bytes) => builder.append_value(bytes)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The events of a batch. Fails with class `integrity` when the batch is not a trail's.
pub fn from_batch(batch: &RecordBatch) -> Result<Vec<Sealed>> {
    if batch.schema().fields() != SCHEMA.fields() {
        return Err(Error::integrity("these batches are not an audit trail"));
    }
    let integer = |n: usize| batch.column(n).as_primitive::<Int64Type>();
    let text = |n: usize, row: usize| batch.column(n).as_string::<i32>().value(row).to_owned();
    let bytes = |n: usize, row: usize| batch.column(n).as_fixed_size_binary().value(row);
    let time = |n: usize| batch.column(n).as_primitive::<TimestampMicrosecondType>();
    (0..batch.num_rows())
        .map(|row| {
            let session_id = batch.column(4).is_valid(row).then(|| array(bytes(4, row))).transpose()?;
            let spool_hash = batch.column(11).is_valid(row).then(|| array(bytes(11, row))).transpose()?;
            Ok(Sealed {
                seq: integer(0).value(row),
                recorded: time(1).value(row),
                entry: Entry {
                    time: time(2).value(row),
                    actor: text(3, row),
                    session_id: session_id.map(Uuid::from_bytes),
                    run_id: Uuid::from_bytes(array(bytes(5, row))?),
                    event: text(6, row).into(),
                    outcome: text(7, row).into(),
                    detail: text(8, row),
                    trail_id: Uuid::from_bytes(array(bytes(9, row))?),
                    trail_seq: integer(10).value(row),
                    spool_hash,
                },
                prev_hash: array(bytes(12, row))?,
                hash: array(bytes(13, row))?,
            })
        })
        .collect()
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| Error::integrity("a hash or an id of the audit trail has the wrong length"))
}

/// Which events [`stream`] reads.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Events behind this place; 0 for all.
    pub after: i64,
    /// Events of this kind only.
    pub event: Option<String>,
    /// Events of this run only.
    pub run_id: Option<Uuid>,
    /// Events at or after this time, in microseconds since 1970-01-01 UTC.
    pub since: Option<i64>,
}

/// The database's trail in its order, in batches of at most 4096 rows of [`schema`]; memory stays at one batch.
pub fn stream(client: &Client, selection: Selection) -> impl Stream<Item = Result<RecordBatch>> + '_ {
    try_unfold(Some(selection), move |state| async move {
        let Some(mut selection) = state else { return Ok(None) };
        let rows = page(client, &selection).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        selection.after = last.seq;
        let full = rows.len() as i64 == PAGE;
        Ok(Some((to_batch(&rows)?, full.then_some(selection))))
    })
}

/// How many events the database's trail holds.
pub async fn length(client: &Client) -> Result<i64> {
    let row = client
        .query_one("SELECT seq FROM audit.read_head()", &[])
        .await
        .map_err(|error| crate::db::failure("reading the audit trail", error))?;
    Ok(get::<Option<i64>>(&row, 0)?.unwrap_or(0))
}

async fn page(client: &Client, selection: &Selection) -> Result<Vec<Sealed>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM genogate.audit_events \
         WHERE seq > $1 AND ($2::text IS NULL OR event = $2) AND ($3::uuid IS NULL OR run_id = $3) \
           AND ($4::bigint IS NULL OR time >= timestamptz 'epoch' + $4 * interval '1 microsecond') \
         ORDER BY seq LIMIT $5"
    );
    let rows = client
        .query(&sql, &[&selection.after, &selection.event, &selection.run_id, &selection.since, &PAGE])
        .await
        .map_err(|error| crate::db::failure("reading the audit trail", error))?;
    rows.iter().map(from_row).collect()
}

/// A row of `genogate.audit_events` in the order of [`schema`].
fn from_row(row: &tokio_postgres::Row) -> Result<Sealed> {
    let hash = |n: usize| -> Result<Hash> { array(get::<&[u8]>(row, n)?) };
    Ok(Sealed {
        seq: get(row, 0)?,
        recorded: get::<Micros>(row, 1)?.0,
        entry: Entry {
            time: get::<Micros>(row, 2)?.0,
            actor: get(row, 3)?,
            session_id: get(row, 4)?,
            run_id: get(row, 5)?,
            event: get::<String>(row, 6)?.into(),
            outcome: get::<String>(row, 7)?.into(),
            detail: get(row, 8)?,
            trail_id: get(row, 9)?,
            trail_seq: get(row, 10)?,
            spool_hash: get::<Option<&[u8]>>(row, 11)?.map(array).transpose()?,
        },
        prev_hash: hash(12)?,
        hash: hash(13)?,
    })
}

/// A timestamptz in microseconds since 1970, whatever its value: a date type would not take a forged one (infinity).
pub(super) struct Micros(pub i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?).wrapping_add(POSTGRES_EPOCH)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

fn get<'a, T: FromSql<'a>>(row: &'a tokio_postgres::Row, n: usize) -> Result<T> {
    row.try_get(n).map_err(|error| crate::db::failure("reading the audit trail", error))
}

#[cfg(test)]
mod tests {
    use super::super::seal::{
        Head,
        tests::{RECORDED, entry},
    };
    use super::*;

    #[test]
    fn events_survive_the_trip_through_arrow() {
        let mut head = Head::genesis(b"x");
        let rows = vec![
            head.seal(RECORDED, entry(1)),
            head.seal(RECORDED, Entry { spool_hash: Some([9; 32]), session_id: Some(Uuid::nil()), ..entry(2) }),
        ];
        let batch = to_batch(&rows).unwrap();
        assert_eq!(batch.schema(), schema());
        assert_eq!(from_batch(&batch).unwrap(), rows);
    }

    #[test]
    fn a_batch_of_something_else_is_refused() {
        let batch = RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)])));
        assert_eq!(from_batch(&batch).unwrap_err().class(), crate::error::Class::Integrity);
    }
}
