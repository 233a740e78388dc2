//! `genogate benchmark load`: a load in a database of its own. What it measures is in the file, and nothing of it stays.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use super::support::{Done, end, genogate, signal};

/// Does any process name this folder?
fn in_use(folder: &Path) -> bool {
    let folder = folder.display().to_string();
    let named = |entry: std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder))
    };
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(named)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// A data folder, a folder for temporary files that the database's user can reach, and a trio in a third one.
fn folders(records: &str, more: &[&str]) -> (tempfile::TempDir, tempfile::TempDir, tempfile::TempDir) {
    let (home, temporary, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::set_permissions(temporary.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("trio.vcf.gz");
    let mut synth = genogate(home.path());
    synth.args(["synth", "trio", "--records", records, "--output"]).arg(file).args(more);
    Done::from(synth.output().unwrap()).expect(0);
    (home, temporary, folder)
}

#[test]
fn a_load_is_measured_and_leaves_nothing() {
    let (home, temporary, folder) = folders("700", &[]);
    for (profile, threads) in [("open", "2"), ("hipaa", "1")] {
        let mut command = genogate(home.path());
        command.args([
            "benchmark",
            "load",
            "trio.vcf.gz",
            "--calls",
            "all",
            "--threads",
            threads,
            "--profile",
            profile,
            "--json",
        ]);
        let done: Done = command.current_dir(folder.path()).env("TMPDIR", temporary.path()).output().unwrap().into();
        let figures = done.expect(0).json();
        assert_eq!((figures["work"].as_str(), figures["records"].as_u64()), (Some("load"), Some(700)), "{figures}");
        assert_eq!((figures["profile"].as_str(), figures["threads"].to_string()), (Some(profile), threads.to_owned()));
        let (variants, calls) = (figures["variants"].as_u64().unwrap(), figures["calls"].as_u64().unwrap());
        assert!(variants >= 700 && calls == 3 * variants, "{figures}");
        let rate = (variants + calls) as f64 / figures["seconds"].as_f64().unwrap();
        assert!((figures["rows_per_second"].as_f64().unwrap() / rate - 1.0).abs() < 0.01, "{figures}");
        assert!(figures["table_bytes"].as_u64().unwrap() > 100 * (variants + calls), "{figures}");
        assert!(is_empty(temporary.path()) && is_empty(home.path()) && !in_use(temporary.path()));
    }
}

#[test]
fn what_ends_early_leaves_nothing_either() {
    let (home, temporary, folder) = folders("60000", &["--phi"]);
    let benchmark = |file: &str| {
        let mut command = genogate(home.path());
        command.args(["benchmark", "load", file, "--calls", "all"]).current_dir(folder.path()).env("TMPDIR", temporary.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let missing: Done = benchmark("no-such.vcf").output().unwrap().into();
    missing.expect(6);
    let named = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n078-05-1120\t1\t.\tA\tC\t.\t.\t.\n";
    std::fs::write(folder.path().join("named.vcf"), named).unwrap();
    let refused: Done = benchmark("named.vcf").args(["--profile", "hipaa"]).output().unwrap().into();
    assert!(!refused.expect(3).stderr.contains("078-05"));
    assert!(is_empty(temporary.path()) && !in_use(temporary.path()));
    let mut child = benchmark("trio.vcf.gz").spawn().unwrap();
    // In the middle of the load: units are committed.
    let committed = |entry: std::fs::DirEntry| {
        let mut shell = genogate(&entry.path().join("home"));
        shell.args(["db", "shell", "--", "-X", "-A", "-t", "-c", "SELECT count(*) > 0 FROM genogate_store.units"]);
        shell.output().unwrap().stdout == b"t\n"
    };
    while !std::fs::read_dir(temporary.path()).unwrap().filter_map(Result::ok).any(committed) {
        assert!(child.try_wait().unwrap().is_none(), "it was over before it was stopped");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    signal(&child, "-INT");
    let done = end(child).expect(1);
    assert!(done.stderr.contains("was stopped"), "{done:#?}");
    assert!(is_empty(temporary.path()) && is_empty(home.path()) && !in_use(temporary.path()));
}
