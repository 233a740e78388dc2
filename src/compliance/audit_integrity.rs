//! Audit integrity: the trail grows and nothing else happens to it. It must not know what events mean.

use super::control::{Attempt, Control, Target, must_be_refused};
use crate::audit;
use crate::error::Result;

/// See the module.
pub struct AuditIntegrity;

const ATTACKS: [(&str, &str); 7] = [
    ("the application edits events", "UPDATE audit.events SET actor = 'nobody'"),
    ("the application deletes events", "DELETE FROM audit.events"),
    ("the application empties the trail", "TRUNCATE audit.events"),
    ("the application moves the head", "UPDATE audit.head SET seq = 0"),
    (
        "the application inserts an event with a forged hash",
        "INSERT INTO audit.events SELECT (jsonb_populate_record(NULL::audit.events, jsonb_build_object('seq', h.seq + 1, \
         'recorded', clock_timestamp(), 'time', now(), 'actor', 'x', 'run_id', gen_random_uuid(), 'event', 'denied', \
         'outcome', 'success', 'detail', '{}', 'trail_id', gen_random_uuid(), 'trail_seq', 1, 'prev_hash', h.hash, \
         'hash', sha256('forged')))).* FROM audit.read_head() h",
    ),
    (
        "the application inserts an event away from the head",
        "INSERT INTO audit.events SELECT (jsonb_populate_record(NULL::audit.events, jsonb_build_object('seq', h.seq + 7, \
         'recorded', clock_timestamp(), 'time', now(), 'actor', 'x', 'run_id', gen_random_uuid(), 'event', 'denied', \
         'outcome', 'success', 'detail', '{}', 'trail_id', gen_random_uuid(), 'trail_seq', 1, 'prev_hash', h.hash, \
         'hash', sha256('forged')))).* FROM audit.read_head() h",
    ),
    ("the application switches triggers off", "SET LOCAL session_replication_role = replica"),
];

#[async_trait::async_trait]
impl Control for AuditIntegrity {
    fn id(&self) -> &'static str {
        "audit-integrity"
    }

    fn citation(&self) -> &'static str {
        "45 CFR 164.312(b), 164.312(c)(1)"
    }

    fn claim(&self) -> &'static str {
        "recorded events cannot be changed or removed, and their chain holds"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let mut application = target.databases.connect_to_attack(target.name).await?;
        let mut attempts = must_be_refused(&mut application, &ATTACKS).await?;
        let verdict = audit::verify(&mut application).await?;
        let evidence = match (verdict.first_bad, verdict.reason) {
            (Some(place), Some(reason)) => format!("broken at event {place}: {reason}"),
            _ => format!("{} events, every hash recomputed", verdict.events),
        };
        attempts.push(Attempt::new("the chain is verified", verdict.verified, evidence));
        application.close().await;
        Ok(attempts)
    }
}
