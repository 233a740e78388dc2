//! The programs of `examples/`, called as their `main` calls them.

#[path = "../../examples/read.rs"]
mod read;
#[path = "../../examples/run.rs"]
mod run;
#[path = "../../examples/stage.rs"]
mod stage;

use std::path::Path;

use super::support::{Warehouse, repository};

fn synth(warehouse: &Warehouse, folder: &Path) -> String {
    let file = folder.join("trio.vcf.gz").display().to_string();
    warehouse.run(["synth", "trio", "--records", "400", "--seed", "3", "--output", &file]).expect(0);
    file
}

#[test]
fn the_examples_run_read_and_round() {
    let (warehouse, folder) = (Warehouse::shared(), tempfile::tempdir().unwrap());
    let file = synth(warehouse, folder.path());
    let home = folder.path().join("home");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let report = runtime.block_on(run::run(&home, &file, &lake)).unwrap().to_json().unwrap();
    let (records, good) = read::count(&file).unwrap();
    assert_eq!((&report["input_records"], records), (&400.into(), 400), "{report}");
    assert!((1..400).contains(&good));

    let pipeline = folder.path().join("round.yaml");
    let text = format!(
        "version: 1\nname: rounded\nprofile: open\nsource: {{ vcf: {{ paths: [\"{file}\"] }} }}\nsink: {{ postgres: {{ database: local }} }}\n"
    );
    std::fs::write(&pipeline, text).unwrap();
    let rounded = runtime.block_on(stage::run(&warehouse.home, &pipeline)).unwrap().to_json().unwrap();
    let id = rounded["load_id"].as_str().unwrap();
    let whole = format!("SELECT count(*), bool_and(qual = round(qual)) FROM genogate.variants WHERE load_id = '{id}'");
    assert_eq!(warehouse.sql(&whole), "400|t");
    // The stage is part of the identity: without it the same pipeline is another load, which takes the place of this one.
    let plain = warehouse.run(["run", pipeline.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!((&plain["status"], &plain["replaced"][0]), (&"complete".into(), &rounded["load_id"]), "{plain}");
}

#[test]
fn every_example_is_called_here() {
    let here = include_str!("examples.rs");
    for entry in std::fs::read_dir(repository("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(here.contains(&format!("examples/{name}\"]")), "{name}");
    }
}
