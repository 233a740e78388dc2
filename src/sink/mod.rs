//! Where rows go: PostgreSQL, Parquet. It must not know sources or stages.

pub mod identity;
pub mod parquet;
pub mod postgres;
mod tally;
#[cfg(test)]
pub mod testing;
