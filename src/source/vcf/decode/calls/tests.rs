//! Calls against a parser that is slow and plain, and what may go wrong in them.

use proptest::prelude::*;

use std::path::Path;

use super::*;
use crate::flow::genotype::testing;
use crate::machine::{has_htslib, inflated, output_of, real_files};
use crate::source::vcf::slot::CatchAll;
use crate::source::vcf::testing::{Read, read_bytes, vcf};
use crate::source::vcf::{Config, Conformance, OnBadRecord};

const HEAD: &str = "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"\">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"\">
##FORMAT=<ID=GP,Number=G,Type=Float,Description=\"\">
##FORMAT=<ID=FT,Number=1,Type=String,Description=\"\">
##FORMAT=<ID=PSL,Number=P,Type=String,Description=\"\">
";
const KEYS: [&str; 6] = ["GT", "DP", "AD", "GP", "FT", "PSL"];

fn value(key: &str) -> BoxedStrategy<String> {
    let list = |item: &'static str| prop::collection::vec(prop_oneof![8 => item, 1 => Just(".".to_owned())], 1..5);
    match key {
        "GT" => prop_oneof![
            6 => "0[/|]0",
            6 => "[0-2.][/|][0-2.]",
            1 => "[/|]?[0-9.]([/|]([0-2.]|[1-9][0-9]{1,4})){0,4}",
        ]
        .boxed(),
        "DP" => "(-?[0-9]{1,9}|\\.)".boxed(),
        "AD" => list("[0-9]{1,3}").prop_map(|items| items.join(",")).boxed(),
        "GP" => list("[01]\\.[0-9]{1,3}").prop_map(|items| items.join(",")).boxed(),
        "PSL" => list("[a-z]{1,9}").prop_map(|items| items.join(",")).boxed(),
        _ => "([a-zA-Z; ]{1,20}|\\.)".prop_map(|text| text.replace(' ', "_")).boxed(),
    }
}

/// FORMAT and calls, each call cut where its last values are dropped.
fn record(samples: usize) -> impl Strategy<Value = (Vec<&'static str>, Vec<Vec<String>>)> {
    let keys = prop_oneof![
        4 => Just(vec!["GT"]),
        1 => Just(vec!["DP"]),
        4 => prop::sample::subsequence(KEYS.to_vec(), 1..=KEYS.len()),
        2 => prop::sample::subsequence(KEYS.to_vec(), 1..=KEYS.len()).prop_shuffle(),
    ];
    keys.prop_flat_map(move |keys| {
        let values: Vec<_> = keys.iter().map(|key| value(key)).collect();
        let count = values.len();
        let call = (values, prop_oneof![3 => Just(count), 1 => 1..=count]).prop_map(|(mut values, kept)| {
            values.truncate(kept);
            values
        });
        (Just(keys), prop::collection::vec(call, samples))
    })
}

fn line((keys, calls): &(Vec<&str>, Vec<Vec<String>>)) -> String {
    let calls: Vec<String> = calls.iter().map(|call| call.join(":")).collect();
    format!("1 5 . A C,G . . . {} {}", keys.join(":"), calls.join(" "))
}

/// A value as [`Read::column`] shows it.
fn shown(key: &str, text: &str) -> String {
    let item = |text: &str| match (key, text) {
        (_, ".") => "-".to_owned(),
        ("GP", text) => format!("{:?}", text.parse::<f64>().unwrap()),
        ("DP" | "AD", text) => text.parse::<i32>().unwrap().to_string(),
        (_, text) => text.to_owned(),
    };
    match key {
        "AD" | "GP" | "PSL" => format!("[{}]", text.split(',').map(item).collect::<Vec<_>>().join(", ")),
        _ => item(text),
    }
}

