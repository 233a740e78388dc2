//! Annotations from file to columns: own small cases, hostile ones, and real files against `bcftools +split-vep`.

use std::path::Path;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use proptest::prelude::*;

use super::Odd;
use crate::error::{Class, Result};
use crate::machine::{has_htslib, output_of, real_folder};
use crate::source::vcf::testing::{Read, read, read_bytes, read_sql, vcf};
use crate::source::vcf::{Annotation, Config, Conformance, Info, InfoWord};

const VEP: &str = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|HGVSc|HGVSp|CANONICAL|gnomAD_AF|STRAND\">\n";
const ANN: &str = "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | Transcript_BioType | Rank | HGVS.c | HGVS.p | cDNA.pos / cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length | Distance | ERRORS / WARNINGS / INFO' \">\n";
const BCSQ: &str = "##INFO=<ID=BCSQ,Number=.,Type=String,Description=\"Haplotype-aware consequence annotation from BCFtools/csq. Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change\">\n";
const EFF: &str = "##INFO=<ID=EFF,Number=.,Type=String,Description=\"Predicted effects for this variant.Format: 'Effect ( Effect_Impact | Functional_Class | Codon_Change | Amino_Acid_Change| Amino_Acid_length | Gene_Name | Transcript_BioType | Gene_Coding | Transcript_ID | Exon_Rank  | Genotype_Number [ | ERRORS | WARNINGS ] )' \">\n";

fn on(config: &mut Config) {
    config.csq = Annotation::Switch(true);
}

async fn vep(records: &[&str]) -> Read {
    read_bytes(vcf(VEP, &[], records).as_bytes(), 1, on).await.unwrap()
}

/// The struct values of a nested column, and how many entries each row has.
fn entries(array: &ArrayRef) -> (&StructArray, Vec<usize>) {
    let list = array.as_list::<i32>();
    (list.values().as_struct(), (0..list.len()).map(|row| list.value_length(row) as usize).collect())
}

fn alt_indexes(read: &Read, column: &str) -> Vec<Option<i32>> {
    let (entries, _) = entries(read.batch.column_by_name(column).unwrap());
    entries.column_by_name("alt_index").unwrap().as_primitive::<Int32Type>().iter().collect()
}

#[tokio::test]
async fn defect_9_indels_have_their_gene() {
    let read = vep(&[
        "1 10 . TT T . . CSQ=-|frameshift_variant|HIGH|DEL1||||||||",
        "1 20 . T TGA . . CSQ=GA|frameshift_variant|HIGH|INS1||||||||",
        "1 30 . TA T,TAA,TC . . CSQ=-|a|HIGH|G1||||||||,AA|b|LOW|G2||||||||,C|c|LOW|G3||||||||",
        "1 40 . TT T,* . . CSQ=-|a|HIGH|G4||||||||",
        "1 50 . N <DEL> . . CSQ=deletion|feature_truncation|HIGH|SV1||||||||",
        "1 60 . A T . . CSQ=T|missense_variant|MODERATE|SNV||||||||",
        "1 70 . A T . . .",
        "1 80 . A . . . CSQ=-|a|HIGH|NOALT||||||||",
    ])
    .await;
    let genes = ["[DEL1]", "[INS1]", "[G1, G2, G3]", "[G4, -]", "[SV1]", "[SNV]", "-", "[]"];
    assert_eq!(read.column("info.CSQ.gene"), genes);
    let about = [Some(1), Some(1), Some(1), Some(2), Some(3), Some(1), Some(1), Some(1), None];
    assert_eq!(alt_indexes(&read, "info.CSQ"), about);
    assert_eq!(entries(read.batch.column_by_name("info.CSQ").unwrap()).1, [1, 1, 3, 1, 1, 1, 0, 1]);
    assert_eq!(read.odd(), [("INFO/CSQ", Odd::UnknownAllele.text(), 1)]);
}

