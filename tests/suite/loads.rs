//! The main job on real input: every record arrives, and INFO comes back as the file held it.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::machine::{Listed, inflated, real_files, real_folder};
use super::support::{Warehouse, repository};

fn paths(file: &Path) -> String {
    format!("source.vcf.paths={}", json!([file]))
}

#[test]
fn every_real_file_loads_with_its_records() {
    let Some(listed) = real_files() else { return };
    let warehouse = Warehouse::shared();
    let entries: Vec<Listed> = listed.into_iter().filter(|listed| listed.conforms() && !listed.is_bcf).collect();
    assert!(entries.len() > 100, "the manifest lists {} files", entries.len());
    let mut wrong = Vec::new();
    for entry in &entries {
        let pipeline = repository("pipelines/research.yaml");
        let done = warehouse.run([
            "run".as_ref(),
            pipeline.as_os_str(),
            "--json".as_ref(),
            "--set".as_ref(),
            paths(&entry.path).as_ref(),
        ]);
        if done.code != 0 {
            wrong.push(format!("{}: exit {}: {}", entry.file, done.code, done.stdout));
            continue;
        }
        let report = done.json();
        if report["input_records"] != json!(entry.records) {
            wrong.push(format!("{}: {} records instead of {}", entry.file, report["input_records"], entry.records));
        }
        if entry.split.is_some_and(|split| report["variants"] != json!(split)) {
            wrong.push(format!("{}: {} rows instead of {:?}", entry.file, report["variants"], entry.split));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files: {wrong:#?}", wrong.len(), entries.len());
}

/// INFO declarations by key: (Number, Type).
fn declarations(header: &[&str]) -> std::collections::HashMap<String, (String, String)> {
    let attribute = |line: &str, name: &str| {
        let rest = line.split_once(&format!("{name}="))?.1;
        Some(rest.split([',', '>']).next()?.to_owned())
    };
    let declared = header.iter().filter_map(|line| {
        let line = line.strip_prefix("##INFO=<")?;
        Some((attribute(line, "ID")?, (attribute(line, "Number")?, attribute(line, "Type")?)))
    });
    declared.collect()
}

fn scalar(text: &str, kind: &str) -> Value {
    match (text, kind) {
        (".", _) => Value::Null,
        (text, "Integer") => json!(text.parse::<i64>().unwrap()),
        (text, "Float") => {
            let value: f64 = text.parse().unwrap();
            if value.is_finite() { json!(value) } else { json!(format!("{value}").to_lowercase()) }
        }
        (text, _) => json!(text),
    }
}

/// Percent-decoding of VCF 4.3 and later (section 1.2).
fn decoded(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('%') => {
            let mut out = Vec::new();
            let mut bytes = text.as_bytes().iter();
            while let Some(&byte) = bytes.next() {
                let code = (byte == b'%').then(|| bytes.as_slice().get(..2)).flatten();
                match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
                    Some(code) => {
                        out.push(code);
                        bytes.nth(1);
                    }
                    None => out.push(byte),
                }
            }
            json!(String::from_utf8(out).unwrap())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(decoded).collect()),
        other => other,
    }
}

/// Numbers compare as numbers, so that 1 and 1.0 are one value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        // `.` for a field of one value per ALT is one missing element, or a missing field: the file cannot tell.
        (Value::Array(a), Value::Null) => a.iter().all(Value::is_null),
        (a, b) => a == b,
    }
}

