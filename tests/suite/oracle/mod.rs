//! Every cell the source decodes against independent readers: noodles, everywhere, and bcftools, where it is installed. The
//! typed arrays must hold what they say. Where a reader departs from the specification, the case is listed with the section
//! that decides. It must not reuse the source's own parsers.

mod bcftools;
mod generated;
mod noodles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, ListArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, Schema};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use genogate::audit::Recorder;
use genogate::flow::genotype::{Genotypes, is_genotype};
use genogate::flow::{Context, Inspection, column};
use genogate::source::vcf::{Calls, Config, Conformance, OnBadRecord};
use genogate::synth::{self, Kind, Options};

/// Generated files: kind, records, samples.
const SYNTHETIC: [(Kind, u64, usize); 3] = [(Kind::Sites, 10_000, 0), (Kind::Trio, 10_000, 3), (Kind::Cohort, 1_000, 200)];

/// Writes a generated file of the project's own.
fn synthetic((kind, records, samples): (Kind, u64, usize), phi: bool, path: &Path) {
    synth::write(&Options { kind, records, samples, seed: 5, phi }, std::fs::File::create(path).unwrap()).unwrap();
}

/// What a file's schema says there is to compare.
struct Asked {
    /// Column and id, in the table's order.
    info: Vec<(usize, String)>,
    formats: Vec<(usize, String)>,
    samples: usize,
    /// VCF 4.3 and later: text is percent-encoded.
    percent: bool,
}

/// A record as another reader has it.
#[derive(Debug)]
struct Theirs {
    chrom: String,
    pos: String,
    /// ID, REF, ALT, QUAL, FILTER.
    fixed: [Cell; 5],
    /// As [`Asked::info`].
    info: Vec<Cell>,
    /// As [`Asked::formats`], sample after sample.
    calls: Vec<Cell>,
}

/// A cell as another reader has it.
#[derive(Clone, Debug)]
enum Cell {
    Missing,
    Flag,
    Integer(i32),
    Float(f32),
    Text(String),
    List(Vec<Cell>),
    /// Alleles, each with its phase where that is known.
    Genotype(Vec<(Option<i32>, Option<bool>)>),
    /// Printed, so its type is ours to know: numbers with six digits, lists between separators.
    Printed {
        text: String,
        separator: char,
        percent: bool,
    },
}

impl Cell {
    fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Printed { text, .. } => text == ".",
            _ => false,
        }
    }

    /// Is our cell the same?
    fn is(&self, array: &dyn Array, row: usize) -> bool {
        match (self, array.data_type()) {
            (Self::Printed { text, separator, percent }, _) => printed(array, row, text, *separator, *percent),
            (Self::List(items), DataType::List(_)) if array.is_valid(row) => {
                let ours = array.as_list::<i32>().value(row);
                ours.len() == items.len() && items.iter().enumerate().all(|(i, item)| item.is(&ours, i))
            }
            // A list of one missing element and a missing list are written alike.
            (Self::List(items), DataType::List(_)) => matches!(items[..], [] | [Self::Missing]),
            (Self::Missing, DataType::List(_)) if array.is_valid(row) => printed(array, row, ".", ',', false),
            // `.` is a genotype without a known allele, or none.
            (Self::Missing, kind) if is_genotype(kind) => array.is_null(row) || spelled(&spelled_at(array, row)) == ".",
            (Self::Missing, _) => array.is_null(row),
            _ if array.is_null(row) => false,
            (Self::Flag, DataType::Boolean) => array.as_boolean().value(row),
            (Self::Integer(theirs), DataType::Int32) => array.as_primitive::<Int32Type>().value(row) == *theirs,
            (Self::Float(theirs), DataType::Float64) => {
                let ours = array.as_primitive::<Float64Type>().value(row) as f32;
                ours == *theirs || ours.is_nan() && theirs.is_nan()
            }
            (Self::Text(theirs), DataType::Utf8) => array.as_string::<i32>().value(row) == theirs,
            (Self::Genotype(theirs), kind) if is_genotype(kind) => {
                let ours: Vec<_> = Genotypes::bind(array).unwrap().get(row).unwrap().calls().collect();
                let mut both = ours.iter().zip(theirs);
                ours.len() == theirs.len()
                    && both.all(|((ours, phased), (theirs, phase))| ours == theirs && phase.is_none_or(|phase| phase == *phased))
            }
            _ => false,
        }
    }
}

