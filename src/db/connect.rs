//! One session with a server: over verified TLS, or as the cluster's administrator over its private socket. It must not
//! know what the session is for.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Client, Config, NoTls};

use super::backoff::Backoff;
use super::failure::{CROWDED, failure, is_crowded, is_tls};
use super::watch::{Movements, Witness, watch};
use super::{roles, settings, tls};
use crate::error::{Class, Error, Result};
use crate::sensitive::Sensitive;

/// How long a server may take from the first packet to a usable session. The driver's own limit covers TCP only.
const BEGINNING: Duration = Duration::from_secs(30);

/// How long a server may leave sent bytes unacknowledged before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a session whose [`Connection`] is gone may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A live session. Dropping it ends its driver task: at once when idle, else within two seconds by closing the socket.
pub struct Connection {
    client: Client,
    // Dropped after `client`, which tells the driver that no more statements come.
    driver: Driver,
}

struct Driver {
    task: JoinHandle<()>,
    /// Ends with this.
    watch: JoinSet<()>,
    _gone: oneshot::Sender<()>,
}

impl std::ops::Deref for Connection {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// Ends the session and returns once the server has been told.
    pub async fn close(self) {
        let Self { client, driver: Driver { task, watch, _gone } } = self;
        drop((client, watch));
        drop(_gone);
        // The driver ends by itself; how is of no interest any more.
        let _ = task.await;
    }

    /// Takes a session into use: its settings are held, its role is judged. `sent`: the version whose startup options it got.
    async fn begin<S, T>(
        client: Client,
        connection: tokio_postgres::Connection<S, T>,
        way: &Arc<Way>,
        sent: u32,
    ) -> Result<Self, Unready>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        T: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
    {
        let version = major(connection.parameter("server_version")).unwrap_or(sent);
        let movements = Movements::default();
        let mut driven = movements.of(connection);
        let (sender, gone) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // An error of the driver reaches whoever waits for a statement; here it has nobody to tell.
            tokio::select! {
                _ = &mut driven => {}
                _ = gone => { let _ = tokio::time::timeout(GOODBYE, driven).await; }
            }
        });
        let mut this = Self { client, driver: Driver { task, watch: JoinSet::new(), _gone: sender } };
        // A later version's role may have settings that end the session before these are read.
        let held = settings::hold(&this.client).await;
        let backend = held.map_err(|error| if version > sent { Unready::Knows(version) } else { error.into() })?;
        if way.who == Who::Application {
            roles::require_powerless(&this.client, way.user()).await?;
        }
        if way.watched {
            let asking = Arc::new(way.unwatched());
            this.driver.watch.spawn(watch(movements, backend, way.witness.clone(), move || asking.clone().beside()));
        }
        Ok(this)
    }
}

/// Why a session was not taken into use.
enum Unready {
    For(Error),
    /// The server is of this version, which takes further startup options.
    Knows(u32),
}

impl From<Error> for Unready {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

/// The major version in `15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: Option<&str>) -> Option<u32> {
    version?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Whose session it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A role without power over the database; any other is refused.
    Application,
    Administrator,
    /// The application's, whatever power it has: for who tries what it may do.
    Attacker,
}

/// How to reach a server, as whom, and who hears of sessions that held locks for too long.
#[derive(Clone, Debug)]
pub(super) struct Way {
    place: Place,
    who: Who,
    witness: Witness,
    /// Are its sessions watched?
    watched: bool,
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tls(Target),
    /// A Unix socket in a folder; the server identifies us by our operating system user (`peer`).
    Socket {
        folder: PathBuf,
        port: u16,
        name: String,
        user: &'static str,
    },
}

/// Everything a TLS connection needs, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub host: String,
    /// Where to connect instead of resolving `host`, which the certificate is still checked against.
    pub address: Option<IpAddr>,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: Sensitive<String>,
    pub ca: PathBuf,
    /// What to call the setting that names `ca`.
    pub ca_setting: String,
    /// Must the login be bound to the TLS channel? Some servers cannot (certificates without a digest, older password hashes).
    pub bound: bool,
}

