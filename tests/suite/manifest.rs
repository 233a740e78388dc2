//! A manifest's columns: samples are renamed before anything else sees them, tags stand with the inputs; old names, which may be
//! people's, stand nowhere.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::support::{Done, Warehouse, repository};

const OLD: [&str; 2] = ["FEATHERSTONE_JANE", "MARJORIBANKS_JOHN"];

/// Two files of two people each, whose names stand in the header and in the text of a record too.
fn files(folder: &Path) {
    let [jane, john] = OLD;
    for (name, pos) in [("a.vcf", 100), ("b.vcf", 200)] {
        let mut text = format!(
            "##fileformat=VCFv4.3\n##SAMPLE=<ID={jane},Description=\"taken from {jane}\">\n##INFO=<ID=NOTE,Number=1,Type=String,Description=\"n\">\n\
             ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"GT\">\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{jane}\t{john}\n"
        );
        for at in 0..200 {
            text += &format!("1\t{}\t.\tA\tC\t50\tPASS\tNOTE=seen_in_{john}\tGT\t0/1\t1/1\n", pos + at);
        }
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn manifest(folder: &Path, text: &str) -> String {
    let path = folder.join("cohort.tsv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn load(warehouse: &Warehouse, list: &str, more: &[&str]) -> Done {
    warehouse.run(["load", list, "--profile", "open", "--json"].iter().chain(more))
}

fn samples(warehouse: &Warehouse, load: &Value) -> String {
    let id = load["load_id"].as_str().unwrap();
    warehouse.sql(&format!(
        "SELECT string_agg(sample_id, ',' ORDER BY input, sample_index) FROM genogate.samples WHERE load_id = '{id}'"
    ))
}

fn tags(warehouse: &Warehouse, load: &Value) -> Vec<Value> {
    let shown = warehouse.run(["loads", "show", load["load_id"].as_str().unwrap(), "--json"]).expect(0).json();
    shown["files"].as_array().unwrap().iter().map(|file| file["tags"].clone()).collect()
}

#[test]
fn samples_are_renamed_and_files_tagged_and_another_name_is_another_load() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let [jane, john] = OLD;
    std::fs::write(folder.path().join("b.map.tsv"), format!("{jane}\tS-3\n{john}\tS-4\n")).unwrap();
    let table = |first: &str, tag: &str| {
        let text =
            format!("tags\tpath\tsample_map\nfamily={tag};batch=b-1\ta.vcf\t{jane}={first};{john}=S-2\n.\tb.vcf\tb.map.tsv\n");
        manifest(folder.path(), &text)
    };
    let first = load(&warehouse, &table("S-1", "7"), &[]).expect(0).json();
    assert_eq!((&first["status"], &first["input_records"]), (&json!("complete"), &json!(400)));
    assert_eq!(samples(&warehouse, &first), "S-1,S-2,S-3,S-4");
    assert_eq!(tags(&warehouse, &first), [json!({"family": "7", "batch": "b-1"}), json!({})]);
    assert_eq!(first["files"][0]["tags"], json!({"family": "7", "batch": "b-1"}));
    let family = "SELECT string_agg(sample_id, ',' ORDER BY sample_index) FROM genogate.samples WHERE tags ->> 'family' = '7'";
    assert_eq!(warehouse.app_sql(family).expect(0).stdout.trim(), "S-1,S-2");
    let header = warehouse.sql("SELECT string_agg(header::text, '') FROM genogate_store.inputs");
    assert!(header.contains("S-1") && !header.contains(jane), "{header}");

    // Tags tell files apart, they change no row. A name does.
    let again = load(&warehouse, &table("S-1", "8"), &[]).expect(0).json();
    assert_eq!((&again["status"], &again["load_id"]), (&json!("skipped"), &first["load_id"]));
    let other = load(&warehouse, &table("S-9", "7"), &[]).expect(0).json();
    assert_eq!(other["status"], "complete");
    assert_ne!(other["load_id"], first["load_id"]);
    assert_eq!(samples(&warehouse, &other), "S-9,S-2,S-3,S-4");
    warehouse.run(["validate", other["load_id"].as_str().unwrap()]).expect(0);

    // Who is chosen is chosen by the new name.
    let list = table("S-1", "7");
    let one = load(&warehouse, &list, &["-s", "S-1,S-4"]).expect(0).json();
    assert_eq!(samples(&warehouse, &one), "S-1,S-4");
    load(&warehouse, &list, &["-s", jane]).expect(2);
}

#[test]
fn an_unfinished_load_is_resumed_by_the_same_names_only_and_shards_meet_by_them() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let table = |name: &str, tag: &str| {
        let text = format!("path\tsample_map\ttags\na.vcf\t{}={name}\tround={tag}\nb.vcf\t\t\n", OLD[0]);
        manifest(folder.path(), &text)
    };
    let small = ["--set", "source.vcf.unit=4KiB"];
    let shard = |list: &str, part: &str| load(&warehouse, list, &[&small[..], &["--shard", part]].concat()).expect(0).json();
    let first = shard(&table("S-1", "1"), "1/2");
    assert_eq!(first["status"], "unfinished");
    let stranger = shard(&table("S-9", "1"), "2/2");
    assert_eq!(stranger["status"], "unfinished");
    assert_ne!(stranger["load_id"], first["load_id"]);
    let second = shard(&table("S-1", "2"), "2/2");
    assert_eq!((&second["status"], &second["load_id"]), (&json!("complete"), &first["load_id"]));
    assert_eq!(samples(&warehouse, &second), format!("S-1,{1},{0},{1}", OLD[0], OLD[1]));
    assert_eq!(tags(&warehouse, &second), [json!({"round": "2"}), json!({})]);
    let left = load(&warehouse, &table("S-9", "3"), &small).expect(0).json();
    assert_eq!((&left["status"], &left["load_id"]), (&json!("complete"), &stranger["load_id"]));
    assert!(left["units_resumed"].as_u64().unwrap() > 0, "{left}");
}

#[test]
fn a_manifest_that_is_wrong_is_told_by_its_place_without_a_name() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let [jane, john] = OLD;
    for (map, tags, said) in [
        ("PLANTAGENET=S-1", "", "paths[0]: line 2 of the manifest: sample_map: entry 1: no sample of the file has its old name"),
        (&format!("{jane}={john}"), "", "sample_map: sample 2 gets the name that another sample has"),
        (&format!("{jane}=S-1;{john}"), "", "sample_map: entry 2: not two names"),
        ("FEATHERSTONE.map", "", "sample_map: no such file"),
        ("", &format!("who={jane}"), "and tags are stored in the clear"),
        (&format!("{jane}=S-1"), &format!("who={}", jane.to_lowercase()), "and tags are stored in the clear"),
        ("", "who=FEATHERSTONE JANE", "tags: entry 1: a key and a value have"),
        ("", "ssn=123-45-6789", "tags: entry 1: looks like an identifier"),
    ] {
        let list = manifest(folder.path(), &format!("path\tsample_map\ttags\na.vcf\t{map}\t{tags}\n"));
        let done = load(warehouse, &list, &["-vv"]).expect(6);
        let message = done.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{message}");
        let everything = format!("{}{}", done.stdout, done.stderr);
        for name in [jane, john, "FEATHERSTONE", "PLANTAGENET", "123-45-6789"] {
            assert!(!everything.contains(name), "{name}: {everything}");
        }
    }
}

