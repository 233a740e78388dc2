//! Migrations: `migrations/V<number>__<name>.sql`, embedded in the binary, applied in order, each in a transaction of its
//! own, under an advisory lock. It must not know what a migration does.
//!
//! The crate `refinery` applies each file and its history row in one transaction and compares checksums of what is
//! applied with what is embedded. It takes no lock and trusts its history table's text, so both are done here first.

use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

use super::failure::{failure, failure_of};
use crate::error::{Error, Result};

// Makes the module `migrations` with the function `runner`.
refinery::embed_migrations!("migrations");

/// Where the history of a database lies.
const HISTORY: &str = "genogate_meta.migrations";

/// One key for all genogate programs: the bytes of `genogate`.
const LOCK: i64 = i64::from_be_bytes(*b"genogate");

/// How long another program that migrates is waited for. Any session can take the lock.
const PATIENCE: &str = "5min";

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
/// Class `usage` when the database was made by an earlier build, or is newer than this program; class `integrity` when a migration is
/// missing between applied ones; else the class of the database's refusal. What was applied before a failing
/// migration stays applied.
pub async fn migrate(client: &mut Client) -> Result<Vec<Applied>> {
    let begin = format!(
        "SET search_path = pg_catalog, pg_temp; SET lock_timeout = '{PATIENCE}'; SELECT pg_catalog.pg_advisory_lock({LOCK}); RESET lock_timeout"
    );
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
    let error = failure_of(&doing, cause);
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
    // Before it is called newer: an earlier build may have had more files.
    let other = |(version, name, checksum): &&(i64, String, String)| {
        let embedded = known.iter().find(|migration| i64::from(migration.version()) == *version);
        embedded.is_some_and(|embedded| embedded.name() != name || embedded.checksum().to_string() != *checksum)
    };
    if let Some((version, name, _)) = history.iter().find(other) {
        return Err(Error::usage(format!(
            "this database was made by an earlier build of genogate: its migration V{version}__{name} is not the one this program has"
        ))
        .with_hint(
            "the managed database is made anew, without what is in it, by `genogate db reset`; of any other, drop the database, make an \
             empty one, and run `genogate init-db`",
        ));
    }
    if newest_applied > newest_known {
        return Err(Error::usage(format!(
            "the database is at migration {newest_applied}, newer than this program, which knows {newest_known}"
        ))
        .with_hint("use the genogate version that migrated it, or a newer one"));
    }
    for (version, name, _) in &history {
        if !known.iter().any(|migration| i64::from(migration.version()) == *version) {
            return Err(Error::integrity(format!(
                "the database has a migration V{version}__{name} that this program does not know"
            )));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::local::testing;
    use crate::error::Class;

    #[tokio::test]
    async fn every_migration_is_applied_once_and_names_its_file() {
        let databases = testing::database().await;
        let mut session = databases.administrator("local").await.unwrap();
        assert_eq!(migrate(&mut session).await.unwrap(), [], "the test database comes migrated");
        let history = history(&session).await.unwrap();
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
        assert_eq!(history.len(), files);
        for (version, name, _) in history {
            assert!(std::path::Path::new(&format!("{}/migrations/V{version}__{name}.sql", env!("CARGO_MANIFEST_DIR"))).is_file());
            assert!(sql(version).is_some());
        }
        assert_eq!(session.query_one("SHOW search_path", &[]).await.unwrap().get::<_, &str>(0), "genogate, pg_temp");
    }

    #[tokio::test]
    async fn a_migration_ends_no_transaction_of_its_own() {
        for migration in migrations::runner().get_migrations() {
            let text = migration.sql().unwrap().to_uppercase();
            for word in ["COMMIT;", "ROLLBACK;", "BEGIN;", "CONCURRENTLY"] {
                assert!(!text.contains(word), "{migration} would leave its transaction by {word}");
            }
        }
    }

    #[tokio::test]
    async fn an_empty_database_is_migrated_by_one_of_two_at_once() {
        let databases = testing::database().await;
        let server = databases.administrator("local").await.unwrap();
        let name = format!("{}_empty", server.query_one("SELECT current_database()", &[]).await.unwrap().get::<_, String>(0));
        server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let databases = databases.with_local_name(&name);
        let mut one = databases.administrator("local").await.unwrap();
        let mut two = databases.administrator("local").await.unwrap();
        let all = pending(&mut one).await.unwrap();
        assert_eq!(all[0], Applied { version: 1, name: "roles".to_owned() });
        let schemas = "SELECT FROM pg_namespace WHERE nspname LIKE 'genogate%'";
        assert!(one.query_opt(schemas, &[]).await.unwrap().is_none(), "asking changes nothing");
        let (a, b) = tokio::join!(migrate(&mut one), migrate(&mut two));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!((a == all && b.is_empty()) || (b == all && a.is_empty()));
    }

    #[tokio::test]
    async fn an_administrator_who_is_no_superuser_can_migrate() {
        let databases = testing::database().await;
        let server = databases.administrator("local").await.unwrap();
        let name = format!("{}_dba", server.query_one("SELECT current_database()", &[]).await.unwrap().get::<_, String>(0));
        server.batch_execute(&format!("CREATE ROLE {name} NOSUPERUSER CREATEROLE")).await.unwrap();
        server.batch_execute(&format!("CREATE DATABASE {name} OWNER {name}")).await.unwrap();
        let mut session = databases.with_local_name(&name).administrator("local").await.unwrap();
        session.batch_execute(&format!("SET SESSION AUTHORIZATION {name}")).await.unwrap();
        let all = pending(&mut session).await.unwrap();
        assert_eq!(migrate(&mut session).await.unwrap(), all);
    }

    #[tokio::test]
    async fn a_history_that_does_not_fit_is_refused() {
        for (change, class, words) in [
            ("UPDATE genogate_meta.migrations SET checksum = '1' WHERE version = 1", Class::Usage, "earlier build"),
            ("UPDATE genogate_meta.migrations SET name = 'rules' WHERE version = 1", Class::Usage, "V1__rules is not the one"),
            ("INSERT INTO genogate_meta.migrations VALUES (9999, 'later', 'x', 'x')", Class::Usage, "newer than this program"),
            ("INSERT INTO genogate_meta.migrations VALUES (0, 'early', 'x', 'x')", Class::Integrity, "does not know"),
            ("UPDATE genogate_meta.migrations SET applied_on = NULL, checksum = NULL", Class::Usage, "earlier build"),
            // An earlier build that had more files.
            (
                "UPDATE genogate_meta.migrations SET name = 'store' WHERE version = 2; INSERT INTO genogate_meta.migrations VALUES (15, 'sample_tags', 'x', 'x')",
                Class::Usage,
                "earlier build",
            ),
        ] {
            let databases = testing::database().await;
            let mut session = databases.administrator("local").await.unwrap();
            session.batch_execute(change).await.unwrap();
            for error in [pending(&mut session).await.unwrap_err(), migrate(&mut session).await.unwrap_err()] {
                assert_eq!(error.class(), class, "{change}: {error}");
                assert!(error.to_string().contains(words), "{change}: {error}");
                let told =
                    error.hint().is_some_and(|hint| hint.contains("genogate db reset") && hint.contains("genogate init-db"));
                assert_eq!(told, error.to_string().contains("earlier build"), "{change}: {:?}", error.hint());
            }
        }
    }

    #[test]
    fn a_gap_is_refused() {
        let file = |name: &str| refinery::Migration::unapplied(name, "SELECT 1").unwrap();
        let runner = refinery::Runner::new(&[file("V1__a"), file("V2__b"), file("V3__c")]);
        let row = |at: usize| {
            let migration = &runner.get_migrations()[at];
            (i64::from(migration.version()), migration.name().to_owned(), migration.checksum().to_string())
        };
        assert_eq!(waiting(&runner, vec![row(0)]).unwrap().len(), 2);
        let error = waiting(&runner, vec![row(0), row(2)]).unwrap_err();
        assert_eq!(error.class(), Class::Integrity);
        assert!(error.to_string().contains("V2__b was never applied"));
    }

    #[tokio::test]
    async fn a_failing_migration_leaves_nothing_and_says_where() {
        let databases = testing::database().await;
        let mut session = databases.administrator("local").await.unwrap();
        session.batch_execute("CREATE SCHEMA bad").await.unwrap();
        let broken = "CREATE TABLE bad.first (i int);\nSELECT no_such_thing();\n";
        let mut runner = refinery::Runner::new(&[refinery::Migration::unapplied("V1__broken", broken).unwrap()]);
        runner.set_migration_table_name("bad.history");
        let cause = runner.run_async(&mut *session).await.unwrap_err();
        let error = refused(&runner, &[Applied { version: 1, name: "broken".to_owned() }], &cause);
        assert!(error.to_string().contains("V1__broken") && error.sqlstate() == Some("42883"), "{error}");
        assert!(error.hint().unwrap().starts_with("line 2: function no_such_thing()"), "{:?}", error.hint());
        let left = session.query_one("SELECT to_regclass('bad.first') IS NULL, count(*) FROM bad.history", &[]).await.unwrap();
        assert!(left.get::<_, bool>(0) && left.get::<_, i64>(1) == 0);
    }
}
