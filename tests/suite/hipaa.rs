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
fn what_sanitize_removes_is_told_and_does_not_stop_a_load() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = cohort(&warehouse, folder.path());
    let done = run(&warehouse, &file, &[]).expect(0);
    assert!(done.json()["detections"]["critical"].as_u64() > Some(0), "{done:#?}");
    warehouse.sql("CHECKPOINT");
    for identifier in genogate::synth::planted(&options()) {
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(&identifier.value), "{done:#?}");
        assert_eq!(grep(&warehouse.home, &identifier.value), "", "{:?}", identifier.place);
    }
}

/// A file of which every word that is not the specification's names somebody: [`NEEDLES`].
const NAMING: &str = "##fileformat=VCFv4.3
##contig=<ID=chr1>
##contig=<ID=Featherby_Q7>
##ALT=<ID=DEL:FEATHERBY,Description=\"x\">
##ALT=<ID=ROE-JANE-1961,Description=\"x\">
##FILTER=<ID=q10,Description=\"x\">
##FILTER=<ID=featherby_low,Description=\"x\">
##INFO=<ID=DP,Number=1,Type=Integer,Description=\"x\">
##INFO=<ID=AC_featherby,Number=1,Type=Integer,Description=\"x\">
##INFO=<ID=JaneRoe1961,Number=0,Type=Flag,Description=\"x\">
##INFO=<ID=Jane_Doe_score,Number=1,Type=Float,Description=\"x\">
##INFO=<ID=GENEINFO,Number=1,Type=String,Description=\"x\">
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Format: Allele|Consequence|SYMBOL\">
##FORMAT=<ID=GT,Number=1,Type=String,Description=\"x\">
##FORMAT=<ID=MRN71222381,Number=1,Type=Integer,Description=\"x\">
#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT ROE-JANE-1961 Featherby_Q7
chr1 10 Zimmerwaldt A C 50 PASS DP=1;AC_featherby=1;JaneRoe1961 GT 0/1 0/1
chr1 11 . A C 50 featherby_low;Doe_Jane_MRN71222382 DP=1;Doe_Jane_MRN71222383=1;MRN71222384 GT:MRN71222381 0/1:4 0/1:4
chr1 12 . A C 50 q10 DP=1;Jane_Doe_score=1 GT:MRN71222385:featherby 0/1:4:1 0/1:4:1
chr1 13 . A C 50 PASS DP=1;GENEINFO=ZIMMERWALDT:1;CSQ=C|missense_variant|ZIMMERWALDT GT 0/1 0/1
chr1 14 . Zimmerwaldt C 50 PASS DP=1 GT 0/1 0/1
chr1 15 . A <ROE-JANE-1961> 50 PASS DP=1 GT 0/1 0/1
chr1 16 . A A[Featherby_Q7:5[ 50 PASS DP=1 GT 0/1 0/1
chr1 17 . A <DEL:FEATHERBY> 50 PASS DP=1 GT 0/1 0/1
chr1 18 . A C,Zimmerwaldt 50 PASS DP=1 GT 0/1 0/1
ROE-JANE-1961 10 . A C 50 PASS DP=1 GT 0/1 0/1
Featherby_Q7 10 . A C 50 PASS DP=1 GT 0/1 0/1
078-05-1120 10 . A C 50 PASS DP=1 GT 0/1 0/1
";
const NEEDLES: [&str; 8] = ["featherby", "ROE-JANE", "JaneRoe", "Jane_", "Zimmerwaldt", "7122238", "Doe_", "078-05"];

fn nowhere(warehouse: &Warehouse, done: &Done) {
    warehouse.sql("CHECKPOINT");
    for needle in NEEDLES {
        let said = format!("{}{}", done.stdout, done.stderr).to_lowercase();
        assert!(!said.contains(&needle.to_lowercase()), "{needle}: {said}");
        assert_eq!(grep(&warehouse.home, needle), "", "{needle}");
    }
}

#[test]
fn words_of_the_file_that_name_somebody_are_nowhere_wherever_they_stand() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf").display().to_string();
    std::fs::write(&file, NAMING.lines().map(tabbed).collect::<String>()).unwrap();
    let stopped = run(&warehouse, &file, &[]).expect(3);
    assert!(stopped.stdout.contains("site-word"), "{stopped:#?}");
    nowhere(&warehouse, &stopped);
    let done = run(&warehouse, &file, &["--set", "stages.detect.actions.critical=quarantine"]).expect(0);
    let report = done.json();
    assert_eq!((&report["variants"], &report["quarantined"]), (&json!(4), &json!(8)), "{report}");
    nowhere(&warehouse, &done);
    let kept = warehouse.sql("SELECT string_agg(DISTINCT k, ' ' ORDER BY k) FROM genogate.variants, jsonb_object_keys(info) k");
    assert!(kept.split(' ').all(|key| ["CSQ", "DP", "GENEINFO"].contains(&key)), "{kept}");
}

/// A line of [`NAMING`], tabs for the blanks of those that are no `##` lines.
fn tabbed(line: &str) -> String {
    if line.starts_with("##") { format!("{line}\n") } else { line.replace(' ', "\t") + "\n" }
}

#[test]
fn without_detect_there_is_no_plan() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf");
    std::fs::write(&file, NAMING.lines().map(tabbed).collect::<String>()).unwrap();
    let text = |detect: &str| {
        format!(
            "version: 1\nname: x\nsource:\n  vcf: {{ paths: [a.vcf] }}\nstages:\n  - sanitize: {{}}\n{detect}  - anonymize: {{ samples: vault }}\n\
             sink:\n  postgres: {{ database: local }}\n"
        )
    };
    let pipeline = folder.path().join("x.yaml");
    for (detect, code) in [
        ("", 2),
        ("  - detect: { scan: headers }\n", 2),
        ("  - detect: { actions: { critical: warn } }\n", 2),
        ("  - detect: {}\n", 0),
    ] {
        std::fs::write(&pipeline, text(detect)).unwrap();
        let checked = warehouse.run(["check", &pipeline.display().to_string()]).expect(code);
        assert_eq!(checked.stderr.contains("chrom, ref, alt: phi"), code != 0, "{checked:#?}");
    }
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

#[test]
fn a_scan_tells_where_identifiers_are_and_leaves_no_trace() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf").display().to_string();
    std::fs::write(&file, NAMING.lines().map(tabbed).collect::<String>()).unwrap();
    let scanned = warehouse.run(["phi", "scan", &file, "--json"]).expect(3);
    let report = scanned.json();
    assert_eq!((&report["files"], &report["records"]), (&json!(1), &json!(12)));
    let found: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|one| one["pattern"].as_str().unwrap()).collect();
    for pattern in ["site-word", "mrn", "sample-name"] {
        assert!(found.contains(&pattern), "{pattern}: {found:?}");
    }
    let text = warehouse.run(["phi", "scan", &file]).expect(3);
    for needle in NEEDLES {
        let said = format!("{}{}{}{}", scanned.stdout, scanned.stderr, text.stdout, text.stderr).to_lowercase();
        assert!(!said.contains(&needle.to_lowercase()), "{needle}: {said}");
    }
    let headers = warehouse.run(["phi", "scan", "--headers-only", &file, "--json"]);
    assert!(!headers.stdout.contains("site-word"), "{headers:#?}");
    let clean = folder.path().join("clean.vcf").display().to_string();
    warehouse.run(["synth", "cohort", "--records", "50", "--seed", "4", "--output", &clean]).expect(0);
    assert_eq!(warehouse.run(["phi", "scan", &clean, "--json"]).expect(0).json()["detections"]["critical"], 0);
    let planted = folder.path().join("planted.vcf").display().to_string();
    let args =
        ["synth", "cohort", "--records", "50", "--samples", "12", "--seed", "7", "--phi", "--planted", "--output", &planted];
    let listed = warehouse.run(args.into_iter().chain(["--json"])).expect(0).json();
    assert!(listed["planted"].as_array().unwrap().iter().any(|one| one["place"] == "sample"), "{listed}");
    warehouse.run(["synth", "cohort", "--planted", "--output", &planted]).expect(2);
}

