//! The only user of primitive crates: authenticated encryption, blind indexes and pseudonyms, digests.
//! It must not know where keys come from or what is protected.

pub mod aead;
pub mod digest;
mod key;
pub mod pseudonym;

pub use key::{Key, Purpose};
