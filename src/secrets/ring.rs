//! Key rings: a primary key for new values, older keys for reading what lies there already. It must not know where a ring is kept.
//!
//! Text form, UTF-8, one key a line, the newest last; blank lines and lines that begin with `#` are skipped:
//!
//! ```text
//! genogate-keyring-1
//! k1 zGxk5sfxTQnkeV2nqsXgqEn3rbHe3YxFfNcLhuvBc3A= 2025-11-03T09:14:55Z
//! ```
//!
//! The fields are the key's id (`k` and a number, never used again), 32 bytes in base64 (RFC 4648, section 4, padded) and
//! when the key was made (RFC 3339, UTC).

use std::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use zeroize::Zeroize;

use crate::crypto::digest::hex;
use crate::crypto::{Key, Purpose};
use crate::error::{Error, Result};
use crate::sensitive::Sensitive;

const HEAD: &str = "genogate-keyring-1";

/// A primary key for new values and older ones for reading. Never empty.
#[derive(Clone)]
pub struct KeyRing {
    older: Vec<Entry>,
    primary: Entry,
}

#[derive(Clone)]
struct Entry {
    id: String,
    key: Key,
    created: DateTime<Utc>,
}

impl KeyRing {
    /// A ring of one fresh random key.
    pub fn generate() -> Self {
        Self::of(Key::random())
    }

    /// A ring of one given key, `k1`.
    pub fn of(key: Key) -> Self {
        Self { older: Vec::new(), primary: Entry { id: "k1".to_owned(), key, created: Utc::now() } }
    }

    /// The key new values are protected with, and its id (`k1`, `k2`, …).
    pub fn primary(&self) -> (&str, &Key) {
        (&self.primary.id, &self.primary.key)
    }

    /// The primary key's id and what tells it from other rings' keys of that id: `k1:0f…` (128 bits). Not secret: HKDF's outputs
    /// say nothing about each other (RFC 5869, section 3.2).
    pub fn fingerprint(&self) -> String {
        let (id, key) = self.primary();
        let derived = key.derive(Purpose::Fingerprint);
        format!("{id}:{}", hex(derived.expose().get(..16).unwrap_or_default()))
    }

    /// The key with this id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.entries().find(|entry| entry.id == id).map(|entry| &entry.key)
    }

    /// All keys with their ids, the newest first: the order in which to try them.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.entries().map(|entry| (entry.id.as_str(), &entry.key))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.primary).chain(self.older.iter().rev())
    }

    /// Adds a fresh random key, which becomes the primary one, and returns its id.
    pub fn add_key(&mut self) -> &str {
        let newest = self.entries().filter_map(|entry| number(&entry.id)).max().unwrap_or(0);
        let fresh = Entry { id: format!("k{}", newest + 1), key: Key::random(), created: Utc::now() };
        self.older.push(std::mem::replace(&mut self.primary, fresh));
        &self.primary.id
    }

    /// Reads the text form, or one bare base64 key, which becomes `k1`. Class `usage` on anything else; the message gives
    /// the line's number, never its text.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut meaningful = lines.by_ref().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, head) = meaningful.next().ok_or_else(|| Error::usage("a key ring is empty"))?;
        if head != HEAD {
            let single = decode(head).filter(|_| meaningful.next().is_none());
            return single.map(Self::of).ok_or_else(|| {
                Error::usage(format!(
                    "this is no key ring: neither a ring that begins with {HEAD} nor one key of 32 bytes in base64"
                ))
                .with_hint("make a key with: openssl rand -base64 32")
            });
        }
        let mut older: Vec<Entry> = Vec::new();
        for (at, line) in meaningful {
            let entry = parse_entry(line).ok_or_else(|| {
                Error::usage(format!(
                    "line {at} of a key ring is not `id key created` with 32 bytes in base64 and an RFC 3339 time"
                ))
            })?;
            if older.iter().any(|other| other.id == entry.id) {
                return Err(Error::usage(format!("line {at} of a key ring uses the id {} again", entry.id)));
            }
            older.push(entry);
        }
        let primary = older.pop().ok_or_else(|| Error::usage("a key ring holds no key"))?;
        Ok(Self { older, primary })
    }

    /// The text form.
    pub fn to_text(&self) -> Sensitive<String> {
        // Room for all lines at once: a growing buffer would leave unwiped copies behind.
        let mut text = String::with_capacity(HEAD.len() + 1 + 96 * (self.older.len() + 1));
        text.push_str(HEAD);
        text.push('\n');
        for entry in self.older.iter().chain(std::iter::once(&self.primary)) {
            let key = Sensitive::new(STANDARD.encode(entry.key.expose()));
            let created = entry.created.to_rfc3339_opts(SecondsFormat::Secs, true);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {} {created}", entry.id, key.expose());
        }
        Sensitive::new(text)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().map(|entry| &entry.id)).finish()
    }
}

