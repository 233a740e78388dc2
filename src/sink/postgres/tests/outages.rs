//! Connections that are lost while a load runs: what passes is survived, what lasts leaves a load to be resumed.

use serde_json::json;

use super::*;
use crate::error::{Class, Error};
use crate::sink::testing::{batch, shown, sites};

/// Ends every session of the application, the load's own too.
async fn end_sessions(admin: &Connection) {
    let sql = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = 'genogate_app' AND pid <> pg_backend_pid()";
    admin.execute(sql, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_survives_the_loss_of_all_its_connections() {
    let rig = Rig::with_database(3, 1).await;
    let admin = admin(&rig).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    end_sessions(&admin).await;
    for unit in 0..3 {
        run.unit(&mut writer, unit, &sites(3), 1).await.unwrap();
        end_sessions(&admin).await;
    }
    writer.end().await.unwrap();
    end_sessions(&admin).await;
    let report = shown(&run.sink.finish().await.unwrap());
    assert_eq!((&report["status"], &report["variants"], &report["calls"]), (&json!("complete"), &json!(9), &json!(9)));
    assert_eq!(count(&app(&rig).await, "(SELECT DISTINCT variant_id FROM genogate.variants) d").await, 9);
}

/// Part of a unit was sent, then its transaction was lost: it is written again, whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_cut_in_the_middle_is_written_again() {
    let rig = Rig::with_database(1, 40).await;
    let admin = admin(&rig).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    for part in 0..2 {
        let sites: Vec<_> = sites(5000).into_iter().skip(part * 2500).take(2500).collect();
        writer.write(batch(0, &sites, 40)).await.unwrap();
        let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in tr%'";
        // Part of the unit is sent, behind the writer's back.
        until(&admin, open, 1).await;
        end_sessions(&admin).await;
    }
    run.close(0, 5000);
    writer.end().await.unwrap();
    let report = shown(&run.sink.finish().await.unwrap());
    assert_eq!((&report["variants"], &report["calls"]), (&json!(5000), &json!(200_000)));
    assert_eq!(count(&admin, "genogate_store.variants").await, 5000);
    assert_eq!(count(&admin, "genogate_store.calls").await, 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_patience_a_lost_transaction_leaves_a_load_to_be_resumed() {
    let rig = Rig::with_database(1, 40).await;
    let admin = admin(&rig).await;
    let run = rig.open(&*patient("0s"), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    writer.write(batch(0, &sites(2500), 40)).await.unwrap();
    end_sessions(&admin).await;
    run.close(0, 2500);
    let error = writer.end().await.unwrap_err();
    assert_eq!((error.class(), error.is_transient()), (Class::Database, true), "{error}");
    assert_eq!(count(&admin, "genogate_store.variants").await + count(&admin, "genogate_store.calls").await, 0);
    run.sink.abandon(&error).await;
    assert_eq!(count(&admin, "genogate_store.loads WHERE status = 'failed'").await, 1);
}

/// Defects 4 and 5 of the predecessor: a failure left rows, a status and no way on. Whoever lost a load's lock to another
/// run neither finishes that load nor calls it failed.
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_a_load_to_another_run_leaves_it_alone() {
    let rig = Rig::with_database(1, 1).await;
    let admin = admin(&rig).await;
    let first = rig.open(&*patient("0s"), false).await.unwrap();
    end_sessions(&admin).await;
    let second = rig.open(&*sink(), false).await.unwrap();
    let error = first.sink.finish().await.unwrap_err();
    first.sink.abandon(&error).await;
    assert_eq!(second.all(&rig).await.unwrap()["status"], json!("complete"));
}

/// Stopped while its indexes are built, a load cancels the statement and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_does_not_wait_for_its_indexes() {
    let rig = Rig::with_database(1, 1).await;
    let admin = admin(&rig).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 1).await.unwrap();
    writer.end().await.unwrap();
    admin.batch_execute("BEGIN; LOCK TABLE genogate_store.variants IN ROW EXCLUSIVE MODE").await.unwrap();
    let finishing = async {
        let error = run.sink.finish().await.unwrap_err();
        assert_eq!(error.class(), Class::Interrupted, "{error}");
        run.sink.abandon(&Error::interrupted("the run was stopped")).await;
    };
    let stopping = async {
        let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let watcher = rig.databases.administrator("local").await.unwrap();
        while count(&watcher, waiting).await == 0 {}
        run.context.cancel.cancel();
    };
    tokio::join!(finishing, stopping);
    admin.batch_execute("ROLLBACK").await.unwrap();
    drop(run);
    assert_eq!(count(&admin, "genogate_store.loads WHERE status = 'failed' AND reason = 'interrupted'").await, 1);
    assert_eq!(rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap()["units_resumed"], json!(1));
}
