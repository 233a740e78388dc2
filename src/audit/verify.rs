//! Recomputes the chain from the rows' fields. It trusts no stored hash, and must not know who writes the trail.

use std::pin::pin;

use datafusion::arrow::array::RecordBatch;
use futures::{Stream, TryStreamExt};
use tokio_postgres::{Client, IsolationLevel};
use uuid::Uuid;

use super::seal::{Hash, Head};
use super::stream::{self, Selection};
use crate::db;
use crate::error::{Error, Result};

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Rows looked at.
    pub events: u64,
    /// True when every row is where and what it was when it was written.
    pub verified: bool,
    /// Place of the first row that is not.
    pub first_bad: Option<i64>,
    /// What is wrong with it.
    pub reason: Option<&'static str>,
}

/// Verifies the trail of a database against its own head, in one snapshot.
pub async fn verify(client: &mut Client) -> Result<Verdict> {
    let failure = |error| db::failure("verifying the audit trail", error);
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failure)?;
    let row = transaction.query_opt("SELECT chain_id, seq, hash FROM audit.read_head()", &[]).await.map_err(failure)?;
    let verdict = match row {
        None => broken(0, 0, "the chain's head is gone"),
        Some(row) => {
            let chain: Option<Uuid> = row.try_get(0).map_err(failure)?;
            let hash: Option<Hash> = row.try_get::<_, Option<&[u8]>>(2).map_err(failure)?.and_then(|hash| hash.try_into().ok());
            let seq: Option<i64> = row.try_get(1).map_err(failure)?;
            match (chain, seq, hash) {
                (Some(chain), Some(seq), Some(hash)) => {
                    let genesis = Head::genesis(chain.as_bytes());
                    // Whoever owns the database can move its head too. Heads signed and kept outside (checkpoints) belong in
                    // this list; nothing else changes.
                    let anchors = [Head { seq, hash }];
                    verify_rows(genesis, &anchors, stream::stream(transaction.client(), Selection::default())).await?
                }
                _ => broken(0, 0, "the chain's head is gone"),
            }
        }
    };
    transaction.rollback().await.map_err(failure)?;
    Ok(verdict)
}

/// Holds rows against the chain that begins at `genesis`. Every anchor is a place and the hash that must be found there; the
/// furthest one is the chain's end.
async fn verify_rows(genesis: Head, anchors: &[Head], rows: impl Stream<Item = Result<RecordBatch>>) -> Result<Verdict> {
    let end = anchors.iter().map(|anchor| anchor.seq).max().unwrap_or(0);
    let anchored = |head: &Head| anchors.iter().all(|anchor| anchor.seq != head.seq || anchor.hash == head.hash);
    let mut rows = pin!(rows);
    let mut head = genesis;
    let mut events = 0;
    if !anchored(&head) {
        return Ok(broken(0, 0, "the chain does not begin where its head says"));
    }
    while let Some(batch) = rows.try_next().await? {
        for row in stream::from_batch(&batch)? {
            events += 1;
            let next = head.seq + 1;
            if row.seq > end {
                return Ok(broken(events, row.seq, "rows were added behind the chain's end"));
            }
            if row.seq != next {
                return Ok(broken(events, next, "rows are missing"));
            }
            if row.prev_hash != head.hash {
                return Ok(broken(events, row.seq, "the row does not follow the row before it"));
            }
            let sealed = head.seal(row.recorded, row.entry);
            if sealed.hash != row.hash || !anchored(&head) {
                return Ok(broken(events, row.seq, "the row was changed"));
            }
        }
    }
    if head.seq < end {
        return Ok(broken(events, head.seq + 1, "rows are missing at the end"));
    }
    Ok(Verdict { events, verified: true, first_bad: None, reason: None })
}

fn broken(events: u64, first_bad: i64, reason: &'static str) -> Verdict {
    Verdict { events, verified: false, first_bad: Some(first_bad), reason: Some(reason) }
}

impl Verdict {
    /// Fails with class `integrity` when the trail is not what it was.
    pub fn require(&self) -> Result<()> {
        if self.verified {
            return Ok(());
        }
        let (place, reason) = (self.first_bad.unwrap_or(0), self.reason.unwrap_or("unknown"));
        Err(Error::integrity(format!("the audit trail is broken at event {place}: {reason}"))
            .with_hint("keep the database as it is and restore the trail from a backup beside it to see what was changed"))
    }
}
