//! PostgreSQL: verified TLS connections, migrations, the managed private cluster. It must not know pipelines.

mod backoff;
mod connect;
mod failure;
mod harden;
mod libpq;
pub mod local;
pub mod migrate;
mod roles;
pub mod settings;
mod tls;
mod watch;
mod wrong;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use backoff::Backoff;
pub use connect::Connection;
pub use failure::{Refusal, failure, failure_of, is_strange_authority};
pub use harden::harden;
pub use roles::{ADMINISTRATOR, APPLICATION, OWNER, power};
pub use watch::{Ended, Witness};
pub use wrong::Wrong;

use crate::error::{Error, Result};
use crate::secrets::{SecretRef, home};
use connect::{Place, Target, Way, Who};
use local::Cluster;

/// The managed database's name in a pipeline file.
pub const LOCAL: &str = "local";

/// The name of the database that libpq's environment variables describe.
pub const ENV: &str = "env";

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
    /// The role that migrates the database, when `user` may not: it must be able to make schemas and, the first time, roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Login>,
}

/// A role and where its password lies.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Role to log in as.
    pub user: String,
    /// Where the role's password lies.
    pub password: SecretRef,
}

/// Trust anchors of a TLS connection. There is no way to switch verification off.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate authority.
    #[schemars(extend("x-path" = true))]
    pub ca: PathBuf,
}

/// Named databases of a pipeline; `local`, the managed one; `env`, the one libpq's variables describe.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    specs: BTreeMap<String, DatabaseSpec>,
    base: PathBuf,
    home: Option<PathBuf>,
    local_name: Option<String>,
    witness: Witness,
    administrates: bool,
}

impl Databases {
    /// Databases as a pipeline file names them; relative paths resolve against `base`.
    pub fn new(specs: BTreeMap<String, DatabaseSpec>, base: &Path) -> Self {
        Self { specs, base: base.to_owned(), ..Self::default() }
    }

    /// Looks for the managed cluster in this data home instead of the process's.
    pub fn with_home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// Lets `local` mean another database of the managed cluster than `genogate`.
    pub fn with_local_name(mut self, name: &str) -> Self {
        self.local_name = Some(name.to_owned());
        self
    }

    /// Lets [`Self::connect`] open the administrator's sessions: who migrates a database writes its trail with the same rights.
    pub fn as_administrator(mut self) -> Self {
        self.administrates = true;
        self
    }

    /// Tells `witness` about sessions that held locks for too long and were ended.
    pub fn with_witness(mut self, witness: &Witness) -> Self {
        self.witness = witness.clone();
        self
    }

    /// Who is told about sessions that held locks for too long and were ended.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Is `name` known? (`local` and `env` always are.)
    pub fn contains(&self, name: &str) -> bool {
        [LOCAL, ENV].contains(&name) || self.specs.contains_key(name)
    }

    /// Is it the managed cluster's?
    pub fn is_managed(&self, name: &str) -> bool {
        name == LOCAL && !self.specs.contains_key(LOCAL)
    }

    /// Does the managed cluster run?
    pub fn is_running(&self) -> bool {
        self.is_managed(LOCAL) && self.cluster().and_then(|cluster| cluster.status()).is_ok_and(|status| status.running)
    }

    /// Is there a login beside the application's?
    pub fn has_administrator(&self, name: &str) -> bool {
        self.is_managed(name) || self.specs.get(name).is_some_and(|spec| spec.administrator.is_some())
    }

    /// The database meant when nothing names one: `env` when `PGHOST` or `PGSERVICE` is set, else `local`.
    pub fn default_name() -> &'static str {
        if libpq::is_configured(&|name| std::env::var_os(name)) { ENV } else { LOCAL }
    }

    /// The managed cluster that `local` means.
    pub fn cluster(&self) -> Result<Cluster> {
        Ok(Cluster::open(&self.home.clone().map_or_else(home, Ok)?))
    }

    /// Connects to the database called `name` as the application's role.
    ///
    /// Class `usage` for an unknown name or an unreadable setting, `denied` for a refused password and for a role with power over the
    /// database (a superuser, the tables' owner, …), `database` when the
    /// server cannot be reached or does not prove who it is.
    pub async fn connect(&self, name: &str) -> Result<Connection> {
        self.usual_way(name)?.connect().await.map_err(|error| error.at(format_args!("database {name}")))
    }

    /// [`Self::connect`], several times: all or none, and for a server that is full as long as `patience`.
    pub async fn connect_together<const N: usize>(&self, name: &str, patience: Duration) -> Result<[Connection; N]> {
        let way = self.usual_way(name)?;
        way.connect_together(patience).await.map_err(|error| error.at(format_args!("database {name}")))
    }

    /// Connects to the database called `name` as its administrator: for `local` the cluster's superuser over the private
    /// socket, else the spec's `administrator`, else its `user`.
    pub async fn administrator(&self, name: &str) -> Result<Connection> {
        let connected = self.way(name, Who::Administrator)?.connect().await;
        let connected = if name == LOCAL { connected.map_err(local::only_its_owner) } else { connected };
        connected.map_err(|error| error.at(format_args!("database {name}")))
    }

    fn local_name(&self) -> &str {
        self.local_name.as_deref().unwrap_or(local::DATABASE)
    }

    fn usual_way(&self, name: &str) -> Result<Arc<Way>> {
        self.way(name, if self.administrates { Who::Administrator } else { Who::Application })
    }

    fn way(&self, name: &str, who: Who) -> Result<Arc<Way>> {
        // What follows tells the name; a URL may hold a password.
        if name.contains(|c: char| c.is_whitespace() || "/@:=?".contains(c)) {
            return Err(Error::usage("the database is given by something that is not a name").with_hint(
                "`local`, `env` (what PGHOST, PGUSER and the others say), or a name under `databases:` of the pipeline file",
            ));
        }
        let place = match (name, who) {
            (LOCAL, Who::Administrator) if !self.specs.contains_key(LOCAL) => self.cluster()?.socket(self.local_name())?,
            _ => Place::Tls(self.target(name, who == Who::Administrator)?),
        };
        Ok(Way::new(place, who, self.witness.clone()))
    }

    fn target(&self, name: &str, administrator: bool) -> Result<Target> {
        let place = |error: Error| error.at(format_args!("database {name}"));
        if let Some(spec) = self.specs.get(name) {
            let (user, password) = match &spec.administrator {
                Some(login) if administrator => (&login.user, &login.password),
                _ => (&spec.user, &spec.password),
            };
            return Ok(Target {
                host: spec.host.clone(),
                address: None,
                port: spec.port.unwrap_or(5432),
                name: spec.name.clone(),
                user: user.clone(),
                password: password.read(&self.base).map_err(place)?,
                ca: self.base.join(&spec.tls.ca),
                ca_setting: format!("databases.{name}.tls.ca"),
                bound: false,
            });
        }
        match name {
            LOCAL => self.cluster()?.target(self.local_name()).map_err(place),
            ENV => libpq::target(&|name| std::env::var_os(name)).map_err(place),
            _ => Err(Error::usage(format!("no database called {name} is configured")).with_hint(format!(
                "add it: databases: {{ {name}: {{ host: …, name: …, user: …, password: …, tls: {{ ca: … }} }} }}"
            ))),
        }
    }
}
