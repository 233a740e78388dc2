//! The audit trail: a closed set of events, a recorder handed to every part of a flow, and the stream of Arrow batches
//! that reaches PostgreSQL or the spool. It must not know pipelines, stages or sinks.

mod event;
mod recorder;

pub use event::Event;
pub use recorder::Recorder;
