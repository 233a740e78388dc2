//! What the shipped policies let through, what they stop, and what the audit trail hears of it.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::policy::Source;
use super::rule::{Check, Rule, Verdict};
use super::stage::Sanitize;
use super::*;
use crate::audit::Event;
use crate::error::Class;
use crate::flow::{Around, Input, Labels, Number, Stage, StageConfig, VcfType, Word, vcf_field, with_word};
use crate::phi::{Contigs, Words};
use crate::secrets::KeyRing;
use crate::sensitive::Label;
use crate::stage::recorded::Work;
use crate::stage::seal::Seal;
use crate::store::{Document, HeaderLine, InputDocument};

const VEP: &str = "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|BIOTYPE|EXON|INTRON|HGVSc|HGVSp|cDNA_position|Amino_acids|Codons|Existing_variation|SIFT|CADD_PHRED|WARD";

fn stage(key: Option<&str>) -> Sanitize {
    let base = Path::new(".");
    let headers = Source::headers(None, base).unwrap().header_policy().unwrap();
    let text = Source::text(None, base).unwrap().text_policy(Default::default()).unwrap();
    Sanitize::new(headers, text, key.map(str::to_owned))
}

fn line(key: &str, value: &str) -> HeaderLine {
    HeaderLine { key: key.into(), value: value.into(), id: None }
}