fn spelled_at(array: &dyn Array, row: usize) -> String {
    let mut text = Vec::new();
    Genotypes::bind(array).unwrap().get(row).unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

/// A genotype without the sign before its first allele where that is implied (VCF 4.4 section 1.6.2), or where the oracle's
/// version does not know it.
fn spelled(text: &str) -> &str {
    text.strip_prefix(['|', '/']).unwrap_or(text)
}

/// Is the cell what the text says? `.` is null.
fn printed(array: &dyn Array, row: usize, text: &str, separator: char, percent: bool) -> bool {
    if let DataType::List(_) = array.data_type() {
        let list: &ListArray = array.as_list();
        if list.is_null(row) {
            return text == ".";
        }
        let (items, parts) = (list.value(row), text.split(separator).collect::<Vec<_>>());
        return items.len() == parts.len()
            && parts.iter().enumerate().all(|(i, part)| printed(&items, i, part, separator, percent));
    }
    if array.is_null(row) {
        return text == ".";
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row) == (text == "1"),
        DataType::Int32 => text.parse() == Ok(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => text.parse() == Ok(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => floats_agree(array.as_primitive::<Float64Type>().value(row), text),
        DataType::Utf8 if percent && text.contains('%') => array.as_string::<i32>().value(row) == decoded(text),
        DataType::Utf8 => array.as_string::<i32>().value(row) == text,
        kind if is_genotype(kind) => spelled(&spelled_at(array, row)) == spelled(text),
        other => panic!("no such type: {other}"),
    }
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

/// Undoes percent-encoding (VCF 4.3 section 1.2), which bcftools leaves in place.
fn decoded(text: &str) -> String {
    let pairs = [("%3A", ":"), ("%3B", ";"), ("%3D", "="), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%09", "\t")];
    pairs.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain)).replace("%25", "%")
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
    fn cell(&mut self, file: &str, name: &str, at: &str, (array, row): (&dyn Array, usize), theirs: &Cell) {
        self.cells += 1;
        self.valued += u64::from(!theirs.is_missing());
        if !theirs.is(array, row) {
            self.note(file, name, || format!("{at}: {theirs:?} is {:?}", array.slice(row, 1)));
        }
    }

    fn note(&mut self, file: &str, name: &str, what: impl FnOnce() -> String) {
        self.wrong.entry((file.to_owned(), name.to_owned())).or_insert_with(|| (0, what())).0 += 1;
    }

    /// Compares a file with what `reader` makes of it; `name` is what the listed cases call it.
    fn file<R: Iterator<Item = Result<Theirs, String>>>(
        &mut self,
        name: &str,
        path: &Path,
        reader: impl FnOnce(&Schema, &Asked) -> R,
    ) {
        let mut config = Config::of([path.to_string_lossy().replace('[', "[[]")]);
        (config.calls, config.on_bad_record) = (Calls::All, OnBadRecord::Quarantine);
        let inspection = match config.build(Path::new("/")).unwrap().inspect() {
            Ok(inspection) => inspection,
            Err(error) => return self.note(name, "*", || error.to_string()),
        };
        let schema = inspection.table.schema();
        let input = &inspection.document.inputs[0];
        let asked = Asked {
            info: fields(&schema, column::INFO),
            formats: fields(&schema, column::CALLS),
            samples: input.samples.len(),
            percent: ["VCFv4.3", "VCFv4.4", "VCFv4.5"].contains(&input.version.as_str()),
        };
        let mut theirs = reader(&schema, &asked);
        let (batches, bad) = decode(&inspection);
        if bad > 0 {
            self.note(name, "*", || format!("{bad} bad records"));
        }
        for (batch, row) in batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row))) {
            match theirs.next() {
                Some(Ok(record)) => self.record(name, &asked, (batch, row), &record),
                Some(Err(error)) => return self.note(name, "*", || format!("the oracle fails: {error}")),
                None => return self.note(name, "*", || "the oracle ends early".into()),
            }
        }
        match theirs.next() {
            Some(Ok(_)) => self.note(name, "*", || "the oracle has more records".into()),
            Some(Err(error)) => self.note(name, "*", || format!("the oracle fails: {error}")),
            None => {}
        }
    }

    fn record(&mut self, file: &str, asked: &Asked, (batch, row): (&RecordBatch, usize), theirs: &Theirs) {
        self.records += 1;
        let get = |name: &str| batch.column_by_name(name).unwrap();
        let at = format!("{}:{}", theirs.chrom, theirs.pos);
        let pos = get(column::POS).as_primitive::<Int64Type>().value(row).to_string();
        if get(column::CHROM).as_string::<i32>().value(row) != theirs.chrom || pos != theirs.pos {
            return self.note(file, "*", || format!("the records part at {at}"));
        }
        for (name, cell) in [column::IDS, column::REF, column::ALT, column::QUAL, column::FILTERS].into_iter().zip(&theirs.fixed)
        {
            self.cell(file, name, &at, (get(name), row), cell);
        }
        for ((column, id), cell) in asked.info.iter().zip(&theirs.info) {
            self.cell(file, &format!("INFO/{id}"), &at, (batch.column(*column), row), cell);
        }
        let whose: &ListArray = get(column::CALLS_SAMPLE).as_list();
        let (calls, first) = (whose.value_length(row) as usize, whose.value_offsets()[row] as usize);
        if calls > 0 && calls != asked.samples {
            return self.note(file, "*", || format!("{at}: {calls} calls"));
        }
        let places = (0..asked.samples).flat_map(|sample| asked.formats.iter().map(move |format| (sample, format)));
        for ((sample, (column, id)), cell) in places.zip(&theirs.calls) {
            if calls > 0 {
                let column: &ListArray = batch.column(*column).as_list();
                self.cell(file, &format!("FORMAT/{id}"), &at, (column.values(), first + sample), cell);
            } else if !cell.is_missing() {
                self.note(file, &format!("FORMAT/{id}"), || format!("{at}: {cell:?} is no call"));
            }
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
fn a_printed_cell_that_differs_is_found() {
    use datafusion::arrow::array::{Float64Array, StringArray};
    let agrees = |array: &dyn Array, row, text: &str| printed(array, row, text, ',', false);
    let floats = Float64Array::from(vec![Some(0.1), Some(123456.7), Some(1e-9), Some(f64::NAN), None, Some(0.0), Some(1e300)]);
    let texts = ["0.1", "123457", "1e-09", "nan", ".", "0", "inf"];
    for (row, text) in texts.into_iter().enumerate() {
        let same: Vec<bool> = (0..texts.len()).map(|other| agrees(&floats, other, text)).collect();
        assert_eq!(same, (0..texts.len()).map(|other| other == row).collect::<Vec<_>>(), "{text}");
    }
    assert!(!agrees(&floats, 0, "0.100001") && !agrees(&floats, 1, "123456"));
    let words = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None, Some(3)]), None]);
    assert!(agrees(&words, 0, "1,.,3") && agrees(&words, 1, "."));
    for wrong in ["1,.", "1,.,3,4", "1,0,3", "."] {
        assert!(!agrees(&words, 0, wrong), "{wrong}");
    }
    let text = StringArray::from(vec!["a;b"]);
    assert!(printed(&text, 0, "a%3Bb", ',', true) && !agrees(&text, 0, "a%3Bb"));
}

