//! One session with a server: over verified TLS, or as the cluster's administrator over its private socket. It must not
//! know what the session is for.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Client, Config, NoTls};

use super::failure::{failure, is_tls};
use super::tls;
use crate::error::{Class, Error, Result};
use crate::sensitive::Sensitive;

/// How long a session whose [`Connection`] is gone may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Settings every session begins with. Names resolve to our barrier views and to nothing anybody else can create; a
/// server that lost its client notices within ten seconds (PostgreSQL 14 and newer), so an abandoned statement ends.
const SESSION: &str = "\
    SELECT pg_catalog.set_config('search_path', 'genogate, pg_temp', false), \
           pg_catalog.set_config('TimeZone', 'UTC', false), \
           pg_catalog.set_config('DateStyle', 'ISO, YMD', false), \
           pg_catalog.set_config('client_min_messages', 'warning', false); \
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
}

impl Target {
    /// Connects with what libpq calls `sslmode=verify-full`, and SCRAM bound to the TLS channel where the server offers it
    /// (RFC 5929 `tls-server-end-point`).
    pub async fn connect(&self) -> Result<Connection> {
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
            .channel_binding(ChannelBinding::Prefer);
        if let Some(address) = self.address {
            config.hostaddr(address);
        }
        let doing = format!("connecting to {}:{}", self.host, self.port);
        let (client, connection) = config.connect(connector).await.map_err(|cause| {
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
    config.application_name("genogate").connect_timeout(Duration::from_secs(10)).keepalives_idle(Duration::from_secs(60));
    config
}
