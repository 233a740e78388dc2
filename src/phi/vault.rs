//! The vault of sample names: the same name gets the same random pseudonym in every load, and its original is stored only
//! encrypted. It must not know who asks, nor send a name to the database.

use std::collections::HashMap;

use crate::crypto::aead::Cipher;
use crate::crypto::{Purpose, pseudonym};
use crate::db::{Connection, failure};
use crate::error::{Error, Result};
use crate::secrets::KeyRing;
use crate::sensitive::Sensitive;

/// Names per statement: bounds the message, not the load.
const CHUNK: usize = 10_000;

/// What [`resolve`] found and made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// One pseudonym a name, in order.
    pub pseudonyms: Vec<String>,
    /// How many of the (different) names had none before.
    pub new: u64,
    /// The key new entries were protected with.
    pub key_id: String,
}

/// The pseudonym of each name, making those that are missing. The same name has one pseudonym across loads, key rotations
/// (it is looked for under every key of the ring) and loads that run at once (the database looks and inserts in one act).
///
/// The server sees a blind index (HMAC-SHA256) and a ciphertext (AES-256-GCM, associated data
/// `phi_vault.samples|<pseudonym>`, so an entry cannot be passed off as another's).
pub async fn resolve(connection: &Connection, ring: &KeyRing, names: &[Sensitive<String>]) -> Result<Resolved> {
    let (key_id, key) = ring.primary();
    let cipher = Cipher::new(&key.derive(Purpose::Encrypt));
    let key_ids: Vec<&str> = ring.keys().map(|(id, _)| id).collect();
    let mut distinct: Vec<&str> = names.iter().map(|name| name.expose().as_str()).collect();
    distinct.sort_unstable();
    distinct.dedup();

    let (mut known, mut new) = (HashMap::with_capacity(distinct.len()), 0);
    for chunk in distinct.chunks(CHUNK) {
        let blind: Vec<Vec<u8>> =
            ring.keys().flat_map(|(_, key)| chunk.iter().map(move |name| pseudonym::blind_index(key, name).to_vec())).collect();
        let pseudonyms: Vec<String> = chunk.iter().map(|_| pseudonym::random()).collect();
        let sealed: Vec<Vec<u8>> = chunk
            .iter()
            .zip(&pseudonyms)
            .map(|(name, pseudonym)| {
                let mut sealed = Vec::new();
                cipher.seal_into(name.as_bytes(), associated_data(pseudonym).as_bytes(), &mut sealed);
                sealed
            })
            .collect();
        let rows = connection
            .query("SELECT pseudonym, fresh FROM phi_vault.resolve($1, $2, $3, $4)", &[&key_ids, &blind, &pseudonyms, &sealed])
            .await
            .map_err(|error| failure("the vault could not resolve sample names", error))?;
        if rows.len() != chunk.len() {
            return Err(Error::integrity("the vault answered for another number of samples than it was asked about"));
        }
        for (name, row) in chunk.iter().zip(&rows) {
            let column = |error| failure("the vault's answer could not be read", error);
            new += u64::from(row.try_get::<_, bool>(1).map_err(column)?);
            known.insert(*name, row.try_get::<_, String>(0).map_err(column)?);
        }
    }
    let pseudonyms: Vec<String> = names.iter().filter_map(|name| known.get(name.expose().as_str()).cloned()).collect();
    if pseudonyms.len() != names.len() {
        return Err(Error::internal("a sample was left without a pseudonym"));
    }
    Ok(Resolved { pseudonyms, new, key_id: key_id.to_owned() })
}

/// Binds a ciphertext to its row.
fn associated_data(pseudonym: &str) -> String {
    format!("phi_vault.samples|{pseudonym}")
}
