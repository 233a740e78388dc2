//! Every documented form of every option, as people write it: each key of a pipeline file through the checker, each flag of `load`
//! through the command line. An option that no line here speaks of fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use genogate::spec::{Spec, schema, to_yaml};
use serde_json::{Map, Value, json};

use super::support::{Done, genogate, repository};

/// A text that a key takes where any text would not do.
fn text_for(key: &str) -> &'static str {
    match key {
        "unit" | "header" | "line" => "2MiB",
        "patience" => "1min",
        _ => "x",
    }
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    pointer.map_or(schema, |pointer| resolve(root, root.pointer(pointer).unwrap()))
}

/// A value in every form that a schema allows.
fn forms(root: &Value, schema: &Value, key: &str, deep: usize) -> Vec<Value> {
    let schema = resolve(root, schema);
    if let Some(options) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        return options.iter().flat_map(|option| forms(root, option, key, deep)).collect();
    }
    if let Some(word) = schema.get("const") {
        return vec![word.clone()];
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let of = |kind: &&str| -> Vec<Value> {
        match *kind {
            "boolean" => vec![json!(true), json!(false)],
            "integer" | "number" => {
                let bounds = ["minimum", "maximum"].map(|bound| schema[bound].as_f64());
                let usual = if bounds == [None, None] { vec![3.0] } else { vec![] };
                bounds.into_iter().flatten().chain(usual).filter(|n| n.abs() < 1e9).map(|n| json!(n as i64)).collect()
            }
            "string" => vec![json!(text_for(key))],
            "array" if deep > 6 => vec![json!([])],
            "array" => forms(root, &schema["items"], key, deep + 1).into_iter().map(|item| json!([item])).collect(),
            "object" => object(root, schema, deep),
            _ => vec![],
        }
    };
    kinds.iter().flat_map(of).collect()
}

/// A mapping for every form of every of its keys, beside the keys it must have.
fn object(root: &Value, schema: &Value, deep: usize) -> Vec<Value> {
    if deep > 6 {
        return vec![json!({})];
    }
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let must: Map<String, Value> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), forms(root, &properties[name], name, deep + 1).remove(0)))
        .collect();
    let mut all = vec![Value::Object(must.clone())];
    for (name, property) in properties {
        for form in forms(root, property, name, deep + 1) {
            let mut with = must.clone();
            with.insert(name.clone(), form);
            all.push(Value::Object(with));
        }
    }
    if let Some(any) = schema.get("additionalProperties").filter(|any| any.is_object()) {
        all.extend(forms(root, any, "x", deep + 1).into_iter().map(|form| json!({ "x": form })));
    }
    all
}

#[test]
fn every_form_that_the_reference_documents_passes_the_checker() {
    let root = schema();
    let base = json!({
        "version": 1, "name": "forms", "source": { "vcf": { "paths": ["a.vcf"] } }, "stages": [], "sink": { "parquet": { "path": "lake" } },
    });
    let mut pipelines = Vec::new();
    for (key, property) in root["properties"].as_object().unwrap() {
        for form in forms(&root, property, key, 0) {
            let mut pipeline = base.clone();
            pipeline[key] = form;
            pipelines.push(pipeline);
        }
    }
    for pipeline in &pipelines {
        let read = |text: &str| {
            let spec = Spec::parse("forms.yaml", text, Path::new("."), &[], |_| None);
            spec.unwrap_or_else(|mistakes| panic!("{pipeline}: {mistakes}")).pipeline
        };
        // What is printed of it says the same.
        let (once, again) = (read(&pipeline.to_string()), read(&to_yaml(&read(&pipeline.to_string()))));
        assert_eq!(json!(once), json!(again), "{pipeline}");
    }
    // The walk has reached what it must reach: a list and the words of a key that takes either, and keys of every room.
    let all = json!(pipelines).to_string();
    for part in
        [r#""info":["x"]"#, r#""info":"none""#, r#""csq":{"id":"x"}"#, r#""regions_overlap":2"#, r#""regions_overlap":"pos""#]
    {
        assert!(all.contains(part), "{part}");
    }
    assert!(pipelines.len() > 150, "{}", pipelines.len());
}

/// Of the source's keys, what stands in the reference as examples, held against a file.
#[test]
fn what_people_write_is_what_check_takes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(repository("tests/data/tiny.vcf"), folder.path().join("tiny.vcf")).unwrap();
    std::fs::write(folder.path().join("names.txt"), "A\n").unwrap();
    for line in [
        "info: all",
        "info: none",
        "info: [NOTE]",
        "info: [NOTE, AF]",
        "info: []",
        "formats: [GT]",
        "csq: false",
        "regions: ['1']",
        "regions: ['1:1,000-2,000', '1:5-', '{1}:7']",
        "regions_overlap: 0",
        "regions_overlap: variant",
        "samples: [A]",
        "samples: ['^A']",
        "samples_file: names.txt",
        "samples_file: ^names.txt",
        "unit: 4096",
        "unit: 16MiB",
        "limits: { values: 1000, line: 1MiB }",
        "on_bad_record: quarantine",
        "max_bad_records: 0",
    ] {
        let pipeline = folder.path().join("p.yaml");
        let text = format!(
            "version: 1\nname: written\nprofile: open\nsource:\n  vcf:\n    paths: [tiny.vcf]\n    {line}\nsink: {{ parquet: {{ path: lake }} }}\n"
        );
        std::fs::write(&pipeline, text).unwrap();
        let done = Done::from(genogate(folder.path()).arg("check").arg(&pipeline).output().unwrap());
        assert_eq!(done.code, 0, "{line}: {done:#?}");
    }
}

