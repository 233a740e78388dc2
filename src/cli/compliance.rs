//! `compliance`: attacks the controls and reports. It must not know any control.

use super::Console;
use crate::access::Permission;
use crate::audit::Event;
use crate::compliance::{self, Target};
use crate::db::Databases;
use crate::error::{Error, Result};
use crate::run::Trail;
use crate::secrets;

/// Prove that safeguards hold by attacking them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate compliance check --json")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Attack every control of a database; nothing stays. Ends with 4 when one does not hold.
    #[command(after_help = "Example:\n  genogate compliance check")]
    Check {
        /// Database to attack; default: libpq's environment, else the managed one.
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, console: &Console) -> Result<()> {
        let What::Check { database } = self.what;
        let databases = Databases::default();
        let name = database.unwrap_or_else(|| Databases::default_name().to_owned());
        let trail = Trail::open(&databases, Some(&name), &secrets::home()?).await?;
        let outcome = check(&trail, &databases, &name, console).await;
        trail.close().await?;
        outcome
    }
}

async fn check(trail: &Trail, databases: &Databases, name: &str, console: &Console) -> Result<()> {
    let recorder = trail.recorder();
    if let Err(refused) = trail.grant().require(Permission::Administer) {
        recorder.record(Event::Denied { permission: Permission::Administer.name().to_owned() })?;
        return Err(refused);
    }
    let report = compliance::check(&Target { databases, name }).await?;
    for finding in report.findings() {
        recorder.record(Event::ControlTested { control: finding.control.to_owned(), held: finding.held })?;
    }
    recorder.flush().await?;
    console.object(serde_json::to_value(&report).map_err(|_| Error::internal("the report cannot be written"))?);
    console.line(&report);
    report.require()
}