#[tokio::test]
async fn the_most_severe_entry_of_each_alt_is_flat() {
    let read = vep(&[
        // Severity first, then the canonical transcript, then the first.
        "1 10 . A C,G . . CSQ=C|intron_variant|MODIFIER|FAR||Transcript|T0||||0.5|1,C|missense_variant&splice_region_variant|MODERATE|FIRST|ENSG1|Transcript|T1|T1:c.1A>C|P1:p.Met1Leu||0.1&0.2|-1,C|splice_region_variant&missense_variant|MODERATE|CANON||Transcript|T2|||YES||,G|stop_gained|HIGH|STOP||Transcript|T3|||||",
        // A regulatory feature is no transcript; an entry without an allele is about every ALT.
        "1 20 . A C,G . . CSQ=|regulatory_region_variant|MODIFIER|||RegulatoryFeature|ENSR1|||||,G|intergenic_variant|MODIFIER|||||||||",
        // A term nobody knows is ranked by its impact.
        "1 30 . A C . . CSQ=C|missense_variant|MODERATE|KNOWN||||||||,C|made_up|HIGH|NEW||||||||,C|other|MODIFIER|LAST||||||||",
    ])
    .await;
    assert_eq!(read.column("info.CSQ.gene"), ["[CANON, STOP]", "[-, -]", "[NEW]"]);
    let consequences = ["[missense_variant, stop_gained]", "[regulatory_region_variant, regulatory_region_variant]", "[made_up]"];
    assert_eq!(read.column("info.CSQ.consequence"), consequences);
    assert_eq!(read.column("info.CSQ.transcript"), ["[T2, T3]", "[-, -]", "[-]"]);
    assert_eq!(read.column("info.CSQ.impact"), ["[MODERATE, HIGH]", "[MODIFIER, MODIFIER]", "[HIGH]"]);
    assert_eq!(alt_indexes(&read, "info.CSQ"), [Some(1), Some(1), Some(1), Some(2), None, Some(2), Some(1), Some(1), Some(1)]);
    let (values, _) = entries(read.batch.column_by_name("info.CSQ").unwrap());
    let terms = values.column_by_name("Consequence").unwrap().as_list::<i32>().value(1);
    assert_eq!(terms.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["missense_variant", "splice_region_variant"]);
    let frequencies = values.column_by_name("gnomAD_AF").unwrap().as_list::<i32>().value(1);
    assert_eq!(frequencies.as_primitive::<Float64Type>().values(), &[0.1, 0.2]);
    assert_eq!(values.column_by_name("STRAND").unwrap().as_primitive::<Int32Type>().value(1), -1);
    assert!(values.column_by_name("Gene").unwrap().is_null(0));
}

#[tokio::test]
async fn snpeff_entries() {
    let text = vcf(
        &format!("{ANN}{EFF}"),
        &[],
        &[
            "1 10 . TT T,G . . ANN=T|frameshift_variant|HIGH|G1|E1|transcript|T1|protein_coding|1/2|c.2del|p.Met1fs|2/9|2/6|1/2||WARNING_A&INFO_B,G-T|missense_variant|MODERATE|G2|E2|transcript|T2|protein_coding|1/2|||||||;EFF=NON_SYNONYMOUS_CODING(MODERATE|MISSENSE|aTg/aCg|M1T|305|OR4F5|protein_coding|CODING|NM_1|1|2)",
            "1 20 . A T . . ANN=T|intergenic_region|MODIFIER|CHR_START-A|x|intergenic_region|y|||n.20A>T|||||77|;EFF=broken",
        ],
    );
    let ann = |config: &mut Config| config.ann = Annotation::Switch(true);
    let read = read_bytes(text.as_bytes(), 1, ann).await.unwrap();
    assert_eq!(read.column("info.ANN.gene"), ["[G1, G2]", "[CHR_START-A]"]);
    assert_eq!(read.column("info.ANN.transcript"), ["[T1, T2]", "[-]"]);
    assert_eq!(read.column("info.ANN.hgvsc"), ["[c.2del, -]", "[n.20A>T]"]);
    let (values, _) = entries(read.batch.column_by_name("info.ANN").unwrap());
    assert_eq!(values.column_by_name("Distance").unwrap().as_primitive::<Int32Type>().value(2), 77);
    assert_eq!(values.column_by_name("ERRORS / WARNINGS / INFO").unwrap().as_list::<i32>().value_length(0), 2);
    // The other annotation stays what it was.
    assert_eq!(read.column("info.EFF")[1], "[broken]");

    let eff = |config: &mut Config| config.ann = Annotation::Id("EFF".into());
    let read = read_bytes(text.as_bytes(), 1, eff).await.unwrap();
    assert_eq!(read.column("info.EFF.gene"), ["[-, OR4F5]", "-"]);
    assert_eq!(read.column("info.EFF.consequence"), ["[-, NON_SYNONYMOUS_CODING]", "-"]);
    assert_eq!(read.column("info.__other"), ["-", "EFF=broken"]);
}

