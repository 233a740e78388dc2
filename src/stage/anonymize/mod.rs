//! Gives every sample a random pseudonym, everywhere its name stands. It must not know where rows go, nor keep the link
//! between name and pseudonym anywhere but in the vault.

mod apply;
mod config;
mod document;
mod stage;

pub use config::{Config, Samples};

#[cfg(test)]
mod tests;
