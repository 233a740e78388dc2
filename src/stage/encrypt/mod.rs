//! Encrypts columns value by value. It must not know how keys are kept, nor which columns need it.

mod apply;
mod config;

pub use config::Config;

use crate::error::Result;
use crate::secrets::KeyRing;

/// The JSON value an encrypted cell of `column` was made from: text as a string, numbers as numbers, lists as arrays.
///
/// # Errors
/// Class `integrity` when `ring` lacks the key the value names, the value was changed, or it stood in another column.
pub fn reveal(ring: &KeyRing, column: &str, sealed: &[u8]) -> Result<serde_json::Value> {
    super::seal::open(ring, column, sealed)
}

#[cfg(test)]
mod tests;
