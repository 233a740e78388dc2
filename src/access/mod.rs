//! Who may do what: a [`Grant`] is the only ticket into `run`. It must not know pipelines.

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
    /// Read the audit trail.
    AuditRead,
    /// Migrate and administer the database.
    Administer,
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
        Err(Error::denied(format!("{} lacks the permission {permission:?}", self.actor)))
    }
}
