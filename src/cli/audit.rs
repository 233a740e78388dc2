//! `audit`: shows, searches and verifies the trail, and brings spooled events in. It must not know how events are chained.

use std::pin::pin;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use clap::builder::PossibleValuesParser;
use futures::TryStreamExt;
use serde_json::{Value, json};

use super::Console;
use super::door::{Door, Which};
use crate::access::Permission;
use crate::audit::{self, Event, Imported, Kind, Sealed, Selection, SpoolState};
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::run;

/// Read and verify the audit trail.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate audit tail -n 5\n  genogate audit verify --json")]
pub struct Command {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the newest events.
    #[command(after_help = "Example:\n  genogate audit tail -n 5")]
    Tail {
        /// How many.
        #[arg(short = 'n', long = "lines", default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lines: u32,
    },
    /// Show events of a kind, a run or a time, oldest first.
    #[command(after_help = "Example:\n  genogate audit query --event phi_detected --since 2d")]
    Query(Query),
    /// Recompute every hash of the chain. Ends with 4 when an event was changed, removed, added or moved.
    #[command(after_help = "Example:\n  genogate audit verify")]
    Verify,
    /// Bring events into the database that were recorded while it was away.
    #[command(after_help = "Example:\n  genogate audit import")]
    Import,
}

#[derive(Debug, clap::Args)]
struct Query {
    /// Kind of event.
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    event: Option<String>,
    /// Run the event happened in.
    #[arg(long, value_name = "UUID")]
    run: Option<uuid::Uuid>,
    /// From this time on: RFC 3339 (2026-03-01T08:00:00Z), a date (UTC), or an age (30m, 12h, 7d).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<DateTime<Utc>>,
    /// Show at most this many.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl Command {
    /// Runs the command.
    pub async fn run(self, console: &Console) -> Result<()> {
        let door = Door::open(&self.which).await?;
        let outcome = match self.what {
            What::Import => import(&door, console).await,
            What::Tail { lines } => tail(&door, lines, console).await,
            What::Query(query) => self::query(&door, query, console).await,
            What::Verify => verify(&door, console).await,
        };
        door.leave(outcome).await
    }
}

/// Fails unless the caller may do this; the refusal is recorded.
fn permit(door: &Door, permission: Permission) -> Result<()> {
    door.grant().require(permission).or_else(|refused| {
        door.recorder().record(Event::Denied { permission: permission.name().to_owned() })?;
        Err(refused)
    })
}

async fn tail(door: &Door, lines: u32, console: &Console) -> Result<()> {
    permit(door, Permission::AuditRead)?;
    let connection = door.connect().await?;
    let after = (audit::length(&connection).await? - i64::from(lines)).max(0);
    let (events, _) = collect(&connection, Selection { after, ..Selection::default() }, usize::MAX).await?;
    show(door, "tail", &events, console).await?;
    console.object(json!({"events": events.iter().map(object).collect::<Vec<_>>()}));
    Ok(())
}

async fn query(door: &Door, query: Query, console: &Console) -> Result<()> {
    permit(door, Permission::AuditRead)?;
    let connection = door.connect().await?;
    let since = query.since.map(|time| time.timestamp_micros());
    let selection = Selection { after: 0, event: query.event, run_id: query.run, since };
    let (events, more) = collect(&connection, selection, query.limit as usize).await?;
    show(door, "query", &events, console).await?;
    if more {
        console.remark(format_args!("only the first {}; --limit shows more", query.limit));
    }
    console.object(json!({"events": events.iter().map(object).collect::<Vec<_>>(), "more": more}));
    Ok(())
}

/// The first `limit` events of a selection, and whether there are more.
async fn collect(connection: &Connection, selection: Selection, limit: usize) -> Result<(Vec<Sealed>, bool)> {
    let mut batches = pin!(audit::stream(connection, selection));
    let mut events = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        events.extend(audit::from_batch(&batch)?);
        if events.len() > limit {
            events.truncate(limit);
            return Ok((events, true));
        }
    }
    Ok((events, false))
}

