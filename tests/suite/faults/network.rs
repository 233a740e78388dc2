//! The network fails between the loader and the server.

use std::time::Duration;

use super::relay::Relay;
use super::{Admin, COMMITTED, Chance, Scene, await_words, end, rounds, signal};

fn relay(scene: &Scene) -> Relay {
    let status = scene.warehouse.run(["db", "status", "--json"]).expect(0).json();
    Relay::to(u16::try_from(status["port"].as_u64().unwrap()).unwrap())
}

#[test]
fn connections_cut_in_mid_copy_are_survived() {
    let scene = Scene::new(6000);
    let mut chance = Chance::new("connections_cut_in_mid_copy_are_survived");
    let relay = relay(&scene);
    let pipeline = scene.through(relay.port);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn_pipeline(&pipeline, &[]);
    admin.await_true(&mut child, COMMITTED);
    for round in 0..rounds() {
        relay.cut_after(chance.below(1 << 18));
        while relay.cuts() == round && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let done = end(child);
    assert!(relay.cuts() >= 1, "nothing was cut: {done:#?}");
    scene.prove(done);
}

#[test]
fn a_network_that_stalls_and_goes_on_changes_nothing() {
    let scene = Scene::new(3000);
    let mut chance = Chance::new("a_network_that_stalls_and_goes_on_changes_nothing");
    let (relay, time) = (relay(&scene), Scene::usual_time());
    let pipeline = scene.through(relay.port);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn_pipeline(&pipeline, &[]);
    admin.await_true(&mut child, COMMITTED);
    for _ in 0..rounds() {
        relay.stall(true);
        chance.pause(Duration::from_secs(1));
        relay.stall(false);
        chance.pause(time / 20);
    }
    scene.prove(end(child));
}

#[test]
fn a_network_that_stays_away_is_exit_code_7_and_a_load_to_be_resumed() {
    let scene = Scene::new(6000);
    let relay = relay(&scene);
    let pipeline = scene.through(relay.port);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn_pipeline(&pipeline, &["--set", "sink.postgres.patience=1s"]);
    admin.await_true(&mut child, COMMITTED);
    relay.refuse(true);
    relay.cut();
    let error = end(child).expect(7).json()["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("run the same command again"), "{error}");
    scene.hidden();
    relay.refuse(false);
    let done = end(scene.spawn_pipeline(&pipeline, &[])).expect(0);
    assert!(done.json()["units_resumed"].as_u64().unwrap() >= 1, "{done:#?}");
    scene.prove(done);
}

/// The loader is killed and the server does not hear of it: the dead run's lock is waited for.
#[test]
fn the_lock_of_a_run_that_vanished_is_waited_for() {
    let scene = Scene::new(6000);
    let relay = relay(&scene);
    let pipeline = scene.through(relay.port);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn_pipeline(&pipeline, &[]);
    admin.await_true(&mut child, COMMITTED);
    relay.cut_clients();
    signal(&child, "-KILL");
    end(child);
    let mut child = scene.spawn(&[]);
    let said = await_words(&mut child, "is being written by another process");
    scene.hidden();
    relay.cut();
    let done = end(child);
    said.join().unwrap();
    scene.prove(done);
}

/// A commit that was carried out but never answered is neither repeated nor lost. The gate holds commits back inside the
/// server, behind everything that could fail, until the connection is cut.
#[test]
fn a_commit_without_an_answer_is_looked_up() {
    for asked_first in [true, false] {
        let scene = Scene::new(1500);
        let relay = relay(&scene);
        let pipeline = scene.through(relay.port);
        let mut admin = Admin::new(&scene.warehouse);
        admin.ask(
            "CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
               'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END'",
        );
        admin.ask(
            "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON genogate_store.units DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION public.gate()",
        );
        admin.ask("SELECT pg_advisory_lock(4711)");
        let mut child = scene.spawn_pipeline(&pipeline, &["--set", "sink.postgres.writers=1"]);
        admin.await_true(&mut child, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
        relay.refuse(asked_first);
        relay.cut_clients();
        if !asked_first {
            // The unit is written again meanwhile, and its ledger row waits for the first one's fate.
            admin.await_true(&mut child, "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted");
        }
        admin.ask("SELECT pg_advisory_unlock(4711)");
        admin.await_true(&mut child, "SELECT count(*) >= 1 FROM genogate_store.units");
        // The server learns that the old connections are gone: the load's lock is free.
        relay.cut();
        relay.refuse(false);
        let done = end(child);
        admin.ask("DROP TRIGGER gate ON genogate_store.units");
        scene.prove(done);
    }
}
