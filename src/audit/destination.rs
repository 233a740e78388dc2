//! Where events go, as the recorder and the spool see it. It must not know what is behind it.

use std::time::Duration;

use super::seal::Entry;
use crate::error::{Error, Result};

/// Events a destination gets at once.
pub(super) const BATCH: usize = 1024;

/// After this long without an answer a destination counts as away.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Where events go. Returns when they are durable there. Events of a trail come in their order; those that it holds already
/// (same trail, a place up to the last one it has) are left alone.
#[async_trait::async_trait]
pub trait Destination: Send + Sync {
    /// Appends events of one trail, all or none.
    async fn append(&self, entries: &[Entry]) -> Result<()>;

    /// No event came for a while: whatever it holds, such as a connection, may go until the next.
    async fn rest(&self) {}
}

/// Appends, or fails with class `database` when there is no answer within `patience`.
pub(super) async fn append_within(destination: &dyn Destination, entries: &[Entry], patience: Duration) -> Result<()> {
    match tokio::time::timeout(patience, destination.append(entries)).await {
        Ok(done) => done,
        Err(_) => Err(Error::database("writing the audit trail: no answer in time").transient()),
    }
}
