//! What the row of one allele says: where it ends, its own values, its genotype. From a file to the database.

use super::support::Warehouse;

/// A VCF of version 4.`minor`; blanks in records are tabs.
fn vcf(minor: u32, head: &str, columns: &str, records: &[&str]) -> String {
    let lines: String = records.iter().map(|record| format!("{}\n", record.replace(' ', "\t"))).collect();
    format!("##fileformat=VCFv4.{minor}\n{head}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO{columns}\n{lines}")
}

/// What a query over the loaded file says, and the report of the load. `{}` stands for the load.
fn loaded(text: &str, options: &[&str], query: &str) -> (String, serde_json::Value) {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.vcf");
    std::fs::write(&file, text).unwrap();
    let mut arguments = vec!["load", file.to_str().unwrap(), "--json", "--profile", "open"];
    arguments.extend(options);
    let report = warehouse.run(arguments).expect(0).json();
    let load = format!("'{}'", report["load_id"].as_str().unwrap());
    (warehouse.sql(&query.replace("{}", &load)), report)
}

const ENDS: &str = "SELECT alt, end_pos FROM genogate.variants WHERE load_id = {} ORDER BY pos, alt_index";
const STRUCTURAL: &str = "##contig=<ID=1,length=249250621>\n##ALT=<ID=DEL,Description=\"x\">\n##ALT=<ID=DUP,Description=\"x\">\n\
    ##INFO=<ID=SVLEN,Number=A,Type=Integer,Description=\"x\">\n##INFO=<ID=SVCLAIM,Number=A,Type=String,Description=\"x\">\n\
    ##INFO=<ID=END,Number=1,Type=Integer,Description=\"x\">\n";

#[test]
fn a_divided_structural_variant_ends_with_its_own_allele() {
    let records = ["1 1000 a N <DEL>,<DUP> . PASS SVLEN=1000,50;SVCLAIM=D,D", "1 5000 b ACGTACGTAC A,ACGTACGTACT,T . PASS ."];
    for minor in [4, 5] {
        let (rows, _) = loaded(&vcf(minor, STRUCTURAL, "", &records), &["--info", "none"], ENDS);
        assert_eq!(rows, "<DEL>|2000\n<DUP>|1050\nA|5009\nACGTACGTACT|5009\nT|5009", "4.{minor}");
    }
    // Undivided, the record ends with its longest.
    let (rows, _) = loaded(&vcf(5, STRUCTURAL, "", &records), &["--no-split"], ENDS);
    assert_eq!(rows, "<DEL>,<DUP>|2000\nA,ACGTACGTACT,T|5009");
}

const BREAKENDS: &str = "##contig=<ID=22,length=51304566>\n##contig=<ID=X,length=155270560>\n\
    ##INFO=<ID=END,Number=1,Type=Integer,Description=\"End\">\n##INFO=<ID=CHR2,Number=1,Type=String,Description=\"x\">\n";

#[test]
fn an_end_on_another_contig_moves_no_record() {
    let text = vcf(
        2,
        BREAKENDS,
        "",
        &[
            "22 16872532 var0 C ]X:153010136]TC 999 PASS CHR2=X;END=153010136",
            "22 16945961 var1 A A[X:13529835[ 999 PASS CHR2=X;END=13529835",
            "22 16945961 var3 A <DEL> 999 PASS CHR2=22;END=16946061",
            "22 17010316 ins t tACCCT 50 PASS END=17010315",
        ],
    );
    let (rows, report) = loaded(&text, &[], "SELECT ids[1], end_pos FROM genogate.variants WHERE load_id = {} ORDER BY pos, ids");
    assert_eq!(rows, "var0|16872532\nvar1|16945961\nvar3|16946061\nins|17010316");
    let odd: Vec<_> = report["oddities"].as_array().unwrap().iter().map(|odd| (&odd["field"], &odd["count"])).collect();
    assert_eq!(format!("{odd:?}"), r#"[(String("INFO/END"), Number(2)), (String("INFO/END"), Number(1))]"#, "{report}");
}

const CNV: &str = "##contig=<ID=chr1,length=248956422>\n##INFO=<ID=REFLEN,Number=1,Type=Integer,Description=\"x\">\n\
    ##INFO=<ID=SVLEN,Number=.,Type=Integer,Description=\"x\">\n##INFO=<ID=CIPOS,Number=.,Type=Integer,Description=\"x\">\n\
    ##INFO=<ID=END,Number=1,Type=Integer,Description=\"x\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    ##FORMAT=<ID=AD,Number=.,Type=Integer,Description=\"x\">\n";

#[test]
fn a_list_of_as_many_values_as_alts_is_divided_where_the_key_is_reserved_so() {
    let text = vcf(
        2,
        CNV,
        "\tFORMAT\tS1",
        &[
            "chr1 1436723 . N <DEL>,<DUP> 12 PASS SVLEN=-240209,231834;CIPOS=-1,1;END=1676932 GT:AD 1/2:5,6,7",
            "chr1 2436723 . N <DEL>,<DUP> 12 PASS SVLEN=-240209;CIPOS=-1,1 GT:AD 1/2:5,6",
            "chr1 3436723 . N <DEL> 12 PASS SVLEN=-9 GT:AD 0/1:5,6",
        ],
    );
    let query = "SELECT alt, v.end_pos, v.info -> 'SVLEN', v.info -> 'CIPOS', c.format -> 'AD' FROM genogate.variants v
        JOIN genogate.calls c USING (load_id, variant_id) WHERE load_id = {} ORDER BY pos, alt_index";
    let (rows, _) = loaded(&text, &[], query);
    let expected = [
        "<DEL>|1676932|[-240209]|[-1, 1]|[5, 6]",
        "<DUP>|1668557|[231834]|[-1, 1]|[5, 7]",
        "<DEL>|2436723|[-240209]|[-1, 1]|[5, 6]",
        "<DUP>|2436723|[-240209]|[-1, 1]|[5, 6]",
        "<DEL>|3436723|[-9]||[5, 6]",
    ];
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_allele_behind_the_last_alt_does_not_become_ref() {
    let head = "##contig=<ID=1,length=249250621>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n";
    let text = vcf(2, head, "\tFORMAT\tS1\tS2", &["1 200 two A G,T . . . GT 0/3 3|3"]);
    let query = "SELECT gt FROM genogate.calls JOIN genogate.variants USING (load_id, variant_id) WHERE load_id = {}
        ORDER BY alt_index, sample_index";
    let (rows, report) = loaded(&text, &["--calls", "all"], query);
    assert_eq!(rows, "0/.\n.|.\n0/.\n.|.");
    assert!(report["oddities"].to_string().contains("behind the last ALT"), "{report}");
}
