//! Pipeline texts, right and wrong.

use std::path::Path;

use super::*;

const BASE: &str = "version: 1\nname: t\nprofile: open\nsource:\n  vcf: { paths: [a.vcf] }\nstages:\n  - normalize: { split: true }\n  - filter: \"qual > 1\"\nsink:\n  parquet: { path: lake }\n";

fn parse(text: &str, sets: &[&str]) -> Result<Spec, Mistakes> {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Spec::parse("t.yaml", text, Path::new("."), &sets, |name| (name == "SET").then(|| "from the environment".to_owned()))
}

fn mistakes(text: &str, sets: &[&str]) -> Vec<String> {
    let found = parse(text, sets).expect_err("the file is wrong");
    found
        .list
        .iter()
        .map(|m| format!("{}:{} {} | {}", m.place.line, m.place.column, m.message, m.hint.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn a_right_file_is_read() {
    let spec = parse(BASE, &[]).unwrap();
    assert_eq!((spec.pipeline.name.as_str(), spec.pipeline.profile, spec.pipeline.stages.len()), ("t", Profile::Open, 2));
}

#[test]
fn the_profile_is_hipaa_unless_another_is_asked() {
    let spec = parse(&BASE.replace("profile: open\n", ""), &[]).unwrap();
    assert_eq!(spec.pipeline.profile, Profile::Hipaa);
}

#[test]
fn all_mistakes_come_at_once_with_places_and_hints() {
    let text = "version: 1\nname: t\nprofle: hipaa\nsource:\n  vcf: { pathz: [a.vcf] }\nstages:\n  - normalise: {}\n  - filter: 3\nsink:\n  postgres: { writers: many }\n";
    let found = mistakes(text, &[]);
    let has = |part: &str| assert!(found.iter().any(|m| m.contains(part)), "{part} is not among {found:#?}");
    has("3:1 unknown key `profle` in the file | did you mean `profile`?");
    has("unknown key `pathz` in vcf | did you mean `paths`?");
    has("7:5 unknown stage `normalise` | did you mean `normalize`?");
    has("8:13 `filter` takes a text, not a whole number");
    has("`writers` takes a whole number, not a text");
    assert!(found.len() >= 5);
}

#[test]
fn variables_are_replaced_or_reported() {
    let spec = parse(&BASE.replace("name: t", "name: ${SET}"), &[]).unwrap();
    assert_eq!(spec.pipeline.name, "from the environment");
    let found = mistakes(&BASE.replace("name: t", "name: a-${UNSET}"), &[]);
    assert!(found[0].starts_with("2:7 the variable UNSET is not set"), "{found:?}");
}

#[test]
fn settings_address_stages_by_kind() {
    let spec = parse(BASE, &["stages.normalize.split=false", "name=other", "stages.filter=qual > 5"]).unwrap();
    assert_eq!(spec.pipeline.name, "other");
    let StageSpec::Normalize(normalize) = &spec.pipeline.stages[0] else { panic!("{:?}", spec.pipeline.stages) };
    assert!(!normalize.split);
    assert!(matches!(&spec.pipeline.stages[1], StageSpec::Filter(sql) if sql.0 == "qual > 5"));
    assert!(mistakes(BASE, &["stages.encrypt.key=x"])[0].contains("there is no `encrypt` to set"));
    assert!(mistakes(BASE, &["nonsense"])[0].contains("takes KEY.KEY=VALUE"));
}

#[test]
fn a_password_in_the_file_is_refused() {
    let text = format!("{BASE}databases:\n  clinic: {{ host: h, name: n, user: u, password: hunter2, tls: {{ ca: ca.crt }} }}\n");
    let found = mistakes(&text, &[]);
    assert!(!found.is_empty() && !found.iter().any(|m| m.contains("hunter2")), "{found:?}");
}

#[test]
fn a_password_in_a_url_is_refused_wherever_it_stands() {
    let url = "postgresql://u:hunter2@h/db";
    let database = |host: &str| {
        format!(
            "{BASE}databases:\n  clinic: {{ host: \"{host}\", name: n, user: u, password: {{ env: P }}, tls: {{ ca: c }} }}\n"
        )
    };
    let found = mistakes(&database(url), &[]);
    assert!(found[0].starts_with("12:19 the value holds a password | ") && found.len() == 1, "{found:?}");
    for (text, set) in [
        (database("u:hunter2@h"), String::new()),
        (BASE.replace("profile: open", &format!("profile: {url}")), String::new()),
        (BASE.replace("profile: open", &format!("{url}: open")), String::new()),
        (BASE.to_owned(), format!("sink={{postgres: {{database: \"{url}\"}}}}")),
        (BASE.to_owned(), format!("sink.{url}")),
    ] {
        let sets: Vec<&str> = Some(set.as_str()).filter(|set| !set.is_empty()).into_iter().collect();
        let found = mistakes(&text, &sets);
        assert!(!found.is_empty() && found.iter().all(|m| m.contains("password") && !m.contains("hunter2")), "{found:?}");
    }
    assert!(parse(&database("${SET}"), &[]).is_ok());
}

#[test]
fn a_pipeline_survives_the_way_through_yaml() {
    let spec = parse(BASE, &[]).unwrap();
    let again = parse(&to_yaml(&spec.pipeline), &[]).unwrap();
    assert_eq!(serde_json::to_value(&again.pipeline).unwrap(), serde_json::to_value(&spec.pipeline).unwrap());
}

#[test]
fn what_is_a_path_is_marked_in_the_schema() {
    let text = "version: 1\nname: t\nprofile: open\nsource: { vcf: { paths: [x.vcf] } }\n\
                stages: [{ sanitize: {} }, { derive: { path: chrom } }]\nsink: { parquet: { path: lake } }\n\
                databases: { d: { host: h, name: n, user: u, password: { file: p }, tls: { ca: c } } }\nkeys: { k: { file: k } }\n";
    let here = std::env::current_dir().unwrap();
    for (key, pointer) in [
        ("source.vcf.reference", "/source/vcf/reference"),
        ("stages.sanitize.headers", "/stages/0/sanitize/headers"),
        ("stages.sanitize.text.allow", "/stages/0/sanitize/text/allow"),
        ("sink.parquet.path", "/sink/parquet/path"),
        ("databases.d.password.file", "/databases/d/password/file"),
        ("databases.d.tls.ca", "/databases/d/tls/ca"),
        ("keys.k.file", "/keys/k/file"),
    ] {
        let spec = parse(text, &[&format!("{key}=new")]).unwrap();
        let json = serde_json::to_value(&spec.pipeline).unwrap();
        assert_eq!(json.pointer(pointer), Some(&serde_json::json!(here.join("new"))), "{key}");
    }
    // A column may be called as a path is elsewhere, and a path in the file stays relative to the file.
    let spec = parse(text, &["stages.derive.path=pos", "stages.derive.file=ref"]).unwrap();
    let json = serde_json::to_value(&spec.pipeline).unwrap();
    assert_eq!(json["stages"][1]["derive"], serde_json::json!({ "path": "pos", "file": "ref" }));
    assert_eq!(json["sink"]["parquet"]["path"], "lake");
}

#[test]
fn a_path_from_the_command_line_is_relative_to_the_working_folder() {
    let here = std::env::current_dir().unwrap();
    let spec = parse(BASE, &["source.vcf.paths=[x.vcf, \"-\"]", "sink.parquet.path=out"]).unwrap();
    let json = serde_json::to_value(&spec.pipeline).unwrap();
    assert_eq!(json["source"]["vcf"]["paths"], serde_json::json!([here.join("x.vcf"), "-"]));
    for (mark, file) in [("", "people.txt"), ("^", "people.txt")] {
        let spec = parse(BASE, &[&format!("source.vcf.samples_file={mark}{file}")]).unwrap();
        let json = serde_json::to_value(&spec.pipeline).unwrap();
        assert_eq!(json["source"]["vcf"]["samples_file"], format!("{mark}{}", here.join(file).display()));
    }
    assert_eq!(json["sink"]["parquet"]["path"], serde_json::json!(here.join("out")));
}
