//! Names go, pseudonyms come, and nothing else changes.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::apply::Rows;
use super::stage::Anonymize;
use super::*;
use crate::access;
use crate::audit::{RecordedKeys, Recorder};
use crate::db::local::testing;
use crate::error::Class;
use crate::flow::{Apply, Around, Context, Input, Labels, Opening, Safeguards, Stage, StageConfig};
use crate::phi::{Contigs, Words};
use crate::secrets::{KeyRing, Keys};
use crate::sensitive::{Label, Sensitive};
use crate::store::{Document, HeaderLine, InputDocument, SampleId};

fn names(names: &[&str]) -> Vec<Sensitive<String>> {
    names.iter().map(|name| Sensitive::new((*name).to_owned())).collect()
}

fn pseudonyms(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("P-{i}")).collect()
}

fn input(lines: &[(&str, &str)], samples: &[&str]) -> InputDocument {
    let id = |value: &str| value.strip_prefix("<ID=").and_then(|v| v.split([',', '>']).next()).map(str::to_owned);
    InputDocument {
        version: "VCFv4.2".into(),
        header_digest: [0; 32],
        lines: lines.iter().map(|(k, v)| HeaderLine { key: (*k).into(), value: (*v).into(), id: id(v) }).collect(),
        samples: samples.iter().map(|name| SampleId::Name(Sensitive::new((*name).to_owned()))).collect(),
        assembly: "unknown".into(),
        bytes: None,
        ..Default::default()
    }
}

fn shown(document: &Document) -> Vec<String> {
    document.inputs.iter().flat_map(|input| &input.lines).map(|l| format!("{}={}", l.key, l.value)).collect()
}

fn samples(document: &Document) -> Vec<String> {
    let samples = document.inputs.iter().flat_map(|input| &input.samples);
    let name = |sample: &SampleId| match sample {
        SampleId::Name(name) => name.expose().clone(),
        SampleId::Pseudonym(pseudonym) => pseudonym.clone(),
    };
    samples.map(name).collect()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn every_place_in_the_header_that_names_a_sample_gets_the_pseudonym() {
    let lines = [
        ("SAMPLE", "<ID=NA12878,Genomes=Germline,Description=\"of NA12878, not NA128780\">"),
        ("PEDIGREE", "<ID=S1,Mother=1,Father=NA12878>"),
        ("META", "<ID=Batch,Type=String,Number=.,Values=[S1, A, 1]>"),
        ("tumor_sample", "TUMOR"),
        ("bcftools_viewCommand", "view -s S1,1 /data/NA12878_sorted.bam TUMOR"),
        ("INFO", "<ID=NA12878_AF,Number=1,Type=Float,Description=\"AF in NA12878 and tumor TUMOR\">"),
        ("NA12878_note", "x"),
        ("contig", "<ID=1,length=249250621>"),
    ];
    let mut document = Document { inputs: vec![input(&lines, &["NA12878", "S1", "1", "TUMOR"]), input(&[], &["S1"])] };
    let found = document::names_in(&document);
    assert_eq!(found.len(), 5);
    let given: Vec<String> = ["P-a", "P-b", "P-c", "P-d", "P-b"].map(String::from).to_vec();
    assert_eq!(document::rewrite(&mut document, &found, &given).unwrap(), [4, 1]);
    assert_eq!(samples(&document), given);
    assert_eq!(
        shown(&document),
        [
            "SAMPLE=<ID=P-a,Genomes=Germline,Description=\"of P-a, not NA128780\">",
            "PEDIGREE=<ID=P-b,Mother=P-c,Father=P-a>",
            "META=<ID=Batch,Type=String,Number=.,Values=[P-b,A,P-c]>",
            "tumor_sample=P-d",
            "bcftools_viewCommand=view -s P-b,1 /data/P-a_sorted.bam TUMOR",
            "INFO=<ID=NA12878_AF,Number=1,Type=Float,Description=\"AF in P-a and tumor TUMOR\">",
            "P-a_note=x",
            "contig=<ID=1,length=249250621>",
        ]
    );
    assert_eq!(document.inputs[0].lines[0].id.as_deref(), Some("P-a"));
    assert_eq!(document.inputs[0].lines[5].id.as_deref(), Some("NA12878_AF"));
    assert!(document::names_in(&document).is_empty());
}

#[test]
fn names_in_text_are_replaced_and_alleles_genotypes_and_short_words_stay() {
    let mut remarks = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    remarks.values().append_value([Some("GATTACA|S1"), None]);
    remarks.append(true);
    remarks.append_null();
    let values = StructArray::new(
        vec![Field::new("n", DataType::Int32, true), Field::new("SYMBOL", DataType::Utf8, true)].into(),
        vec![Arc::new(Int32Array::from(vec![1, 2])), text(&[Some("x GATTACA"), Some("BRCA1")])],
        None,
    );
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([0, 2]);
    let entries: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(values), None));
    let before = batch(vec![
        ("chrom", text(&[Some("GATTACA"), None])),
        ("ref", text(&[Some("GATTACA"), Some("A")])),
        ("alt", text(&[Some("GATTACA"), None])),
        ("ids", text(&[Some("GATTACA_v1"), None])),
        ("info.NOTE", text(&[Some("as in GATTACA; S1"), Some("GATTACAT")])),
        ("calls.RMK", Arc::new(remarks.finish())),
        ("info.CSQ", entries),
    ]);
    let rows = Rows::new(&before.schema(), &names(&["GATTACA", "S1"]), &pseudonyms(2)).unwrap();
    let after = rows.apply(before.clone()).unwrap();
    let seen = |name: &str| {
        let mut all = Vec::new();
        crate::phi::text::each(&after[name], |value| all.push(value.text.to_owned()));
        all
    };
    for untouched in ["chrom", "ref", "alt"] {
        assert_eq!(&after[untouched], &before[untouched]);
    }
    assert_eq!(seen("ids"), ["P-1_v1"]);
    assert_eq!(seen("info.NOTE"), ["as in P-1; S1", "GATTACAT"]);
    assert_eq!(seen("calls.RMK"), ["P-1|S1"]);
    assert_eq!(seen("info.CSQ"), ["x P-1", "BRCA1"]);
    assert_eq!(after.schema(), before.schema());
    assert_eq!(after["calls.RMK"].null_count(), 1);
}

