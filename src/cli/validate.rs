//! `genogate validate`: recounts a load. It must not know what is counted.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::door::{Door, Which};
use super::progress::Progress;
use crate::error::Result;
use crate::warehouse::validate;

/// Units that differ are shown up to this many; `--json` has more.
const SHOWN: usize = 20;

/// Reads back every row of a load and holds it against the ledger: counts, ids, links between calls and variants, and the digest
/// of each unit's rows, which a single changed cell changes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate validate 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
pub struct Command {
    /// The load's id, as `genogate loads list` shows it.
    load: Uuid,
    #[command(flatten)]
    which: Which,
}

impl Command {
    /// Prints every check and the units that differ. Class `integrity` when one does not hold.
    pub async fn run(self, console: &Console) -> Result<()> {
        let door = Door::open(&self.which).await?;
        let outcome = async {
            let client = door.connect().await?;
            let figures = Arc::new(validate::Progress::default());
            let _shown = Progress::of_validation(console, figures.clone());
            validate::validate(client, door.grant(), self.load, &figures).await
        }
        .await;
        let validation = door.leave(outcome).await?;
        for check in &validation.checks {
            let word = if check.holds() { "ok" } else { "BROKEN" };
            console
                .line(format_args!("{word:<6}  {:<50} expected {:>12}  found {:>12}", check.name, check.expected, check.found));
        }
        for unit in validation.units.iter().take(SHOWN) {
            console.line(unit.text());
        }
        if validation.units.len() > SHOWN {
            console.line("and more: see `units` of --json");
        }
        if validation.audited == 0 {
            console.remark(
                "the audit trail does not tell what was stored: an earlier version loaded it, or the run was killed at its end",
            );
        }
        console.object(json!(validation));
        validation.require()
    }
}
