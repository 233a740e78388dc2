//! What is found, where it is said to be, and what is left of it.

use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Schema, UInt32Type};

use super::stage::Detect;
use super::*;
use crate::audit::{Event, Recorder};
use crate::error::{Class, Error};
use crate::flow::{Apply, Context, Labels, Severity, Stage};
use crate::phi::{Contigs, Scanner, Words};
use crate::sensitive::{Label, Sensitive};
use crate::store::{Document, HeaderLine, InputDocument, InputUnits, SampleId};

fn config(yaml: &str) -> Config {
    serde_json::from_str(yaml).unwrap()
}

fn all(action: Action) -> Config {
    Config { scan: Scan::Full, actions: Actions { critical: action, high: action, medium: action, low: action } }
}

fn line(key: &str, value: &str, id: Option<&str>) -> HeaderLine {
    HeaderLine { key: key.into(), value: value.into(), id: id.map(str::to_owned) }
}

fn document(lines: Vec<HeaderLine>, samples: &[&str]) -> Document {
    let samples = samples.iter().map(|name| SampleId::Name(Sensitive::new((*name).to_owned()))).collect();
    let input = InputDocument {
        version: "VCFv4.2".into(),
        header_digest: [0; 32],
        lines,
        samples,
        assembly: "unknown".into(),
        bytes: None,
        ..Default::default()
    };
    Document { inputs: vec![input] }
}

/// What is known of the samples `names`.
fn words(names: &[&str]) -> Arc<Words> {
    Arc::new(Words::new(names.iter().copied(), Contigs::default()).unwrap())
}

fn context() -> Arc<Context> {
    Arc::new(Context::new(uuid::Uuid::nil(), Recorder::discard()))
}

/// Line within the unit, note, remark of each call.
type Row<'a> = (u32, Option<&'a str>, &'a [Option<&'a str>]);

