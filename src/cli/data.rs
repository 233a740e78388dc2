//! `data`: what happens to loads in the course of time. It must not know how loads are stored.

use serde_json::json;

use super::Console;
use super::door::{Door, Which};
use crate::error::Result;
use crate::lifecycle::retention;
use crate::warehouse::loads;

/// What happens to loads in the course of time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate data retention --days 2190")]
pub struct Command {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List loads older than a retention period; `genogate loads drop` deletes one.
    #[command(after_help = "Example:\n  genogate data retention --days 2190")]
    Retention {
        /// The period in days; six years (2190) is what 45 CFR 164.316(b)(2) asks for documentation.
        #[arg(long, default_value_t = 2190)]
        days: u32,
    },
}

impl Command {
    /// Prints what was asked.
    pub async fn run(self, console: &Console) -> Result<()> {
        let What::Retention { days } = self.what;
        let door = Door::open(&self.which).await?;
        let outcome = async { loads::list(&*door.connect().await?, door.grant()).await }.await;
        let due = retention::due(&door.leave(outcome).await?, chrono::Utc::now(), days);
        console.object(json!({ "days": days, "due": due }));
        for load in &due {
            console.line(format_args!("{}  {:>5} days  {:<9}  {}", load.load_id, load.age_days, load.status, load.name));
        }
        if due.is_empty() {
            console.line(format_args!("no load is older than {days} days"));
        }
        Ok(())
    }
}
