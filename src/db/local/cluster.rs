//! What a cluster is: its names, its paths, its acts. How each act is done stands in the other files. It must not know
//! PostgreSQL's programs.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{binaries, settings, user};
use crate::db::backoff::Backoff;
use crate::db::connect::{Connection, Place, Target, Way, Who};
use crate::db::failure::failure;
use crate::db::migrate::Applied;
use crate::db::roles::{ADMINISTRATOR, APPLICATION};
use crate::db::watch::Witness;
use crate::error::{Class, Error, Result};
use crate::secrets::SecretRef;

/// The database of a managed cluster.
pub const DATABASE: &str = "genogate";

/// How long a server that seems to run may take to answer, or to be gone.
const DYING: Duration = Duration::from_secs(10);

/// A managed cluster, running or not, existing or not.
#[derive(Clone, Debug)]
pub struct Cluster {
    home: PathBuf,
}

/// What [`Cluster::status`] finds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Does a server answer on the private socket?
    pub running: bool,
    /// Process id of the running server.
    pub pid: Option<i32>,
    /// TCP port on 127.0.0.1, once chosen.
    pub port: Option<u16>,
    /// Folder of the data files.
    pub data: PathBuf,
    /// Major version of the data files (`15`), once they exist.
    pub version: Option<String>,
}

/// What [`Cluster::start`] did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Started {
    /// The cluster as it now is.
    pub status: Status,
    /// Was it made just now?
    pub created: bool,
    /// Was it running already?
    pub already_running: bool,
    /// Migrations applied just now.
    pub migrations: Vec<Applied>,
}

/// A session of somebody.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Client {
    pub role: String,
    /// What the client calls itself.
    pub program: String,
    pub state: String,
    /// Since it connected.
    pub seconds: i64,
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { role, program, state, seconds } = self;
        write!(f, "{role}, by {program}, {state}, for {seconds} s")
    }
}

/// Names that clients choose are shown only where they are plain words.
const CLIENTS: &str = "SELECT coalesce(usename::text, '?'),
      CASE WHEN application_name ~ '^[A-Za-z][A-Za-z0-9_.() -]{0,30}$' THEN application_name ELSE 'a program' END,
      coalesce(state, '?'), extract(epoch FROM pg_catalog.clock_timestamp() - backend_start)::bigint
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid() ORDER BY backend_start";

