//! AES-256-GCM (NIST SP 800-38D). It must not know what the plaintext is.
//!
//! A sealed value is `version (1 byte) | nonce (12) | ciphertext (as long as the plaintext) | tag (16)`. The nonce is 96
//! random bits (the RBG-based construction of section 8.2.2), so one key may seal at most 2^32 values (section 8.3): the
//! chance that two of them share a nonce, which would give the key's authentication away, then stays below 2^-32.
//! Whoever seals more than that rotates the key first.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

use super::Key;
use crate::error::{Error, Result};

/// First byte of a sealed value: this layout, AES-256-GCM.
const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Bytes a sealed value is longer than its plaintext.
pub const OVERHEAD: usize = 1 + NONCE + TAG;

/// How many values one key may seal (NIST SP 800-38D, section 8.3).
pub const MESSAGES_PER_KEY: u64 = 1 << 32;

/// A key made ready once for many values. Its key schedule is wiped on drop.
pub struct Cipher(Aes256Gcm);

impl Cipher {
    /// Prepares `key`, which must serve encryption only ([`super::Purpose::Encrypt`]).
    pub fn new(key: &Key) -> Self {
        Self(Aes256Gcm::new(key.expose().into()))
    }

    /// Appends the sealed `plaintext` to `sealed`. `aad` is authenticated, not stored: opening needs the same bytes.
    pub fn seal_into(&self, plaintext: &[u8], aad: &[u8], sealed: &mut Vec<u8>) {
        let mut nonce = [0; NONCE];
        super::random(&mut nonce);
        self.seal_with(nonce, plaintext, aad, sealed);
    }

    fn seal_with(&self, nonce: [u8; NONCE], plaintext: &[u8], aad: &[u8], sealed: &mut Vec<u8>) {
        sealed.reserve(plaintext.len() + OVERHEAD);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(plaintext);
        // GCM fails only beyond 2^36 - 32 bytes of plaintext or 2^61 of associated data (section 5.2.1.1), more than memory holds in one value.
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), aad, InOutBuf::from(&mut sealed[start..]))
            .expect("a value shorter than 64 GiB");
        sealed.extend_from_slice(&tag);
    }

    /// The plaintext of a sealed value; class `integrity` when value, key or `aad` are not those it was sealed with.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>> {
        let body = match sealed.split_first() {
            Some((&VERSION, body)) if sealed.len() >= OVERHEAD => body,
            _ => return Err(Error::integrity("a protected value has an unknown layout")),
        };
        let refused = || {
            Error::integrity("a protected value does not open: it was changed, moved, or sealed with another key")
                .with_hint("check that the key ring is the one this data was loaded with")
        };
        let (nonce, rest) = body.split_first_chunk::<NONCE>().ok_or_else(refused)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or_else(refused)?;
        let mut plaintext = ciphertext.to_vec();
        self.0
            .decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(plaintext.as_mut_slice()), tag.into())
            .map_err(|_| refused())?;
        Ok(plaintext)
    }
}

/// Seals one value: see [`Cipher`].
pub fn seal(key: &Key, plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    Cipher::new(key).seal_into(plaintext, aad, &mut sealed);
    sealed
}

/// Opens one value: see [`Cipher::open`].
pub fn open(key: &Key, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>> {
    Cipher::new(key).open(sealed, aad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::unhex;
    use crate::error::Class;

    /// Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), the vectors NIST published with GCM.
    #[test]
    fn gcm_follows_its_published_vectors() {
        let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let plaintext = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
        let ciphertext = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                          8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
        let zero_key = "00".repeat(32);
        let zero_nonce = "00".repeat(12);
        for (key, nonce, plaintext, aad, ciphertext, tag) in [
            (zero_key.as_str(), zero_nonce.as_str(), "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
            (
                &zero_key,
                &zero_nonce,
                "00000000000000000000000000000000",
                "",
                "cea7403d4d606b6e074ec5d3baf39d18",
                "d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (
                key,
                "cafebabefacedbaddecaf888",
                &format!("{plaintext}1aafd255"),
                "",
                &format!("{ciphertext}898015ad"),
                "b094dac5d93471bdec1a502270e3cc6c",
            ),
            (
                key,
                "cafebabefacedbaddecaf888",
                plaintext,
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                ciphertext,
                "76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        ] {
            let cipher = Cipher::new(&Key::from_bytes(unhex(key).try_into().unwrap()));
            let mut sealed = Vec::new();
            cipher.seal_with(unhex(nonce).try_into().unwrap(), &unhex(plaintext), &unhex(aad), &mut sealed);
            assert_eq!(sealed, unhex(&format!("01{nonce}{ciphertext}{tag}")));
            assert_eq!(cipher.open(&sealed, &unhex(aad)).unwrap(), unhex(plaintext));
        }
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let key = Key::random();
        let sealed = seal(&key, b"NA12878", b"samples/1");
        assert_eq!(sealed.len(), 7 + OVERHEAD);
        assert_eq!(open(&key, &sealed, b"samples/1").unwrap(), b"NA12878");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &changed, b"samples/1").unwrap_err().class(), Class::Integrity, "bit {bit}");
        }
        for (key, sealed, aad) in [
            (&key, &sealed[..], &b"samples/2"[..]),
            (&Key::random(), &sealed[..], b"samples/1"),
            (&key, &sealed[..sealed.len() - 1], b"samples/1"),
            (&key, &sealed[..OVERHEAD - 1], b"samples/1"),
            (&key, &[], b"samples/1"),
        ] {
            assert_eq!(open(key, sealed, aad).unwrap_err().class(), Class::Integrity);
        }
    }

    #[test]
    fn one_value_sealed_twice_looks_different() {
        let key = Key::random();
        assert_ne!(seal(&key, b"same", b""), seal(&key, b"same", b""));
    }
}
