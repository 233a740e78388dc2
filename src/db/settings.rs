//! What a session of ours runs under, whatever its role, its database or the server are set to: sent as startup options, which
//! outrank those settings, and read back. PostgreSQL cannot forbid a role its own settings. It must not know what the session is for.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::failure::failure;
use super::roles::{APPLICATION, OWNER};
use crate::error::{Error, Result};

/// A setting: its name, its value as the server shows it, and the first major version that takes it as a startup option.
struct Setting(&'static str, &'static str, u32);

/// Settings that not every version knows; set when the session has begun, and only where they differ.
const LATER: u32 = u32::MAX;

/// Set by nobody but superusers, so only looked at.
const FIXED: u32 = 0;

#[rustfmt::skip]
const SETTINGS: &[Setting] = &[
    // Names resolve to our barrier views and to nothing anybody else can create.
    Setting("search_path", "genogate, pg_temp", 13),
    Setting("role", "none", 13),
    Setting("row_security", "on", 13),
    Setting("session_replication_role", "origin", FIXED),
    // What ends sessions and statements. Limits are ours: a statement's own would end the building of an index.
    Setting("statement_timeout", "0", 13),
    Setting("lock_timeout", "0", 13),
    Setting("idle_in_transaction_session_timeout", "0", 13),
    Setting("idle_session_timeout", "0", 14),
    Setting("transaction_timeout", "0", 17),
    Setting("exit_on_error", "off", 13),
    Setting("local_preload_libraries", "", 13),
    Setting("restrict_nonsystem_relation_kind", "", LATER),
    // What a COMMIT means.
    Setting("synchronous_commit", "on", 13),
    Setting("default_transaction_isolation", "read committed", 13),
    Setting("default_transaction_read_only", "off", 13),
    Setting("default_transaction_deferrable", "off", 13),
    // Where and how things are made.
    Setting("default_tablespace", "", 13),
    Setting("default_table_access_method", "heap", 13),
    Setting("plpgsql.extra_errors", "none", 13),
    // What values look like, and how literals are read.
    Setting("TimeZone", "UTC", 13),
    Setting("DateStyle", "ISO, YMD", 13),
    Setting("IntervalStyle", "postgres", 13),
    Setting("extra_float_digits", "1", 13),
    Setting("bytea_output", "hex", 13),
    Setting("client_encoding", "UTF8", 13),
    Setting("standard_conforming_strings", "on", 13),
    Setting("array_nulls", "on", 13),
    Setting("transform_null_equals", "off", 13),
    Setting("quote_all_identifiers", "off", 13),
    // What reaches us, and what reaches the server's log: no parameter, no literal of a plan.
    Setting("client_min_messages", "warning", 13),
    Setting("log_parameter_max_length_on_error", "0", 13),
    Setting("debug_print_parse", "off", 13),
    Setting("debug_print_rewritten", "off", 13),
    Setting("debug_print_plan", "off", 13),
    // A server that lost its client without a word (the machine died, the network was cut) notices within 25 seconds while it
    // waits for it, within ten more inside a statement: its locks go before who resumes gives up waiting for them.
    Setting("tcp_keepalives_idle", "10", 13),
    Setting("tcp_keepalives_interval", "5", 13),
    Setting("tcp_keepalives_count", "3", 13),
    Setting("tcp_user_timeout", "0", 13),
    Setting("client_connection_check_interval", "10s", 14),
];

/// The oldest server that works: with these settings, `peer` maps, and partitions that are attached without waiting.
pub const OLDEST: u32 = 13;

/// The version whose options are sent while the server's is unknown.
pub(super) const USUAL: u32 = 14;

/// Startup options for a server of this major version (`-c name=value …`, blanks escaped).
pub(super) fn options(version: u32) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace(' ', "\\ ");
    let sent = SETTINGS.iter().filter(|setting| (FIXED + 1..=version).contains(&setting.2));
    sent.map(|Setting(name, value, _)| format!("-c {name}={}", escaped(value))).collect::<Vec<_>>().join(" ")
}

