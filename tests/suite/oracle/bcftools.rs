//! bcftools as the other reader: `bcftools query` prints each fixed column, INFO and FORMAT field of each record.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use datafusion::arrow::datatypes::Schema;
use genogate::flow::{column, number_of, vcf_type_of};

use super::{Asked, Cell, Found, SYNTHETIC, Theirs, fields, synthetic};
use crate::machine::{has_htslib, inflated, real_files};

/// Columns of a file in which bcftools does not hold what the specification says, and why. `*` is the whole file. An entry
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

const FLAG_VALUE: &str = "VCF 4.3 section 1.4.2: a Flag has no value, its key says it all; of `DB=0` bcftools prints the 0, we set \
                          the flag, keep `DB=0` in info.__other and count the oddity";

/// The file as bcftools gets it: with a line for each field its header lacks, because `bcftools query` refuses to print a
/// field that the header does not declare. Everything else is byte for byte the same.
fn completed(path: &Path, schema: &Schema, folder: &Path) -> PathBuf {
    let text = inflated(path);
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

/// Records as `bcftools query` prints them.
struct Query {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    fields: usize,
    percent: bool,
    folder: tempfile::TempDir,
    over: bool,
}

impl Query {
    fn start(path: &Path, schema: &Schema, asked: &Asked) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut format = "%CHROM\t%POS\t%ID\t%REF\t%ALT\t%QUAL\t%FILTER".to_owned();
        asked.info.iter().for_each(|(_, id)| write!(format, "\t%INFO/{id}").unwrap());
        if asked.samples > 0 && !asked.formats.is_empty() {
            let of_a_sample: String = asked.formats.iter().map(|(_, id)| format!("\t%{id}")).collect();
            write!(format, "[{of_a_sample}]").unwrap();
        }
        let mut child = Command::new("bcftools")
            .args(["query", "-f", &(format + "\n")])
            .arg(completed(path, schema, folder.path()))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, fields: asked.info.len(), percent: asked.percent, folder, over: false }
    }

    fn record(&self, line: &str) -> Theirs {
        let mut texts = line.split('\t').map(str::to_owned);
        let cell = |text: String, separator, percent| Cell::Printed { text, separator, percent };
        let (chrom, pos) = (texts.next().unwrap(), texts.next().unwrap());
        let fixed = [';', ',', ',', ',', ';'].map(|separator| cell(texts.next().unwrap(), separator, false));
        let mut rest = texts.map(|text| cell(text, ',', self.percent));
        let info = rest.by_ref().take(self.fields).collect();
        Theirs { chrom, pos, fixed, info, calls: rest.collect() }
    }
}

impl Iterator for Query {
    type Item = Result<Theirs, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(line) = self.lines.next() {
            return Some(line.map(|line| self.record(&line)).map_err(|error| error.to_string()));
        }
        if std::mem::replace(&mut self.over, true) || self.child.wait().unwrap().success() {
            return None;
        }
        let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap();
        Some(Err(said.lines().last().unwrap_or_default().to_owned()))
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compare(found: &mut Found, name: &str, path: &Path) {
    found.file(name, path, |schema, asked| Query::start(path, schema, asked));
}

#[test]
fn every_cell_of_real_files_is_bcftools() {
    let Some(files) = real_files().filter(|_| has_htslib()) else { return };
    let mut found = Found::default();
    for listed in files.iter().filter(|listed| listed.conforms()) {
        compare(&mut found, &listed.file, &listed.path);
    }
    found.judge(DEPARTURES, 5_000_000);
}

#[test]
fn every_cell_of_generated_files_is_bcftools() {
    if !has_htslib() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, bcf) = (folder.path().join("x.vcf"), folder.path().join("x.bcf"));
    let mut found = Found::default();
    for (options, phi) in SYNTHETIC.into_iter().flat_map(|options| [(options, false), (options, true)]) {
        synthetic(options, phi, &path);
        compare(&mut found, &format!("{options:?}"), &path);
        let view = Command::new("bcftools").args(["view", "-Ob", "-o"]).args([&bcf, &path]).output().unwrap();
        assert!(view.status.success(), "{view:?}");
        compare(&mut found, &format!("{options:?} as BCF"), &bcf);
    }
    found.judge(&[], 2_000_000);
}
