//! `genogate validate`: recounts a load. It must not know what is counted.

use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::door::{Door, Which};
use crate::error::Result;
use crate::warehouse::validate;

/// Holds a load against its ledger: counts, ids, links between calls and variants, digests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate validate 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
pub struct Command {
    /// The load's id, as `genogate loads list` shows it.
    load: Uuid,
    #[command(flatten)]
    which: Which,
}

impl Command {
    /// Prints every check. Class `integrity` when one does not hold.
    pub async fn run(self, console: &Console) -> Result<()> {
        let door = Door::open(&self.which).await?;
        let outcome = async {
            let client = door.connect().await?;
            validate::validate(&client, door.grant(), self.load).await
        }
        .await;
        let validation = door.leave(outcome).await?;
        for check in &validation.checks {
            let word = if check.holds() { "ok" } else { "BROKEN" };
            console
                .line(format_args!("{word:<6}  {:<40} expected {:>12}  found {:>12}", check.name, check.expected, check.found));
        }
        if validation.valid {
            console.object(json!(validation));
        }
        validation.require()
    }
}
