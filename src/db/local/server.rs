//! Makes, starts, stops and deletes the server with PostgreSQL's own programs. Everything here waits for processes. It
//! must not know what the server stores.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

use super::certificates::{self, replace};
use super::user::{ServerUser, make_folder, private_folder};
use super::{binaries, cluster::Cluster, settings};
use crate::crypto::{self, digest};
use crate::db::roles::{ADMINISTRATOR, APPLICATION};
use crate::error::{Error, Result};
use crate::secrets::{KeyRing, Keys, SecretRef, write_private};
use crate::sensitive::Sensitive;

/// How often another port is tried when somebody took the chosen one.
const PORTS: usize = 5;
/// How often a start is tried again while a killed server's processes end: half a minute.
const REMAINS: usize = 120;
/// Where root puts clusters of data homes that the server's user cannot reach.
const ELSEWHERE: &str = "/var/lib/genogate/clusters";

impl Cluster {
    /// Starts the server, making it at first use. Gives (made just now, was running already).
    pub(super) fn start_server(&self) -> Result<(bool, bool)> {
        if self.running().is_some() {
            return Ok((false, true));
        }
        let programs = binaries::server(self.made_by().as_deref())?;
        let user = ServerUser::find()?;
        self.make_root(&user)?;
        self.make_secrets()?;
        let created = !self.data().is_dir();
        if created {
            self.init(&programs, &user)?;
        }
        certificates::issue(&self.home().join("tls"), &self.conf(), &user)?;
        let socket = self.make_socket_folder(&user)?;
        let mut port = self.chosen_port().map_or_else(free_port, Ok)?;
        for attempt in 1.. {
            self.configure(&user, &socket, port)?;
            match self.launch(&programs, &user) {
                Ok(()) => break,
                Err(_) if attempt < PORTS && !is_free(port) => port = free_port()?,
                Err(error) => return Err(error),
            }
        }
        Ok((created, false))
    }

    /// Stops the server, waiting for it. False when none ran.
    pub(super) fn stop_server(&self) -> Result<bool> {
        if self.running().is_none() {
            return Ok(false);
        }
        let programs = binaries::server(self.made_by().as_deref())?;
        let user = self.owner()?;
        let mut stop = user.command(&programs.join("pg_ctl"), &self.root());
        stop.args(["stop", "--silent", "--wait", "--timeout=120", "--mode=fast", "--pgdata"]).arg(self.data());
        run(&mut stop, "stopping the managed database")?;
        Ok(true)
    }

    /// Deletes all but the key rings. False when there was nothing. The server must be stopped.
    pub(super) fn delete(&self) -> Result<bool> {
        let existed = self.link().symlink_metadata().is_ok();
        self.remove_short_socket_folder();
        for path in [self.root(), self.link(), self.home().join("tls"), self.password_file(), self.pgpass()] {
            let Ok(about) = path.symlink_metadata() else { continue };
            let removed = if about.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(|cause| {
                Error::failed(format!("{} cannot be deleted: {}", path.display(), cause.kind())).with_source(cause)
            })?;
        }
        // Only when they are empty.
        let _ = std::fs::remove_dir(ELSEWHERE);
        let _ = Path::new(ELSEWHERE).parent().map(std::fs::remove_dir);
        Ok(existed)
    }

    /// The major version that made the data files.
    pub(super) fn made_by(&self) -> Option<String> {
        std::fs::read_to_string(self.data().join("PG_VERSION")).ok().map(|text| text.trim().to_owned())
    }

    /// The user whom the data files belong to; another one than [`ServerUser::find`] gives when `GENOGATE_DB_USER` changed.
    fn owner(&self) -> Result<ServerUser> {
        let about = std::fs::metadata(self.data())
            .map_err(|cause| Error::failed(format!("the data folder: {}", cause.kind())).with_source(cause))?;
        ServerUser::owning(about.uid())
    }

    /// The cluster's own folder, and those in it.
    fn make_root(&self, user: &ServerUser) -> Result<()> {
        private_folder(self.home())?;
        let link = self.link();
        if !self.root().is_dir() {
            match user.barred_by(self.home()) {
                None => make_folder(&link, 0o711)?,
                // Somewhere above the data home the server's user cannot pass: its files go where system services have theirs.
                Some(_) => {
                    let elsewhere = Self::elsewhere();
                    private_folder(&elsewhere)?;
                    std::os::unix::fs::symlink(&elsewhere, &link).map_err(|cause| {
                        Error::failed(format!("{} cannot be made: {}", link.display(), cause.kind())).with_source(cause)
                    })?;
                }
            }
        }
        let root = self.root();
        if let Some(bar) = user.barred_by(&root) {
            return Err(Error::database(format!("the user {} cannot pass through {}", user.name, bar.display()))
                .with_hint("set GENOGATE_HOME to a folder that user can reach, such as /var/lib/genogate"));
        }
        if !self.conf().is_dir() {
            make_folder(&self.conf(), 0o711)?;
        }
        let log = root.join("log");
        if !log.is_dir() {
            user.make_folder(&log)?;
        }
        Ok(())
    }

