//! Pipeline files: the shipped ones hold, the wrong ones are told in full.

use std::fs;

use super::support::{Done, Warehouse, genogate, repository};

/// Each file under `tests/pipelines/invalid` says in `# expect: LINE:COLUMN TEXT` what must be found; nothing else may be.
#[test]
fn wrong_files_are_told_in_full() {
    let home = tempfile::tempdir().unwrap();
    let mut files = 0;
    for entry in fs::read_dir(repository("tests/pipelines/invalid")).unwrap().map(|e| e.unwrap().path()) {
        if entry.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&entry).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).collect();
        assert!(!expected.is_empty(), "{} expects nothing", entry.display());
        let done = Done::from(genogate(home.path()).args(["check", "--json"]).arg(&entry).output().unwrap()).expect(2);
        let first = done.stdout.lines().next().unwrap_or_default();
        let found: serde_json::Value = serde_json::from_str(first).unwrap();
        let found: Vec<String> = (found["mistakes"].as_array().unwrap().iter())
            .map(|m| {
                format!("{}:{} {} {}", m["line"], m["column"], m["message"].as_str().unwrap(), m["hint"].as_str().unwrap_or(""))
            })
            .collect();
        for expect in &expected {
            assert!(found.iter().any(|m| m.contains(expect)), "{}: {expect:?} is not among {found:#?}", entry.display());
        }
        assert_eq!(found.len(), expected.len(), "{}: {found:#?}", entry.display());
    }
    assert!(files >= 5);
}

#[test]
fn the_schema_is_one_json_document_that_names_every_stage() {
    let home = tempfile::tempdir().unwrap();
    let done = Done::from(genogate(home.path()).arg("schema").output().unwrap()).expect(0);
    let schema = done.json().to_string();
    for kind in ["normalize", "sanitize", "detect", "anonymize", "encrypt", "filter", "derive", "select", "postgres", "parquet"] {
        assert!(schema.contains(&format!("\"{kind}\"")), "{kind}");
    }
}

fn set_paths(file: &std::path::Path) -> String {
    format!("source.vcf.paths={}", serde_json::json!([file]))
}

#[test]
fn every_shipped_pipeline_runs() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cohort.vcf.gz");
    warehouse
        .run(["synth", "cohort", "--records", "600", "--samples", "5", "--seed", "21", "--output", file.to_str().unwrap()])
        .expect(0);
    let mut seen = 0;
    for entry in fs::read_dir(repository("pipelines")).unwrap().map(|e| e.unwrap().path()) {
        if !fs::read_to_string(&entry).unwrap().contains("\nsource:") {
            continue;
        }
        seen += 1;
        let lake = format!("sink.parquet.path={}", folder.path().join("lake").display());
        let mut arguments =
            vec!["run".to_owned(), entry.display().to_string(), "--json".into(), "--set".into(), set_paths(&file)];
        if entry.ends_with("lake.yaml") {
            arguments.extend(["--set".into(), lake]);
        }
        let report = warehouse.run(&arguments).expect(0).json();
        assert_eq!(
            (report["status"].as_str(), report["input_records"].as_u64()),
            (Some("complete"), Some(600)),
            "{}",
            entry.display()
        );
        assert!(report["variants"].as_u64().unwrap() > 0, "{report}");
        assert!(report["reidentification"].as_str().unwrap().contains("164.514"));
    }
    assert_eq!(seen, 5);
}

