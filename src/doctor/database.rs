//! The server programs and the managed database, or a server of one's own. It must not start or migrate any.

use super::check::Check;
use crate::db::settings::{self, Foreign};
use crate::db::{Connection, Databases, LOCAL, failure, local, migrate};
use crate::error::{Error, Result};

const START: &str = "genogate db start";

/// The checks in the order in which one makes the next possible.
pub(super) async fn examine(databases: &Databases, name: &str) -> Vec<Check> {
    if !databases.is_managed(name) {
        return vec![
            reached("tls", databases, name).await,
            current("migrations", databases, name).await,
            unset("role settings", databases, name).await,
        ];
    }
    let programs = local::server_version();
    let mut checks = vec![match &programs {
        Ok(version) => Check::good("server programs", version.clone()),
        Err(error) => Check::failed("server programs", error),
    }];
    let running = match databases.cluster().and_then(|cluster| cluster.status()) {
        Err(error) => {
            checks.push(Check::failed("managed database", &error));
            false
        }
        Ok(status) => {
            checks.push(managed(&status, programs.as_deref().ok()));
            status.running
        }
    };
    if running {
        checks.push(reached("tls", databases, LOCAL).await);
        checks.push(current("migrations", databases, LOCAL).await);
        checks.push(unset("role settings", databases, LOCAL).await);
    } else {
        checks.extend(
            ["tls", "migrations", "role settings"]
                .map(|name| Check::bad(name, "not asked: the managed database is not running", START)),
        );
    }
    checks
}

fn managed(status: &local::Status, programs: Option<&str>) -> Check {
    let name = "managed database";
    let shown = status.data.display();
    let Some(version) = &status.version else {
        return Check::bad(name, "not made yet", START);
    };
    if status.running {
        let port = status.port.map(|port| format!(" on port {port}")).unwrap_or_default();
        return Check::good(name, format!("PostgreSQL {version} runs{port}, data in {shown}"));
    }
    let major =
        |text: &str| text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect::<String>();
    if let Some(programs) = programs.filter(|programs| major(programs) != *version) {
        return Check::bad(
            name,
            format!("the data files are of PostgreSQL {version}, the programs are {programs}"),
            format!("set GENOGATE_PG_BIN to the programs of PostgreSQL {version}, or move the data with pg_upgrade"),
        );
    }
    Check::bad(name, format!("PostgreSQL {version}, not running, data in {shown}"), START)
}

/// Does the application reach the database over TLS 1.2 or newer? The connection itself refuses an unverified server.
async fn reached(name: &'static str, databases: &Databases, database: &str) -> Check {
    async fn protocol(connection: &Connection) -> Result<Option<String>> {
        let query = "SELECT version || ' with PostgreSQL ' || pg_catalog.current_setting('server_version')
                     FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid() AND ssl";
        let row = connection.query_opt(query, &[]).await.map_err(|error| failure("asking for the connection's TLS", error))?;
        row.map(|row| row.try_get(0)).transpose().map_err(|_| Error::internal("the TLS version is not text"))
    }
    let outcome = match databases.connect(database).await {
        Ok(connection) => protocol(&connection).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Some(version)) => Check::good(name, format!("the application speaks {version}, certificate verified")),
        Ok(None) => Check::bad(name, "the connection is not encrypted", "report this: it should have been refused"),
        Err(error) => Check::failed(name, &error),
    }
}

async fn current(name: &'static str, databases: &Databases, database: &str) -> Check {
    if !databases.has_administrator(database) {
        return there(name, databases, database).await;
    }
    let outcome = match databases.administrator(database).await {
        Ok(mut connection) => migrate::pending(&mut connection).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(waiting) if waiting.is_empty() => Check::good(name, "current"),
        Ok(waiting) => Check::bad(name, format!("{} not applied", waiting.len()), "genogate init-db"),
        Err(error) => Check::failed(name, &error),
    }
}

/// The application does not see the history of migrations, only whether there was one.
async fn there(name: &'static str, databases: &Databases, database: &str) -> Check {
    let outcome = match databases.connect(database).await {
        Ok(connection) => {
            let asked = connection.query_one("SELECT pg_catalog.to_regclass('genogate.variants') IS NOT NULL", &[]).await;
            asked.map(|row| row.get::<_, bool>(0)).map_err(|error| failure("looking for the views", error))
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(true) => {
            Check::good(name, "the views are there; which version, `genogate init-db --dry-run` tells as the administrator")
        }
        Ok(false) => Check::bad(name, "none applied", "genogate init-db, as the administrator"),
        Err(error) => Check::failed(name, &error),
    }
}

/// Has somebody stored settings for our roles or the database? The program outranks those it relies on; psql and others do not.
async fn unset(name: &'static str, databases: &Databases, database: &str) -> Check {
    let outcome = match databases.connect(database).await {
        Ok(connection) => settings::foreign(&connection).await,
        Err(error) => Err(error),
    };
    let listed = |found: &[Foreign]| found.iter().map(Foreign::to_string).collect::<Vec<_>>().join(", ");
    match outcome {
        Ok(found) if found.iter().any(|found| found.role.is_some()) => {
            Check::bad(name, format!("stored by somebody: {}", listed(&found)), "genogate init-db resets those of our roles")
        }
        Ok(found) if found.is_empty() => Check::good(name, "none are stored"),
        Ok(found) => Check::good(name, format!("the database's owner stored: {}", listed(&found))),
        Err(error) => Check::failed(name, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(running: bool, version: Option<&str>) -> local::Status {
        let version = version.map(str::to_owned);
        local::Status { running, pid: None, port: Some(5433), data: "/data".into(), version }
    }

    #[test]
    fn data_files_of_another_major_version_are_told() {
        let programs = Some("PostgreSQL 15.14");
        assert!(managed(&status(false, Some("13")), programs).hint.unwrap().contains("GENOGATE_PG_BIN"));
        assert_eq!(managed(&status(false, Some("15")), programs).hint.as_deref(), Some(START));
        assert!(managed(&status(true, Some("15")), programs).ok);
        assert_eq!(managed(&status(false, None), None).hint.as_deref(), Some(START));
    }
}