fn document(lines: &[(&str, &str)]) -> Document {
    let lines = lines.iter().map(|(key, value)| line(key, value)).collect();
    Document {
        inputs: vec![InputDocument {
            version: "VCFv4.2".into(),
            header_digest: [0; 32],
            lines,
            samples: vec![],
            assembly: "GRCh38".into(),
            bytes: None,
            ..Default::default()
        }],
    }
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn lists(rows: &[&[&str]]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    rows.iter().for_each(|row| builder.append_value(row.iter().map(|text| Some(*text))));
    Arc::new(builder.finish())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// What is known of a sample called ZIMMERWALDT-7.
fn words() -> Words {
    Words::new(["ZIMMERWALDT-7"], Contigs::default()).unwrap()
}

/// The batch cleaned, and all events.
fn clean(stage: &Sanitize, batch: &RecordBatch, document: &mut Document, seal: Option<Seal>) -> (RecordBatch, Vec<Event>) {
    let (work, mut events) = stage.opened(&Input::whole(batch.schema()), document, &words(), seal).unwrap();
    let cleaned = work.apply(batch.clone()).unwrap();
    events.extend(work.events());
    assert_eq!(cleaned.schema(), stage.schema(&batch.schema()).unwrap());
    (cleaned, events)
}

/// What becomes of one value of a field, by the shipped policies.
fn verdict(field: &str, value: &str) -> Option<String> {
    let mut document = document(&[
        ("INFO", &format!("<ID=CSQ,Number=.,Type=String,Description=\"{VEP}\">")),
        ("FILTER", "<ID=q10,Description=\"x\">"),
    ]);
    static SHIPPED: LazyLock<Sanitize> = LazyLock::new(|| stage(None));
    let input = batch(vec![(field, texts(&[Some(value)]))]);
    let (work, _) = SHIPPED.opened(&Input::whole(input.schema()), &mut document, &words(), None).unwrap();
    let cleaned = work.apply(input).unwrap();
    let column = cleaned.column_by_name(field)?.as_string::<i32>();
    column.is_valid(0).then(|| column.value(0).to_owned())
}

#[test]
fn real_values_pass_whole() {
    for (field, values) in [
        (
            "ids",
            &[
                "rs12345",
                "COSV57014428",
                "COSM476",
                "nsv2777885",
                "esv3584976",
                "MantaBND:11:0:1:0:0:0:1",
                "bnd_W",
                "DRAGEN:LOSS:chr1:100-2000",
                "chr1_12345_A_T",
                ".",
            ][..],
        ),
        ("filters", &["PASS", "q10"]),
        (
            "info.CSQ",
            &[
                "T|missense_variant&splice_region_variant|MODERATE|BRCA1|ENSG00000012048|Transcript|ENST00000357654|protein_coding|10/23||ENST00000357654.9:c.5266dup|ENSP00000350283.3:p.Gln1756ProfsTer74|5379|Q/H|caG/caT|rs80357906&COSV58787147|deleterious(0.01)|24.3|",
                "-|frameshift_variant|HIGH|HLA-DRB1|ENSG00000196126|Transcript|NM_002124.4|protein_coding|||||?-15|KL/X|aaGCTt/aat||||",
                "A|upstream_gene_variant|MODIFIER|RP11-34P13.7|ENSG00000238009|Transcript|ENST00000466430|lncRNA||||||||rs1|||",
                "C|intron_variant|MODIFIER|C9orf72|ENSG00000147894|Transcript|ENST00000380003|protein_coding||1/10|ENST00000380003.8:c.-45+163C>G|||||||0.3|",
                "A|synonymous_variant|LOW|KRAS|3845|Transcript|NM_033360.4|protein_coding|2/6||NM_033360.4:c.111G>A|NP_203524.1:p.Gly12%3D||||||0.3|",
            ],
        ),
        (
            "info.ANN",
            &[
                "T|missense_variant|MODERATE|CCT8L2|ENSG00000198445|transcript|ENST00000359963|protein_coding|1/1|c.1406G>A|p.Gly469Glu|1666/2034|1406/1674|469/557||",
                "A|intergenic_region|MODIFIER|CHR_START-DDX11L1|CHR_START-DDX11L1|intergenic_region|CHR_START-DDX11L1|||n.14653C>T||||||",
            ],
        ),
        ("info.LOF", &["(PSMB1|ENSG00000008018|2|0.50)"]),
        (
            "info.BCSQ",
            &[
                "missense|BRCA1|ENST00000357654|protein_coding|-|1756Q>1756H|43057078C>A",
                "*synonymous|X|ENST00000357654|protein_coding|+|12A|43057078C>A",
                "@12345",
            ],
        ),
        (
            "info.CLNSIG",
            &[
                "Pathogenic",
                "Pathogenic/Likely_pathogenic",
                "Conflicting_classifications_of_pathogenicity",
                "Pathogenic|drug_response|other",
                "Uncertain_significance",
            ],
        ),
        ("info.CLNSIGCONF", &["Pathogenic(1)|Uncertain_significance(3)"]),
        (
            "info.CLNREVSTAT",
            &[
                "criteria_provided,_multiple_submitters,_no_conflicts",
                "reviewed_by_expert_panel",
                "_single_submitter",
                "no_assertion_criteria_provided",
            ],
        ),
        ("info.CLNVC", &["single_nucleotide_variant", "Microsatellite"]),
        (
            "info.CLNDISDB",
            &[
                "MONDO:MONDO:0011450",
                "MedGen:C2676676",
                "OMIM:604370",
                "Orphanet:145",
                "Human_Phenotype_Ontology:HP:0002664|MedGen:CN517202",
            ],
        ),
        ("info.CLNHGVS", &["NC_000017.11:g.43057078C>A", "NC_000001.11:g.925952_925953del", "NC_000001.11:g.1020217dup"]),
        ("info.MC", &["SO:0001583|missense_variant", "SO:0001627|intron_variant"]),
        ("info.GENEINFO", &["BRCA1:672|LOC126862571:126862571"]),
        ("info.SVTYPE", &["DEL", "BND"]),
        ("info.MATEID", &["MantaBND:11:0:1:0:0:0:0", "bnd_U", "gridss0_1o"]),
        ("info.EVENT", &["RR0", "MantaBND:11:0:1:0:0:0:0", "EVENT12"]),
        ("info.age_hist_het_bin_freq", &["0|1|2|0.5|1e-05"]),
        ("info.AS_SB_TABLE", &["10,20|3,4"]),
        ("info.AA", &["A", "t|||", "T|||", "."]),
        ("info.HOMSEQ", &["ACGTTN"]),
        ("info.FREQ", &["1000Genomes:0.9988,0.001198|TOPMED:0.999,0.0005"]),
        ("calls.PID", &["12345_A_T", "6899_TC_T,<NON_REF>"]),
        ("calls.PGT", &["0|1", "1|0"]),
        ("calls.FT", &["PASS", "q10", "q10;q10"]),
        ("calls.GT", &["0/1", "./.", "1|0"]),
    ] {
        for value in values {
            assert_eq!(verdict(field, value).as_deref(), Some(*value), "{field}");
        }
    }
}

#[test]
fn names_and_accession_numbers_pass_nowhere() {
    let planted = [
        "Smith",
        "SMITH",
        "Kumar",
        "KUMAR",
        "O'Brien",
        "John Smith",
        "Smith_John",
        "S23-004711",
        "H2023/11987",
        "MRN0012345",
        "123-45-6789",
        "2021-03-04",
        "/home/jsmith/case.vcf",
        "j.smith@example.org",
        "+1 555 010 9999",
        "NA12878",
        "Müller",
        "rs12 Smith",
        "Smith|Smith",
        "PASS;Smith",
    ];
    let fields = Source::text(None, Path::new(".")).unwrap().text_policy(Default::default()).unwrap();
    assert!(fields.columns().count() > 80);
    for field in fields.columns() {
        // A pattern stands for any name it fits.
        let field = field.replace('*', "X");
        for value in planted {
            assert_eq!(verdict(&field, value), None, "{field} keeps {value:?}");
        }
    }
}

#[test]
fn an_annotation_loses_only_what_does_not_fit() {
    let kept = verdict("info.CSQ", "T|Smith|MODERATE|brca one|ENSG00000012048|Transcript|ENST00000357654|Smith|||||||||||Smith");
    assert_eq!(kept.as_deref(), Some("T||MODERATE||ENSG00000012048|Transcript|ENST00000357654||||||||||||"));
    assert_eq!(
        verdict("info.CSQ", "T|missense_variant|MODERATE|BRCA1|||||||||||||||0012345")
            .as_deref()
            .map(|v| v.ends_with("|0012345")),
        Some(true),
        "an unknown sub-field keeps numbers"
    );
}

#[test]
fn columns_without_a_rule_go() {
    let stage = stage(None);
    let input = batch(vec![
        ("chrom", texts(&[Some("1")])),
        ("alt", texts(&[Some("<DEL>")])),
        ("qual", Arc::new(Float64Array::from(vec![1.0]))),
        ("info.DP", Arc::new(Int32Array::from(vec![1]))),
        ("info.NOTE", texts(&[Some("Smith")])),
        ("info.__other", texts(&[Some("X=Smith")])),
        ("info.John Smith", Arc::new(Int32Array::from(vec![1]))),
        ("info.CLNSIG", lists(&[&["Benign", "Smith"]])),
        (
            "calls.__sample",
            Arc::new(ListArray::from_iter_primitive::<datafusion::arrow::datatypes::Int32Type, _, _>([Some(vec![Some(0)])])),
        ),
        ("calls.COMMENT", lists(&[&["Smith"]])),
        ("calls.GT", lists(&[&["0/1", "Smith"]])),
        ("__row", Arc::new(UInt32Array::from(vec![0]))),
    ]);
    let (cleaned, events) = clean(&stage, &input, &mut document(&[]), None);
    let names: Vec<String> = cleaned.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["chrom", "alt", "qual", "info.DP", "info.CLNSIG", "calls.__sample", "calls.GT", "__row"]);
    let list = |name: &str| {
        cleaned[name].as_list::<i32>().value(0).as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(list("info.CLNSIG"), [Some("Benign".into()), None]);
    assert_eq!(list("calls.GT"), [Some("0/1".into()), None]);
    let column = |name: &str| Event::ColumnDropped { stage: "sanitize".into(), column: name.into() };
    let values = |name: &str| Event::ValuesDropped { stage: "sanitize".into(), column: name.into(), count: 1 };
    let unnamed = "fields whose names may not be kept: 1";
    assert_eq!(
        events,
        [
            column("calls.COMMENT"),
            column(unnamed),
            column("info.NOTE"),
            column("info.__other"),
            values("info.CLNSIG"),
            values("calls.GT")
        ]
    );
}

#[test]
fn words_of_the_file_stay_only_where_somebody_knows_them_and_they_name_nobody() {
    let number = || Arc::new(Int32Array::from(vec![1])) as ArrayRef;
    let marked = |name: &str, word| {
        with_word(vcf_field(Field::new(name, DataType::Int32, true), Number::Count(1), VcfType::Integer), word)
    };
    let fields = vec![
        marked("info.DP", Word::Known),
        marked("info.Doe_Jane", Word::Undeclared),
        marked("info.Zimmerwaldt7", Word::Named),
        vcf_field(Field::new("info.XX", DataType::Int32, true), Number::Count(1), VcfType::Integer),
        Field::new("info.derived", DataType::Int32, true),
    ];
    let input = RecordBatch::try_new(Arc::new(Schema::new(fields)), (0..5).map(|_| number()).collect()).unwrap();
    let mut header = document(&[
        ("INFO", "<ID=DP,Number=1,Type=Integer>"),
        ("INFO", "<ID=AC_zimmerwaldt_7,Number=1,Type=Integer>"),
        ("FORMAT", "<ID=MRN71222383,Number=1,Type=Integer>"),
        ("FILTER", "<ID=q10>"),
        ("FILTER", "<ID=Jane_failed>"),
        ("ALT", "<ID=DEL:ZIMMERWALDT7>"),
        ("ALT", "<ID=DEL>"),
        ("contig", "<ID=chr1,length=5>"),
        ("contig", "<ID=Zimmerwaldt-7,length=5>"),
    ]);
    let (cleaned, events) = clean(&stage(None), &input, &mut header, None);
    let kept: Vec<_> = cleaned.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(kept, ["info.DP", "info.derived"]);
    let lines: Vec<_> =
        header.inputs[0].lines.iter().map(|line| format!("{}{}", line.key, line.id.as_deref().unwrap())).collect();
    assert_eq!(lines, ["INFODP", "FILTERq10", "ALTDEL", "contigchr1"]);
    let told = format!("{events:?}");
    assert!(told.contains("fields whose names may not be kept: 3"), "{told}");
    assert!(!["immerwaldt", "Jane", "XX", "7122"].iter().any(|word| told.contains(word)), "{told}");
    // A filter's name is a word of the file, too.
    let input = batch(vec![("filters", lists(&[&["q10", "Jane_failed", "undeclared"]]))]);
    let mut header = document(&[("FILTER", "<ID=q10>"), ("FILTER", "<ID=Jane_failed>")]);
    let (cleaned, _) = clean(&stage(None), &input, &mut header, None);
    let filters = cleaned["filters"].as_list::<i32>().value(0);
    assert_eq!(filters.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("q10"), None, None]);
}

#[test]
fn columns_without_a_rule_are_sealed_with_a_key() {
    let stage = stage(Some("clinical"));
    let input = batch(vec![("info.NOTE", texts(&[Some("Smith"), None])), ("calls.COMMENT", lists(&[&["Smith"], &[]]))]);
    let ring = KeyRing::generate();
    let (cleaned, events) = clean(&stage, &input, &mut document(&[]), Some(Seal::new(&ring).unwrap()));
    let open = |column: &str, value: &[u8]| crate::stage::encrypt::reveal(&ring, column, value).unwrap();
    assert_eq!(open("info.NOTE", cleaned["info.NOTE"].as_binary::<i32>().value(0)), "Smith");
    assert_eq!(open("calls.COMMENT", cleaned["calls.COMMENT"].as_list::<i32>().value(0).as_binary::<i32>().value(0)), "Smith");
    assert!(cleaned["info.NOTE"].is_null(1));
    let columns = vec!["info.NOTE".into(), "calls.COMMENT".into()];
    assert_eq!(events, [Event::ColumnsEncrypted { columns, key_id: "k1".into(), values: 2 }]);
    assert_eq!(stage.keys(), ["clinical"]);
}

#[test]
fn a_batch_that_fits_is_not_copied() {
    let input = batch(vec![("info.CLNSIG", lists(&[&["Benign"], &["Pathogenic"]]))]);
    let (cleaned, events) = clean(&stage(None), &input, &mut document(&[]), None);
    assert!(Arc::ptr_eq(input.column(0), cleaned.column(0)) && events.is_empty());
}

#[test]
fn filters_are_those_the_header_declares() {
    let mut header = document(&[("FILTER", "<ID=q10,Description=\"Quality below 10\">"), ("FILTER", "<ID=John Smith>")]);
    let input = batch(vec![("filters", lists(&[&["PASS", "q10", "Smith", "John Smith"]]))]);
    let (cleaned, _) = clean(&stage(None), &input, &mut header, None);
    let kept = cleaned["filters"].as_list::<i32>().value(0);
    assert_eq!(kept.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("PASS"), Some("q10"), None, None]);
}

