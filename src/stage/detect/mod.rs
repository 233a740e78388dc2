//! Looks for identifiers in the document and in every text value. It must not know where rows come from or go, nor declare
//! anything clean: a pattern that does not match proves nothing.

mod apply;
mod config;
mod document;
mod stage;
mod tally;

pub use config::{Action, Actions, Config, Scan};

#[cfg(test)]
mod tests;
