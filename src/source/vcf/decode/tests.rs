//! Tests of one record's decoding, seen through the table.

use super::odd::Odd;
use crate::error::Class;
use crate::source::vcf::reason::Reason;
use crate::source::vcf::testing::{Read, read_bytes, vcf};
use crate::source::vcf::{Calls, Config, Conformance, Info, OnBadRecord, UnitSize};

const HEAD: &str = "##INFO=<ID=AC,Number=A,Type=Integer,Description=\"\">
##INFO=<ID=AF,Number=A,Type=Float,Description=\"\">
##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">
##INFO=<ID=DB,Number=0,Type=Flag,Description=\"\">
##INFO=<ID=NOTE,Number=1,Type=String,Description=\"\">
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"\">
##INFO=<ID=END,Number=1,Type=Integer,Description=\"\">
##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"\">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"\">
";

async fn sites(records: &[&str]) -> Read {
    read_bytes(vcf(HEAD, &[], records).as_bytes(), 1, |_| {}).await.unwrap()
}

async fn cohort(records: &[&str], change: impl FnOnce(&mut Config)) -> Read {
    read_bytes(vcf(HEAD, &["S0", "S1", "S2"], records).as_bytes(), 1, change).await.unwrap()
}

#[tokio::test]
async fn fixed_columns() {
    let read = sites(&["1 10 rs1;rs2 ACG A,<DEL> 3.5 q10;s50 .", "X 0 . N . . . .", "1 12 . A C 1e2 PASS END=20;DP=3"]).await;
    assert_eq!(read.column("chrom"), ["1", "X", "1"]);
    assert_eq!(read.column("pos"), ["10", "0", "12"]);
    assert_eq!(read.column("end_pos"), ["12", "0", "20"]);
    assert_eq!(read.column("ids"), ["[rs1, rs2]", "-", "-"]);
    assert_eq!(read.column("alt"), ["A,<DEL>", "-", "C"]);
    assert_eq!(read.column("qual"), ["3.5", "-", "100.0"]);
    assert_eq!(read.column("filters"), ["[q10, s50]", "-", "[PASS]"]);
    assert_eq!(read.column("alt_index"), ["-", "-", "-"]);
    // Ten header lines, fileformat and #CHROM count to the first unit, so rows bear the file's line numbers from 0.
    assert_eq!(read.column("__row"), ["12", "13", "14"]);
}

#[tokio::test]
async fn info_is_typed_and_keeps_missing_apart() {
    let read = sites(&[
        "1 1 . A C,G . . AC=1,.;AF=0.5,1e-3;DP=7;DB;NOTE=a%3Bb;CSQ=x|y,z",
        "1 2 . A C . . .",
        "1 3 . A C . . DP=.;AC=.;NOTE=.",
        "1 4 . A C . . CSQ=q;DP=-2147483648",
    ])
    .await;
    assert_eq!(read.column("info.AC"), ["[1, -]", "-", "[-]", "-"]);
    assert_eq!(read.column("info.AF"), ["[0.5, 0.001]", "-", "-", "-"]);
    assert_eq!(read.column("info.DP"), ["7", "-", "-", "-2147483648"]);
    assert_eq!(read.column("info.DB"), ["true", "-", "-", "-"]);
    assert_eq!(read.column("info.NOTE"), ["a;b", "-", "-", "-"]);
    assert_eq!(read.column("info.CSQ"), ["[x|y, z]", "-", "-", "[q]"]);
    assert_eq!(read.column("info.__other"), ["-", "-", "-", "-"]);
}

#[tokio::test]
async fn what_no_column_takes_is_kept_as_text() {
    let mut records = vec!["1 1 . A C . . AC=1"; 1001];
    records.push("1 2 . A C . . LATE=x%3By;AC=1;AC=2;DB=1;DP;DP=4,5;;NOTE");
    let read = read_bytes(vcf(HEAD, &[], &records).as_bytes(), 1, |_| {}).await.unwrap();
    let last = |name: &str| read.column(name).pop().unwrap();
    assert_eq!(last("info.__other"), "LATE=x%3By;AC=2;DB=1;DP;DP=4,5;NOTE");
    assert_eq!((last("info.AC"), last("info.DB"), last("info.DP")), ("[1]".into(), "true".into(), "-".into()));
}