#[test]
fn headers_keep_structure_only() {
    let csq = format!("<ID=CSQ,Number=.,Type=String,Description=\"{VEP}\">");
    let mut header = document(&[
        ("fileformat", "VCFv4.2"),
        ("fileDate", "20210304"),
        ("source", "/home/smith/gatk HaplotypeCaller"),
        ("source", "our own pipeline"),
        ("reference", "file:///data/smith/Homo_sapiens_assembly38.fasta"),
        ("reference", "smith.fa"),
        ("contig", "<ID=chr1,length=248956422,assembly=hg38,species=\"Smith\",URL=ftp://smith>"),
        ("INFO", "<ID=DP,Number=1,Type=Integer,Description=\"Depth of Mrs Smith\",Source=\"Smith\">"),
        ("INFO", "<ID=NOTE,Number=1,Type=String,Description=\"Smith\">"),
        ("INFO", "<ID=John Smith,Number=1,Type=String>"),
        ("INFO", &csq),
        ("FILTER", "<ID=q10,Description=\"Smith\">"),
        ("ALT", "<ID=DEL,Description=\"Smith\">"),
        ("SAMPLE", "<ID=Smith,Genomes=Germline>"),
        ("PEDIGREE", "<Child=Smith,Mother=Anna>"),
        ("bcftools_viewCommand", "view smith.vcf"),
        ("Smith", "1"),
    ]);
    let (_, events) = clean(&stage(None), &batch(vec![("chrom", texts(&[Some("1")]))]), &mut header, None);
    let kept: Vec<String> = header.inputs[0].lines.iter().map(|line| format!("{}={}", line.key, line.value)).collect();
    assert_eq!(
        kept,
        [
            "fileformat=VCFv4.2",
            "source=GATK",
            "reference=GRCh38",
            "contig=<ID=chr1,length=248956422,assembly=hg38>",
            "INFO=<ID=DP,Number=1,Type=Integer,Description=\"Combined depth across samples\">",
            "INFO=<ID=NOTE,Number=1,Type=String>",
            "INFO=<ID=CSQ,Number=.,Type=String,Description=\"Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|BIOTYPE|EXON|INTRON|HGVSc|HGVSp|cDNA_position|Amino_acids|Codons|Existing_variation|SIFT|field_18|field_19\">",
            "FILTER=<ID=q10>",
            "ALT=<ID=DEL,Description=\"Deletion relative to the reference\">",
        ]
    );
    let dropped = |key: &str, count| Event::HeaderLinesDropped { input: 1, key: key.into(), count };
    assert_eq!(
        events,
        [
            dropped("INFO", 1),
            dropped("PEDIGREE", 1),
            dropped("SAMPLE", 1),
            dropped("fileDate", 1),
            dropped("other", 2),
            dropped("reference", 1),
            dropped("source", 1),
        ]
    );
}