#[test]
fn what_was_dropped_and_scanned_is_told_by_plan_report_and_list() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = cohort(warehouse, folder.path());
    let report = run(warehouse, &file, &[]).expect(0).json();
    let dropped = report["dropped"].to_string();
    assert_eq!(report["scanned"], "full");
    assert!(dropped.contains("info.NOTE") && dropped.contains("calls.RMK") && dropped.contains("without a rule"), "{dropped}");
    let load = report["load_id"].as_str().unwrap().to_owned();
    let shown = warehouse.run(["loads", "show", &load]).expect(0).stdout;
    for words in ["profile        hipaa", "scanned        full", "info.NOTE"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = warehouse.run(["loads", "show", &load, "--json"]).expect(0).json();
    assert_eq!((&json["profile"], &json["dropped"]), (&json!("hipaa"), &report["dropped"]));
    let pipeline = repository("pipelines/clinical.yaml").display().to_string();
    let planned = warehouse.run(["plan", &pipeline, "--set", &format!("source.vcf.paths={}", json!([file]))]).expect(0).stdout;
    assert!(planned.contains("scanned for identifiers: full") && planned.contains("dropped: "), "{planned}");
    let open = warehouse.run(["load", &file, "--profile", "open", "--name", "unsearched"]).expect(0).stdout;
    assert!(open.contains("detections: not scanned") && !open.contains("0 critical"), "{open}");
    assert!(warehouse.run(["loads", "list"]).expect(0).stdout.contains("[open, scanned: nothing]"));
}

