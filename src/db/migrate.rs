//! Migrations: `migrations/V<number>__<name>.sql`, embedded in the binary, applied in order, each in a transaction of its
//! own, under an advisory lock. It must not know what a migration does.
//!
//! The crate `refinery` applies each file and its history row in one transaction and compares checksums of what is
//! applied with what is embedded. It takes no lock and trusts its history table's text, so both are done here first.

use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

use super::failure::{describe, failure};
use crate::error::{Error, Result};

// Makes the module `migrations` with the function `runner`.
refinery::embed_migrations!("migrations");

/// Where the history of a database lies.
const HISTORY: &str = "genogate_meta.migrations";

/// One key for all genogate programs: the bytes of `genogate`.
const LOCK: i64 = i64::from_be_bytes(*b"genogate");

/// A migration, applied or waiting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Number in the file's name; migrations are applied in its order.
    pub version: i64,
    /// Name in the file's name.
    pub name: String,
}

/// What [`migrate`] would apply, in order. Changes nothing. Same errors as [`migrate`].
pub async fn pending(client: &mut Client) -> Result<Vec<Applied>> {
    let runner = migrations::runner();
    waiting(&runner, history(client).await?)
}

/// The text of an embedded migration.
pub fn sql(version: i64) -> Option<String> {
    migrations::runner().get_migrations().iter().find(|m| i64::from(m.version()) == version)?.sql().map(str::to_owned)
}

/// Applies what is missing and returns it; an empty list when the database is up to date. Never drops or empties anything.
///
/// Class `integrity` when an applied migration was edited, or one is missing between applied ones; class `usage` when the
/// database is newer than this program; else the class of the database's refusal. What was applied before a failing
/// migration stays applied.
pub async fn migrate(client: &mut Client) -> Result<Vec<Applied>> {
    let begin = format!("SET search_path = pg_catalog, pg_temp; SELECT pg_catalog.pg_advisory_lock({LOCK})");
    client.batch_execute(&begin).await.map_err(|error| failure("waiting for other migrations", error))?;
    let outcome = migrate_locked(client).await;
    let end = format!("SELECT pg_catalog.pg_advisory_unlock({LOCK}); SET search_path = genogate, pg_temp");
    let unlocked = client.batch_execute(&end).await.map_err(|error| failure("ending the migrations", error));
    outcome.and_then(|applied| unlocked.map(|()| applied))
}

async fn migrate_locked(client: &mut Client) -> Result<Vec<Applied>> {
    let mut runner = migrations::runner();
    runner.set_migration_table_name(HISTORY);
    let waiting = waiting(&runner, history(client).await?)?;
    if waiting.is_empty() {
        return Ok(waiting);
    }
    client
        .batch_execute("CREATE SCHEMA IF NOT EXISTS genogate_meta")
        .await
        .map_err(|error| failure("making the schema genogate_meta", error))?;
    runner.run_async(client).await.map_err(|error| refused(&runner, &waiting, &error))?;
    Ok(waiting)
}

/// Tells which migration failed and where in it.
fn refused(runner: &refinery::Runner, waiting: &[Applied], error: &refinery::Error) -> Error {
    let refinery::error::Kind::Connection(_, cause) = error.kind() else {
        return Error::internal("the migration history changed while it was locked");
    };
    let applied = error.report().map_or(0, |report| report.applied_migrations().len());
    let failed = waiting.get(applied);
    let doing = failed.map_or("migrating".to_owned(), |step| format!("applying the migration V{}__{}", step.version, step.name));
    let Some(cause) = cause.downcast_ref::<tokio_postgres::Error>() else {
        return Error::internal(format!("{doing}: the driver failed"));
    };
    let error = describe(&doing, cause);
    // The text of a migration is ours and class 42 (syntax, names, privileges) speaks of nothing else, so here the server's words are safe.
    match cause.as_db_error() {
        Some(said) if said.code().code().starts_with("42") => {
            let text = failed.and_then(|step| runner.get_migrations().iter().find(|m| i64::from(m.version()) == step.version));
            let line = match (said.position(), text.and_then(|m| m.sql())) {
                (Some(ErrorPosition::Original(position)), Some(sql)) => {
                    let before = sql.chars().take(usize::try_from(*position).unwrap_or(0));
                    format!("line {}: ", before.filter(|c| *c == '\n').count() + 1)
                }
                _ => String::new(),
            };
            error.with_hint(format!("{line}{}", said.message()))
        }
        _ => error,
    }
}

/// Applied migrations: version, name, checksum, in order.
async fn history(client: &Client) -> Result<Vec<(i64, String, String)>> {
    let doing = "reading the history of migrations";
    let exists = client.query_one("SELECT pg_catalog.to_regclass($1) IS NOT NULL", &[&HISTORY]).await;
    if !exists.map_err(|error| failure(doing, error))?.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT version::pg_catalog.int8, coalesce(name, '')::pg_catalog.text, coalesce(checksum, '')::pg_catalog.text FROM {HISTORY} ORDER BY version"
    );
    let rows = client.query(&query, &[]).await.map_err(|error| failure(doing, error))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// Compares what is applied with what is embedded and gives what is left to do.
fn waiting(runner: &refinery::Runner, history: Vec<(i64, String, String)>) -> Result<Vec<Applied>> {
    let mut known: Vec<_> = runner.get_migrations().iter().collect();
    known.sort_by_key(|migration| migration.version());
    let newest_known = known.last().map_or(0, |migration| i64::from(migration.version()));
    let newest_applied = history.last().map_or(0, |(version, _, _)| *version);
    if newest_applied > newest_known {
        return Err(Error::usage(format!(
            "the database is at migration {newest_applied}, newer than this program, which knows {newest_known}"
        ))
        .with_hint("use the genogate version that migrated it, or a newer one"));
    }
    for (version, name, checksum) in &history {
        let Some(embedded) = known.iter().find(|migration| i64::from(migration.version()) == *version) else {
            return Err(Error::integrity(format!(
                "the database has a migration V{version}__{name} that this program does not know"
            )));
        };
        if embedded.name() != name || embedded.checksum().to_string() != *checksum {
            return Err(Error::integrity(format!(
                "the migration V{version}__{} was edited after this database got it",
                embedded.name()
            ))
            .with_hint("an applied migration is never changed: put its old text back, and the change into a new migration"));
        }
    }
    let mut left = Vec::new();
    for migration in known {
        let version = i64::from(migration.version());
        if history.iter().any(|(applied, _, _)| *applied == version) {
            continue;
        }
        if version < newest_applied {
            return Err(Error::integrity(format!(
                "the migration V{version}__{} was never applied although the later V{newest_applied} was",
                migration.name()
            )));
        }
        left.push(Applied { version, name: migration.name().to_owned() });
    }
    Ok(left)
}
