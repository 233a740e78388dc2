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
    /// Whether the name had none before; of a name given twice only the first is new.
    pub new: Vec<bool>,
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

    let mut known = HashMap::with_capacity(distinct.len());
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
            let (pseudonym, fresh): (String, bool) = (row.try_get(0).map_err(column)?, row.try_get(1).map_err(column)?);
            known.insert(*name, (pseudonym, fresh));
        }
    }
    let mut resolved = Resolved { pseudonyms: Vec::with_capacity(names.len()), new: Vec::new(), key_id: key_id.to_owned() };
    for name in names {
        let found = known.get_mut(name.expose().as_str());
        let (pseudonym, fresh) = found.ok_or_else(|| Error::internal("a sample was left without a pseudonym"))?;
        resolved.pseudonyms.push(pseudonym.clone());
        resolved.new.push(std::mem::take(fresh));
    }
    Ok(resolved)
}

/// Binds a ciphertext to its row.
fn associated_data(pseudonym: &str) -> String {
    format!("phi_vault.samples|{pseudonym}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aead;
    use crate::db::local::testing;

    fn names(names: &[&str]) -> Vec<Sensitive<String>> {
        names.iter().map(|name| Sensitive::new((*name).to_owned())).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_name_keeps_its_pseudonym_across_loads_and_rotations() {
        let databases = testing::database().await;
        let connection = databases.connect("local").await.unwrap();
        let mut ring = KeyRing::generate();
        let first = resolve(&connection, &ring, &names(&["HG002", "HG003", "HG002"])).await.unwrap();
        assert_eq!((first.new.as_slice(), first.key_id.as_str()), (&[true, true, false][..], "k1"));
        assert_eq!(first.pseudonyms[0], first.pseudonyms[2]);
        assert_ne!(first.pseudonyms[0], first.pseudonyms[1]);

        ring.add_key();
        let second = resolve(&connection, &ring, &names(&["HG004", "HG003"])).await.unwrap();
        assert_eq!((second.new.as_slice(), second.key_id.as_str()), (&[true, false][..], "k2"));
        assert_eq!(second.pseudonyms[1], first.pseudonyms[1]);
        assert_eq!(resolve(&connection, &ring, &[]).await.unwrap().pseudonyms, Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_loads_at_once_agree() {
        let databases = testing::database().await;
        let samples: Vec<String> = (0..500).map(|i| format!("sample-{i}")).collect();
        let samples = names(&samples.iter().map(String::as_str).collect::<Vec<_>>());
        let ring = KeyRing::generate();
        let mut rotated = ring.clone();
        rotated.add_key();
        let (one, other) = (databases.connect("local").await.unwrap(), databases.connect("local").await.unwrap());
        let (one, other) = tokio::join!(resolve(&one, &ring, &samples), resolve(&other, &ring, &samples));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.pseudonyms, other.pseudonyms);
        assert!(one.new.iter().zip(&other.new).all(|(a, b)| a != b));
        let third = databases.connect("local").await.unwrap();
        assert_eq!(resolve(&third, &rotated, &samples).await.unwrap().pseudonyms, one.pseudonyms);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_database_holds_no_name_and_the_application_reads_no_entry() {
        let databases = testing::database().await;
        let connection = databases.connect("local").await.unwrap();
        let ring = KeyRing::generate();
        let secret = "Featherstonehaugh_MRN00998877";
        let pseudonym = resolve(&connection, &ring, &names(&[secret])).await.unwrap().pseudonyms.remove(0);

        for statement in [
            "SELECT count(*) FROM phi_vault.samples",
            "SELECT count(ciphertext) FROM phi_vault.samples",
            "DELETE FROM phi_vault.samples",
            "UPDATE phi_vault.samples SET pseudonym = 'x'",
            "INSERT INTO phi_vault.samples VALUES ('x', '', '', 'k1')",
            "TRUNCATE phi_vault.samples",
            "SET ROLE genogate_owner",
        ] {
            let error = connection.batch_execute(statement).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{statement}");
        }

        let administrator = databases.administrator("local").await.unwrap();
        let query = "SELECT pseudonym, key_id, ciphertext, s::text FROM phi_vault.samples AS s";
        let rows = administrator.query(query, &[]).await.unwrap();
        assert_eq!(rows.len(), 1);
        let (stored, key_id, sealed, text): (String, String, Vec<u8>, String) =
            (rows[0].get(0), rows[0].get(1), rows[0].get(2), rows[0].get(3));
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        assert!(!text.contains(secret) && !text.contains(&hex));
        assert_eq!((stored.as_str(), key_id.as_str()), (pseudonym.as_str(), "k1"));

        let key = ring.find(&key_id).unwrap().derive(Purpose::Encrypt);
        let opened = aead::open(&key, &sealed, associated_data(&pseudonym).as_bytes()).unwrap();
        assert_eq!(opened, secret.as_bytes());
        assert!(aead::open(&key, &sealed, associated_data("P-another").as_bytes()).is_err());

        administrator.batch_execute("CHECKPOINT").await.unwrap();
        let data = databases.cluster().unwrap().home().join("postgres");
        assert!(!holds(&data, secret.as_bytes()), "the name lies in the cluster's files");
        assert!(holds(&data, pseudonym.as_bytes()), "the search finds nothing at all");
    }

    /// Does any file below `folder` hold these bytes?
    fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
        let Ok(entries) = std::fs::read_dir(folder) else { return false };
        entries.flatten().any(|entry| {
            let path = entry.path();
            // other tests' databases come and go meanwhile
            if path.is_dir() {
                holds(&path, bytes)
            } else {
                std::fs::read(&path).is_ok_and(|file| memchr::memmem::find(&file, bytes).is_some())
            }
        })
    }
}
