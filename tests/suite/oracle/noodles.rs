//! noodles as the other reader, on every machine: files as text, as BGZF, and as BCF that noodles wrote.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use noodles_bcf as bcf;
use noodles_bgzf as bgzf;
use noodles_vcf::variant::RecordBuf;
use noodles_vcf::variant::io::Write as _;
use noodles_vcf::variant::record::samples::series::value::genotype::Phasing;
use noodles_vcf::variant::record_buf::info::field::{Value as InfoValue, value::Array as InfoArray};
use noodles_vcf::variant::record_buf::samples::sample::Value as CallValue;
use noodles_vcf::variant::record_buf::samples::sample::value::{Array as CallArray, Genotype, genotype::Allele};
use noodles_vcf::{self as vcf, variant::record_buf::Samples};
use proptest::prelude::*;

use super::generated::file;
use super::{Asked, Cell, Found, SYNTHETIC, Theirs, synthetic};
use crate::support::repository;

/// A file as noodles reads it: text or BCF, plain or in BGZF.
fn read(path: &Path) -> io::Result<(vcf::Header, Vec<RecordBuf>)> {
    let stored = fs::read(path)?;
    let mut bytes = Vec::new();
    match stored.starts_with(&[0x1f, 0x8b]) {
        true => drop(bgzf::io::Reader::new(&stored[..]).read_to_end(&mut bytes)?),
        false => bytes = stored,
    }
    if bytes.starts_with(b"BCF") {
        let mut reader = bcf::io::Reader::from(&bytes[..]);
        let header = reader.read_header()?;
        let records = reader.record_bufs(&header).collect::<io::Result<_>>()?;
        return Ok((header, records));
    }
    let mut reader = vcf::io::Reader::new(&bytes[..]);
    let header = reader.read_header()?;
    let records = reader.record_bufs(&header).collect::<io::Result<_>>()?;
    Ok((header, records))
}

fn list<T>(items: &[Option<T>], cell: impl Fn(&T) -> Cell) -> Cell {
    Cell::List(items.iter().map(|item| item.as_ref().map_or(Cell::Missing, &cell)).collect())
}

fn text<T: ToString + ?Sized>(text: &T) -> Cell {
    Cell::Text(text.to_string())
}

fn info(value: &InfoValue) -> Cell {
    match value {
        InfoValue::Integer(number) => Cell::Integer(*number),
        InfoValue::Float(number) => Cell::Float(*number),
        InfoValue::Flag => Cell::Flag,
        InfoValue::Character(character) => text(character),
        InfoValue::String(string) => text(string),
        InfoValue::Array(InfoArray::Integer(items)) => list(items, |item| Cell::Integer(*item)),
        InfoValue::Array(InfoArray::Float(items)) => list(items, |item| Cell::Float(*item)),
        InfoValue::Array(InfoArray::Character(items)) => list(items, text),
        InfoValue::Array(InfoArray::String(items)) => list(items, text),
    }
}

/// What the file is that ours is read from.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// The one that noodles read.
    Same,
    /// BCF that noodles wrote: the phase of a missing allele is lost.
    Written,
}

fn genotype(alleles: &[Allele], form: Form) -> Cell {
    let whole = form == Form::Same || alleles.iter().all(|allele| allele.position().is_some());
    let phased = |(nth, allele): (usize, &Allele)| {
        // The first one's phase may be implied by those that are lost.
        let known = whole || nth > 0 && allele.position().is_some();
        (allele.position().map(|at| at as i32), known.then(|| allele.phasing() == Phasing::Phased))
    };
    Cell::Genotype(alleles.iter().enumerate().map(phased).collect())
}

fn call(value: &CallValue, form: Form) -> Cell {
    match value {
        CallValue::Integer(number) => Cell::Integer(*number),
        CallValue::Float(number) => Cell::Float(*number),
        CallValue::Character(character) => text(character),
        CallValue::String(string) => text(string),
        CallValue::Genotype(alleles) => genotype(alleles.as_ref(), form),
        CallValue::Array(CallArray::Integer(items)) => list(items, |item| Cell::Integer(*item)),
        CallValue::Array(CallArray::Float(items)) => list(items, |item| Cell::Float(*item)),
        CallValue::Array(CallArray::Character(items)) => list(items, text),
        CallValue::Array(CallArray::String(items)) => list(items, text),
    }
}

fn theirs(record: &RecordBuf, asked: &Asked, form: Form) -> Theirs {
    let words = |words: Vec<Cell>| if words.is_empty() { Cell::Missing } else { Cell::List(words) };
    let alts = record.alternate_bases().as_ref();
    let samples = record.samples();
    let calls = (0..asked.samples).flat_map(|sample| asked.formats.iter().map(move |(_, id)| (sample, id)));
    let call = |(sample, id): (usize, &String)| {
        let value = samples.get_index(sample).and_then(|sample| sample.get(id.as_str())).flatten();
        value.map_or(Cell::Missing, |value| call(value, form))
    };
    Theirs {
        chrom: record.reference_sequence_name().to_owned(),
        pos: record.variant_start().map_or(0, usize::from).to_string(),
        fixed: [
            words(record.ids().as_ref().iter().map(text).collect()),
            text(record.reference_bases()),
            if alts.is_empty() { Cell::Missing } else { text(&alts.join(",")) },
            record.quality_score().map_or(Cell::Missing, Cell::Float),
            words(record.filters().as_ref().iter().map(text).collect()),
        ],
        info: asked.info.iter().map(|(_, id)| record.info().get(id.as_str()).flatten().map_or(Cell::Missing, info)).collect(),
        calls: calls.map(call).collect(),
    }
}

