//! `genogate loads`: what is loaded, and dropping it. It must not know how loads are stored.

use serde_json::json;
use uuid::Uuid;

use super::Console;
use crate::db::Databases;
use crate::error::{Error, Result};
use crate::run::Trail;
use crate::secrets::home;
use crate::warehouse::loads::{self, Load};

/// Lists, shows and drops loads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate loads list")]
pub struct Command {
    /// The database: `local`, the managed one, or `env`, the one that PGHOST and its like describe.
    #[arg(long, global = true, value_parser = ["local", "env"], default_value = Databases::default_name())]
    database: String,
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
    /// How an unfinished load goes on.
    #[command(after_help = "Example: genogate loads resume 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Resume { load: Uuid },
    /// How an unfinished load is finished.
    #[command(after_help = "Example: genogate loads finish 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Finish { load: Uuid },
    /// Deletes a load's rows; its line in the list stays.
    #[command(after_help = "Example: genogate loads drop 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Drop { load: Uuid },
}

impl Command {
    /// Does what was asked. Class `usage` for an unknown load.
    pub async fn run(self, console: &Console) -> Result<()> {
        let databases = Databases::default();
        let trail = Trail::open(&databases, Some(&self.database), &home()?).await?;
        let outcome = self.act(console, &databases, &trail).await;
        trail.close().await?;
        outcome
    }

    async fn act(&self, console: &Console, databases: &Databases, trail: &Trail) -> Result<()> {
        let client = databases.connect(&self.database).await?;
        let grant = trail.grant();
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
            What::Resume { load } | What::Finish { load } => {
                let load = loads::show(&client, grant, *load).await?;
                if !load.resumable && load.status != "complete" {
                    return Err(Error::usage(format!("load {} is {} and cannot go on", load.load_id, load.status))
                        .with_hint("load the files again"));
                }
                let next = if load.resumable { "run the command that began it once more: it goes on where it stopped" } else { "nothing to do" };
                console.object(json!({ "load_id": load.load_id, "status": load.status, "resumable": load.resumable, "next": next }));
                console.line(format_args!("load {} is {}: {next}", load.load_id, load.status));
            }
            What::Drop { load } => {
                let dropped = loads::drop(&client, grant, &trail.recorder(), *load).await?;
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
