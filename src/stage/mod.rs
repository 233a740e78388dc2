//! One folder a stage, each config, apply and tests: what happens to batches and to the document between source and sink.
//! It must not know sources, sinks, pipeline files or how a run is put together.

pub mod anonymize;
pub mod detect;
pub mod encrypt;
pub mod expr;
pub mod normalize;
mod recorded;
pub mod sanitize;
mod seal;
