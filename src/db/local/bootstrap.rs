//! The statements that turn a fresh server into genogate's: the application's role and password, the database, the
//! migrations. Each may be repeated. It must not know what migrations hold.

use super::cluster::{Cluster, DATABASE};
use crate::db::failure::failure;
use crate::db::harden::harden;
use crate::db::migrate::{Applied, migrate};
use crate::db::roles::APPLICATION;
use crate::db::settings;
use crate::error::Result;
use crate::secrets::SecretRef;

impl Cluster {
    /// Makes role and database where they are missing and applies pending migrations, which it returns.
    pub(super) async fn bootstrap(&self) -> Result<Vec<Applied>> {
        let doing = |error| failure("setting up the managed database", error);
        let server = self.administrator("postgres").await?;
        let password = SecretRef::File(self.password_file()).read(self.home())?;
        // The password is base64 of our own making; the statement travels over the private socket and is logged nowhere.
        let roles = format!(
            "DO $$ BEGIN
               IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{APPLICATION}') THEN
                 CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
               END IF;
             END $$;
             ALTER ROLE {APPLICATION} PASSWORD '{}';
             REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC",
            password.expose().replace('\'', "''")
        );
        server.batch_execute(&roles).await.map_err(doing)?;
        let exists =
            server.query_opt("SELECT FROM pg_catalog.pg_database WHERE datname = $1", &[&DATABASE]).await.map_err(doing)?;
        if exists.is_none() {
            server.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await.map_err(doing)?;
        }
        let lock =
            format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC; GRANT CONNECT ON DATABASE {DATABASE} TO {APPLICATION}");
        server.batch_execute(&lock).await.map_err(doing)?;
        server.close().await;

        let mut database = self.administrator(DATABASE).await?;
        let applied = migrate(&mut database).await?;
        settings::reset(&database).await?;
        harden(&database).await?;
        database.close().await;
        Ok(applied)
    }
}
