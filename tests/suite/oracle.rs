//! Every cell the source decodes against an independent reader: `bcftools query` prints each fixed column, INFO and FORMAT
//! field of each record, and the typed arrays must hold the same. Where that reader departs from the specification, the case
//! is listed with the section that decides. It must not reuse the source's own parsers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, ListArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, Schema};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use genogate::audit::Recorder;
use genogate::flow::genotype::{Genotypes, is_genotype};
use genogate::flow::{Context, Inspection, column, number_of, vcf_type_of};
use genogate::source::vcf::{Calls, Config, OnBadRecord};
use genogate::synth::{self, Kind, Options};

use super::support::real_files;

/// Columns of a file in which the oracle does not hold what the specification says, and why. `*` is the whole file. An entry
/// that explains nothing fails the test.
const DEPARTURES: &[(&str, &str, &str)] = &[
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/DB", FLAG_VALUE),
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/H2", FLAG_VALUE),
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/H3", FLAG_VALUE),
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/SOMATIC", FLAG_VALUE),
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/VALIDATED", FLAG_VALUE),
    ("conformance/hts-specs/4.2/passed/passed_body_info.vcf", "INFO/1000G", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/DB", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/H2", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/H3", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/SOMATIC", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/VALIDATED", FLAG_VALUE),
    ("conformance/hts-specs/4.3/passed/passed_body_info.vcf", "INFO/1000G", FLAG_VALUE),
];

const FLAG_VALUE: &str = "VCF 4.3 section 1.4.2: a Flag has no value, its key says it all; of `DB=0` the oracle prints the 0, we set \
                          the flag, keep `DB=0` in info.__other and count the oddity";

fn has_bcftools() -> bool {
    let found = Command::new("bcftools").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: bcftools is not installed");
    }
    found
}

/// A file's batches, all calls and all INFO, in the file's order; and how many records were bad.
fn decode(inspection: &Inspection) -> (Vec<RecordBatch>, usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let context = Arc::new(Context::new(uuid::Uuid::now_v7(), Recorder::discard()));
    let settings = SessionConfig::new().with_target_partitions(1).with_extension(context.clone());
    let session = SessionContext::new_with_config(settings);
    let batches = runtime.block_on(async {
        let plan = inspection.table.scan(&session.state(), None, &[], None).await.unwrap();
        let stream = datafusion::physical_plan::execute_stream(plan, session.task_ctx()).unwrap();
        stream.try_collect().await.unwrap()
    });
    let bad = context.units.take_closed(0, None).iter().map(|unit| unit.bad.len()).sum();
    (batches, bad)
}

/// The INFO or FORMAT fields of the table, in its order: column and id.
fn fields(schema: &Schema, prefix: &str) -> Vec<(usize, String)> {
    let ids = schema.fields().iter().enumerate().filter_map(|(i, field)| Some((i, field.name().strip_prefix(prefix)?)));
    ids.filter(|(_, id)| !id.starts_with("__")).map(|(i, id)| (i, id.to_owned())).collect()
}

/// The file as the oracle gets it: with a line for each field its header lacks, because `bcftools query` refuses to print a
/// field that the header does not declare. Everything else is byte for byte the same.
fn completed(path: &Path, schema: &Schema, folder: &Path) -> PathBuf {
    let packed = fs::read(path).unwrap().starts_with(&[0x1f, 0x8b]);
    let text = match packed {
        true => Command::new("gzip").arg("-dc").stdin(fs::File::open(path).unwrap()).output().unwrap().stdout,
        false => fs::read(path).unwrap(),
    };
    if text.starts_with(b"BCF") {
        return path.to_owned();
    }
    let head = text.windows(7).position(|window| window == b"\n#CHROM").unwrap() + 1;
    let header = String::from_utf8_lossy(&text[..head]).into_owned();
    let mut added = String::new();
    for (key, prefix) in [("INFO", column::INFO), ("FORMAT", column::CALLS)] {
        for (at, id) in fields(schema, prefix) {
            let begins = format!("##{key}=<");
            let names = |line: &&str| {
                line.starts_with(&begins) && (line.contains(&format!("ID={id},")) || line.contains(&format!("ID={id}>")))
            };
            if !header.lines().any(|line| names(&line)) {
                let (number, kind) = (number_of(schema.field(at)).unwrap().text(), vcf_type_of(schema.field(at)).unwrap().text());
                writeln!(added, "##{key}=<ID={id},Number={number},Type={kind},Description=\"\">").unwrap();
            }
        }
    }
    let whole = folder.join("completed.vcf");
    fs::write(&whole, [&text[..head], added.as_bytes(), &text[head..]].concat()).unwrap();
    whole
}

