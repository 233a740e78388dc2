//! The digest of a load: it binds the digests of its units to what they mean. It must not know rows, nor when it is asked.

use futures::TryStreamExt;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::inputs::{Progress, Stamp, load_inputs};
use super::ledger::LedgerUnit;
use super::loads::StoredLoad;
use super::tables::CALLS_COLUMNS;
use crate::crypto::digest::Sha256;
use crate::db;
use crate::error::Result;

/// SHA-256 over what is stored of a load beside its rows, and over its ledger in the order of units: number, name, kind of sample
/// ids, assembly, digest of the options, names and order of the columns of variants and of calls, every input (file, header lines,
/// tags, samples by index), and of every unit its counts, what was read, and the ordered digests of its rows. Every part is behind
/// its length or of fixed width, every list behind its number of parts.
pub async fn load_digest(client: &Client, load: &StoredLoad, units: &[LedgerUnit]) -> Result<[u8; 32]> {
    let mut digest = Parts(Sha256::new());
    digest.0.update(b"genogate load 1\0");
    digest.0.update(load.load_id.as_bytes());
    digest.number(load.number.into());
    for word in [&load.name, &load.sample_ids, &load.assembly] {
        digest.bytes(word.as_bytes());
    }
    digest.bytes(&load.options);
    digest.words(&load.columns);
    digest.words(&CALLS_COLUMNS);
    let inputs = load_inputs(client, load.load_id).await?;
    digest.number(inputs.len() as i64);
    inputs.iter().for_each(|input| digest.input(input));
    digest.load_documents(client, load.load_id).await?;
    digest.number(units.len() as i64);
    units.iter().for_each(|unit| digest.unit(unit));
    Ok(digest.0.finish())
}

struct Parts(Sha256);

impl Parts {
    fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as i64);
        self.0.update(bytes);
    }

    fn words(&mut self, words: &[impl AsRef<str>]) {
        self.number(words.len() as i64);
        words.iter().for_each(|word| self.bytes(word.as_ref().as_bytes()));
    }

    fn maybe(&mut self, number: Option<i64>) {
        self.0.update(&[u8::from(number.is_some())]);
        self.number(number.unwrap_or_default());
    }

    fn input(&mut self, input: &Progress) {
        let Stamp { bytes, modified, inode } = input.stamp;
        self.number(input.input.into());
        self.0.update(&input.header_digest);
        [bytes, modified, inode, input.units_planned.map(i64::from)].into_iter().for_each(|number| self.maybe(number));
        self.words(input.reason.as_slice());
        self.json(&input.tags);
    }

    /// One input at a time: all headers together may be larger than memory.
    async fn load_documents(&mut self, client: &Client, load: Uuid) -> Result<()> {
        let failed = |error| db::failure("reading headers and samples", error);
        let sql =
            "SELECT o_input, o_version, o_assembly, o_header, o_sample_indexes, o_samples FROM genogate_store.load_documents($1)";
        let mut rows = std::pin::pin!(client.query_raw(sql, [load]).await.map_err(failed)?);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            self.number(row.get::<_, i32>(0).into());
            self.words(&[row.get::<_, &str>(1), row.get(2)]);
            self.json(&row.get(3));
            let indexes: Vec<i32> = row.get(4);
            self.number(indexes.len() as i64);
            indexes.into_iter().for_each(|index| self.number(index.into()));
            self.words(&row.get::<_, Vec<&str>>(5));
        }
        Ok(())
    }

    fn unit(&mut self, unit: &LedgerUnit) {
        let LedgerUnit { unit: number, input, records, loaded_records, variants, calls, .. } = *unit;
        let LedgerUnit { quarantined, filtered, out_of_region, digest, variants_digest, calls_digest, .. } = *unit;
        self.number(number.into());
        self.number(input.into());
        for count in [records, loaded_records, variants, calls, quarantined, filtered, out_of_region] {
            self.number(count.cast_signed());
        }
        for digest in [digest.to_bytes(), variants_digest, calls_digest] {
            self.0.update(&digest);
        }
    }

    /// Keys in their order, whatever map holds them.
    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b"null"),
            Value::Bool(value) => self.bytes(if *value { b"true" } else { b"false" }),
            Value::Number(number) => self.bytes(number.to_string().as_bytes()),
            Value::String(text) => {
                self.0.update(b"\"");
                self.bytes(text.as_bytes());
            }
            Value::Array(items) => {
                self.0.update(b"[");
                self.number(items.len() as i64);
                items.iter().for_each(|item| self.json(item));
            }
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                self.0.update(b"{");
                self.number(entries.len() as i64);
                for (key, value) in entries {
                    self.bytes(key.as_bytes());
                    self.json(value);
                }
            }
        }
    }
}