#[test]
fn inputs_that_disagree_on_an_annotation_trust_neither() {
    let format = |names: &str| format!("<ID=CSQ,Number=.,Type=String,Description=\"Format: {names}\">");
    let mut document = document(&[("INFO", &format("Allele|SYMBOL")), ("INFO", &format("Allele|BIOTYPE"))]);
    let (cleaned, _) =
        clean(&stage(None), &batch(vec![("info.CSQ", texts(&[Some("A|BRCA1"), Some("A|protein_coding")]))]), &mut document, None);
    assert_eq!(cleaned["info.CSQ"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("A|"), Some("A|")]);
}

#[test]
fn labels_follow_the_policies() {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let schema = Schema::new(vec![text("ids"), text("info.CLNSIG"), text("info.NOTE"), text("chrom"), text("calls.GT")]);
    let labels = stage(Some("k")).labels(&Labels::default(), &schema);
    assert_eq!(labels.headers, Label::Public);
    assert_eq!(labels.samples, Label::Identifier);
    let of = ["ids", "info.CLNSIG", "info.NOTE", "calls.GT", "chrom"].map(|name| labels.of(name));
    assert_eq!(of, [Label::Public, Label::Clinical, Label::Clinical, Label::Clinical, Label::Identifier]);
    assert_eq!(
        stage(None).labels(&Labels::default(), &schema).of("info.NOTE"),
        Label::Identifier,
        "a dropped column is not declassified"
    );
}

