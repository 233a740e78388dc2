//! The operating system user a server runs as, and folders for it. PostgreSQL refuses root, so root hands over to an
//! unprivileged user. It must not know what runs.

use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, chown, geteuid};

use crate::error::{Error, Result};

/// Users root hands over to, in order, unless `GENOGATE_DB_USER` names one.
const UNPRIVILEGED: [&str; 3] = ["postgres", "genogate", "nobody"];

/// Who the server runs as.
#[derive(Clone, Debug)]
pub(super) struct ServerUser {
    pub name: String,
    uid: Uid,
    gid: Gid,
    /// Does root hand over to it?
    dropped: bool,
}

impl ServerUser {
    /// The caller, or for root: `GENOGATE_DB_USER`, else the first that exists of `postgres`, `genogate`, `nobody`.
    pub fn find() -> Result<Self> {
        let of = |user: User, dropped| Self { name: user.name, uid: user.uid, gid: user.gid, dropped };
        let named = |name: &str| User::from_name(name).ok().flatten().filter(|user| !user.uid.is_root());
        let caller = geteuid();
        if !caller.is_root() {
            let user = User::from_uid(caller).ok().flatten();
            return user.map(|user| of(user, false)).ok_or_else(|| {
                Error::database(format!("the user id {caller} has no name, and PostgreSQL runs only as a user with one"))
                    .with_hint("add the user to /etc/passwd")
            });
        }
        let found = match std::env::var("GENOGATE_DB_USER") {
            Ok(name) if !name.is_empty() => {
                let user = named(&name).map(|user| of(user, true));
                return user
                    .ok_or_else(|| Error::database(format!("GENOGATE_DB_USER names {name}, which is no user, or is root")));
            }
            _ => UNPRIVILEGED.into_iter().find_map(named),
        };
        found.map(|user| of(user, true)).ok_or_else(|| {
            Error::database("PostgreSQL does not run as root, and there is no unprivileged user to hand over to")
                .with_hint("set GENOGATE_DB_USER to an existing user other than root")
        })
    }

    /// The user with this id, to whom data files belong already.
    pub fn owning(uid: u32) -> Result<Self> {
        let caller = geteuid();
        if uid != caller.as_raw() && !caller.is_root() {
            return Err(Error::denied("the managed database belongs to another user"));
        }
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        user.map(|user| Self { name: user.name, uid: user.uid, gid: user.gid, dropped: caller.is_root() })
            .ok_or_else(|| Error::database(format!("the user id {uid}, whom the managed database belongs to, has no name")))
    }

    /// Is this the user's id?
    pub fn is(&self, uid: u32) -> bool {
        self.uid.as_raw() == uid
    }

    /// Operating system users that are the cluster's administrator: the server's own, and root, who owns the machine.
    pub fn administrators(&self) -> Vec<&str> {
        if self.dropped { vec![&self.name, "root"] } else { vec![&self.name] }
    }

    /// A program run as this user, in `folder`, with nothing of the caller's environment but `PATH`. When root hands over,
    /// user, group and supplementary groups are all given up.
    pub fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null());
        if self.dropped {
            // The standard library drops supplementary groups when it changes the user id as root.
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Makes an empty folder 0700 that this user owns. Its parent must belong to the caller.
    pub fn make_folder(&self, path: &Path) -> Result<()> {
        make_folder(path, 0o700)?;
        self.give(path)
    }

    /// Gives a path to this user.
    pub fn give(&self, path: &Path) -> Result<()> {
        if !self.dropped {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(|cause| Error::failed(format!("{} cannot be given to {}: {cause}", path.display(), self.name)))
    }

    /// Lets this user's group read a file of the caller's, and nobody else.
    pub fn lend(&self, path: &Path) -> Result<()> {
        if !self.dropped {
            return Ok(());
        }
        let failed =
            |cause: &dyn std::fmt::Display| Error::failed(format!("{} cannot be lent to {}: {cause}", path.display(), self.name));
        chown(path, None, Some(self.gid)).map_err(|cause| failed(&cause))?;
        std::fs::set_permissions(path, Permissions::from_mode(0o640)).map_err(|cause| failed(&cause.kind()))
    }

    /// May this user pass through every folder down to `path`? The first that bars the way, if any.
    pub fn barred_by<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if !self.dropped {
            return None;
        }
        path.ancestors().find(|folder| {
            std::fs::metadata(folder).is_ok_and(|about| {
                let bit = match () {
                    () if about.uid() == self.uid.as_raw() => 0o100,
                    () if about.gid() == self.gid.as_raw() => 0o010,
                    () => 0o001,
                };
                about.mode() & bit == 0
            })
        })
    }
}

/// Makes a folder, and those above it, for the caller. For root it can be passed through, not listed, by others: the
/// server's user must reach its own folders inside.
pub(super) fn private_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|cause| cannot_make(parent, &cause))?;
        }
        match make_folder(path, 0o700) {
            // Somebody else was faster.
            Err(_) if path.is_dir() => {}
            outcome => outcome?,
        }
    }
    if geteuid().is_root() {
        let about = std::fs::metadata(path).map_err(|cause| cannot_make(path, &cause))?;
        if about.uid() == 0 && about.mode() & 0o001 == 0 {
            let passable = Permissions::from_mode((about.mode() & 0o7777) | 0o011);
            std::fs::set_permissions(path, passable).map_err(|cause| cannot_make(path, &cause))?;
        }
    }
    Ok(())
}

/// Makes one folder with exactly this mode.
pub(super) fn make_folder(path: &Path, mode: u32) -> Result<()> {
    std::fs::DirBuilder::new().mode(mode).create(path).map_err(|cause| cannot_make(path, &cause))?;
    std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|cause| cannot_make(path, &cause))
}

fn cannot_make(path: &Path, cause: &std::io::Error) -> Error {
    Error::failed(format!("the folder {} cannot be made: {}", path.display(), cause.kind()))
        .with_hint("set GENOGATE_HOME to a folder of yours")
}
