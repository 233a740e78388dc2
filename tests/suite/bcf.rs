//! A BCF file in the warehouse: the same rows as its VCF. The file is written here, so no other program is needed.

#[path = "../../src/source/vcf/bcf/testing.rs"]
mod writer;

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use super::support::{Warehouse, genogate};

#[test]
fn a_bcf_file_loads_the_rows_of_its_vcf() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let (text, binary) = (folder.path().join("trio.vcf"), folder.path().join("trio.bcf"));
    warehouse.run(["synth", "trio", "--records", "2000", "--seed", "7", "--output", text.to_str().unwrap()]).expect(0);
    let bytes = writer::encode(&std::fs::read_to_string(&text).unwrap(), writer::Style { idx: true, ..Default::default() });
    std::fs::write(&binary, &bytes).unwrap();
    let common = ["--profile", "research", "--calls", "all", "--json", "--set", "source.vcf.unit=65536"];
    let load = |file: &str| warehouse.run(["load", file].iter().chain(&common)).expect(0).json();
    let (a, b) = (load(text.to_str().unwrap()), load(binary.to_str().unwrap()));
    for count in ["input_records", "variants", "calls", "quarantined"] {
        assert_eq!(a[count], b[count], "{count}");
    }
    assert_eq!((&b["status"], &b["input_records"]), (&json!("complete"), &json!(2000)));
    assert!(b["units"].as_u64().unwrap() > 1, "{b}");
    let id = |report: &serde_json::Value| report["load_id"].as_str().unwrap().to_owned();
    for view in ["variants", "calls"] {
        let digest = |load: &str| {
            let row = "to_jsonb(v) - 'load_id' - 'variant_id'";
            let of = format!("genogate.{view} v WHERE load_id = '{load}'");
            warehouse.sql(&format!("SELECT count(*), md5(string_agg(({row})::text, ';' ORDER BY ({row})::text)) FROM {of}"))
        };
        assert_eq!(digest(&id(&a)), digest(&id(&b)), "{view}");
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
