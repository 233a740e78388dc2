//! `compliance`: attacks the controls and reports. It must not know any control.

use super::Console;
use super::door::{Door, Which};
use crate::access::Permission;
use crate::audit::Event;
use crate::compliance::{self, Target};
use crate::error::{Error, Result};

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
    Check(Which),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, console: &Console) -> Result<()> {
        let What::Check(which) = self.what;
        let door = Door::open(&which).await?;
        let outcome = check(&door, console).await;
        door.leave(outcome).await
    }
}

async fn check(door: &Door, console: &Console) -> Result<()> {
    let recorder = door.recorder();
    if let Err(refused) = door.grant().require(Permission::Administer) {
        recorder.record(Event::Denied { permission: Permission::Administer.name().to_owned() })?;
        return Err(refused);
    }
    let report = compliance::check(&Target { databases: &door.databases, name: &door.database }).await?;
    for finding in report.findings() {
        recorder.record(Event::ControlTested { control: finding.control.to_owned(), held: finding.held })?;
    }
    recorder.flush().await?;
    console.object(
        serde_json::to_value(&report).map_err(|cause| Error::internal("the report cannot be written").with_source(cause))?,
    );
    console.line(&report);
    report.require()
}