#[test]
fn mistakes_in_a_policy_are_all_told_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("text.yaml")).unwrap();
    write!(file, "version: 1\nrules:\n  a: {{ any_of: [b] }}\n  b: {{ any_of: [a] }}\n  c: {{ grammar: '(' }}\nfields:\n  info.X: d\n  info.Y: {{ grammer: x }}\nextra: 1\n").unwrap();
    let config = |allow: &str| Config { headers: None, text: Text { allow: Some(allow.into()), ..Text::default() } };
    let error = config("text.yaml").build(&Around::folder(folder.path())).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("9:1: unknown section extra"), "{error}");
    std::fs::write(folder.path().join("text.yaml"), "version: 1\nrules:\n  a: { any_of: [b] }\n  b: { any_of: [a] }\n  c: { grammar: '(' }\nfields:\n  info.X: d\n  info.Y: {}\n").unwrap();
    let told = config("text.yaml").build(&Around::folder(folder.path())).unwrap_err().to_string();
    for mistake in
        ["rules.a: the rule", "rules.c: the grammar", "fields.info.X: there is no rule d", "fields.info.Y: a rule needs"]
    {
        assert!(told.contains(mistake), "{mistake} in {told}");
    }
    assert_eq!(config("missing.yaml").build(&Around::folder(folder.path())).unwrap_err().class(), Class::Usage);
}