#[tokio::test]
async fn bcftools_csq_entries() {
    let text = vcf(
        BCSQ,
        &[],
        &[
            "1 100 . TT T,TC . . BCSQ=frameshift|G1|T1|protein_coding|+|1M>1?|100TT>T,*missense|G2|T2|protein_coding|-|5V>5A|96A>G+100TT>TC,@96",
            "1 200 . A C,G . . BCSQ=intron|G3||protein_coding,synonymous|G4|T4|protein_coding|+|9L|200A>G",
            "1 300 . A C . . BCSQ=splice_region&intron|G5||protein_coding",
        ],
    );
    let read = read_bytes(text.as_bytes(), 1, |config| config.bcsq = Annotation::Switch(true)).await.unwrap();
    assert_eq!(read.column("info.BCSQ.gene"), ["[G1, G2]", "[G3, G4]", "[G5]"]);
    assert_eq!(read.column("info.BCSQ.consequence"), ["[frameshift, missense]", "[intron, synonymous]", "[splice_region]"]);
    assert_eq!(read.column("info.BCSQ.impact"), ["[HIGH, MODERATE]", "[MODIFIER, LOW]", "[LOW]"]);
    assert_eq!(read.column("info.BCSQ.dna_change"), ["[100TT>T, 96A>G+100TT>TC]", "[-, 200A>G]", "[-]"]);
    assert_eq!(alt_indexes(&read, "info.BCSQ"), [Some(1), Some(2), None, None, Some(2), Some(1)]);
    let (values, _) = entries(read.batch.column_by_name("info.BCSQ").unwrap());
    let stopped: Vec<_> = values.column_by_name("after_stop").unwrap().as_boolean().iter().collect();
    assert_eq!(stopped, [Some(false), Some(true), None, Some(false), Some(false), Some(false)]);
    let see = values.column_by_name("see_pos").unwrap();
    assert_eq!((see.null_count(), see.is_valid(2)), (5, true));
    assert!(read.odd().is_empty());
}

