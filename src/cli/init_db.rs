//! `genogate init-db`: brings a database to this program's tables. It must not know what a migration does.

use std::path::PathBuf;

use serde_json::json;

use super::Console;
use crate::audit::Event;
use crate::db::migrate::{self, migrate, pending};
use crate::db::{Databases, LOCAL};
use crate::error::{Error, Result};
use crate::registry::SinkSpec;
use crate::run::Trail;
use crate::secrets;
use crate::spec::Spec;

/// Make or update the tables of a database. Never drops or empties anything.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  genogate init-db --pipeline pipelines/clinical.yaml --database clinic --dry-run\n\nThe managed database is migrated \
                  by genogate db start already. Another one is migrated as its `administrator`, else as its `user`, who must be allowed to make \
                  schemas and, the first time, roles. Afterwards give the role genogate_app a password."
)]
pub struct Command {
    /// Name under `databases:` of the pipeline file, `local`, or `env` (libpq's PGHOST and so on). Default: the one the
    /// pipeline's sink names, else env when PGHOST or PGSERVICE is set, else local.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Print the migrations that would be applied, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Pipeline file that describes the database.
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
}

impl Command {
    /// Applies what is missing, or prints it.
    pub async fn run(self, console: &Console) -> Result<()> {
        let home = secrets::home()?;
        let spec = self.pipeline.map(|file| Spec::read(&file, &[]).map_err(Error::from)).transpose()?;
        let named = spec.as_ref().and_then(|spec| match &spec.pipeline.sink {
            SinkSpec::Postgres(config) => config.database.clone(),
            SinkSpec::Parquet(_) => None,
        });
        let databases = match spec {
            Some(spec) => Databases::new(spec.pipeline.databases, &spec.base),
            None => Databases::default(),
        }
        .with_home(&home);
        let name = self.database.or(named).unwrap_or_else(|| Databases::default_name().to_owned());

        let mut administrator = databases.administrator(&name).await?;
        if self.dry_run {
            let waiting = pending(&mut administrator).await?;
            console.object(json!({ "database": name, "pending": waiting, "applied": [] }));
            for step in &waiting {
                console.line(format_args!(
                    "-- V{}__{}\n{}",
                    step.version,
                    step.name,
                    migrate::sql(step.version).unwrap_or_default()
                ));
            }
            if waiting.is_empty() {
                console.line(format_args!("the database {name} is up to date"));
            }
            return Ok(());
        }
        let applied = migrate(&mut administrator).await?;
        administrator.close().await;
        let spooled = if applied.is_empty() { 0 } else { record(&databases, &name, &applied, &home).await? };
        console.object(json!({ "database": name, "pending": [], "applied": applied }));
        for step in &applied {
            console.line(format_args!("applied V{}__{}", step.version, step.name));
        }
        if applied.is_empty() {
            console.line(format_args!("the database {name} is up to date"));
        }
        if spooled > 0 && name != LOCAL {
            console
                .remark("the application cannot log in yet, so the audit events wait in the spool: give genogate_app a password");
        }
        Ok(())
    }
}

/// Records what was applied; gives the number of events that had to go to the spool.
async fn record(databases: &Databases, name: &str, applied: &[migrate::Applied], home: &std::path::Path) -> Result<u64> {
    let trail = Trail::open(databases, Some(name), home).await?;
    let recorder = trail.recorder();
    let recorded = applied
        .iter()
        .try_for_each(|step| recorder.record(Event::MigrationApplied { version: step.version, name: step.name.clone() }));
    let spooled = trail.close().await?;
    recorded.map(|()| spooled)
}
