//! Where the private socket lies, and whether a server answers on it. It must not know who asks.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::cluster::Cluster;
use super::user::{ServerUser, make_folder};
use crate::crypto::digest;
use crate::error::{Error, Result};

/// Bytes of a socket's path that every system takes (`sun_path` is 104 or 108 with the final zero).
const LONGEST: usize = 103;
/// Length of `/.s.PGSQL.65535`.
const NAME: usize = 15;

/// A server that answers.
pub(super) struct Running {
    pub pid: i32,
    pub port: u16,
    pub socket: PathBuf,
}

impl Cluster {
    /// The running server, if one answers on its socket.
    pub(super) fn running(&self) -> Option<Running> {
        // PostgreSQL, "Database File Layout": pid, data folder, start time, port, socket folder, … one a line.
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let port = lines.nth(2)?.trim().parse().ok()?;
        let socket = PathBuf::from(lines.next()?.trim());
        UnixStream::connect(socket.join(format!(".s.PGSQL.{port}"))).ok()?;
        Some(Running { pid, port, socket })
    }

    /// The port chosen at the first start.
    pub(super) fn chosen_port(&self) -> Option<u16> {
        std::fs::read_to_string(self.root().join("port")).ok()?.trim().parse().ok()
    }

    /// Makes the private folder for the socket: in the cluster, or where paths are short.
    pub(super) fn make_socket_folder(&self, user: &ServerUser) -> Result<PathBuf> {
        let usual = std::path::absolute(self.root().join("socket")).unwrap_or_else(|_| self.root().join("socket"));
        let folder = if usual.as_os_str().len() + NAME <= LONGEST { usual } else { self.short_socket_folder() };
        if let Some(parent) = folder.parent().filter(|parent| !parent.is_dir()) {
            make_folder(parent, 0o711)?;
        }
        if folder.symlink_metadata().is_err() {
            user.make_folder(&folder)?;
        }
        let about = folder
            .symlink_metadata()
            .map_err(|cause| Error::failed("the folder of the private socket went away").with_source(cause))?;
        if !about.is_dir() || about.mode() & 0o077 != 0 || !user.is(about.uid()) {
            return Err(Error::denied(format!("{} is not a private folder of {}", folder.display(), user.name))
                .with_hint("remove it, then start again"));
        }
        Ok(folder)
    }

    /// A folder with a short path that is the same at every start.
    fn short_socket_folder(&self) -> PathBuf {
        let digest = digest::hex(&digest::sha256(self.root().as_os_str().as_encoded_bytes()));
        let short = digest.get(..16).unwrap_or_default();
        let user = geteuid();
        if user.is_root() {
            return Path::new("/run/genogate").join(short);
        }
        let session = PathBuf::from(format!("/run/user/{user}"));
        if session.is_dir() {
            return session.join("genogate").join(short);
        }
        std::env::temp_dir().join(format!("genogate-{user}-{short}"))
    }

    /// Removes the socket's folder where it lies outside the cluster, and the folder around it with the last one.
    pub(super) fn remove_short_socket_folder(&self) {
        let folder = self.short_socket_folder();
        // Absent in the usual case; the one around it may hold others.
        let _ = std::fs::remove_dir_all(&folder);
        let _ = folder.parent().filter(|parent| parent.ends_with("genogate")).map(std::fs::remove_dir);
    }
}
