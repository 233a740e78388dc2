//! The trail on a real server: what attackers do to it, and what happens when the server goes away.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use uuid::Uuid;

use super::seal::tests::entry;
use super::*;
use crate::db::local::testing;
use crate::db::{Connection, Databases};
use crate::error::{Class, Result};

fn trail(databases: &Databases) -> PostgresTrail {
    PostgresTrail::new(Arc::new(databases.clone()), "local")
}

/// A database whose trail holds `events` events, and its superuser.
async fn recorded(events: i64) -> (Databases, Connection) {
    let databases = testing::database().await;
    let trail = trail(&databases);
    trail.append(&(1..=events).map(entry).collect::<Vec<_>>()).await.unwrap();
    let superuser = databases.administrator("local").await.unwrap();
    (databases, superuser)
}

/// Verifies with what the application may do.
async fn verified(databases: &Databases) -> Verdict {
    verify(&mut databases.connect("local").await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_was_appended_is_read_back_and_verifies() {
    let (databases, superuser) = recorded(5000).await;
    assert_eq!(verified(&databases).await, Verdict { events: 5000, verified: true, first_bad: None, reason: None });
    let application = databases.connect("local").await.unwrap();
    let batches: Vec<RecordBatch> = stream(&application, Selection::default()).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [4096, 904]);
    let rows = from_batch(&batches[1]).unwrap();
    assert_eq!((rows[903].seq, &rows[903].entry), (5000, &entry(5000)));
    let same: i64 =
        superuser.query_one("SELECT count(*) FROM audit.events e WHERE hash = audit.row_hash(e)", &[]).await.unwrap().get(0);
    assert_eq!(same, 5000, "the database computes the same hashes");
}

#[tokio::test]
async fn an_empty_trail_verifies() {
    let databases = testing::database().await;
    assert_eq!(verified(&databases).await, Verdict { events: 0, verified: true, first_bad: None, reason: None });
}

#[tokio::test]
async fn a_superuser_with_triggers_off_is_found_out() {
    #[rustfmt::skip]
    let attacks: [(&str, &str, i64); 16] = [
        ("an edited detail", "UPDATE audit.events SET detail = '{\"inputs\":2}' WHERE seq = 5", 5),
        ("an edited actor", "UPDATE audit.events SET actor = 'local:uid=0' WHERE seq = 1", 1),
        ("an edited time", "UPDATE audit.events SET time = time - interval '1 microsecond' WHERE seq = 10", 10),
        ("an edited time of recording", "UPDATE audit.events SET recorded = recorded - interval '1 microsecond' WHERE seq = 6", 6),
        ("a session put in", "UPDATE audit.events SET session_id = gen_random_uuid() WHERE seq = 6", 6),
        ("a forged time", "UPDATE audit.events SET time = 'infinity' WHERE seq = 10", 10),
        ("an edit with its own hash made anew", "UPDATE audit.events SET outcome = 'denied' WHERE seq = 5;
          UPDATE audit.events e SET hash = audit.row_hash(e) WHERE seq = 5", 6),
        ("a stored hash", "UPDATE audit.events SET hash = sha256('x') WHERE seq = 7", 7),
        ("a deleted row", "DELETE FROM audit.events WHERE seq = 4", 4),
        ("the first row deleted", "DELETE FROM audit.events WHERE seq = 1", 1),
        ("a deleted row, the rest moved up", "DELETE FROM audit.events WHERE seq = 4;
          UPDATE audit.events SET seq = seq + 100 WHERE seq > 4; UPDATE audit.events SET seq = seq - 101 WHERE seq > 100", 4),
        ("two rows that changed places", "UPDATE audit.events SET seq = 100 WHERE seq = 3;
          UPDATE audit.events SET seq = 3 WHERE seq = 8; UPDATE audit.events SET seq = 8 WHERE seq = 100", 3),
        ("a cut tail", "DELETE FROM audit.events WHERE seq > 8", 9),
        ("everything gone", "TRUNCATE audit.events", 1),
        ("a row behind the end", "CREATE TEMP TABLE t AS SELECT * FROM audit.events WHERE seq = 10;
          UPDATE t SET seq = 11, trail_seq = 11, prev_hash = hash;
          UPDATE t SET hash = audit.row_hash(ROW(t.*)::audit.events); INSERT INTO audit.events SELECT * FROM t", 11),
        ("the head set back", "UPDATE audit.head SET seq = 8, hash = (SELECT hash FROM audit.events WHERE seq = 8)", 9),
    ];
    for (name, statements, first_bad) in attacks {
        let (databases, superuser) = recorded(10).await;
        superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
        superuser.batch_execute(statements).await.unwrap();
        let verdict = verified(&databases).await;
        assert_eq!((verdict.verified, verdict.first_bad), (false, Some(first_bad)), "{name}: {verdict:?}");
        assert_eq!(verdict.require().unwrap_err().class(), Class::Integrity);
    }
}

#[tokio::test]
async fn a_lost_head_is_found() {
    let (databases, superuser) = recorded(3).await;
    superuser.batch_execute("SET session_replication_role = replica; DELETE FROM audit.head").await.unwrap();
    assert!(!verified(&databases).await.verified);
    assert!(trail(&databases).append(&[entry(4)]).await.is_err());
}

#[tokio::test]
async fn nobody_changes_the_trail_with_triggers_on() {
    let (databases, superuser) = recorded(3).await;
    let application = databases.connect("local").await.unwrap();
    for statement in [
        "UPDATE audit.events SET actor = 'x'",
        "DELETE FROM audit.events",
        "TRUNCATE audit.events",
        "UPDATE audit.head SET seq = 99",
        "DELETE FROM audit.head",
        "TRUNCATE audit.head",
        "UPDATE audit.trails SET last = 99",
        "INSERT INTO audit.trails VALUES (gen_random_uuid(), 1)",
        "DELETE FROM audit.trails",
        "DELETE FROM audit.events_rest",
        "INSERT INTO audit.events_rest SELECT * FROM genogate.audit_events",
        "INSERT INTO audit.events SELECT 9, clock_timestamp(), time, 'x', NULL, run_id, 'x', 'success', '{}', \
         gen_random_uuid(), 1, NULL, hash, hash FROM genogate.audit_events WHERE seq = 3",
        "INSERT INTO audit.events SELECT 4, clock_timestamp(), time, 'x', NULL, run_id, 'x', 'success', '{}', \
         gen_random_uuid(), 1, NULL, hash, sha256('x') FROM genogate.audit_events WHERE seq = 3",
    ] {
        for (who, client) in [("superuser", &superuser), ("application", &application)] {
            let error = client.batch_execute(statement).await.expect_err(&format!("{who}: {statement}"));
            assert_eq!(error.code().unwrap().code(), "42501", "{who}: {statement}");
        }
    }
    let error = application.batch_execute("SELECT * FROM audit.events").await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501");
    assert!(verified(&databases).await.verified);
}

/// Writes events with true hashes behind the head, recorded at `ago` microseconds before the server says.
async fn written(databases: &Databases, ago: i64, entries: &[Entry]) -> Result<()> {
    let mut application = databases.connect("local").await.unwrap();
    let transaction = application.transaction().await.unwrap();
    let row =
        transaction.query_one("SELECT seq, hash, recorded FROM audit.lock_head($1)", &[&entries[0].trail_id]).await.unwrap();
    let mut head = Head { seq: row.get(0), hash: row.get::<_, &[u8]>(1).try_into().unwrap() };
    let recorded = row.get::<_, stream::Micros>(2).0 - ago;
    let rows: Vec<Sealed> = entries.iter().map(|entry| head.seal(recorded, entry.clone())).collect();
    let (batch, statement) =
        (to_batch(&rows).unwrap(), format!("COPY audit.events ({}) FROM STDIN (FORMAT binary)", stream::COLUMNS));
    crate::pgcopy::copy_statement(transaction.client(), &statement, &batch.schema(), std::slice::from_ref(&batch)).await?;
    transaction.commit().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn no_program_decides_when_an_event_was_recorded() {
    const MINUTE: i64 = 60_000_000;
    let (databases, superuser) = recorded(1).await;
    for ago in [2 * MINUTE, 24 * 60 * MINUTE, -MINUTE] {
        let refused = written(&databases, ago, &[entry(2)]).await.unwrap_err();
        assert_eq!(refused.sqlstate(), Some("42501"), "{ago}");
    }
    // The event's own time is the program's, whatever its clock says.
    written(&databases, 0, &[Entry { time: 0, ..entry(2) }]).await.unwrap();
    let near =
        "SELECT count(*) FROM audit.events WHERE recorded BETWEEN clock_timestamp() - interval '5 min' AND clock_timestamp()";
    assert_eq!(superuser.query_one(near, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn an_event_comes_once_and_in_its_trails_order() {
    let (databases, _) = recorded(3).await;
    for (name, places) in [("again", vec![3]), ("earlier", vec![2]), ("twice at once", vec![4, 4]), ("backwards", vec![5, 4])] {
        let entries: Vec<Entry> = places.into_iter().map(entry).collect();
        assert_eq!(written(&databases, 0, &entries).await.unwrap_err().sqlstate(), Some("42501"), "{name}");
    }
    // What a crash took from a spool's end is missing for good; what comes later comes in.
    written(&databases, 0, &[entry(4), entry(9)]).await.unwrap();
    assert_eq!(verified(&databases).await.events, 5);
}

/// What is written, read and verified crosses the borders of partitions.
#[tokio::test]
async fn the_trail_can_be_divided_by_time() {
    let (databases, superuser) = recorded(0).await;
    let day = "(now() - interval '1 day')";
    let own =
        format!("CREATE TABLE audit.events_old PARTITION OF audit.events FOR VALUES FROM {day} TO (now() + interval '1 day')");
    superuser.batch_execute(&format!("SET ROLE genogate_owner; {own}")).await.unwrap();
    trail(&databases).append(&[entry(1), entry(2)]).await.unwrap();
    let closed = format!(
        "ALTER TABLE audit.events DETACH PARTITION audit.events_old;
         ALTER TABLE audit.events ATTACH PARTITION audit.events_old FOR VALUES FROM {day} TO (clock_timestamp())"
    );
    superuser.batch_execute(&closed).await.unwrap();
    trail(&databases).append(&[entry(3)]).await.unwrap();
    let places = "SELECT string_agg(tableoid::regclass::text, ' ' ORDER BY seq) FROM audit.events";
    let found: String = superuser.query_one(places, &[]).await.unwrap().get(0);
    assert_eq!(found, "audit.events_old audit.events_old audit.events_rest");
    assert_eq!(verified(&databases).await, Verdict { events: 3, verified: true, first_bad: None, reason: None });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn recorders_at_once_do_not_fork_the_chain() {
    let databases = testing::database().await;
    let home = tempfile::tempdir().unwrap();
    let writers = (0..4).map(|n| {
        let (databases, spool) = (databases.clone(), Spool::new(home.path()));
        tokio::spawn(async move {
            let (recorder, guard) = Recorder::start("a", Uuid::from_u128(n), Some(Arc::new(trail(&databases))), spool);
            for version in 0..50 {
                recorder.record(Event::MigrationApplied { version, name: "x".into() }).unwrap();
                if version % 7 == 0 {
                    recorder.flush().await.unwrap();
                }
            }
            let closed = guard.close().await.unwrap();
            assert_eq!((closed.events, closed.spooled), (50, 0));
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(verified(&databases).await, Verdict { events: 200, verified: true, first_bad: None, reason: None });
    let superuser = databases.administrator("local").await.unwrap();
    let row = superuser
        .query_one(
            "SELECT count(*) FILTER (WHERE trail_seq <> place) FROM (SELECT trail_seq, \
             row_number() OVER (PARTITION BY trail_id ORDER BY seq) AS place FROM audit.events) t",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "each trail is in its own order");
}

#[tokio::test]
async fn an_interrupted_append_leaves_nothing() {
    let (databases, _) = recorded(2).await;
    let mut broken = trail(&databases).connect().await.unwrap();
    let transaction = broken.transaction().await.unwrap();
    postgres::write(&transaction, &[entry(3)]).await.unwrap();
    drop(transaction);
    trail(&databases).append(&[entry(3)]).await.unwrap();
    assert_eq!(verified(&databases).await.events, 3);
}

/// A recorder that holds the chain's head and is not heard of again, as a suspended process.
#[tokio::test]
async fn a_recorder_that_stands_still_does_not_keep_the_others_waiting_for_ever() {
    let (databases, _) = recorded(2).await;
    let mut still = trail(&databases).connect().await.unwrap();
    let transaction = still.transaction().await.unwrap();
    postgres::write(&transaction, &[entry(3)]).await.unwrap();
    trail(&databases).append(&[entry(4)]).await.unwrap();
    assert_eq!(verified(&databases).await.events, 3, "what was held is not in");
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_has_every_event_once() {
    let databases = testing::database().await;
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::new(home.path());
    let away = databases.clone().with_local_name("a_database_that_is_not_there");
    let event = |version| Event::MigrationApplied { version, name: "x".into() };

    let (recorder, guard) = Recorder::start("a", Uuid::nil(), Some(Arc::new(trail(&away))), spool.clone());
    (1..=3).for_each(|n| recorder.record(event(n)).unwrap());
    recorder.flush().await.unwrap();
    let closed = guard.close().await.unwrap();
    assert_eq!((closed.events, closed.spooled), (3, 3));
    let path = spool.waiting().unwrap().remove(0);
    let copy = std::fs::read(&path).unwrap();

    // Part of it got in already: a commit whose answer was lost.
    let back = trail(&databases);
    let line: serde_json::Value = serde_json::from_slice(copy.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    let first: Entry = serde_json::from_value(line["event"].clone()).unwrap();
    back.append(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(spool.import(&back, None).await.unwrap()[0].events, 3);
    assert_eq!(verified(&databases).await.events, 3);

    // The same file again.
    std::fs::write(&path, copy).unwrap();
    spool.import(&back, None).await.unwrap();
    assert_eq!(verified(&databases).await, Verdict { events: 3, verified: true, first_bad: None, reason: None });

    // Not as a spool: the same event a second time is refused, not forgotten.
    assert!(back.append(&[first]).await.is_err());
}

#[tokio::test]
async fn a_selection_narrows_the_stream() {
    let (databases, _) = recorded(4).await;
    let other = Entry { event: "denied".into(), run_id: Uuid::from_u128(9), ..entry(5) };
    trail(&databases).append(&[other]).await.unwrap();
    let application = databases.connect("local").await.unwrap();
    for (selection, seqs) in [
        (Selection { after: 3, ..Default::default() }, vec![4, 5]),
        (Selection { event: Some("denied".into()), ..Default::default() }, vec![5]),
        (Selection { run_id: Some(Uuid::from_u128(9)), ..Default::default() }, vec![5]),
        (Selection { since: Some(entry(3).time), ..Default::default() }, vec![3, 4, 5]),
        (Selection { event: Some("query_run".into()), ..Default::default() }, vec![]),
    ] {
        let batches: Vec<RecordBatch> = stream(&application, selection.clone()).try_collect().await.unwrap();
        let found: Vec<i64> = batches.iter().flat_map(|b| from_batch(b).unwrap()).map(|row| row.seq).collect();
        assert_eq!(found, seqs, "{selection:?}");
    }
}
