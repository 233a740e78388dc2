//! Random pseudonyms and the keyed blind index that finds them again. It must not know the vault that keeps both.

use super::{Key, Purpose, digest};

/// Crockford's base32: no I, L, O and U, so that a pseudonym survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A fresh pseudonym: `P-` and 26 characters of Crockford base32 over 128 random bits.
///
/// It is not derived from the person or from anything about the person (45 CFR 164.514(c)(1)): two calls for one name
/// give two pseudonyms; only the vault links them.
pub fn random() -> String {
    let mut bits = [0; 16];
    super::random(&mut bits);
    let number = u128::from_be_bytes(bits);
    let digits = (0..26).rev().map(|place| {
        let digit = (number >> (5 * place)) & 31;
        // `digit` is at most 31 and the alphabet has 32 letters.
        char::from(ALPHABET[digit as usize])
    });
    "P-".chars().chain(digits).collect()
}

/// The index under which a name's pseudonym is found: HMAC-SHA256 under the ring key's blind-index subkey. Without the key
/// a name can neither be read from it nor guessed and tried. The name is taken byte for byte.
pub fn blind_index(key: &Key, name: &str) -> [u8; 32] {
    digest::hmac_sha256(&key.derive(Purpose::BlindIndex), name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_random_and_speakable() {
        let (a, b) = (random(), random());
        assert_ne!(a, b);
        let body = a.strip_prefix("P-").unwrap();
        assert_eq!(body.len(), 26);
        assert!(body.bytes().all(|letter| ALPHABET.contains(&letter)), "{a}");
    }

    /// Computed with Python's `hmac`; what lies in a vault depends on these bytes.
    #[test]
    fn a_blind_index_is_fixed_by_key_and_name() {
        let key = Key::from_bytes(std::array::from_fn(|i| i as u8));
        assert_eq!(
            digest::hex(&blind_index(&key, "NA12878")),
            "144a1352278094606b934769e9a621f6346e4e6bfbb814ad90b72d31139fa470"
        );
        assert_ne!(blind_index(&key, "NA12878"), blind_index(&key, "na12878"));
        assert_ne!(blind_index(&Key::random(), "NA12878"), blind_index(&key, "NA12878"));
    }
}