/// How a cell's text is to be read.
#[derive(Clone, Copy)]
struct Spelling {
    /// Between the items of a list.
    separator: char,
    /// Text is percent-encoded.
    percent: bool,
}

const COMMA: Spelling = Spelling { separator: ',', percent: false };
const SEMICOLON: Spelling = Spelling { separator: ';', percent: false };

/// Is the cell what the text says? `.` is null.
fn agrees(array: &dyn Array, row: usize, text: &str, how: Spelling) -> bool {
    if let DataType::List(_) = array.data_type() {
        let list: &ListArray = array.as_list();
        if list.is_null(row) {
            return text == ".";
        }
        let (items, mut parts) = (list.value(row), text.split(how.separator));
        return (0..items.len()).all(|i| parts.next().is_some_and(|part| agrees(&items, i, part, how))) && parts.next().is_none();
    }
    if array.is_null(row) {
        return text == ".";
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row) == (text == "1"),
        DataType::Int32 => text.parse() == Ok(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => text.parse() == Ok(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => floats_agree(array.as_primitive::<Float64Type>().value(row), text),
        DataType::Utf8 if how.percent && text.contains('%') => array.as_string::<i32>().value(row) == decoded(text),
        DataType::Utf8 => array.as_string::<i32>().value(row) == text,
        kind if is_genotype(kind) => {
            let genotype = Genotypes::bind(array).unwrap().get(row).unwrap();
            let mut ours = Vec::new();
            genotype.write(&mut ours);
            ours == text.as_bytes() || spelled(&ours) == spelled(text.as_bytes())
        }
        other => panic!("no such type: {other}"),
    }
}

/// A genotype without the sign before its first allele, which the oracle's version may not know (VCF 4.4 section 1.6.2).
fn spelled(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"|").or(text.strip_prefix(b"/")).unwrap_or(text)
}

/// The oracle keeps 32 bits of a number and prints six digits of it: equal as far as that goes.
fn floats_agree(ours: f64, text: &str) -> bool {
    let Ok(theirs) = text.parse::<f64>() else { return false };
    let ours = f64::from(ours as f32);
    if ours.is_nan() || theirs.is_nan() || ours.is_infinite() || theirs.is_infinite() || theirs == 0.0 {
        return ours == theirs || (ours.is_nan() && theirs.is_nan());
    }
    let sixth_digit = 10f64.powi(theirs.abs().log10().floor() as i32 - 5);
    (ours - theirs).abs() <= sixth_digit * 0.501
}

/// Undoes percent-encoding (VCF 4.3 section 1.2), which the oracle leaves in place.
fn decoded(text: &str) -> String {
    let pairs = [("%3A", ":"), ("%3B", ";"), ("%3D", "="), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%09", "\t")];
    pairs.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain)).replace("%25", "%")
}

/// What was compared, and what was not as it should.
#[derive(Default)]
struct Found {
    cells: u64,
    valued: u64,
    records: u64,
    /// By file and column: how often, and the first record it was so.
    wrong: BTreeMap<(String, String), (u64, String)>,
}

impl Found {
    #[expect(clippy::too_many_arguments, reason = "one call a cell: where it is, what is held against what, and how it is spelt")]
    fn cell(&mut self, file: &str, name: &str, at: &str, array: &dyn Array, row: usize, text: &str, how: Spelling) {
        self.cells += 1;
        self.valued += u64::from(text != ".");
        if !agrees(array, row, text, how) {
            self.note(file, name, || format!("{at}: {text} is {:?}", array.slice(row, 1)));
        }
    }

