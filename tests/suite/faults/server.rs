//! The server fails: it is killed, ends sessions, has no room, or refuses in passing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Admin, COMMITTED, Chance, Scene, await_words, end, rounds, signal};
use crate::machine::{Lack, skip};
use crate::support::Warehouse;

/// SIGKILL to the postmaster; returns once it and its children are gone and the cluster runs again.
pub fn crash_and_restart(warehouse: &Warehouse) {
    crash(warehouse);
    while warehouse.run(["db", "start"]).code != 0 {}
}

fn crash(warehouse: &Warehouse) {
    let postmaster = warehouse.run(["db", "status", "--json"]).expect(0).json()["pid"].as_u64().unwrap();
    assert!(Command::new("kill").args(["-KILL", &postmaster.to_string()]).status().unwrap().success());
}

#[test]
fn a_killed_postmaster_that_comes_back_is_survived() {
    let scene = Scene::new(6000);
    let mut chance = Chance::new("a_killed_postmaster_that_comes_back_is_survived");
    let time = Scene::usual_time();
    let mut child = scene.spawn(&[]);
    Admin::new(&scene.warehouse).await_true(&mut child, COMMITTED);
    for _ in 0..rounds() {
        chance.pause(time / 3);
        crash_and_restart(&scene.warehouse);
    }
    scene.prove(end(child));
}

