//! The list of loads, visible or not. It must not know how a load is written.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::db;
use crate::error::Result;

/// One load. Counts are null until it is complete.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StoredLoad {
    pub load_id: Uuid,
    pub name: String,
    /// `unfinished`, `complete`, `partial` (inputs were given up, the others are visible), `failed`, `replaced` or `dropped`.
    pub status: String,
    /// Why it is not complete: an error class, or the load that took its place.
    pub reason: Option<String>,
    /// `pseudonym`, `name` or `none`.
    pub sample_ids: String,
    pub assembly: String,
    pub input_records: Option<i64>,
    pub variants: Option<i64>,
    pub calls: Option<i64>,
    pub quarantined: Option<i64>,
    pub filtered: Option<i64>,
    pub out_of_region: Option<i64>,
    pub units: Option<i64>,
    pub created: DateTime<Utc>,
    pub finished: Option<DateTime<Utc>>,
    /// The same command, run again, goes on where this load stopped.
    pub resumable: bool,
    /// The name under which its shards meet.
    pub load_name: Option<String>,
    /// Into how many shards its work was cut.
    pub shards: Option<i32>,
    /// Sessions at work on it.
    pub sessions: i64,
    /// Its inputs, and those that were given up.
    pub inputs: i64,
    pub given_up: i64,
    /// Inputs of a partial load are being read again.
    #[serde(skip)]
    pub mending: bool,
    /// What its pipeline did for the safety of what passed it: `profile`, `scanned` and `dropped`.
    #[serde(flatten)]
    pub safeguards: Value,
    /// What a resumed run must find again.
    #[serde(skip)]
    pub fingerprint: Option<Vec<u8>>,
    #[serde(skip)]
    pub options: Vec<u8>,
    #[serde(skip)]
    pub content: Option<Vec<u8>>,
    #[serde(skip)]
    pub identity: Option<Vec<u8>>,
    #[serde(skip)]
    pub digest: Option<Vec<u8>>,
    /// The load's share of its variants' ids.
    #[serde(skip)]
    pub number: i32,
    /// Columns of `variants` in the order its tuples were written.
    #[serde(skip)]
    pub columns: Vec<String>,
}

impl StoredLoad {
    /// `hipaa, scanned: full`; nothing of a load that says nothing.
    pub fn guarded(&self) -> Option<String> {
        let word = |name: &str| self.safeguards.get(name).and_then(Value::as_str);
        Some(format!("{}, scanned: {}", word("profile")?, word("scanned")?))
    }

    fn of(row: &Row) -> Self {
        let stored: String = row.get("status");
        let fingerprint: Option<Vec<u8>> = row.get("fingerprint");
        let mending = row.get::<_, Option<i64>>("shown_below").is_some() && ["started", "failed"].contains(&stored.as_str());
        let status = match stored.as_str() {
            _ if mending => "partial".to_owned(),
            "started" => "unfinished".to_owned(),
            _ => stored,
        };
        Self {
            load_id: row.get("load_id"),
            name: row.get("name"),
            resumable: ["unfinished", "failed", "partial"].contains(&status.as_str()) && fingerprint.is_some(),
            fingerprint,
            status,
            reason: row.get("reason"),
            sample_ids: row.get("sample_ids"),
            assembly: row.get("assembly"),
            input_records: row.get("input_records"),
            variants: row.get("variants"),
            calls: row.get("calls"),
            quarantined: row.get("quarantined"),
            filtered: row.get("filtered"),
            out_of_region: row.get("out_of_region"),
            units: row.get("units"),
            created: row.get("created"),
            finished: row.get("finished"),
            load_name: row.get("meeting"),
            shards: row.get("shards"),
            sessions: row.get("sessions"),
            inputs: row.get("inputs"),
            given_up: row.get("given_up"),
            mending,
            safeguards: row.get("safeguards"),
            options: row.get("options"),
            content: row.get("content"),
            identity: row.get("identity"),
            digest: row.get("digest"),
            number: row.get("load_no"),
            columns: row.get("columns"),
        }
    }
}

/// Every load, oldest first, with how many sessions work on each and how many inputs it has (`load_states`).
pub async fn list_loads(client: &Client) -> Result<Vec<StoredLoad>> {
    let rows = client
        .query(
            "SELECT l.*, coalesce(s.o_sessions, 0) AS sessions, coalesce(s.o_inputs, 0) AS inputs, coalesce(s.o_given_up, 0) AS given_up
             FROM genogate_store.list_loads() l LEFT JOIN genogate_store.load_states() s ON s.o_load = l.load_id
             ORDER BY l.load_no",
            &[],
        )
        .await
        .map_err(|error| db::failure("listing the loads", error))?;
    Ok(rows.iter().map(StoredLoad::of).collect())
}

/// One of them.
pub async fn stored_load(client: &Client, load: Uuid) -> Result<Option<StoredLoad>> {
    Ok(list_loads(client).await?.into_iter().find(|stored| stored.load_id == load))
}
