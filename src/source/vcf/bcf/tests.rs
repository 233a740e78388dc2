//! BCF through the whole source: the same rows as the same records as text.

use std::path::Path;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use proptest::prelude::*;

use super::header::without_idx;
use super::testing::{Style, encode};
use super::{header, lines, read_header, records, version};
use crate::error::Class;
use crate::flow::column;
use crate::machine::{Listed, has_htslib, inflated, output_of, real_files};
use crate::source::vcf::limits::Limits;
use crate::source::vcf::testing::{Read, bgzf, gzip, read_bytes, same, vcf};
use crate::source::vcf::{Calls, Config, Conformance, Info, OnBadRecord, UnitSize, decode_to_end};

const HEAD: &str = "##contig=<ID=1,length=1000>
##contig=<ID=HLA-A*01:01>
##FILTER=<ID=q10,Description=\"\">
##FILTER=<ID=s50,Description=\"\">
##INFO=<ID=AC,Number=A,Type=Integer,Description=\"\">
##INFO=<ID=AF,Number=A,Type=Float,Description=\"\">
##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">
##INFO=<ID=MQ,Number=1,Type=Float,Description=\"\">
##INFO=<ID=DB,Number=0,Type=Flag,Description=\"\">
##INFO=<ID=NOTE,Number=1,Type=String,Description=\"\">
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"\">
##INFO=<ID=END,Number=1,Type=Integer,Description=\"\">
##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"\">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"\">
##FORMAT=<ID=GL,Number=G,Type=Float,Description=\"\">
##FORMAT=<ID=FX,Number=.,Type=String,Description=\"\">
##FORMAT=<ID=ID1,Number=1,Type=String,Description=\"\">
";

const RECORDS: [&str; 9] = [
    "1 10 rs1;rs2 ACG A,<DEL> 3.5 q10;s50 AC=1,.;AF=0.1,1e-05;DP=7;DB;NOTE=a%3Bb;CSQ=x|y,z GT:DP:AD 0/1:1:1,2,3 0|0:.:. 1|2:300:4,5,.",
    "1 0 . N . . . . GT 0/0 ./. .",
    "1 12 . A C 100 PASS END=20;DP=70000;MQ=0.3 GT:GL 0|0:-1.5,0.25,-300 0|1:. 1:.,.,.",
    "HLA-A*01:01 13 x A G,T,* 0.001 PASS AF=.,0.5,3 GT:FX:ID1 0/2/3:a,b:one .|3:.:. 0:PASS:two",
    "1 14 . A C . PASS CSQ=.;NOTE=.;AC=.;DP=. DP:AD 5:1,2 .:. -1:40000,-40000",
    "1 15 . A C . q10 AC=-2147483640;DB GT 0|0 0|0 0/0",
    "1 16 . A C . PASS DP=-120 GT:DP 1/1:2147483647 0/0:. 0|1:-128",
    "1 17 . A C 1e-30 . MQ=1e30 GT 0/10 0/1 0/0",
    "1 18 . A C . PASS DP=127 GT:DP 1|1:2 0/0:3 0/0:4",
];

fn text(version: &str, records: &[&str]) -> String {
    vcf(HEAD, &["S0", "S1", "S2"], records).replace("VCFv4.3", version)
}

async fn both(text: &str, style: Style, change: impl Fn(&mut Config)) -> (Read, Read) {
    let as_text = read_bytes(text.as_bytes(), 1, &change).await.unwrap();
    let as_bcf = read_bytes(&encode(text, style), 1, &change).await.unwrap();
    (as_text, as_bcf)
}

/// Fails with the first column that differs.
fn assert_same(a: &RecordBatch, b: &RecordBatch, what: &str) {
    if same(a, b, &[column::UNIT, column::ROW]) {
        return;
    }
    for name in a.schema().fields().iter().map(|field| field.name()).filter(|name| !name.starts_with("__")) {
        let (a, b) = (a.column_by_name(name), b.column_by_name(name));
        assert_eq!(a, b, "{what}: {name}");
    }
    panic!("{what}: the columns differ");
}

