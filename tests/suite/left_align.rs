//! Left alignment from the command line to the warehouse: the originals stay beside the moved alleles, wrong references are told.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::machine::{has_htslib, output_of};
use super::support::{Done, Warehouse, genogate};

//                          1234567890123456
const FASTA: &str = ">chr1\nGGGCACAC\nACAGGGTT\n>chr2\nacgtacgtacgt\n";
const RECORDS: &str = "chr1\t4\t.\tC\tT\t9\tPASS\tAC=1\tGT\t0/1\n\
                       chr1\t9\t.\tACA\tA,ACACA\t9\tPASS\tAC=1,2;END=11\tGT\t1/2\n\
                       chr1\t9\t.\tA\t<DEL>\t9\tPASS\tEND=12\tGT\t0/1\n\
                       chr2\t5\t.\tACGT\tA\t9\tPASS\tAC=1\tGT\t0/1\n";

fn write(folder: &Path, name: &str, records: &str) -> String {
    let header = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=16>\n##contig=<ID=chr2,length=12>\n\
                  ##FILTER=<ID=PASS,Description=\"x\">\n##INFO=<ID=AC,Number=A,Type=Integer,Description=\"x\">\n\
                  ##INFO=<ID=END,Number=1,Type=Integer,Description=\"x\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"x\">\n\
                  #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n";
    put(folder, name, format!("{header}{records}").as_bytes())
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn moved_alleles_keep_their_originals_in_the_warehouse() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let (file, fasta) = (write(folder.path(), "v.vcf", RECORDS), put(folder.path(), "r.fa", FASTA.as_bytes()));
    let load = ["load", &file, "-f", &fasta, "--json", "--profile", "open", "--name", "aligned"];
    let report = warehouse.run(load).expect(0).json();
    assert_eq!((&report["input_records"], &report["variants"]), (&json!(4), &json!(5)));
    let rows = warehouse.sql(&format!(
        "SELECT pos, end_pos, ref, alt, orig_pos, orig_ref, orig_alt, info->>'END' FROM genogate.variants WHERE load_id = '{}' \
         ORDER BY variant_id",
        report["load_id"].as_str().unwrap()
    ));
    let wanted = ["4|4|C|T||||", "3|5|GCA|G|9|ACA|A|5", "3|3|G|GCA|9|ACA|ACACA|3", "9|12|A|<DEL>||||12", "5|8|ACGT|A||||"];
    assert_eq!(rows.lines().collect::<Vec<_>>(), wanted);

    // The same again is the same load; bgzipped it is, too; through another reference it is another.
    assert_eq!(warehouse.run(load).expect(0).json()["status"], "skipped");
    let mut compressed = genogate::bgzf::Writer::new(Vec::new());
    compressed.write_all(FASTA.as_bytes()).unwrap();
    let bgz = put(folder.path(), "r.fa.gz", &compressed.finish().unwrap());
    let load = ["load", &file, "-f", &bgz, "--json", "--profile", "open", "--name", "aligned"];
    assert_eq!(warehouse.run(load).expect(0).json()["status"], "skipped");
    let other = put(folder.path(), "other.fa", FASTA.replace("GGGTT", "GGGTA").as_bytes());
    let load = ["load", &file, "-f", &other, "--json", "--profile", "open", "--name", "aligned"];
    assert_eq!(warehouse.run(load).expect(0).json()["status"], "complete");

    // In hipaa the new columns pass the proof and every stage; a sample called like an allele is no finding in them.
    let done = warehouse.run(["load", &file, "-f", &fasta, "--json", "--set", "stages.normalize.split=false"]).expect(0);
    assert_eq!(done.json()["variants"], 4);
    let events = warehouse.run(["audit", "query", "--event", "variants_aligned", "--json"]).expect(0);
    assert!(events.stdout.contains("variants_aligned"), "{events:#?}");
}

