//! Vault secrecy: the application resolves names and never reads the vault. It must not know what is in it.

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::error::Result;

/// See the module.
pub struct VaultSecrecy;

const ATTACKS: [(&str, &str); 4] = [
    ("the application reads the vault", "SELECT * FROM phi_vault.samples"),
    ("the application changes a mapping", "UPDATE phi_vault.samples SET pseudonym = 'x'"),
    ("the application deletes mappings", "DELETE FROM phi_vault.samples"),
    ("the application puts a view of its own over the vault", "CREATE VIEW genogate.leak AS SELECT * FROM phi_vault.samples"),
];

#[async_trait::async_trait]
impl Control for VaultSecrecy {
    fn id(&self) -> &'static str {
        "vault-secrecy"
    }

    fn citation(&self) -> &'static str {
        "45 CFR 164.312(a)(1), 164.514(c)"
    }

    fn claim(&self) -> &'static str {
        "with the application's credentials nobody reads which pseudonym is whose"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let mut application = target.databases.connect_to_attack(target.name).await?;
        let attempts = must_be_refused(&mut application, &ATTACKS).await?;
        application.close().await;
        Ok(attempts)
    }
}