fn number(id: &str) -> Option<u32> {
    id.strip_prefix('k')?.parse().ok()
}

fn parse_entry(line: &str) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace();
    let (id, key, created) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || number(id).is_none() {
        return None;
    }
    Some(Entry { id: id.to_owned(), key: decode(key)?, created: DateTime::parse_from_rfc3339(created).ok()?.to_utc() })
}

fn decode(text: &str) -> Option<Key> {
    let mut bytes = STANDARD.decode(text).ok()?;
    let key = <[u8; Key::LEN]>::try_from(bytes.as_slice()).ok().map(Key::from_bytes);
    bytes.zeroize();
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_survives_its_text_form() {
        let mut ring = KeyRing::generate();
        assert_eq!(ring.add_key(), "k2");
        let back = KeyRing::parse(ring.to_text().expose()).unwrap();
        assert_eq!(back.primary().0, "k2");
        assert_eq!(back.keys().map(|(id, _)| id).collect::<Vec<_>>(), ["k2", "k1"]);
        for (id, key) in ring.keys() {
            assert_eq!(back.find(id).unwrap().expose(), key.expose());
        }
        assert!(back.find("k3").is_none());
        assert_eq!(back.to_text().expose(), ring.to_text().expose());
    }

    #[test]
    fn a_bare_key_is_a_ring_of_one() {
        let ring = KeyRing::parse(" AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        assert_eq!(ring.primary().0, "k1");
        assert_eq!(ring.primary().1.expose()[31], 31);
    }

    #[test]
    fn what_is_no_ring_is_refused_without_quoting_it() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        for text in [
            String::new(),
            "hunter2".to_owned(),
            "AAECAw==".to_owned(),
            format!("{key}\n{key}"),
            HEAD.to_owned(),
            format!("{HEAD}\nk1 {key}"),
            format!("{HEAD}\nk1 {key} yesterday"),
            format!("{HEAD}\nprimary {key} 2025-11-03T09:14:55Z"),
            format!("{HEAD}\nk1 AAECAw== 2025-11-03T09:14:55Z"),
            format!("{HEAD}\nk1 {key} 2025-11-03T09:14:55Z\nk1 {key} 2025-11-03T09:14:55Z"),
        ] {
            let error = KeyRing::parse(&text).map(|_| text.clone()).unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Usage);
            assert!(!error.to_string().contains("AAEC") && !error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_primary_key_and_shows_none_of_it() {
        let mut ring = KeyRing::of(Key::from_bytes([7; 32]));
        let first = ring.fingerprint();
        assert_eq!(first, KeyRing::of(Key::from_bytes([7; 32])).fingerprint());
        assert_ne!(first, KeyRing::of(Key::from_bytes([8; 32])).fingerprint());
        assert!(first.starts_with("k1:") && first.len() == 35 && !first.contains("0707"), "{first}");
        ring.add_key();
        assert!(ring.fingerprint().starts_with("k2:"));
    }

    #[test]
    fn a_ring_prints_ids_only() {
        assert_eq!(format!("{:?}", KeyRing::generate()), r#"["k1"]"#);
    }
}