/// Reads a file with a second, slow and simple parser and compares every declared INFO cell with the database.
fn info_differences(warehouse: &Warehouse, file: &Path) -> Vec<String> {
    let pipeline = repository("pipelines/research.yaml");
    let arguments = ["--set", "stages.normalize.split=false", "--set", "source.vcf.calls=none", "--set"];
    let mut command = vec!["run".into(), pipeline.into_os_string(), "--json".into()];
    command.extend(arguments.iter().map(std::ffi::OsString::from));
    command.push(paths(file).into());
    let load = warehouse.run(command).expect(0).json()["load_id"].as_str().unwrap().to_owned();
    let rows = warehouse.sql(&format!("SELECT info FROM genogate.variants WHERE load_id = '{load}' ORDER BY variant_id"));
    let rows: Vec<&str> = rows.lines().collect();
    let text = String::from_utf8(inflated(file)).unwrap();
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    let declared = declarations(&header);
    let encoded = ["VCFv4.3", "VCFv4.4", "VCFv4.5"].iter().any(|version| header[0].ends_with(version));
    let records: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(rows.len(), records.len(), "{}", file.display());
    let mut wrong = Vec::new();
    for (number, (record, row)) in records.iter().zip(&rows).enumerate() {
        let stored: Map<String, Value> = serde_json::from_str(if row.is_empty() { "{}" } else { row }).unwrap();
        let info = record.split('\t').nth(7).unwrap();
        for field in info.split(';').filter(|field| *field != "." && !field.is_empty()) {
            let (key, value) = field.split_once('=').unwrap_or((field, ""));
            let Some((count, kind)) = declared.get(key) else { continue };
            let expected = match (count.as_str(), kind.as_str()) {
                (_, "Flag") | ("0", _) => json!(true),
                ("1", kind) => scalar(value, kind),
                (_, kind) if value == "." && kind != "Flag" => Value::Null,
                (_, kind) => Value::Array(value.split(',').map(|item| scalar(item, kind)).collect()),
            };
            let found = stored.get(key).cloned().unwrap_or(Value::Null);
            let expected = if encoded { decoded(expected) } else { expected };
            if !same(&found, &expected) {
                wrong.push(format!("record {number}, {key}: {found} instead of {expected}"));
            }
        }
    }
    wrong.truncate(5);
    wrong
}

/// Defect 1 of the predecessor: INFO was never stored.
#[test]
fn info_comes_back_as_the_file_held_it() {
    let Some(folder) = real_folder() else { return };
    let files = [
        "real/vcfanno-examples__exac.vcf.gz",
        "real/vcf-pg-loader__gnomad_subset.vcf.gz",
        "real/vcf-pg-loader__dbsnp_subset.vcf.gz",
        "real/vcf-pg-loader__mutect2_chr22.vcf.gz",
        "real/slivar__clinvar_20191007.vcf.gz",
        "real/python-pyvcf-examples__freebayes.vcf.gz",
        "real/vcf-pg-loader__gridss_sv.vcf",
        "real/bcftools__split-vep.vcf",
    ];
    for file in files {
        let wrong = info_differences(Warehouse::shared(), &folder.join(file));
        assert!(wrong.is_empty(), "{file}: {wrong:#?}");
    }
}