#[tokio::test]
async fn what_is_kept_although_it_is_odd_is_counted() {
    let head = format!("##contig=<ID=1>\n##FILTER=<ID=q10,Description=\"\">\n{HEAD}");
    let mut records = vec!["1 1 . A C . PASS AC=1 GT 0/1"; 1001];
    let odd = [
        "1 5 . A C . q10;s50 AC=1,2;AC=3;DB=1;DP;;LATE=1 GT:AD 0/1:1,2,3",
        "2 6 . A C,G . PASS AC=1;END=2;DB;DB GT:NEW 0/1:7 0/1",
        "2 7 . A C . s50 . GT:DP 0/1:1,2",
    ];
    records.extend(odd);
    let text = vcf(&head, &["S"], &records);
    for (partitions, unit) in [(1, 1 << 20), (3, 3000)] {
        let read = read_bytes(text.as_bytes(), partitions, |config| config.unit = UnitSize::Bytes(unit)).await.unwrap();
        let expected = [
            ("CHROM/2", Odd::NoHeaderLine, 2),
            ("FILTER", Odd::NoHeaderLine, 2),
            ("FORMAT", Odd::SurplusColumns, 1),
            ("FORMAT/AD", Odd::Miscount, 1),
            ("FORMAT/DP", Odd::Miscount, 1),
            ("INFO", Odd::Undeclared, 1),
            ("INFO", Odd::Empty, 1),
            ("INFO/AC", Odd::Miscount, 2),
            ("INFO/AC", Odd::Repeated, 1),
            ("INFO/DB", Odd::FlagValue, 1),
            ("INFO/DB", Odd::Repeated, 1),
            ("INFO/DP", Odd::NoValue, 1),
            ("INFO/END", Odd::EndBeforePos, 1),
        ];
        assert_eq!(read.odd(), expected.map(|(field, odd, count)| (field, odd.text(), count)), "{partitions} partitions");
        assert_eq!(read.batch.num_rows(), records.len());
    }
    let clean = cohort(&["1 1 . A C . PASS AC=1 GT 0/1 0/1 0/1"], |_| {}).await;
    assert!(clean.odd().is_empty());
}

#[tokio::test]
async fn carriers_missing_and_absent_genotypes_are_kept() {
    let records = [
        "1 1 . A C . . . GT:DP:AD 0/0:1:5,0 0/1:2:3,4 ./.",
        "1 2 . A C . . . GT 0|0 0|0 0|0",
        "1 3 . A C . . . DP 7 . 9",
        "1 4 . A C . . . GT 0 1 .",
    ];
    let read = cohort(&records, |_| {}).await;
    assert_eq!(read.column("calls.__sample"), ["[1, 2]", "[]", "[0, 1, 2]", "[1, 2]"]);
    assert_eq!(read.genotypes(), ["[0/1, ./.]", "[]", "[-, -, -]", "[1, .]"]);
    assert_eq!(read.column("calls.DP"), ["[2, -]", "[]", "[7, -, 9]", "[-, -]"]);
    assert_eq!(read.column("calls.AD"), ["[[3, 4], -]", "[]", "[-, -, -]", "[-, -]"]);
    let read = cohort(&records, |config| config.calls = Calls::All).await;
    assert_eq!(read.column("calls.__sample")[1], "[0, 1, 2]");
    assert_eq!(read.genotypes()[0], "[0/0, 0/1, ./.]");
    let read = cohort(&records, |config| config.calls = Calls::None).await;
    assert!(read.batch.column_by_name("calls.__sample").is_none());
    assert_eq!(read.batch.num_rows(), 4);
}

