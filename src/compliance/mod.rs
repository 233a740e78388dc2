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
    use crate::db::Databases;
    use crate::db::local::{Cluster, testing};

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
            ("vault-secrecy", "GRANT UPDATE ON phi_vault.samples TO genogate_app"),
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

    /// A server of its own, weakened: rules of pg_hba.conf, and what its administrator does. Each names the attempt that must fail.
    #[tokio::test]
    async fn every_weakness_of_a_server_is_found() {
        let home = tempfile::tempdir().unwrap();
        let cluster = Cluster::open(home.path());
        cluster.start().await.unwrap();
        let databases = Databases::default().with_home(home.path());
        let rules = home.path().join("postgres/conf/pg_hba.conf");
        let strict = std::fs::read_to_string(&rules).unwrap();
        let password = std::fs::read_to_string(home.path().join("app.password")).unwrap();
        let (md5, scram) = (stored(&password, "md5"), stored(&password, "scram-sha-256"));
        let no_tls = "a connection without TLS";
        let power = "the application's role is looked at for power";
        #[rustfmt::skip]
        let weaknesses = [
            (no_tls, "host all genogate_app 127.0.0.1/32 scram-sha-256", "SELECT 1", "SELECT 1"),
            (no_tls, "host all genogate_app 127.0.0.1/32 trust", "SELECT 1", "SELECT 1"),
            // Refused with the same SQLSTATE as where there is no rule, but not before the server has asked who that is.
            (no_tls, "hostnossl all genogate_app 127.0.0.1/32 ident", "SELECT 1", "SELECT 1"),
            ("the administrator's role over the network", "hostssl all genogate_admin 127.0.0.1/32 scram-sha-256", "SELECT 1", "SELECT 1"),
            ("the administrator's role over the network", "hostssl all genogate_admin 127.0.0.1/32 trust", "SELECT 1", "SELECT 1"),
            ("a login by anything but SCRAM bound to the TLS channel", "hostssl all genogate_app 127.0.0.1/32 md5", &md5, &scram),
            ("a login by anything but SCRAM bound to the TLS channel", "hostssl all genogate_app 127.0.0.1/32 password", "SELECT 1", "SELECT 1"),
            ("a login by anything but SCRAM bound to the TLS channel", "hostssl all genogate_app 127.0.0.1/32 trust", "SELECT 1", "SELECT 1"),
            (power, "", "ALTER ROLE genogate_app CREATEROLE", "ALTER ROLE genogate_app NOCREATEROLE"),
            ("the application makes a role", "", "ALTER ROLE genogate_app CREATEROLE", "ALTER ROLE genogate_app NOCREATEROLE"),
            (power, "", "ALTER ROLE genogate_app BYPASSRLS", "ALTER ROLE genogate_app NOBYPASSRLS"),
            ("the application reads the vault", "", "GRANT pg_read_all_data TO genogate_app", "REVOKE pg_read_all_data FROM genogate_app"),
            ("the application runs a program on the server", "", "GRANT pg_execute_server_program TO genogate_app",
                "REVOKE pg_execute_server_program FROM genogate_app"),
            ("the application makes a schema", "", "GRANT CREATE ON DATABASE genogate TO genogate_app",
                "REVOKE CREATE ON DATABASE genogate FROM genogate_app"),
            ("the application switches triggers off", "", "ALTER ROLE genogate_app SUPERUSER", "ALTER ROLE genogate_app NOSUPERUSER"),
        ];
        for (attempt, rule, weaken, mend) in weaknesses {
            ruled(&databases, &rules, &format!("{rule}\n{strict}"), weaken).await;
            let report = check(&Target { databases: &databases, name: "local" }).await.unwrap();
            let broken: Vec<&str> =
                report.findings().iter().flat_map(|f| &f.attempts).filter(|a| !a.held).map(|a| a.attack).collect();
            assert!(broken.contains(&attempt), "{rule} {weaken}\n{report}");
            ruled(&databases, &rules, &strict, mend).await;
        }
        let report = check(&Target { databases: &databases, name: "local" }).await.unwrap();
        assert!(report.held(), "mended: {report}");
        cluster.reset().await.unwrap();
    }

    fn stored(password: &str, how: &str) -> String {
        format!("SET password_encryption = '{how}'; ALTER ROLE genogate_app PASSWORD '{}'", password.trim())
    }

    /// Puts rules in force and carries a statement out.
    async fn ruled(databases: &Databases, file: &std::path::Path, rules: &str, statement: &str) {
        let loaded = "SELECT pg_conf_load_time()::text";
        let administrator = databases.administrator("local").await.unwrap();
        administrator.batch_execute(statement).await.unwrap();
        std::fs::write(file, rules).unwrap();
        let before: String = administrator.query_one(loaded, &[]).await.unwrap().get(0);
        administrator.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // A new session has what the server read last.
        loop {
            let session = databases.administrator("local").await.unwrap();
            if session.query_one(loaded, &[]).await.unwrap().get::<_, String>(0) != before {
                break;
            }
        }
    }
}
