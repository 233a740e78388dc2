//! Pipeline files: the shipped ones hold, the wrong ones are told in full.

use std::fs;

use super::support::{Done, genogate, repository};

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
            .map(|m| format!("{}:{} {} {}", m["line"], m["column"], m["message"].as_str().unwrap(), m["hint"].as_str().unwrap_or("")))
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
