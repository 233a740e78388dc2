//! Controls that are attacked, not looked at: each tries what must not work, on the running database, and tells what happened.
//! It must not know pipelines, and nothing it does outlives its transaction.

mod audit_integrity;
mod control;
mod report;
mod role_separation;
mod storage_guard;
mod transmission_security;
mod vault_secrecy;

pub use control::{Attempt, Control, Target};
pub use report::{Finding, Report};

use crate::error::Result;

/// Every control there is.
pub fn controls() -> [&'static dyn Control; 5] {
    [
        &transmission_security::TransmissionSecurity,
        &audit_integrity::AuditIntegrity,
        &storage_guard::StorageGuard,
        &vault_secrecy::VaultSecrecy,
        &role_separation::RoleSeparation,
    ]
}

/// Attacks every control of a database. Fails only when an attack cannot be made; a broken control is in the report.
pub async fn check(target: &Target<'_>) -> Result<Report> {
    let mut findings = Vec::new();
    for control in controls() {
        let attempts = control.attack(target).await.map_err(|error| error.at(control.id()))?;
        findings.push(Finding::new(control, attempts));
    }
    Ok(Report::new(findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::local::testing;

    #[tokio::test]
    async fn every_control_holds_on_a_fresh_database() {
        let databases = testing::database().await;
        let report = check(&Target { databases: &databases, name: "local" }).await.unwrap();
        assert!(report.held(), "{report}");
        assert!(report.findings().iter().all(|finding| finding.attempts.len() >= 3), "{report}");
        report.require().unwrap();
    }

    /// Each weakens the database by one statement and names the control that must notice.
    #[tokio::test]
    async fn every_weakness_is_found() {
        #[rustfmt::skip]
        let weaknesses = [
            ("audit-integrity", "GRANT DELETE ON audit.events TO genogate_app; DROP TRIGGER refuse ON audit.events"),
            ("audit-integrity", "GRANT UPDATE ON audit.events TO genogate_app; DROP TRIGGER refuse ON audit.events"),
            ("audit-integrity", "DROP TRIGGER guard_insert ON audit.events"),
            ("storage-guard", "DROP TRIGGER guard_insert ON genogate_store.variants"),
            ("storage-guard", "GRANT SELECT ON genogate_store.variants TO genogate_app"),
            ("storage-guard", "GRANT INSERT ON genogate_store.variants_22 TO genogate_app;
                               DROP TRIGGER guard_insert ON genogate_store.variants_22"),
            ("storage-guard", "DROP VIEW genogate.variants; CREATE VIEW genogate.variants AS SELECT * FROM genogate_store.variants;
                               GRANT SELECT ON genogate.variants TO genogate_app"),
            ("vault-secrecy", "GRANT SELECT ON phi_vault.samples TO genogate_app"),
            ("role-separation", "GRANT CREATE ON SCHEMA genogate_store TO genogate_app"),
        ];
        for (control, weakness) in weaknesses {
            let databases = testing::database().await;
            let superuser = databases.administrator("local").await.unwrap();
            superuser.batch_execute(weakness).await.unwrap();
            let report = check(&Target { databases: &databases, name: "local" }).await.unwrap();
            let broken: Vec<&str> = report.findings().iter().filter(|f| !f.held).map(|f| f.control).collect();
            assert!(broken.contains(&control), "{weakness}\n{report}");
            assert_eq!(report.require().unwrap_err().class(), crate::error::Class::Integrity);
        }
    }
}
