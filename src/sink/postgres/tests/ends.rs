//! The end of a load: its builds run on two sessions at once, and whatever happens to either, the indexes come whole in the end.

use serde_json::{Value, json};

use super::*;
use crate::error::{Class, Error};
use crate::flow::{Status, Writer};
use crate::sink::testing::{Run, Site, shown, sites};

/// Sessions that build a partition's indexes and wait for its lock.
const WAITING: &str =
    "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%index_partition(%'";

/// Every index there should be, and no other: valid, on the tables and on each of their 26 partitions.
async fn indexes_are_whole(admin: &Connection) {
    let indexes = "pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
                   WHERE t.relnamespace = 'genogate_store'::regnamespace AND t.relname ~ '^(variants|calls)";
    assert_eq!(count(admin, &format!("{indexes}$' AND x.indisvalid AND i.relkind = 'I'")).await, 5);
    assert_eq!(count(admin, &format!("{indexes}_' AND x.indisvalid AND i.relispartition")).await, 26 * 5);
    assert_eq!(count(admin, &format!("{indexes}'")).await, 27 * 5);
}

/// A run whose rows are written: on one partition of variants and one of calls.
async fn written(rig: &Rig) -> Run {
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer: Box<dyn Writer> = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 1).await.unwrap();
    writer.end().await.unwrap();
    run
}

/// Keeps every partition from being indexed until the session ends its transaction.
async fn hold_back(rig: &Rig) -> Connection {
    let holder = admin(rig).await;
    let lock = "BEGIN; LOCK TABLE genogate_store.variants, genogate_store.calls IN ROW EXCLUSIVE MODE";
    holder.batch_execute(lock).await.unwrap();
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_cancels_both_builds() {
    let rig = Rig::with_database(1, 1).await;
    let (run, watcher, holder) = (written(&rig).await, admin(&rig).await, hold_back(&rig).await);
    let finishing = async {
        let error = run.sink.finish().await.unwrap_err();
        assert_eq!(error.class(), Class::Interrupted, "{error}");
        run.sink.abandon(&error).await;
    };
    let stopping = async {
        until(&watcher, WAITING, 2).await;
        run.context.cancel.cancel();
    };
    tokio::join!(finishing, stopping);
    assert_eq!(count(&watcher, WAITING).await, 0, "a build went on");
    holder.batch_execute("ROLLBACK").await.unwrap();
    drop(run);
    assert_eq!(rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap()["units_resumed"], json!(1));
    indexes_are_whole(&watcher).await;
}

/// The control session and the further one in turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_whose_session_is_ended_is_made_again() {
    for which in ["ASC", "DESC"] {
        let rig = Rig::with_database(1, 1).await;
        let (run, watcher, holder) = (written(&rig).await, admin(&rig).await, hold_back(&rig).await);
        let ending = async {
            until(&watcher, WAITING, 2).await;
            let found = format!("SELECT pid FROM {WAITING} ORDER BY backend_start {which} LIMIT 1");
            let ended: i32 = watcher.query_one(&found, &[]).await.unwrap().get(0);
            watcher.execute("SELECT pg_terminate_backend($1, 60000)", &[&ended]).await.unwrap();
            // The other one is cancelled, and both begin anew.
            until(&watcher, &format!("{WAITING} AND pid <> {ended}"), 2).await;
            holder.batch_execute("ROLLBACK").await.unwrap();
        };
        let (report, ()) = tokio::join!(run.sink.finish(), ending);
        let report = shown(&report.unwrap());
        assert_eq!((&report["status"], &report["variants"], &report["calls"]), (&json!("complete"), &json!(3), &json!(3)));
        indexes_are_whole(&watcher).await;
    }
}