impl Way {
    /// A way whose sessions are watched.
    pub fn new(place: Place, who: Who, witness: Witness) -> Arc<Self> {
        Arc::new(Self { place, who, witness, watched: true })
    }

    /// Several sessions, or none: who waits for a full server, as long as `patience`, holds nothing that others wait for.
    pub async fn connect_together<const N: usize>(self: &Arc<Self>, patience: Duration) -> Result<[Connection; N]> {
        let mut tries = Backoff::new(patience);
        loop {
            let mut connections = Vec::new();
            let refused = loop {
                match self.connect_once().await {
                    Ok(connection) => connections.push(connection),
                    Err(error) => break error,
                }
                connections = match connections.try_into() {
                    Ok(all) => return Ok(all),
                    Err(some) => some,
                };
            };
            for connection in connections {
                connection.close().await;
            }
            match is_crowded(&refused) {
                true => tries.after(refused).await?,
                false => return Err(refused),
            }
        }
    }

    /// One session. Waits a minute at most for a server that has no connection free or is starting.
    pub async fn connect(self: &Arc<Self>) -> Result<Connection> {
        let [connection] = self.connect_together(CROWDED).await?;
        Ok(connection)
    }

    async fn connect_once(self: &Arc<Self>) -> Result<Connection> {
        let mut version = settings::USUAL;
        loop {
            let begun = match &self.place {
                Place::Tls(target) => target.begin(self, version).await,
                Place::Socket { folder, port, name, user } => {
                    let mut config = common(version);
                    config.host_path(folder).port(*port).dbname(name).user(*user);
                    match config.connect(NoTls).await {
                        Ok((client, connection)) => Connection::begin(client, connection, self, version).await,
                        Err(error) => Err(failure("connecting to the managed database's socket", error).into()),
                    }
                }
            };
            version = match begun {
                Ok(connection) => return Ok(connection),
                Err(Unready::Knows(newer)) => newer,
                // undefined_object: an option that an older server does not know.
                Err(Unready::For(error)) if error.sqlstate() == Some("42704") && version > settings::OLDEST => settings::OLDEST,
                Err(Unready::For(error)) => return Err(error),
            };
        }
    }

    /// A session to ask on about another one.
    fn beside(self: Arc<Self>) -> BoxFuture<'static, Result<Connection>> {
        Box::pin(async move { self.connect_once().await })
    }

    fn user(&self) -> &str {
        match &self.place {
            Place::Tls(target) => &target.user,
            Place::Socket { user, .. } => user,
        }
    }

    fn unwatched(&self) -> Self {
        Self { watched: false, ..self.clone() }
    }
}

impl Target {
    /// Connects with what libpq calls `sslmode=verify-full`, and SCRAM bound to the TLS channel where the server offers it
    /// (RFC 5929 `tls-server-end-point`).
    async fn begin(&self, way: &Arc<Way>, version: u32) -> Result<Connection, Unready> {
        // Not quoted: it may be a URL with a password.
        if self.host.is_empty() || self.host.contains(|c: char| !(c.is_ascii_alphanumeric() || "._-:%".contains(c))) {
            return Err(Error::usage("the host is not one host name")
                .with_hint("genogate connects over verified TLS: name one host, as its certificate does")
                .into());
        }
        let connector = tls::connector(&self.ca).map_err(|error| match error.hint() {
            None => error.with_hint(format!(
                "{} must name the PEM file of the authority that signed the server's certificate",
                self.ca_setting
            )),
            Some(_) => error,
        })?;
        let mut config = common(version);
        config
            .host(&self.host)
            .port(self.port)
            .dbname(&self.name)
            .user(&self.user)
            .password(self.password.expose())
            .ssl_mode(SslMode::Require)
            .channel_binding(if self.bound { ChannelBinding::Require } else { ChannelBinding::Prefer });
        if let Some(address) = self.address {
            config.hostaddr(address);
        }
        let doing = format!("connecting to {}:{}", self.host, self.port);
        let connected = tokio::time::timeout(BEGINNING, config.connect(connector)).await;
        let connected = connected.map_err(|_| Error::database(format!("{doing}: no answer in time")).transient())?;
        let (client, connection) = connected.map_err(|cause| {
            let tls = is_tls(&cause);
            let error = failure(&doing, cause);
            match error.class() {
                Class::Database if tls => error.with_hint(format!(
                    "{} must name the authority that signed the server's certificate, and the certificate must carry the name {}",
                    self.ca_setting, self.host
                )),
                Class::Denied => {
                    error.with_hint(format!("check the password and the server's pg_hba.conf for the role {}", self.user))
                }
                _ => error,
            }
        })?;
        Connection::begin(client, connection, way, version).await
    }
}

