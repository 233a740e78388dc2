//! What a load looks like: equal to bcftools stats where both say it, whichever calls are stored, and as a page of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::machine::has_htslib;
use super::support::Warehouse;

/// Rows of `bcftools stats` over one row an ALT, by their first field.
fn stats(file: &Path) -> BTreeMap<String, Vec<Vec<String>>> {
    let script = "bcftools norm -m- \"$1\" 2>/dev/null | bcftools stats -s - -";
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(file).output().unwrap();
    let mut rows: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        rows.entry(cells[0].clone()).or_default().push(cells);
    }
    rows
}

fn number(cell: &str) -> u64 {
    cell.parse().unwrap()
}

fn load(warehouse: &Warehouse, file: &Path, name: &str, flags: &[&str]) -> String {
    let words = ["load", file.to_str().unwrap(), "--profile", "open", "--json", "--name", name];
    let done = warehouse.run(words.iter().chain(flags)).expect(0);
    done.json()["load_id"].as_str().unwrap().to_owned()
}

fn qc(warehouse: &Warehouse, load: &str) -> Value {
    warehouse.run(["loads", "qc", load, "--json"]).expect(0).json()
}

fn kind(qc: &Value, of: &str, names: &[&str]) -> u64 {
    names.iter().map(|name| qc[of][name].as_u64().unwrap_or(0)).sum()
}

#[test]
fn figures_are_those_of_bcftools_stats() {
    if !has_htslib() {
        return;
    }
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    for (what, records) in [("trio", "3000"), ("cohort", "1500")] {
        let file = folder.path().join(format!("{what}.vcf.gz"));
        warehouse.run(["synth", what, "--records", records, "--seed", "77", "-o", file.to_str().unwrap()]).expect(0);
        let theirs = stats(&file);
        let summary = |name: &str| {
            let row = theirs["SN"].iter().find(|row| row[2] == format!("number of {name}:")).unwrap();
            number(&row[3])
        };
        for calls in ["all", "carriers"] {
            let ours = qc(warehouse, &load(warehouse, &file, &format!("qc-{what}-{calls}"), &["--calls", calls]));
            assert_eq!(ours["stored_calls"], calls);
            assert_eq!(ours["rows"].as_u64().unwrap(), summary("records"));
            assert_eq!(kind(&ours, "kinds", &["snp"]), summary("SNPs"));
            assert_eq!(kind(&ours, "kinds", &["insertion", "deletion"]), summary("indels"));
            assert_eq!(kind(&ours, "kinds", &["mnp"]), summary("MNPs"));
            let tstv = &theirs["TSTV"][0];
            assert_eq!((&ours["transitions"], &ours["transversions"]), (&json!(number(&tstv[2])), &json!(number(&tstv[3]))));
            let once = &theirs["SiS"][0];
            assert_eq!(kind(&ours, "singletons", &["snp"]), number(&once[3]), "{what} {calls}");
            assert_eq!(kind(&ours, "singletons", &["insertion", "deletion"]), number(&once[6]), "{what} {calls}");
            for change in &theirs["ST"] {
                assert_eq!(kind(&ours, "substitutions", &[&change[2]]), number(&change[3]), "{change:?}");
            }
            let samples = ours["samples"].as_array().unwrap();
            assert_eq!(samples.len(), theirs["PSC"].len());
            for (sample, row) in samples.iter().zip(&theirs["PSC"]) {
                assert_eq!(sample["sample_id"], json!(row[2]));
                let mut pairs = vec![
                    ("hom_alt_snps", 4),
                    ("het_snps", 5),
                    ("transitions", 6),
                    ("transversions", 7),
                    ("indels", 8),
                    ("singletons", 10),
                    ("haploid_alt", 12),
                    ("missing", 13),
                ];
                if calls == "all" {
                    pairs.extend([("hom_ref", 3), ("haploid_ref", 11)]);
                    assert_eq!(format!("{:.1}", sample["mean_depth"].as_f64().unwrap()), row[9], "{row:?}");
                } else {
                    assert_eq!(sample["hom_ref"].as_u64().unwrap(), number(&row[3]) + number(&row[11]), "{row:?}");
                }
                for (name, column) in pairs {
                    assert_eq!(sample[name], json!(number(&row[column])), "{what} {calls} {name}: {row:?}");
                }
            }
            if calls == "carriers" {
                assert!(ours["notes"][0].as_str().unwrap().contains("derived"), "{}", ours["notes"]);
            }
        }
    }
}

const HEAD: &str = "##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=X>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"d\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tDoe\tRoe\n";