    /// A new place, never one that an earlier cluster left behind.
    fn elsewhere() -> PathBuf {
        let mut name = [0; 8];
        crypto::random(&mut name);
        Path::new(ELSEWHERE).join(digest::hex(&name))
    }

    /// Password of the application, and key rings for development.
    fn make_secrets(&self) -> Result<()> {
        let keys = self.home().join("keys");
        if !keys.is_dir() {
            make_folder(&keys, 0o700)?;
        }
        for name in Keys::development_names() {
            let path = Keys::development_ring(self.home(), name);
            if !path.exists() {
                write_private(&path, KeyRing::generate().to_text().expose().as_bytes())?;
            }
        }
        if !self.password_file().exists() {
            let mut bytes = [0; 32];
            crypto::random(&mut bytes);
            let password = Sensitive::new(URL_SAFE_NO_PAD.encode(bytes));
            bytes.zeroize();
            write_private(&self.password_file(), password.expose().as_bytes())?;
        }
        Ok(())
    }

    /// Runs initdb. The data folder appears whole or not at all.
    fn init(&self, programs: &Path, user: &ServerUser) -> Result<()> {
        let draft = self.root().join("data.new");
        let failed = |cause: std::io::Error| {
            Error::failed(format!("{} cannot be made: {}", self.data().display(), cause.kind())).with_source(cause)
        };
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(failed)?;
        }
        user.make_folder(&draft)?;
        let mut init = user.command(&programs.join("initdb"), &self.root());
        init.args([
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=peer",
            "--auth-host=reject",
            "--no-instructions",
        ])
        .arg(format!("--username={ADMINISTRATOR}"))
        .arg("--pgdata")
        .arg(&draft);
        run(&mut init, "making the managed database")?;
        std::fs::rename(&draft, self.data()).map_err(failed)
    }

    fn configure(&self, user: &ServerUser, socket: &Path, port: u16) -> Result<()> {
        // The server resolves nothing relative to where it was started.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let (conf, data) = (absolute(self.conf()), absolute(self.data()));
        for (name, text) in [
            ("postgresql.conf", settings::server(&conf, &data, socket, port)),
            ("pg_hba.conf", settings::access()),
            ("pg_ident.conf", settings::identities(&user.administrators())),
        ] {
            replace(&conf.join(name), text.as_bytes())?;
            user.lend(&conf.join(name))?;
        }
        replace(&self.root().join("port"), format!("{port}\n").as_bytes())?;
        let password = SecretRef::File(self.password_file()).read(self.home())?;
        let entry = Sensitive::new(format!("*:{port}:*:{APPLICATION}:{}\n", password.expose()));
        replace(&self.pgpass(), entry.expose().as_bytes())
    }

    /// Starts the server. What a killed one left (its processes take a moment to end) is waited for.
    fn launch(&self, programs: &Path, user: &ServerUser) -> Result<()> {
        for _ in 0..REMAINS {
            match self.launch_once(programs, user) {
                Err(error) if ["already exists", "is still in use"].iter().any(|words| error.to_string().contains(words)) => {
                    std::thread::sleep(Duration::from_millis(250));
                }
                outcome => return outcome,
            }
        }
        self.launch_once(programs, user)
    }

    fn launch_once(&self, programs: &Path, user: &ServerUser) -> Result<()> {
        let before = std::fs::metadata(self.log()).map_or(0, |about| about.len());
        let mut start = user.command(&programs.join("pg_ctl"), &self.root());
        start.args(["start", "--silent", "--wait", "--timeout=120", "--pgdata"]).arg(self.conf()).arg("--log").arg(self.log());
        run(&mut start, "starting the managed database").map_err(|error| {
            let log = std::fs::read(self.log()).unwrap_or_default();
            let fresh = log.get(usize::try_from(before).unwrap_or(0)..).unwrap_or_default();
            let fresh = String::from_utf8_lossy(fresh);
            match fresh.lines().find_map(|line| line.split_once("FATAL:")) {
                Some((_, reason)) => Error::database(format!("starting the managed database: {}", reason.trim())),
                None => error,
            }
            .with_hint(format!("its log is {}", self.log().display()))
        })
    }
}

/// Runs a program of PostgreSQL. Its words go into the hint: they are about files and settings, never about data.
fn run(command: &mut Command, doing: &str) -> Result<()> {
    let output = command.output().map_err(|cause| {
        let program = command.get_program().to_string_lossy().into_owned();
        Error::database(format!("{doing}: {program} cannot be run: {}", cause.kind())).with_source(cause)
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    Err(Error::database(format!("{doing}: {} ended with {}", command.get_program().to_string_lossy(), output.status))
        .with_hint(said))
}

/// A port of 127.0.0.1 nobody listens on.
fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|cause| Error::database(format!("no free port on 127.0.0.1: {}", cause.kind())).with_source(cause))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
