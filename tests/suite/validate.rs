//! `genogate validate` on whole loads: columns of their own, every call, and memory that does not grow.

use std::process::Command;

use genogate::crypto::digest::{hex, sha256};
use genogate::db::Databases;
use genogate::store::ledger::load_units;
use genogate::store::load_digest;
use genogate::store::loads::stored_load;
use genogate::store::tables::{CALLS_LABEL, VARIANTS_LABEL};
use serde_json::{Value, json};

use super::support::{Done, Warehouse, binary};

/// Loads a cohort of 50 samples with every call, in units of 256 KiB, with a typed column.
fn cohort(warehouse: &Warehouse, folder: &std::path::Path, records: &str) -> Value {
    let file = folder.join(format!("cohort-{records}.vcf.gz")).to_str().unwrap().to_owned();
    let kind = ["synth", "cohort", "--records", records, "--samples", "50", "--seed", "61", "--output", &file];
    warehouse.run(kind).expect(0);
    let load = ["load", &file, "--profile", "open", "--calls", "all", "--json", "--set", "source.vcf.unit=256KiB"];
    warehouse.run(load.into_iter().chain(["--set", "sink.postgres.columns=[\"info.AF\"]"])).expect(0).json()
}

#[test]
fn a_cell_of_a_typed_column_is_a_cell_too() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let report = cohort(warehouse, folder.path(), "600");
    let load = report["load_id"].as_str().unwrap();
    let sound = warehouse.run(["validate", load, "--json"]).expect(0).json();
    assert_eq!((&sound["valid"], &sound["units"]), (&json!(true), &json!([])), "{sound}");
    let rows = |table: &str| json!({"name": format!("{table} stored"), "expected": report[table], "found": report[table]});
    let checks = sound["checks"].as_array().unwrap();
    assert!(checks.contains(&rows("variants")) && checks.contains(&rows("calls")), "{sound}");
    let units = report["units"].as_u64().unwrap();
    assert!(units > 2, "{units} units");
    // The last variant is of the last unit.
    let last = format!("(SELECT max(variant_id) FROM genogate_store.variants WHERE load_id = '{load}')");
    let off = "SET session_replication_role = replica; UPDATE genogate_store.variants SET";
    warehouse.sql(&format!(r#"{off} "info.AF" = coalesce("info.AF", 0) + 1 WHERE variant_id = {last}"#));
    let broken = warehouse.run(["validate", load, "--json"]).expect(4).json();
    let named: Vec<u64> = broken["units"].as_array().unwrap().iter().map(|unit| unit["unit"].as_u64().unwrap()).collect();
    assert_eq!(named, [units - 1], "{broken}");
}

/// A unit's digests are those of its rows in their order, whoever wrote them and in what batches.
#[test]
fn any_number_of_threads_and_writers_gives_digests_that_hold() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cohort.vcf.gz").to_str().unwrap().to_owned();
    warehouse.run(["synth", "cohort", "--records", "3000", "--samples", "20", "--seed", "62", "--output", &file]).expect(0);
    for (threads, writers) in [("1", "1"), ("4", "1"), ("4", "3")] {
        let writers = format!("sink.postgres.writers={writers}");
        let load = ["load", &file, "--profile", "open", "--calls", "all", "--force", "--threads", threads, "--json"];
        let load = load.into_iter().chain(["--set", "source.vcf.unit=256KiB", "--set", &writers]);
        let report = warehouse.run(load).expect(0).json();
        warehouse.run(["validate", report["load_id"].as_str().unwrap()]).expect(0);
    }
}

/// What a pipeline computes is stored as exactly as it was computed, typed or not, and comes back byte for byte.
#[test]
fn derived_values_of_many_types_are_stored_and_validated() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sites.vcf.gz").to_str().unwrap().to_owned();
    warehouse.run(["synth", "sites", "--records", "500", "--seed", "8", "--output", &file]).expect(0);
    let pipeline = folder.path().join("derive.yaml");
    let text = format!(
        "version: 1\nname: derive\nprofile: open\nsource: {{ vcf: {{ paths: [\"{file}\"] }} }}\nstages:\n  - derive:\n\
         \x20     info.SHARE: CAST(pos AS DECIMAL(20, 4)) / 7\n      info.WIDE: CAST(pos AS BIGINT UNSIGNED)\n\
         \x20     info.DAY: DATE '2024-02-29'\n      info.AT: TIMESTAMP '2024-02-29T12:00:00.5'\n\
         \x20     info.PLAIN: CAST(pos AS DECIMAL(20, 4)) / 7\n      info.SEEN: DATE '2024-02-29'\n\
         sink: {{ postgres: {{ columns: [info.SHARE, info.WIDE, info.DAY, info.AT] }} }}\n"
    );
    std::fs::write(&pipeline, text).unwrap();
    let report = warehouse.run(["run", pipeline.to_str().unwrap(), "--json"]).expect(0).json();
    let types = "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attname) FROM pg_attribute
                 WHERE attrelid = 'genogate_store.variants'::regclass AND attname ~ '^info[.](SHARE|WIDE|DAY|AT)$'";
    let expected = "info.AT timestamp without time zone, info.DAY date, info.SHARE numeric, info.WIDE numeric";
    assert_eq!(warehouse.sql(types), expected);
    let right = r#"SELECT count(*) FROM genogate.variants WHERE "info.WIDE" = pos AND abs("info.SHARE" * 7 - pos) < 0.01
        AND "info.SHARE" = (info ->> 'PLAIN')::numeric AND "info.DAY" = '2024-02-29' AND info ->> 'SEEN' = '2024-02-29'
        AND "info.AT" = '2024-02-29 12:00:00.5'"#;
    assert_eq!(warehouse.sql(right), report["variants"].to_string());
    warehouse.run(["validate", report["load_id"].as_str().unwrap()]).expect(0);
    // The smallest change that a number's value does not show.
    warehouse
        .sql(r#"SET session_replication_role = replica; UPDATE genogate_store.variants SET "info.WIDE" = "info.WIDE" + 0.0"#);
    warehouse.run(["validate", report["load_id"].as_str().unwrap()]).expect(4);
}

