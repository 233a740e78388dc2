//! Shards that get in each other's way: one finishes a load without a file that another is writing, and hundreds come at once.

use std::io::Write;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::support::{Done, ROWS, Warehouse, end, genogate, signal};

const LOAD: [&str; 8] = ["--profile", "open", "--calls", "all", "--set", "source.vcf.unit=64KiB", "--json", "--threads"];

fn start(warehouse: &Warehouse, arguments: &[&str]) -> Child {
    let mut command = genogate(&warehouse.home);
    command.arg("load").args(arguments).args(LOAD).arg("1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn trio(warehouse: &Warehouse, path: &str, records: &str, seed: &str) {
    warehouse.run(["synth", "trio", "--records", records, "--seed", seed, "--output", path]).expect(0);
}

/// The first shard sleeps between two units of a file; the second finds the file's end damaged, gives it up, and finishes.
#[test]
fn a_shard_of_a_file_that_another_gave_up_says_what_the_others_say() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (bad, good) = (file("bad.vcf"), file("good.vcf"));
    trio(&warehouse, &bad, "20000", "1");
    trio(&warehouse, &good, "300", "2");
    std::fs::OpenOptions::new().append(true).open(&bad).unwrap().write_all(b"chr1\tnowhere\n").unwrap();
    let first = start(&warehouse, &[&bad, &good, "--shard", "1/2"]);
    let written = "SELECT count(*) FROM genogate_store.units";
    while warehouse.sql(written) == "0" {}
    let open = "SELECT count(*) FROM pg_locks WHERE relation = 'genogate_store.variants'::regclass";
    loop {
        signal(&first, "-STOP");
        if warehouse.sql(open) == "0" {
            break;
        }
        signal(&first, "-CONT");
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let second = end(start(&warehouse, &[&bad, &good, "--shard", "2/2"])).expect(6);
    let told = second.json();
    assert_eq!((&told["status"], &told["files"][0]["status"]), (&json!("partial"), &json!("failed")), "{told}");
    signal(&first, "-CONT");
    let late = end(first).expect(6);
    let report = late.json();
    for field in ["load_id", "status", "files", "variants", "calls"] {
        assert_eq!(report[field], told[field], "{field}: {late:#?}");
    }
    let again = end(start(&warehouse, &[&bad, &good, "--shard", "1/2"])).expect(6).json();
    assert_eq!((&again["status"], &again["files"]), (&json!("partial"), &told["files"]));
    let rows = warehouse.sql("SELECT count(*) FROM genogate_store.variants");
    assert_eq!(rows, told["variants"].to_string(), "nothing of the file is left");
    warehouse.run(["validate", told["load_id"].as_str().unwrap()]).expect(0);
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// `GENOGATE_TASKS` says how many; a server with fewer connections than every third of them wants at once.
#[test]
fn many_shards_at_once_stand_in_line_for_few_connections() {
    let tasks = number("GENOGATE_TASKS", 16);
    let (few, alone) = (Warehouse::start(), Warehouse::start());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cohort.vcf").to_str().unwrap().to_owned();
    trio(&few, &file, &(tasks * 120).to_string(), "3");
    let connections = (tasks / 5).max(8);
    few.sql(&format!("ALTER SYSTEM SET max_connections = {connections}"));
    few.run(["db", "stop"]).expect(0);
    few.run(["db", "start"]).expect(0);
    let children: Vec<Child> = (1..=tasks)
        .map(|task| {
            let shard = format!("{task}/{tasks}");
            start(&few, &[&file, "--shard", &shard, "--load-name", "crowd", "--set", "sink.postgres.patience=1h"])
        })
        .collect();
    let done: Vec<Done> = children.into_iter().map(end).collect();
    let failed: Vec<&Done> = done.iter().filter(|done| done.code != 0).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(
        done.iter().any(|done| done.stderr.contains("53300")),
        "nobody had to wait: {} connections are too many",
        connections
    );
    let reports: Vec<Value> = done.iter().map(Done::json).collect();
    assert_eq!(reports.iter().filter(|report| report["status"] == "complete").count(), 1, "one ends the load");
    let whole = reports.iter().find(|report| report["status"] == "complete").unwrap();
    few.run(["validate", whole["load_id"].as_str().unwrap()]).expect(0);
    let one = end(start(&alone, &[&file])).expect(0).json();
    for field in ["input_records", "variants", "calls", "units"] {
        assert_eq!(whole[field], one[field], "{field}");
    }
    assert_eq!(few.sql(ROWS), alone.sql(ROWS));
    // What waited in spools meanwhile comes in, and every task is on record.
    few.run(["audit", "import"]).expect(0);
    assert_eq!(few.run(["audit", "verify", "--json"]).expect(0).json()["verified"], true);
    assert_eq!(few.sql("SELECT count(*) FROM audit.events WHERE event = 'load_finished'"), tasks.to_string());
}
