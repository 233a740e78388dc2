//! `genogate loads`: what is loaded, what is unfinished, finishing and dropping. It must not know how loads are stored.

use std::path::PathBuf;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::door::{Door, Which};
use super::layout::{Heading, left, right};
use super::{Console, pipeline, qc, signals};
use crate::error::{Error, Result};
use crate::flow::Dropped;
use crate::plan::PlanOptions;
use crate::run::{self, Run, Ticket};
use crate::store::parallel::Parallel;
use crate::warehouse::loads::{self, Load};

/// Lists, shows, resumes, finishes and drops loads.
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
    /// What a load looks like: kinds of variants, frequencies, depths, and each sample's calls, equal to what bcftools stats counts.
    #[command(after_help = "Example: genogate loads qc 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10 --html report.html")]
    Qc {
        load: Uuid,
        /// Write a page with charts, which needs no other file; `-` is standard output.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Replace an existing file.
        #[arg(long)]
        force: bool,
    },
    /// Goes on with an unfinished load that was begun on this machine, with the files and options it was begun with.
    #[command(after_help = "Example: genogate loads resume 0199a7c2-5c1e-7d31-9f0a-3f2b6f1f9a10")]
    Resume { load: Uuid },
    /// Makes a load visible of which every unit is committed. Done again, it changes nothing.
    #[command(after_help = "Example: genogate loads finish --name cohort-7")]
    Finish {
        /// The load's id.
        #[arg(required_unless_present = "name")]
        load: Option<Uuid>,
        /// Its name.
        #[arg(long, value_name = "NAME", visible_alias = "load-name", conflicts_with = "load")]
        name: Option<String>,
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
        if let What::Resume { load } = self.what {
            return resume(console, &self.which, load).await;
        }
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
                match list.is_empty() {
                    true => console.line("nothing is loaded"),
                    false => console.table(&HEADER, &list.iter().map(row).collect::<Vec<_>>()),
                }
            }
            What::Show { load } => {
                let load = loads::inspect(&client, grant, *load).await?;
                let fields = serde_json::to_value(&load).unwrap_or_default();
                let files = fields
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, value)| !["files", "dropped"].contains(&name.as_str()) && !value.is_null());
                for (name, value) in files {
                    console.line(format_args!("{name:<14} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
                }
                for dropped in dropped(&load.load) {
                    console.line(format_args!("{:<14} {dropped}", "dropped"));
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
            What::Qc { load, html, force } => qc::run(console, door, *load, html.as_deref(), *force).await?,
            // Its run has a trail of its own.
            What::Resume { .. } => {}
            What::Finish { load, name, force } => {
                let id = match (load, name) {
                    (Some(id), _) => *id,
                    (None, name) => loads::named(&client, grant, name.as_deref().unwrap_or_default()).await?,
                };
                let stopped = CancellationToken::new();
                let watching = signals::cancel_on_signal(stopped.clone());
                let parallel = Parallel { databases: &door.databases, database: &door.database, sessions: 2, cancel: &stopped };
                let done = loads::finish(&client, parallel, grant, &door.recorder(), id, *force).await;
                watching.abort();
                let done = done?;
                console.line(format_args!("{}: load {}, {} variants, {} calls", done.status, done.id, done.variants, done.calls));
                for replaced in &done.replaced {
                    console.line(format_args!("it took the place of load {replaced}"));
                }
                for other in &done.same_content {
                    console.line(format_args!("load {other} holds the same content"));
                }
                let shown = loads::inspect(&client, grant, done.id).await?;
                let given_up = shown.files.iter().filter(|file| file.reason.is_some()).count();
                console.object(json!(done));
                if given_up > 0 {
                    return Err(pipeline::files_given_up(given_up, shown.files.len()).of_load(done.id));
                }
            }
            What::Drop { load } => {
                let dropped = loads::drop(&client, grant, &door.recorder(), *load).await?;
                console.object(json!(dropped));
                console.line(format_args!("dropped load {load}: {} variants, {} calls", dropped.variants, dropped.calls));
            }
        }
        Ok(())
    }
}

/// Class `usage` when the load is not unfinished, was begun elsewhere, or its files or options have changed.
async fn resume(console: &Console, which: &Which, id: Uuid) -> Result<()> {
    let door = Door::open(which).await?;
    let (found, home) = (find(&door, id).await, door.home.clone());
    let load = door.leave(found).await?;
    let again = "run the command it was begun with again: that resumes it too";
    if !load.resumable {
        return Err(Error::usage(format!("load {id} is {}, there is nothing to resume", load.status)));
    }
    let ticket = Ticket::find(&home, id)?;
    let ticket = ticket.ok_or_else(|| Error::usage(format!("load {id} was not begun on this machine")).with_hint(again))?;
    let (spec, options) = ticket.spec()?;
    let run = Run::prepare(&spec, PlanOptions::default(), &home).await?;
    let plan = run.plan();
    let goes_on = run::keys::open(plan, &home, &run.context().recorder)
        .map(|keys| loads::goes_on(&load, plan, &run::keys::options_digest(plan, &keys)));
    match goes_on {
        Ok(true) => pipeline::execute(console, run, options).await,
        Ok(false) => {
            let changed = Error::usage(format!("the files or options of load {id} have changed since it was begun"));
            Err(run.refuse(changed.with_hint("load them anew, and drop this load: `genogate loads drop`")).await)
        }
        Err(error) => Err(run.refuse(error).await),
    }
}

async fn find(door: &Door, id: Uuid) -> Result<Load> {
    let client = door.connect().await?;
    loads::show(&client, door.grant(), id).await
}

/// Columns that did not reach the load, and why.
fn dropped(load: &Load) -> Vec<Dropped> {
    load.safeguards.get("dropped").and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default()
}

/// Columns of the list.
const HEADER: [Heading; 8] =
    [left("load"), left("state"), left("begun"), right("variants"), right("calls"), left("name"), left("profile"), left("")];

fn row(load: &Load) -> [String; 8] {
    let count = |count: Option<i64>| count.map_or_else(|| "-".into(), |count| count.to_string());
    [
        load.load_id.to_string(),
        load.status.clone(),
        load.created.format("%Y-%m-%d %H:%M").to_string(),
        count(load.variants),
        count(load.calls),
        load.name.clone(),
        load.guarded().map_or_else(String::new, |guarded| format!("[{guarded}]")),
        state(load),
    ]
}

/// Behind the name: who works on an unfinished load, why it stopped, what can be done.
fn state(load: &Load) -> String {
    let mut words = Vec::new();
    if load.given_up > 0 {
        words.push(format!("{} of {} files given up", load.given_up, load.inputs));
    }
    if load.sessions > 0 {
        words.push(format!("{} at work", load.sessions));
    } else if load.resumable {
        words.push("can be resumed: `genogate loads resume`, or the same command again".to_owned());
    }
    words.extend(load.reason.clone());
    if words.is_empty() { String::new() } else { format!("({})", words.join("; ")) }
}
