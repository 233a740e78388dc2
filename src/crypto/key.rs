//! A 256-bit key and the subkeys derived from it. It must not know where a key is kept.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::sensitive::Sensitive;

/// What a subkey is for: one subkey never serves two purposes (NIST SP 800-57 part 1, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// AES-256-GCM of vault entries and other single values.
    Encrypt,
    /// HMAC that makes one run's key for column values out of the ring's key and a random salt.
    ColumnKeys,
    /// HMAC that finds a pseudonym again.
    BlindIndex,
    /// HMAC over file paths in stored records.
    PathHash,
    /// Tells a key from others that have its id, in the open: never a key of anything.
    Fingerprint,
}

impl Purpose {
    /// The `info` of RFC 5869, section 2.3. Changing one makes everything protected under it unreadable.
    fn label(self) -> &'static [u8] {
        match self {
            Purpose::Encrypt => b"genogate/1/encrypt",
            Purpose::ColumnKeys => b"genogate/1/column-keys",
            Purpose::BlindIndex => b"genogate/1/blind-index",
            Purpose::PathHash => b"genogate/1/path-hash",
            Purpose::Fingerprint => b"genogate/1/fingerprint",
        }
    }
}

/// 32 secret bytes, wiped on drop.
#[derive(Clone)]
pub struct Key(Sensitive<[u8; 32]>);

impl Key {
    /// Bytes of a key (256 bits).
    pub const LEN: usize = 32;

    /// A fresh key from the operating system's generator.
    pub fn random() -> Self {
        let mut bytes = [0; Self::LEN];
        super::random(&mut bytes);
        let key = Self::from_bytes(bytes);
        bytes.zeroize();
        key
    }

    /// The key with these bytes, which must be uniformly random (not a password).
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Sensitive::new(bytes))
    }

    /// Lends the bytes, for writing a key ring.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The subkey for one purpose: HKDF-SHA256 (RFC 5869) with a fixed label and no salt, which section 3.1 allows for
    /// input that is itself uniformly random.
    pub fn derive(&self, purpose: Purpose) -> Key {
        let mut bytes = [0; Self::LEN];
        // RFC 5869 section 2.3 limits the output to 255 * 32 bytes; 32 is within.
        Hkdf::<Sha256>::new(None, self.expose()).expand(purpose.label(), &mut bytes).expect("32 bytes are within the limit");
        let key = Self::from_bytes(bytes);
        bytes.zeroize();
        key
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([sensitive])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::unhex;

    #[test]
    fn hkdf_follows_rfc_5869_appendix_a_cases_1_and_3() {
        let ikm = unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
        let mut okm = [0; 42];
        let salt = unhex("000102030405060708090a0b0c");
        Hkdf::<Sha256>::new(Some(&salt), &ikm).expand(&unhex("f0f1f2f3f4f5f6f7f8f9"), &mut okm).unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(okm.to_vec(), unhex(expected));
        Hkdf::<Sha256>::new(None, &ikm).expand(b"", &mut okm).unwrap();
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(okm.to_vec(), unhex(expected));
    }

    /// Computed with Python's `hmac` from RFC 5869's definition; what lies in a database depends on these bytes.
    #[test]
    fn labels_are_fixed_for_ever() {
        let key = Key::from_bytes(std::array::from_fn(|i| i as u8));
        for (purpose, expected) in [
            (Purpose::Encrypt, "5346b2950eb3189a10ee5b584851676983a2823db618545c1fba3159f037767f"),
            (Purpose::ColumnKeys, "2fde43a848a1dca188172a0e1aa8fda1dcb8bcc266f45f05ca1cef624aa45a7a"),
            (Purpose::BlindIndex, "44682784a83b3bb8f6e35d83d1e7b50512c2bc35d2063e8285549df4f041e83b"),
            (Purpose::PathHash, "d177ca1eb38dbbf6e3f7d03911767979e8009118188625f99bdb130bb1df6ea4"),
            (Purpose::Fingerprint, "679e9c98c3606bb8ee38515ceb3a71e89862c9569fcf78b7bfe1e516059ec05b"),
        ] {
            assert_eq!(key.derive(purpose).expose().to_vec(), unhex(expected), "{purpose:?}");
        }
    }

    #[test]
    fn a_key_is_not_printed_and_two_random_ones_differ() {
        let (a, b) = (Key::random(), Key::random());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(format!("{a:?}"), "Key([sensitive])");
    }
}
