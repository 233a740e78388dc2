//! The audit trail: a closed set of events, a recorder handed to every part of a flow, and the stream of Arrow batches
//! that reaches PostgreSQL or the spool. It must not know pipelines, stages or sinks.
//!
//! ```text
//! Recorder ─► queue ─► PostgresTrail: lock head ─► seal ─► COPY audit.events
//!                 └──► Spool (fsynced Arrow IPC) ─► import ─► PostgresTrail
//! ```

mod event;
mod keys;
mod postgres;
mod recorder;
mod seal;
mod spool;
mod stream;
#[cfg(test)]
mod tests;
mod verify;

pub use event::{Event, Kind, Outcome};
pub use keys::RecordedKeys;
pub use postgres::PostgresTrail;
pub use recorder::{Closed, Delivery, Recorder};
pub use seal::{Entry, Hash, Head, Sealed};
pub use spool::{Imported, Spool, State as SpoolState};
pub use stream::{Selection, from_batch, length, schema, stream, to_batch};
pub use verify::{Verdict, verify};

use crate::error::Result;

/// Where events go. Returns when they are durable there; an event it holds already (same trail and place, marked as spooled) is
/// left alone.
#[async_trait::async_trait]
pub trait Destination: Send + Sync {
    /// Appends events in their order, all or none.
    async fn append(&self, entries: &[Entry]) -> Result<()>;

    /// No event came for a while: whatever it holds, such as a connection, may go until the next.
    async fn rest(&self) {}
}