/// The same on a file the project makes itself, so that it is proven where the real ones are absent.
#[test]
fn a_synthetic_load_is_complete_valid_and_skipped_the_second_time() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trio.vcf.gz");
    warehouse.run(["synth", "trio", "--records", "3000", "--seed", "11", "--output", file.to_str().unwrap()]).expect(0);
    let load = |more: &[&str]| {
        let mut arguments = vec!["load", file.to_str().unwrap(), "--profile", "open", "--calls", "all", "--json"];
        arguments.extend(more);
        warehouse.run(arguments).expect(0).json()
    };
    let first = load(&[]);
    assert_eq!((&first["status"], &first["input_records"]), (&json!("complete"), &json!(3000)));
    assert_eq!(first["calls"].as_u64().unwrap(), first["variants"].as_u64().unwrap() * 3);
    let again = load(&[]);
    assert_eq!(
        (&again["status"], &again["load_id"], &again["variants"]),
        (&json!("skipped"), &first["load_id"], &first["variants"])
    );
    let forced = load(&["--force"]);
    assert_eq!((&forced["status"], &forced["variants"]), (&json!("complete"), &first["variants"]));
    assert_ne!(forced["load_id"], first["load_id"]);
    let visible = warehouse
        .sql(&format!("SELECT count(*) FROM genogate.variants WHERE load_id = '{}'", first["load_id"].as_str().unwrap()));
    assert_eq!(visible, "0", "a replaced load is not visible");
    warehouse.run(["validate", forced["load_id"].as_str().unwrap(), "--json"]).expect(0);
    let wrong = info_differences(warehouse, &file);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn accounting_adds_up_with_filter_regions_and_quarantine() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.vcf");
    let header = "##fileformat=VCFv4.3\n##INFO=<ID=DP,Number=1,Type=Integer,Description=\"d\">\n##contig=<ID=1>\n##contig=<ID=2>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let mut text = header.to_owned();
    for i in 0..100 {
        let qual = if i % 10 == 3 { "many".to_owned() } else { i.to_string() };
        let chrom = if i < 80 { 1 } else { 2 };
        text += &format!("{chrom}\t{}\t.\tA\tC\t{qual}\tPASS\tDP={i}\n", 100 + i);
    }
    std::fs::write(&file, text).unwrap();
    let common = ["load", file.to_str().unwrap(), "--profile", "open", "--calls", "none", "--json"];
    let refused = warehouse.run(common).expect(6);
    assert!(refused.stdout.contains("QUAL") && refused.stdout.contains("line 9"), "{refused:#?}");
    assert!(!refused.stdout.contains("many"), "{refused:#?}");
    let mut arguments = common.to_vec();
    arguments.extend(["--on-bad-record", "quarantine", "-r", "1", "--filter", "qual >= 50"]);
    let report = warehouse.run(arguments).expect(0).json();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((count("input_records"), count("out_of_region"), count("variants")), (100, 20, 27), "{report}");
    assert_eq!(
        count("input_records"),
        count("variants") + count("quarantined") + count("filtered") + count("out_of_region"),
        "{report}"
    );
    let kept = warehouse.sql(&format!(
        "SELECT count(*), min(field), min(reason) FROM genogate.quarantine WHERE load_id = '{}'",
        report["load_id"].as_str().unwrap()
    ));
    assert!(kept.starts_with(&format!("{}|QUAL|", count("quarantined"))), "{kept}");
}

/// Genotypes of any ploidy and phase, from a file through the pipeline into the view's columns.
#[test]
fn genotypes_come_back_as_text_and_as_numbers() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gt.vcf");
    let genotypes = ["0/1", "1|0", "./.", ".", "1", "0/1/1", "/0|1", "|0/1", "2|1", "0|0"];
    let names: Vec<String> = (0..genotypes.len()).map(|i| format!("G{i}")).collect();
    let text = format!(
        "##fileformat=VCFv4.4\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n##contig=<ID=1>\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{}\n1\t10\t.\tA\tC,G\t.\t.\t.\tGT\t{}\n",
        names.join("\t"),
        genotypes.join("\t")
    );
    std::fs::write(&file, text).unwrap();
    let load = |more: &[&str]| {
        let mut arguments = vec!["load", file.to_str().unwrap(), "--profile", "open", "--calls", "all", "--json"];
        arguments.extend(more);
        warehouse.run(arguments).expect(0).json()["load_id"].as_str().unwrap().to_owned()
    };
    let stored = |load: &str, columns: &str| {
        let sql = format!(
            "SELECT {columns} FROM (SELECT * FROM genogate.calls WHERE load_id = '{load}' ORDER BY variant_id, sample_index) c"
        );
        warehouse.app_sql(&sql).expect(0).stdout.trim().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = load(&["--no-split"]);
    assert_eq!(stored(&whole, "gt"), genotypes);
    assert_eq!(
        stored(&whole, "alleles, phased, phases"),
        [
            "{0,1}|f|{f,f}",
            "{1,0}|t|{t,t}",
            "{NULL,NULL}|f|{f,f}",
            "{NULL}|t|{t}",
            "{1}|t|{t}",
            "{0,1,1}|f|{f,f,f}",
            "{0,1}|f|{f,t}",
            "{0,1}|f|{t,f}",
            "{2,1}|t|{t,t}",
            "{0,0}|t|{t,t}",
        ]
    );
    let people = folder.path().join("people.txt");
    std::fs::write(&people, "G8\nG9\nG0\n").unwrap();
    let wanted = ["0|0/1", "1|0|1", "2|0|0", "0|0/0", "1|1|0", "2|0|0"];
    let by_name = load(&["-s", "G8,G9,G0"]);
    assert_eq!(stored(&by_name, "sample_index, gt"), wanted);
    assert_eq!(load(&["-S", people.to_str().unwrap()]), by_name, "the same samples, so the load is there already");
    let others = load(&["-S", &format!("^{}", people.display())]);
    assert_eq!(stored(&others, "count(*)"), ["14"]);
    let unknown = warehouse.run(["load", file.to_str().unwrap(), "--profile", "open", "-s", "DOE_JANE", "--json"]).expect(2);
    assert!(!format!("{unknown:?}").contains("DOE_JANE"), "{unknown:?}");
}