/// Reads the settings back; where one is not as it should be, a pooler dropped it, or its version takes it later: it is set, and
/// read again. Gives the server's process. Class `database` when the session keeps another value, `denied` when checks are switched off.
pub(super) async fn hold(client: &Client) -> Result<i32> {
    let (backend, wrong) = differing(client).await?;
    if let Some(Setting(name, ..)) = wrong.iter().find(|setting| setting.2 == FIXED) {
        return Err(Error::denied(format!("the session's {name} switches the database's own checks off"))
            .with_hint("reset it for the role and the database: genogate init-db tells where it is set"));
    }
    if wrong.is_empty() {
        return Ok(backend);
    }
    let set = |Setting(name, value, _): &&Setting| format!("pg_catalog.set_config('{name}', '{value}', false)");
    let statement = format!("SELECT {}", wrong.iter().map(set).collect::<Vec<_>>().join(", "));
    client.batch_execute(&statement).await.map_err(|error| failure("beginning a session", error))?;
    match differing(client).await?.1.first() {
        None => Ok(backend),
        Some(Setting(name, ..)) => Err(Error::database(format!("the session does not keep its {name}")).with_hint(
            "a pooler that lends one session to several clients stands between: connect to the server itself, or pool whole sessions",
        )),
    }
}

/// The server's process, and the settings whose value is another one. Unknown to the server is as good as right. A Unix socket
/// shows no keepalives.
async fn differing(client: &Client) -> Result<(i32, Vec<&'static Setting>)> {
    let asked = |Setting(name, ..): &Setting| format!("pg_catalog.current_setting('{name}', true)");
    let query = format!("SELECT {}, pg_catalog.pg_backend_pid()", SETTINGS.iter().map(asked).collect::<Vec<_>>().join(", "));
    let answer = client.simple_query(&query).await.map_err(|error| failure("beginning a session", error))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| Error::internal("the server does not tell its settings"))?;
    let wrong = |(column, setting): &(usize, &Setting)| {
        !setting.0.starts_with("tcp_") && row.get(*column).is_some_and(|shown| shown != setting.1)
    };
    let backend = row.get(SETTINGS.len()).and_then(|backend| backend.parse().ok());
    let backend = backend.ok_or_else(|| Error::internal("the server does not tell its process"))?;
    Ok((backend, SETTINGS.iter().enumerate().filter(wrong).map(|(_, setting)| setting).collect()))
}

/// A setting that somebody stored for one of our roles, or for the database.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Foreign {
    /// The role it is for; none: every role in the database.
    pub role: Option<String>,
    /// The database it is for; none: every one.
    pub database: Option<String>,
    /// Its name; never its value.
    pub setting: String,
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.role, &self.database) {
            (Some(role), None) => write!(f, "{} of {role}", self.setting),
            (Some(role), Some(database)) => write!(f, "{} of {role} in {database}", self.setting),
            (None, database) => write!(f, "{} of the database {}", self.setting, database.as_deref().unwrap_or("server")),
        }
    }
}

/// Settings stored for our roles or for this database (`pg_db_role_setting`), which anybody may read. genogate stores none.
pub async fn foreign(client: &Client) -> Result<Vec<Foreign>> {
    let rows = client
        .query(
            "SELECT r.rolname::text, d.datname::text, split_part(c, '=', 1)
             FROM pg_catalog.pg_db_role_setting s
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
             LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
             CROSS JOIN pg_catalog.unnest(s.setconfig) c
             WHERE r.rolname = ANY ($1) OR (s.setrole = 0 AND d.datname = pg_catalog.current_database())
             ORDER BY 1, 2, 3",
            &[&OURS.as_slice()],
        )
        .await;
    let rows = rows.map_err(|error| failure("reading the settings of roles", error))?;
    let text = |row: &tokio_postgres::Row, at| row.try_get(at).map_err(|error| failure("reading the settings of roles", error));
    rows.iter()
        .map(|row| Ok(Foreign { role: text(row, 0)?, database: text(row, 1)?, setting: row.try_get(2).unwrap_or_default() }))
        .collect()
}

