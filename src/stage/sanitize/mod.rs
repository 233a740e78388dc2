//! Lets through what a policy knows, in header lines and in text fields. It must not look for patterns; `detect` does.

mod apply;
mod attributes;
mod automaton;
mod columns;
mod config;
mod entries;
mod header;
mod policy;
mod rule;
mod rule_spec;
mod stage;
mod symbols;

pub use config::{Config, Otherwise, Text};

#[cfg(test)]
mod plain;
#[cfg(test)]
mod tests;
