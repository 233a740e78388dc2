//! The chain: each row's hash covers every field of the row and the hash of the row before it. Edit, delete, insert or move a
//! row and every later hash is wrong. It must not know where rows are kept.
//!
//! A row's hash is SHA-256 (FIPS 180-4) over [`DOMAIN`] and then each field in the order of [`Sealed::digest`], as its length in
//! bytes (8 bytes, big-endian) and its bytes; an absent field is the length -1. Lengths keep two rows from having one encoding.
//! `audit.row_hash` of the database computes the same.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto::digest;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Separates these hashes from all others, and this encoding from later ones.
const DOMAIN: &[u8] = b"genogate audit row v1";
const GENESIS: &[u8] = b"genogate audit genesis v1";

/// Microseconds from 1970-01-01 to 2000-01-01 UTC, the epoch of PostgreSQL's timestamps.
pub(super) const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// An event that is not in a chain yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, by the program's clock, in microseconds since 1970-01-01 UTC.
    pub time: i64,
    /// Who.
    pub actor: String,
    /// The session it happened in; none for whoever acts without one.
    pub session_id: Option<Uuid>,
    /// The run it happened in.
    pub run_id: Uuid,
    /// The kind of event.
    pub event: Cow<'static, str>,
    /// `success`, `failure` or `denied`.
    pub outcome: Cow<'static, str>,
    /// JSON object. Text, so that its bytes are kept.
    pub detail: String,
    /// The recorder's trail and the event's place in it, from 1: an event is the same event wherever it is stored.
    pub trail_id: Uuid,
    /// See `trail_id`.
    pub trail_seq: i64,
    /// The hash this event had in a spool, when it came from one.
    #[serde(skip)]
    pub spool_hash: Option<Hash>,
}

/// An event in a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    /// Place in the chain, from 1.
    pub seq: i64,
    /// When it came here, in microseconds since 1970-01-01 UTC, by the clock of whoever keeps the chain: the database's server,
    /// or the machine that spools.
    pub recorded: i64,
    /// The event.
    pub entry: Entry,
    /// Hash of the row before, or the chain's genesis.
    pub prev_hash: Hash,
    /// Hash of this row.
    pub hash: Hash,
}

impl Sealed {
    /// The hash this row must have, from its fields alone.
    pub fn digest(&self) -> Hash {
        row_hash(self.seq, self.recorded, &self.entry, &self.prev_hash)
    }
}

/// The end of a chain: where the next row is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Place of the last row; 0 when there is none.
    pub seq: i64,
    /// Hash of the last row, or the genesis.
    pub hash: Hash,
}

impl Head {
    /// The head of an empty chain. The genesis names the chain, so rows of one chain never pass for another's.
    pub fn genesis(chain: &[u8]) -> Self {
        Self { seq: 0, hash: digest::sha256(&[GENESIS, chain].concat()) }
    }

    /// Links `entry`, which came at the time `recorded`, behind this head and moves the head to it.
    pub fn seal(&mut self, recorded: i64, entry: Entry) -> Sealed {
        let prev_hash = self.hash;
        let seq = self.seq + 1;
        let hash = row_hash(seq, recorded, &entry, &prev_hash);
        *self = Self { seq, hash };
        Sealed { seq, recorded, entry, prev_hash, hash }
    }
}

/// SHA-256 over the canonical encoding of a row.
fn row_hash(seq: i64, recorded: i64, entry: &Entry, prev_hash: &Hash) -> Hash {
    let mut text = Vec::with_capacity(320 + entry.detail.len());
    text.extend_from_slice(DOMAIN);
    let mut field = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(-1, |bytes| bytes.len() as i64);
        text.extend_from_slice(&length.to_be_bytes());
        text.extend_from_slice(bytes.unwrap_or_default());
    };
    field(Some(&seq.to_be_bytes()));
    field(Some(&recorded.wrapping_sub(POSTGRES_EPOCH).to_be_bytes()));
    field(Some(&entry.time.wrapping_sub(POSTGRES_EPOCH).to_be_bytes()));
    field(Some(entry.actor.as_bytes()));
    field(entry.session_id.as_ref().map(|id| id.as_bytes().as_slice()));
    field(Some(entry.run_id.as_bytes()));
    field(Some(entry.event.as_bytes()));
    field(Some(entry.outcome.as_bytes()));
    field(Some(entry.detail.as_bytes()));
    field(Some(entry.trail_id.as_bytes()));
    field(Some(&entry.trail_seq.to_be_bytes()));
    field(entry.spool_hash.as_ref().map(|hash| hash.as_slice()));
    field(Some(prev_hash));
    digest::sha256(&text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::audit) const RECORDED: i64 = 1_767_225_600_500_000;

    pub(in crate::audit) fn entry(n: i64) -> Entry {
        Entry {
            time: 1_767_225_600_000_000 + n,
            actor: "local:uid=1000".into(),
            session_id: None,
            run_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
            event: "load_intent".into(),
            outcome: "success".into(),
            detail: r#"{"inputs":1}"#.into(),
            trail_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002),
            trail_seq: n,
            spool_hash: None,
        }
    }

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Computed by a separate program (Python's hashlib and struct) from the encoding described above. They never change.
    #[test]
    fn golden_vectors() {
        let mut head = Head::genesis(Uuid::from_u128(7).as_bytes());
        assert_eq!(hex(&head.hash), "6be2b22c659fa004af974277539cbbc9ae254b3274a0166d6f4c7a0656086a7a");
        assert_eq!(hex(&head.seal(RECORDED, entry(1)).hash), "77c3e017e49a5ea8ce7908ca1766be5d6a8c0a7562045b5332e3cb835c3233bf");
        assert_eq!(
            hex(&head
                .seal(RECORDED, Entry { session_id: Some(Uuid::from_u128(9)), spool_hash: Some([0xab; 32]), ..entry(2) })
                .hash),
            "570ce2cf97f0b3fd96c2b0523303599d7b57998cd9879352934b010acf674417"
        );
    }

    #[test]
    fn every_field_is_covered() {
        let head = Head::genesis(b"x");
        let base = { head }.seal(RECORDED, entry(1)).hash;
        let changed: [fn(&mut Entry); 10] = [
            |e| e.time += 1,
            |e| e.actor.push('0'),
            |e| e.session_id = Some(Uuid::nil()),
            |e| e.run_id = Uuid::nil(),
            |e| e.event = "denied".into(),
            |e| e.outcome = "denied".into(),
            |e| e.detail = "{}".into(),
            |e| e.trail_id = Uuid::nil(),
            |e| e.trail_seq += 1,
            |e| e.spool_hash = Some([0; 32]),
        ];
        for (n, change) in changed.into_iter().enumerate() {
            let mut other = entry(1);
            change(&mut other);
            assert_ne!({ head }.seal(RECORDED, other).hash, base, "field {n}");
        }
        assert_ne!({ head }.seal(RECORDED + 1, entry(1)).hash, base);
        assert_ne!(Head { seq: 1, ..head }.seal(RECORDED, entry(1)).hash, base);
        assert_ne!(Head::genesis(b"y").seal(RECORDED, entry(1)).hash, base);
    }

    #[test]
    fn text_moved_between_fields_changes_the_hash() {
        let head = Head::genesis(b"x");
        let a = Entry { event: "ab".into(), outcome: "c".into(), ..entry(1) };
        let b = Entry { event: "a".into(), outcome: "bc".into(), ..entry(1) };
        assert_ne!({ head }.seal(RECORDED, a).hash, { head }.seal(RECORDED, b).hash);
    }
}
