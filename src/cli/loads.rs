//! `genogate loads`: what is loaded, and dropping it. It must not know how loads are stored.

use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::door::{Door, Which};
use crate::error::Result;
use crate::warehouse::loads::{self, Load};

/// Lists, shows and drops loads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate loads list")]
pub struct Command {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Every load, oldest first.
    #[command(after_help = "Example: genogate loads list --json")]
    List,
    /// One load.
    #[command(after_help = "Example: genogate loads show 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Show { load: Uuid },
    /// Deletes a load's rows; its line in the list stays.
    #[command(after_help = "Example: genogate loads drop 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Drop { load: Uuid },
}

impl Command {
    /// Does what was asked. Class `usage` for an unknown load.
    pub async fn run(self, console: &Console) -> Result<()> {
        let door = Door::open(&self.which).await?;
        let outcome = self.act(console, &door).await;
        door.leave(outcome).await
    }

    async fn act(&self, console: &Console, door: &Door) -> Result<()> {
        let client = door.connect().await?;
        let grant = door.grant();
        match &self.what {
            What::List => {
                let list = loads::list(&client, grant).await?;
                console.object(json!({ "loads": list }));
                for load in &list {
                    console.line(line(load));
                }
                if list.is_empty() {
                    console.line("nothing is loaded");
                }
            }
            What::Show { load } => {
                let load = loads::show(&client, grant, *load).await?;
                let fields = serde_json::to_value(&load).unwrap_or_default();
                for (name, value) in fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                    console.line(format_args!("{name:<14} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
                }
                console.object(fields);
            }
            What::Drop { load } => {
                let dropped = loads::drop(&client, grant, &door.recorder(), *load).await?;
                console.object(json!(dropped));
                console.line(format_args!("dropped load {}: {} variants, {} calls", load, dropped.variants, dropped.calls));
            }
        }
        Ok(())
    }
}

fn line(load: &Load) -> String {
    let count = |count: Option<i64>| count.map_or_else(|| "-".into(), |count| count.to_string());
    format!(
        "{}  {:<8}  {}  {:>12} variants  {:>14} calls  {}",
        load.load_id,
        load.status,
        load.created.format("%Y-%m-%d %H:%M"),
        count(load.variants),
        count(load.calls),
        load.name
    )
}