#[tokio::test]
async fn what_does_not_fit_is_kept_as_text() {
    let head = format!("{VEP}##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">\n");
    let good = "C|missense_variant|MODERATE|G1||||||||1";
    let long = "C|missense_variant|MODERATE|G2||||||||1|extra";
    let strand = "C|missense_variant|MODERATE|G3||||||||left";
    let text = vcf(
        &head,
        &[],
        &[
            &format!("1 10 . A C . . CSQ={good},{long};NEW=1"),
            &format!("1 20 . A C . . CSQ={strand},{good}"),
            "1 30 . A C . . CSQ=.;DP=3",
            "1 40 . A C . . CSQ=C",
        ],
    );
    let read = read_bytes(text.as_bytes(), 1, on).await.unwrap();
    let other = read.column("info.__other");
    assert!(other[0].ends_with(&format!("CSQ={long}")), "{other:?}");
    assert_eq!((other[1].as_str(), other[2].as_str(), other[3].as_str()), (&*format!("CSQ={strand}"), "-", "-"));
    // They are entries all the same, as far as they can be.
    assert_eq!(read.column("info.CSQ.gene"), ["[G1]", "[G3]", "-", "[-]"]);
    assert_eq!(entries(read.batch.column_by_name("info.CSQ").unwrap()).1, [2, 2, 0, 1]);
    assert_eq!(read.odd().len(), 1);
}

#[tokio::test]
async fn headers_that_list_nothing_or_differ() {
    let bare = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"whatever\">\n";
    let record = ["1 10 . A C . . CSQ=C|x"];
    let read_it = read_bytes(vcf(bare, &[], &record).as_bytes(), 1, on).await.unwrap();
    assert_eq!(read_it.column("info.CSQ"), ["[C|x]"]);
    assert!(read_it.inspection.notices.iter().any(|notice| notice.text.contains("lists no sub-fields")));
    let strict = |config: &mut Config| {
        on(config);
        config.conformance = Conformance::Strict;
    };
    assert_eq!(read_bytes(vcf(bare, &[], &record).as_bytes(), 1, strict).await.err().unwrap().class(), Class::Input);
    let error = read_bytes(vcf("", &[], &["1 10 . A C . . ."]).as_bytes(), 1, on).await.err().unwrap();
    assert_eq!((error.class(), error.to_string().contains("no input declares INFO/CSQ")), (Class::Usage, true));

    // Two files, two orders, one of them without any: each is read by its own header.
    let folder = tempfile::tempdir().unwrap();
    let other = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Format: symbol|Allele|NEW\">\n";
    for (name, head, record) in [
        ("a", VEP, "1 10 . A C . . CSQ=C|missense_variant|MODERATE|G1||||||||"),
        ("b", other, "1 20 . A C . . CSQ=G2|C|n"),
        ("c", bare, "1 30 . A C . . CSQ=G3|C"),
    ] {
        std::fs::write(folder.path().join(name), vcf(head, &[], &[record])).unwrap();
    }
    let mut config = Config::of(["a", "b", "c"]);
    on(&mut config);
    let read_it = read(&config, folder.path(), 2).await.unwrap();
    assert_eq!(read_it.column("info.CSQ.gene"), ["[G1]", "[G2]", "-"]);
    assert_eq!(read_it.column("info.__other"), ["-", "-", "CSQ=G3|C"]);
    let (values, _) = entries(read_it.batch.column_by_name("info.CSQ").unwrap());
    assert_eq!(values.column_by_name("NEW").unwrap().as_string::<i32>().value(1), "n");
}

#[tokio::test]
async fn choices() {
    let text = vcf(VEP, &[], &["1 10 . A C . . CSQ=C|missense_variant|MODERATE|G1|ENSG|||||||1"]);
    let chosen = |json: serde_json::Value| {
        let text = text.clone();
        async move {
            let annotation: Annotation = serde_json::from_value(json).unwrap();
            read_bytes(text.as_bytes(), 1, |config| {
                config.csq = annotation;
                config.info = Info::Word(InfoWord::None);
            })
            .await
        }
    };
    let read_it = chosen(serde_json::json!({ "fields": ["SYMBOL", "strand"] })).await.unwrap();
    let (values, _) = entries(read_it.batch.column_by_name("info.CSQ").unwrap());
    assert_eq!(values.column_names(), ["alt_index", "SYMBOL", "STRAND"]);
    assert_eq!(read_it.column("info.CSQ.consequence"), ["[missense_variant]"]);
    assert_eq!(chosen(serde_json::json!({ "fields": ["nope"] })).await.err().unwrap().class(), Class::Usage);
    assert_eq!(chosen(serde_json::json!("VEP")).await.err().unwrap().class(), Class::Usage);
    assert!(chosen(serde_json::json!(false)).await.unwrap().batch.column_by_name("info.CSQ").is_none());
    let taken = format!("{VEP}##INFO=<ID=CSQ.gene,Number=1,Type=String,Description=\"\">\n");
    let error = read_bytes(vcf(&taken, &[], &["1 10 . A C . . ."]).as_bytes(), 1, on).await.err().unwrap();
    assert_eq!(error.class(), Class::Input);
}

#[tokio::test]
async fn only_what_is_asked_for_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), vcf(VEP, &[], &["1 10 . A C . . CSQ=C|x|HIGH|G1||||||||bad"])).unwrap();
    let mut config = Config::of(["x"]);
    on(&mut config);
    let sql = "SELECT \"info.CSQ.gene\" FROM t";
    let read_it = read_sql(&config, folder.path(), 1, sql).await.unwrap();
    assert_eq!(read_it.column("info.CSQ.gene"), ["[G1]"]);
    assert!(read_it.plan.contains("projection=[info.CSQ.gene]"), "{}", read_it.plan);
    let sql = "SELECT \"info.CSQ\"[1]['SYMBOL'] AS g FROM t WHERE \"info.CSQ.impact\"[1] = 'HIGH'";
    assert_eq!(read_sql(&config, folder.path(), 1, sql).await.unwrap().column("g"), ["G1"]);
}