fn is_carrier(gt: Option<&String>) -> bool {
    gt.is_none_or(|gt| testing::read(gt).unwrap().iter().any(|(allele, _)| *allele != Some(0)))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn read(samples: &[&str], records: &[String], change: impl FnOnce(&mut Config)) -> crate::error::Result<Read> {
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    runtime().block_on(read_bytes(vcf(HEAD, samples, &records).as_bytes(), 1, change))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn calls_are_those_of_the_plain_parser(
        (wanted, records) in (1usize..60).prop_flat_map(|samples| {
            let wanted = prop_oneof![1 => Just(vec![true; samples]), 2 => prop::collection::vec(any::<bool>(), samples)];
            (wanted, prop::collection::vec(record(samples), 0..6))
        }),
        carriers in any::<bool>(), exclude in any::<bool>(),
    ) {
        let names: Vec<String> = (0..wanted.len()).map(|i| format!("S{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all = wanted.iter().all(|wanted| *wanted);
        let lines: Vec<String> = records.iter().map(line).collect();
        let table = read(&names, &lines, |config| {
            config.calls = if carriers { Calls::Carriers } else { Calls::All };
            let listed = names.iter().zip(&wanted).filter(|(_, wanted)| **wanted != exclude).map(|(name, _)| name.to_string());
            let mut listed: Vec<String> = listed.collect();
            listed.reverse();
            if let Some(first) = listed.first_mut().filter(|_| exclude) {
                first.insert(0, '^');
            }
            config.samples = (!all).then_some(listed).filter(|listed| !listed.is_empty());
        });
        let table = table.unwrap();
        let kept_all = all || !wanted.iter().any(|wanted| *wanted != exclude);
        for (row, (keys, calls)) in records.iter().enumerate() {
            let at = |key: &str| keys.iter().position(|known| *known == key);
            let mut next = 0;
            let numbered: Vec<(usize, &Vec<String>)> = calls
                .iter()
                .zip(&wanted)
                .filter(|(_, wanted)| kept_all || **wanted)
                .map(|(call, _)| { next += 1; (next - 1, call) })
                .filter(|(_, call)| !carriers || is_carrier(at("GT").and_then(|at| call.get(at))))
                .collect();
            let numbers: Vec<String> = numbered.iter().map(|(number, _)| number.to_string()).collect();
            prop_assert_eq!(&table.column("calls.__sample")[row], &format!("[{}]", numbers.join(", ")));
            for key in KEYS {
                let values: Vec<String> = numbered
                    .iter()
                    .map(|(_, call)| match at(key).and_then(|at| call.get(at)) {
                        None => "-".to_owned(),
                        Some(text) if key == "GT" => testing::texts(&testing::column(&[Some(text)])).remove(0).unwrap(),
                        Some(text) => shown(key, text),
                    })
                    .collect();
                let found = if key == "GT" { table.genotypes() } else { table.column(&format!("calls.{key}")) };
                prop_assert_eq!(&found[row], &format!("[{}]", values.join(", ")), "{} of {}", key, &lines[row]);
            }
        }
    }

    #[test]
    fn no_line_breaks_the_decoder(text in "[0-2./|:,\t x]{0,60}", format in "(GT|GT:DP|DP:GT|GT:AD:FT|[A-Z:]{0,6})") {
        let good = "1 1 . A C . . . GT 0/1 0/1 0/1".to_owned();
        let records = [good.clone(), format!("1 2 . A C . . . {format} {}", text.replace('\t', " ")), good];
        let table = read(&["A", "B", "C"], &records, |config| {
            config.on_bad_record = OnBadRecord::Quarantine;
        });
        let table = table.unwrap();
        let genotypes = table.genotypes();
        prop_assert!(genotypes.len() >= 2 && table.units[0].bad.len() + genotypes.len() == 3);
        prop_assert_eq!((&genotypes[0], genotypes.last().unwrap()), (&"[0/1, 0/1, 0/1]".into(), &"[0/1, 0/1, 0/1]".into()));
    }
}

/// Defect 7 of the predecessor: posterior probabilities cut to integers, missing depths read as 0, haploid calls as `./.`,
/// triploid ones cut to two alleles.
#[test]
fn fractions_missing_values_and_ploidy_survive() {
    let records = [
        "X 1 . A C . . . GT:GP:AD 0/1:0.05,0.9,0.05:.,7 1:0.1,0.9:. 0/1/1:0.1,0.2,0.3,0.4:3,.".to_owned(),
        "X 2 . A C . . . GT:AD .:0,0 ./.:. ././.".to_owned(),
    ];
    let table = read(&["A", "B", "C"], &records, |_| {}).unwrap();
    assert_eq!(table.genotypes(), ["[0/1, 1, 0/1/1]", "[., ./., ././.]"]);
    assert_eq!(table.column("calls.GP")[0], "[[0.05, 0.9, 0.05], [0.1, 0.9], [0.1, 0.2, 0.3, 0.4]]");
    assert_eq!(table.column("calls.AD"), ["[[-, 7], [-], [3, -]]", "[[0, 0], [-], -]"]);
}

#[test]
fn a_leading_phase_is_kept_and_strict_before_4_4_refuses_it() {
    let records = ["1 1 . A C . . . GT /0|1 |0/1 |1".to_owned()];
    let table = read(&["A", "B", "C"], &records, |_| {}).unwrap();
    assert_eq!(table.genotypes(), ["[/0|1, |0/1, 1]"]);
    let strict = |config: &mut Config| config.conformance = Conformance::Strict;
    let declared = vcf("", &["A", "B", "C"], &[&records[0]]);
    let error = runtime().block_on(read_bytes(declared.as_bytes(), 1, strict)).err().unwrap();
    assert!(error.to_string().contains("FORMAT/GT: a leading phase before VCF 4.4"), "{error}");
    let text = vcf(HEAD, &["A", "B", "C"], &[&records[0]]).replace("VCFv4.3", "VCFv4.4");
    let table = runtime().block_on(read_bytes(text.as_bytes(), 1, strict)).unwrap();
    assert_eq!(table.genotypes(), ["[/0|1, |0/1, 1]"]);
}

#[test]
fn what_is_no_genotype_is_null_and_kept_as_text_whatever_is_kept() {
    for gt in ["0//0", "x", "0/", "0|0|", "|", "4294967296/0", "0/0x", "NA"] {
        for calls in [Calls::All, Calls::Carriers] {
            let record = [format!("1 1 . A C . . . GT:DP 0/0:1 {gt}:7 0/0:2")];
            let table = read(&["A", "B", "C"], &record, |config| config.calls = calls).unwrap();
            let around =
                |b: &str, a: &str, c: &str| if calls == Calls::All { format!("[{a}, {b}, {c}]") } else { format!("[{b}]") };
            assert_eq!(table.genotypes(), [around("-", "0/0", "0/0")], "{gt}");
            assert_eq!(table.column("calls.DP"), [around("7", "1", "2")], "{gt}");
            assert_eq!(table.column("calls.__other"), [around(&format!("GT={gt}"), "-", "-")], "{gt}");
            assert_eq!(table.odd(), [("FORMAT/GT", Odd::Misfit.text(), 1)], "{gt}");
        }
    }
}

#[test]
fn a_record_without_genotype_fields_has_no_calls() {
    let records =
        ["1 1 . A C . . . GT:DP 0/1:10 1/1:20", "1 2 . A C . . . . . .", "1 3 . A C . . . GT 0/1 ./.", "1 4 . A C . . . . ./. ."];
    let records = records.map(str::to_owned);
    for calls in [Calls::All, Calls::Carriers] {
        let table = read(&["A", "B"], &records, |config| config.calls = calls).unwrap();
        assert_eq!(table.column("calls.__sample"), ["[0, 1]", "[]", "[0, 1]", "[]"]);
        assert_eq!(table.column("calls.__other"), ["[-, -]", "[]", "[-, -]", "[]"]);
        assert!(table.odd().is_empty());
    }
    // A value of no key.
    let named = ["1 1 . A C . . . . 0/1 .".to_owned()];
    assert!(read(&["A", "B"], &named, |_| {}).err().unwrap().to_string().contains("FORMAT: a call has more values"));
    let short = ["1 1 . A C . . . . .".to_owned()];
    assert!(read(&["A", "B"], &short, |_| {}).err().unwrap().to_string().contains("another number of columns"));
}

/// Decodes lines of calls with a decoder of their own.
fn decoder(head: &str, samples: usize, lines: &[(&str, usize)]) -> (CallsDecoder, Vec<Result<(), Bad>>) {
    use crate::source::vcf::header::{self, Header};
    let names: Vec<String> = (0..samples).map(|i| format!("S{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let header = Header::parse(vcf(head, &names, &[]).as_bytes()).unwrap();
    let fields = header::merge(std::iter::once(&header));
    let slots: Vec<Slot> = std::iter::once(Slot::Sample).chain((0..fields.formats.len()).map(Slot::Call)).collect();
    let recipe = Recipe {
        fields: Arc::new(fields),
        regions: Arc::new(crate::source::vcf::regions::Regions::default()),
        predicate: Default::default(),
        calls: Calls::All,
        catch_all: CatchAll::default(),
        limits: Default::default(),
        schema: Arc::new(datafusion::arrow::datatypes::Schema::empty()),
        slots: slots.into(),
    };
    let samples = (0..samples as u32).map(Some).collect();
    let shape = Shape {
        columns: header.columns,
        minor: 4,
        percent: true,
        leading_phase: true,
        samples,
        declared: Default::default(),
        oddities: Default::default(),
        strict: None,
        binary: None,
    };
    let mut decoder = CallsDecoder::new(&recipe, &shape);
    let (mut outcomes, mut row) = (Vec::new(), 0);
    for (line, alts) in lines {
        let line = line.replace(' ', "\t");
        let outcome = decoder.decode(Some(line.as_bytes()), row, *alts, Encoding::default());
        match &outcome {
            Ok(()) => row += 1,
            Err(_) => decoder.undo(line.split('\t').next().unwrap().split(':').map(str::as_bytes), row),
        }
        outcomes.push(outcome);
    }
    (decoder, outcomes)
}

#[test]
fn wrong_numbers_of_values_are_counted_and_kept() {
    let head = HEAD.to_owned()
        + "##FORMAT=<ID=PL,Number=G,Type=Integer,Description=\"\">
##FORMAT=<ID=LAA,Number=.,Type=Integer,Description=\"\">
##FORMAT=<ID=LAD,Number=LR,Type=Integer,Description=\"\">
##FORMAT=<ID=LPL,Number=LG,Type=Integer,Description=\"\">
";
    let good = [
        ("GT:AD:PL 0/1:1,2,3:0,1,2,3,4,5 1:.:0,1,2", 2),
        ("GT:AD:PL .:1,2:0,1,2 0/0/1:.,.:0,1,2,3", 1),
        ("PL 0,1,2 .", 1),
        ("GT:PSL 0|1:a,b 1:.", 1),
        ("GT:LAA:LAD:LPL 2/4:2,4:20,30,10:90,80,0,100,110,120 0/0::30:0", 4),
    ];
    let bad = [
        ("GT:AD 0/1:1,2 0/1:1,2,3", 2, "AD"),
        ("GT:PL 0/1:0,1,2 1:0,1,2", 1, "PL"),
        ("PL 0,1 .", 1, "PL"),
        ("GT:PSL 0|1:a,b 0|1:a", 1, "PSL"),
        ("GT:LAA:LAD 0/1:1:1,2 0/1:1:1,2,3", 4, "LAD"),
        ("GT:LAA:LPL 0/1:1:1,2,3 0/1:1:1,2", 4, "LPL"),
    ];
    let (right, outcomes) = decoder(&head, 2, &good);
    assert_eq!(outcomes, vec![Ok(()); good.len()]);
    assert_eq!(right.oddities().count(), 0);
    for (line, alts, id) in bad {
        let (mut lenient, outcomes) = decoder(&head, 2, &[(line, alts)]);
        assert_eq!(outcomes, [Ok(())], "{line}");
        let at = lenient.index.get(id.as_bytes()).copied().unwrap();
        assert_eq!(lenient.oddities().collect::<Vec<_>>(), [(Some(at), Odd::Miscount, 1)], "{line}");
        let mut finished = lenient.finish(1);
        assert_eq!(finished.take(Slot::Call(at)).unwrap().len(), 1);
    }
}

#[test]
fn alleles_past_alt_are_counted() {
    let usual = format!("GT {}", ["0/1"; 40].join(" "));
    let many = usual.replacen("0/1", "0/2", 3);
    let (lenient, outcomes) = decoder(HEAD, 40, &[(&usual, 1), (&many, 1), (&many, 2), (&usual, 0)]);
    assert_eq!(outcomes, vec![Ok(()); 4]);
    assert_eq!(lenient.oddities().collect::<Vec<_>>(), [(Some(0), Odd::PastAlt, 43)]);
}

#[test]
fn bytes_of_unwanted_samples_are_not_parsed_but_columns_are_counted() {
    let records = ["1 1 . A C . . . GT:DP 0/1:1 nonsense:x:y:z 0/1:3".to_owned()];
    let only = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let table = read(&["A", "B", "C"], &records, |config| config.samples = only(&["A", "C"])).unwrap();
    assert_eq!((table.genotypes(), table.column("calls.DP")), (vec!["[0/1, 0/1]".into()], vec!["[1, 3]".into()]));
    assert!(read(&["A", "B", "C"], &records, |config| config.samples = only(&["B"])).is_err());
    let short = ["1 1 . A C . . . GT 0/1 0/1".to_owned()];
    for wanted in ["A", "C"] {
        let error = read(&["A", "B", "C"], &short, |config| config.samples = only(&[wanted])).err().unwrap();
        assert!(error.to_string().contains("another number of columns"), "{error}");
    }
}

/// Header and first records of a real file, and the samples it has.
fn beginning(file: &Path, cells: usize) -> Option<(String, Vec<String>)> {
    let text = String::from_utf8(inflated(file)).ok()?;
    let titles = text.lines().find(|line| line.starts_with("#CHROM"))?;
    let samples: Vec<String> = titles.split('\t').skip(9).map(str::to_owned).collect();
    let (head, body): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let records = body.into_iter().take(1 + cells / samples.len().max(1));
    Some((head.into_iter().chain(records).map(|line| line.to_owned() + "\n").collect(), samples))
}

/// What bcftools says the genotypes are, a line a record. `None` where it does not like the file.
fn bcftools(text: &str) -> Option<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let query = output_of("bcftools", &["query", "-f", "[%GT\t]\n", file.path().to_str()?], Path::new("/"))?;
    let out = String::from_utf8(query).ok()?;
    Some(out.lines().map(|line| line.trim_end_matches('\t').replace('\t', ", ")).collect())
}

/// Every cell of every sample against the text, and the genotypes against bcftools.
#[test]
fn real_calls_are_those_of_the_text() {
    let Some(listed) = real_files() else { return };
    let has_bcftools = has_htslib();
    let (mut files, mut by_bcftools) = (0, 0);
    for path in listed.iter().filter(|listed| matches!(listed.group.as_str(), "real" | "edge")).map(|listed| &listed.path) {
        let Some((text, samples)) = beginning(path, 3000) else { continue };
        if samples.is_empty() {
            continue;
        }
        let all = |config: &mut Config| config.calls = Calls::All;
        // Files that are to be refused are other tests' business.
        let Ok(table) = runtime().block_on(read_bytes(text.as_bytes(), 1, all)) else { continue };
        let records: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| line.split('\t').collect())
            .collect();
        let schema = table.batch.schema();
        for field in schema.fields().iter().filter(|field| field.name().starts_with("calls.")) {
            let Some(id) = field.name().strip_prefix("calls.").filter(|id| !id.starts_with("__")) else { continue };
            let kind = crate::flow::vcf_type_of(field).unwrap();
            let typed = is_typed(field.data_type());
            let found = if typed { table.genotypes() } else { table.column(field.name()) };
            for (record, found) in records.iter().zip(&found).filter(|(record, _)| record.len() > 9) {
                let at = record[8].split(':').position(|key| key == id);
                let cell = |call: &&str| {
                    let value = at.and_then(|at| call.split(':').nth(at));
                    match value {
                        None | Some("") => "-".to_owned(),
                        Some(value) if typed => testing::texts(&testing::column(&[Some(value)])).remove(0).unwrap(),
                        Some(value) => real_cell(value, field.data_type(), kind),
                    }
                };
                let expected: Vec<String> = record[9..].iter().take(samples.len()).map(cell).collect();
                // Values that do not fit their declaration stand in calls.__other.
                let fits = !expected.iter().any(|cell| cell == "?") && !text_is_encoded(record);
                assert!(
                    !fits || *found == format!("[{}]", expected.join(", ")),
                    "{}: {id} of {record:?}: {found}",
                    path.display()
                );
            }
        }
        files += 1;
        if schema.field_with_name("calls.GT").is_ok_and(|field| is_typed(field.data_type()))
            && records.iter().all(|record| record.len() > 9 && record[8].split(':').any(|key| key == "GT"))
            && has_bcftools
            && let Some(wanted) = bcftools(&text)
        {
            let found: Vec<String> = table.genotypes().iter().map(|row| row[1..row.len() - 1].replace('-', ".")).collect();
            assert_eq!(found, wanted, "{}", path.display());
            by_bcftools += 1;
        }
    }
    assert!(files > 30, "only {files} files have calls");
    assert!(by_bcftools > 20 || !has_bcftools, "only {by_bcftools} files were compared with bcftools");
}

fn is_typed(kind: &datafusion::arrow::datatypes::DataType) -> bool {
    matches!(kind, datafusion::arrow::datatypes::DataType::List(item) if crate::flow::genotype::is_genotype(item.data_type()))
}

fn text_is_encoded(record: &[&str]) -> bool {
    record[9..].iter().any(|call| call.contains('%'))
}

/// A value by its column's type and the declared one; `?` where it does not fit.
fn real_cell(value: &str, calls: &datafusion::arrow::datatypes::DataType, kind: crate::flow::VcfType) -> String {
    use crate::flow::VcfType;
    use datafusion::arrow::datatypes::DataType;
    let item = |text: &str| match (text, kind) {
        ("." | "", _) => "-".to_owned(),
        (text, VcfType::Integer) => text.parse::<i32>().map_or("?".into(), |value| value.to_string()),
        (text, VcfType::Float) => text.parse::<f64>().map_or("?".into(), |value| format!("{value:?}")),
        (text, _) => text.to_owned(),
    };
    match calls {
        DataType::List(one) if matches!(one.data_type(), DataType::List(_)) => {
            let items: Vec<String> = value.split(',').map(item).collect();
            if items.iter().any(|item| item == "?") { "?".into() } else { format!("[{}]", items.join(", ")) }
        }
        _ => item(value),
    }
}