#[test]
fn kinds_missing_calls_and_copies_of_x() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.vcf");
    let mut text = HEAD.to_owned();
    for (at, (reference, alt)) in [
        ("A", "C"),
        ("ACG", "ATG"),
        ("ACG", "TCA"),
        ("ACGT", "AT"),
        ("AT", "ACGT"),
        ("A", "<DEL>"),
        ("A", "A[1:3["),
        ("A", "*"),
        ("ACG", "TT"),
    ]
    .into_iter()
    .enumerate()
    {
        text += &format!("1\t{}\t.\t{reference}\t{alt}\t40\t.\t.\tGT:DP\t0/1:10\t./1:30\n", 100 * (at + 1));
    }
    for at in 0..40 {
        let doe = if at % 2 == 0 { "0/1" } else { "1/1" };
        text += &format!("X\t{}\t.\tA\tG\t.\t.\t.\tGT:DP\t{doe}:10\t1:30\n", 50_000_000 + at);
    }
    std::fs::write(&file, text).unwrap();
    for flags in [&["--calls", "all"][..], &["--calls", "carriers"], &["--calls", "all", "--no-split"]] {
        let ours = qc(warehouse, &load(warehouse, &file, &format!("kinds-{}", flags.concat()), flags));
        let kinds = json!({
            "breakend": 1, "deletion": 1, "insertion": 1, "mnp": 1, "other": 1, "overlap": 1, "snp": 42, "symbolic": 1
        });
        assert_eq!(ours["kinds"], kinds);
        assert_eq!(
            (&ours["transitions"], &ours["transversions"]),
            (&json!(40), &json!(1)),
            "first bases that are equal are neither"
        );
        let [doe, roe] = ours["samples"].as_array().unwrap().as_slice() else { panic!("{ours}") };
        assert_eq!((&doe["x"]["copies"], &roe["x"]["copies"]), (&json!("two"), &json!("one")));
        assert_eq!((&doe["missing"], &roe["missing"], &roe["haploid_alt"]), (&json!(0), &json!(9), &json!(40)));
        assert_eq!((&doe["mean_depth"], &ours["quality"]["none"]), (&json!(10.0), &json!(40)));
        assert_eq!((&ours["missing"]["counts"][0], &ours["missing"]["counts"][10]), (&json!(40), &json!(9)));
    }
    let sites = load(warehouse, &file, "kinds-none", &["--calls", "none"]);
    let ours = qc(warehouse, &sites);
    assert_eq!((&ours["stored_calls"], &ours["singletons"], &ours["samples"]), (&json!("none"), &Value::Null, &json!([])));
    assert!(ours["notes"][0].as_str().unwrap().contains("No calls are stored"), "{ours}");
    warehouse.run(["loads", "drop", &sites]).expect(0);
    warehouse.run(["loads", "qc", &sites]).expect(2);
}

#[test]
fn the_page_needs_nothing_and_names_pseudonyms_only() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.vcf.gz");
    warehouse
        .run(["synth", "cohort", "--records", "400", "--samples", "5", "--seed", "9", "-o", file.to_str().unwrap()])
        .expect(0);
    let done = warehouse.run(["load", file.to_str().unwrap(), "--name", "page", "--json"]).expect(0).json();
    let id = done["load_id"].as_str().unwrap();
    let page = folder.path().join("qc.html");
    warehouse.run(["loads", "qc", id, "--html", page.to_str().unwrap()]).expect(0);
    warehouse.run(["loads", "qc", id, "--html", page.to_str().unwrap()]).expect(2);
    let html = std::fs::read_to_string(&page).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&page.metadata().unwrap()) & 0o077, 0, "its owner's alone");
    assert!(html.matches("<svg ").count() >= 8 && html.contains("</html>"), "{}", html.matches("<svg ").count());
    for foreign in ["http:", "https:", "<script", "<link", "src=", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    let samples = qc(warehouse, id)["samples"].as_array().unwrap().clone();
    assert_eq!(samples.len(), 5);
    for sample in &samples {
        let name = sample["sample_id"].as_str().unwrap();
        assert!(html.contains(name) && !name.starts_with("S0000"), "{name}");
    }
    assert!(!html.contains("S00001"));
    let text = warehouse.run(["loads", "qc", id]).expect(0).stdout;
    assert!(text.contains("ts/tv") && text.contains("QUAL") && text.contains("hom ref"), "{text}");
    assert_eq!(warehouse.run(["loads", "qc", id, "--html", "-"]).expect(0).stdout, html);
}
