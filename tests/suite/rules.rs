//! What decides about rows is in a plan's digest, and nothing else: every key of every component there is, every file that one
//! refers to. A component or a key that no line here speaks of fails the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use genogate::audit::Recorder;
use genogate::crypto::Key;
use genogate::plan::{Plan, PlanOptions, plan};
use genogate::run::keys;
use genogate::secrets::{KeyRing, write_private};
use genogate::spec::{Spec, schema};
use serde_json::{Value, json};

use super::support::{Warehouse, repository};

/// A key and two values that make other rows.
const DECIDE: &[(&str, &str, &str)] = &[
    ("vcf.regions", "[]", "['1:1-150']"),
    ("vcf.regions_overlap", "1", "0"),
    ("vcf.contigs", "[]", "['ours_*']"),
    ("vcf.limits.values", "32000000", "1000"),
    ("vcf.info", "all", "[NOTE]"),
    ("vcf.csq", "false", "NOTE"),
    ("vcf.ann", "false", "NOTE"),
    ("vcf.bcsq", "false", "NOTE"),
    ("vcf.calls", "carriers", "all"),
    ("vcf.formats", "[GT]", "[]"),
    ("vcf.samples", "[A]", "[B]"),
    ("vcf.on_bad_record", "fail", "quarantine"),
    ("vcf.conformance", "lenient", "strict"),
    ("normalize.split", "true", "false"),
    ("normalize.left_align", "false", "true"),
    ("sanitize.text.otherwise", "{ otherwise: drop }", "{ otherwise: encrypt, key: clinical }"),
    ("sanitize.text.key", "{ otherwise: encrypt, key: vault }", "{ otherwise: encrypt, key: clinical }"),
    ("detect.scan", "full", "headers"),
    ("detect.actions.critical", "abort", "redact"),
    ("detect.actions.high", "redact", "quarantine"),
    ("detect.actions.medium", "warn", "redact"),
    ("detect.actions.low", "log", "redact"),
    ("anonymize.key", "vault", "clinical"),
    ("anonymize.database", "local", "env"),
    ("encrypt.columns", "[info.NOTE]", "[info.AF]"),
    ("encrypt.key", "vault", "clinical"),
    ("filter", "qual > 1", "qual > 2"),
    ("derive", "{ x: qual + 1 }", "{ x: qual + 2 }"),
    ("select", "[chrom, pos]", "[chrom, pos, alt]"),
    ("postgres.columns", "[]", "[info.AF]"),
];

/// A key that decides about no row, two of its values, and why.
const INDIFFERENT: &[(&str, &str, &str, &str)] = &[
    ("vcf.regions_without_index", "scan", "refuse", "the same records, or none at all"),
    ("vcf.limits.header", "32MiB", "64MiB", "what is beyond is refused, not loaded otherwise"),
    ("vcf.limits.line", "256MiB", "128MiB", "what is beyond is refused, not loaded otherwise"),
    ("vcf.limits.fields", "1000", "2000", "what is beyond is refused, not loaded otherwise"),
    ("vcf.limits.samples", "1000", "2000", "what is beyond is refused, not loaded otherwise"),
    ("vcf.max_bad_records", "3", "4", "ends a load or does not"),
    ("vcf.on_bad_file", "continue", "fail", "what was read is in the content"),
    ("vcf.unit", "1MiB", "2MiB", "how the work is cut"),
    ("postgres.database", "local", "env", "where rows go"),
    ("postgres.writers", "1", "2", "how many write"),
    ("postgres.indexes", "auto", "keep", "not rows"),
    ("postgres.unit", "1MiB", "2MiB", "how the work is cut"),
    ("postgres.patience", "1min", "2min", "not rows"),
    ("parquet.path", "a", "b", "where rows go"),
    ("anonymize.samples", "vault", "vault", "there is one word only"),
];