#[tokio::test]
async fn every_style_gives_the_rows_of_the_text() {
    for version in ["VCFv4.2", "VCFv4.3", "VCFv4.5"] {
        let text = |legacy: bool| {
            // BCF 2.1 cannot tell a missing value at the end of a genotype field from what fills it up.
            let apart = |record: &&&str| !(legacy && [",. ", ",.,."].iter().any(|end| format!("{record} ").contains(end)));
            text(version, &RECORDS.iter().filter(apart).copied().collect::<Vec<_>>())
        };
        for calls in [Calls::All, Calls::Carriers, Calls::None] {
            for bits in 0..16 {
                let style = Style { idx: bits & 1 > 0, wide: bits & 2 > 0, flag_as_one: bits & 4 > 0, legacy: bits & 8 > 0 };
                let (a, b) = both(&text(style.legacy), style, |config| config.calls = calls).await;
                assert_eq!(a.batch.num_rows(), RECORDS.len() - if style.legacy { 2 } else { 0 });
                assert_same(&a.batch, &b.batch, &format!("{version} {calls:?} {style:?}"));
            }
        }
    }
}

#[tokio::test]
async fn rows_bear_record_numbers_and_explain_the_format() {
    let bytes = encode(&text("VCFv4.2", &RECORDS), Style::default());
    for (bytes, format) in [(bytes.clone(), "bcf-plain"), (bgzf(&bytes, 900), "bcf"), (gzip(&[&bytes]), "bcf-gzip")] {
        let read = read_bytes(&bytes, 1, |_| {}).await.unwrap();
        assert_eq!(read.column("__row"), (0..RECORDS.len()).map(|row| row.to_string()).collect::<Vec<_>>());
        assert_eq!((read.units[0].counts.lines, read.records()), (RECORDS.len() as u64, RECORDS.len() as u64));
        assert!(read.plan.contains(&format!("format={format},")), "{}", read.plan);
        assert_eq!(read.inspection.document.inputs[0].version, "VCFv4.2");
    }
}

#[tokio::test]
async fn chosen_fields_samples_regions_and_filters() {
    let text = text("VCFv4.3", &RECORDS);
    let changes: [&dyn Fn(&mut Config); 4] = [
        &|config| config.info = Info::Ids(vec!["DP".into(), "NEW".into()]),
        &|config| (config.formats, config.calls) = (Some(vec!["DP".into(), "GT".into()]), Calls::All),
        &|config| config.samples = Some(vec!["^S1".into()]),
        &|config| config.regions = vec!["HLA-A*01:01".into(), "1:12-14".into()],
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let (a, b) = both(&text, Style::default(), change).await;
        assert!(a.batch.num_rows() > 0);
        assert_same(&a.batch, &b.batch, &format!("change {i}"));
        let left_out = |read: &Read| read.units.iter().map(|unit| unit.counts.out_of_region).sum::<u64>();
        assert_eq!(left_out(&a), left_out(&b));
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), encode(&text, Style::default())).unwrap();
    let sql = "SELECT pos, end_pos FROM t WHERE end_pos >= 18 AND qual > 1 AND chrom = '1' ORDER BY __row";
    let read = crate::source::vcf::testing::read_sql(&Config::of(["x"]), folder.path(), 1, sql).await.unwrap();
    assert_eq!((read.column("pos"), read.column("end_pos")), (vec!["12".into()], vec!["20".into()]));
}

#[tokio::test]
async fn misfits_are_kept_as_in_text_and_refused_strictly() {
    let records = [
        "1 1 . A C . . DP=4,5;NOTE=x,y;AF=1,2;DP=6 GT:DP:AD 0/1:1,2:5 0/0:.:. 1/1:3:1,2",
        "1 2 . A C . . DB=1;DP;AC=1,2 GT 0/1 . .",
        "1 3 . A C . . DP=x GT 0/1 . .",
        "1 4 . A C . . AC=1.5 GT 0/1 . .",
        "1 5 . A C . . AC=1 GT:DP 0/1:z .:. .:.",
        "1 6 . A C . . END=2 GT 0/1 . .",
        "1 7 . A C,G . . AC=1,two;AF=0.5,NA;END=9 GT:AD:DP 0/1:1,q,2:NA 1/1:.:1.5 0/0:1,2,3:2",
        "1 8 . A C . . END=NA;DB GT:DP 0/1:NA . 0/0:.",
        "1 9 . A C . . . . . . .",
    ];
    let text = text("VCFv4.3", &records);
    for calls in [Calls::All, Calls::Carriers] {
        let (a, b) = both(&text, Style::default(), |config| config.calls = calls).await;
        assert_same(&a.batch, &b.batch, "misfits");
        assert_eq!(a.odd(), b.odd());
        assert_eq!(a.batch.num_rows(), records.len());
    }
    let chosen = |config: &mut Config| {
        (config.info, config.formats) = (Info::Ids(vec!["DP".into(), "AC".into()]), Some(vec!["DP".into(), "AD".into()]));
    };
    let (a, b) = both(&text, Style::default(), chosen).await;
    assert_same(&a.batch, &b.batch, "misfits of chosen fields");
    assert_eq!((a.odd(), a.batch.num_rows()), (b.odd(), records.len()));
    for (i, record) in records.iter().enumerate().filter(|(i, _)| *i < 8) {
        let text = vcf(HEAD, &["S0", "S1", "S2"], &[record]);
        let strict = |config: &mut Config| config.conformance = Conformance::Strict;
        let error = read_bytes(&encode(&text, Style::default()), 1, strict).await.err();
        assert_eq!(error.map(|error| error.class()), Some(Class::Input), "record {i}");
    }
}