#[test]
fn the_plan_is_readable_keeps_partitions_and_pushes_down() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sites.vcf");
    Done::from(genogate(home.path()).args(["synth", "sites", "--records", "20000", "--output"]).arg(&file).output().unwrap())
        .expect(0);
    let text = "version: 1\nname: explained\nprofile: open\nsource: { vcf: { paths: [sites.vcf], calls: none, unit: 1MiB } }\nstages:\n  \
                - normalize: { split: true }\n  - filter: \"qual >= 30 AND info.AF < 0.5\"\n  - select: [chrom, pos, ref, alt, qual, info.AF]\n\
                sink: { parquet: { path: lake } }\n";
    let pipeline = folder.path().join("explained.yaml");
    fs::write(&pipeline, text).unwrap();
    let done =
        Done::from(genogate(home.path()).args(["plan", "--json", "--threads", "3"]).arg(&pipeline).output().unwrap()).expect(0);
    let plan = done.json();
    let physical = plan["physical"].as_str().unwrap();
    assert_eq!(plan["partitions"], 3, "{physical}");
    assert!(!physical.contains("Repartition") && !physical.contains("CoalescePartitions"), "{physical}");
    let scan = physical.lines().find(|line| line.contains("VcfExec")).unwrap();
    assert!(
        scan.contains("info.AF") && !scan.contains("info.DP") && scan.contains("qual"),
        "projection and filter reach the parser: {scan}"
    );
    assert!(scan.contains("filters=") && !scan.contains("sites.vcf"), "{scan}");
    let order: Vec<usize> = ["SinkExec", "FilterExec", "StageExec: normalize", "VcfExec"]
        .iter()
        .map(|n| physical.find(n).unwrap_or_else(|| panic!("{n}: {physical}")))
        .collect();
    assert!(order.is_sorted(), "{physical}");
}

/// The proof: take one safeguard away and the planner refuses, naming what would flow where.
#[test]
fn a_hipaa_pipeline_without_a_safeguard_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tiny = repository("tests/data/tiny.vcf");
    let check = |stages: &str| {
        let text = format!(
            "version: 1\nname: proof\nprofile: hipaa\nsource: {{ vcf: {{ paths: [{:?}], calls: all }} }}\nstages:\n{stages}sink: {{ parquet: {{ path: lake }} }}\n",
            tiny
        );
        let pipeline = folder.path().join("proof.yaml");
        fs::write(&pipeline, text).unwrap();
        Done::from(genogate(home.path()).args(["check"]).arg(&pipeline).output().unwrap())
    };
    let (sanitize, detect, anonymize) = ("  - sanitize: {}\n", "  - detect: {}\n", "  - anonymize: { samples: vault }\n");
    check(&format!("{sanitize}{detect}{anonymize}")).expect(0);
    let without = check(&format!("{detect}{anonymize}")).expect(2);
    assert!(
        without.stderr.contains("info.NOTE") && without.stderr.contains("parquet") && without.stderr.contains("detect"),
        "{without:#?}"
    );
    assert!(without.stderr.contains("header lines"), "{without:#?}");
    let without = check(&format!("{sanitize}{detect}")).expect(2);
    assert!(without.stderr.contains("sample names"), "{without:#?}");
    // An expression carries the label of what it reads, under whatever name.
    let smuggled = "  - derive: { harmless: \"concat(info.NOTE, 'x')\" }\n";
    let done = check(&format!("{smuggled}{anonymize}")).expect(2);
    assert!(done.stderr.contains("harmless"), "{done:#?}");
    // `sanitize` has no rule for it, so it is gone before the sink.
    check(&format!("{smuggled}{sanitize}{detect}{anonymize}")).expect(0);
    let shown =
        Done::from(genogate(home.path()).args(["plan", "--json"]).arg(folder.path().join("proof.yaml")).output().unwrap())
            .expect(0);
    assert!(shown.json()["labels"].get("harmless").is_none() && shown.json()["labels"].get("chrom").is_some(), "{shown:#?}");
    let after = check(&format!(
        "{detect}{anonymize}  - derive: {{ harmless: \"concat(info.NOTE, 'x')\" }}\n  - select: [chrom, pos, harmless]\n"
    ))
    .expect(2);
    assert!(after.stderr.contains("harmless"), "{after:#?}");
    // Text that became a number or a day can be searched by no stage.
    for kind in ["BIGINT", "DECIMAL(20, 2)", "DATE", "TIMESTAMP"] {
        let typed = format!("  - derive: {{ info.TYPED: \"CAST(info.NOTE AS {kind})\" }}\n");
        let done = check(&format!("{typed}{sanitize}{detect}{anonymize}")).expect(2);
        assert!(done.stderr.contains("info.TYPED"), "{kind}: {done:#?}");
    }
}
