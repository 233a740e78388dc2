//! The bulk tables: their names, their columns, indexes and statistics. It must not know what is in them.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::db;
use crate::error::Result;

/// The bulk tables.
pub const VARIANTS: &str = "genogate_store.variants";
pub const CALLS: &str = "genogate_store.calls";

/// What the digests of a unit's rows begin with.
pub const VARIANTS_LABEL: &[u8] = b"genogate variants 1\0";
pub const CALLS_LABEL: &[u8] = b"genogate calls 1\0";

/// Columns of `calls`, all written always.
pub const CALLS_COLUMNS: [&str; 7] = ["load_id", "variant_id", "input", "sample_index", "contig", "gt", "format"];

/// Makes sure that `variants` has these columns of these types. Class `usage` when one holds another type already, or when there
/// is no room for more.
pub async fn prepare_columns(client: &Client, columns: &[(&str, String)]) -> Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let columns: serde_json::Map<_, _> = columns.iter().map(|(name, kind)| ((*name).to_owned(), json!(kind))).collect();
    let prepared = client.execute("SELECT genogate_store.prepare_columns($1)", &[&Value::Object(columns)]).await;
    prepared.map(|_| ()).map_err(|error| db::failure("preparing the columns", error))
}

/// Leaves the indexes out while the first load fills an empty warehouse.
pub async fn drop_indexes_if_empty(client: &Client) -> Result<()> {
    let dropped = client.execute("SELECT genogate_store.drop_indexes_if_empty()", &[]).await;
    dropped.map(|_| ()).map_err(|error| db::failure("leaving the indexes out", error))
}

/// The partitions whose indexes are missing, the largest first.
pub async fn missing_indexes(client: &Client) -> Result<Vec<u32>> {
    let rows = client
        .query("SELECT o_partition FROM genogate_store.missing_indexes() GROUP BY o_partition ORDER BY max(o_bytes) DESC", &[])
        .await
        .map_err(|error| db::failure("building the indexes", error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The statement that builds a partition's indexes.
pub fn index_partition(partition: u32) -> String {
    format!("SELECT genogate_store.index_partition({partition})")
}

/// The statement that builds the tables' indexes, of those of their partitions.
pub fn build_indexes() -> String {
    "SELECT genogate_store.build_indexes()".to_owned()
}

/// The statement that makes a table's statistics, where it has outgrown those it has.
pub fn analyze_table(table: &str) -> String {
    format!("SELECT genogate_store.analyze_table('{table}')")
}

/// The statement that reads a complete load's variants with ids from `low` to `high`, as they are stored and in the order
/// they were written.
pub fn stored_variants(load: Uuid, columns: &[String], low: i64, high: i64) -> String {
    stored("stored_variants", load, columns.iter().map(String::as_str), low, high, "variant_id")
}

/// The same of calls.
pub fn stored_calls(load: Uuid, low: i64, high: i64) -> String {
    stored("stored_calls", load, CALLS_COLUMNS.into_iter(), low, high, "variant_id, input, sample_index")
}

fn stored<'a>(function: &str, load: Uuid, columns: impl Iterator<Item = &'a str>, low: i64, high: i64, order: &str) -> String {
    let columns: Vec<String> = columns.map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    let columns = columns.join(", ");
    let rows = format!("SELECT {columns} FROM genogate_store.{function}('{load}', {low}, {high}) ORDER BY {order}");
    format!("COPY ({rows}) TO STDOUT (FORMAT binary)")
}

/// Rows that name a load and whose ids are outside its range, and entries of its quarantine.
pub async fn recount(client: &Client, load: Uuid) -> Result<(i64, i64)> {
    let row = client.query_one("SELECT o_stray, o_quarantined FROM genogate_store.recount($1)", &[&load]).await;
    row.map(|row| (row.get(0), row.get(1))).map_err(|error| db::failure("recounting the load", error))
}