#[tokio::test]
async fn a_gt_declared_otherwise_is_a_genotype_as_in_text() {
    for declared in ["Number=.,Type=String", "Number=1,Type=Integer", "Number=1,Type=Float"] {
        let head = HEAD.replace("ID=GT,Number=1,Type=String", &format!("ID=GT,{declared}"));
        let text = vcf(&head, &["S0", "S1"], &["1 1 . A C,G . . . GT:DP 0/1:3 1|2:.", "1 2 . A C . . . GT 1 ./."]);
        let (a, b) = both(&text, Style::default(), |config| config.calls = Calls::All).await;
        assert_eq!(a.genotypes(), ["[0/1, 1|2]", "[1, ./.]"]);
        assert_eq!(b.genotypes(), a.genotypes());
        assert_eq!(a.odd(), b.odd());
        assert_eq!(a.odd()[0].0, "FORMAT/GT");
    }
}

#[tokio::test]
async fn errors_name_the_record() {
    let mut records = vec!["1 1 . A C . . DP=1 GT 0/1 . ."; 40];
    records[30] = "1 2 . A C . . NOTE=PATIENT GT 0/1 . .";
    let mut bytes = encode(&text("VCFv4.3", &records), Style::default());
    let at = memchr::memmem::find(&bytes, b"PATIENT").unwrap();
    bytes[at] = 0xff;
    for bytes in [bytes.clone(), bgzf(&bytes, 300), gzip(&[&bytes])] {
        let error = read_bytes(&bytes, 2, |config| config.unit = UnitSize::Bytes(300)).await.err().unwrap();
        assert_eq!(error.to_string(), "input 1: record 31: record: not UTF-8");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn many(count: usize) -> String {
    let line = |i: usize| {
        let note = "n".repeat(i * 7 % 90);
        format!("1 {} rs{i} A C {} PASS DP={i};NOTE=x{note} GT:DP 0/{}:{i} 0/0:. 0|1:7", i + 1, i % 60, i % 2)
    };
    let lines: Vec<String> = (0..count).map(line).collect();
    text("VCFv4.2", &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_cut_gives_the_rows_of_one_pass(count in 0usize..150, unit in 1u64..6000, block in 20usize..3000, partitions in 1usize..5) {
        let text = many(count);
        let bytes = encode(&text, Style { idx: count % 2 == 0, ..Style::default() });
        runtime().block_on(async {
            let whole = read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap();
            for bytes in [bytes.clone(), bgzf(&bytes, block), gzip(&[&bytes])] {
                let cut = read_bytes(&bytes, partitions, |config| config.unit = UnitSize::Bytes(unit)).await.unwrap();
                assert_same(&whole.batch, &cut.batch, "cut");
                assert_eq!(cut.records(), count as u64);
                let ordinals: Vec<_> = cut.units.iter().map(|unit| unit.unit).collect();
                assert_eq!(ordinals, (0..cut.units.len() as u32).collect::<Vec<_>>());
            }
        });
    }

    #[test]
    fn hostile_bytes_end_in_rows_or_an_error(at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let whole = encode(&text("VCFv4.3", &RECORDS), Style::default());
        let mut bytes = whole.clone();
        for (at, byte) in at {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(whole.len() / 2 + cut.index(whole.len() / 2 + 1));
        runtime().block_on(async {
            for unit in [100, 1 << 20] {
                let quarantine = |config: &mut Config| (config.on_bad_record, config.unit) = (OnBadRecord::Quarantine, UnitSize::Bytes(unit));
                if let Ok(read) = read_bytes(&bytes, 2, quarantine).await {
                    let aside: u64 = read.units.iter().map(|unit| unit.bad.len() as u64).sum();
                    assert_eq!(read.records(), read.batch.num_rows() as u64 + aside);
                }
            }
        });
    }
}

#[tokio::test]
async fn damage_is_an_input_error() {
    let bytes = encode(&many(50), Style::default());
    let packed = bgzf(&bytes, 700);
    let header = u32::from_le_bytes(bytes[5..9].try_into().unwrap()) as usize + 9;
    let mut short = bytes.clone();
    short[header] = 5;
    short[header + 1] = 0;
    let mut huge = bytes.clone();
    huge[header + 4..header + 8].copy_from_slice(&[0xff; 4]);
    let mut large = bytes.clone();
    large[header + 4..header + 8].copy_from_slice(&(1u32 << 29).to_le_bytes());
    let cases = [
        bytes[..bytes.len() - 1].to_vec(),
        bytes[..header - 10].to_vec(),
        [&bytes[..], b"\n"].concat(),
        packed[..packed.len() - 28].to_vec(),
        bgzf(&bytes[..bytes.len() - 3], 700),
        short,
        huge,
        large,
    ];
    for (i, bytes) in cases.into_iter().enumerate() {
        for unit in [500, 1 << 24] {
            let change =
                |config: &mut Config| (config.unit, config.on_bad_record) = (UnitSize::Bytes(unit), OnBadRecord::Quarantine);
            assert_eq!(
                read_bytes(&bytes, 2, change).await.err().map(|error| error.class()),
                Some(Class::Input),
                "case {i}, unit {unit}"
            );
        }
    }
}

#[tokio::test]
async fn a_record_without_the_headers_samples_is_bad_wherever_it_stands() {
    let whole = encode(&many(60), Style::default());
    let header = u32::from_le_bytes(whole[5..9].try_into().unwrap()) as usize + 9;
    let ends: Vec<usize> = records(&whole[header..]).scan(header, |at, record| (*at += record.len(), Some(*at)).1).collect();
    for nth in [0, 30, 59] {
        let begin = if nth == 0 { header } else { ends[nth - 1] };
        let mut record = whole[begin..ends[nth]].to_vec();
        let shared = u32::from_le_bytes(record[..4].try_into().unwrap()) as usize;
        record.truncate(8 + shared);
        // No bytes of calls, no sample, no field.
        record[4..8].fill(0);
        record[8 + 20..8 + 24].fill(0);
        let bytes = [&whole[..begin], &record, &whole[ends[nth]..]].concat();
        for bytes in [bgzf(&bytes, 900), bytes] {
            for (unit, calls) in [(300, Calls::All), (1 << 24, Calls::Carriers), (300, Calls::None)] {
                let fail = read_bytes(&bytes, 2, |config| (config.unit, config.calls) = (UnitSize::Bytes(unit), calls)).await;
                assert!(fail.err().is_some_and(|error| error.class() == Class::Input), "{nth}, unit {unit}");
                let quarantine = |config: &mut Config| {
                    (config.unit, config.calls, config.on_bad_record) = (UnitSize::Bytes(unit), calls, OnBadRecord::Quarantine);
                };
                let read = read_bytes(&bytes, 2, quarantine).await.unwrap();
                let aside: usize = read.units.iter().map(|unit| unit.bad.len()).sum();
                assert_eq!((read.batch.num_rows(), aside), (59, 1), "{nth}, unit {unit}");
            }
        }
    }
}

#[tokio::test]
async fn bcf_through_a_pipe() {
    let bytes = encode(&many(300), Style::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let writer = std::thread::spawn(move || std::fs::write(path, bytes));
    let mut config = Config::of(["pipe"]);
    config.unit = UnitSize::Bytes(2000);
    let inspection = config.build(folder.path()).unwrap().inspect().unwrap();
    assert_eq!(decode_to_end(&inspection, 3, None).unwrap().rows, 300);
    writer.join().unwrap().unwrap();
}

/// Floats as six digits, so that what a text rounded to that many compares with its single-precision neighbour.
fn rounded(array: &ArrayRef) -> Vec<String> {
    let options = datafusion::arrow::util::display::FormatOptions::default().with_null("-");
    let formatter = datafusion::arrow::util::display::ArrayFormatter::try_new(array, &options).unwrap();
    let float = has_float(array.data_type());
    let round = |text: String| {
        if !float {
            return text;
        }
        let number =
            |part: &str| part.parse::<f64>().map_or(part.to_owned(), |number| format!("{:.5e}", f64::from(number as f32)));
        text.split_inclusive([',', '[', ']', ' '])
            .map(|part| {
                let (word, end) = part.split_at(part.trim_end_matches([',', '[', ']', ' ']).len());
                format!("{}{end}", number(word))
            })
            .collect()
    };
    (0..array.len()).map(|row| round(formatter.value(row).to_string())).collect()
}

fn has_float(kind: &DataType) -> bool {
    match kind {
        DataType::Float64 => true,
        DataType::List(item) => has_float(item.data_type()),
        _ => false,
    }
}

/// The file's text with a line for every name that it uses and does not declare: BCF cannot do without.
fn declared(path: &Path) -> Option<String> {
    let text = String::from_utf8(inflated(path)).ok()?.replace("\r\n", "\n");
    let (head, body): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let mut added = Vec::<String>::new();
    let mut need = |kind: &str, id: &str, rest: &str| {
        let known = |line: &str| line.starts_with(&format!("##{kind}=<")) && line.contains(&format!("ID={id}"));
        let exactly = |line: &str| known(line) && line.split(['<', ',', '>']).any(|part| part == format!("ID={id}"));
        let line = format!("##{kind}=<ID={id}{rest}>");
        if id != "." && id != "PASS" && !id.is_empty() && !head.iter().any(|line| exactly(line)) && !added.contains(&line) {
            added.push(line);
        }
    };
    const STRING: &str = ",Number=.,Type=String,Description=\"\"";
    for line in body {
        let columns: Vec<&str> = line.split('\t').collect();
        need("contig", columns.first()?, "");
        columns.get(6)?.split(';').for_each(|id| need("FILTER", id, ",Description=\"\""));
        columns.get(7)?.split(';').for_each(|entry| need("INFO", entry.split('=').next().unwrap_or_default(), STRING));
        columns.get(8).iter().flat_map(|keys| keys.split(':')).for_each(|id| need("FORMAT", id, STRING));
    }
    added.sort();
    Some(text.replacen("#CHROM\t", &format!("{}#CHROM\t", added.iter().map(|line| format!("{line}\n")).collect::<String>()), 1))
}

#[tokio::test]
async fn the_corpus_by_way_of_bcftools() {
    let Some(files) = real_files().filter(|_| has_htslib()) else { return };
    let (mut compared, mut differ, mut refused) = (0, Vec::new(), Vec::new());
    for Listed { file, path, .. } in files.iter().filter(|listed| listed.conforms()) {
        if path.metadata().is_ok_and(|metadata| metadata.len() > 1 << 20) {
            continue;
        }
        let inside = tempfile::tempdir().unwrap();
        let whole = inside.path().join("x.vcf");
        match declared(path) {
            Some(text) => std::fs::write(&whole, text).unwrap(),
            None => drop(std::fs::copy(path, &whole).unwrap()),
        }
        let view = |kind: &str, name: &str| output_of("bcftools", &["view", "--no-version", kind, name], inside.path());
        let Some(bcf) = view("-Ou", "x.vcf") else {
            refused.push(file);
            continue;
        };
        // What bcftools makes of the file as text: what it changes (undeclared keys, coerced values) is the same in both.
        std::fs::write(inside.path().join("x.bcf"), &bcf).unwrap();
        let Some(text) = view("-Ov", "x.bcf") else { continue };
        let change = |config: &mut Config| (config.calls, config.on_bad_record) = (Calls::All, OnBadRecord::Quarantine);
        let (a, b) = (read_bytes(&text, 1, change).await, read_bytes(&bcf, 1, change).await);
        let (a, b) = match (a, b) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => {
                differ.push(format!("{file}: {:?} and {:?}", a.err(), b.err()));
                continue;
            }
        };
        compared += 1;
        let names = a.batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        for name in names.iter().filter(|name| !name.starts_with("__")) {
            let Some((a, b)) = a.batch.column_by_name(name).zip(b.batch.column_by_name(name)) else {
                differ.push(format!("{file}: no {name}"));
                continue;
            };
            let (a, b) = (rounded(a), rounded(b));
            if let Some(row) = (0..a.len().max(b.len())).find(|row| a.get(*row) != b.get(*row)) {
                differ.push(format!("{file}: {name}, row {row}: {:?} and {:?}", a.get(row), b.get(row)));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {compared}:\n{}", differ.len(), differ.join("\n"));
    assert!(compared >= 90, "only {compared} files were compared; bcftools refuses {refused:?}");
}

#[test]
fn versions() {
    assert_eq!(version(b"BCF\x02\x02rest").unwrap().unwrap(), 2);
    assert_eq!(version(b"BCF\x02\x01").unwrap().unwrap(), 1);
    assert!(version(b"BCF\x02\x03").unwrap().unwrap_err().to_string().contains("BCF 2.3"));
    assert!(version(b"BCF\x04rest").unwrap().unwrap_err().to_string().contains("BCF 1"));
    assert!(version(b"BCF\x09").unwrap().unwrap_err().to_string().contains("unknown version"));
    assert!(version(b"##fileformat").is_none() && version(b"BC").is_none());
}

#[test]
fn the_header_is_waited_for() {
    let whole = b"BCF\x02\x02\x05\0\0\0##a\n\0rest";
    let small = Limits { header: 100, ..Limits::default() };
    for cut in 0..14 {
        assert!(header(&whole[..cut], &small).unwrap().is_none(), "{cut}");
    }
    assert_eq!(header(whole, &small).unwrap(), Some((&b"##a\n"[..], 14)));
    assert!(header(b"BCF\x02\x02\xff\xff\xff\xff", &small).is_err());
}

#[tokio::test]
async fn the_header_is_that_of_the_text() {
    let text = text("VCFv4.2", &RECORDS);
    let (a, b) = both(&text, Style { idx: true, ..Style::default() }, |_| {}).await;
    let (a, b) = (&a.inspection.document.inputs[0], &b.inspection.document.inputs[0]);
    assert_eq!((a.header_digest, &a.assembly), (b.header_digest, &b.assembly));
    assert!(!b.lines.iter().any(|line| line.value.contains("IDX")));
    let kept = "##INFO=<ID=A,Description=\",IDX=3>\">\n##X=<ID=B,IDX=>\n";
    assert_eq!(without_idx(kept.as_bytes()), kept.as_bytes());
}

#[test]
fn records_as_lines_of_vcf() {
    for (version, leading) in [("VCFv4.2", false), ("VCFv4.5", true)] {
        for style in [Style::default(), Style { idx: true, wide: true, flag_as_one: true, legacy: false }] {
            let text = text(version, &RECORDS);
            let bytes = encode(&text, style);
            let (head, end) = header(&bytes, &Limits::default()).unwrap().unwrap();
            let (_, dictionary) = read_header(head, 2, &Limits::default()).unwrap();
            let found = String::from_utf8(lines(&bytes[end..], &dictionary, leading, 100, |_| false)).unwrap();
            let wanted: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
            // Fields left out at the end of a call are `.` in BCF; numbers have single precision.
            let wanted = wanted.replace("\t.\t1:.,.,.", "\t.:.\t1:.,.,.");
            assert_eq!(found.replace("1e+30", "1e30"), wanted, "{version} {style:?}");
            assert_eq!(
                lines(&bytes[end..], &dictionary, leading, 2, |_| false).split_inclusive(|byte| *byte == b'\n').count(),
                2
            );
            // Where nothing undeclared is in them, calls are left out.
            let sites = lines(&bytes[end..], &dictionary, leading, 100, |_| true);
            let cut = |line: &str| format!("{}\n", line.split('\t').take(8).collect::<Vec<_>>().join("\t"));
            assert_eq!(String::from_utf8(sites).unwrap(), found.lines().map(cut).collect::<String>());
            assert_eq!(records(&bytes[end..bytes.len() - 1]).count(), RECORDS.len() - 1);
        }
    }
}

#[tokio::test]
async fn strict_mode_holds_bcf_to_the_same_letter() {
    let strict = |config: &mut Config| config.conformance = Conformance::Strict;
    let good = ["1 10 . A C . PASS DP=1 GT:DP 0/1:1 0/0:2 1/1:3", "1 11 . A C,G . q10 AC=1,2;DB GT 0/1 0/2 1/1"];
    let (a, b) = both(&text("VCFv4.3", &good), Style::default(), strict).await;
    assert_same(&a.batch, &b.batch, "strict");
    for bad in [
        "1 9 . A C . PASS DP=1 GT 0/1 0/0 1/1",
        "1 12 . A C . PASS AC=1,2 GT 0/1 0/0 1/1",
        "1 12 . A C . PASS DP=1,2 GT 0/1 0/0 1/1",
        "1 12 . A C . PASS AC=1;AC=1 GT 0/1 0/0 1/1",
        "1 12 . A C . PASS DP=1 DP:GT 1:0/1 2:0/0 3:1/1",
        "1 12 . R C . PASS DP=1 GT 0/1 0/0 1/1",
        "1 12 . A C . PASS DP=1 GT 0/2 0/0 1/1",
    ] {
        let text = text("VCFv4.3", &[good[0], good[1], bad]);
        let refused = |bytes: Vec<u8>| async move {
            let error = read_bytes(&bytes, 2, |config| {
                strict(config);
                config.unit = UnitSize::Bytes(60);
            });
            let error = error.await.err().map(|error| error.to_string()).unwrap_or_default();
            error.split_once(": ").and_then(|(_, rest)| rest.split_once(": ")).map(|(_, rest)| rest.to_owned())
        };
        let (as_text, as_bcf) = (refused(text.clone().into_bytes()).await, refused(encode(&text, Style::default())).await);
        assert!(as_bcf.is_some() && as_text == as_bcf, "{bad}: {as_text:?} and {as_bcf:?}");
    }
}

#[tokio::test]
async fn symbolic_alleles_end_where_they_do_in_text() {
    let records = ["1 10 . A <DEL>,<*> . PASS DP=1 GT:LEN 0/1:9 0/0:20 1/1:.", "1 11 . A <*> . q10 DB GT 0/1 0/0 1/1"];
    for version in ["VCFv4.3", "VCFv4.4", "VCFv4.5"] {
        let declared = "##FORMAT=<ID=LEN,Number=1,Type=Integer,Description=\"\">\n##INFO=<ID=SVLEN,Number=A,Type=Integer,Description=\"\">\n";
        let with = text(version, &[&records[0].replace("DP=1", "DP=1;SVLEN=15,."), records[1]]);
        let with = with.replacen("#CHROM", &format!("{declared}#CHROM"), 1);
        let (a, b) = both(&with, Style::default(), |_| {}).await;
        assert_same(&a.batch, &b.batch, version);
        let ends = [["10", "11"], ["25", "11"], ["29", "11"]][(version.as_bytes()[6] - b'3') as usize];
        assert_eq!(b.column("end_pos"), ends, "{version}");
    }
}

#[tokio::test]
async fn keys_that_only_the_dictionary_knows_are_inferred() {
    let head = "##FILTER=<ID=NEW,Description=\"\">\n##FILTER=<ID=AD,Description=\"\">\n##FORMAT=<ID=AC,Number=1,Type=Integer,Description=\"\">\n";
    let text = vcf(&format!("##contig=<ID=1>\n{head}"), &["S"], &["1 1 . A C . . NEW=a,b;AC=3 AD 1,2"]);
    let declared = text.replace("#CHROM", "##INFO=<ID=NEW,Number=.,Type=String,Description=\"\">\n##INFO=<ID=AC,Number=A,Type=Integer,Description=\"\">\n##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"\">\n#CHROM");
    let read = read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap();
    let mut bytes = encode(&declared, Style::default());
    // The same records under the header without the lines; the dictionary stays as it is.
    let (old, end) = header(&bytes, &Limits::default()).unwrap().map(|(text, end)| (text.to_vec(), end)).unwrap();
    let lines: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let gone: [&[u8]; 3] = [b"##INFO=<ID=NEW", b"##INFO=<ID=AC", b"##FORMAT=<ID=AD"];
    let mut new = lines.into_iter().filter(|line| !gone.iter().any(|gone| line.starts_with(gone))).collect::<Vec<_>>().concat();
    new.push(0);
    bytes.splice(..end, [&b"BCF\x02\x02"[..], &(new.len() as u32).to_le_bytes(), &new].concat());
    let binary = read_bytes(&bytes, 1, |_| {}).await.unwrap();
    assert_eq!(binary.column("info.NEW"), ["[a, b]"]);
    assert_eq!(binary.column("calls.AD"), ["[[1, 2]]"]);
    assert_same(&read.batch, &binary.batch, "inferred");
}
