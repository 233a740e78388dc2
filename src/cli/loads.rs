//! `genogate loads`: what is loaded, what is unfinished, finishing and dropping. It must not know how loads are stored.

use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::door::{Door, Which};
use crate::error::Result;
use crate::warehouse::loads::{self, Load};

/// Lists, shows, finishes and drops loads.
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
    /// One load and how far each of its files is.
    #[command(after_help = "Example: genogate loads show 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Show { load: Uuid },
    /// Makes a load visible of which every unit is committed. Done again, it changes nothing.
    #[command(after_help = "Example: genogate loads finish --load-name cohort-7")]
    Finish {
        /// The load's id.
        #[arg(required_unless_present = "load_name")]
        load: Option<Uuid>,
        /// The name its shards met under.
        #[arg(long, value_name = "NAME", conflicts_with = "load")]
        load_name: Option<String>,
        /// Replace an identical complete load instead of dropping this one.
        #[arg(long)]
        force: bool,
    },
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
                let load = loads::inspect(&client, grant, *load).await?;
                let fields = serde_json::to_value(&load).unwrap_or_default();
                let files = fields.as_object().into_iter().flatten().filter(|(name, value)| *name != "files" && !value.is_null());
                for (name, value) in files {
                    console.line(format_args!("{name:<14} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
                }
                for file in &load.files {
                    let planned = file.units_planned.map_or_else(|| "?".into(), |planned| planned.to_string());
                    let reason = file.reason.as_deref().unwrap_or_default();
                    console.line(format_args!(
                        "input {:<8} {:<8}  {} of {planned} units  {reason}",
                        file.input, file.status, file.units
                    ));
                }
                console.object(fields);
            }
            What::Finish { load, load_name, force } => {
                let id = match (load, load_name) {
                    (Some(id), _) => *id,
                    (None, name) => loads::named(&client, grant, name.as_deref().unwrap_or_default()).await?,
                };
                let done = loads::finish(&client, grant, &door.recorder(), id, *force).await?;
                console.line(format_args!("{}: load {}, {} variants, {} calls", done.status, done.id, done.variants, done.calls));
                console.object(json!(done));
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
        "{}  {:<8}  {}  {:>12} variants  {:>14} calls  {}{}",
        load.load_id,
        load.status,
        load.created.format("%Y-%m-%d %H:%M"),
        count(load.variants),
        count(load.calls),
        load.name,
        state(load)
    )
}

/// Behind the name: who works on an unfinished load, why it stopped, what can be done.
fn state(load: &Load) -> String {
    let mut words = Vec::new();
    if load.sessions > 0 {
        words.push(format!("{} at work", load.sessions));
    } else if load.resumable {
        words.push("can be resumed: run the same command again".to_owned());
    }
    words.extend(load.reason.clone());
    if words.is_empty() { String::new() } else { format!("  ({})", words.join("; ")) }
}
