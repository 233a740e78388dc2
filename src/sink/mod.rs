//! Where rows go: PostgreSQL, Parquet.