#[test]
fn a_typed_cell_that_differs_is_found() {
    use datafusion::arrow::array::{BooleanArray, Float64Array, Int32Array, StringArray};
    let texts = StringArray::from(vec![Some("a,b"), None]);
    let floats = Float64Array::from(vec![Some(0.1), None]);
    let numbers = Int32Array::from(vec![Some(1), None]);
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let flags = BooleanArray::from(vec![Some(true), None]);
    let cases: [(&dyn Array, Cell, &[Cell]); 5] = [
        (&texts, Cell::Text("a,b".into()), &[Cell::Text("a".into()), Cell::Flag]),
        (&floats, Cell::Float(0.1), &[Cell::Float(0.100_000_01), Cell::Float(f32::NAN), Cell::Integer(0)]),
        (&numbers, Cell::Integer(1), &[Cell::Integer(2), Cell::Float(1.0)]),
        (
            &lists,
            Cell::List(vec![Cell::Integer(1), Cell::Missing]),
            &[Cell::List(vec![Cell::Integer(1)]), Cell::List(vec![Cell::Missing]), Cell::Integer(1)],
        ),
        (&flags, Cell::Flag, &[Cell::Integer(1)]),
    ];
    for (array, same, others) in cases {
        assert!(same.is(array, 0) && !same.is(array, 1) && Cell::Missing.is(array, 1) && !Cell::Missing.is(array, 0), "{same:?}");
        others.iter().for_each(|other| assert!(!other.is(array, 0), "{other:?}"));
    }
}

/// What the project writes itself is by the letter of the specification, reserved keys included.
#[test]
fn generated_files_are_taken_in_strict_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.vcf");
    for ((kind, _, samples), phi) in SYNTHETIC.into_iter().flat_map(|options| [(options, false), (options, true)]) {
        synthetic((kind, 500, samples), phi, &path);
        let mut config = Config::of([path.to_string_lossy()]);
        (config.calls, config.conformance) = (Calls::All, Conformance::Strict);
        let inspection = config.build(Path::new("/")).unwrap().inspect().unwrap();
        let (batches, bad) = decode(&inspection);
        assert_eq!((batches.iter().map(RecordBatch::num_rows).sum::<usize>(), bad), (500, 0), "{kind:?}");
    }
}
