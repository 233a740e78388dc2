//! The audit trail: a closed set of events, a recorder handed to every part of a flow, and the stream of Arrow batches
//! that reaches PostgreSQL or the spool. It must not know pipelines, stages or sinks.
//!
//! ```text
//! Recorder ─► queue ─► PostgresTrail: lock head ─► seal ─► COPY audit.events
//!                 └──► Spool (fsynced, chained JSON lines) ─► import ─► PostgresTrail
//! ```

mod destination;
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

pub use destination::Destination;
pub use event::{Event, Kind, Outcome};
pub use keys::RecordedKeys;
pub use postgres::PostgresTrail;
pub use recorder::{Closed, Delivery, Recorder};
pub use seal::{Entry, Hash, Head, Sealed};
pub use spool::{Imported, Spool, State as SpoolState};
pub use stream::{Selection, from_batch, length, schema, stream, to_batch};
pub use verify::{Verdict, verify};