/// Rows of unit 3, with these line numbers, notes and per-call remarks.
fn batch(rows: &[Row]) -> RecordBatch {
    let mut remarks = ListBuilder::new(StringBuilder::new());
    rows.iter().for_each(|(_, _, remark)| remarks.append_value(remark.iter().copied()));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("chrom", Arc::new(StringArray::from(vec!["chr1"; rows.len()]))),
        ("info.DP", Arc::new(Int32Array::from(vec![30; rows.len()]))),
        ("info.NOTE", Arc::new(rows.iter().map(|(_, note, _)| *note).collect::<StringArray>())),
        ("calls.RMK", Arc::new(remarks.finish())),
        ("__unit", Arc::new(UInt32Array::from(vec![3; rows.len()]))),
        ("__row", Arc::new(rows.iter().map(|(line, _, _)| Some(*line)).collect::<UInt32Array>())),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

fn units() -> Vec<InputUnits> {
    vec![
        InputUnits { input: 0, first: 0, count: Some(2), index: None, reserved: 2 },
        InputUnits { input: 1, first: 2, count: Some(2), index: None, reserved: 2 },
    ]
}

fn open(config: Config, context: &Arc<Context>, document: &mut Document) -> Result<Arc<dyn Apply>, Error> {
    let schema = batch(&[]).schema();
    Detect::new(config).begin(context, units(), &schema, &document.clone(), &words(&[]), document)
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let mut all = Vec::new();
    crate::phi::text::each(&batch[column], |value| all.push(value.text.to_owned()));
    all
}

#[test]
fn defaults_are_as_the_manual_says() {
    let config = config("{}");
    assert_eq!((config.scan, config.actions), (Scan::Full, Actions::default()));
    let shown = Detect::new(config).specification().unwrap().to_string();
    assert!(shown.starts_with("scan=full critical=abort high=redact medium=warn low=log parts="), "{shown}");
    let partly: Config = serde_json::from_str(r#"{"actions":{"critical":"redact"}}"#).unwrap();
    assert_eq!(partly.actions, Actions { critical: Action::Redact, ..Actions::default() });
    assert!(serde_json::from_str::<Config>(r#"{"action":{}}"#).is_err());
    assert!(serde_json::from_str::<Config>(r#"{"actions":{"grave":"log"}}"#).is_err());
}

#[test]
fn values_are_redacted_by_default_and_clean_batches_are_not_copied() {
    let context = context();
    let rows = open(Config::default(), &context, &mut document(vec![], &["NA12878"])).unwrap();
    let found = batch(&[
        (0, Some("call 617-555-0188 for NA12878"), &[Some("fine"), None]),
        (1, None, &[Some("to a@b.example"), Some("seen 1984-03-12")]),
    ]);
    let out = rows.apply(found).unwrap();
    assert_eq!(texts(&out, "info.NOTE"), ["call [redacted:phone-us] for [redacted:sample-name]"]);
    assert_eq!(texts(&out, "calls.RMK"), ["fine", "to [redacted:email]", "seen 1984-03-12"]);
    assert_eq!((context.detections.get(Severity::High), context.detections.get(Severity::Medium)), (3, 1));

    let clean = batch(&[(2, Some("missense_variant"), &[None])]);
    let out = rows.apply(clean.clone()).unwrap();
    assert!(Arc::ptr_eq(&out.columns()[2], &clean.columns()[2]));
    rows.finish().unwrap();
}

#[test]
fn a_critical_match_stops_the_run_and_the_message_says_where_but_not_what() {
    let context = context();
    let rows = open(Config::default(), &context, &mut document(vec![], &[])).unwrap();
    let error = rows.apply(batch(&[(0, None, &[]), (7, Some("SSN 123-45-6789"), &[])])).unwrap_err();
    assert_eq!((error.class(), error.class().exit_code()), (Class::Phi, 3));
    let text = error.to_string();
    assert_eq!(text, "identifiers in rows, first at input 2, unit 3, line 8 of the unit: column info.NOTE: 1 of us-ssn");
    assert!(error.hint().is_some());
    assert_eq!(context.detections.get(Severity::Critical), 1);
}

#[test]
fn a_quarantined_record_leaves_with_all_its_rows_and_one_entry() {
    let context = context();
    let rows = open(all(Action::Quarantine), &context, &mut document(vec![], &[])).unwrap();
    let note = Some("MRN:1234567");
    let out = rows.apply(batch(&[(0, None, &[]), (1, note, &[]), (1, note, &[Some("MRN:1234567")]), (2, None, &[])])).unwrap();
    assert_eq!(out["__row"].as_primitive::<UInt32Type>().values(), &[0, 2]);
    context.units.close(0, 3, Default::default());
    let closed = context.units.take_closed(0, None);
    let bad: Vec<_> = closed[0].bad.iter().map(|bad| (bad.line, bad.field.as_str(), bad.reason.as_str())).collect();
    assert_eq!(bad, [(1, "INFO/NOTE", "phi pattern mrn")]);
}

#[test]
fn a_record_in_two_batches_is_set_aside_whole_or_redacted() {
    let context = context();
    let rows = open(all(Action::Quarantine), &context, &mut document(vec![], &[])).unwrap();
    let note = Some("MRN:1234567");
    assert_eq!(rows.apply(batch(&[(4, note, &[])])).unwrap().num_rows(), 0);
    assert_eq!(rows.apply(batch(&[(4, None, &[]), (5, None, &[])])).unwrap().num_rows(), 1);
    let late = rows.apply(batch(&[(5, note, &[]), (6, None, &[])])).unwrap();
    assert_eq!((late.num_rows(), texts(&late, "info.NOTE")), (2, vec!["[redacted:mrn]".to_owned()]));
    context.units.close(0, 3, Default::default());
    assert_eq!(context.units.take_closed(0, None)[0].bad.len(), 1);
}

#[test]
fn warn_and_log_change_nothing() {
    for action in [Action::Warn, Action::Log] {
        let context = context();
        let mut document = document(vec![line("COMMENT", "MRN:1234567", None)], &["MRN:7654321"]);
        let rows = open(all(action), &context, &mut document).unwrap();
        assert_eq!(document.inputs[0].lines[0].value, "MRN:1234567");
        let out = rows.apply(batch(&[(0, Some("MRN:1234567"), &[])])).unwrap();
        assert_eq!(texts(&out, "info.NOTE"), ["MRN:1234567"]);
        assert_eq!(context.detections.get(Severity::Critical), 3);
    }
}

#[test]
fn header_attributes_are_redacted_whole_and_lines_dropped() {
    let lines = || {
        vec![
            line("COMMENT", "sent to jane.roe@example.org on Monday", None),
            line("INFO", r#"<ID=NOTE,Number=1,Type=String,Description="ask Dr. Roe, ward 7">"#, Some("NOTE")),
            line("contig", "<ID=chr1,length=248956422>", Some("chr1")),
            line("SAMPLE", r#"<ID=NA12878,Description="twin of NA12878">"#, Some("NA12878")),
            line("fileDate", "2024-03-05", None),
            line("bcftools/csqCommand", "csq", None),
        ]
    };
    let shown =
        |document: &Document| document.inputs[0].lines.iter().map(|l| format!("{}={}", l.key, l.value)).collect::<Vec<_>>();

    let mut redacted = document(lines(), &["NA12878"]);
    let shared = context();
    open(Config::default(), &shared, &mut redacted).unwrap();
    assert_eq!(
        shown(&redacted),
        [
            "COMMENT=[redacted:email]",
            r#"INFO=<ID=NOTE,Number=1,Type=String,Description="[redacted:person-name]">"#,
            "contig=<ID=chr1,length=248956422>",
            r#"SAMPLE=<ID=NA12878,Description="[redacted:sample-name]">"#,
            "fileDate=2024-03-05",
            "bcftools/csqCommand=csq",
        ]
    );
    assert_eq!(shared.detections.get(Severity::Medium), 0);

    let mut dropped = document(lines(), &["NA12878"]);
    open(all(Action::Quarantine), &context(), &mut dropped).unwrap();
    assert_eq!(shown(&dropped), ["contig=<ID=chr1,length=248956422>", "fileDate=2024-03-05", "bcftools/csqCommand=csq"]);

    let error = open(all(Action::Abort), &context(), &mut document(lines(), &["NA12878"])).unwrap_err();
    assert_eq!(error.class(), Class::Phi);
    let text = error.to_string();
    assert!(text.contains("header COMMENT: 1 of email") && text.contains("header INFO: 1 of person-name"), "{text}");
    assert!(!text.contains("NA12878") && !text.contains("roe"), "{text}");
}

#[test]
fn an_id_that_rows_repeat_cannot_be_redacted_so_it_stops_the_run() {
    let value = "<ID=MRN1234567,Number=1,Type=String,Description=\"x\">";
    let open = |action| open(all(action), &context(), &mut document(vec![line("INFO", value, Some("MRN1234567"))], &[]));
    for action in [Action::Redact, Action::Quarantine, Action::Abort] {
        let text = open(action).unwrap_err().to_string();
        assert!(text.contains("id of a header line INFO: 1 of mrn") && !text.contains("1234567"), "{text}");
    }
    assert!(open(Action::Warn).is_ok());
}

#[test]
fn a_column_named_like_an_identifier_stops_the_run_and_is_not_named() {
    let schema = Schema::new(vec![Field::new("info.MRN1234567", DataType::Utf8, true)]);
    let error = Detect::new(Config::default())
        .begin(&context(), units(), &schema, &document(vec![], &[]), &words(&[]), &mut document(vec![], &[]))
        .unwrap_err();
    assert_eq!(error.to_string(), "detect: identifiers in the header: name of column 1: 1 of mrn");
}

#[test]
fn sample_names_never_stop_the_run_by_themselves() {
    let context = context();
    open(all(Action::Abort), &context, &mut document(vec![], &["MRN1234567"])).unwrap();
    assert_eq!(context.detections.get(Severity::Critical), 1);
}

#[test]
fn headers_only_asks_for_no_column() {
    let (full, headers) = (Detect::new(Config::default()), Detect::new(config(r#"{"scan":"headers"}"#)));
    let schema = batch(&[]).schema();
    assert_eq!(full.reads(&schema), ["chrom", "info.NOTE", "calls.RMK"]);
    assert!(headers.reads(&schema).is_empty());
    assert_eq!(full.blocks_predicates_on(&schema).len(), schema.fields().len());
    let rows =
        headers.begin(&context(), units(), &schema, &document(vec![], &[]), &words(&[]), &mut document(vec![], &[])).unwrap();
    assert_eq!(texts(&rows.apply(batch(&[(0, Some("MRN:1234567"), &[])])).unwrap(), "info.NOTE"), ["MRN:1234567"]);
}

/// A map from text to text.
fn unsearchable() -> DataType {
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair.into()), false)), false)
}

#[test]
fn a_column_that_cannot_be_searched_is_a_mistake() {
    let schema = Schema::new(vec![Field::new("info.S", unsearchable(), true), Field::new("info.B", DataType::Binary, true)]);
    let mistakes = Detect::new(Config::default()).check(&schema);
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("info.S has the type"), "{mistakes:?}");
}

#[test]
fn findings_are_summed_up_by_pattern_place_and_action() {
    let tally = super::tally::Tally::default();
    let context = context();
    let scanner = Scanner::builtin().unwrap();
    let email = scanner.patterns().iter().find(|p| p.id == "email").unwrap();
    for place in ["column info.NOTE", "column info.NOTE", "header COMMENT"] {
        tally.add(&context.detections, place, email, Action::Redact, 2);
    }
    let event = |place: &str, count| Event::PhiDetected {
        severity: "high".into(),
        pattern: "email".into(),
        place: place.into(),
        count,
        action: "redact".into(),
    };
    assert_eq!(tally.events(&context.detections), [event("column info.NOTE", 4), event("header COMMENT", 2)]);
    assert!(tally.events(&context.detections).is_empty());
}

#[test]
fn a_place_is_a_word_the_trail_keeps() {
    assert_eq!(super::tally::place("header", "bcftools/csqCommand é"), "header bcftools_csqCommand__");
    assert!(super::tally::place("column", &"x".repeat(500)).len() < 80);
}

#[test]
fn text_among_alleles_and_genotypes_is_found() {
    // As text they stand in a file that declares GT otherwise than the specification.
    let mut genotypes = ListBuilder::new(StringBuilder::new());
    genotypes.append_value([Some("0|1"), Some("./."), Some("MRN:1234567")]);
    let numbers = || Arc::new(UInt32Array::from(vec![0])) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("ref", Arc::new(StringArray::from(vec!["ACGTnN"]))),
        ("alt", Arc::new(StringArray::from(vec!["<MRN:1234567>"]))),
        ("calls.GT", Arc::new(genotypes.finish())),
        ("__unit", numbers()),
        ("__row", numbers()),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    let mut nothing = document(vec![], &[]);
    let rows = Detect::new(all(Action::Redact))
        .begin(&context(), units(), &batch.schema(), &nothing.clone(), &words(&[]), &mut nothing)
        .unwrap();
    let out = rows.apply(batch).unwrap();
    assert_eq!((texts(&out, "ref"), texts(&out, "alt")), (vec!["ACGTnN".to_owned()], vec!["<[redacted:mrn]>".to_owned()]));
    assert_eq!(texts(&out, "calls.GT"), ["0|1", "./.", "[redacted:mrn]"]);
}

#[test]
fn typed_genotypes_hold_no_text_to_search() {
    let list = |item| Field::new_list("calls.GT", Field::new_list_field(item, true), true);
    let stage = Detect::new(all(Action::Redact));
    let typed = Schema::new(vec![list(crate::flow::genotype::genotype_type())]);
    assert!(stage.check(&typed).is_empty() && stage.reads(&typed).is_empty());
    let text = Field::new("note", DataType::Utf8, true);
    let named = Schema::new(vec![list(DataType::Struct(vec![text].into()))]);
    assert_eq!((stage.check(&named).len(), stage.reads(&named).len()), (0, 1), "text inside is searched");
    let hidden = Schema::new(vec![list(DataType::Struct(vec![Field::new("m", unsearchable(), true)].into()))]);
    assert_eq!(stage.check(&hidden).len(), 1, "text in a shape that is not searched is refused");
}

/// One row of unit 3 with annotation entries, one a symbol and terms.
fn entries(symbols: &[&str], terms: &[&[&str]], names: [&str; 2]) -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    terms.iter().for_each(|terms| lists.append_value(terms.iter().map(|term| Some(*term))));
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(symbols.to_vec())), Arc::new(lists.finish())];
    let fields: Vec<Field> =
        columns.iter().zip(names).map(|(array, name)| Field::new(name, array.data_type().clone(), true)).collect();
    let values = StructArray::new(fields.into(), columns, None);
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([symbols.len()]);
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(values), None));
    let number = |n: u32| Arc::new(UInt32Array::from(vec![n])) as ArrayRef;
    RecordBatch::try_from_iter([("info.CSQ", list), ("__unit", number(3)), ("__row", number(0))]).unwrap()
}

#[test]
fn annotation_entries_are_searched_and_redacted() {
    let found = entries(&["BRCA1", "to a@b.example"], &[&["fine", "call 617-555-0188"], &[]], ["SYMBOL", "Consequence"]);
    let detect = Detect::new(Config::default());
    assert_eq!((detect.check(&found.schema()), detect.reads(&found.schema())), (vec![], vec!["info.CSQ".to_owned()]));
    let context = context();
    let mut document = document(vec![], &[]);
    let rows = detect.begin(&context, units(), &found.schema(), &document.clone(), &words(&[]), &mut document).unwrap();
    let out = rows.apply(found).unwrap();
    assert_eq!(texts(&out, "info.CSQ"), ["BRCA1", "to [redacted:email]", "fine", "call [redacted:phone-us]"]);
    assert_eq!(context.detections.get(Severity::High), 2);
}

#[test]
fn names_of_subfields_are_searched_like_names_of_columns() {
    let found = entries(&["x"], &[&[]], ["SYMBOL", "ssn 123-45-6789"]);
    let mut document = document(vec![], &[]);
    let begun =
        Detect::new(Config::default()).begin(&context(), units(), &found.schema(), &document.clone(), &words(&[]), &mut document);
    let error = begun.unwrap_err();
    assert_eq!(error.class(), Class::Phi);
    assert!(!error.to_string().contains("6789"), "{error}");
}

/// What is found of columns long enough to be searched in stretches is what is found of every value by itself: values cut out of
/// longer arrays, with nulls and views, and identifiers that lie across two values, which are none.
#[test]
fn a_column_at_once_finds_what_its_values_hold_one_by_one() {
    use proptest::prelude::*;
    let identifier = prop::sample::select(vec!["123-45-6789", "MRN:1234567", "to a@b.example", "seen 1984-03-12", "for NA12878"]);
    let clean = prop_oneof!["[ACGT]{1,30}", "ENST0000[0-9]{7}", "[0-9]\\|[0-9]", "(missense|intron)_variant"];
    let whole = (clean.clone(), identifier.clone()).prop_map(|(before, found)| vec![format!("{before}|{found}")]);
    let halves = (identifier, any::<prop::sample::Index>())
        .prop_map(|(text, at)| text.split_at(1 + at.index(text.len() - 1)))
        .prop_map(|(a, b)| vec![a.to_owned(), b.to_owned()]);
    let values = prop_oneof![200 => clean.prop_map(|text| vec![text]), 1 => whole, 3 => halves];
    let column = prop::collection::vec((values, prop::bool::weighted(0.05)), 1..400);
    let strategy = (column, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>());
    let config = proptest::test_runner::Config { cases: 150, failure_persistence: None, ..Default::default() };
    let rng = proptest::test_runner::TestRng::deterministic_rng(Default::default());
    let scanner = Scanner::with_identifiers(["NA12878"]).unwrap();
    let rows = [DataType::Utf8, DataType::Utf8View].map(|kind| {
        let schema = Schema::new(vec![Field::new("info.NOTE", kind, true)]);
        let mut held = document(vec![], &["NA12878"]);
        Detect::new(all(Action::Redact))
            .begin(&context(), units(), &schema, &held.clone(), &words(&["NA12878"]), &mut held)
            .unwrap()
    });
    let found = std::cell::Cell::new(0);
    proptest::test_runner::TestRunner::new_with_rng(config, rng)
        .run(&strategy, |(column, from, len, views)| {
            let values: Vec<Option<String>> =
                column.into_iter().flat_map(|(texts, null)| texts.into_iter().map(move |text| (!null).then_some(text))).collect();
            let from = from.index(values.len());
            let len = 1 + len.index(values.len() - from);
            let whole: ArrayRef = match views {
                true => Arc::new(values.iter().map(Option::as_deref).collect::<StringViewArray>()),
                false => Arc::new(values.iter().map(Option::as_deref).collect::<StringArray>()),
            };
            let numbers = || Arc::new(UInt32Array::from_iter_values(0..len as u32)) as ArrayRef;
            let columns = [("info.NOTE", whole.slice(from, len)), ("__unit", numbers()), ("__row", numbers())];
            let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
            let expected: Vec<String> = values[from..from + len]
                .iter()
                .flatten()
                .map(|text| scanner.redact(text).inspect(|_| found.set(found.get() + 1)).unwrap_or_else(|| text.clone()))
                .collect();
            prop_assert_eq!(texts(&rows[usize::from(views)].apply(batch).unwrap(), "info.NOTE"), expected);
            Ok(())
        })
        .unwrap();
    assert!(found.get() > 50, "{}", found.get());
}

/// A site in each row of unit 3, and a note.
fn sites(rows: &[(&str, &str, &str)]) -> RecordBatch {
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("chrom", text(rows.iter().map(|row| row.0).collect())),
        ("ref", text(rows.iter().map(|row| row.1).collect())),
        ("alt", text(rows.iter().map(|row| row.2).collect())),
        ("__unit", Arc::new(UInt32Array::from(vec![3; rows.len()]))),
        ("__row", Arc::new(UInt32Array::from_iter_values(0..rows.len() as u32))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn guarded(config: Config, context: &Arc<Context>, schema: &Schema) -> Arc<dyn Apply> {
    let mut held = document(vec![], &["ROE-JANE-1961"]);
    let words = words(&["ROE-JANE-1961"]);
    Detect::new(config).guarded().begin(context, units(), schema, &held.clone(), &words, &mut held).unwrap()
}

/// Words at a site that are no contig and no allele, though no pattern knows them.
const SITE_WORDS: [(&str, &str, &str); 8] = [
    ("ROE-JANE-1961", "A", "C"),
    ("078-05-1120", "A", "C"),
    ("Zimmerwaldt", "A", "C"),
    ("chr1", "Zimmerwaldt", "C"),
    ("chr1", "A", "<ROE-JANE-1961>"),
    ("chr1", "A", "A[NAME:5["),
    ("chr1", "A", "C,SHARMA"),
    ("chr1", "A", "<DEL:ROE>"),
];

#[test]
fn a_site_that_is_no_contig_or_allele_stops_a_guarded_load_and_is_not_named() {
    for site in SITE_WORDS {
        let context = context();
        let batch = sites(&[("chr1", "ACGT", "A,<DEL>,*"), site]);
        let error = guarded(Config::default(), &context, &batch.schema()).apply(batch).unwrap_err();
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert_eq!(error.class(), Class::Phi);
        assert!(told.contains("site-word") && told.contains("line 2 of the unit"), "{told}");
        assert!(!["ROE", "Zimmer", "1120", "NAME:", "SHARMA"].iter().any(|word| told.contains(word)), "{told}");
        assert_eq!(context.detections.get(Severity::Critical), 1);
    }
    let usual = [("chrUn_KI270302v1", "acgtN", "<DUP:TANDEM>"), ("GL000192.1", "R", "]HLA-A*01:01:4]A"), ("MT", "A", ".")];
    let batch = sites(&usual);
    let context = context();
    let out = guarded(Config::default(), &context, &batch.schema()).apply(batch).unwrap();
    assert_eq!((out.num_rows(), context.detections.get(Severity::Critical)), (usual.len(), 0));
}

#[test]
fn a_site_that_cannot_be_redacted_sets_its_record_aside() {
    for action in [Action::Redact, Action::Quarantine] {
        let context = context();
        let rows: Vec<_> = SITE_WORDS.into_iter().chain([("chr2", "A", "C")]).collect();
        let batch = sites(&rows);
        let out = guarded(all(action), &context, &batch.schema()).apply(batch).unwrap();
        assert_eq!(texts(&out, "chrom"), ["chr2"]);
        context.units.close(0, 3, Default::default());
        let bad = context.units.take_closed(0, None).remove(0).bad;
        assert_eq!(
            (bad.len(), bad[0].field.as_str(), bad[0].reason.as_str()),
            (SITE_WORDS.len(), "CHROM", "phi pattern site-word")
        );
    }
}

#[test]
fn only_a_guarded_search_that_acts_makes_sites_public() {
    let schema = sites(&[]).schema();
    let label = |detect: &Detect| detect.labels(&Labels::default(), &schema).of("chrom");
    assert_eq!(label(&Detect::new(Config::default()).guarded()), Label::Public);
    assert_eq!(label(&Detect::new(Config::default())), Label::Identifier);
    for config in [r#"{"scan":"headers"}"#, r#"{"actions":{"critical":"warn"}}"#, r#"{"actions":{"critical":"log"}}"#] {
        assert_eq!(label(&Detect::new(self::config(config)).guarded()), Label::Identifier, "{config}");
    }
}

#[test]
fn what_an_earlier_stage_removed_is_told_and_stops_nothing() {
    let context = context();
    let comment = line("COMMENT", "MRN:1234567", None);
    let original = document(vec![comment.clone(), line("contig", "<ID=1>", Some("1"))], &[]);
    let schema = sites(&[]).schema();
    let begin = |left: &mut Document| {
        Detect::new(all(Action::Abort)).begin(&context, units(), &schema, &original, &words(&[]), left).map(|_| ())
    };
    let mut left = document(vec![line("contig", "<ID=1>", Some("1"))], &[]);
    begin(&mut left).unwrap();
    assert_eq!(context.detections.get(Severity::Critical), 1);
    let error = begin(&mut document(vec![comment], &[])).unwrap_err();
    assert!(error.to_string().contains("header COMMENT: 1 of mrn"), "{error}");
    let changed = begin(&mut document(vec![line("COMMENT", "call MRN:1234567", None)], &[])).unwrap_err();
    assert!(changed.to_string().contains("mrn"), "what a stage left of a line is searched, too: {changed}");
}

#[test]
fn keys_that_nobody_declares_are_searched_and_counted() {
    let context = context();
    let mut held = document(vec![], &["ZIMMERWALDT"]);
    held.inputs[0].undeclared =
        ["Doe_Jane_MRN71222383", "zimmerwaldt_x", "AC_Jane", "GOOD"].map(|key| key.to_owned().into()).to_vec();
    let schema = sites(&[]).schema();
    Detect::new(Config::default())
        .guarded()
        .begin(&context, units(), &schema, &held.clone(), &words(&["ZIMMERWALDT"]), &mut held)
        .unwrap();
    assert_eq!((context.detections.get(Severity::Critical), context.detections.get(Severity::High)), (1, 2));
}
