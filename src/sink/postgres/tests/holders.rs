//! What a stranger with the application's own credentials can do to a load that somebody else runs: nothing that ends it, shows it
//! or fills another one.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::error::Class;
use crate::sink::testing::{Run, sites};
use crate::store::begin::{Secret, hold_load, take_up_load};
use crate::store::inputs::{Stamp, load_inputs, stamp_inputs, take_back_inputs};
use crate::store::outcome::{drop_load, load_outcome, take_turn};
use crate::store::tables::prepare_columns;
use crate::store::{Shard, ledger};

const ZEROS: &str = "decode(repeat('00', 32), 'hex')";

/// Holds a load, or a shard of it, with a secret of its own.
async fn hold(client: &Connection, load: Uuid, shard: Option<Shard>) -> bool {
    hold_load(client, load, shard, &Secret::new()).await.unwrap()
}

/// SQLSTATE of a refused statement, or of what a transaction ended with.
async fn refused(client: &Connection, sql: &str) -> String {
    let outcome = match client.batch_execute(sql).await {
        Ok(()) => "done".into(),
        Err(error) => error.code().map(|code| code.code().to_owned()).unwrap_or_default(),
    };
    client.batch_execute("ROLLBACK").await.unwrap();
    outcome
}

/// The statement that commits a unit of so many variants, with nothing else true about it.
fn commit(load: Uuid, unit: i32, records: i32, loaded: i32, variants: i32, calls: i32) -> String {
    format!(
        "SELECT genogate_store.commit_unit('{load}', {unit}, 1, {records}, {records}, {loaded}, {variants}, {calls}, 0, 0, 0, {ZEROS}, {ZEROS}, {ZEROS}, '[]')"
    )
}

fn variant(load: Uuid, id: i64) -> String {
    format!(
        "INSERT INTO genogate_store.variants (load_id, variant_id, chrom, contig, pos) VALUES ('{load}', {id}, 'chr1', '1', 1)"
    )
}

