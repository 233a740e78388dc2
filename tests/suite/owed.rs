//! Every component states which audit events it owes in which situation: small pipelines bring each component into each of its
//! situations, and what stands on the trail afterwards is exactly what is owed. A new component without a case fails, and so does
//! a situation that no case covers.

use std::collections::BTreeSet;
use std::path::Path;

use genogate::flow::{Owed, Situation};
use genogate::plan::{Draft, PlanOptions};
use genogate::spec::{self, Spec};
use serde_json::{Value, json};

use super::support::Warehouse;

/// One pipeline, and what happens to its components in it.
struct Case {
    name: &'static str,
    /// Settings of the source, beside its paths.
    source: Value,
    stages: Value,
    sink: Value,
    info: &'static str,
    records: &'static str,
    situations: &'static [Situation],
    code: i32,
}

const CLEAN: &str = "1\t9\trs1\tA\tC\t50\tPASS\tAC=1;NOTE=x\tGT\t0/1\n";
const ONE_IS_BAD: &str = "1\t9\trs1\tA\tC\t50\tPASS\tAC=1\tGT\t0/1\n1\tnine\trs1\tA\tC\t50\tPASS\tAC=1\tGT\t0/1\n";
/// Chromosome 1 of the reference, which the records below are held against.
const FASTA: &str = ">1\nGGGCACACACAGGGTT\n";

fn cases() -> Vec<Case> {
    use Situation::{Changed, Found, Opened, Removed, SetAside};
    let lake = || json!({"parquet": {"path": "lake"}});
    let warehouse = || json!({"postgres": {"database": "local"}});
    let case = |name, stages, records, situations| Case {
        name,
        source: json!({"on_bad_record": "quarantine"}),
        stages,
        sink: lake(),
        info: "",
        records,
        situations,
        code: 0,
    };
    let reference = || json!({"on_bad_record": "quarantine", "reference": "r.fa"});
    let aligned = json!([{"normalize": {"left_align": true}}]);
    let sealed = json!([{"encrypt": {"columns": ["info.NOTE"], "key": "clinical"}}]);
    let kept = json!([{"sanitize": {"text": {"otherwise": "encrypt", "key": "clinical"}}}]);
    vec![
        case("clean into a folder", json!([]), CLEAN, &[Opened]),
        case("a bad record into a folder", json!([]), ONE_IS_BAD, &[Opened, SetAside]),
        Case { sink: warehouse(), ..case("clean into the warehouse", json!([]), CLEAN, &[Opened]) },
        Case { sink: warehouse(), ..case("a bad record into the warehouse", json!([]), ONE_IS_BAD, &[Opened, SetAside]) },
        case("normalize: records divided", json!([{"normalize": {}}]), "1\t9\t.\tA\tC,G\t.\t.\tAC=1,2\tGT\t1/2\n", &[Opened]),
        Case {
            source: reference(),
            ..case("normalize: a moved allele", aligned.clone(), "1\t9\t.\tACA\tA\t.\t.\tAC=1\tGT\t0/1\n", &[Opened, Changed])
        },
        Case {
            source: reference(),
            ..case("normalize: not the reference's", aligned, "1\t9\t.\tTTT\tT\t.\t.\tAC=1\tGT\t0/1\n", &[Opened, SetAside])
        },
        Case {
            info: "##fileDate=20260101\n##INFO=<ID=CLNSIG,Number=.,Type=String,Description=\"x\">\n",
            ..case(
                "sanitize: a header line, a column and a value that nobody allows",
                json!([{"sanitize": {}}]),
                "1\t9\trs1\tA\tC\t50\tPASS\tCLNSIG=John_Smith;NOTE=x\tGT\t0/1\n",
                &[Opened, Removed],
            )
        },
        Case {
            info: "##fileDate=20260101\n##INFO=<ID=CLNSIG,Number=.,Type=String,Description=\"x\">\n",
            ..case(
                "sanitize: text is sealed instead",
                kept,
                "1\t9\trs1\tA\tC\t50\tPASS\tCLNSIG=John_Smith;NOTE=x\tGT\t0/1\n",
                &[Opened, Changed, Removed],
            )
        },
        case(
            "detect: an identifier that is only told",
            json!([{"detect": {"actions": {"critical": "warn", "high": "warn", "medium": "warn", "low": "warn"}}}]),
            "1\t9\trs1\tA\tC\t50\tPASS\tNOTE=123-45-6789\tGT\t0/1\n",
            &[Opened, Found],
        ),
        case(
            "detect: an identifier whose record is set aside",
            json!([{"detect": {"actions": {
                "critical": "quarantine", "high": "quarantine", "medium": "quarantine", "low": "quarantine"}}}]),
            "1\t9\trs1\tA\tC\t50\tPASS\tNOTE=123-45-6789\tGT\t0/1\n",
            &[Opened, Found, SetAside],
        ),
        case("anonymize", json!([{"anonymize": {"samples": "vault", "database": "local"}}]), CLEAN, &[Opened, Changed]),
        case("encrypt", sealed.clone(), CLEAN, &[Opened, Changed]),
        Case { code: 5, ..case("encrypt: a key that others may read", sealed.clone(), CLEAN, &[]) },
        Case {
            source: json!({"on_bad_record": "fail"}),
            code: 6,
            ..case("a bad record ends the load", json!([]), ONE_IS_BAD, &[Opened])
        },
    ]
}

