//! How long what is loaded may stay. It must not know pipelines.
//!
//! A load that is dropped or replaced loses its rows in the store itself, in one transaction (`genogate_store.drop_load`,
//! `genogate_store.purge_load`), and the audit trail is kept whole.

pub mod retention;