/// Ours of `path` against records of noodles.
fn against(found: &mut Found, name: &str, path: &Path, records: &io::Result<(vcf::Header, Vec<RecordBuf>)>, form: Form) {
    found.file(name, path, |_, asked| {
        let rows: Vec<Result<Theirs, String>> = match records {
            Ok((_, records)) => records.iter().map(|record| Ok(theirs(record, asked, form))).collect(),
            Err(error) => vec![Err(format!("{error:?}"))],
        };
        rows.into_iter()
    });
}

/// Percent-encoded (VCF 4.3 section 1.2): noodles decodes what it reads and writes it to BCF as it is.
fn encoded(text: &str) -> String {
    let special = |c: char| ":;=%,\r\n\t".contains(c);
    text.chars().map(|c| if special(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() }).collect()
}

/// The record as noodles can write it to BCF: text encoded again where the version has that, a missing GT as one missing allele,
/// no INFO field without a value and no FORMAT field that no sample has.
fn writable(record: &RecordBuf, percent: bool) -> RecordBuf {
    let encoded = |text: &str| if percent { encoded(text) } else { text.to_owned() };
    let mut record = record.clone();
    let strings = |items: &mut Vec<Option<String>>| items.iter_mut().flatten().for_each(|item| *item = encoded(item));
    let valued = |(key, value): (&String, Option<&InfoValue>)| Some((key.clone(), Some(value?.clone())));
    *record.info_mut() = record.info().as_ref().iter().filter_map(|(key, value)| valued((key, value.as_ref()))).collect();
    for value in record.info_mut().as_mut().values_mut() {
        match value {
            Some(InfoValue::String(string)) => *string = encoded(string),
            Some(InfoValue::Array(InfoArray::String(items))) => strings(items),
            _ => {}
        }
    }
    let samples = record.samples();
    let column = |key: &String| -> Vec<Option<CallValue>> {
        let mut values: Vec<_> = samples.values().map(|sample| sample.get(key.as_str()).flatten().cloned()).collect();
        for value in &mut values {
            match value {
                Some(CallValue::String(string)) => *string = encoded(string),
                Some(CallValue::Array(CallArray::String(items))) => strings(items),
                None if key == "GT" => {
                    *value = Some(CallValue::Genotype(Genotype::from_iter([Allele::new(None, Phasing::Phased)])))
                }
                _ => {}
            }
        }
        values
    };
    let columns: Vec<(String, Vec<Option<CallValue>>)> =
        samples.keys().as_ref().iter().map(|key| (key.clone(), column(key))).collect();
    let columns: Vec<_> = columns.into_iter().filter(|(_, values)| values.iter().any(Option::is_some)).collect();
    let rows = (0..samples.values().count()).map(|row| columns.iter().map(|(_, values)| values[row].clone()).collect()).collect();
    *record.samples_mut() = Samples::new(columns.iter().map(|(key, _)| key.clone()).collect(), rows);
    record
}

/// The records as noodles writes them to BCF.
fn written(header: &vcf::Header, records: &[RecordBuf]) -> Vec<u8> {
    let mut writer = bcf::io::Writer::new(Vec::new());
    writer.write_header(header).unwrap();
    let percent = header.file_format() >= vcf::header::FileFormat::new(4, 3);
    for record in records {
        writer.write_variant_record(header, &writable(record, percent)).unwrap_or_else(|error| panic!("{error}: {record:?}"));
    }
    writer.try_finish().unwrap();
    writer.into_inner().into_inner()
}

/// The file in every form that it may be had in, each against the records of the text.
fn every_form(found: &mut Found, name: &str, vcf: &Path, as_bcf: bool) {
    let records = read(vcf);
    against(found, name, vcf, &records, Form::Same);
    let Ok((header, rows)) = &records else { return };
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("x");
    let mut packed = bgzf::io::Writer::new(Vec::new());
    packed.write_all(&fs::read(vcf).unwrap()).unwrap();
    fs::write(&other, packed.finish().unwrap()).unwrap();
    against(found, &format!("{name} in noodles' BGZF"), &other, &records, Form::Same);
    if as_bcf {
        fs::write(&other, written(header, rows)).unwrap();
        against(found, &format!("{name} in noodles' BCF"), &other, &records, Form::Written);
    }
}

/// The project's own small files, by name.
fn small() -> Vec<(String, std::path::PathBuf)> {
    let files = fs::read_dir(repository("tests/data")).unwrap().map(|entry| entry.unwrap().path());
    let vcf = files.filter(|path| path.extension().is_some_and(|extension| extension == "vcf"));
    vcf.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path)).collect()
}

/// noodles 0.94 writes genotypes of two and of three alleles in one record wrongly.
const NOT_AS_BCF: [&str; 1] = ["genotypes.vcf"];

#[test]
fn every_cell_of_the_small_files_is_noodles() {
    let mut found = Found::default();
    for (name, path) in small() {
        every_form(&mut found, &name, &path, !NOT_AS_BCF.contains(&name.as_str()));
    }
    found.judge(&[], 600);
}

#[test]
fn every_cell_of_generated_files_is_noodles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.vcf");
    let mut found = Found::default();
    for ((kind, records, samples), phi) in SYNTHETIC.into_iter().flat_map(|options| [(options, false), (options, true)]) {
        let options = (kind, records / 5, samples);
        synthetic(options, phi, &path);
        every_form(&mut found, &format!("{options:?}"), &path, true);
    }
    found.judge(&[], 500_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_cell_of_any_file_is_noodles(text in file()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.vcf");
        fs::write(&path, &text).unwrap();
        let mut found = Found::default();
        every_form(&mut found, "text", &path, true);
        prop_assert!(found.wrong.is_empty(), "{:#?}\n{text}", found.wrong);
        prop_assert!(found.cells > 0);
    }
}
