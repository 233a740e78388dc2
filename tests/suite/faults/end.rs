//! The end of a load, when two sessions build its indexes: it is stopped or killed, its connections are cut, the server dies.

use std::process::Child;

use super::relay::Relay;
use super::server::crash_and_restart;
use super::{Admin, Scene, end, signal};

/// Both builds have begun and wait for the lock that [`hold_back`] takes.
const BUILDING: &str = "SELECT count(*) = 2 FROM pg_stat_activity
                        WHERE usename = 'genogate_app' AND query LIKE '%index_partition(%' AND wait_event_type = 'Lock'";

/// Starts a load and lets rows in, but no index be built, until the session given back rolls back. The lock must not come before
/// an empty warehouse's indexes are dropped, and not after they are built. A transaction sees one state of `pg_stat_activity`, so
/// `admin` is another session.
fn hold_back(scene: &Scene, admin: &mut Admin, start: impl FnOnce() -> Child) -> (Admin, Child) {
    const DROPPED: &str = "SELECT to_regclass('genogate_store.variants_position') IS NULL";
    const LOCK: &str = "BEGIN; LOCK TABLE genogate_store.variants, genogate_store.calls IN ROW EXCLUSIVE MODE";
    let mut holder = Admin::new(&scene.warehouse);
    // Opened before the start, which does not wait.
    holder.ask("SELECT 1");
    let resumed = admin.ask(DROPPED) == "t";
    if resumed {
        holder.ask(LOCK);
    }
    let mut child = start();
    if !resumed {
        admin.await_true(&mut child, DROPPED);
        holder.ask(LOCK);
    }
    admin.await_true(&mut child, BUILDING);
    (holder, child)
}

/// The load is proven, and every index is there, on the tables and on each of their 26 partitions.
fn prove(scene: &Scene, done: crate::support::Done) {
    scene.prove(done);
    let indexes = "SELECT count(*) FILTER (WHERE i.relkind = 'I'), count(*) FILTER (WHERE i.relispartition), count(*)
                   FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
                   WHERE x.indisvalid AND t.relnamespace = 'genogate_store'::regnamespace AND t.relname ~ '^(variants|calls)'";
    assert_eq!(scene.warehouse.sql(indexes), "5|130|135");
}

#[test]
fn a_load_that_is_stopped_or_killed_while_its_indexes_are_built_resumes_and_builds_them() {
    let scene = Scene::new(3000);
    let mut admin = Admin::new(&scene.warehouse);
    for name in ["-TERM", "-INT", "-KILL"] {
        let (mut holder, child) = hold_back(&scene, &mut admin, || scene.spawn(&[]));
        signal(&child, name);
        let done = end(child);
        match name {
            "-KILL" => assert_eq!(done.code, -1, "{done:#?}"),
            _ => {
                done.expect_interrupted();
                assert_eq!(admin.ask(BUILDING.replace("= 2", "= 0").as_str()), "t", "a build went on");
            }
        }
        holder.ask("ROLLBACK");
        scene.hidden();
    }
    prove(&scene, end(scene.spawn(&[])));
}

#[test]
fn connections_cut_while_indexes_are_built_are_survived() {
    let scene = Scene::new(3000);
    let status = scene.warehouse.run(["db", "status", "--json"]).expect(0).json();
    let relay = Relay::to(u16::try_from(status["port"].as_u64().unwrap()).unwrap());
    let mut admin = Admin::new(&scene.warehouse);
    let pipeline = scene.through(relay.port);
    let (mut holder, child) = hold_back(&scene, &mut admin, || scene.spawn_pipeline(&pipeline, &[]));
    relay.cut();
    holder.ask("ROLLBACK");
    let done = end(child);
    assert!(done.stderr.contains("trying again"), "{done:#?}");
    prove(&scene, done);
}

#[test]
fn a_postmaster_killed_while_indexes_are_built_is_survived() {
    let scene = Scene::new(3000);
    let (_holder, child) = hold_back(&scene, &mut Admin::new(&scene.warehouse), || scene.spawn(&[]));
    crash_and_restart(&scene.warehouse);
    let done = end(child);
    assert!(done.stderr.contains("trying again"), "{done:#?}");
    prove(&scene, done);
}

/// `loads finish` builds what a stopped load left, and can be stopped itself.
#[test]
fn finishing_later_is_stopped_and_done_again() {
    let scene = Scene::new(3000);
    let mut admin = Admin::new(&scene.warehouse);
    let finish = || {
        let mut command = crate::support::genogate(&scene.warehouse.home);
        command.args(["loads", "finish", "--load-name", "night", "--json"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    for turn in 0..2 {
        let start = || if turn == 0 { scene.spawn(&["--load-name", "night"]) } else { finish() };
        let (mut holder, child) = hold_back(&scene, &mut admin, start);
        signal(&child, "-TERM");
        assert_eq!(end(child).expect(1).json()["error"]["class"], "interrupted");
        assert_eq!(admin.ask(BUILDING.replace("= 2", "= 0").as_str()), "t", "a build went on");
        holder.ask("ROLLBACK");
    }
    let done = end(finish()).expect(0).json();
    assert_eq!(done["status"], "complete", "{done}");
    scene.warehouse.run(["validate", done["load_id"].as_str().unwrap(), "--json"]).expect(0);
    assert_eq!(finish().wait_with_output().unwrap().status.code(), Some(0));
}
