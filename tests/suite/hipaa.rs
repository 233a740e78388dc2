//! Planted identifiers: they stop a load, or they are nowhere; the grep is over everything that was written.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::support::{Done, Warehouse, repository};

const SEED: u64 = 7;

fn options() -> genogate::synth::Options {
    genogate::synth::Options { kind: genogate::synth::Kind::Cohort, records: 400, samples: 12, seed: SEED, phi: true }
}

fn cohort(warehouse: &Warehouse, folder: &Path) -> String {
    let file = folder.join("cohort.vcf.gz").display().to_string();
    let seed = SEED.to_string();
    warehouse
        .run(["synth", "cohort", "--records", "400", "--samples", "12", "--seed", &seed, "--phi", "--output", &file])
        .expect(0);
    file
}

fn run(warehouse: &Warehouse, file: &str, more: &[&str]) -> Done {
    let pipeline = repository("pipelines/clinical.yaml").display().to_string();
    let paths = format!("source.vcf.paths={}", json!([file]));
    let mut arguments = vec!["run", &pipeline, "--json", "-vv", "--set", &paths];
    arguments.extend(more);
    warehouse.run(arguments)
}

/// Files below `folder` that hold `needle`, whatever its case.
fn grep(folder: &Path, needle: &str) -> String {
    let output = Command::new("grep").args(["-r", "-l", "-a", "-i", "-F", "--", needle]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn planted_identifiers_are_nowhere_after_a_redacted_load() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = cohort(&warehouse, folder.path());
    let redact = ["--set", "stages.detect.actions={critical: redact, high: redact, medium: redact, low: redact}"];
    let done = run(&warehouse, &file, &redact).expect(0);
    let report = done.json();
    assert!(report["variants"].as_u64().unwrap() > 300, "{report}");
    assert!(report["detections"].as_object().unwrap().values().any(|n| n.as_u64() > Some(0)), "{report}");
    let planted = genogate::synth::planted(&options());
    assert!(planted.len() >= 10);
    // The write-ahead log and every page must be on disk before the grep means anything.
    warehouse.sql("CHECKPOINT");
    for identifier in &planted {
        let value = identifier.value.as_str();
        let said = format!("{}{}", done.stdout, done.stderr).to_lowercase();
        assert!(!said.contains(&value.to_lowercase()), "{:?} is in the output", identifier.place);
        let found = grep(&warehouse.home, value);
        assert!(found.is_empty(), "planted in {:?}, found in {found}", identifier.place);
    }
    let path_parts = folder.path().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(grep(&warehouse.home, &path_parts), "", "the input's path is an identifier too");
    let samples = warehouse.sql("SELECT count(*), count(DISTINCT sample_id) FROM genogate.samples WHERE sample_id LIKE 'P-%'");
    assert_eq!(samples, "12|12");
}

#[test]
fn the_default_actions_stop_the_load_with_exit_code_3_and_no_rows() {
    let warehouse = &Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = cohort(warehouse, folder.path());
    let count =
        "SELECT (SELECT count(*) FROM genogate_store.variants), (SELECT count(*) FROM genogate.loads WHERE status = 'complete')";
    let before = warehouse.sql(count);
    let done = run(warehouse, &file, &[]).expect(3);
    for identifier in genogate::synth::planted(&options()) {
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(&identifier.value), "{done:#?}");
    }
    assert_eq!((before.as_str(), warehouse.sql(count).as_str()), ("0|0", "0|0"));
}

#[test]
fn one_name_has_one_pseudonym_in_every_load() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf");
    let text = |pos: u32| {
        format!(
            "##fileformat=VCFv4.3\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tZEBRA77\n1\t{pos}\t.\tA\tC\t50\tPASS\t.\tGT\t0/1\n"
        )
    };
    let pseudonym = |pos: u32| {
        std::fs::write(&file, text(pos)).unwrap();
        let load = run(warehouse, file.to_str().unwrap(), &[]).expect(0).json()["load_id"].as_str().unwrap().to_owned();
        warehouse.sql(&format!("SELECT sample_id FROM genogate.samples WHERE load_id = '{load}'"))
    };
    let (first, second) = (pseudonym(10), pseudonym(20));
    assert_eq!(first, second);
    assert!(first.starts_with("P-") && !first.contains("ZEBRA"), "{first}");
}