#[tokio::test]
async fn short_lines_cannot_take_memory_or_time_without_end() {
    let names = (0..1000).map(|i| format!("F{i}")).collect::<Vec<_>>().join("|");
    let head = format!("##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Format: Allele|{names}\">\n");
    let many = format!("1 10 . A C . . CSQ={}", ["C"; 40_000].join(","));
    let read_it = read_bytes(vcf(&head, &[], &[&many]).as_bytes(), 1, on).await.unwrap();
    let (_, rows) = entries(read_it.batch.column_by_name("info.CSQ").unwrap());
    let other = read_it.column("info.__other");
    assert_eq!(rows[0] + other[0].matches('C').count() - "CSQ".matches('C').count(), 40_000);
    assert!(rows[0] < 40_000);
    // 5,000 ALTs and 5,000 entries that name none.
    let alts: Vec<String> = (0..5_000).map(|i| format!("<A{i}>")).collect();
    let wide = format!("1 10 . A {} . . CSQ={}", alts.join(","), ["|missense_variant"; 5_000].join(","));
    let read_it = read_bytes(vcf(VEP, &[], &[&wide]).as_bytes(), 1, on).await.unwrap();
    let (_, rows) = entries(read_it.batch.column_by_name("info.CSQ").unwrap());
    assert!(rows[0] > 1_000 && rows[0] < 5_000, "{rows:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_annotation_makes_it_fail(
        alt in "[ACGT*<>.,DEL\\[]{1,8}",
        reference in "[ACGTN]{1,4}",
        csq in "[ACGT&|,.()@*+>0-9a-z-]{0,60}",
        format in "[A-Za-z_|' ()\\[\\]*.]{0,40}",
    ) {
        let head: String = ["CSQ", "ANN", "EFF", "BCSQ"].map(|id| {
            format!("##INFO=<ID={id},Number=.,Type=String,Description=\"Format: Allele|Consequence|{format}\">\n")
        }).concat();
        let record = format!("1 7 . {reference} {alt} . . CSQ={csq};ANN={csq};BCSQ={csq};EFF={csq}");
        let text = vcf(&head, &[], &[&record, "1 8 . A C . . ."]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for ann in ["ANN", "EFF"] {
            let result: Result<Read> = runtime.block_on(read_bytes(text.as_bytes(), 1, |config| {
                (config.csq, config.bcsq) = (Annotation::Switch(true), Annotation::Switch(true));
                config.ann = Annotation::Id(ann.into());
                config.on_bad_record = crate::source::vcf::OnBadRecord::Quarantine;
            }));
            let read = result.unwrap();
            prop_assert!(read.batch.num_rows() >= 1);
        }
    }
}

fn cell(array: &dyn Array, at: usize) -> String {
    if array.is_null(at) {
        return ".".into();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(at).to_owned(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).to_string(),
        DataType::Float64 => format!("{}", array.as_primitive::<Float64Type>().value(at)),
        _ => {
            let items = array.as_list::<i32>().value(at);
            (0..items.len()).map(|item| cell(&items, item)).collect::<Vec<_>>().join("&")
        }
    }
}

/// Numbers compare as numbers, and bcftools leaves escapes as they are.
fn alike(ours: &str, theirs: &str) -> bool {
    let theirs = &[("%3D", "="), ("%3B", ";"), ("%2C", ","), ("%3A", ":")]
        .iter()
        .fold(theirs.to_owned(), |text, (escape, plain)| text.replace(escape, plain));
    let number = |text: &str| text.split('&').map(|part| part.parse::<f64>().ok()).collect::<Option<Vec<_>>>();
    ours == theirs || matches!((number(ours), number(theirs)), (Some(a), Some(b)) if a == b)
}

/// What bcftools prints of the annotations, an entry a line, its sub-fields between tabs.
fn split_vep(file: &Path, id: &str) -> String {
    let format = format!("%CHROM\\t%POS\\t%{id}\\n");
    let arguments = ["+split-vep", "-a", id, "-d", "-A", "tab", "-f", &format, file.to_str().unwrap()];
    String::from_utf8(output_of("bcftools", &arguments, Path::new("/")).expect("split-vep takes the file")).unwrap()
}

/// Compares ours with what bcftools printed; says how many sub-fields that were.
async fn agree(file: &Path, id: &str, printed: &str) -> usize {
    let mut config = Config::of([file.to_string_lossy()]);
    config.csq = Annotation::Id(id.into());
    let read = read(&config, Path::new("/"), 1).await.unwrap();
    let (values, rows) = entries(read.batch.column_by_name(&format!("info.{id}")).unwrap());
    let (chroms, positions) = (read.column("chrom"), read.column("pos"));
    let places = rows.iter().enumerate().flat_map(|(row, n)| std::iter::repeat_n(row, *n));
    let (mut lines, mut compared) = (printed.lines(), 0);
    for (at, row) in places.enumerate() {
        let line: Vec<&str> = lines.next().unwrap().split('\t').collect();
        assert_eq!((line[0], line[1]), (chroms[row].as_str(), positions[row].as_str()), "{} entry {at}", file.display());
        for (nth, column) in values.columns()[1..].iter().enumerate() {
            let (ours, theirs) = (cell(column, at), line.get(nth + 2).copied().unwrap_or("."));
            assert!(alike(&ours, theirs), "{} {}:{} child {nth}: {ours} {theirs}", file.display(), line[0], line[1]);
            compared += 1;
        }
    }
    assert_eq!(lines.next(), None, "{}", file.display());
    compared
}

/// `tests/data/annotated.split-vep` is what bcftools 1.16 printed, so that its word counts on machines without it, too.
#[tokio::test]
async fn every_subfield_is_what_split_vep_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (file, recorded) = (folder.join("annotated.vcf"), include_str!("../../../../tests/data/annotated.split-vep"));
    assert_eq!(agree(&file, "CSQ", recorded).await, 6 * 13);
    if has_htslib() {
        assert_eq!(split_vep(&file, "CSQ"), recorded, "bcftools says something else than was recorded");
    }
}

