//! The loader dies or is stopped.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Admin, COMMITTED, Chance, ROWS, Scene, end, load, rounds, signal, synth};
use crate::support::{Done, Warehouse, genogate};

/// Defect 5 of the predecessor: a failed load left partial rows and a status `started`, and a retry doubled them.
#[test]
fn a_loader_killed_again_and_again_leaves_one_load() {
    let scene = Scene::new(6000);
    let mut chance = Chance::new("a_loader_killed_again_and_again_leaves_one_load");
    let (time, mut killed) = (Scene::usual_time(), 0);
    let (status, done) = loop {
        let child = scene.spawn(&[]);
        if killed == rounds() {
            break ("complete", end(child));
        }
        chance.pause(time);
        signal(&child, "-KILL");
        let done = end(child);
        // It may have come to its end before the signal.
        if done.code == 0 {
            break ("complete", done);
        }
        assert_eq!(done.code, -1, "{done:#?}");
        if scene.is_whole() {
            break ("skipped", scene.run(&[]));
        }
        killed += 1;
    };
    scene.prove_as(status, done);
}

/// SIGINT, SIGTERM (a cluster's pre-emption) and SIGKILL in turn, each after the first units.
#[test]
fn a_stopped_load_says_how_to_resume_and_resumes() {
    let scene = Scene::new(12_000);
    let mut admin = Admin::new(&scene.warehouse);
    for name in ["-INT", "-TERM", "-KILL"] {
        let mut child = scene.spawn(&[]);
        admin.await_true(&mut child, COMMITTED);
        signal(&child, name);
        let done = end(child);
        match name {
            "-KILL" => assert_eq!(done.code, -1, "{done:#?}"),
            _ => {
                done.expect_interrupted();
                let states = admin.ask("SELECT status, reason FROM genogate_store.loads");
                assert_eq!(states, "failed|interrupted");
            }
        }
        scene.hidden();
    }
    let done = scene.run(&[]).expect(0);
    assert!(done.json()["units_resumed"].as_u64().unwrap() >= 1, "{done:#?}");
    scene.prove(done);
}

/// A stream's units are dealt to both writers, so a later one may be there without the one before.
#[test]
fn a_killed_load_of_a_stream_resumes() {
    let scene = Scene::zipped(12_000);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn(&[]);
    admin.await_true(&mut child, COMMITTED);
    signal(&child, "-KILL");
    end(child);
    scene.hidden();
    let done = scene.run(&[]).expect(0);
    assert!(done.json()["units_resumed"].as_u64().unwrap() >= 1, "{done:#?}");
    scene.prove(done);
}

/// The worst moment: both writers have sent a whole unit and are kept from its ledger row.
#[test]
fn a_kill_takes_back_one_unit_a_writer() {
    let scene = Scene::new(12_000);
    let mut admin = Admin::new(&scene.warehouse);
    admin.ask("ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()");
    let mut child = scene.spawn(&[]);
    admin.await_true(&mut child, COMMITTED);
    admin.ask("BEGIN; LOCK TABLE genogate_store.units IN SHARE MODE");
    let kept = "SELECT count(*) = 2 FROM pg_locks WHERE relation = 'genogate_store.units'::regclass AND NOT granted";
    admin.await_true(&mut child, kept);
    signal(&child, "-KILL");
    end(child);
    admin.ask("COMMIT");
    while admin.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = 'genogate_app'") != "0" {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut number = |sql: &str| admin.ask(sql).parse::<u64>().unwrap();
    let dead =
        "SELECT sum(n_dead_tup) FROM pg_stat_all_tables WHERE schemaname = 'genogate_store' AND relname ~ '^(variants|calls)'";
    let (lost, committed) = (number(dead), number("SELECT count(*) FROM genogate_store.units"));
    let report = scene.run(&[]).expect(0).json();
    assert_eq!(report["units_resumed"].as_u64(), Some(committed), "{report}");
    let largest =
        "SELECT sum(rows) FROM (SELECT variants + calls AS rows FROM genogate_store.units ORDER BY 1 DESC LIMIT 2) AS two";
    assert!(lost > 0 && lost <= number(largest), "{lost} rows were taken back, two units hold {}", number(largest));
    assert_eq!(number(dead), lost, "going on takes nothing back");
}

/// Defect 4 of the predecessor: a forced reload deleted first, and after a failure the next load was skipped with zero rows.
#[test]
fn a_forced_reload_that_dies_leaves_the_old_rows_until_it_is_complete() {
    let scene = Scene::new(6000);
    let old = scene.run(&[]).expect(0).json();
    let rows = scene.warehouse.sql(ROWS);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn(&["--force"]);
    admin.await_true(&mut child, COMMITTED);
    signal(&child, "-KILL");
    end(child);
    assert_eq!(scene.warehouse.sql(ROWS), rows);
    let forced = scene.run(&["--force"]).expect(0).json();
    assert_eq!((&forced["status"], &forced["replaced"]), (&json!("complete"), &json!([old["load_id"]])), "{forced}");
    assert_eq!(scene.warehouse.sql(ROWS), rows);
    let skipped = scene.run(&[]).expect(0).json();
    assert_eq!((&skipped["status"], &skipped["variants"]), (&json!("skipped"), &old["variants"]), "{skipped}");
    scene.prove(Done { code: 0, stdout: forced.to_string(), stderr: String::new() });
}

