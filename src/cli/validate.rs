//! `genogate validate`: recounts a load. It must not know what is counted.

use serde_json::json;
use uuid::Uuid;

use super::Console;
use crate::db::Databases;
use crate::error::Result;
use crate::run::Trail;
use crate::secrets::home;
use crate::warehouse::validate;

/// Holds a load against its ledger: counts, ids, links between calls and variants, digests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate validate 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
pub struct Command {
    /// The load's id, as `genogate loads list` shows it.
    load: Uuid,
    /// The database: `local`, the managed one, or `env`, the one that PGHOST and its like describe.
    #[arg(long, value_parser = ["local", "env"], default_value = Databases::default_name())]
    database: String,
}

impl Command {
    /// Prints every check. Class `integrity` when one does not hold.
    pub async fn run(self, console: &Console) -> Result<()> {
        let databases = Databases::default();
        let trail = Trail::open(&databases, Some(&self.database), &home()?).await?;
        let outcome = async {
            let client = databases.connect(&self.database).await?;
            validate::validate(&client, trail.grant(), self.load).await
        }
        .await;
        trail.close().await?;
        let validation = outcome?;
        for check in &validation.checks {
            let word = if check.holds() { "ok" } else { "BROKEN" };
            console.line(format_args!("{word:<6}  {:<40} expected {:>12}  found {:>12}", check.name, check.expected, check.found));
        }
        if validation.valid {
            console.object(json!(validation));
        }
        validation.require()
    }
}
