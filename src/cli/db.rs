//! `genogate db`: the managed PostgreSQL. It must not know how a cluster is made.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Console;
use crate::access::{self, Permission};
use crate::audit::Event;
use crate::db::local::{Cluster, DATABASE, Status};
use crate::db::{Databases, LOCAL};
use crate::error::{Error, Result};
use crate::run::Trail;
use crate::secrets;

/// How long sessions of commands that have ended may take to go.
const LEAVING: Duration = Duration::from_secs(3);

/// The managed private PostgreSQL: own folder, own port of 127.0.0.1, TLS and SCRAM only.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate db start && genogate db status")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Start it; the first time also make it, with certificates, passwords, development key rings and all tables.
    #[command(
        after_help = "Example:\n  genogate db start\n\nIt lies in GENOGATE_HOME, else $XDG_DATA_HOME/genogate (root: /var/lib/genogate). \
                      Root hands the server over to GENOGATE_DB_USER, else postgres, genogate or nobody. The server's programs are those in \
                      GENOGATE_PG_BIN, else the installed ones."
    )]
    Start,
    /// Stop it and wait until it has ended. Sessions of others are named first: on a terminal it asks, elsewhere it refuses.
    #[command(after_help = "Example:\n  genogate db stop")]
    Stop {
        /// Cut off whoever is connected.
        #[arg(long)]
        force: bool,
    },
    /// Show whether it runs, and where.
    #[command(after_help = "Example:\n  genogate db status --json")]
    Status,
    /// Print the application's connection URL for libpq's clients: it names the file with the password.
    #[command(after_help = "Example:\n  psql \"$(genogate db url)\"")]
    Url,
    /// Open psql as the administrator, or with --app as the application.
    #[command(after_help = "Example:\n  genogate db shell -- -c 'SELECT * FROM genogate.loads'")]
    Shell {
        /// As the application: over TLS, with its rights only.
        #[arg(long)]
        app: bool,
        /// Arguments for psql.
        #[arg(last = true, value_name = "PSQL ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Stop it and delete its data, certificates and passwords. Key rings stay.
    #[command(after_help = "Example:\n  genogate db reset --yes")]
    Reset {
        /// Really delete all loads, mappings and audit events in it.
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    /// Does it; every act but looking leaves an audit event.
    pub async fn run(self, console: &Console) -> Result<()> {
        let home = secrets::home()?;
        access::local_administrator(&home)?.require(Permission::Administer)?;
        let cluster = Cluster::open(&home);
        match self.what {
            What::Start => start(console, &cluster).await,
            What::Stop { force } => stop(console, &cluster, force).await,
            What::Status => {
                let status = cluster.status()?;
                console.object(json!(status));
                describe(console, &status);
                Ok(())
            }
            What::Url => {
                let url = cluster.url()?;
                console.object(json!({ "url": url }));
                console.line(url);
                Ok(())
            }
            What::Shell { app, arguments } => shell(&cluster, app, &arguments).await,
            What::Reset { yes } => reset(console, &cluster, yes).await,
        }
    }
}

async fn start(console: &Console, cluster: &Cluster) -> Result<()> {
    if !cluster.status()?.running {
        console.remark("starting the managed PostgreSQL");
    }
    let started = cluster.start().await?;
    let mut events: Vec<Event> = Vec::new();
    if !started.already_running {
        let action = if started.created { "created" } else { "started" };
        events.push(Event::DatabaseCluster { action: action.to_owned() });
    }
    events
        .extend(started.migrations.iter().map(|done| Event::MigrationApplied { version: done.version, name: done.name.clone() }));
    record(cluster.home(), true, events).await?;

    let mut object = json!(started);
    object["url"] = cluster.url()?.into();
    console.object(object);
    describe(console, &started.status);
    for done in &started.migrations {
        console.line(format_args!("  migrated: V{}__{}", done.version, done.name));
    }
    Ok(())
}

async fn stop(console: &Console, cluster: &Cluster, force: bool) -> Result<()> {
    let running = cluster.status()?.running;
    if running && !force {
        may_cut_off(console, cluster).await?;
    }
    if running {
        record(cluster.home(), true, vec![Event::DatabaseCluster { action: "stopped".to_owned() }]).await?;
    }
    let stopped = cluster.stop().await?;
    console.object(json!({ "stopped": stopped }));
    console.line(if stopped { "the managed PostgreSQL is stopped" } else { "the managed PostgreSQL was not running" });
    Ok(())
}

/// Class `failed` when somebody is connected and nobody agrees to cut him off.
async fn may_cut_off(console: &Console, cluster: &Cluster) -> Result<()> {
    let clients = cluster.clients(LEAVING).await?;
    if clients.is_empty() {
        return Ok(());
    }
    console.remark(format_args!("{} connected:", clients.len()));
    clients.iter().for_each(|client| console.remark(format_args!("  {client}")));
    if console.agrees("Stop the database and cut them off?") {
        return Ok(());
    }
    Err(Error::failed("the managed PostgreSQL was not stopped: it is in use")
        .with_hint("end what uses it first; `genogate db stop --force` cuts it off, and loads are resumed by running them again"))
}

async fn shell(cluster: &Cluster, app: bool, arguments: &[OsString]) -> Result<()> {
    let mut psql = cluster.psql(arguments, app)?;
    let role = if app { "application" } else { "administrator" };
    record(cluster.home(), true, vec![Event::DatabaseShell { role: role.to_owned() }]).await?;
    // Ctrl-C is psql's: it cancels a statement there. Having a listener keeps it from ending us.
    let _interrupts =
        signal(SignalKind::interrupt()).map_err(|cause| Error::failed("Ctrl-C cannot be left to psql").with_source(cause))?;
    let ended = tokio::task::spawn_blocking(move || psql.status())
        .await
        .map_err(|cause| Error::internal("psql was not waited for").with_source(cause))?;
    let ended = ended.map_err(|cause| Error::failed(format!("psql cannot be run: {}", cause.kind())).with_source(cause))?;
    if ended.success() { Ok(()) } else { Err(Error::failed(format!("psql ended with {ended}"))) }
}

async fn reset(console: &Console, cluster: &Cluster, yes: bool) -> Result<()> {
    if !yes {
        return Err(Error::usage("this deletes all loads, mappings and audit events of the managed database")
            .with_hint("if that is what you want: genogate db reset --yes"));
    }
    if cluster.status()?.version.is_some() {
        // The trail that goes with the database cannot tell of its end: this waits in the spool for the next one.
        record(cluster.home(), false, vec![Event::DatabaseCluster { action: "reset".to_owned() }]).await?;
    }
    let deleted = cluster.reset().await?;
    console.object(json!({ "deleted": deleted }));
    console.line(if deleted { "the managed database is deleted" } else { "there was no managed database" });
    Ok(())
}

fn describe(console: &Console, status: &Status) {
    let version = status.version.as_deref().unwrap_or("?");
    match (status.running, status.port, status.pid) {
        (true, Some(port), Some(pid)) => {
            console.line(format_args!("PostgreSQL {version} runs on localhost:{port}, database {DATABASE}, process {pid}"));
            console.line(format_args!("  data: {}", status.data.display()));
        }
        _ if status.version.is_some() => {
            console.line(format_args!("PostgreSQL {version} is stopped; its data: {}", status.data.display()));
        }
        _ => console.line("there is no managed database yet; genogate db start makes one"),
    }
}

/// Makes events durable: in the managed database, or in the spool when it is not to hold them.
async fn record(home: &Path, in_database: bool, events: Vec<Event>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let databases = Databases::default().with_home(home);
    let trail = Trail::open(&databases, in_database.then_some(LOCAL), home).await?;
    let recorder = trail.recorder();
    let recorded = events.into_iter().try_for_each(|event| recorder.record(event));
    trail.close().await?;
    recorded
}