    fn note(&mut self, file: &str, name: &str, what: impl FnOnce() -> String) {
        self.wrong.entry((file.to_owned(), name.to_owned())).or_insert_with(|| (0, what())).0 += 1;
    }

    /// Compares a file; `name` is what the listed cases call it.
    #[expect(clippy::zombie_processes, reason = "a query that is left early ends with its pipe")]
    fn file(&mut self, name: &str, path: &Path) {
        let mut config = Config::of([path.to_string_lossy().replace('[', "[[]")]);
        (config.calls, config.on_bad_record) = (Calls::All, OnBadRecord::Quarantine);
        let inspection = match config.build(Path::new("/")).unwrap().inspect() {
            Ok(inspection) => inspection,
            Err(error) => return self.note(name, "*", || error.to_string()),
        };
        let schema = inspection.table.schema();
        let (info, formats) = (fields(&schema, column::INFO), fields(&schema, column::CALLS));
        let samples = inspection.document.inputs[0].samples.len();
        let how = Spelling {
            percent: ["VCFv4.3", "VCFv4.4", "VCFv4.5"].contains(&inspection.document.inputs[0].version.as_str()),
            ..COMMA
        };
        let folder = tempfile::tempdir().unwrap();
        let completed = completed(path, &schema, folder.path());

        let mut format = "%CHROM\t%POS\t%ID\t%REF\t%ALT\t%QUAL\t%FILTER".to_owned();
        info.iter().for_each(|(_, id)| write!(format, "\t%INFO/{id}").unwrap());
        if samples > 0 && !formats.is_empty() {
            let of_a_sample: String = formats.iter().map(|(_, id)| format!("\t%{id}")).collect();
            write!(format, "[{of_a_sample}]").unwrap();
        }
        let mut query = Command::new("bcftools")
            .args(["query", "-f", &(format + "\n")])
            .arg(&completed)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(query.stdout.take().unwrap()).lines();

        let (batches, bad) = decode(&inspection);
        if bad > 0 {
            self.note(name, "*", || format!("{bad} bad records"));
        }
        for batch in &batches {
            let get = |name: &str| batch.column_by_name(name).unwrap();
            let whose: &ListArray = get(column::CALLS_SAMPLE).as_list();
            for row in 0..batch.num_rows() {
                self.records += 1;
                let Some(Ok(line)) = lines.next() else { return self.note(name, "*", || "the oracle ends early".into()) };
                let mut texts = line.split('\t');
                let mut next = || texts.next().unwrap();
                let (chrom, pos) = (next(), next());
                let at = format!("{chrom}:{pos}");
                if !agrees(get(column::CHROM), row, chrom, COMMA) || !agrees(get(column::POS), row, pos, COMMA) {
                    return self.note(name, "*", || format!("the records part at {at}"));
                }
                for known in [column::IDS, column::REF, column::ALT, column::QUAL, column::FILTERS] {
                    let text = next();
                    match (known, get(known)) {
                        (column::IDS | column::FILTERS, array) => self.cell(name, known, &at, array, row, text, SEMICOLON),
                        (_, array) => self.cell(name, known, &at, array, row, text, COMMA),
                    }
                }
                for (at_column, id) in &info {
                    self.cell(name, &format!("INFO/{id}"), &at, batch.column(*at_column), row, next(), how);
                }
                let (calls, first) = (whose.value_length(row) as usize, whose.value_offsets()[row] as usize);
                if calls > 0 && calls != samples {
                    self.note(name, "*", || format!("{at}: {calls} calls"));
                }
                for sample in 0..samples {
                    for (at_column, id) in &formats {
                        let text = next();
                        let column: &ListArray = batch.column(*at_column).as_list();
                        if calls > 0 {
                            let (field, cell) = (format!("FORMAT/{id}"), first + sample);
                            self.cell(name, &field, &at, column.values(), cell, text, how);
                        } else if text != "." {
                            self.note(name, &format!("FORMAT/{id}"), || format!("{at}: {text} is no call"));
                        }
                    }
                }
                assert_eq!(texts.next(), None);
            }
        }
        if lines.next().is_some() {
            self.note(name, "*", || "the oracle has more records".into());
        }
        if !query.wait().unwrap().success() {
            let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
            self.note(name, "*", || format!("the oracle fails: {}", said.lines().last().unwrap_or_default()));
        }
    }

