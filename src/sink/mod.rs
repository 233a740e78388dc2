//! Where rows go: PostgreSQL, Parquet. It must not know sources or stages.

pub mod parquet;
pub mod postgres;
#[cfg(test)]
pub mod testing;