/// A run with one of its units written.
async fn half(rig: &Rig) -> Run {
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), rig.samples).await.unwrap();
    writer.end().await.unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_does_not_end_without_its_line_in_the_ledger() {
    let rig = Rig::with_database(2, 0).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    lend(&rig).await;
    let (load, session, admin) = (run.context.run_id, app(&rig).await, admin(&rig).await);
    let begin = format!("BEGIN; SELECT genogate_store.begin_unit('{load}', 0, {SECRET})");
    let (row, committed) = (variant(load, 1 << 41), commit(load, 0, 1, 1, 1, 0));
    for way in [
        format!("{begin}; {row}; COMMIT"),
        format!("{begin}; COMMIT"),
        // Asked for early, it is asked then.
        format!("{begin}; {row}; SET CONSTRAINTS ALL IMMEDIATE"),
        format!("BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SELECT genogate_store.begin_unit('{load}', 0, {SECRET})"),
        // Asked and answered within what is taken back again.
        format!("{begin}; {row}; SAVEPOINT s; {committed}; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO SAVEPOINT s; COMMIT"),
        // The unit that is committed is another one.
        format!("{begin}; SELECT genogate_store.begin_unit('{load}', 1, {SECRET}); {row}; {committed}; COMMIT"),
        // Rows behind the unit's end.
        format!("{begin}; {committed}; {row}; COMMIT"),
    ] {
        assert_eq!(refused(&session, &way).await, "GG500", "{way}");
    }
    for table in ["variants", "units", "open_units"] {
        assert_eq!(count(&admin, &format!("genogate_store.{table}")).await, 0, "{table}");
    }
    assert_eq!(refused(&session, &format!("{begin}; {row}; {committed}; COMMIT")).await, "done");
    assert_eq!(count(&admin, "genogate_store.variants").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_contradict_each_other_are_no_unit() {
    let rig = Rig::with_database(2, 0).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    lend(&rig).await;
    let (load, session) = (run.context.run_id, app(&rig).await);
    for (what, unit, statement) in [
        ("records are missing", 0, commit(load, 0, 2, 1, 1, 0)),
        ("fewer variants than records", 0, commit(load, 0, 2, 2, 1, 0)),
        ("a record without a variant", 0, commit(load, 0, 1, 1, 0, 0)),
        ("variants of no record", 0, commit(load, 0, 0, 0, 1, 0)),
        ("calls without a variant", 0, commit(load, 0, 0, 0, 0, 1)),
        ("a unit behind the input's last", 2, commit(load, 2, 0, 0, 0, 0)),
        ("an input there is not", 0, commit(load, 0, 0, 0, 0, 0).replace("0, 1, 0", "0, 2, 0")),
        ("records set aside nowhere", 0, commit(load, 0, 1, 0, 0, 0).replace("0, 0, 0, decode", "1, 0, 0, decode")),
        ("half a digest", 0, commit(load, 0, 0, 0, 0, 0).replacen("'00', 32", "'00', 16", 1)),
    ] {
        let code = refused(
            &session,
            &format!("BEGIN; SELECT genogate_store.begin_unit('{load}', {unit}, {SECRET}); {statement}; COMMIT"),
        )
        .await;
        assert!(["GG400", "23514"].contains(&code.as_str()), "{what}: {code}");
    }
}

/// Rows that name a visible load are shown in none, whatever unit they come in.
#[tokio::test(flavor = "multi_thread")]
async fn rows_with_another_loads_id_are_not_shown() {
    let mut rig = Rig::with_database(1, 1).await;
    let seen = Uuid::parse_str(rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap()["load_id"].as_str().unwrap());
    let seen = seen.unwrap();
    (rig.options, rig.name) = ([6; 32], "other");
    let run = rig.open(&*sink(), false).await.unwrap();
    lend(&rig).await;
    let (load, number, session) = (run.context.run_id, 2i64, app(&rig).await);
    let id = number << 41;
    let call = format!(
        "INSERT INTO genogate_store.calls (load_id, variant_id, input, sample_index, contig, gt) VALUES ('{seen}', {id}, 1, 0, '1', '0/1')"
    );
    let forged = format!(
        "BEGIN; SELECT genogate_store.begin_unit('{load}', 0, {SECRET}); {}; {call}; {}; COMMIT",
        variant(seen, id),
        commit(load, 0, 1, 1, 1, 1)
    );
    assert_eq!(refused(&session, &forged).await, "done");
    assert_eq!(count(&admin(&rig).await, "genogate_store.variants").await, 4, "they are stored");
    for (view, rows) in [("variants", 3), ("calls", 3), ("carriers", 2)] {
        assert_eq!(count(&session, &format!("genogate.{view}")).await, rows, "{view}");
    }
    // And the load whose unit they came in is not finished: its rows are not what was said of them.
    assert_eq!(run.sink.finish().await.unwrap_err().class(), Class::Integrity);
    for (view, rows) in [("variants", 3), ("calls", 3), ("carriers", 2)] {
        assert_eq!(count(&session, &format!("genogate.{view}")).await, rows, "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_hold_a_load_does_not_end_or_change_it() {
    let rig = Rig::with_database(2, 1).await;
    let run = half(&rig).await;
    let (load, stranger) = (run.context.run_id, app(&rig).await);
    let ways = [
        format!("SELECT genogate_store.finish_load('{load}', {ZEROS}, {ZEROS}, {ZEROS}, '{{}}', false)"),
        format!("SELECT genogate_store.finish_load('{load}', {ZEROS}, {ZEROS}, {ZEROS}, '{{}}', true)"),
        format!("SELECT genogate_store.fail_load('{load}', 'x', true)"),
        format!("SELECT genogate_store.give_up_input('{load}', 1, 'x', NULL)"),
        format!("SELECT genogate_store.close_inputs('{load}', '{{1}}')"),
        format!("SELECT genogate_store.take_back_inputs('{load}', '{{1}}')"),
        format!("SELECT genogate_store.stamp_inputs('{load}', '{{1}}', '{{1}}', '{{1}}', '{{1}}')"),
        format!("SELECT genogate_store.clear_given_up('{load}')"),
        format!("SELECT genogate_store.take_turn('{load}')"),
    ];
    for way in &ways {
        assert_eq!(refused(&stranger, way).await, "GG500", "{way}");
    }
    assert_eq!(refused(&stranger, &format!("SELECT genogate_store.drop_load('{load}', 'x')")).await, "GG100");
    // It cannot be taken from a living session, by whatever lock and however the stranger calls itself.
    let grant = "GRANT EXECUTE ON FUNCTION pg_advisory_lock(int, int), pg_advisory_lock(bigint), pg_advisory_lock_shared(int, int) TO PUBLIC";
    rig.databases.administrator("local").await.unwrap().batch_execute(grant).await.unwrap();
    let locks = "SELECT pg_advisory_lock(1734700655, 1), pg_advisory_lock(1734700655), pg_advisory_lock_shared(1734700655, -1)";
    stranger.batch_execute(locks).await.unwrap();
    stranger.batch_execute("SET application_name = 'genogate'; SET search_path = pg_temp, genogate_store").await.unwrap();
    assert_eq!(refused(&stranger, "CREATE TEMP TABLE pg_stat_activity (pid int, backend_start timestamptz)").await, "42501");
    assert!(!hold(&stranger, load, None).await);
    assert!(!take_up_load(&stranger, load).await.unwrap());
    let begun = stranger
        .query_one(
            "SELECT o_state FROM genogate_store.begin_load(gen_random_uuid(), 'x', NULL, $1, (SELECT fingerprint FROM genogate_store.list_loads()),
                                                           NULL, $1, 'none', 'x', '{}', '[]', NULL, NULL, true)",
            &[&[5u8; 32].as_slice()],
        )
        .await
        .unwrap();
    assert_eq!(begun.get::<_, &str>(0), "busy");
    // An old snapshot, which would not show who came since, is none to ask in.
    let old = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT genogate_store.hold_load('{load}', NULL, NULL, {SECRET})");
    assert_eq!(refused(&stranger, &old).await, "GG500");
    for way in &ways {
        assert_eq!(refused(&stranger, way).await, "GG500", "{way}");
    }
    // The run goes on and ends whole, beside all of these locks.
    let report = run.all(&rig).await.unwrap_err();
    assert_eq!(report.class(), Class::Failed, "the first unit is committed: {report}");
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 1, &sites(3), 1).await.unwrap();
    writer.end().await.unwrap();
    assert_eq!(run.sink.finish().await.unwrap().status, crate::flow::Status::Complete);
}

/// The holder itself makes half a load as little visible as anybody.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_load_is_not_made_visible() {
    let rig = Rig::with_database(2, 1).await;
    let run = half(&rig).await;
    let load = run.context.run_id;
    drop(run);
    let session = app(&rig).await;
    // As soon as the backend before is gone.
    while !hold(&session, load, None).await {
        tokio::task::yield_now().await;
    }
    assert!(take_turn(&session, load).await.unwrap());
    let finish = format!("SELECT genogate_store.finish_load('{load}', {ZEROS}, {ZEROS}, {ZEROS}, '{{}}', true)");
    assert_eq!(refused(&session, &finish).await, "GG100");
    // Not by calling its units others, and not by reading half of it to its end.
    assert_eq!(refused(&session, &format!("SELECT genogate_store.close_inputs('{load}', '{{1}}'); {finish}")).await, "GG100");
    assert_eq!(count(&session, "genogate.variants").await + count(&session, "genogate.loads").await, 0);
    assert!(load_outcome(&session, load).await.unwrap().is_none());
    // Given up, it is whole, and holds nothing.
    let empty = format!(
        "SELECT genogate_store.give_up_input('{load}', 1, 'cut', NULL); SELECT genogate_store.clear_given_up('{load}'); {finish}"
    );
    assert_eq!(refused(&session, &empty).await, "done");
    assert_eq!((count(&session, "genogate.variants").await, count(&session, "genogate.loads").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_holds_alone_shards_together_and_each_shard_once() {
    let rig = Rig::with_database(4, 1).await;
    let shard = |index| Some(Shard { index, count: 2 });
    let one = rig.join(&*sink(), false, shard(0), None).await.unwrap();
    let load = one.context.run_id;
    let (session, admin) = (app(&rig).await, admin(&rig).await);
    assert!(!hold(&session, load, shard(0)).await, "the shard is held");
    assert!(!hold(&session, load, None).await, "others work on it");
    assert!(!hold(&session, load, Some(Shard { index: 1, count: 3 })).await, "it is cut otherwise");
    assert!(hold(&session, load, shard(1)).await);
    assert!(hold(&session, load, shard(1)).await, "again by the same session");
    // Writers hold nothing.
    let _writer = one.sink.writer(0).await.unwrap();
    let holders = |wanted: i64| until(&admin, "genogate_store.holders h WHERE genogate_store.is_alive(h)", wanted);
    holders(2).await;
    let finisher = app(&rig).await;
    assert!(take_up_load(&finisher, load).await.unwrap(), "beside shards");
    assert!(take_turn(&finisher, load).await.unwrap() && !take_turn(&session, load).await.unwrap());
    finisher.close().await;
    holders(2).await;
    assert!(take_turn(&session, load).await.unwrap(), "the turn ends with the session");
    drop((one, _writer));
    session.close().await;
    holders(0).await;
    let alone = app(&rig).await;
    assert!(!hold(&alone, load, None).await, "who held a shard comes back as a shard");
    let run = rig.open(&*sink(), false).await.unwrap();
    assert!(!hold(&alone, load, None).await && !take_up_load(&alone, load).await.unwrap(), "a run has it for itself");
    assert_eq!(run.all(&rig).await.unwrap()["load_id"], json!(load));
}

/// An input's file has changed: its units and rows go, once nobody else works on the load.
#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_taken_back_by_who_is_alone_with_the_load() {
    let rig = Rig::with_database(2, 1).await;
    let run = half(&rig).await;
    let load = run.context.run_id;
    run.sink.abandon(&crate::error::Error::interrupted("stopped")).await;
    drop(run);
    let (one, two, admin) = (app(&rig).await, app(&rig).await, admin(&rig).await);
    while !take_up_load(&one, load).await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert!(take_up_load(&two, load).await.unwrap());
    let error = take_back_inputs(&one, load, &[0]).await.unwrap_err();
    assert_eq!((error.class(), error.is_transient()), (Class::Input, false), "{error}");
    assert_eq!(count(&admin, "genogate_store.variants").await, 3);
    two.close().await;
    // A session ends a moment after its connection.
    while take_back_inputs(&one, load, &[0]).await.is_err() {}
    for table in ["variants", "calls", "units"] {
        assert_eq!(count(&admin, &format!("genogate_store.{table}")).await, 0, "{table}");
    }
    assert!(ledger::load_units(&one, load).await.unwrap().is_empty());
    let stamp = Stamp { bytes: Some(1000), modified: Some(7), inode: Some(-1) };
    assert_eq!(load_inputs(&one, load).await.unwrap()[0].stamp, Stamp { bytes: Some(1000), ..Stamp::default() });
    stamp_inputs(&one, load, &[(0, stamp)]).await.unwrap();
    assert_eq!(load_inputs(&one, load).await.unwrap()[0].stamp, stamp);
    one.close().await;
    until(&admin, "genogate_store.holders h WHERE genogate_store.is_alive(h)", 0).await;
    let again = rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    assert_eq!((&again["load_id"], &again["units_resumed"], &again["variants"]), (&json!(load), &json!(0), &json!(6)));
}

/// The same pipeline over the same content under other options takes the place of what it made before; another pipeline makes its
/// own and says so; whoever has the same of both is skipped.
#[tokio::test(flavor = "multi_thread")]
async fn other_options_replace_and_other_names_are_told() {
    let mut rig = Rig::with_database(1, 1).await;
    let client = app(&rig).await;
    let mut load = async |name: &'static str, options: u8, force: bool| -> Value {
        (rig.name, rig.options) = (name, [options; 32]);
        Value::Object(rig.open(&*sink(), force).await.unwrap().all(&rig).await.unwrap())
    };
    let shown = async || {
        let sql = "SELECT load_id FROM genogate.loads ORDER BY created";
        client.query(sql, &[]).await.unwrap().iter().map(|row| json!(row.get::<_, Uuid>(0))).collect::<Vec<_>>()
    };
    let first = load("a", 1, false).await;
    assert_eq!((first.get("replaced"), first.get("same_content")), (None, None));
    let mended = load("a", 2, false).await;
    assert_eq!((&mended["status"], &mended["replaced"]), (&json!("complete"), &json!([first["load_id"]])));
    assert_eq!(shown().await, [mended["load_id"].clone()]);
    assert_eq!(count(&client, "genogate.variants").await, 3);
    let other = load("b", 1, false).await;
    assert_eq!((other.get("replaced"), &other["same_content"]), (None, &json!([mended["load_id"]])));
    assert_eq!(shown().await, [mended["load_id"].clone(), other["load_id"].clone()]);
    // Mended to what another pipeline made: that one is there, and what this one made before is not any more.
    let same = load("b", 2, false).await;
    assert_eq!(
        (&same["status"], &same["load_id"], &same["replaced"]),
        (&json!("skipped"), &mended["load_id"], &json!([other["load_id"]]))
    );
    assert_eq!(shown().await, [mended["load_id"].clone()]);
    let forced = load("b", 2, true).await;
    assert_eq!((&forced["status"], &forced["replaced"]), (&json!("complete"), &json!([mended["load_id"]])));
    assert_eq!(count(&admin(&rig).await, "genogate_store.variants").await, 3, "what was replaced is removed");
}

/// Both see no earlier load of their content before either is visible: one of them takes the other's place.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_loads_of_one_content_in_a_pipeline_one_stays() {
    let mut rig = Rig::with_database(1, 1).await;
    let one = half(&rig).await;
    rig.options = [6; 32];
    let two = half(&rig).await;
    let (one, two) = tokio::join!(one.sink.finish(), two.sink.finish());
    let (one, two) = (one.unwrap(), two.unwrap());
    let client = app(&rig).await;
    assert_eq!(count(&client, "genogate.loads").await, 1, "{one:?} {two:?}");
    assert_eq!(count(&client, "genogate.variants").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_at_work_is_dropped_by_nobody_else_and_an_orphan_by_anybody() {
    let rig = Rig::with_database(2, 1).await;
    let run = half(&rig).await;
    let (load, client) = (run.context.run_id, app(&rig).await);
    assert_eq!(drop_load(&client, load, "x").await.unwrap_err().class(), Class::Failed);
    drop(run);
    until(&admin(&rig).await, "genogate_store.holders h WHERE genogate_store.is_alive(h)", 0).await;
    assert_eq!(drop_load(&client, load, "x").await.unwrap(), Some((3, 3)));
    assert_eq!(drop_load(&client, load, "x").await.unwrap(), None);
}

/// Only sessions of the application hold loads, and only they and the administrator call anything.
#[tokio::test(flavor = "multi_thread")]
async fn other_roles_are_refused() {
    let rig = Rig::with_database(1, 1).await;
    let admin = admin(&rig).await;
    let begin = format!(
        "SELECT genogate_store.begin_load(gen_random_uuid(), 'x', NULL, {ZEROS}, NULL, NULL, NULL, 'none', 'x', '{{}}', '[]', NULL, NULL, false)"
    );
    assert_eq!(refused(&admin, &begin).await, "GG500");
    assert_eq!(refused(&admin, "SELECT genogate_store.list_loads()").await, "done");
    let database: String = admin.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    let stranger = format!("{database}_stranger");
    admin.batch_execute(&format!("CREATE ROLE {stranger} LOGIN IN ROLE genogate_app")).await.unwrap();
    admin.batch_execute(&format!("SET SESSION AUTHORIZATION {stranger}")).await.unwrap();
    for call in ["SELECT genogate_store.list_loads()", "SELECT genogate_store.load_units(gen_random_uuid())", &begin] {
        assert_eq!(refused(&admin, call).await, "GG500", "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_their_own_do_not_fill_the_table() {
    let rig = Rig::with_database(1, 1).await;
    let client = app(&rig).await;
    let columns: Vec<String> = (0..400).map(|n| format!("info.X{n}")).collect();
    let all: Vec<(&str, String)> = columns.iter().map(|name| (name.as_str(), "int4".to_owned())).collect();
    prepare_columns(&client, &all).await.unwrap();
    prepare_columns(&client, &all).await.unwrap();
    let error = prepare_columns(&client, &[("info.MORE", "int4".to_owned())]).await.unwrap_err();
    assert!(error.class() == Class::Usage && error.to_string().contains("has 400 columns"), "{error}");
    rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    assert_eq!(count(&client, "genogate.variants").await, 3);
}

/// The application's password alone writes nothing for a load that somebody holds.
#[tokio::test(flavor = "multi_thread")]
async fn units_are_written_for_who_holds_the_load_only() {
    let mut rig = Rig::with_database(2, 1).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let (load, stranger) = (run.context.run_id, app(&rig).await);
    // Neither does a load of one's own help.
    (rig.options, rig.name) = ([6; 32], "another");
    let own = rig.open(&*sink(), false).await.unwrap().context.run_id;
    until(&admin(&rig).await, "genogate_store.holders h WHERE genogate_store.is_alive(h)", 1).await;
    while !take_up_load(&stranger, own).await.unwrap() {}
    let held = format!("SELECT genogate_store.hold_load('{own}', NULL, NULL, {SECRET})");
    assert_eq!(refused(&stranger, &held).await, "done");
    for secret in ["NULL", "''", SECRET, ZEROS] {
        let way = format!("BEGIN; SELECT genogate_store.begin_unit('{load}', 0, {secret})");
        assert_eq!(refused(&stranger, &way).await, "GG501", "{secret}");
    }
    assert_eq!(refused(&stranger, &format!("BEGIN; SELECT genogate_store.begin_unit('{own}', 0, {SECRET})")).await, "done");
    for (shard, shards) in [("0", "2"), ("3", "2"), ("2147483647", "2"), ("1", "NULL"), ("NULL", "2")] {
        let way = format!("SELECT genogate_store.hold_load('{own}', {shard}, {shards}, {SECRET})");
        assert_eq!(refused(&stranger, &way).await, "GG200", "{shard} of {shards}");
    }
    (rig.options, rig.name) = ([5; 32], "fixture");
    assert_eq!(run.all(&rig).await.unwrap()["status"], json!("complete"));
}

/// A load that nobody holds is taken up by whoever has the password; what is said of its units then is held against their rows.
#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_another_session_makes_nothing_visible() {
    let rig = Rig::with_database(2, 1).await;
    let run = half(&rig).await;
    let load = run.context.run_id;
    run.sink.abandon(&crate::error::Error::interrupted("stopped")).await;
    drop(run);
    let stranger = app(&rig).await;
    while !take_up_load(&stranger, load).await.unwrap() {
        tokio::task::yield_now().await;
    }
    // Three records, it says, of which it stores one, and that another one.
    let forged = format!(
        "SELECT genogate_store.hold_load('{load}', NULL, NULL, {SECRET}); BEGIN; SELECT genogate_store.begin_unit('{load}', 1, {SECRET}); {}; {}; COMMIT",
        variant(load, 1 << 41 | 1 << 21),
        commit(load, 1, 3, 3, 3, 0)
    );
    assert_eq!(refused(&stranger, &forged).await, "done");
    stranger.close().await;
    let admin = admin(&rig).await;
    until(&admin, "genogate_store.holders h WHERE genogate_store.is_alive(h)", 0).await;
    let again = rig.open(&*sink(), false).await.unwrap();
    let error = again.all(&rig).await.unwrap_err();
    assert!(error.class() == Class::Integrity && error.to_string().contains("2 of 3 variants missing"), "{error}");
    assert_eq!(count(&admin, "genogate_store.units").await, 0, "what it said is taken back");
    again.sink.abandon(&error).await;
    drop(again);
    let whole = rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    assert_eq!((&whole["status"], &whole["variants"]), (&json!("complete"), &json!(6)));
}

/// What one shard meets takes nothing from the others; the last one leaves nothing of what it may not keep.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_fails_leaves_the_load_to_the_others() {
    let rig = Rig::with_database(4, 1).await;
    let shard = |index| Some(Shard { index, count: 2 });
    let one = rig.join(&*sink(), false, shard(0), None).await.unwrap();
    let two = rig.join(&*sink(), false, shard(1), None).await.unwrap();
    let mut writer = one.sink.writer(0).await.unwrap();
    one.unit(&mut writer, 0, &sites(3), rig.samples).await.unwrap();
    one.unit(&mut writer, 1, &sites(3), rig.samples).await.unwrap();
    writer.end().await.unwrap();
    let admin = admin(&rig).await;
    let left = async || {
        (count(&admin, "genogate_store.units").await, count(&admin, "genogate_store.loads WHERE status = 'started'").await)
    };
    two.sink.abandon(&crate::error::Error::phi("found")).await;
    assert_eq!(left().await, (2, 1));
    drop(two);
    one.sink.abandon(&crate::error::Error::phi("found")).await;
    assert_eq!(left().await, (0, 0));
}

/// A pipeline that was skipped for another's load keeps it when the other makes something else of the same content.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_two_pipelines_made_is_not_lost_to_one_of_them() {
    let mut rig = Rig::with_database(1, 1).await;
    let client = app(&rig).await;
    let mut load = async |name: &'static str, options: u8, force: bool| -> Value {
        (rig.name, rig.options) = (name, [options; 32]);
        Value::Object(rig.open(&*sink(), force).await.unwrap().all(&rig).await.unwrap())
    };
    let shown = async || {
        let sql = "SELECT name, load_id FROM genogate.loads ORDER BY name";
        client
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), json!(row.get::<_, Uuid>(1))))
            .collect::<Vec<(String, Value)>>()
    };
    let first = load("a", 1, false).await["load_id"].clone();
    assert_eq!(load("b", 1, false).await["load_id"], first);
    let second = load("a", 2, false).await;
    assert_eq!(second.get("replaced"), None, "{second}");
    assert_eq!(shown().await, [("a".to_owned(), second["load_id"].clone()), ("b".to_owned(), first.clone())]);
    assert_eq!(load("b", 1, false).await["load_id"], first);
    // By force it is made anew, and stays the first one's.
    let forced = load("b", 2, true).await;
    assert_eq!(forced["replaced"].as_array().unwrap().len(), 2, "{forced}");
    assert_eq!(shown().await, [("a".to_owned(), forced["load_id"].clone())]);
    assert_eq!(load("a", 2, false).await["load_id"], forced["load_id"]);
    assert_eq!(load("b", 2, false).await["load_id"], forced["load_id"]);
}