#[test]
fn encryption_needs_a_key_and_a_key_needs_encryption() {
    let text = |otherwise, key: Option<&str>| Config {
        headers: None,
        text: Text { otherwise, key: key.map(str::to_owned), ..Text::default() },
    };
    assert!(text(Otherwise::Encrypt, None).build(&Around::folder(Path::new("."))).unwrap_err().hint().is_some());
    assert!(text(Otherwise::Drop, Some("k")).build(&Around::folder(Path::new("."))).is_err());
    assert!(text(Otherwise::Encrypt, Some("k")).build(&Around::folder(Path::new("."))).is_ok());
    let config: Config = serde_json::from_str("{}").unwrap();
    assert!(
        config
            .build(&Around::folder(Path::new(".")))
            .unwrap()
            .specification()
            .unwrap()
            .to_string()
            .starts_with("otherwise=drop headers=")
    );
}

#[test]
fn a_check_of_text_that_is_no_genotype_fails() {
    assert_eq!(Check::Rule(Arc::new(Rule::Genotype)).verdict("Smith", &mut Vec::new()), Verdict::Unfit);
}

/// `info.CSQ` taken apart, one row with an entry a line: Consequence, SYMBOL, STRAND and a sub-field the policy does not know.
fn taken_apart(entries: &[(&[&str], &str, i32, &str)]) -> (Field, ArrayRef) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("alt_index", Arc::new(Int32Array::from(vec![Some(123_456_789); entries.len()]))),
        ("Consequence", lists(&entries.iter().map(|e| e.0).collect::<Vec<_>>())),
        ("symbol", texts(&entries.iter().map(|e| Some(e.1)).collect::<Vec<_>>())),
        ("STRAND", Arc::new(Int32Array::from(entries.iter().map(|e| e.2).collect::<Vec<_>>()))),
        ("of John Smith", texts(&entries.iter().map(|e| Some(e.3)).collect::<Vec<_>>())),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let values = StructArray::new(fields.into(), columns.into_iter().map(|(_, array)| array).collect(), None);
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([entries.len()]);
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(values), None));
    let field = crate::flow::annotation::mark(Field::new("info.CSQ", list.data_type().clone(), true), "CSQ", None);
    (field, list)
}