fn common(version: u32) -> Config {
    let mut config = Config::new();
    config
        .options(settings::options(version))
        .application_name("genogate")
        .connect_timeout(Duration::from_secs(10))
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(SILENCE);
    config
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::Path;

    use super::*;
    use crate::db::Databases;
    use crate::db::local::testing;

    fn target(port: u16, ca: &Path) -> Target {
        Target {
            host: "localhost".to_owned(),
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            port,
            name: "n".to_owned(),
            user: "u".to_owned(),
            password: Sensitive::new("hunter2".to_owned()),
            ca: ca.to_owned(),
            ca_setting: "databases.clinic.tls.ca".to_owned(),
            bound: false,
        }
    }

    fn way(target: Target) -> Arc<Way> {
        Way::new(Place::Tls(target), Who::Application, Witness::default())
    }

    async fn authority() -> PathBuf {
        tokio::task::spawn_blocking(testing::cluster).await.unwrap().home().join("tls/ca.crt")
    }

    #[tokio::test]
    async fn nobody_listening_is_transient() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = way(target(port, &authority().await)).connect().await.unwrap_err();
        assert_eq!((error.class(), error.is_transient()), (Class::Database, true));
        assert!(error.to_string().contains(&format!("localhost:{port}: nothing listens there")), "{error}");
    }

    #[tokio::test]
    async fn a_server_without_tls_gets_no_password() {
        for answer in [&b"N"[..], b"E\0\0\0\x08SFAT", b""] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                let mut request = [0; 8];
                socket.read_exact(&mut request).unwrap();
                socket.write_all(answer).unwrap();
                let mut rest = Vec::new();
                // A reset is as good an end as a close.
                let _ = socket.shutdown(std::net::Shutdown::Write).and_then(|()| socket.read_to_end(&mut rest));
                rest
            });
            let error = way(target(port, &authority().await)).connect().await.unwrap_err();
            assert_eq!(error.class(), Class::Database, "{error}");
            assert!(!server.join().unwrap().windows(7).any(|bytes| bytes == b"hunter2"));
        }
    }

    #[tokio::test]
    async fn a_folder_or_a_list_is_not_a_host() {
        for host in ["/var/run/postgresql", "@abstract", "one,two"] {
            let mut target = target(1, &authority().await);
            target.host = host.to_owned();
            assert_eq!(way(target).connect().await.unwrap_err().class(), Class::Usage);
        }
    }

    #[tokio::test]
    async fn an_unknown_database_is_named_with_what_to_add() {
        for error in [
            Databases::default().connect("clinic").await.unwrap_err(),
            Databases::default().administrator("clinic").await.unwrap_err(),
        ] {
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains("no database called clinic") && error.hint().unwrap().contains("databases:"));
        }
    }

    #[tokio::test]
    async fn a_dropped_session_ends_also_within_a_statement() {
        let databases = testing::database().await;
        let watcher = databases.administrator("local").await.unwrap();
        for busy in [false, true] {
            let session = databases.connect("local").await.unwrap();
            let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
            if busy {
                let mut statement = std::pin::pin!(session.batch_execute("SELECT pg_sleep(3600)"));
                assert!(futures::poll!(&mut statement).is_pending());
                let running = "SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'";
                while watcher.query_opt(running, &[&pid]).await.unwrap().is_none() {
                    assert!(futures::poll!(&mut statement).is_pending());
                }
            }
            drop(session);
            while watcher.query_opt("SELECT FROM pg_stat_activity WHERE pid = $1", &[&pid]).await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}