#[tokio::test]
async fn samples_are_chosen_and_numbered_among_the_kept() {
    let records = ["1 1 . A C . . . GT:DP 0/1:1 0/1:2 0/1:3"];
    let read = cohort(&records, |config| config.samples = Some(vec!["S2".into(), "S1".into()])).await;
    assert_eq!((read.column("calls.__sample"), read.column("calls.DP")), (vec!["[0, 1]".into()], vec!["[2, 3]".into()]));
    assert_eq!(read.inspection.document.inputs[0].samples.len(), 2);
    let read = cohort(&records, |config| config.samples = Some(vec!["^S1".into()])).await;
    assert_eq!(read.column("calls.DP"), ["[1, 3]"]);
    let text = vcf(HEAD, &["S0"], &[]);
    let unknown = read_bytes(text.as_bytes(), 1, |config| config.samples = Some(vec!["DOE_JANE".into()])).await.err().unwrap();
    assert_eq!((unknown.class(), unknown.to_string().contains("DOE")), (Class::Usage, false));
}

#[tokio::test]
async fn chosen_fields_only() {
    let records = ["1 1 . A C . . DP=3;AC=1;X=9 GT:DP 0/1:1 0/1:2 0/1:3"];
    let read = cohort(&records, |config| {
        config.info = Info::Ids(vec!["DP".into(), "NEW".into()]);
        config.formats = Some(vec!["DP".into()]);
    })
    .await;
    assert_eq!(read.column("info.DP"), ["3"]);
    assert_eq!(read.column("info.NEW"), ["-"]);
    assert_eq!(read.column("calls.DP"), ["[1, 2, 3]"]);
    for absent in ["info.AC", "info.__other", "calls.GT", "calls.__other"] {
        assert!(read.batch.column_by_name(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn bad_records_leave_nothing_behind() {
    let good = ["1 1 . A C 5 PASS AC=1;AF=0.5 GT:AD 0/1:1,2 0/0:1,0 1/1:0,9", "1 9 . A C . . DP=2 GT:AD 0/1:3,4 . 0/0"];
    let bad = [
        ("1 2 . A C 5 PASS AC=1;AF=0.5;DP=7 GT:AD 0/1:1,2 0/0:1,0 1/1:0,9:secret", "FORMAT"),
        ("1 x . A C 5 PASS . GT 0/1 0/1 0/1", "POS"),
        ("1 3 . A C 5 PASS AC=1 GT:AD 0/1:1,2 0/1:1,2", "record"),
        ("1 3 . A C 5 PASS AC=1 GT 0/1:1 0/1 0/1", "FORMAT"),
        ("1 3 .  C 5 PASS AC=1 GT 0/1 0/1 0/1", "REF"),
        ("1 3 . A C five PASS AC=1 GT 0/1 0/1 0/1", "QUAL"),
        ("1 3 . A C 5 PASS AC=1;DP=x;LATE=2 GT 0/1 0/1 0/1:1", "FORMAT"),
        ("1 3", "record"),
    ];
    let mut records = vec![good[0]];
    records.extend(bad.iter().map(|(record, _)| *record));
    records.push(good[1]);
    let read = cohort(&records, |config| config.on_bad_record = OnBadRecord::Quarantine).await;
    assert_eq!(read.column("pos"), ["1", "9"]);
    assert_eq!(read.column("calls.AD"), ["[[1, 2], [0, 9]]", "[[3, 4], -]"]);
    assert_eq!((read.column("info.AC"), read.column("info.DP")), (vec!["[1]".into(), "-".into()], vec!["-".into(), "2".into()]));
    let aside = &read.units[0].bad;
    let fields: Vec<_> = aside.iter().map(|bad| bad.field.as_str()).collect();
    assert_eq!(fields, bad.map(|(_, field)| field));
    assert_eq!(aside[0].line, 13);
    assert!(!format!("{aside:?}").contains("secret"));
    assert_eq!(read.records(), records.len() as u64);

    for (record, field) in bad {
        let text = vcf(HEAD, &["S0", "S1", "S2"], &[good[0], record]);
        let error = read_bytes(text.as_bytes(), 1, |_| {}).await.err().unwrap();
        assert_eq!(error.class(), Class::Input);
        assert!(error.to_string().starts_with(&format!("input 1: line 14: {field}: ")), "{error}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_null_and_its_text_is_kept() {
    let records = [
        "1 10 . A C,G . . AC=1,2;DP=2148352434;AF=0.1,NA GT:DP:AD 0/1:131.721:1,2,3 0/1:7:1,q,3 0/1:NA:1,2,9999999999",
        "1 20 . A C . . AC=1.11571e+06;DP=66.0;END=9999999999;DB GT:DP 0/1:1 0/1:2 0/1:3",
        "1 30 . A C . . DP=5;AC=1;AF=0.5;END=NA GT:DP 0/1:1 0/1:2 0/1:3",
    ];
    let read = cohort(&records, |_| {}).await;
    assert_eq!(read.column("info.DP"), ["-", "-", "5"]);
    assert_eq!(read.column("info.AC"), ["[1, 2]", "-", "[1]"]);
    assert_eq!(read.column("info.AF"), ["-", "-", "[0.5]"]);
    assert_eq!(read.column("info.END"), ["-", "-", "-"]);
    assert_eq!(read.column("end_pos"), ["10", "9999999999", "30"]);
    let other = ["DP=2148352434;AF=0.1,NA", "AC=1.11571e+06;DP=66.0;END=9999999999", "END=NA"];
    assert_eq!(read.column("info.__other"), other);
    assert_eq!(read.column("calls.DP"), ["[-, 7, -]", "[1, 2, 3]", "[1, 2, 3]"]);
    assert_eq!(read.column("calls.AD"), ["[[1, 2, 3], -, -]", "[-, -, -]", "[-, -, -]"]);
    let other = "[DP=131.721, AD=1,q,3, DP=NA;AD=1,2,9999999999]";
    assert_eq!(read.column("calls.__other"), [other, "[-, -, -]", "[-, -, -]"]);
    let counts = [("FORMAT/AD", 2), ("FORMAT/DP", 2), ("INFO/AC", 1), ("INFO/AF", 1), ("INFO/DP", 2), ("INFO/END", 2)];
    assert_eq!(read.odd(), counts.map(|(field, count)| (field, Odd::Misfit.text(), count)));
    assert!(read.units[0].bad.is_empty());
    for record in records {
        let text = vcf(HEAD, &["S0", "S1", "S2"], &[record]);
        let strict = read_bytes(text.as_bytes(), 1, |config| config.conformance = Conformance::Strict).await;
        assert_eq!(strict.err().unwrap().class(), Class::Input);
    }
}

#[tokio::test]
async fn where_no_catch_all_column_is_read_what_does_not_fit_is_told_as_dropped() {
    let chosen = |config: &mut Config| {
        (config.info, config.formats) = (Info::Ids(vec!["DP".into()]), Some(vec!["DP".into()]));
    };
    let read = cohort(&["1 1 . A C . . DP=x;AC=y GT:DP 0/1:1,2 0/1:3 0/1:z"], chosen).await;
    assert_eq!((read.column("info.DP"), read.column("calls.DP")), (vec!["-".into()], vec!["[-, 3, -]".into()]));
    assert_eq!(read.odd(), [("FORMAT/DP", Odd::Dropped.text(), 2), ("INFO/DP", Odd::Dropped.text(), 1)]);
}

#[tokio::test]
async fn an_empty_qual_is_missing() {
    let read = sites(&["1 1 . A C  PASS DP=1", "1 2 . A C inf PASS .", "1 3 . A C +5 PASS ."]).await;
    assert_eq!(read.column("qual"), ["-", "inf", "5.0"]);
    assert_eq!(read.odd(), [("QUAL", Odd::Empty.text(), 1)]);
    let text = vcf(HEAD, &[], &["1 1 . A C  PASS DP=1"]);
    assert!(read_bytes(text.as_bytes(), 1, |config| config.conformance = Conformance::Strict).await.is_err());
}

#[tokio::test]
async fn a_dot_among_entries_is_no_key() {
    let read = sites(&["1 1 . A C . . .;DP=1", "1 2 . A C . . DP=2;.", "1 3 . A C . . ."]).await;
    assert_eq!(
        (read.column("info.DP"), read.column("info.__other")),
        (vec!["1".into(), "2".into(), "-".into()], vec!["-".to_owned(); 3])
    );
    assert_eq!(read.odd(), [("INFO", Odd::Empty.text(), 2)]);
}

/// Files put together with `cat`: calls behind the second header may be those of other samples.
#[tokio::test]
async fn a_header_line_among_the_records_ends_the_file_whatever_becomes_of_bad_records() {
    let good = vcf(HEAD, &["S1", "S2"], &["1 1 . A C . . . GT 0/1 0/0"]);
    let other = vcf(HEAD, &["S2", "S1"], &["1 2 . A C . . . GT 0/1 0/0"]);
    let columns = other.lines().find(|line| line.starts_with("#CHROM")).unwrap();
    for second in [other.clone(), columns.to_owned() + "\n", "# a note\n".into(), "#\n".into(), good.clone()] {
        let text = format!("{good}{second}1\t3\t.\tA\tC\t.\t.\t.\tGT\t0/1\t0/0\n");
        for conformance in [Conformance::Lenient, Conformance::Strict] {
            for (partitions, unit) in [(1, 1 << 20), (3, 40)] {
                let error = read_bytes(text.as_bytes(), partitions, |config| {
                    (config.on_bad_record, config.conformance, config.unit) =
                        (OnBadRecord::Quarantine, conformance, UnitSize::Bytes(unit));
                })
                .await
                .err()
                .unwrap();
                assert_eq!(error.class(), Class::Input);
                // Of several, the first that a partition comes to.
                let line = if partitions == 1 { "line 14: " } else { "line 1" };
                let text = error.to_string();
                assert!(text.starts_with(&format!("input 1: {line}")) && text.contains("a line that begins with `#`"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_gt_declared_otherwise_is_a_genotype() {
    for declared in ["Number=.,Type=String", "Number=1,Type=Integer", "Number=2,Type=Integer", "Number=1,Type=Float"] {
        let head = HEAD.replace("ID=GT,Number=1,Type=String", &format!("ID=GT,{declared}"));
        let text =
            vcf(&head, &["A", "B"], &["1 1 . A C,G . . . GT 0/1 1|2", "1 2 . A C . . . GT 1 0", "1 3 . A C . . . GT ./. ."]);
        let read = read_bytes(text.as_bytes(), 1, |config| config.calls = Calls::All).await.unwrap();
        assert_eq!(read.genotypes(), ["[0/1, 1|2]", "[1, 0]", "[./., .]"], "{declared}");
        assert_eq!(read.odd(), [("FORMAT/GT", "declared otherwise than the specification reserves it, which holds", 1)]);
        let carriers = read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap();
        assert_eq!(carriers.column("calls.__sample"), ["[0, 1]", "[0]", "[0, 1]"]);
    }
}

#[tokio::test]
async fn records_without_calls_and_with_nobodys_calls() {
    let records = ["1 3 . A C 5 PASS AC=1", "1 4 . A C . . . GT 0/1 0/1 0/1", "1 5 . A C . . . GT 0/1 0/0 0/1 1/1 1/1"];
    let read = cohort(&records, |config| config.on_bad_record = OnBadRecord::Quarantine).await;
    assert_eq!(read.column("calls.__sample"), ["[0, 1, 2]", "[0, 2]"]);
    assert_eq!(read.units[0].bad[0].reason, "another number of columns than the header");
    assert!(read.inspection.notices.iter().any(|notice| notice.text.contains("more columns than the header")));
    for i in [0, 2] {
        let text = vcf(HEAD, &["S0", "S1", "S2"], &[records[i]]);
        let strict = read_bytes(text.as_bytes(), 1, |config| config.conformance = Conformance::Strict).await;
        assert_eq!(strict.err().unwrap().class(), Class::Input);
    }
}

#[tokio::test]
async fn too_many_bad_records_end_the_load() {
    let text = vcf(HEAD, &[], &["1 x . A C . . .", "1 1 . A C . . .", "1 y . A C . . ."]);
    let limited = |most| {
        let text = text.clone();
        async move {
            read_bytes(text.as_bytes(), 1, |config| {
                config.on_bad_record = OnBadRecord::Quarantine;
                config.max_bad_records = Some(most);
            })
            .await
        }
    };
    assert_eq!(limited(2).await.unwrap().batch.num_rows(), 1);
    assert_eq!(limited(1).await.err().unwrap().class(), Class::Input);
}

#[tokio::test]
async fn invalid_utf8_is_a_bad_record_alone() {
    let mut text = vcf(HEAD, &[], &["1 1 . A C . . NOTE=é", "1 2 . A C . . NOTE=Q"]).into_bytes();
    let at = text.len() - 2;
    text[at] = 0xff;
    let read = read_bytes(&text, 1, |config| config.on_bad_record = OnBadRecord::Quarantine).await.unwrap();
    assert_eq!(read.column("info.NOTE"), ["é"]);
    assert_eq!(read.units[0].bad[0].reason, Reason::NotUtf8.text());
}

#[tokio::test]
async fn strict_holds_records_to_the_letter() {
    let good = "1 1 . A C . . AC=1";
    for bad in [
        "1 1 . A C . . AC=1,2",
        "1 1 . A C . . AC=1;AC=1",
        "1 1 . A C . . DB=2",
        "1 1 . A C . . DP",
        "1 1 . R C . . AC=1",
        "1 1 . A C . . AC=1;;DP=1",
        "",
    ] {
        let text = vcf(HEAD, &[], &[good, bad, good]);
        let strict = |config: &mut Config| config.conformance = Conformance::Strict;
        assert_eq!(read_bytes(text.as_bytes(), 1, strict).await.err().unwrap().class(), Class::Input, "{bad}");
        let lenient = read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap();
        assert_eq!(lenient.batch.num_rows(), if bad.is_empty() { 2 } else { 3 }, "{bad}");
    }
}

/// Defect 10 of the predecessor: `PASS` and `.` were both NULL, and records with ALT `.` were dropped.
#[tokio::test]
async fn passed_unfiltered_and_no_alternate_are_three_things() {
    let read = sites(&["1 1 . A C . PASS .", "1 2 . A C . . .", "1 3 . A . . q10 ."]).await;
    assert_eq!(read.column("filters"), ["[PASS]", "-", "[q10]"]);
    assert_eq!(read.column("alt"), ["C", "C", "-"]);
}

/// Defect 11 of the predecessor: END was exclusive, so ranges were empty.
#[tokio::test]
async fn the_end_is_the_last_position() {
    let records = ["1 10 . A C . . .", "1 20 . ACGT A . . .", "1 30 . A <DEL> . . END=35", "1 40 . A C . . END=7"];
    let read = sites(&records).await;
    assert_eq!(read.column("end_pos"), ["10", "23", "35", "40"]);
    let later = ["1 10 . A <DEL> . . SVLEN=5", "1 20 . A <*> . . END=29", "1 30 . AC <INS> . . SVLEN=90"];
    let ends = |minor: &'static str| async move {
        let text = vcf(HEAD, &[], &later).replacen("VCFv4.3", minor, 1);
        read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap().column("end_pos")
    };
    assert_eq!(ends("VCFv4.3").await, ["10", "29", "31"]);
    assert_eq!(ends("VCFv4.4").await, ["15", "29", "31"]);
    let blocks = ["1 10 . A <*> . . END=12 GT:LEN 0/0:4 0/0:9 0/0:."];
    let text = vcf(HEAD, &["A", "B", "C"], &blocks).replacen("VCFv4.3", "VCFv4.5", 1);
    let read = read_bytes(text.as_bytes(), 1, |config| config.calls = Calls::None).await.unwrap();
    assert_eq!(read.column("end_pos"), ["18"]);
}

/// Defect 12 of the predecessor: the mitochondrion, alternate contigs, decoys and other species aborted a load.
#[tokio::test]
async fn any_contig_of_any_species_is_read() {
    let contigs = ["MT", "chrUn_KI270742v1", "HLA-A*01:01:01:01", "hs37d5", "SL4.0ch01", "NC_045512.2", "<ctg>", "chr:1", "2L"];
    let records: Vec<String> = contigs.iter().map(|contig| format!("{contig} 1 . A C . . .")).collect();
    let read = sites(&records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(read.column("chrom"), contigs);
}

/// Defect 13 of the predecessor: one long value ended a load.
#[tokio::test]
async fn a_long_value_is_a_value() {
    let long = "ACGT".repeat(500_000);
    let records = [format!("1 1 {long} {long} {long},T . {long} NOTE={long};CSQ={long}|,{long}"), "1 2 . A C . . .".into()];
    let read = sites(&records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(read.column("info.NOTE"), [long.as_str(), "-"]);
    assert_eq!(read.column("ref"), [long.as_str(), "A"]);
    assert_eq!(read.column("end_pos"), ["2000000", "2"]);
}

#[tokio::test]
async fn a_nul_byte_is_a_bad_record_alone() {
    let records = ["1 1 . A C . . NOTE=a", "1 2 . A C . . NOTE=b\0c", "1 3 . A C . . NOTE=d"];
    let text = vcf(HEAD, &[], &records);
    let read = read_bytes(text.as_bytes(), 1, |config| config.on_bad_record = OnBadRecord::Quarantine).await.unwrap();
    assert_eq!(read.column("info.NOTE"), ["a", "d"]);
    assert_eq!(read.units[0].bad[0].reason, Reason::HoldsNul.text());
    let head = format!("##note=a\0b\n{HEAD}");
    let read = read_bytes(vcf(&head, &[], &records[..1]).as_bytes(), 1, |_| {}).await.unwrap();
    assert!(!read.inspection.document.inputs[0].lines.iter().any(|line| line.value.contains('\0')));
    assert!(read_bytes(vcf(HEAD, &["S\0"], &[]).as_bytes(), 1, |_| {}).await.is_err());
}

#[tokio::test]
async fn a_unit_has_no_more_lines_than_its_rows_can_be_numbered() {
    let text = vcf(HEAD, &[], &["1 1 . A C . . ."]) + &"\n".repeat((1 << 21) - 13);
    let one = |config: &mut Config| config.unit = UnitSize::Bytes(64 << 20);
    assert_eq!(read_bytes(text.as_bytes(), 1, one).await.unwrap().batch.num_rows(), 1);
    let over = text + "\n1\t2\t.\tA\tC\t.\t.\t.\n";
    let error = read_bytes(over.as_bytes(), 1, one).await.err().unwrap();
    assert_eq!((error.class(), error.to_string()), (Class::Input, "input 1: a unit has more than 2097152 lines".into()));
    assert!(read_bytes(over.as_bytes(), 1, |config| config.unit = UnitSize::Bytes(1 << 20)).await.is_ok());
}

#[tokio::test]
async fn a_declaration_against_the_specification_holds_and_is_told() {
    let head = "##INFO=<ID=AC,Number=1,Type=String,Description=\"\">\n##INFO=<ID=AN,Number=1,Type=Integer,Description=\"\">\n";
    let read = read_bytes(vcf(head, &[], &["1 1 . A C . . AC=x;AN=2"]).as_bytes(), 1, |_| {}).await.unwrap();
    assert_eq!(read.column("info.AC"), ["x"]);
    let told: Vec<_> = read.inspection.notices.iter().filter(|notice| notice.text.contains("reserves")).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.starts_with("INFO/AC is declared Number=1, Type=String"), "{}", told[0].text);
}
