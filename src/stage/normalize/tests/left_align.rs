//! Left-aligned batches: what changes, what never does, and what becomes of records that are not of the reference.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::super::Normalize;
use super::cells;
use crate::audit::Recorder;
use crate::error::{Class, Error};
use crate::fasta::Fasta;
use crate::flow::{Apply, BadRecords, Context, Labels, Stage};
use crate::sensitive::Label;
use crate::store::InputUnits;

/// A record: CHROM, POS, REF, ALT.
pub(super) type Record<'a> = (&'a str, i64, &'a str, Option<&'a str>);

/// A stage over a FASTA in a folder of its own.
pub(super) struct Bench {
    _folder: tempfile::TempDir,
    pub context: Arc<Context>,
    pub stage: Normalize,
}

impl Bench {
    pub(super) fn new(fasta: &str, split: bool, quarantine: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("r.fa");
        std::fs::write(&path, fasta).unwrap();
        let bad_records = if quarantine { BadRecords::SetAside { most: Some(10) } } else { BadRecords::Fail };
        let stage = Normalize::new(split).with_reference(Fasta::open(&path).unwrap(), bad_records).unwrap();
        Self { _folder: folder, context: Arc::new(Context::new(uuid::Uuid::nil(), Recorder::discard())), stage }
    }

    fn open(&self, schema: &Schema) -> Arc<dyn Apply> {
        let inputs = vec![
            InputUnits { input: 0, first: 0, count: Some(2), index: None, reserved: 2 },
            InputUnits { input: 1, first: 2, count: Some(2), index: None, reserved: 2 },
        ];
        assert_eq!(self.stage.check(schema), Vec::<String>::new());
        self.stage.begin(self.context.clone(), inputs, schema).unwrap()
    }

    pub(super) fn run(&self, records: &[Record]) -> Result<RecordBatch, Error> {
        let batch = batch(records);
        let out = self.open(&batch.schema()).apply(batch.clone())?;
        assert_eq!(out.schema(), self.stage.schema(&batch.schema()).unwrap());
        Ok(out)
    }

    /// Rows as `POS REF ALT (end) < the original`.
    fn rows(&self, records: &[Record]) -> Vec<String> {
        let batch = self.run(records).unwrap();
        let column = |name: &str| cells(&batch, name);
        let (pos, reference, alt, end) = (column("pos"), column("ref"), column("alt"), column("end_pos"));
        let (old_pos, old_ref, old_alt) = (column("orig_pos"), column("orig_ref"), column("orig_alt"));
        (0..batch.num_rows())
            .map(|i| {
                let now = format!("{} {} {} ({})", pos[i], reference[i], alt[i], end[i]);
                match [&old_pos[i], &old_ref[i], &old_alt[i]].map(String::as_str) {
                    ["∅", "∅", "∅"] => now,
                    [pos, reference, alt] => format!("{now} < {pos} {reference} {alt}"),
                }
            })
            .collect()
    }
}