impl Cluster {
    /// The cluster of the data home `home`. Touches nothing.
    pub fn open(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// The data home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Starts the server, making cluster, certificates, passwords, key rings and database at first use, and migrates it.
    /// Two starts at once wait for each other; starting what runs is fine. Class `database` when it cannot be started.
    pub async fn start(&self) -> Result<Started> {
        let _lock = self.lock().await?;
        let mut tries = Backoff::new(DYING);
        loop {
            let cluster = self.clone();
            let (created, already_running) = blocking(move || cluster.start_server()).await?;
            match self.bootstrap().await {
                Ok(migrations) => return Ok(Started { status: self.status()?, created, already_running, migrations }),
                // One that was killed a moment ago still seemed to run.
                Err(error) if already_running => tries.after(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the server (fast: open sessions end, nothing committed is lost) and waits for it. False when it did not run.
    pub async fn stop(&self) -> Result<bool> {
        if !self.home.is_dir() {
            return Ok(false);
        }
        let _lock = self.lock().await?;
        let cluster = self.clone();
        blocking(move || cluster.stop_server()).await
    }

    /// Stops the server and deletes its data, configuration, certificates and passwords. Key rings stay: what they protect
    /// may lie elsewhere too. False when there was nothing.
    pub async fn reset(&self) -> Result<bool> {
        if !self.home.is_dir() {
            return Ok(false);
        }
        let _lock = self.lock().await?;
        let cluster = self.clone();
        blocking(move || {
            cluster.stop_server()?;
            cluster.delete()
        })
        .await
    }

    /// How the cluster is. Changes nothing.
    pub fn status(&self) -> Result<Status> {
        let running = self.running();
        Ok(Status {
            running: running.is_some(),
            pid: running.as_ref().map(|server| server.pid),
            port: running.as_ref().map(|server| server.port).or_else(|| self.chosen_port()),
            data: self.data(),
            version: self.made_by(),
        })
    }

    /// Who is connected, but for this call, and stays so for longer than `leaving`. Nobody, when the server cannot be asked.
    pub async fn clients(&self, leaving: Duration) -> Result<Vec<Client>> {
        let Ok(session) = self.administrator(DATABASE).await else { return Ok(Vec::new()) };
        let until = tokio::time::Instant::now() + leaving;
        loop {
            let rows = session.query(CLIENTS, &[]).await.map_err(|error| failure("asking who is connected", error))?;
            if rows.is_empty() || tokio::time::Instant::now() >= until {
                session.close().await;
                let client = |row: &tokio_postgres::Row| Client {
                    role: row.get(0),
                    program: row.get(1),
                    state: row.get(2),
                    seconds: row.get(3),
                };
                return Ok(rows.iter().map(client).collect());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The application's connection URL (RFC 3986). The password is not in it, but the file that holds it for libpq is named. Class `usage`
    /// before the first start.
    pub fn url(&self) -> Result<String> {
        let port = self.chosen_port().ok_or_else(never_started)?;
        let [ca, passwords] = [self.authority(), self.pgpass()].map(|path| settings::percent(path.as_os_str()));
        Ok(format!(
            "postgresql://{APPLICATION}@localhost:{port}/{DATABASE}?sslmode=verify-full&sslrootcert={ca}&passfile={passwords}"
        ))
    }

    /// psql on the cluster: as the administrator over the private socket, or with `app` as the application over TLS. No
    /// password stands among its arguments or in its environment.
    pub fn psql(&self, arguments: &[OsString], app: bool) -> Result<Command> {
        let server = self.running().ok_or_else(not_running)?;
        let mut psql = Command::new(binaries::psql()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            psql.env_remove(name);
        }
        // What somebody types may name a person: no history is kept.
        psql.env("PSQL_HISTORY", "/dev/null")
            .env("PGAPPNAME", "genogate")
            .env("PGDATABASE", DATABASE)
            .env("PGPORT", server.port.to_string());
        if app {
            psql.env("PGHOST", "localhost")
                .env("PGHOSTADDR", "127.0.0.1")
                .env("PGUSER", APPLICATION)
                .env("PGPASSFILE", self.pgpass())
                .env("PGSSLMODE", "verify-full")
                .env("PGSSLROOTCERT", self.authority());
        } else {
            psql.env("PGHOST", &server.socket).env("PGUSER", ADMINISTRATOR);
        }
        psql.args(arguments);
        Ok(psql)
    }

    /// A session of the superuser over the private socket.
    pub(crate) async fn administrator(&self, database: &str) -> Result<Connection> {
        let way = Way::new(self.socket(database)?, Who::Administrator, Witness::default());
        way.connect().await.map_err(only_its_owner)
    }

    /// The superuser's way in.
    pub(crate) fn socket(&self, database: &str) -> Result<Place> {
        let server = self.running().ok_or_else(not_running)?;
        Ok(Place::Socket { folder: server.socket, port: server.port, name: database.to_owned(), user: ADMINISTRATOR })
    }

    /// What the application needs to connect.
    pub(crate) fn target(&self, database: &str) -> Result<Target> {
        let port = self.running().map(|server| server.port).ok_or_else(not_running)?;
        Ok(Target {
            host: "localhost".to_owned(),
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port,
            name: database.to_owned(),
            user: APPLICATION.to_owned(),
            password: SecretRef::File(self.password_file()).read(&self.home)?,
            ca: self.authority(),
            ca_setting: "the managed cluster's tls/ca.crt".to_owned(),
            bound: true,
        })
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.home.join("tls/ca.crt")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.home.join("app.password")
    }

    pub(super) fn pgpass(&self) -> PathBuf {
        self.home.join("app.pgpass")
    }

    /// Where the cluster is entered.
    pub(super) fn link(&self) -> PathBuf {
        self.home.join("postgres")
    }

    /// Where it lies: the same, unless the server's user cannot reach the data home.
    pub(super) fn root(&self) -> PathBuf {
        std::fs::read_link(self.link()).unwrap_or_else(|_| self.link())
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.root().join("conf")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root().join("log/server.log")
    }

    /// Waits for the data home's lock, which ends with the returned file.
    pub(super) async fn lock(&self) -> Result<std::fs::File> {
        let home = self.home.clone();
        blocking(move || {
            user::private_folder(&home)?;
            let failed = |cause: std::io::Error| {
                Error::failed(format!("{} cannot be locked: {}", home.display(), cause.kind())).with_source(cause)
            };
            // Private, or anybody could hold it.
            let mut options = std::fs::OpenOptions::new();
            options.create(true).truncate(false).write(true).mode(0o600);
            let file = options.open(home.join("lock")).map_err(failed)?;
            file.lock().map_err(failed)?;
            Ok(file)
        })
        .await
    }
}

/// Says whose the private socket is.
pub(crate) fn only_its_owner(error: Error) -> Error {
    match error.class() {
        Class::Denied => error.with_hint("only the operating system user who owns the cluster is its administrator"),
        _ => error,
    }
}

fn never_started() -> Error {
    Error::database("the managed database was never started").with_hint("run: genogate db start")
}

fn not_running() -> Error {
    Error::database("the managed database is not running").with_hint("run: genogate db start").transient()
}

/// Runs what waits for processes or locks on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| Error::internal("a task that handles the managed database ended early").with_source(cause))?
}