#[tokio::test]
async fn every_subfield_of_real_files_is_what_split_vep_says() {
    let Some(folder) = real_folder().filter(|_| has_htslib()) else { return };
    let mut compared = 0;
    for (file, id) in [
        ("real/bcftools__split-vep.vcf", "CSQ"),
        ("real/vcfanno-examples__exac.vcf.gz", "CSQ"),
        ("real/vcf-pg-loader__annotated_ranked.vcf.gz", "CSQ"),
        ("real/vcf-pg-loader__gnomad_subset.vcf.gz", "vep"),
        ("real/vcf-pg-loader__genmod_sv.vcf.gz", "CSQ"),
        ("real/slivar__test.vcf", "CSQ"),
    ] {
        let file = folder.join(file);
        compared += agree(&file, id, &split_vep(&file, id)).await;
    }
    assert!(compared > 100_000, "{compared}");
}

#[tokio::test]
async fn alleles_of_real_entries_are_those_vep_numbered() {
    let Some(folder) = real_folder() else { return };
    let (mut compared, mut told_apart) = (0, 0);
    for (file, id) in [
        ("real/bcftools__split-vep.vcf", "CSQ"),
        ("real/vcfanno-examples__exac.vcf.gz", "CSQ"),
        ("real/vcf-pg-loader__gnomad_subset.vcf.gz", "vep"),
    ] {
        let mut config = Config::of([file]);
        config.csq = Annotation::Id(id.into());
        let read = read(&config, &folder, 1).await.unwrap();
        let (values, rows) = entries(read.batch.column_by_name(&format!("info.{id}")).unwrap());
        let number = values.column_by_name("ALLELE_NUM").unwrap().as_primitive::<Int32Type>();
        let allele = values.column_by_name("Allele").unwrap().as_string::<i32>();
        let (positions, references, alts) = (read.column("pos"), read.column("ref"), read.column("alt"));
        let places = rows.iter().enumerate().flat_map(|(row, n)| std::iter::repeat_n(row, *n));
        // One file was divided after it was annotated: there the numbers are those of the whole records.
        let divided: Vec<bool> = match read.batch.column_by_name("info.OLD_MULTIALLELIC") {
            Some(old) => (0..rows.len()).map(|row| old.is_valid(row)).collect(),
            None => vec![false; rows.len()],
        };
        let ours = alt_indexes(&read, &format!("info.{id}"));
        for (at, row) in places.enumerate() {
            let mut alleles = super::allele::Alleles::default();
            alleles.set(1, &references[row], Some(&alts[row]));
            let said = super::vep::Said { allele: allele.value(at), ..Default::default() };
            let about = super::vep::about(said, &alleles);
            let place = format!("{file}: {} {} {}", references[row], alts[row], allele.value(at));
            if positions[row] == "98683" {
                // That record's ALT was changed by hand: nobody's allele.
                assert_eq!(ours[at], None, "{place}");
            } else if !divided[row] {
                assert_eq!(about, super::allele::About::Alt(number.value(at) as u32), "{place}");
                assert_eq!(ours[at], Some(number.value(at)), "{place}");
                compared += 1;
            } else if references[row].len() == 1 && alts[row].len() == 1 {
                assert_eq!(ours[at], (allele.value(at) == alts[row]).then_some(1), "{place}");
                told_apart += 1;
            }
        }
    }
    println!("{compared} entries, and {told_apart} of divided records");
    assert!(compared > 1000 && told_apart > 50, "{compared} {told_apart}");
}

