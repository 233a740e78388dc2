//! Disposal and retention.
