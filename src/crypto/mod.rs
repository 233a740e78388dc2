//! The only user of primitive crates: authenticated encryption, blind indexes and pseudonyms, digests.
//! It must not know where keys come from or what is protected.

pub mod aead;
pub mod digest;
mod key;
pub mod pseudonym;

pub use key::{Key, Purpose};

/// Fills `bytes` from the operating system's generator.
pub fn random(bytes: &mut [u8]) {
    // Once booted, no operating system genogate runs on refuses; if one did, going on would repeat nonces and keys.
    getrandom::fill(bytes).expect("the operating system gives no random bytes");
}

#[cfg(test)]
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