#[test]
fn a_killed_postmaster_that_stays_away_is_exit_code_7_and_the_trail_goes_on_in_the_spool() {
    let scene = Scene::new(12_000);
    let mut child = scene.spawn(&["--set", "sink.postgres.patience=1s"]);
    Admin::new(&scene.warehouse).await_true(&mut child, COMMITTED);
    crash(&scene.warehouse);
    let error = end(child).expect(7).json()["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("run the same command again"), "{error}");
    while scene.warehouse.run(["db", "start"]).code != 0 {}
    scene.hidden();
    let done = scene.run(&[]).expect(0);
    assert!(done.json()["units_resumed"].as_u64().unwrap() >= 1, "{done:#?}");
    scene.prove(done);
    let failed = scene.warehouse.run(["audit", "query", "--event", "load_failed", "--json"]).expect(0);
    assert!(failed.stdout.contains("load_failed"), "the failure was spooled and imported: {failed:#?}");
}

#[test]
fn sessions_that_are_ended_are_survived() {
    let scene = Scene::new(6000);
    let mut chance = Chance::new("sessions_that_are_ended_are_survived");
    let time = Scene::usual_time();
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn(&[]);
    admin.await_true(&mut child, COMMITTED);
    for _ in 0..rounds() {
        chance.pause(time / 10);
        admin.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'genogate_app'");
    }
    scene.prove(end(child));
}

/// The loader sleeps (SIGSTOP) behind the last statement of a unit, before its COMMIT, until the server has ended its session.
#[test]
fn an_idle_transaction_that_is_ended_is_written_again() {
    let scene = Scene::new(12_000);
    let (mut admin, mut holder) = (Admin::new(&scene.warehouse), Admin::new(&scene.warehouse));
    let mut child = scene.spawn(&[]);
    admin.await_true(&mut child, COMMITTED);
    holder.ask("BEGIN; LOCK TABLE genogate_store.units IN SHARE MODE");
    let waiting = "FROM pg_locks WHERE NOT granted AND relation = 'genogate_store.units'::regclass";
    admin.await_true(&mut child, &format!("SELECT count(*) > 0 {waiting}"));
    let writer = admin.ask(&format!("SELECT min(pid) {waiting}"));
    signal(&child, "-STOP");
    while !std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap().contains(") T ") {}
    holder.ask("ROLLBACK");
    let idle = format!("FROM pg_stat_activity WHERE pid = {writer} AND state LIKE 'idle in transaction%'");
    while admin.ask(&format!("SELECT count(pg_terminate_backend(pid)) {idle}")) == "0" {}
    while admin.ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {writer}")) != "0" {}
    signal(&child, "-CONT");
    let done = end(child);
    assert!(done.stderr.contains("trying again"), "the transaction was lost: {done:#?}");
    scene.prove(done);
}

/// Locks taken in the opposite order, so that the server breaks the circle at the writer.
#[test]
fn a_deadlock_is_survived() {
    let scene = Scene::new(12_000);
    let mut admin = Admin::new(&scene.warehouse);
    // Who asks last looks first, unless it is told to wait.
    admin.ask("ALTER ROLE genogate_app SET deadlock_timeout = '2s'; SET deadlock_timeout = '1h'");
    let mut child = scene.spawn(&[]);
    admin.await_true(&mut child, COMMITTED);
    admin.ask("BEGIN; LOCK TABLE genogate_store.calls IN ACCESS EXCLUSIVE MODE");
    admin.await_true(
        &mut child,
        "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'genogate_store.calls'::regclass",
    );
    admin.ask("LOCK TABLE genogate_store.variants IN ACCESS EXCLUSIVE MODE; COMMIT");
    let done = end(child);
    assert!(done.stderr.contains("40P01 deadlock_detected"), "{done:#?}");
    scene.prove(done);
}

/// A trigger raises each condition once, in the middle of the load.
#[test]
fn what_passes_is_tried_again_and_what_lasts_is_not() {
    let scene = Scene::new(3000);
    let mut admin = Admin::new(&scene.warehouse);
    admin.ask("CREATE SEQUENCE public.unit_number; GRANT ALL ON SEQUENCE public.unit_number TO PUBLIC");
    let raise = |admin: &mut Admin, code: &str| {
        admin.ask(&format!(
            "CREATE OR REPLACE FUNCTION public.raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
               IF nextval('public.unit_number') = 3 THEN RAISE 'no' USING ERRCODE = '{code}'; END IF; RETURN NULL; END $$"
        ));
        admin.ask("ALTER SEQUENCE public.unit_number RESTART");
    };
    raise(&mut admin, "53100");
    admin.ask("CREATE TRIGGER raise AFTER INSERT ON genogate_store.units FOR EACH ROW EXECUTE FUNCTION public.raise()");
    for code in ["53100", "23514", "57014", "58030"] {
        raise(&mut admin, code);
        let error = scene.run(&["--set", "sink.postgres.writers=1"]).expect(1).json()["error"].clone();
        assert_eq!(error["sqlstate"], code, "{error}");
        assert!(error["hint"].as_str().unwrap().contains("run the same command again"), "{error}");
        assert_eq!(admin.ask("SELECT last_value FROM public.unit_number"), "3", "{code} was tried again");
        scene.hidden();
    }
    // All of these in one run, each once.
    admin.ask("CREATE OR REPLACE FUNCTION public.raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
                 DECLARE code text := (ARRAY['40001', '40P01', '55P03', '08006', '57P01', '57P02', '57P03', '53300'])[nextval('public.unit_number') / 2];
                 BEGIN IF currval('public.unit_number') % 2 = 0 AND code IS NOT NULL THEN RAISE 'no' USING ERRCODE = code; END IF; RETURN NULL; END $$");
    admin.ask("ALTER SEQUENCE public.unit_number RESTART");
    let done = scene.run(&[]);
    for code in ["40001", "40P01", "55P03", "08006", "57P01", "57P02", "57P03", "53300"] {
        assert!(done.stderr.contains(code), "{code}: {done:#?}");
    }
    admin.ask("DROP TRIGGER raise ON genogate_store.units");
    scene.prove(done);
}

#[test]
fn too_many_connections_are_waited_out() {
    let scene = Scene::new(1500);
    let mut admin = Admin::new(&scene.warehouse);
    admin.ask("ALTER ROLE genogate_app CONNECTION LIMIT 0");
    let mut child = scene.spawn(&[]);
    let said = await_words(&mut child, "53300 too_many_connections");
    admin.ask("ALTER ROLE genogate_app CONNECTION LIMIT -1");
    let done = end(child);
    said.join().unwrap();
    scene.prove(done);
}

/// A small file system of its own; gone with this.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, said, where mounting is not allowed.
    fn mount(owner: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m,mode=711", "tmpfs"]).arg(folder.path()).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skip(Lack::Mount);
            return None;
        }
        let disk = Self(folder);
        std::fs::create_dir(disk.space()).unwrap();
        let reference = format!("--reference={}", owner.display());
        assert!(Command::new("chown").arg(reference).arg(disk.space()).status().unwrap().success());
        Some(disk)
    }

    fn space(&self) -> PathBuf {
        self.0.path().join("space")
    }

    fn grow(&self) {
        let grown = Command::new("mount").args(["-o", "remount,size=400m"]).arg(self.0.path()).status().unwrap();
        assert!(grown.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_tablespace_fails_at_once_and_the_load_resumes_when_there_is_room() {
    let scene = Scene::new(6000);
    let data = scene.warehouse.run(["db", "status", "--json"]).expect(0).json()["data"].as_str().unwrap().to_owned();
    let Some(disk) = SmallDisk::mount(Path::new(&data)) else { return };
    let mut admin = Admin::new(&scene.warehouse);
    admin.ask(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.space().display()));
    admin.ask("GRANT CREATE ON TABLESPACE small TO PUBLIC");
    admin.ask(
        "DO $$ DECLARE leaf regclass; BEGIN
           FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'genogate_store.calls'::regclass LOOP
             EXECUTE format('ALTER TABLE %s SET TABLESPACE small', leaf);
           END LOOP; END $$",
    );
    let done = scene.run(&[]).expect(1);
    let error = done.json()["error"].clone();
    assert_eq!(error["sqlstate"], "53100", "{error}");
    assert!(!done.stderr.contains("trying again"), "{done:#?}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("free space") && hint.contains("run the same command again"), "{error}");
    scene.hidden();
    disk.grow();
    let done = scene.run(&[]).expect(0);
    assert!(done.json()["units_resumed"].as_u64().unwrap() >= 1, "{done:#?}");
    scene.prove(done);
}
