//! The roles of a warehouse, and what a role that logs in as the application must not be. It must not know how a session begins.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::failure::failure;
use crate::error::{Error, Result};

/// Owns every schema, table and function; nobody logs in as it.
pub const OWNER: &str = "genogate_owner";
/// The application logs in as it.
pub const APPLICATION: &str = "genogate_app";
/// The managed cluster's superuser: reached over the private socket only, has no password.
pub const ADMINISTRATOR: &str = "genogate_admin";

/// The first power that the session's role has or may take by SET ROLE, and through which role. Predefined roles (`pg_…`) count
/// but for those that read and change nothing of anybody's.
const POWER: &str = "\
    SELECT r.rolname, CASE
      WHEN r.rolsuper THEN 'is a superuser' WHEN r.rolbypassrls THEN 'bypasses row security' WHEN r.rolcreaterole THEN 'makes roles'
      WHEN r.rolreplication THEN 'copies the whole server' WHEN r.rolname LIKE 'pg\\_%' THEN 'is given power over the server'
      ELSE 'owns the tables or the database' END
    FROM pg_catalog.pg_roles r
    WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
      AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
           OR (r.rolname LIKE 'pg\\_%' AND r.rolname NOT IN ('pg_checkpoint', 'pg_use_reserved_connections'))
           OR r.rolname = 'genogate_owner'
           OR EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND d.datdba = r.oid)
           OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner = r.oid AND n.nspname IN
                      ('genogate', 'genogate_store', 'genogate_meta', 'phi_vault', 'audit', 'access', 'lifecycle')))
    ORDER BY r.rolname <> session_user, NOT r.rolsuper, r.rolname LIMIT 1";

/// What makes the session's role too powerful for the application, in words; none: nothing does.
pub async fn power(client: &Client) -> Result<Option<String>> {
    let answer = client.simple_query(POWER).await.map_err(|error| failure("asking what the role may do", error))?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(format!("{} {}", row.get(0)?, row.get(1)?)),
        _ => None,
    }))
}

/// Refuses a session whose role may do what the database is to keep from the application. Class `denied`.
pub(super) async fn require_powerless(client: &Client, user: &str) -> Result<()> {
    match power(client).await? {
        None => Ok(()),
        Some(power) => Err(Error::denied(format!("{user} is no role for the application: {power}")).with_hint(format!(
            "connect as {APPLICATION}, which `genogate init-db` makes and an administrator gives a password; take from it what makes \
             it powerful. Administrators stand under `administrator:`"
        ))),
    }
}