#[test]
fn a_word_that_somebody_types_is_held_to_the_same_rule() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf").display().to_string();
    let text = "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tZIMMERWALDT_7\n\
                1\t10\t.\tA\tC\t50\tPASS\t.\tGT\t0/1\n";
    std::fs::write(&file, text).unwrap();
    for (flag, word) in [
        ("--name", "Doe_Jane_MRN71222383"),
        ("--name", "zimmerwaldt7"),
        ("--name", "Um9lX0phbmU="),
        ("--load-name", "zimmerwaldt-7"),
        ("--load-name", "id=12345678"),
        ("--filter", "chrom <> 'Jane Roe'"),
        ("--filter", "chrom <> 'Zimmerwaldt.7'"),
        ("--contigs", "Zimmerwaldt7"),
    ] {
        let done = warehouse.run(["load", &file, "--profile", "open", flag, word]).expect(2);
        assert!(!done.stderr.contains("immerwaldt") && !done.stderr.contains("7122"), "{done:#?}");
    }
    let pipeline = folder.path().join("d.yaml");
    for (derive, code) in [
        ("x: \"'Jane Roe'\"", 2),
        ("x: \"'zimmerwaldt 7'\"", 2),
        ("Jane_Roe: qual", 2),
        ("x: \"71222383\"", 2),
        ("x: \"'case'\"", 0),
    ] {
        let text = format!(
            "version: 1\nname: d\nprofile: open\nsource: {{ vcf: {{ paths: [a.vcf] }} }}\nstages:\n  - derive: {{ {derive} }}\n\
             sink: {{ parquet: {{ path: lake }} }}\n"
        );
        std::fs::write(&pipeline, text).unwrap();
        warehouse.run(["check", &pipeline.display().to_string()]).expect(code);
    }
    warehouse.run(["load", &file, "--profile", "open", "--name", "nightly"]).expect(0);
}
