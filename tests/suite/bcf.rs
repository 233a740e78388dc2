//! A BCF file in the warehouse: the same rows as its VCF. The file is written here, so no other program is needed.

#[path = "../../src/source/vcf/bcf/testing.rs"]
pub mod writer;

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use super::support::{Warehouse, genogate};

/// The text with `.` for every field that a call leaves out at its end: in BCF these are one and the same.
fn filled(text: &str) -> String {
    let fill = |line: &str| {
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let fields = columns.get(8).map_or(0, |format| format.split(':').count());
        for call in columns.iter_mut().skip(9) {
            let given = call.split(':').count();
            call.push_str(&":.".repeat(fields.saturating_sub(given)));
        }
        columns.join("\t") + "\n"
    };
    text.lines().map(|line| if line.starts_with('#') { format!("{line}\n") } else { fill(line) }).collect()
}

#[test]
fn a_bcf_file_loads_the_rows_of_its_vcf() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let (text, binary) = (folder.path().join("trio.vcf"), folder.path().join("trio.bcf"));
    warehouse.run(["synth", "trio", "--records", "2000", "--seed", "7", "--output", text.to_str().unwrap()]).expect(0);
    let records = filled(&std::fs::read_to_string(&text).unwrap());
    std::fs::write(&text, &records).unwrap();
    let bytes = writer::encode(&records, writer::Style { idx: true, ..Default::default() });
    std::fs::write(&binary, &bytes).unwrap();
    let common = ["--profile", "open", "--calls", "all", "--json", "--set", "source.vcf.unit=65536"];
    let load = |file: &str| warehouse.run(["load", file].iter().chain(&common)).expect(0).json();
    let (a, b) = (load(text.to_str().unwrap()), load(binary.to_str().unwrap()));
    for count in ["input_records", "variants", "calls", "quarantined"] {
        assert_eq!(a[count], b[count], "{count}");
    }
    assert_eq!((&b["status"], &b["input_records"]), (&json!("complete"), &json!(2000)));
    assert!(b["units"].as_u64().unwrap() > 1, "{b}");
    let id = |report: &serde_json::Value| report["load_id"].as_str().unwrap().to_owned();
    for view in ["variants", "calls"] {
        let rows = |load: &str| {
            format!(
                "SELECT (to_jsonb(v) - 'load_id' - 'variant_id')::text AS row FROM genogate.{view} v WHERE load_id = '{load}'"
            )
        };
        let (a, b) = (rows(&id(&a)), rows(&id(&b)));
        let one = warehouse.sql(&format!("({a} EXCEPT ALL {b} LIMIT 1) UNION ALL ({b} EXCEPT ALL {a} LIMIT 1)"));
        assert_eq!(one, "", "{view}");
        assert_ne!(warehouse.sql(&format!("SELECT count(*) FROM ({a}) x")), "0");
    }

    // From standard input, and cut off.
    let pipe = |bytes: &[u8]| {
        let mut child = genogate(&warehouse.home)
            .args(["load", "-", "--force"])
            .args(common)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = child.stdin.take().unwrap().write_all(bytes);
        let done = super::support::Done::from(child.wait_with_output().unwrap());
        assert!(written.is_ok() || done.code != 0);
        done
    };
    assert_eq!(pipe(&bytes).expect(0).json()["variants"], b["variants"]);
    let cut = pipe(&bytes[..bytes.len() - 7]).expect(6);
    assert!(cut.stdout.contains("truncated"), "{cut:#?}");
}
