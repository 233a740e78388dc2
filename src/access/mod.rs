//! Who may do what: a [`Grant`] is the only ticket into `run`. It must not know pipelines.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};

/// One thing somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Load files into the warehouse.
    LoadRun,
    /// List, show, resume and drop loads.
    LoadManage,
    /// Read variants and calls.
    Query,
    /// Read and verify the audit trail.
    AuditRead,
    /// Migrate and administer the database.
    Administer,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 5] =
        [Permission::LoadRun, Permission::LoadManage, Permission::Query, Permission::AuditRead, Permission::Administer];

    /// The word used in messages and audit events.
    pub fn name(self) -> &'static str {
        ["load_run", "load_manage", "query", "audit_read", "administer"][self as usize]
    }
}

/// Proof that somebody was identified and may do certain things. Made only in this room.
#[derive(Clone, Debug)]
pub struct Grant {
    actor: String,
    permissions: Vec<Permission>,
}

impl Grant {
    /// Who acts: the name audit events carry.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Ends with class `denied` unless the grant holds `permission`.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions.contains(&permission) {
            return Ok(());
        }
        Err(Error::denied(format!("{} lacks the permission {}", self.actor, permission.name())))
    }
}

/// The grant of whoever runs the managed database in `home`: its owner by the operating system, or root, may do everything.
///
/// A home that does not exist yet will belong to whoever makes it. The actor is `local:uid=N`: a user's name may identify a
/// person, and the audit trail holds no such names.
pub fn local_administrator(home: &Path) -> Result<Grant> {
    let uid = nix::unistd::geteuid().as_raw();
    match std::fs::metadata(home) {
        Ok(metadata) => owner_grant(uid, Some(metadata.uid())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => owner_grant(uid, None),
        Err(error) => Err(Error::denied(format!("the managed database's folder cannot be examined ({})", error.kind()))
            .with_hint("run the command as the user who started the database")),
    }
}

/// The grant of whoever holds the credentials of a database that genogate does not manage. Holding them is all the proof there
/// is until the database knows people and sessions itself.
pub fn credential_holder() -> Grant {
    everything(nix::unistd::geteuid().as_raw())
}

fn owner_grant(uid: u32, owner: Option<u32>) -> Result<Grant> {
    if uid != 0 && owner.is_some_and(|owner| owner != uid) {
        return Err(Error::denied("the managed database belongs to another user")
            .with_hint("run the command as the user who started it, or name your own database in the pipeline file"));
    }
    Ok(everything(uid))
}

fn everything(uid: u32) -> Grant {
    Grant { actor: format!("local:uid={uid}"), permissions: Permission::ALL.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn owner_and_root_may_do_everything_and_nobody_else_anything() {
        for (uid, owner, granted) in [
            (1000, Some(1000), true),
            (0, Some(1000), true),
            (1000, None, true),
            (1000, Some(0), false),
            (1001, Some(1000), false),
        ] {
            match owner_grant(uid, owner) {
                Ok(grant) => {
                    assert!(granted, "{uid} {owner:?}");
                    assert_eq!(grant.actor(), format!("local:uid={uid}"));
                    assert!(Permission::ALL.into_iter().all(|p| grant.require(p).is_ok()));
                }
                Err(error) => assert!(!granted && error.class() == Class::Denied, "{uid} {owner:?}"),
            }
        }
    }

    #[test]
    fn a_grant_holds_exactly_its_permissions() {
        for held in Permission::ALL {
            let grant = Grant { actor: "a".into(), permissions: vec![held] };
            for asked in Permission::ALL {
                match grant.require(asked) {
                    Ok(()) => assert_eq!(held, asked),
                    Err(error) => assert!(held != asked && error.class() == Class::Denied),
                }
            }
        }
    }

    #[test]
    fn the_name_of_a_permission_is_its_serialized_word() {
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }

    #[test]
    fn the_folder_of_this_process_is_its_own() {
        let home = tempfile::tempdir().unwrap();
        assert!(local_administrator(home.path()).is_ok());
        assert!(local_administrator(&home.path().join("not-yet")).is_ok());
    }
}
