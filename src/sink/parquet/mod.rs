//! Sink `parquet`.