/// A key that names a file with rules: the file, the same rules written otherwise, other rules.
const FILES: &[(&str, &str, &str, &str)] = &[
    (
        "sanitize.headers",
        "version: 1\nstructured:\n  INFO: { id: '[A-Z]+' }\n",
        "# all of INFO\nstructured: { INFO: { id: '[A-Z]+' } }\nversion: 1\n",
        "version: 1\nstructured:\n  INFO: { id: '[A-Z]*' }\n",
    ),
    (
        "sanitize.text.allow",
        "version: 1\nrules:\n  word: { vocabulary: [x, y] }\nfields:\n  info.NOTE: word\n",
        "version: 1\n# in another order\nfields: { info.NOTE: word }\nrules: { word: { vocabulary: [y, x, x] } }\n",
        "version: 1\nrules:\n  word: { vocabulary: [x, y, Smith] }\nfields:\n  info.NOTE: word\n",
    ),
    ("sanitize.text.symbols", "A1\nB2\n", "# ours\nB2\n\nA1\n", "A1\n"),
    ("vcf.samples_file", "A\nB\n", "B\nA\n", "A\n"),
    ("vcf.reference", ">1\nACGTACGT\n", ">1\nACGTACGT\n", ">1\nACGTACGA\n"),
];

/// Files whose content is the load's own content, or a secret.
const NOT_RULES: &[&str] = &["vcf.paths"];

/// A pipeline around one component.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(repository("tests/data/tiny.vcf"), folder.path().join("tiny.vcf")).unwrap();
        fs::write(folder.path().join("r.fa"), format!(">1\n{}\n", "A".repeat(1000))).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The pipeline with one component of this kind, as far as it must be configured.
    fn pipeline(&self, kind: &str) -> Value {
        let stage = match kind {
            "encrypt" => Some(json!({ "encrypt": { "columns": ["info.NOTE"], "key": "clinical" } })),
            "filter" => Some(json!({ "filter": "qual > 0" })),
            "derive" => Some(json!({ "derive": {} })),
            "select" => Some(json!({ "select": [] })),
            kind if kinds("StageSpec").contains(kind) => Some(json!({ kind: {} })),
            _ => None,
        };
        let sink = if kind == "postgres" { json!({ "postgres": {} }) } else { json!({ "parquet": { "path": "lake" } }) };
        json!({
            "version": 1, "name": "rules", "profile": "open", "source": { "vcf": { "paths": ["tiny.vcf"], "reference": "r.fa" } },
            "stages": stage.into_iter().collect::<Vec<_>>(), "sink": sink,
        })
    }

    fn digest_of(&self, text: &str, sets: &[String], variable: Option<&str>) -> [u8; 32] {
        self.plan(text, sets, variable).rules_digest
    }

    fn plan(&self, text: &str, sets: &[String], variable: Option<&str>) -> Plan {
        let spec = Spec::parse("rules.yaml", text, self.path(), sets, |_| variable.map(str::to_owned));
        let spec = spec.unwrap_or_else(|mistakes| panic!("{sets:?}: {mistakes}"));
        let planned =
            plan(&spec, &PlanOptions { threads: Some(1), ..PlanOptions::default() }).map_err(genogate::error::Error::from);
        planned.unwrap_or_else(|error| panic!("{sets:?}: {error}"))
    }

    /// The digest with `key` (`kind.key`) set to `value`.
    fn digest(&self, key: &str, value: &str) -> [u8; 32] {
        let (kind, inside) = key.split_once('.').unwrap_or((key, ""));
        let section = ["source", "stages", "sink"].into_iter().zip(["SourceSpec", "StageSpec", "SinkSpec"]);
        let section = section.filter(|(_, name)| kinds(name).contains(kind)).map(|(section, _)| section).next().unwrap();
        // `otherwise` and `key` belong together.
        let inside = if kind == "sanitize" && inside.starts_with("text.") && value.starts_with('{') { "text" } else { inside };
        let path = format!("{section}.{kind}.{inside}");
        self.digest_of(&self.pipeline(kind).to_string(), &[format!("{}={value}", path.trim_end_matches('.'))], None)
    }
}

