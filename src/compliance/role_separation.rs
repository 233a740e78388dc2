//! Role separation: the application cannot become somebody with more rights. It must not know whose rights those are.

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::error::Result;

/// See the module.
pub struct RoleSeparation;

const ATTACKS: [(&str, &str); 5] = [
    ("the application becomes the owner of the tables", "SET ROLE genogate_owner"),
    ("the application makes itself a member of the owner", "GRANT genogate_owner TO genogate_app"),
    ("the application makes a role", "CREATE ROLE genogate_intruder SUPERUSER"),
    (
        "the application makes a function where pinned search paths look",
        "CREATE FUNCTION genogate_store.leak() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    ("the application runs a program on the server", "COPY (SELECT 1) TO PROGRAM 'true'"),
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
        let mut application = target.databases.connect(target.name).await?;
        let attempts = must_be_refused(&mut application, &ATTACKS).await?;
        application.close().await;
        Ok(attempts)
    }
}
