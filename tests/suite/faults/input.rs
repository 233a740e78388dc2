//! Bad input, and a database that cannot be reached or trusted: one clear error, the right exit code, nothing partial visible.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{load, synth};
use crate::support::{Done, Warehouse, genogate};

#[test]
fn bad_inputs_end_with_exit_code_6_and_words() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let good = std::fs::read(synth(warehouse, folder.path(), "good.vcf.gz", "5000", "3")).unwrap();
    let header = "##fileformat=VCFv4.3\n##INFO=<ID=T,Number=1,Type=String,Description=\"t\">\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let utf8 = [header.as_bytes(), b"1\t5\t.\tA\tC\t.\t.\tT=\xff\xfe\n"].concat();
    let cut = good.len() / 2;
    let mut flipped = good.clone();
    flipped[cut] ^= 0x55;
    let cases = [
        (file("empty.vcf", b""), "empty"),
        (file("cut-in-a-block.vcf.gz", &good[..cut]), "truncated"),
        (file("no-eof.vcf.gz", &good[..good.len() - 28]), "truncated"),
        (file("flipped.vcf.gz", &flipped), ""),
        (file("prose.vcf", b"Dear colleague,\nthe file is attached.\n"), ""),
        (file("utf8.vcf", &utf8), "UTF-8"),
        (file("no-columns.vcf", b"##fileformat=VCFv4.3\n1\t5\t.\tA\tC\t.\t.\t.\n"), "#CHROM"),
        (folder.path().to_owned(), "directory"),
        (folder.path().join("absent.vcf"), ""),
    ];
    for (path, word) in cases {
        let file = path.to_str().unwrap();
        let done = warehouse.run(["load", file, "--profile", "open", "--name", "bad-input", "--json"]).expect(6);
        let error = done.json()["error"].clone();
        let message = format!("{} {}", error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or(""));
        assert!(message.to_lowercase().contains(&word.to_lowercase()), "{}: {message}", path.display());
        assert!(!message.contains("colleague"), "{message}");
    }
    // Some of them began a load before the damage was met; none of it may be left or seen.
    let began = "SELECT load_id FROM genogate_store.loads WHERE name = 'bad-input'";
    assert_ne!(warehouse.sql(began), "");
    for rows in ["genogate_store.variants", "genogate.variants", "genogate.calls"] {
        assert_eq!(warehouse.sql(&format!("SELECT count(*) FROM {rows} WHERE load_id IN ({began})")), "0", "{rows}");
    }
    let event = warehouse.run(["audit", "query", "--event", "load_failed", "--json"]).expect(0);
    assert!(event.stdout.contains("load_failed"), "{event:#?}");
}

#[test]
fn a_file_with_a_header_only_is_a_complete_load_of_nothing() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header.vcf");
    std::fs::write(&path, "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n").unwrap();
    let report = load(warehouse, &path).expect(0).json();
    assert_eq!((report["input_records"].as_u64(), report["variants"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn standard_input_is_a_file_too() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(warehouse, folder.path(), "piped.vcf.gz", "2000", "5");
    let mut child = genogate(&warehouse.home)
        .args(["load", "-", "--profile", "open", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(file).unwrap()).unwrap();
    let report = Done::from(child.wait_with_output().unwrap()).expect(0).json();
    assert_eq!(report["input_records"], 2000);
}

/// A pipeline that reaches the managed database as an outsider would: by host, password file and CA.
fn outsider(warehouse: &Warehouse, folder: &Path, password: &str, ca: &Path) -> PathBuf {
    let status = warehouse.run(["db", "status", "--json"]).expect(0).json();
    let secret = folder.join("password");
    std::fs::write(&secret, password).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "version: 1\nname: outsider\nprofile: open\nsource: {{ vcf: {{ paths: [\"{}\"] }} }}\nsink: {{ postgres: {{ database: there }} }}\n\
         databases:\n  there: {{ host: localhost, port: {}, name: genogate, user: genogate_app, password: {{ file: password }}, tls: {{ ca: \"{}\" }} }}\n",
        crate::support::repository("tests/data/tiny.vcf").display(),
        status["port"],
        ca.display()
    );
    let file = folder.join("outsider.yaml");
    std::fs::write(&file, text).unwrap();
    file
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let output = Command::new("find").arg(folder).args(["-name", name]).output().unwrap();
    PathBuf::from(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn a_wrong_password_is_exit_code_5_and_a_wrong_ca_exit_code_7() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let ca = find(&warehouse.home, "ca.crt");
    let wrong_password = outsider(warehouse, folder.path(), "wrong", &ca);
    let done = warehouse.run(["run", wrong_password.to_str().unwrap(), "--json"]).expect(5);
    assert!(!done.stdout.contains("wrong\""), "{done:#?}");
    let other = Warehouse::start();
    let wrong_ca = outsider(warehouse, folder.path(), "wrong", &find(&other.home, "ca.crt"));
    let done = warehouse.run(["run", wrong_ca.to_str().unwrap(), "--json"]).expect(7);
    assert!(done.stdout.to_lowercase().contains("certificate") || done.stdout.contains("TLS"), "{done:#?}");
}

#[test]
fn a_database_that_is_not_there_is_exit_code_7_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let tiny = crate::support::repository("tests/data/tiny.vcf");
    let done =
        Done::from(genogate(&home).args(["load", tiny.to_str().unwrap(), "--profile", "open", "--json"]).output().unwrap())
            .expect(7);
    assert!(done.stdout.contains("genogate db start"), "{done:#?}");
}