/// The schema of each kind of a section.
fn components(name: &str) -> Vec<(String, Value)> {
    let schema = schema();
    let options = schema["$defs"][name]["oneOf"].as_array().unwrap().clone();
    options.iter().flat_map(|option| option["properties"].as_object().unwrap().clone()).collect()
}

fn kinds(name: &str) -> BTreeSet<String> {
    components(name).into_iter().map(|(kind, _)| kind).collect()
}

/// Every key of every component, `sanitize.text.allow`, and whether it is marked as a path.
fn keys() -> Vec<(String, bool)> {
    fn walk(root: &Value, name: &str, schema: &Value, found: &mut Vec<(String, bool)>) {
        let pointer = schema["$ref"].as_str().map(|path| path.trim_start_matches('#'));
        let resolved = pointer.map_or(schema, |pointer| root.pointer(pointer).unwrap());
        match resolved["properties"].as_object() {
            Some(properties) => properties.iter().for_each(|(key, one)| walk(root, &format!("{name}.{key}"), one, found)),
            None => found.push((name.to_owned(), schema.get("x-path").is_some())),
        }
    }
    let root = schema();
    let mut found = Vec::new();
    for section in ["SourceSpec", "StageSpec", "SinkSpec"] {
        components(section).iter().for_each(|(kind, schema)| walk(&root, kind, schema, &mut found));
    }
    found
}

#[test]
fn no_key_of_any_component_is_forgotten() {
    let known: Vec<&str> = (DECIDE.iter().map(|(key, ..)| *key))
        .chain(INDIFFERENT.iter().map(|(key, ..)| *key))
        .chain(FILES.iter().map(|(key, ..)| *key))
        .chain(NOT_RULES.iter().copied())
        .collect();
    let distinct: BTreeSet<&str> = known.iter().copied().collect();
    assert_eq!(distinct.len(), known.len(), "a key stands here twice");
    let keys = keys();
    assert_eq!(distinct, keys.iter().map(|(key, _)| key.as_str()).collect());
    let mut files: BTreeSet<&str> = FILES.iter().map(|(key, ..)| *key).chain(NOT_RULES.iter().copied()).collect();
    files.insert("parquet.path");
    assert_eq!(files, keys.iter().filter(|(_, path)| *path).map(|(key, _)| key.as_str()).collect(), "what is marked as a path");
}

#[test]
fn what_decides_about_rows_changes_the_digest_and_nothing_else_does() {
    let bench = Bench::new();
    for (key, one, other) in DECIDE {
        assert_ne!(bench.digest(key, one), bench.digest(key, other), "{key}");
        assert_eq!(bench.digest(key, one), bench.digest(key, one), "{key}");
    }
    for (key, one, other, why) in INDIFFERENT {
        assert_eq!(bench.digest(key, one), bench.digest(key, other), "{key}: {why}");
    }
}

#[test]
fn an_edited_file_changes_the_digest_and_an_edited_comment_or_place_does_not() {
    let bench = Bench::new();
    for (key, rules, same, others) in FILES {
        let of = |name: &str, text: &str| {
            let path = bench.path().join(name);
            fs::write(&path, text).unwrap();
            match *key {
                "vcf.reference" => {
                    let text = bench.pipeline("normalize").to_string();
                    let sets =
                        ["stages.normalize.left_align=true".to_owned(), format!("source.vcf.reference={}", path.display())];
                    bench.digest_of(&text, &sets, None)
                }
                key => bench.digest(key, path.to_str().unwrap()),
            }
        };
        let first = of("one", rules);
        assert_eq!(first, of("one", same), "{key}: written otherwise");
        assert_eq!(first, of("moved", rules), "{key}: in another place");
        assert_ne!(first, of("one", others), "{key}: other rules");
    }
    let built_in = bench.digest("sanitize.text.otherwise", "{ otherwise: drop }");
    let shipped = repository("pipelines/header-policy.yaml");
    assert_eq!(bench.digest("sanitize.headers", shipped.to_str().unwrap()), built_in, "the shipped policy is the built-in one");
}

