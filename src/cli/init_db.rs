//! `genogate init-db`: brings a database to this program's tables. It must not know what a migration does.

use serde_json::json;

use super::Console;
use super::door::Which;
use crate::audit::Event;
use crate::db::migrate::{self, migrate, pending};
use crate::db::settings::{self, Foreign};
use crate::db::{Databases, harden};
use crate::error::Result;
use crate::run::Trail;
use crate::secrets;

/// Make or update the tables of a database. Never drops or empties anything.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  genogate init-db --pipeline pipelines/clinical.yaml --database clinic --dry-run\n\nThe managed database is migrated \
                  by genogate db start already. Another one is migrated as its `administrator`, else as its `user`, who must be allowed to make \
                  schemas and, the first time, roles. Afterwards give the role genogate_app a password. Settings that somebody stored for \
                  genogate's roles (ALTER ROLE … SET) are reset and reported."
)]
pub struct Command {
    #[command(flatten)]
    which: Which,
    /// Print the migrations that would be applied, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Command {
    /// Applies what is missing, or prints it.
    pub async fn run(self, console: &Console) -> Result<()> {
        let home = secrets::home()?;
        let (databases, name) = self.which.resolve(&home)?;
        let mut administrator = databases.administrator(&name).await?;
        if self.dry_run {
            let waiting = pending(&mut administrator).await?;
            let foreign = settings::foreign(&administrator).await?;
            console.object(json!({ "database": name, "pending": waiting, "applied": [], "settings": foreign, "reset": [] }));
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
            tell(console, &foreign, "would be reset");
            return Ok(());
        }
        let applied = migrate(&mut administrator).await?;
        let reset = settings::reset(&administrator).await?;
        harden(&administrator).await?;
        let foreign = settings::foreign(&administrator).await?;
        administrator.close().await;
        let mut events: Vec<Event> =
            applied.iter().map(|step| Event::MigrationApplied { version: step.version, name: step.name.clone() }).collect();
        if !reset.is_empty() {
            events.push(Event::SettingsReset { settings: reset.iter().map(Foreign::to_string).collect() });
        }
        let silent = events.is_empty() && !databases.witness().has_untold();
        let spooled = if silent { 0 } else { record(&databases, &name, events, &home).await? };
        console.object(json!({ "database": name, "pending": [], "applied": applied, "settings": foreign, "reset": reset }));
        tell(console, &reset, "reset");
        tell(console, &foreign, "kept: the database's owner set it");
        for step in &applied {
            console.line(format_args!("applied V{}__{}", step.version, step.name));
        }
        if applied.is_empty() {
            console.line(format_args!("the database {name} is up to date"));
        }
        if spooled > 0 {
            console.remark("the database did not take the audit events, which wait in the spool: genogate audit import");
        }
        Ok(())
    }
}

/// Names settings that somebody stored for our roles or the database.
fn tell(console: &Console, settings: &[Foreign], done: &str) {
    settings.iter().for_each(|setting| console.line(format_args!("the setting {setting} was stored by somebody: {done}")));
}

/// Records what was done; gives the number of events that had to go to the spool.
async fn record(databases: &Databases, name: &str, events: Vec<Event>, home: &std::path::Path) -> Result<u64> {
    let trail = Trail::open(&databases.clone().as_administrator(), Some(name), home).await?;
    let recorder = trail.recorder();
    let recorded = events.into_iter().try_for_each(|event| recorder.record(event));
    let spooled = trail.close().await?;
    recorded.map(|()| spooled)
}