#[test]
fn an_index_and_a_scan_make_the_same_load() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "##fileformat=VCFv4.3\n##INFO=<ID=DP,Number=1,Type=Integer,Description=\"d\">\n##contig=<ID=1>\n##contig=<ID=2>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n".to_owned();
    for i in 0..60_000 {
        let qual = if i == 40_000 { "many".to_owned() } else { (i % 90).to_string() };
        text += &format!("{}\t{}\t.\tA\tC\t{qual}\tPASS\tDP={i}\n", 1 + i / 30_000, 100 + 50 * (i % 30_000));
    }
    let mut packed = noodles_bgzf::io::Writer::new(Vec::new());
    packed.write_all(text.as_bytes()).unwrap();
    std::fs::write(folder.path().join("x.vcf.gz"), packed.finish().unwrap()).unwrap();
    let noodles_vcf::Index::Tabix(index) = noodles_vcf::fs::index(folder.path().join("x.vcf.gz")).unwrap() else {
        panic!("contigs of such a length have a tabix index")
    };
    noodles_tabix::fs::write(folder.path().join("x.vcf.gz.tbi"), &index).unwrap();
    std::fs::write(folder.path().join("r.bed"), "1\t149\t200149\n2\t449999\t650000\n").unwrap();
    let warehouse = Warehouse::shared();
    let (file, bed) = (folder.path().join("x.vcf.gz"), folder.path().join("r.bed"));
    let load = |file: &Path, more: &[&str]| {
        let fixed = ["load", file.to_str().unwrap(), "--profile", "open", "--json", "--on-bad-record", "quarantine", "-R"];
        warehouse.run(fixed.iter().copied().chain([bed.to_str().unwrap()]).chain(more.iter().copied()))
    };
    let report = load(&file, &["--regions-without-index", "refuse"]).expect(0).json();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((&report["status"], &report["index_used"]), (&json!("complete"), &json!(true)), "{report}");
    assert_eq!((count("variants"), count("quarantined")), (4001 + 4000 - 1, 1), "{report}");
    assert_eq!(count("input_records"), 8001 + count("out_of_region"), "{report}");
    assert!(count("input_records") < 20_000, "{report}");
    let id = report["load_id"].as_str().unwrap();
    let line = warehouse.sql(&format!("SELECT line, field FROM genogate.quarantine WHERE load_id = '{id}'"));
    assert_eq!(line, format!("{}|QUAL", 5 + 40_000 + 1));
    warehouse.run(["validate", id, "--json"]).expect(0);

    // Without the index the same rows are found, so it is the same load.
    std::fs::remove_file(folder.path().join("x.vcf.gz.tbi")).unwrap();
    let refused = load(&file, &["--regions-without-index", "refuse"]).expect(6);
    assert!(refused.stdout.contains("there is no index"), "{refused:#?}");
    let again = load(&file, &[]).expect(0).json();
    assert_eq!(
        (&again["status"], &again["load_id"], &again["index_used"]),
        (&json!("skipped"), &report["load_id"], &json!(false))
    );
    assert!(again["notices"].to_string().contains("all of it is read"), "{again}");
}
