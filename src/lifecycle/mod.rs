//! Disposal, certificates of disposal and retention. It must not know pipelines.
//!
//! Nothing is kept here yet: a load that is dropped or replaced loses its rows in the store itself, in one transaction
//! (`genogate_store.drop_load`, `genogate_store.purge_load`), and the audit trail is kept whole.