#[test]
fn defaults_variables_and_settings_say_the_same() {
    let bench = Bench::new();
    let text = |calls: &str| {
        let mut pipeline = bench.pipeline("normalize");
        pipeline["source"]["vcf"]["calls"] = json!(calls);
        pipeline.to_string()
    };
    let plain = bench.digest_of(&text("all"), &[], None);
    assert_eq!(bench.digest_of(&text("${CALLS}"), &[], Some("all")), plain);
    assert_eq!(bench.digest_of(&text("none"), &["source.vcf.calls=all".into()], None), plain);
    assert_ne!(bench.digest_of(&text("${CALLS}"), &[], Some("none")), plain);
    let written = bench.digest_of(&text("all"), &["stages.normalize={ split: true, left_align: false }".into()], None);
    assert_eq!(written, plain, "a default that is written out");
}

/// Which key a ring holds is known when it is opened: the digest is completed then.
#[test]
fn the_key_in_use_is_part_of_what_decides_and_its_place_is_not() {
    let bench = Bench::new();
    let options = |name: &str, ring: &KeyRing| {
        let _ = fs::remove_file(bench.path().join(name));
        write_private(&bench.path().join(name), ring.to_text().expose().as_bytes()).unwrap();
        let plan = bench.plan(
            &bench.pipeline("encrypt").to_string(),
            &[format!("keys.clinical.file={}/{name}", bench.path().display())],
            None,
        );
        assert_eq!(plan.keys(), ["clinical".to_owned()].into());
        let opened = keys::open(&plan, bench.path(), &Recorder::discard()).unwrap();
        (plan.rules_digest, keys::options_digest(&plan, &opened))
    };
    let mut ring = KeyRing::of(Key::from_bytes([1; 32]));
    let (rules, first) = options("one.ring", &ring);
    assert_eq!(options("moved.ring", &ring), (rules, first));
    assert_ne!(options("one.ring", &KeyRing::of(Key::from_bytes([2; 32]))).1, first, "another key of the same id");
    ring.add_key();
    let (same, rotated) = options("one.ring", &ring);
    assert!(same == rules && rotated != first, "a rotated key");
}

#[test]
fn a_file_without_samples_needs_no_key() {
    let bench = Bench::new();
    let text = bench.pipeline("anonymize").to_string();
    assert_eq!(bench.plan(&text, &[], None).keys(), ["vault".to_owned()].into());
    fs::write(bench.path().join("tiny.vcf"), "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n").unwrap();
    assert!(bench.plan(&text, &[], None).keys().is_empty());
}

/// A pipeline whose policy says which notes may stay, over a file of three units that is no other test's.
struct Notes {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Notes {
    const LINES: usize = 4000;

    fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "##fileformat=VCFv4.3\n##source=NAME\n##INFO=<ID=NOTE,Number=1,Type=String,Description=\"Free text\">\n\
                        ##contig=<ID=1,length=100000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            .replace("NAME", name);
        for pos in 1..=Self::LINES {
            text.push_str(&format!(
                "1\t{pos}\t.\tA\tC\t50\tPASS\tNOTE={}\n",
                if pos % 2 == 0 { "Smith_ward_seven" } else { "benign" }
            ));
        }
        fs::write(folder.path().join("notes.vcf"), text).unwrap();
        fs::write(
            folder.path().join("notes.yaml"),
            format!(
                "version: 1\nname: {name}\nprofile: open\nsource: {{ vcf: {{ paths: [notes.vcf], unit: 64KiB }} }}\n\
                 stages:\n  - sanitize: {{ text: {{ allow: fields.yaml }} }}\nsink: {{ postgres: {{ database: local }} }}\n"
            ),
        )
        .unwrap();
        Self { folder, name }
    }

    fn policy(&self, words: &str) {
        let text = format!("version: 1\nfields:\n  info.NOTE: {{ vocabulary: [{words}] }}\n");
        fs::write(self.folder.path().join("fields.yaml"), text).unwrap();
    }

