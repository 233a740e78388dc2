//! One session with a server: over verified TLS, or as the cluster's administrator over its private socket. It must not
//! know what the session is for.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Client, Config, NoTls};

use super::Backoff;
use super::failure::{failure, is_tls};
use super::tls;
use crate::error::{Class, Error, Result};
use crate::sensitive::Sensitive;

/// How long a server may take from the first packet to a usable session. The driver's own limit covers TCP only.
const BEGINNING: Duration = Duration::from_secs(30);

/// How long a server may leave sent bytes unacknowledged before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a session whose [`Connection`] is gone may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long a server that is full (53300), starting or stopping (57P03) is waited for.
const CROWDED: Duration = Duration::from_secs(60);

/// Settings every session begins with. Names resolve to our barrier views and to nothing anybody else can create. A server
/// that lost its client without a word (the machine died, the network was cut) notices within 25 seconds while it waits for
/// it, within ten more inside a statement (PostgreSQL 14 and newer): its locks go before who resumes gives up waiting for them.
const SESSION: &str = "\
    SELECT pg_catalog.set_config('search_path', 'genogate, pg_temp', false), \
           pg_catalog.set_config('TimeZone', 'UTC', false), \
           pg_catalog.set_config('DateStyle', 'ISO, YMD', false), \
           pg_catalog.set_config('client_min_messages', 'warning', false), \
           pg_catalog.set_config('tcp_keepalives_idle', '10', false), \
           pg_catalog.set_config('tcp_keepalives_interval', '5', false), \
           pg_catalog.set_config('tcp_keepalives_count', '3', false); \
    SELECT pg_catalog.set_config(name, '10000', false) FROM pg_catalog.pg_settings \
     WHERE name = 'client_connection_check_interval'";

/// A live session. Dropping it ends its driver task: at once when idle, else within two seconds by closing the socket.
pub struct Connection {
    client: Client,
    // Dropped after `client`, which tells the driver that no more statements come.
    driver: Driver,
}

struct Driver {
    task: JoinHandle<()>,
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
        let Self { client, driver: Driver { task, _gone } } = self;
        drop(client);
        drop(_gone);
        // The driver ends by itself; how is of no interest any more.
        let _ = task.await;
    }

    async fn begin<S, T>(client: Client, connection: tokio_postgres::Connection<S, T>) -> Result<Self>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        T: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
    {
        let (sender, gone) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            // An error of the driver reaches whoever waits for a statement; here it has nobody to tell.
            tokio::select! {
                _ = &mut connection => {}
                _ = gone => { let _ = tokio::time::timeout(GOODBYE, connection).await; }
            }
        });
        client.batch_execute(SESSION).await.map_err(|error| failure("beginning a session", error))?;
        Ok(Self { client, driver: Driver { task, _gone: sender } })
    }
}

/// Everything a TLS connection needs, resolved.
#[derive(Debug)]
pub(super) struct Target {
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

impl Target {
    /// Several sessions, or none: who waits for a full server, as long as `patience`, holds nothing that others wait for.
    pub async fn connect_together<const N: usize>(&self, patience: Duration) -> Result<[Connection; N]> {
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
            match refused.sqlstate() {
                Some("53300" | "57P03") => tries.after(refused).await?,
                _ => return Err(refused),
            }
        }
    }

    /// Connects with what libpq calls `sslmode=verify-full`, and SCRAM bound to the TLS channel where the server offers it
    /// (RFC 5929 `tls-server-end-point`). Waits a minute at most for a server that has no connection free or is starting.
    pub async fn connect(&self) -> Result<Connection> {
        let [connection] = self.connect_together(CROWDED).await?;
        Ok(connection)
    }

    async fn connect_once(&self) -> Result<Connection> {
        if self.host.starts_with('/') || self.host.starts_with('@') || self.host.contains(',') {
            return Err(Error::usage(format!("{} is not one host name", self.host))
                .with_hint("genogate connects over verified TLS: name one host, as its certificate does"));
        }
        let connector = tls::connector(&self.ca).map_err(|error| match error.hint() {
            None => error.with_hint(format!(
                "{} must name the PEM file of the authority that signed the server's certificate",
                self.ca_setting
            )),
            Some(_) => error,
        })?;
        let mut config = common();
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
        Connection::begin(client, connection).await
    }
}

/// Connects over a Unix socket in the folder `socket`; the server identifies us by our operating system user (`peer`).
pub(super) async fn over_socket(socket: &Path, port: u16, name: &str, user: &str) -> Result<Connection> {
    let mut config = common();
    config.host_path(socket).port(port).dbname(name).user(user);
    let (client, connection) =
        config.connect(NoTls).await.map_err(|error| failure("connecting to the managed database's socket", error))?;
    Connection::begin(client, connection).await
}

fn common() -> Config {
    let mut config = Config::new();
    config
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

    async fn authority() -> PathBuf {
        tokio::task::spawn_blocking(testing::cluster).await.unwrap().home().join("tls/ca.crt")
    }

    #[tokio::test]
    async fn nobody_listening_is_transient() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = target(port, &authority().await).connect().await.unwrap_err();
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
            let error = target(port, &authority().await).connect().await.unwrap_err();
            assert_eq!(error.class(), Class::Database, "{error}");
            assert!(!server.join().unwrap().windows(7).any(|bytes| bytes == b"hunter2"));
        }
    }

    #[tokio::test]
    async fn a_folder_or_a_list_is_not_a_host() {
        for host in ["/var/run/postgresql", "@abstract", "one,two"] {
            let mut target = target(1, &authority().await);
            target.host = host.to_owned();
            assert_eq!(target.connect().await.unwrap_err().class(), Class::Usage);
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
