//! A file that reaches the limit of its size (`ulimit -f`): an error that says so, never a process that ends without a word.

use std::process::Command;

use super::support::{Done, Warehouse, binary, repository};

/// The command in a shell whose files may have so many blocks.
fn limited(warehouse: &Warehouse, blocks: u32, arguments: &str) -> Done {
    let script = format!("ulimit -f {blocks}; exec {} {arguments}", binary());
    Command::new("sh").args(["-c", &script]).env("GENOGATE_HOME", &warehouse.home).output().unwrap().into()
}

#[test]
fn a_file_that_may_not_grow_is_an_error_with_a_name() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name).display().to_string();
    let rows = "query \"SELECT n, md5(n::text) AS m FROM generate_series(1, 100000) n\" --limit all";
    let vcf = to("sites.vcf");
    warehouse.run(["synth", "sites", "--records", "3000", "--seed", "1", "--output", &vcf]).expect(0);
    for command in [
        format!("synth sites --records 3000 --seed 1 --output {}", to("short.vcf")),
        format!("{rows} --format csv --output {}", to("out.csv")),
        format!("{rows} --format parquet --output {}", to("out.parquet")),
        format!("{rows} --format csv > {}", to("stdout.csv")),
        format!("load {vcf} --profile open --set 'sink={{parquet: {{path: {}}}}}'", to("lake")),
    ] {
        let done = limited(&warehouse, 100, &command).expect(1);
        assert!(done.stderr.contains("file too large"), "{command}: {done:#?}");
    }
    // One JSON object that does not fit on standard output.
    let json = format!("--json {rows} > {}", to("stdout.json"));
    limited(&warehouse, 100, &json).expect(1);
    // Without a database the trail is a file; without either nothing is done.
    warehouse.run(["db", "stop"]).expect(0);
    let done = limited(&warehouse, 0, &format!("load {} --profile open", repository("tests/data/tiny.vcf").display())).expect(5);
    assert!(done.stderr.contains("no durable audit"), "{done:#?}");
}