/// Defect 6 of the predecessor: calls pointed at variants 1..n, whichever file those came from.
/// Defect 16: a file compressed anew was loaded twice.
#[test]
fn calls_belong_to_their_files_variants_and_a_recompressed_file_is_the_same_file() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, kind: &str, seed: &str| {
        let path = folder.path().join(name);
        warehouse.run(["synth", kind, "--records", "300", "--seed", seed, "--output", path.to_str().unwrap()]).expect(0);
        path
    };
    let all = |path: &std::path::Path| {
        let arguments = ["load", path.to_str().unwrap(), "--profile", "open", "--calls", "all", "--json"];
        warehouse.run(arguments).expect(0).json()
    };
    let loads = [all(&file("one.vcf", "trio", "61")), all(&file("two.vcf", "trio", "62"))];
    for report in &loads {
        let id = report["load_id"].as_str().unwrap();
        let linked = format!(
            "SELECT count(*) FROM genogate.calls c JOIN genogate.variants v USING (variant_id, contig, load_id) WHERE load_id = '{id}'"
        );
        assert_eq!(warehouse.sql(&linked), report["calls"].to_string());
        let strangers = format!(
            "SELECT count(*) FROM genogate.calls c JOIN genogate.variants v USING (variant_id) WHERE c.load_id = '{id}' AND v.load_id <> '{id}'"
        );
        assert_eq!(warehouse.sql(&strangers), "0");
    }
    let again = file("one-again.vcf.gz", "trio", "61");
    assert_eq!((&all(&again)["status"], &all(&again)["load_id"]), (&json!("skipped"), &loads[0]["load_id"]));
}

/// Defect 25 of the predecessor: `init-db` dropped what was there.
#[test]
fn init_db_leaves_loads_as_they_are() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    load(&warehouse, &synth(&warehouse, folder.path(), "sites.vcf", "500", "8")).expect(0);
    let rows = warehouse.sql(ROWS);
    warehouse.run(["init-db", "--json"]).expect(0);
    assert_eq!(warehouse.sql(ROWS), rows);
}

/// Defect 17 of the predecessor: parallel loading held the whole file in memory.
#[test]
fn four_times_the_records_take_hardly_more_memory() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let [short, long] =
        ["30000", "120000"].map(|records| synth(warehouse, folder.path(), &format!("{records}.vcf"), records, "17"));
    let peak = |file: &Path| {
        let mut command = Command::new("sh");
        // The shell says the highest resident size of its child, in KiB.
        let script = r#""$@" >/dev/null & pid=$!; peak=0
            while size=$(awk '/^VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null) && [ -n "$size" ]; do peak=$size; sleep 0.02; done
            wait $pid && echo $peak"#;
        command.args(["-c", script, "sh"]).args([crate::support::binary(), "load"]).arg(file);
        command.args(["--profile", "open", "--threads", "2", "--json", "--force", "--set", "sink.postgres.unit=1MiB"]);
        let done = Done::from(command.env("GENOGATE_HOME", &warehouse.home).output().unwrap()).expect(0);
        done.stdout.trim().parse::<u64>().unwrap()
    };
    // Enough to fill every buffer, but how many are full at the same time is chance.
    let small = (0..3).map(|_| peak(&short)).max().unwrap();
    let large = peak(&long);
    assert!(large < small + small / 3, "{small} KiB became {large} KiB");
}

/// Two runs of one file at once: one makes the load, the other waits a while for it, then says so or finds it complete.
#[test]
fn two_loads_of_one_file_at_once_make_one() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(&warehouse, folder.path(), "twice.vcf.gz", "20000", "12");
    let start = || {
        let arguments = ["load", file.to_str().unwrap(), "--profile", "open", "--json"];
        genogate(&warehouse.home).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, two) = (start(), start());
    let done = [one, two].map(end);
    let complete = done.iter().filter(|d| d.code == 0 && d.json()["status"] == "complete").count();
    assert_eq!(complete, 1, "{done:#?}");
    let rows: u64 = warehouse.sql("SELECT count(*) FROM genogate.variants").parse().unwrap();
    let winner = done.iter().find(|d| d.code == 0 && d.json()["status"] == "complete").unwrap().json();
    assert_eq!(winner["variants"].as_u64(), Some(rows));
}
