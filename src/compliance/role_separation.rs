//! Role separation: the application cannot become somebody with more rights. It must not know whose rights those are.

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::db;
use crate::error::Result;

/// See the module.
pub struct RoleSeparation;

const ATTACKS: [(&str, &str); 7] = [
    ("the application becomes the owner of the tables", "SET ROLE genogate_owner"),
    ("the application makes itself a member of the owner", "GRANT genogate_owner TO genogate_app"),
    ("the application makes a role", "CREATE ROLE genogate_intruder"),
    (
        "the application makes a function where pinned search paths look",
        "CREATE FUNCTION genogate_store.leak() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    ("the application runs a program on the server", "COPY (SELECT 1) TO PROGRAM 'true'"),
    ("the application reads a file of the server", "SELECT pg_catalog.pg_read_file('PG_VERSION')"),
    ("the application makes a schema", "CREATE SCHEMA genogate_intruder"),
];

#[async_trait::async_trait]
impl Control for RoleSeparation {
    fn id(&self) -> &'static str {
        "role-separation"
    }

    fn citation(&self) -> &'static str {
        "45 CFR 164.308(a)(4), 164.312(a)(1)"
    }

    fn claim(&self) -> &'static str {
        "the application's role owns nothing and cannot gain rights"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let mut application = target.databases.connect_to_attack(target.name).await?;
        let power = db::power(&application).await?;
        let evidence = power.as_deref().unwrap_or("none, of its own or by SET ROLE");
        let mut attempts = vec![Attempt::new("the application's role is looked at for power", power.is_none(), evidence)];
        attempts.extend(must_be_refused(&mut application, &ATTACKS).await?);
        application.close().await;
        Ok(attempts)
    }
}