/// What is typed behind `genogate load FILE`, and what the pipeline then says where.
const TYPED: &[(&[&str], &str, &str)] = &[
    (&["--name", "nightly"], "/name", r#""nightly""#),
    (&["--profile=open"], "/profile", r#""open""#),
    (&["-r", "1:1,000-2,000,2"], "/source/vcf/regions", r#"["1:1,000-2,000","2"]"#),
    (&["--regions=1", "-r2"], "/source/vcf/regions", r#"["1","2"]"#),
    (&["--regions-overlap", "0"], "/source/vcf/regions_overlap", "0"),
    (&["--regions-overlap=variant"], "/source/vcf/regions_overlap", r#""variant""#),
    (&["--regions-without-index", "refuse"], "/source/vcf/regions_without_index", r#""refuse""#),
    (&["-R", "r.bed"], "/source/vcf/regions", r#"["1:1-10"]"#),
    (&["--regions-file=r.bed", "-r", "2"], "/source/vcf/regions", r#"["2","1:1-10"]"#),
    (&["--contigs", "x1,y*"], "/source/vcf/contigs", r#"["x1","y*"]"#),
    (&["-s", "A,B"], "/source/vcf/samples", r#"["A","B"]"#),
    (&["--samples=^A"], "/source/vcf/samples", r#"["^A"]"#),
    (&["-S", "names"], "/source/vcf/samples_file", r#""names""#),
    (&["--samples-file", "^names"], "/source/vcf/samples_file", r#""^names""#),
    (&["--info", "AC"], "/source/vcf/info", r#"["AC"]"#),
    (&["--info=AC,AF"], "/source/vcf/info", r#"["AC","AF"]"#),
    (&["--info", "all"], "/source/vcf/info", r#""all""#),
    (&["--info", "none"], "/source/vcf/info", r#""none""#),
    (&["--formats", "GT,DP"], "/source/vcf/formats", r#"["GT","DP"]"#),
    (&["--csq"], "/source/vcf/csq", "true"),
    (&["--csq=vep"], "/source/vcf/csq", r#""vep""#),
    (&["--ann"], "/source/vcf/ann", "true"),
    (&["--ann=EFF"], "/source/vcf/ann", r#""EFF""#),
    (&["--bcsq"], "/source/vcf/bcsq", "true"),
    (&["--bcsq=X"], "/source/vcf/bcsq", r#""X""#),
    (&["--calls", "all"], "/source/vcf/calls", r#""all""#),
    (&["--conformance", "strict"], "/source/vcf/conformance", r#""strict""#),
    (&["--on-bad-record", "quarantine"], "/source/vcf/on_bad_record", r#""quarantine""#),
    (&["--max-bad-records", "3"], "/source/vcf/max_bad_records", "3"),
    (&["--on-bad-file=fail"], "/source/vcf/on_bad_file", r#""fail""#),
    (&["-f", "r.fa"], "/stages/0/normalize/left_align", "true"),
    (&["--fasta-ref", "r.fa"], "/source/vcf/reference", r#""r.fa""#),
    (&["--unit", "1MiB"], "/source/vcf/unit", r#""1MiB""#),
    (&["--no-split"], "/stages/0/normalize/split", "false"),
    (&["--profile=open", "--filter", "qual > 1"], "/stages/1/filter", r#""qual > 1""#),
    (&["--database", "local"], "/sink/postgres/database", r#""local""#),
    (&["--parquet", "lake"], "/sink/parquet/path", r#""lake""#),
    (&["--set", "source.vcf.calls=none"], "/source/vcf/calls", r#""none""#),
    (&["--set=stages.normalize.split=false"], "/stages/0/normalize/split", "false"),
    // No part of the pipeline.
    (&["--threads", "1"], "/name", r#""load""#),
    (&["--force"], "/name", r#""load""#),
    (&["--shard", "1/2"], "/name", r#""load""#),
    (&["--load-name", "cohort"], "/name", r#""cohort""#),
    (&["--verbose"], "/name", r#""load""#),
    (&["--log-json"], "/name", r#""load""#),
    (&["--print-pipeline"], "/name", r#""load""#),
    (&["--json"], "/name", r#""load""#),
];

fn load(folder: &Path, words: &[&str]) -> Done {
    let mut command = genogate(folder);
    command.current_dir(folder).args(["load", "tiny.vcf"]).args(words);
    command.output().unwrap().into()
}

#[test]
fn every_flag_of_load_says_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.bed"), "1\t0\t10\n").unwrap();
    let mut spoken: BTreeSet<String> = ["help", "version"].map(str::to_owned).into();
    for (words, place, expected) in TYPED {
        let more: Vec<&str> = ["--print-pipeline", "--json"].into_iter().filter(|more| !words.contains(more)).collect();
        let done = load(folder.path(), &[*words, &more[..]].concat()).expect(0);
        let said = done.json()["pipeline"].pointer(place).cloned();
        assert_eq!(said, Some(serde_json::from_str(expected).unwrap()), "{words:?}: {done:#?}");
        let flags = words.iter().filter_map(|word| word.strip_prefix("--"));
        spoken.extend(flags.map(|flag| flag.split('=').next().unwrap().to_owned()));
    }
    let help = load(folder.path(), &["--help"]).expect(0).stdout;
    let flags = help.lines().filter_map(|line| line.split_once("--").filter(|(before, _)| before.trim().len() <= 3));
    let flags: BTreeSet<String> =
        flags.map(|(_, flag)| flag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()).collect();
    assert_eq!(flags.difference(&spoken).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(flags.len() > 30, "{flags:?}");
}

/// What is refused with exit code 2, and what is said; never where nobody has typed, nor in a library's words.
#[test]
fn what_load_refuses_it_says_in_words() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(repository("tests/data/tiny.vcf"), folder.path().join("tiny.vcf")).unwrap();
    for (words, said) in [
        (&["--name="][..], "is empty"),
        (&["--name", " "], "is empty"),
        (&["--load-name="], "is empty"),
        (&["--threads=0"], "from 1 on"),
        (&["--threads", "many"], "from 1 on"),
        (&["--calls=al"], "did you mean `all`"),
        (&["--regions-overlap=3"], "between 0 and 2"),
        (&["--regions-overlap=some"], "regions_overlap"),
        (&["--set", "source.vcf.max_bad_records=-1"], "must be at least 0"),
        (&["-S", "nowhere"], "no such file"),
        (&["-R", "nowhere"], "no such file"),
        (&["-f", "nowhere"], "no such file"),
        (&["-r", "chr1"], "did you mean `1`"),
        (&["-r", "chr1,chr2"], "no input has the contig"),
    ] {
        let lake = ["--parquet", "lake", "--profile", "open"];
        let done = load(folder.path(), &[words, &lake[..]].concat());
        assert_eq!(done.code, 2, "{words:?}: {done:#?}");
        assert!(done.stderr.contains(said), "{words:?}: {done:#?}");
        for never in ["command line:", "entity not found", "inf\n", "os error"] {
            assert!(!done.stderr.contains(never), "{words:?}: {done:#?}");
        }
        assert!(!folder.path().join("lake").exists(), "{words:?}");
    }
    // A field that no input has is told, with the nearest.
    for (flag, told) in [("--info=NOTES", "INFO/NOTES (did you mean NOTE?)"), ("--formats=GTX", "FORMAT/GTX (did you mean GT?)")]
    {
        let done = load(folder.path(), &[flag, "--parquet", "lake", "--profile", "open"]).expect(0);
        assert!(done.stderr.contains(told), "{flag}: {done:#?}");
    }
    // Some of the regions' contigs are there: the others are told, and the load goes on.
    let done = load(folder.path(), &["-r", "1,chr2", "--parquet", "lake", "--profile", "open"]).expect(0);
    assert!(done.stderr.contains("no input has the contig `chr2`"), "{done:#?}");
}