/// Where nothing that names a person may stand, a name from before the sample map stands nowhere either.
#[test]
fn in_hipaa_neither_name_is_anywhere() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let [jane, john] = OLD;
    let (new_jane, new_john) = ("CHOLMONDELEY_ANN", "WRIOTHESLEY_TOM");
    let map = format!("{jane}={new_jane};{john}={new_john}");
    let list = manifest(folder.path(), &format!("path\tsample_map\ttags\na.vcf\t{map}\tarm=control\nb.vcf\t{map}\t\n"));
    let pipeline = repository("pipelines/clinical.yaml").display().to_string();
    let paths = format!("source.vcf.paths={}", json!([list]));
    let done = warehouse.run(["run", &pipeline, "--json", "-vv", "--set", &paths]).expect(0);
    let report = done.json();
    assert_eq!(report["files"][0]["tags"], json!({"arm": "control"}));
    warehouse.sql("CHECKPOINT");
    for name in [jane, john, new_jane, new_john] {
        let output = Command::new("grep").args(["-r", "-l", "-a", "-i", "-F", "--", name]).arg(&warehouse.home).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(found.is_empty(), "{name} is in {found}");
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(name), "{name} was said");
    }
    assert!(samples(&warehouse, &report).split(',').all(|id| !id.is_empty() && !OLD.contains(&id)));
    assert_eq!(warehouse.sql("SELECT count(DISTINCT sample_id) FROM genogate.samples"), "2", "two people, in whichever file");
}

/// Text that is kept is searched for what a sample was called in its file: it becomes the sample's pseudonym.
#[test]
fn a_former_name_in_the_text_of_rows_becomes_the_pseudonym() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let list = manifest(folder.path(), &format!("path\tsample_map\na.vcf\t{}=KID-1;{}=KID-2\n", OLD[0], OLD[1]));
    let pipeline = folder.path().join("text.yaml");
    let text = format!(
        "version: 1\nname: text\nprofile: open\nsource: {{ vcf: {{ paths: [{}] }} }}\nstages: [anonymize: {{ samples: vault }}]\n\
         sink: {{ postgres: {{ database: local }} }}\n",
        json!(list)
    );
    std::fs::write(&pipeline, text).unwrap();
    let report = warehouse.run(["run", pipeline.to_str().unwrap(), "--json"]).expect(0).json();
    let ids = samples(&warehouse, &report);
    let john = ids.split(',').nth(1).unwrap();
    assert_eq!(warehouse.sql("SELECT DISTINCT info->>'NOTE' FROM genogate.variants"), format!("seen_in_{john}"));
}
