//! What a test needs and not every machine has: programs, real files, privileges. Who goes without says so here, and `.ci/run`
//! fails on it unless `tests/allowed-skips` lists the reason. The unit tests of `src` share this file; it must not know them.
#![allow(dead_code, reason = "the library's tests and this suite use different parts")]

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is missing; its text is the reason that `tests/allowed-skips` may list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lack {
    RealFiles,
    Htslib,
    Script,
    Mount,
    Cgroup,
    Client,
}

impl Lack {
    pub const ALL: [Self; 6] = [Self::RealFiles, Self::Htslib, Self::Script, Self::Mount, Self::Cgroup, Self::Client];
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RealFiles => "no folder of real VCF files (GENOGATE_TEST_DATA)",
            Self::Htslib => "bcftools, tabix and bgzip are not installed",
            Self::Script => "script (util-linux) is not installed",
            Self::Mount => "mounting a small file system is not allowed",
            Self::Cgroup => "making a cgroup with a quota is not allowed",
            Self::Client => "a client of PostgreSQL or Parquet is not installed",
        })
    }
}

/// Names the file that collects what was skipped: lines of reason, tab, test.
pub const SKIPPED: &str = "GENOGATE_SKIPPED";

/// Says that the running test, or a part of it, goes without.
pub fn skip(lack: Lack) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln!`: what a passing test prints is captured.
    std::io::stderr().write_all(format!("SKIPPED {test}: {lack}\n").as_bytes()).unwrap();
    if let Some(file) = std::env::var_os(SKIPPED) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{lack}\t{test}\n").as_bytes()).unwrap();
    }
}

/// What a program prints, where it is installed and succeeds.
pub fn output_of(program: &str, arguments: &[&str], folder: &Path) -> Option<Vec<u8>> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Are htslib's programs here? Said when they are not.
pub fn has_htslib() -> bool {
    let found = ["bcftools", "tabix", "bgzip"].iter().all(|program| output_of(program, &["--version"], Path::new(".")).is_some());
    if !found {
        skip(Lack::Htslib);
    }
    found
}

/// Bytes of a file, inflated where it is gzip; what comes before damage.
pub fn inflated(path: &Path) -> Vec<u8> {
    let stored = std::fs::read(path).unwrap();
    if !stored.starts_with(&[0x1f, 0x8b]) {
        return stored;
    }
    let mut bytes = Vec::new();
    let _ = flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut bytes);
    bytes
}

/// A line of the real files' manifest.
pub struct Listed {
    /// The name below the folder.
    pub file: String,
    pub path: PathBuf,
    pub group: String,
    pub is_bcf: bool,
    pub records: u64,
    /// Rows after one row an ALT, where that was counted.
    pub split: Option<u64>,
    /// bcftools refuses the file.
    pub refused: bool,
}

impl Listed {
    /// A file that every conforming reader takes.
    pub fn conforms(&self) -> bool {
        matches!(self.group.as_str(), "real" | "edge") && !self.refused || self.file.contains("/passed/")
    }
}

/// The folder of real files: that of `GENOGATE_TEST_DATA`, or `../shared/data/vcf` beside the checkout. Said when there is none.
pub fn real_folder() -> Option<PathBuf> {
    let named = std::env::var_os("GENOGATE_TEST_DATA").map(PathBuf::from);
    let is_one = |folder: &PathBuf| folder.join("MANIFEST.tsv").is_file();
    assert!(named.iter().all(is_one), "GENOGATE_TEST_DATA names a folder without a MANIFEST.tsv");
    let found = named.or_else(|| Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/vcf")).filter(is_one));
    if found.is_none() {
        skip(Lack::RealFiles);
    }
    found
}

/// What that folder lists.
pub fn real_files() -> Option<Vec<Listed>> {
    let folder = real_folder()?;
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let listed = |row: Vec<&str>| {
        let column = |name: &str| row[names.iter().position(|known| *known == name).unwrap()];
        Listed {
            file: column("file").to_owned(),
            path: folder.join(column("file")),
            group: column("group").to_owned(),
            is_bcf: column("container").contains("BCF"),
            records: column("records").parse().unwrap_or(0),
            split: column("split_computed").parse().ok(),
            refused: column("bcftools").starts_with("FAIL"),
        }
    };
    Some(lines.map(listed).collect())
}