/// Records of unit 2, one a line.
fn batch(records: &[Record]) -> RecordBatch {
    let ends = records.iter().map(|(_, pos, reference, _)| pos.saturating_add(reference.len() as i64 - 1));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("chrom", Arc::new(records.iter().map(|record| Some(record.0)).collect::<StringArray>())),
        ("pos", Arc::new(records.iter().map(|record| record.1).collect::<Int64Array>())),
        ("end_pos", Arc::new(ends.collect::<Int64Array>())),
        ("ref", Arc::new(records.iter().map(|record| Some(record.2)).collect::<StringArray>())),
        ("alt", Arc::new(records.iter().map(|record| record.3).collect::<StringArray>())),
        ("alt_index", Arc::new(Int32Array::from(vec![None; records.len()]))),
        ("info.END", Arc::new(records.iter().enumerate().map(|(i, _)| (i == 0).then_some(77)).collect::<Int32Array>())),
        ("__unit", Arc::new(UInt32Array::from(vec![2; records.len()]))),
        ("__row", Arc::new((0..records.len() as u32).collect::<UInt32Array>())),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

//                         1234567890123456
const REFERENCE: &str = ">1 x\nGGGCACAC\nACAGGGtt\n>2\nAAAAAAG\n>3\nNNRYACGT\n";

#[test]
fn alleles_move_to_the_left_and_the_originals_stay_beside_them() {
    let bench = Bench::new(REFERENCE, true, false);
    let rows = bench.rows(&[
        ("1", 9, "ACA", Some("A,ACACA,TCA")),
        ("1", 4, "C", Some("T")),
        ("1", 15, "tt", Some("t")),
        ("2", 4, "AA", Some("A")),
        ("2", 6, "A", Some("AA,AC")),
        ("1", 3, "GCA", Some("G")),
    ]);
    let wanted = [
        "3 GCA G (5) < 9 ACA A",
        "3 G GCA (3) < 9 ACA ACACA",
        "9 A T (9) < 9 ACA TCA",
        "4 C T (4)",
        "14 GT G (15) < 15 tt t",
        "1 AA A (2) < 4 AA A",
        "1 A AA (1) < 6 A AA",
        "6 A AC (6)",
        "3 GCA G (5)",
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn a_declared_end_follows_its_record_and_rows_keep_their_line() {
    let bench = Bench::new(REFERENCE, true, false);
    let out = bench.run(&[("1", 9, "ACA", Some("A,TCA")), ("1", 9, "ACA", Some("A"))]).unwrap();
    assert_eq!(cells(&out, "info.END"), ["5", "9", "∅"]);
    assert_eq!(cells(&out, "__row"), ["0", "0", "1"]);
    assert_eq!(cells(&out, "alt_index"), ["1", "2", "1"]);
}

#[test]
fn what_is_not_made_of_bases_stays_byte_for_byte() {
    let bench = Bench::new(REFERENCE, true, false);
    for alt in ["<DEL>", "<DUP:TANDEM>", "<NON_REF>", "<*>", "*", "g]17:198982]", "]13:123456]ACA", "ACA.", ".ACA", "ACAR", "aca"]
    {
        assert_eq!(bench.rows(&[("1", 9, "ACA", Some(alt))]), [format!("9 ACA {alt} (11)")]);
    }
    // Whole records stay whole when one of their alleles is not made of bases.
    let whole = Bench::new(REFERENCE, false, false);
    assert_eq!(whole.rows(&[("1", 9, "ACA", Some("A,<DEL>"))]), ["9 ACA A,<DEL> (11)"]);
    assert_eq!(whole.rows(&[("1", 9, "ACA", Some("A,ACACA"))]), ["3 GCA G,GCACA (5) < 9 ACA A,ACACA"]);
    // A record without ALT is one of its position, and reaches as far as before.
    assert_eq!(whole.rows(&[("1", 9, "ACA", None)]), ["9 A ∅ (11) < 9 ACA ∅"]);
    assert_eq!(whole.rows(&[("1", 9, "a", None)]), ["9 a ∅ (9)"]);
}

#[test]
fn ambiguity_codes_of_the_reference_may_be_reduced() {
    let bench = Bench::new(REFERENCE, true, false);
    for reference in ["NNR", "NNN", "NNA", "nnr"] {
        assert!(bench.run(&[("3", 1, reference, Some("G"))]).is_ok(), "{reference}");
    }
    for reference in ["NNG", "NAR", "NNY", "NN*"] {
        assert!(bench.run(&[("3", 1, reference, Some("G"))]).is_err(), "{reference}");
    }
    // They are `N` where alleles are moved over them.
    assert_eq!(bench.rows(&[("3", 5, "A", Some("NA"))]), ["1 N NN (1) < 5 A NA"]);
}

#[test]
fn a_record_that_is_not_of_the_reference_ends_the_load_by_its_position() {
    let bench = Bench::new(REFERENCE, true, false);
    let refused = |record: Record| {
        let error = bench.run(&[("1", 4, "C", Some("T")), record]).unwrap_err();
        assert_eq!(error.class(), Class::Input);
        (error.to_string(), error.hint().unwrap().to_owned())
    };
    let told = |record| refused(record).0;
    assert_eq!(told(("1", 5, "C", Some("T"))), "input 2, 1:5: REF: not what the reference has there");
    assert_eq!(told(("1", 9, "ACT", Some("A"))), "input 2, 1:9: REF: not what the reference has there");
    assert_eq!(told(("1", 16, "TT", Some("T"))), "input 2, 1:16: REF: not what the reference has there");
    assert_eq!(told(("1", 5, "N", Some("T"))), "input 2, 1:5: REF: not what the reference has there");
    assert_eq!(told(("1", 17, "A", Some("T"))), "input 2, 1:17: POS: outside the reference's sequence");
    assert_eq!(told(("1", 0, "A", Some("T"))), "input 2, 1:0: POS: outside the reference's sequence");
    assert_eq!(
        told(("1", i64::MAX, "A", Some("<DEL>"))),
        "input 2, 1:9223372036854775807: POS: outside the reference's sequence"
    );
    assert_eq!(told(("1", -1, "A", Some("<DEL>"))), "input 2, 1:-1: POS: outside the reference's sequence");
    let (text, hint) = refused(("chr1", 5, "A", Some("T")));
    assert_eq!(text, "input 2, chr1:5: CHROM: not a sequence of the reference");
    assert!(hint.contains("another prefix"));
    assert!(!refused(("7", 5, "A", Some("T"))).1.contains("prefix"));
    assert_eq!(told(("JANE DOE", 5, "A", Some("T"))), "input 2, a contig:5: CHROM: not a sequence of the reference");
}

#[test]
fn telomeres_and_a_reference_base_nobody_claims_are_left_to_structural_variants() {
    let bench = Bench::new(REFERENCE, true, false);
    for alt in [".[13:123457[", "<DEL>", "<INS>,<DUP>"] {
        for pos in [0, 5, 17] {
            assert!(bench.run(&[("1", pos, "N", Some(alt))]).is_ok(), "{pos} {alt}");
        }
        assert!(bench.run(&[("1", 18, "N", Some(alt))]).is_err());
        assert!(bench.run(&[("1", 5, "C", Some(alt))]).is_err(), "a wrong base is wrong");
    }
    assert!(bench.run(&[("1", 5, "N", Some("<DEL>,T"))]).is_err());
    assert!(bench.run(&[("1", 5, "N", Some("*"))]).is_err());
    assert!(bench.run(&[("1", 5, "N", None)]).is_err());
}

#[test]
fn in_quarantine_such_records_are_set_aside_with_their_line() {
    let bench = Bench::new(REFERENCE, true, true);
    let rows = bench.rows(&[
        ("1", 9, "ACT", Some("A,AT")),
        ("1", 9, "ACA", Some("A")),
        ("7", 9, "ACA", Some("A")),
        ("1", 90, "A", Some("T")),
    ]);
    assert_eq!(rows, ["3 GCA G (5) < 9 ACA A"]);
    bench.context.units.close(0, 2, Default::default());
    let closed = bench.context.units.take_closed(0, None);
    let bad: Vec<_> = closed[0].bad.iter().map(|bad| (bad.line, bad.field.as_str(), bad.reason.as_str())).collect();
    let wanted = [
        (0, "REF", "not what the reference has there"),
        (2, "CHROM", "not a sequence of the reference"),
        (3, "POS", "outside the reference's sequence"),
    ];
    assert_eq!(bad, wanted);
    let hopeless = vec![("1", 5, "C", Some("T")); 8];
    let error = bench.run(&hopeless).unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), (Class::Input, "more than 10 bad records"));
}

#[test]
fn a_long_walk_stops_when_the_run_does() {
    let bench = Bench::new(&format!(">1\n{}\n", "N".repeat(300_000)), true, false);
    assert_eq!(bench.rows(&[("1", 299_000, "NN", Some("N"))]), ["1 NN N (2) < 299000 NN N"]);
    bench.context.cancel.cancel();
    assert_eq!(bench.run(&[("1", 299_000, "NN", Some("N"))]).unwrap_err().class(), Class::Interrupted);
}

#[test]
fn the_stage_says_what_it_reads_and_what_it_makes() {
    let bench = Bench::new(REFERENCE, false, false);
    let schema = batch(&[]).schema();
    assert_eq!(bench.stage.reads(&schema), ["alt", "chrom", "pos", "ref"]);
    assert!(bench.stage.blocks_predicates_on(&schema).contains(&"pos".into()));
    let mut labels = Labels::default();
    ["chrom", "pos", "ref", "alt"].iter().for_each(|name| labels.set(*name, Label::Public));
    let labels = bench.stage.labels(&labels, &schema);
    assert!(["orig_pos", "orig_ref", "orig_alt"].iter().all(|name| labels.of(name) == Label::Public));
    let shown = bench.stage.specification().unwrap().to_string();
    assert!(shown.starts_with("split=false left_align=true reference=") && shown.ends_with(" sequences=3"), "{shown}");

    let twice = bench.stage.schema(&schema).unwrap();
    assert_eq!(bench.stage.check(&twice), ["normalize: the rows have been left-aligned before"]);
    let without = Schema::new(vec![Field::new("chrom", DataType::Utf8, true), Field::new("pos", DataType::Utf8, true)]);
    assert_eq!(bench.stage.check(&without).len(), 3);

    let other = Bench::new(&REFERENCE.replace("CAC", "CAT"), false, false);
    assert_ne!(bench.stage.specification().unwrap().rules(), other.stage.specification().unwrap().rules());
    // Rows of no batch make a batch of no rows.
    assert_eq!(bench.run(&[]).unwrap().num_rows(), 0);
}
