//! What every command that touches a database opens first: the database's name, the audit trail, the grant.
//! It must not know what the command does.

use std::path::{Path, PathBuf};

use crate::access::Grant;
use crate::audit::{Imported, Recorder};
use crate::db::{Connection, Databases};
use crate::error::{Error, Result};
use crate::run::Trail;
use crate::secrets;
use crate::spec::Spec;

/// Which database a command means.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Which {
    /// Database: `local`, `env`, or a name of the pipeline file. Default: the one the pipeline file's sink names, else libpq's
    /// environment, else the managed one.
    #[arg(long, value_name = "NAME", global = true)]
    pub database: Option<String>,
    /// Pipeline file whose `databases` are meant.
    #[arg(long, value_name = "FILE", global = true)]
    pub pipeline: Option<PathBuf>,
}

impl Which {
    /// The databases there are, and the name of the one that is meant. Class `usage` for a pipeline file that is wrong, or whose sink is
    /// no database while none is named.
    pub fn resolve(&self, home: &Path) -> Result<(Databases, String)> {
        let spec = self.pipeline.as_ref().map(|file| Spec::read(file, &[])).transpose()?;
        let sink = match spec.as_ref().filter(|_| self.database.is_none()) {
            Some(spec) => {
                let named = spec.pipeline.sink.config().build(&spec.base)?.databases().into_iter().next();
                Some(named.ok_or_else(|| {
                    Error::usage("the pipeline's sink is a folder of Parquet files, not a database").with_hint(
                        "name a database with --database; the folder is read with DuckDB, Polars or pyarrow (docs/clients.md)",
                    )
                })?)
            }
            None => None,
        };
        let databases = match spec {
            Some(spec) => Databases::new(spec.pipeline.databases, &spec.base),
            None => Databases::default(),
        };
        let name = self.database.clone().or(sink).unwrap_or_else(|| Databases::default_name().to_owned());
        Ok((databases.with_home(home), name))
    }
}

/// An open trail and the databases behind it. Close it with [`Door::leave`]: what was recorded is durable only then.
pub struct Door {
    pub databases: Databases,
    pub database: String,
    pub home: PathBuf,
    trail: Trail,
}

impl Door {
    /// Opens the trail in the database meant.
    pub async fn open(which: &Which) -> Result<Self> {
        let home = secrets::home()?;
        let (databases, database) = which.resolve(&home)?;
        let trail = Trail::open(&databases, Some(&database), &home).await?;
        Ok(Self { databases, database, home, trail })
    }

    /// Who acts.
    pub fn grant(&self) -> &Grant {
        self.trail.grant()
    }

    /// Spools of earlier commands that came in when the door was opened.
    pub fn imported(&self) -> &[Imported] {
        self.trail.imported()
    }

    /// Records the command's events.
    pub fn recorder(&self) -> Recorder {
        self.trail.recorder()
    }

    /// A connection with the application's credentials.
    pub async fn connect(&self) -> Result<Connection> {
        self.databases.connect(&self.database).await
    }

    /// Ends the trail and hands on the command's outcome; a failure of the command comes before one of the trail.
    pub async fn leave<T>(self, outcome: Result<T>) -> Result<T> {
        let closed = self.trail.close().await;
        let value = outcome?;
        closed?;
        Ok(value)
    }
}
