//! Loads, queries and validation of what is stored.
