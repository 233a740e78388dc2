//! What a control is, and the attack most of them make: a statement that the database must refuse. It must not know any control.

use tokio_postgres::Client;

use crate::db::Databases;
use crate::error::{Class, Error, Result};

/// The database under attack.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// How it is reached.
    pub databases: &'a Databases,
    /// Its name there.
    pub name: &'a str,
}

/// One thing that must not work, tried.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Attempt {
    /// What was tried.
    pub attack: &'static str,
    /// Did the control hold?
    pub held: bool,
    /// What happened.
    pub evidence: String,
}

impl Attempt {
    /// An attempt whose outcome is known.
    pub fn new(attack: &'static str, held: bool, evidence: impl Into<String>) -> Self {
        Self { attack, held, evidence: evidence.into() }
    }
}

/// A safeguard that can be attacked.
#[async_trait::async_trait]
pub trait Control: Send + Sync {
    /// A short fixed name.
    fn id(&self) -> &'static str;

    /// The rule it serves (45 CFR, part 164).
    fn citation(&self) -> &'static str;

    /// What it promises.
    fn claim(&self) -> &'static str;

    /// Tries what must not work and leaves nothing behind. Fails when the attempt cannot be made at all.
    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>>;
}

/// Runs each statement in a transaction that is rolled back. The database must refuse every one of them for want of privilege;
/// a statement that fails for another reason proves nothing and does not count as refused.
pub(super) async fn must_be_refused(client: &mut Client, attacks: &[(&'static str, &str)]) -> Result<Vec<Attempt>> {
    let failure = |error| crate::db::failure("attacking a control", error);
    let mut attempts = Vec::new();
    for (attack, statement) in attacks {
        let transaction = client.transaction().await.map_err(failure)?;
        let outcome = transaction.batch_execute(statement).await;
        attempts.push(judge(attack, outcome.map_err(failure))?);
        transaction.rollback().await.map_err(failure)?;
    }
    Ok(attempts)
}

fn judge(attack: &'static str, outcome: Result<()>) -> Result<Attempt> {
    match outcome {
        Ok(()) => Ok(Attempt::new(attack, false, "it worked (and was rolled back)")),
        // insufficient_privilege (42501), or a refusal by one of our own guards.
        Err(error) => match (error.sqlstate(), error.class()) {
            (Some(code), Class::Denied) => Ok(Attempt::new(attack, true, format!("refused ({code})"))),
            (Some(code), _) => Ok(Attempt::new(attack, false, format!("failed for another reason ({code})"))),
            (None, _) => Err(Error::database("the connection was lost during an attack").with_source(error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_counts() {
        assert!(!judge("a", Ok(())).unwrap().held);
        assert!(judge("a", Err(Error::denied("x").with_sqlstate("42501"))).unwrap().held);
        assert!(!judge("a", Err(Error::failed("x").with_sqlstate("42P01"))).unwrap().held);
        assert!(judge("a", Err(Error::database("gone"))).is_err());
    }
}
