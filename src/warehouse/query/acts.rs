//! Refuses statements that would do something beside reading rows: end sessions, take locks, change settings, wait, run SQL kept in a
//! text, show what others ask. It must not know how rows are given.

use tokio_postgres::Client;

use super::names::names;
use crate::db;
use crate::error::{Error, Result};

/// Volatile functions of PostgreSQL that do nothing.
const HARMLESS: &[&str] = &[
    "array_sample",
    "array_shuffle",
    "bernoulli",
    "clock_timestamp",
    "current_query",
    "gen_random_uuid",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_relation_size",
    "pg_table_size",
    "pg_total_relation_size",
    "random",
    "random_normal",
    "setseed",
    "system",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Views and functions that show other sessions' statements, or rows by the name of their table.
const TELLING: &[&str] = &[
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "pg_stat_activity",
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
    "pg_stat_statements",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
];

/// Class `usage` for a statement that names a function which acts (in the catalog: `VOLATILE`), or another's secrets.
pub(super) async fn refuse(client: &Client, sql: &str) -> Result<()> {
    let Some(names) = names(sql) else {
        return Err(Error::usage("the statement cannot be followed, so it is not run")
            .with_hint("write identifiers without U&\"…\", and strings with escapes in one line"));
    };
    if let Some(telling) = TELLING.iter().find(|telling| names.all.contains(**telling)) {
        return Err(Error::usage(format!("genogate query only reads the warehouse, and does not show {telling}")));
    }
    let called: Vec<String> = names.called.into_iter().collect();
    let query = "SELECT p.proname::text FROM pg_catalog.pg_proc p
                 WHERE p.proname = ANY ($1) AND p.provolatile = 'v'
                   AND NOT (p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.proname = ANY ($2)) LIMIT 1";
    let acts =
        client.query_opt(query, &[&called, &HARMLESS]).await.map_err(|error| db::failure("looking functions up", error))?;
    match acts {
        None => Ok(()),
        Some(row) => Err(Error::usage(format!("genogate query only reads, and does not call {}", row.get::<_, String>(0)))
            .with_hint("functions that act are called in `genogate db shell`")),
    }
}