    /// Fails unless what differs is listed and what is listed differs.
    fn judge(&self, listed: &[(&str, &str, &str)], least: u64) {
        println!("{} cells of {} records compared, {} of them not missing", self.cells, self.records, self.valued);
        let explains =
            |case: &(&str, &str, &str), (file, field): &(String, String)| case.0 == file && (case.1 == field || case.1 == "*");
        let unexplained: Vec<_> =
            self.wrong.iter().filter(|(place, _)| !listed.iter().any(|case| explains(case, place))).collect();
        let idle: BTreeSet<_> = listed.iter().filter(|case| !self.wrong.keys().any(|place| explains(case, place))).collect();
        assert!(unexplained.is_empty() && idle.is_empty(), "differs: {unexplained:#?}\nlisted, but does not differ: {idle:#?}");
        assert!(self.valued >= least, "only {} cells were compared", self.valued);
    }
}

#[test]
fn a_cell_that_differs_is_found() {
    use datafusion::arrow::array::{Float64Array, StringArray};
    let floats = Float64Array::from(vec![Some(0.1), Some(123456.7), Some(1e-9), Some(f64::NAN), None, Some(0.0), Some(1e300)]);
    let texts = ["0.1", "123457", "1e-09", "nan", ".", "0", "inf"];
    for (row, text) in texts.into_iter().enumerate() {
        let same: Vec<bool> = (0..texts.len()).map(|other| agrees(&floats, other, text, COMMA)).collect();
        assert_eq!(same, (0..texts.len()).map(|other| other == row).collect::<Vec<_>>(), "{text}");
    }
    assert!(!agrees(&floats, 0, "0.100001", COMMA) && !agrees(&floats, 1, "123456", COMMA));
    let words = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None, Some(3)]), None]);
    assert!(agrees(&words, 0, "1,.,3", COMMA) && agrees(&words, 1, ".", COMMA));
    for wrong in ["1,.", "1,.,3,4", "1,0,3", "."] {
        assert!(!agrees(&words, 0, wrong, COMMA), "{wrong}");
    }
    let text = StringArray::from(vec!["a;b"]);
    assert!(agrees(&text, 0, "a%3Bb", Spelling { percent: true, ..COMMA }) && !agrees(&text, 0, "a%3Bb", COMMA));
}

#[test]
fn every_cell_of_real_files_is_the_oracles() {
    let Some(folder) = real_files().filter(|_| has_bcftools()) else { return };
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let at = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let mut found = Found::default();
    for row in lines {
        let file = row[at("file")];
        if matches!(row[at("group")], "real" | "edge") || file.contains("/passed/") {
            found.file(file, &folder.join(file));
        }
    }
    found.judge(DEPARTURES, 5_000_000);
}

#[test]
fn every_cell_of_generated_files_is_the_oracles() {
    if !has_bcftools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut found = Found::default();
    for (kind, records, samples) in [(Kind::Sites, 10_000, 0), (Kind::Trio, 10_000, 3), (Kind::Cohort, 1_000, 200)] {
        for phi in [false, true] {
            let path = folder.path().join("x.vcf");
            synth::write(&Options { kind, records, samples, seed: 5, phi }, fs::File::create(&path).unwrap()).unwrap();
            found.file(&format!("{kind:?}"), &path);
            let bcf = folder.path().join("x.bcf");
            let view = Command::new("bcftools").args(["view", "-Ob", "-o"]).args([&bcf, &path]).output().unwrap();
            assert!(view.status.success(), "{view:?}");
            found.file(&format!("{kind:?} as BCF"), &bcf);
        }
    }
    found.judge(&[], 2_000_000);
}
