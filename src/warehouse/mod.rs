//! What is stored: the list of loads, what a load looks like, queries on it, and the proof that it is what was loaded. It must not know how rows
//! got there or how results are printed.

pub mod loads;
pub mod qc;
pub mod query;
pub mod validate;

#[cfg(test)]
mod tests;
