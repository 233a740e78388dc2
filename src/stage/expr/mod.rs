//! Expressions of a pipeline file as DataFusion expressions. It must not know the YAML they stand in.