#[test]
fn columns_that_nobody_asked_for_are_not_carried() {
    let home = tempfile::tempdir().unwrap();
    let (file, fasta) = (write(home.path(), "v.vcf", RECORDS), put(home.path(), "r.fa", FASTA.as_bytes()));
    let lake = home.path().join("lake");
    let pipeline = format!(
        "version: 1\nname: n\nprofile: open\nsource: {{ vcf: {{ paths: [{file}], reference: {fasta} }} }}\n\
         stages:\n  - normalize: {{ left_align: true }}\n  - filter: \"orig_pos IS NOT NULL AND qual > 1\"\n\
         \x20 - select: [chrom, pos, alt, orig_pos, info.AC]\nsink: {{ parquet: {{ path: {} }} }}\n",
        lake.display()
    );
    let path = put(home.path(), "p.yaml", pipeline.as_bytes());
    let report = Done::from(genogate(home.path()).args(["run", &path, "--json"]).output().unwrap()).expect(0).json();
    assert_eq!((&report["variants"], &report["filtered"]), (&json!(2), &json!(3)));
}

#[test]
fn a_reference_that_is_not_the_files_is_told_by_position() {
    let home = tempfile::tempdir().unwrap();
    let wrong = RECORDS.replace("chr2\t5\t.\tACGT", "chr2\t6\t.\tACGT") + "chrUn\t1\t.\tA\tC\t9\tPASS\tAC=1\tGT\t0/1\n";
    let (file, fasta) = (write(home.path(), "v.vcf", &wrong), put(home.path(), "r.fa", FASTA.as_bytes()));
    let lake = home.path().join("lake");
    let run = |more: &[&str]| {
        let mut command = genogate(home.path());
        command.args(["load", &file, "--json", "--profile", "open", "--parquet", lake.to_str().unwrap()]).args(more);
        Done::from(command.output().unwrap())
    };
    let done = run(&["-f", &fasta]).expect(6);
    assert!(done.stdout.contains("input 1, chr2:6: REF: not what the reference has there"), "{done:#?}");
    assert!(!done.stdout.contains("ACGT"), "{done:#?}");
    let done = run(&["-f", &fasta, "--on-bad-record", "quarantine"]).expect(0).json();
    assert_eq!((&done["input_records"], &done["quarantined"], &done["variants"]), (&json!(5), &json!(2), &json!(4)));
    let done = run(&["-f", &fasta, "--on-bad-record", "quarantine", "--set", "source.vcf.max_bad_records=1"]).expect(6);
    assert!(done.stdout.contains("more than 1 bad records"), "{done:#?}");

    let done = run(&["-f", "/no/such/SMITH.fa"]).expect(2);
    assert!(done.stdout.contains("the reference cannot be read") && !done.stdout.contains("SMITH"), "{done:#?}");
    let done = run(&["--set", "stages.normalize.left_align=true"]).expect(2);
    assert!(done.stdout.contains("needs a reference"), "{done:#?}");
}

/// What bcftools 1.16 makes of [`RECORDS`], so that its word counts on machines without it, too.
const RECORDED: &str = "3|GCA|G|1|5\n3|G|GCA|2|3\n4|C|T|1|.\n9|A|<DEL>|.|12\n5|ACGT|A|1|.\n";

/// INFO of divided and moved rows is bcftools' own.
#[test]
fn info_of_moved_rows_is_that_of_bcftools() {
    let folder = tempfile::tempdir().unwrap();
    // A file is loaded once at a time, and another test loads the records as they are.
    let other = RECORDS.replace("PASS", ".");
    let (file, fasta) = (write(folder.path(), "v.vcf", &other), put(folder.path(), "r.fa", FASTA.as_bytes()));
    if has_htslib() {
        let pipe = "bcftools norm -m- -f \"$1\" \"$2\" | bcftools query -f '%POS|%REF|%ALT|%INFO/AC|%INFO/END\\n'";
        let printed = output_of("sh", &["-c", pipe, "sh", &fasta, &file], folder.path()).unwrap();
        assert_eq!(String::from_utf8(printed).unwrap(), RECORDED, "bcftools says something else than was recorded");
    }
    let warehouse = Warehouse::shared();
    let load = ["load", &file, "-f", &fasta, "--json", "--profile", "open", "--name", "bcftools", "--force"];
    let load = warehouse.run(load).expect(0).json()["load_id"].as_str().unwrap().to_owned();
    let ours = warehouse.sql(&format!(
        "SELECT pos, ref, alt, coalesce(info->>'AC', '.'), coalesce(info->>'END', '.') FROM genogate.variants WHERE load_id = '{load}'"
    ));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.to_uppercase().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&ours), sorted(RECORDED));
}