#[test]
fn samples_become_clinical_and_text_keeps_its_label() {
    let mut labels = Labels::default();
    labels.set("info.NOTE", Label::Phi);
    let after = Anonymize::new(Config::default()).labels(&labels, &Schema::empty());
    assert_eq!((after.samples, after.headers, after.of("info.NOTE")), (Label::Clinical, Label::Identifier, Label::Phi));
}

#[test]
fn the_configuration_names_key_and_database() {
    let stage = |json: &str| {
        let around = Around { database: Some("beside".into()), ..Around::folder(Path::new(".")) };
        serde_json::from_str::<Config>(json).unwrap().build(&around).unwrap().stage().unwrap().clone()
    };
    let shown = |json: &str| stage(json).specification().unwrap().to_string();
    assert!(shown(r#"{"key":"k","database":"clinic"}"#).starts_with("samples=vault key=k database=clinic parts="));
    assert!(shown("{}").contains("key=vault database=beside"), "the vault lies beside the rows");
    let default = stage("{}");
    assert_eq!(default.keys(), ["vault"]);
    assert_eq!(stage(r#"{"samples":"vault","database":"clinic"}"#).databases(), ["clinic"]);
    assert!(serde_json::from_str::<Config>(r#"{"samples":"hash"}"#).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_twice_gives_the_same_pseudonyms_and_leaves_no_name() {
    let databases = testing::database().await;
    let keys = Keys::default().with_ring("vault", KeyRing::generate());
    let grant = access::credential_holder();
    let stage = Anonymize::new(Config { database: Some("local".into()), ..Config::default() });
    let schema = batch(vec![("info.NOTE", text(&[]))]).schema();
    let open = async |keys: &Keys, stage: &Anonymize| {
        let context = Arc::new(Context::new(uuid::Uuid::nil(), Recorder::discard()));
        let opening = Opening {
            context,
            grant: &grant,
            keys: &RecordedKeys::open(keys, stage.keys().iter().map(String::as_str), &Recorder::discard())?,
            databases: &databases,
            options_digest: [0; 32],
            name: "test",
            original: &Document::default(),
            words: &Arc::new(Words::new([], Contigs::default())?),
            safeguards: &Safeguards::default(),
            units: &[],
            force: false,
            private: true,
            shard: None,
            load_name: None,
            files: None,
        };
        let mut document = Document { inputs: vec![input(&[("x", "for Zimmerwaldt")], &["Zimmerwaldt", "HG002"])] };
        let rows = stage.open(&opening, Input::whole(schema.clone()), &mut document).await?;
        let out = rows.apply(batch(vec![("info.NOTE", text(&[Some("Zimmerwaldt")]))]))?;
        Ok::<_, crate::error::Error>((
            samples(&document),
            shown(&document),
            out["info.NOTE"].as_string::<i32>().value(0).to_owned(),
        ))
    };
    let (first, lines, note) = open(&keys, &stage).await.unwrap();
    assert!(first.iter().all(|pseudonym| pseudonym.starts_with("P-")));
    assert_eq!((lines, &note), (vec![format!("x=for {}", first[0])], &first[0]));
    assert_eq!(open(&keys, &stage).await.unwrap().0, first);
    // another ring cannot find the entries, so it makes others
    let other = Keys::default().with_ring("vault", KeyRing::generate());
    assert_ne!(open(&other, &stage).await.unwrap().0, first);

    let lost = Anonymize::new(Config { key: "absent".into(), ..Config::default() });
    assert_eq!(open(&keys, &lost).await.unwrap_err().class(), Class::Usage);
}