/// Roles that have no settings of their own.
const OURS: [&str; 2] = [OWNER, APPLICATION];

/// Removes what [`foreign`] finds for our roles; what the database's owner set for everybody stays. Class `denied` without the
/// right to change the roles.
pub async fn reset(administrator: &Client) -> Result<Vec<Foreign>> {
    let found: Vec<Foreign> = foreign(administrator).await?.into_iter().filter(|found| found.role.is_some()).collect();
    let mut places: Vec<(&Option<String>, &Option<String>)> = found.iter().map(|one| (&one.role, &one.database)).collect();
    places.dedup();
    for (role, database) in places {
        let within = database.as_ref().map_or_else(String::new, |name| format!(" IN DATABASE \"{}\"", name.replace('"', "\"\"")));
        let statement = format!("ALTER ROLE {}{within} RESET ALL", role.as_deref().unwrap_or_default());
        let done = administrator.batch_execute(&statement).await;
        done.map_err(|error| failure("resetting the settings of roles", error))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use tokio_postgres::{Config, NoTls};

    use super::*;
    use crate::db::connect::Place;
    use crate::db::local::testing;

    /// A session whose startup options are given, of a role with hostile settings.
    async fn session(database: &str, sent: &str) -> (Client, tokio::task::JoinHandle<()>) {
        let cluster = tokio::task::spawn_blocking(testing::cluster).await.unwrap();
        let Place::Socket { folder, port, user, .. } = cluster.socket(database).unwrap() else { unreachable!() };
        let mut config = Config::new();
        config.host_path(folder).port(port).dbname(database).user(user).options(sent);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        (client, tokio::spawn(async { connection.await.unwrap_or_default() }))
    }

    #[tokio::test]
    async fn startup_options_outrank_what_is_stored_and_what_is_dropped_is_set() {
        let databases = testing::database().await;
        let administrator = databases.administrator("local").await.unwrap();
        let name: String = administrator.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
        for hostile in [
            "search_path = pg_temp",
            "synchronous_commit = off",
            "lock_timeout = '1h'",
            "bytea_output = escape",
            "default_transaction_isolation = 'serializable'",
        ] {
            administrator.batch_execute(&format!("ALTER DATABASE {name} SET {hostile}")).await.unwrap();
        }
        let (held, _driver) = session(&name, &options(USUAL)).await;
        let names = |wrong: Vec<&Setting>| wrong.iter().map(|setting| setting.0).collect::<Vec<_>>();
        assert_eq!(names(differing(&held).await.unwrap().1), [""; 0], "in force from the first statement");
        // As behind a pooler that drops the options.
        let (dropped, _driver) = session(&name, "").await;
        let wrong = names(differing(&dropped).await.unwrap().1);
        assert!(
            ["search_path", "synchronous_commit", "lock_timeout", "bytea_output"].iter().all(|name| wrong.contains(name)),
            "{wrong:?}"
        );
        hold(&dropped).await.unwrap();
        assert_eq!(names(differing(&dropped).await.unwrap().1), [""; 0]);
        assert_eq!(foreign(&held).await.unwrap().len(), 5);
        assert_eq!(reset(&administrator).await.unwrap(), [], "what the database's owner set stays");
    }

    #[test]
    fn options_are_those_of_the_version_with_blanks_escaped() {
        let (old, new) = (options(OLDEST), options(17));
        assert!(old.contains("-c search_path=genogate,\\ pg_temp ") && old.contains("-c statement_timeout=0"));
        assert!(!old.contains("idle_session_timeout") && !options(16).contains("-c transaction_timeout"));
        assert!(new.contains("-c transaction_timeout=0") && new.contains("-c idle_session_timeout=0"));
        assert!(!new.contains("session_replication_role") && !new.contains("restrict_nonsystem"));
    }
}