#[tokio::test]
async fn an_allele_named_by_its_symbol_has_its_gene() {
    let read = vep(&[
        "1 100 v1 G <INV> . . CSQ=INV|transcript_ablation|HIGH|GENE1||||||||",
        "1 300 v3 G <CNV> . . CSQ=CNV|transcript_ablation|HIGH|GENE3||||||||",
        "1 400 v4 G <DEL> . . CSQ=deletion|transcript_ablation|HIGH|GENE4||||||||",
    ])
    .await;
    assert_eq!(read.column("info.CSQ.gene"), ["[GENE1]", "[GENE3]", "[GENE4]"]);
    assert_eq!(alt_indexes(&read, "info.CSQ"), [Some(1); 3]);
    assert!(read.odd().is_empty());
}

#[tokio::test]
async fn escapes_are_undone_once_whatever_the_version() {
    let record = "1 100 . G A . . CSQ=A|synonymous_variant|LOW|GENE1|||ENST1|ENST1:c.897C>T|ENSP1:p.Gly299%3D%253D|||";
    let text = vcf(VEP, &[], &[record]);
    for version in ["4.1", "4.2", "4.3", "4.5"] {
        let text = text.replace("VCFv4.3", &format!("VCFv{version}"));
        let read = read_bytes(text.as_bytes(), 1, on).await.unwrap();
        assert_eq!(read.column("info.CSQ.hgvsp"), ["[ENSP1:p.Gly299=%3D]"], "{version}");
    }
}

#[tokio::test]
async fn a_field_of_another_tool_is_read_by_its_description() {
    let head = VEP.replace("ID=CSQ", "ID=ANN");
    let text = vcf(&head, &[], &["1 10 . G A . . ANN=A|stop_gained|HIGH|GENE1|ENSG1|Transcript|ENST1|||||"]);
    let read = read_bytes(text.as_bytes(), 1, |config| config.ann = Annotation::Switch(true)).await.unwrap();
    assert_eq!(read.column("info.ANN.gene"), ["[GENE1]"]);
    assert_eq!(read.column("info.ANN.consequence"), ["[stop_gained]"]);
    let told: Vec<&str> = read.inspection.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert!(told.iter().any(|text| text.contains("INFO/ANN is Ensembl VEP's")), "{told:?}");
    // The tool's own form needs no word.
    assert!(vep(&["1 1 . A C . . ."]).await.inspection.notices.iter().all(|notice| !notice.text.contains("read as such")));
}

#[tokio::test]
async fn commas_within_a_sub_field_make_no_entries() {
    let head = "##INFO=<ID=vep,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|LoF|LoF_info\">\n";
    let record =
        "1 10 . G GA . . vep=A|frameshift_variant|HIGH|GENE1|ENSG1|HC|X:0.5,Y:PASS,Z,A|intron_variant|MODIFIER|GENE2|ENSG1||";
    // As a list, and as the one text of a Number=1.
    for number in [".", "1"] {
        let head = head.replace("Number=.", &format!("Number={number}"));
        let text = vcf(&head, &[], &[record]);
        let read = read_bytes(text.as_bytes(), 1, |config| config.csq = Annotation::Id("vep".into())).await.unwrap();
        let (values, counts) = entries(read.batch.column_by_name("info.vep").unwrap());
        assert_eq!(counts, [2]);
        let info = values.column_by_name("LoF_info").unwrap().as_list::<i32>().value(0);
        assert_eq!(info.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["X:0.5,Y:PASS,Z"]);
        assert_eq!(alt_indexes(&read, "info.vep"), [Some(1), Some(1)]);
        assert!(read.odd().is_empty(), "{:?}", read.odd());
    }
}