/// Names of the checks that do not hold.
fn broken(validation: &Value) -> Vec<&str> {
    let checks = validation["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["expected"] != check["found"]).map(|check| check["name"].as_str().unwrap()).collect()
}

/// The digest that what is stored of a load gives by now.
fn computed(warehouse: &Warehouse, load: &str) -> String {
    let id = load.parse().unwrap();
    let compute = async {
        let client = Databases::default().with_home(&warehouse.home).connect("local").await.unwrap();
        let stored = stored_load(&client, id).await.unwrap().unwrap();
        hex(&load_digest(&client, &stored, &load_units(&client, id).await.unwrap()).await.unwrap())
    };
    tokio::runtime::Runtime::new().unwrap().block_on(compute)
}

/// Somebody with every right deletes rows and makes the ledger agree: only the audit trail still tells what was stored.
#[test]
fn rows_and_ledger_rewritten_together_are_found_by_the_audit_trail() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let report = cohort(&warehouse, folder.path(), "300");
    let (load, digest) = (report["load_id"].as_str().unwrap(), report["digest"].as_str().unwrap());
    let sound = warehouse.run(["validate", load, "--json"]).expect(0).json();
    assert_eq!((&sound["valid"], &sound["audited"]), (&json!(true), &json!(1)), "{sound}");

    let none = |label: &[u8]| format!("'\\x{}'", hex(&sha256(label)));
    let (variants, calls) = (none(VARIANTS_LABEL), none(CALLS_LABEL));
    warehouse.sql(&format!(
        "SET session_replication_role = replica;
         DELETE FROM genogate_store.calls WHERE load_id = '{load}'; DELETE FROM genogate_store.variants WHERE load_id = '{load}';
         UPDATE genogate_store.units SET variants = 0, calls = 0, filtered = filtered + loaded_records, loaded_records = 0,
           variants_digest = {variants}, calls_digest = {calls}
           WHERE load_id = '{load}';
         UPDATE genogate_store.loads SET variants = 0, calls = 0, filtered = input_records WHERE load_id = '{load}'"
    ));
    let unbound = warehouse.run(["validate", load, "--json"]).expect(4).json();
    assert_eq!(broken(&unbound), ["columns, inputs, samples or ledger not as digested"], "{unbound}");
    // The digest is no secret: who may write it can compute it.
    let new = computed(&warehouse, load);
    warehouse.sql(&format!(
        "SET session_replication_role = replica; UPDATE genogate_store.loads SET digest = '\\x{new}' WHERE load_id = '{load}'"
    ));
    let forged = warehouse.run(["validate", load, "--json"]).expect(4).json();
    assert_eq!(broken(&forged), ["digests in the audit trail that are not the load's"], "{forged}");

    // Whoever changes the trail as well breaks its chain.
    warehouse.run(["audit", "verify"]).expect(0);
    warehouse.sql(&format!(
        "SET session_replication_role = replica; UPDATE audit.events SET detail = replace(detail, '{digest}', '{new}')"
    ));
    warehouse.run(["validate", load]).expect(0);
    warehouse.run(["audit", "verify"]).expect(4);
}

#[test]
fn memory_does_not_grow_with_the_load() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let peak = |records: &str| {
        let report = cohort(warehouse, folder.path(), records);
        let watch = "\"$@\" & pid=$!; while [ -r /proc/$pid/status ] && grep VmHWM /proc/$pid/status 2>/dev/null; do sleep 0.02; done; wait $pid";
        let mut command = Command::new("sh");
        command.args(["-c", watch, "sh", binary(), "validate", report["load_id"].as_str().unwrap()]);
        let done = Done::from(command.env("GENOGATE_HOME", &warehouse.home).output().unwrap()).expect(0);
        let lines = done.stdout.lines().filter(|line| line.starts_with("VmHWM"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).max().unwrap()
    };
    let (small, large) = (peak("5000"), peak("20000"));
    assert!(large < small * 3 / 2, "{small} kB for 5,000 records of 50 samples, {large} kB for 20,000");
}