#[test]
fn entries_are_checked_subfield_by_subfield() {
    let (field, list) = taken_apart(&[
        (&["missense_variant", "Smith"], "BRCA1", -1, "0.5"),
        (&["stop_gained"], "123-45-6789", 123_456_789, "Smith"),
    ]);
    let gene = |name: &str, subfield: Option<&str>| {
        let field = Field::new(name, DataType::Utf8, true);
        subfield.map_or(field.clone(), |subfield| crate::flow::annotation::mark(field, "CSQ", Some(subfield)))
    };
    let schema = Schema::new(vec![
        field,
        gene("info.CSQ.gene", Some("SYMBOL")),
        gene("info.CSQ.impact", Some("IMPACT")),
        // The mark alone, and the name alone, let nothing through.
        gene("info.NOTE", Some("SYMBOL")),
        gene("info.CSQ.hgvsc", None),
    ]);
    let mut columns = vec![list];
    columns.extend(["brca one", "HIGH", "BRCA1", "BRCA1"].map(|text| texts(&[Some(text)])));
    let input = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let stage = stage(None);
    let (cleaned, events) = clean(&stage, &input, &mut document(&[]), None);
    let names: Vec<_> = cleaned.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["info.CSQ", "info.CSQ.gene", "info.CSQ.impact"]);
    assert!(cleaned["info.CSQ.gene"].is_null(0) && cleaned["info.CSQ.impact"].is_valid(0));
    let entries = cleaned["info.CSQ"].as_list::<i32>().values().as_struct().clone();
    assert_eq!(entries.column_names(), ["alt_index", "Consequence", "symbol", "STRAND", "field_4"]);
    let text = |name: &str| {
        entries.column_by_name(name).unwrap().as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(text("symbol"), [Some("BRCA1".into()), None]);
    assert_eq!(text("field_4"), [Some("0.5".into()), None]);
    let strand = entries.column_by_name("STRAND").unwrap().as_primitive::<datafusion::arrow::datatypes::Int32Type>();
    assert_eq!(strand.iter().collect::<Vec<_>>(), [Some(-1), None]);
    let terms = entries.column_by_name("Consequence").unwrap().as_list::<i32>().value(0);
    assert_eq!(terms.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("missense_variant"), None]);
    let dropped = |name: &str, count| Event::ValuesDropped { stage: "sanitize".into(), column: name.into(), count };
    assert!(events.contains(&dropped("info.CSQ", 4)) && events.contains(&dropped("info.CSQ.gene", 1)), "{events:?}");
    let labels = stage.labels(&Labels::default(), &input.schema());
    let of = ["info.CSQ", "info.CSQ.gene", "info.NOTE", "info.CSQ.hgvsc"].map(|name| labels.of(name));
    assert_eq!(of, [Label::Clinical, Label::Clinical, Label::Identifier, Label::Identifier]);
    assert!(stage.blocks_predicates_on(&cleaned.schema()).contains(&"info.CSQ".to_owned()));
}

#[test]
fn entries_nobody_can_check_go_or_are_sealed() {
    let (field, list) = taken_apart(&[(&["stop_gained"], "BRCA1", 1, "x")]);
    let other = |name: &str| Schema::new(vec![field.clone().with_name(name)]);
    let batch = |name: &str| RecordBatch::try_new(Arc::new(other(name)), vec![list.clone()]).unwrap();
    // No rule for the field; a rule that is no annotation's.
    for name in ["info.XYZ", "info.CLNSIG"] {
        let (cleaned, _) = clean(&stage(None), &batch(name), &mut document(&[]), None);
        assert_eq!(cleaned.num_columns(), 0, "{name}");
        let ring = KeyRing::generate();
        let seal = Some(Seal::new(&ring).unwrap());
        let (cleaned, _) = clean(&stage(Some("clinical")), &batch(name), &mut document(&[]), seal);
        assert_eq!(cleaned.column(0).data_type(), &DataType::Binary, "{name}");
    }
    // A child of a shape without a check.
    let deep = StructArray::new(
        vec![Field::new("SYMBOL", DataType::LargeUtf8, true)].into(),
        vec![Arc::new(LargeStringArray::from(vec!["Smith"]))],
        None,
    );
    let item = Arc::new(Field::new("item", deep.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([1]);
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(deep), None));
    let (cleaned, _) = clean(&stage(None), &super::tests::batch(vec![("info.CSQ", list)]), &mut document(&[]), None);
    assert_eq!(cleaned.num_columns(), 0);
}