impl Case {
    fn spec(&self, folder: &Path) -> Spec {
        let header = format!(
            "##fileformat=VCFv4.3\n##contig=<ID=1>\n{}##INFO=<ID=AC,Number=A,Type=Integer,Description=\"x\">\n\
             ##INFO=<ID=NOTE,Number=1,Type=String,Description=\"x\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"x\">\n\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n",
            self.info
        );
        std::fs::write(folder.join("in.vcf"), header + self.records).unwrap();
        std::fs::write(folder.join("r.fa"), FASTA).unwrap();
        let mut source = self.source.clone();
        source["paths"] = json!(["in.vcf"]);
        let mut pipeline = json!({
            "version": 1, "name": "owed", "profile": "open", "source": {"vcf": source}, "stages": self.stages, "sink": self.sink,
        });
        if self.code == 5 {
            // Neither a ring nor a secret, but closed to nobody.
            std::fs::write(folder.join("open.ring"), "x").unwrap();
            std::fs::set_permissions(folder.join("open.ring"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
            pipeline["keys"] = json!({"clinical": {"file": "open.ring"}});
        }
        std::fs::write(folder.join("pipeline.yaml"), pipeline.to_string()).unwrap();
        Spec::read(&folder.join("pipeline.yaml"), &[]).unwrap()
    }

    /// Runs the pipeline; the kinds of events its run left.
    fn run(&self, warehouse: &Warehouse, folder: &Path) -> BTreeSet<String> {
        warehouse.run(["run", folder.join("pipeline.yaml").to_str().unwrap()]).expect(self.code);
        // A run without a database leaves its events in the spool.
        warehouse.run(["audit", "import"]).expect(0);
        let events = warehouse.sql(
            "SELECT DISTINCT event FROM audit.events \
             WHERE run_id = (SELECT run_id FROM audit.events WHERE event = 'load_intent' ORDER BY seq DESC LIMIT 1)",
        );
        events.lines().map(str::to_owned).filter(|event| event != "spool_imported").collect()
    }
}

#[test]
fn what_a_component_owes_stands_on_the_trail_and_nothing_else() {
    let warehouse = Warehouse::start();
    let (mut owed, mut covered) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let spec = case.spec(folder.path());
        let components = Draft::of(&spec, &PlanOptions::default()).owes();
        let of_the_run = ["load_intent", "load_planned", if case.code == 0 { "load_finished" } else { "load_failed" }];
        let mut expected: BTreeSet<String> = of_the_run.map(str::to_owned).into();
        for (component, owes) in components {
            covered.insert((component, None));
            for Owed(situation, kind) in owes {
                owed.insert((component, Some((situation, kind))));
                if case.situations.contains(&situation) {
                    covered.insert((component, Some((situation, kind))));
                    expected.insert(kind.name().to_owned());
                }
            }
        }
        assert_eq!(case.run(&warehouse, folder.path()), expected, "{}", case.name);
    }
    assert_eq!(owed.difference(&covered).collect::<Vec<_>>(), Vec::<&(&str, _)>::new(), "owed in situations without a case");
    let met: BTreeSet<&str> = covered.iter().map(|(component, _)| *component).collect();
    let without: Vec<String> = components().into_iter().filter(|kind| !met.contains(kind.as_str())).collect();
    assert_eq!(without, Vec::<String>::new(), "components without a case");
}

/// Every kind of source, stage and sink there is; an expression is DataFusion's and tells nothing.
fn components() -> Vec<String> {
    const EXPRESSIONS: [&str; 3] = ["filter", "derive", "select"];
    let schema = spec::schema();
    let kinds = |name: &str| -> Vec<String> {
        let choices = schema["$defs"][name]["oneOf"].as_array().unwrap_or_else(|| panic!("{name} is no choice"));
        choices
            .iter()
            .flat_map(|choice| choice["required"].as_array().unwrap())
            .map(|kind| kind.as_str().unwrap().into())
            .collect()
    };
    let all = ["SourceSpec", "StageSpec", "SinkSpec"].into_iter().flat_map(kinds);
    let all: Vec<String> = all.filter(|kind| !EXPRESSIONS.contains(&kind.as_str())).collect();
    assert!(all.len() >= 8, "{all:?}");
    all
}