/// A build that fails for good ends the other one, which would wait for ever; the load is resumed and nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_one_build_ends_the_other_and_the_next_run_builds_what_is_missing() {
    let rig = Rig::with_database(1, 1).await;
    let (run, watcher) = (written(&rig).await, admin(&rig).await);
    watcher
        .batch_execute(
            "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
               WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'genogate_store.variants_1'::regclass AND NOT granted) LOOP
                 PERFORM pg_sleep(0.01);
               END LOOP;
               RAISE 'no' USING ERRCODE = '53100';
             END $$;
             CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.refuse()",
        )
        .await
        .unwrap();
    let holder = admin(&rig).await;
    holder.batch_execute("BEGIN; LOCK TABLE genogate_store.variants_1 IN ROW EXCLUSIVE MODE").await.unwrap();
    let error = run.sink.finish().await.unwrap_err();
    assert_eq!((error.sqlstate(), error.is_transient()), (Some("53100"), false), "{error}");
    assert_eq!(count(&watcher, WAITING).await, 0, "the other build went on");
    run.sink.abandon(&error).await;
    drop(run);
    holder.batch_execute("ROLLBACK").await.unwrap();
    watcher.batch_execute("DROP EVENT TRIGGER refuse").await.unwrap();
    assert_eq!(rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap()["units_resumed"], json!(1));
    indexes_are_whole(&watcher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_for_another_session_builds_on_one() {
    let rig = Rig::with_database(1, 1).await;
    let (run, watcher) = (written(&rig).await, admin(&rig).await);
    // Who is in stays in: the control session is the only one left.
    let limit = async |sessions: i32| {
        let sql =
            format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT {sessions}', current_database()); END $$");
        watcher.batch_execute(&sql).await.unwrap();
    };
    limit(0).await;
    let report = run.sink.finish().await;
    limit(-1).await;
    assert_eq!(report.unwrap().status, Status::Complete);
    indexes_are_whole(&watcher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_that_end_at_the_same_time_share_the_builds() {
    let mut rig = Rig::with_database(1, 1).await;
    let one = written(&rig).await;
    (rig.options, rig.name) = ([6; 32], "another");
    let two = written(&rig).await;
    let (watcher, holder) = (admin(&rig).await, hold_back(&rig).await);
    let releasing = async {
        // Two wait for the tables, two for those who do.
        until(&watcher, WAITING, 4).await;
        holder.batch_execute("ROLLBACK").await.unwrap();
    };
    let (one, two, ()) = tokio::join!(one.sink.finish(), two.sink.finish(), releasing);
    assert_eq!([one.unwrap().status, two.unwrap().status], [Status::Complete; 2]);
    indexes_are_whole(&watcher).await;
    assert_eq!(count(&watcher, "genogate.variants").await, 6);
}

/// One load builds a partition's indexes while another, which found that partition empty, builds the tables' own: both would give
/// the partition's index the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_partitions_indexes_and_the_tables_are_not_built_at_once() {
    let rig = Rig::with_database(1, 1).await;
    let (_run, watcher) = (written(&rig).await, admin(&rig).await);
    let (one, two) = (app(&rig).await, app(&rig).await);
    let partitions = "SELECT count(genogate_store.index_partition(oid))
                      FROM (SELECT DISTINCT o_partition FROM genogate_store.missing_indexes()) p (oid)";
    one.batch_execute(&format!("BEGIN; {partitions}")).await.unwrap();
    let building = two.batch_execute("SELECT genogate_store.build_indexes()");
    let ending = async {
        let waiting =
            "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%build_indexes()%'";
        until(&watcher, waiting, 1).await;
        one.batch_execute("COMMIT").await.unwrap();
    };
    match futures::future::select(std::pin::pin!(building), std::pin::pin!(ending)).await {
        futures::future::Either::Left(_) => panic!("nobody waited"),
        futures::future::Either::Right(((), building)) => building.await.unwrap(),
    }
    indexes_are_whole(&watcher).await;
}

/// Half of the indexes were built when the load ended, and its rows are gone: the next load of an empty warehouse keeps none.
#[tokio::test(flavor = "multi_thread")]
async fn half_built_indexes_are_in_nobodys_way() {
    let rig = Rig::with_database(1, 1).await;
    let (run, watcher) = (written(&rig).await, admin(&rig).await);
    let oid: u32 = watcher.query_one("SELECT 'genogate_store.calls_1'::regclass::oid", &[]).await.unwrap().get(0);
    app(&rig).await.execute("SELECT genogate_store.index_partition($1)", &[&oid]).await.unwrap();
    let indexes = "pg_index WHERE indrelid::regclass::text ~ '^genogate_store[.](variants|calls)'";
    assert_eq!(count(&watcher, indexes).await, 2);
    run.sink.abandon(&Error::phi("found in INFO/NOTE")).await;
    drop(run);
    let again = rig.open(&*sink(), false).await.unwrap();
    assert_eq!(count(&watcher, indexes).await, 0);
    again.all(&rig).await.unwrap();
    indexes_are_whole(&watcher).await;
}

/// With every index in place a small load asks for no lock that would wait for the writers of another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_load_ends_while_another_one_writes() {
    let mut rig = Rig::with_database(1, 1).await;
    rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    let holder = hold_back(&rig).await;
    (rig.options, rig.name) = ([6; 32], "another");
    assert_eq!(rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap()["status"], json!("complete"));
    holder.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_follow_what_has_grown() {
    let mut rig = Rig::with_database(1, 0).await;
    let watcher = admin(&rig).await;
    let mut load = async |option: u8, sites: &[Site]| -> Value {
        (rig.options, rig.name) = ([option; 32], ["", "one", "two", "three"][usize::from(option)]);
        let run = rig.open(&*sink(), false).await.unwrap();
        let mut writer = run.sink.writer(0).await.unwrap();
        run.unit(&mut writer, 0, sites, 0).await.unwrap();
        writer.end().await.unwrap();
        run.sink.finish().await.unwrap();
        let known = "SELECT (SELECT reltuples::int8 FROM pg_class WHERE oid = 'genogate_store.variants'::regclass),
                            (SELECT count(*) FROM pg_stats WHERE schemaname = 'genogate_store' AND inherited AND tablename = 'variants'),
                            array(SELECT DISTINCT tablename::text FROM pg_stats
                                  WHERE schemaname = 'genogate_store' AND NOT inherited AND tablename ~ '^variants_' ORDER BY 1)";
        let row = watcher.query_one(known, &[]).await.unwrap();
        json!([row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, Vec<String>>(2)])
    };
    let on = |chrom: &'static str, n: u32| sites(n).into_iter().map(|site| Site { chrom, ..site }).collect::<Vec<_>>();
    assert_eq!(load(1, &on("chr1", 2000)).await, json!([2000, 4, ["variants_1"]]));
    // A partition that was empty, in a table that has hardly grown.
    assert_eq!(load(2, &on("chr2", 20)).await, json!([2000, 4, ["variants_1", "variants_2"]]));
    assert_eq!(load(3, &on("chr1", 2000)).await, json!([4020, 4, ["variants_1", "variants_2"]]));
    let refused = app(&rig).await.execute("SELECT genogate_store.analyze_table('loads')", &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "GG500");
}
