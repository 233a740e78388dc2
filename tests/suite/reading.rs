//! Files as programs write them: a value that does not fit its declaration costs neither its record nor the load, and what our own
//! generator writes is right to the letter.

use std::path::Path;

use serde_json::json;

use super::support::Warehouse;

const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";

fn file(folder: &Path, name: &str, head: &str, samples: &str, records: &[&str]) -> String {
    let path = folder.join(name);
    let records: String = records.iter().map(|record| record.replace(' ', "\t") + "\n").collect();
    std::fs::write(&path, format!("##fileformat=VCFv4.2\n##contig=<ID=1>\n{head}{COLUMNS}{samples}\n{records}")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_does_not_fit_is_shown_under_its_own_key_numbers_as_numbers() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let head = "##INFO=<ID=RS,Number=1,Type=Integer,Description=\"\">\n##INFO=<ID=AF,Number=A,Type=Float,Description=\"\">\n\
                ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">\n##FORMAT=<ID=QR,Number=1,Type=Integer,Description=\"\">\n";
    let records = [
        "1 10 . A C,G . . RS=2148352434;AF=0.5,NA GT:QR 0/1:1.11571e+06",
        "1 20 . A C . . RS=7;AF=0.25 GT:QR 0|x:5",
        "1 30 . A C . . RS=NA;END=9999999999 GT:QR 0/1:6",
    ];
    let path = file(folder.path(), "misfits.vcf", head, "\tFORMAT\tS", &records);
    let load = ["load", path.as_str(), "--profile", "open", "--name", "misfits", "--json"];
    let done = warehouse.run(load).expect(0).json();
    assert_eq!((&done["input_records"], &done["variants"], &done["quarantined"]), (&json!(3), &json!(4), &json!(0)));
    let odd =
        |field: &str| done["oddities"].as_array().unwrap().iter().find(|odd| odd["field"] == field).unwrap()["count"].clone();
    assert_eq!(["INFO/RS", "INFO/AF", "FORMAT/QR", "FORMAT/GT"].map(odd), [json!(2), json!(1), json!(1), json!(1)]);
    let id = done["load_id"].as_str().unwrap();
    let rows = |what: &str, view: &str| warehouse.sql(&format!("SELECT {what} FROM genogate.{view} WHERE load_id = '{id}'"));
    let rs = "jsonb_agg(DISTINCT jsonb_build_array(pos, info->'RS', info->'AF', end_pos))";
    assert_eq!(rows(rs, "variants"), r#"[[10, 2148352434, [0.5, "NA"], 10], [20, 7, 0.25, 20], [30, "NA", null, 9999999999]]"#);
    assert_eq!(rows("count(*) FILTER (WHERE info->>'__other' = 'RS=2148352434;AF=0.5,NA')", "variants"), "2");
    let calls = "jsonb_agg(DISTINCT jsonb_build_array(gt, format->'QR', format->'GT'))";
    assert_eq!(rows(calls, "calls"), r#"[[null, 5, "0|x"], ["0/0", 1115710, null], ["0/1", 6, null], ["0/1", 1115710, null]]"#);
    warehouse.run(["load", path.as_str(), "--profile", "open", "--conformance", "strict", "--name", "letter"]).expect(6);
}

#[test]
fn files_that_differ_in_a_keys_number_are_divided_all_the_same() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let head = |number: &str| format!("##INFO=<ID=AC,Number={number},Type=Integer,Description=\"\">\n");
    let a = file(folder.path(), "a.vcf", &head("A"), "", &["1 100 . A G,T . . AC=1,2"]);
    let b = file(folder.path(), "b.vcf", &head("."), "", &["1 200 . A G,T . . AC=3,4", "1 300 . A G,T . . AC=5"]);
    for (name, files) in [("ab", [&a, &b]), ("ba", [&b, &a])] {
        let load = ["load", files[0], files[1], "--profile", "open", "--name", name, "--json"];
        let id = warehouse.run(load).expect(0).json()["load_id"].as_str().unwrap().to_owned();
        let counts = "SELECT jsonb_agg(jsonb_build_array(pos, alt, info->'AC') ORDER BY pos, alt) FROM genogate.variants";
        assert_eq!(
            warehouse.sql(&format!("{counts} WHERE load_id = '{id}'")),
            r#"[[100, "G", 1], [100, "T", 2], [200, "G", 3], [200, "T", 4], [300, "G", 5], [300, "T", 5]]"#
        );
    }
}

#[test]
fn what_synth_writes_is_right_to_the_letter_and_draws_no_oddity() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    for (nth, kind) in ["sites", "trio", "cohort"].into_iter().enumerate() {
        for phi in [false, true] {
            let path = folder.path().join(format!("{kind}-{phi}.vcf.gz"));
            let path = path.to_str().unwrap();
            let seed = (nth + 1).to_string();
            let mut synth = vec!["synth", kind, "--records", "1500", "--seed", &seed, "--output", path];
            synth.extend(phi.then_some("--phi"));
            warehouse.run(synth).expect(0);
            for conformance in ["strict", "lenient"] {
                let lake = folder.path().join(format!("{kind}-{phi}-{conformance}"));
                let load = ["load", path, "--profile", "open", "--parquet", lake.to_str().unwrap(), "--json"];
                let done = warehouse.run(load.iter().chain(&["--conformance", conformance])).expect(0).json();
                assert_eq!((&done["notices"], &done["oddities"]), (&json!([]), &json!([])), "{kind} {phi} {conformance}");
            }
        }
    }
}