/// Prints events as lines, after the reading itself is on record.
async fn show(door: &Door, command: &str, events: &[Sealed], console: &Console) -> Result<()> {
    let recorder = door.recorder();
    recorder.record(Event::AuditRead { command: command.to_owned(), events: events.len() as u64 })?;
    recorder.flush().await?;
    for row in events {
        let e = &row.entry;
        console.line(format_args!("{:>6}  {}  {}  {}  {}  {}", row.seq, time(e.time), e.actor, e.event, e.outcome, e.detail));
    }
    Ok(())
}

fn object(row: &Sealed) -> Value {
    let e = &row.entry;
    let detail = serde_json::from_str(&e.detail).unwrap_or_else(|_| Value::from(e.detail.as_str()));
    json!({
        "seq": row.seq, "time": time(e.time), "actor": e.actor, "run_id": e.run_id, "event": e.event, "outcome": e.outcome,
        "detail": detail, "hash": crate::crypto::digest::hex(&row.hash),
    })
}

fn time(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| "beyond time".to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

async fn verify(door: &Door, console: &Console) -> Result<()> {
    permit(door, Permission::AuditRead)?;
    let mut connection = door.connect().await?;
    let verdict = audit::verify(&mut connection).await?;
    let waiting = run::spool(&door.home).waiting()?.len();
    let first_bad = verdict.first_bad.and_then(|place| u64::try_from(place).ok());
    door.recorder().record(Event::AuditVerified { events: verdict.events, verified: verdict.verified, first_bad })?;
    door.recorder().flush().await?;
    console.object(json!({
        "events": verdict.events, "verified": verdict.verified, "first_bad": verdict.first_bad, "reason": verdict.reason,
        "spools_waiting": waiting,
    }));
    match verdict.verified {
        true => console.line(format_args!("{} events, every hash recomputed: the chain is whole", verdict.events)),
        false => console.line(format_args!("{} events looked at: the chain is BROKEN", verdict.events)),
    }
    if waiting > 0 {
        console.remark(format_args!("{waiting} spools wait or are being written: genogate audit import"));
    }
    verdict.require()
}

async fn import(door: &Door, console: &Console) -> Result<()> {
    permit(door, Permission::Administer)?;
    // Opening the door has imported what it could. Once more tells why, when it could not.
    let destination = run::destination(&door.databases, &door.database);
    let late = run::spool(&door.home).import(destination.as_ref(), None).await?;
    let imported: Vec<Imported> = door.imported().iter().cloned().chain(late).collect();
    for spool in &imported {
        console.line(format_args!("{}: {} events, {}", spool.trail_id, spool.events, spool.state.name()));
    }
    let events: u64 = imported.iter().map(|spool| spool.events).sum();
    console.line(format_args!("{} spools, {events} events", imported.len()));
    console.object(json!({"spools": imported, "events": events}));
    let damaged = imported.iter().filter(|spool| spool.state == SpoolState::Damaged).count();
    if damaged > 0 {
        return Err(Error::integrity(format!("{damaged} of {} spools are damaged", imported.len()))
            .with_hint("what was whole is imported; the files are kept in the spool folder with the ending .damaged"));
    }
    Ok(())
}

fn kinds() -> PossibleValuesParser {
    Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().into()
}

/// A time as people write it.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    let unit = text.chars().next_back().unwrap_or(' ');
    let age = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).map(i64::from);
    let age = age.and_then(|n| match unit {
        's' => TimeDelta::try_seconds(n),
        'm' => TimeDelta::try_minutes(n),
        'h' => TimeDelta::try_hours(n),
        'd' => TimeDelta::try_days(n),
        _ => None,
    });
    age.and_then(|age| Utc::now().checked_sub_signed(age))
        .ok_or_else(|| "write 2026-03-01T08:00:00Z, 2026-03-01, 30m, 12h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_three_ways() {
        assert_eq!(instant("2026-03-01T10:00:00+02:00").unwrap(), instant("2026-03-01T08:00:00Z").unwrap());
        assert_eq!(time(instant("2026-03-01").unwrap().timestamp_micros()), "2026-03-01T00:00:00.000000Z");
        let (before, asked, after) = (Utc::now(), instant("2d").unwrap(), Utc::now());
        assert!(before <= asked + TimeDelta::days(2) && asked + TimeDelta::days(2) <= after);
        for wrong in ["", "d", "-2d", "yesterday", "2026-13-01", "2w", "é"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