    fn run(&self, warehouse: &Warehouse, more: &[&str]) -> Value {
        let file = self.folder.path().join("notes.yaml");
        warehouse.run(["run", file.to_str().unwrap(), "--json"].iter().chain(more)).expect(0).json()
    }

    /// Visible rows with the first note and with the second, and visible loads, of this pipeline.
    fn seen(&self, warehouse: &Warehouse) -> String {
        let of = |note: &str| format!("count(*) FILTER (WHERE v.info ->> 'NOTE' = '{note}')");
        warehouse.sql(&format!(
            "SELECT {}, {}, count(DISTINCT v.load_id) FROM genogate.variants v JOIN genogate.loads l USING (load_id) WHERE l.name = '{}'",
            of("Smith_ward_seven"),
            of("benign"),
            self.name
        ))
    }
}

#[test]
fn a_mended_policy_replaces_what_was_loaded_under_the_old_one() {
    let (warehouse, notes) = (Warehouse::shared(), Notes::new("mended-policy"));
    let half = Notes::LINES / 2;
    notes.policy("benign, Smith_ward_seven");
    let first = notes.run(warehouse, &[]);
    assert_eq!(notes.seen(warehouse), format!("{half}|{half}|1"));
    notes.policy("Smith_ward_seven, benign");
    assert_eq!(notes.run(warehouse, &[])["status"], "skipped", "the same rules in another order");

    notes.policy("benign");
    let second = notes.run(warehouse, &[]);
    assert_eq!(second["status"], "complete", "{second}");
    assert!(second["replaced"].to_string().contains(first["load_id"].as_str().unwrap()), "{second}");
    assert_eq!(notes.seen(warehouse), format!("0|{half}|1"), "the notes are gone, and nothing is there twice");
    assert_eq!(notes.run(warehouse, &[])["load_id"], second["load_id"], "running again converges");
}

#[test]
fn a_load_begun_under_other_rules_is_not_gone_on_with() {
    let (warehouse, notes) = (Warehouse::shared(), Notes::new("interrupted"));
    notes.policy("benign, Smith_ward_seven");
    let begun = notes.run(warehouse, &["--shard", "1/2"]);
    assert_eq!(begun["status"], "unfinished", "{begun}");
    assert!(begun["units"].as_u64() > Some(0), "{begun}");
    notes.policy("benign");
    let done = notes.run(warehouse, &[]);
    assert_eq!((&done["status"], &done["units_resumed"]), (&json!("complete"), &json!(0)), "{done}");
    assert_ne!(done["load_id"], begun["load_id"]);
    assert_eq!(notes.seen(warehouse), format!("0|{}|1", Notes::LINES / 2));
}

/// A new stage is a folder and one line: its folder's name stands in `stage/mod.rs`, which declares the folder, and in one line of
/// `registry.rs`. The pipeline file's key, the schema and the constructor come from there.
#[test]
fn a_component_is_a_folder_and_one_line() {
    let registry = fs::read_to_string(repository("src/registry.rs")).unwrap();
    let folders = |section: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(repository(&format!("src/{section}"))).unwrap().map(|entry| entry.unwrap());
        let folders = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
        folders.collect()
    };
    let mut listed = 0;
    for (section, name) in [("source", "SourceSpec"), ("stage", "StageSpec"), ("sink", "SinkSpec")] {
        for kind in kinds(name).iter().filter(|kind| folders(section).contains(*kind)) {
            listed += 1;
            let line = format!("{kind}::Config)");
            assert_eq!(registry.matches(&line).count(), 1, "{kind}");
            for file in super::architecture::rust_files(&repository("src")) {
                let inside = file.strip_prefix(repository("src")).unwrap().to_path_buf();
                let text = super::architecture::production(&file);
                let builds = text.contains(&line) || text.contains(&format!("{name}::")) && !inside.ends_with("cli/init_db.rs");
                assert!(!builds || inside.ends_with("registry.rs"), "{} knows {kind} too", inside.display());
            }
        }
    }
    assert_eq!(listed, 8, "one source, five stages of their own, two sinks");
}
