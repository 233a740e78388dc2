//! What a run says while it runs and at its end, and what a validation says, on a terminal and without one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::machine::{Lack, skip};
use super::support::{Done, Warehouse, binary, genogate, repository};

/// A period short enough to be seen; the test waits for a line, not for a time.
const SOON: (&str, &str) = ("GENOGATE_PROGRESS", "0.01");

fn synth(warehouse: &Warehouse, folder: &Path, seed: &str) -> String {
    let file = folder.join("in.vcf").to_str().unwrap().to_owned();
    warehouse.run(["synth", "sites", "--records", "5000", "--seed", seed, "--output", &file]).expect(0);
    file
}

#[test]
fn without_a_terminal_a_run_writes_plain_lines_from_time_to_time() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read(synth(warehouse, folder.path(), "51")).unwrap();
    let mut command = genogate(&warehouse.home);
    command.args(["load", "-", "--profile", "open", "--json"]).env(SOON.0, SOON.1);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let half = text.len() / 2;
    input.write_all(&text[..half]).unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // The input stands still until a line has come.
    let line = said.find(|line| line.contains(" records (")).unwrap();
    assert!(line.contains("/s)") && line.contains(" rows ("), "{line}");
    input.write_all(&text[half..]).unwrap();
    drop(input);
    let rest: Vec<String> = said.collect();
    let report = Done::from(child.wait_with_output().unwrap()).expect(0).json();
    assert_eq!(report["input_records"], json!(5000));
    assert!(!rest.iter().any(|line| line.contains('\r') || line.contains('\u{1b}')), "{rest:?}");
}

#[test]
fn a_run_ends_with_a_summary_and_a_validation_tells_what_it_checked() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(warehouse, folder.path(), "52");
    let done = warehouse.run(["load", &file, "--profile", "open"]).expect(0);
    for part in ["complete: load ", "5000 records in: ", " records/s, ", " rows/s", " read; "] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let load = done.stdout.split_whitespace().nth(2).unwrap();
    let checked = warehouse.run(["validate", load]).expect(0);
    assert!(checked.stdout.contains("ok      variants stored") && !checked.stdout.contains("BROKEN"), "{}", checked.stdout);
    assert_eq!(checked.stderr, "", "nothing else is said");
    let damage = "SET session_replication_role = replica; UPDATE genogate_store.variants SET qual = 4711
                  WHERE variant_id = (SELECT max(variant_id) FROM genogate_store.variants WHERE load_id = '";
    warehouse.sql(&format!("{damage}{load}')"));
    let broken = warehouse.run(["validate", load]).expect(4);
    assert!(broken.stdout.contains("BROKEN  units whose rows differ") && broken.stdout.contains(" changed"), "{broken:?}");
    assert!(!format!("{broken:?}").contains("4711"), "{broken:?}");
    let object = warehouse.run(["validate", load, "--json"]).expect(4).json();
    assert_eq!((&object["valid"], object["units"].as_array().unwrap().len()), (&json!(false), 1), "{object}");
}

/// `script` gives the process a terminal of its own, and returns what was drawn on it.
#[test]
fn on_a_terminal_a_bar_is_drawn() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(warehouse, folder.path(), "53");
    let inner = format!("{} load {file} --profile open --json > {}/report.json", binary(), folder.path().display());
    let mut command = Command::new("script");
    command.args(["-qec", &inner, "/dev/null"]).env("GENOGATE_HOME", &warehouse.home).env("TERM", "xterm");
    let Ok(output) = command.stdin(Stdio::null()).output() else { return skip(Lack::Script) };
    let drawn = Done::from(output).expect(0).stdout;
    assert!(["B of ", "B/s", "records/s"].iter().all(|part| drawn.contains(part)) && !drawn.contains("eta 0s"), "{drawn:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["status"], "complete");
}

/// The fields of docs/report.md: name, JSON type, and when there is one.
fn documented() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(repository("docs/report.md")).unwrap();
    let table = text.split("\n## ").find(|part| part.starts_with("Fields")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    rows.map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].clone(), cells[2].clone())).collect()
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "text" => value.is_string(),
        "count" => value.is_u64(),
        "number" => value.is_number(),
        "true or false" => value.is_boolean(),
        "object" => value.is_object(),
        "list" => value.is_array(),
        other => panic!("docs/report.md: {other} is no type"),
    }
}

/// Every field of real reports is documented with its type, and every documented one is there when the page says so.
#[test]
fn reports_are_what_their_page_says() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(warehouse, folder.path(), "54");
    let lake = folder.path().join("lake");
    let load = |more: &[&str]| {
        let arguments = ["load", file.as_str(), "--profile", "open", "--json"];
        warehouse.run(arguments.iter().chain(more)).expect(0).json()
    };
    let reports = [
        ("complete", load(&[])),
        ("skipped", load(&[])),
        ("replaced", load(&["--force"])),
        ("shard", load(&["--shard", "1/1", "--load-name", "reported", "--force"])),
        ("same content", load(&["--name", "of-all-calls", "--calls", "all"])),
        ("parquet", load(&["--parquet", lake.to_str().unwrap()])),
    ];
    assert_eq!(reports[1].1["load_id"], reports[0].1["load_id"]);
    let fields = documented();
    assert!(fields.len() > 15);
    for (which, report) in &reports {
        let report = report.as_object().unwrap();
        for (name, value) in report {
            let Some((_, kind, _)) = fields.iter().find(|(known, ..)| known == name) else {
                panic!("docs/report.md does not tell what {name} is")
            };
            assert!(is_of_type(value, kind), "{which}: {name} is documented as {kind}: {value}");
        }
        for (name, _, when) in &fields {
            if when == "always" {
                assert!(report.contains_key(name), "{which}: {name} is missing");
            }
        }
    }
    let somewhere = |name: &str| reports.iter().any(|(_, report)| report.get(name).is_some());
    let never: Vec<_> = fields.iter().filter(|(name, ..)| !somewhere(name)).collect();
    assert!(never.is_empty(), "documented, but in no report: {never:?}");
    assert_eq!(reports[2].1["replaced"], serde_json::json!([reports[0].1["load_id"]]));
}
