//! Files that are damaged, changed while they are read, mended, or named twice: the same command, run again, always ends with the right
//! rows, once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::cohorts::CONTENT;
use super::support::{Done, Warehouse, end, genogate};

/// Three files and their manifest.
struct Cohort {
    warehouse: Warehouse,
    folder: tempfile::TempDir,
}

impl Cohort {
    fn new() -> Self {
        let made = Self { warehouse: Warehouse::start(), folder: tempfile::tempdir().unwrap() };
        for (name, records) in [("a.vcf", "900"), ("b.vcf.gz", "1200"), ("c.vcf", "600")] {
            let file = made.path(name).display().to_string();
            made.warehouse.run(["synth", "trio", "--records", records, "--seed", records, "--output", &file]).expect(0);
        }
        std::fs::write(made.path("c.tsv"), "a.vcf\nb.vcf.gz\nc.vcf\n").unwrap();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, files: &[&Path], more: &[&str]) -> Command {
        let mut command = genogate(&self.warehouse.home);
        command.arg("load").args(files).args(["--profile", "open", "--calls", "all", "--json"]);
        command.args(["--set", "source.vcf.unit=64KiB"]).args(more);
        command
    }

    /// The same command each time, but for the shard.
    fn run(&self, more: &[&str]) -> Done {
        self.command(&[&self.path("c.tsv")], &[&["--name", "nightly"], more].concat()).output().unwrap().into()
    }

    fn files(&self, names: &[&str], more: &[&str]) -> Done {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        self.command(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>(), more).output().unwrap().into()
    }

    fn list(&self) -> Vec<Value> {
        self.warehouse.run(["loads", "list", "--json"]).expect(0).json()["loads"].as_array().unwrap().clone()
    }

    fn records(&self) -> String {
        self.warehouse.sql("SELECT count(*), sum(input_records) FROM genogate.loads")
    }

    /// What is visible is what one load of the files as they are now, in an empty warehouse, makes visible.
    fn prove(&self, load: &Value) {
        self.warehouse.run(["validate", load.as_str().unwrap(), "--json"]).expect(0);
        let clean = Warehouse::start();
        let mut command = self.command(&[&self.path("c.tsv")], &[]);
        let done: Done = command.env("GENOGATE_HOME", &clean.home).output().unwrap().into();
        done.expect(0);
        assert_eq!(self.warehouse.sql(CONTENT), clean.sql(CONTENT));
    }
}

fn cut(path: &Path) -> Vec<u8> {
    let whole = std::fs::read(path).unwrap();
    std::fs::write(path, &whole[..whole.len() * 2 / 3]).unwrap();
    whole
}

#[test]
fn an_array_job_run_again_after_a_file_was_mended_reads_only_that_file() {
    let cohort = Cohort::new();
    let whole = cut(&cohort.path("b.vcf.gz"));
    let done = ["1/2", "2/2"].map(|shard| cohort.run(&["--shard", shard]));
    let load = done[1].json()["load_id"].clone();
    assert_eq!(done[1].json()["status"], "partial", "{done:#?}");
    let mut codes = done.map(|done| done.code);
    codes.sort_unstable();
    assert_eq!(codes, [0, 6], "one shard answers for the file");
    let finish = || cohort.warehouse.run(["loads", "finish", "--name", "nightly", "--json"]);
    assert_eq!(finish().expect(6).json()["status"], "partial");
    let listed = cohort.list();
    assert_eq!((listed.len(), &listed[0]["status"], &listed[0]["given_up"]), (1, &json!("partial"), &json!(1)), "{listed:#?}");
    let text = cohort.warehouse.run(["loads", "list"]).expect(0).stdout;
    assert!(text.contains("partial") && text.contains("1 of 3 files given up"), "{text}");
    assert_eq!(cohort.records(), "1|1500");
    // Nothing has changed, so there is nothing to do.
    assert_eq!(cohort.run(&["--shard", "1/2"]).json()["status"], "partial");
    assert_eq!((cohort.records().as_str(), cohort.list().len()), ("1|1500", 1));

    std::fs::write(cohort.path("b.vcf.gz"), whole).unwrap();
    let before = cohort.warehouse.sql(CONTENT);
    let first = cohort.run(&["--shard", "2/2"]).expect(0).json();
    assert_eq!((&first["status"], &first["load_id"]), (&json!("unfinished"), &load), "{first}");
    // It appears at once, when it is whole.
    assert_eq!(cohort.warehouse.sql(CONTENT), before);
    assert_eq!(cohort.warehouse.sql("SELECT array_agg(DISTINCT input ORDER BY input) FROM genogate.samples"), "{1,3}");
    assert_eq!(cohort.list()[0]["status"], "partial");
    cohort.warehouse.run(["validate", load.as_str().unwrap()]).expect(2);
    finish().expect(1);
    let second = cohort.run(&["--shard", "1/2"]).expect(0).json();
    assert_eq!((&second["status"], &second["load_id"], &second["input_records"]), (&json!("complete"), &load, &json!(2700)));
    assert_eq!(finish().expect(0).json()["status"], "complete");
    assert_eq!(cohort.records(), "1|2700");
    cohort.prove(&load);
    for shard in ["1/2", "2/2"] {
        assert_eq!(cohort.run(&["--shard", shard]).expect(0).json()["status"], "skipped");
    }
    assert_eq!((cohort.records().as_str(), cohort.list().len()), ("1|2700", 1));
}

/// As many bytes as before, and bad where only reading finds it.
#[test]
fn a_file_damaged_and_mended_at_its_size_is_read_again() {
    let cohort = Cohort::new();
    let file = cohort.path("b.vcf.gz");
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0x55);
    std::fs::write(&file, damaged).unwrap();
    let first = cohort.run(&[]).expect(6).json();
    assert_eq!((&first["status"], cohort.records().as_str()), (&json!("partial"), "1|1500"));
    assert_eq!(cohort.run(&[]).expect(6).json()["load_id"], first["load_id"], "still damaged");
    std::fs::write(&file, whole).unwrap();
    let mended = cohort.run(&[]).expect(0).json();
    assert_eq!((&mended["status"], &mended["load_id"]), (&json!("complete"), &first["load_id"]));
    assert!(mended["units_resumed"].as_u64().unwrap() > 0, "{mended}");
    cohort.prove(&mended["load_id"]);
    assert_eq!(cohort.list().len(), 1);
}

/// A shard has given a file up, and the load is unfinished: the file is mended before the others come.
#[test]
fn a_file_mended_before_the_load_is_finished_is_read_by_the_shards_that_come() {
    let cohort = Cohort::new();
    let whole = cut(&cohort.path("c.vcf"));
    cohort.run(&["--shard", "3/3"]).expect(6);
    std::fs::write(cohort.path("c.vcf"), whole).unwrap();
    for shard in ["1/3", "2/3"] {
        cohort.run(&["--shard", shard]).expect(0);
    }
    let done = cohort.run(&["--shard", "3/3"]).expect(0).json();
    assert_eq!((&done["status"], &done["input_records"]), (&json!("complete"), &json!(2700)), "{done}");
    cohort.prove(&done["load_id"]);
}

/// The size of a file is another one: what is unfinished goes on, with what was read of that file taken back.
#[test]
fn an_unfinished_load_takes_a_file_that_was_written_anew() {
    let cohort = Cohort::new();
    let first = cohort.run(&["--shard", "1/2"]).expect(0).json();
    let text = std::fs::read_to_string(cohort.path("a.vcf")).unwrap();
    let fewer: Vec<&str> = text.lines().take(text.lines().count() - 100).collect();
    std::fs::write(cohort.path("a.vcf"), fewer.join("\n") + "\n").unwrap();
    cohort.run(&["--shard", "2/2"]).expect(0);
    let done = cohort.run(&["--shard", "1/2"]).expect(0).json();
    assert_eq!(
        (&done["status"], &done["load_id"], &done["input_records"]),
        (&json!("complete"), &first["load_id"], &json!(2600))
    );
    assert_eq!(cohort.list().len(), 1, "nothing is left unfinished");
    cohort.prove(&done["load_id"]);
}

/// What the same command made of the same samples before is replaced; what is damaged since takes nothing away.
#[test]
fn a_complete_load_follows_its_files() {
    let cohort = Cohort::new();
    let first = cohort.run(&[]).expect(0).json();
    let whole = cut(&cohort.path("b.vcf.gz"));
    let damaged = cohort.run(&[]).expect(6).json();
    assert_eq!((&damaged["status"], &damaged["load_id"]), (&json!("skipped"), &first["load_id"]), "{damaged}");
    assert_eq!(cohort.records(), "1|2700");
    std::fs::write(cohort.path("b.vcf.gz"), whole).unwrap();
    let text = std::fs::read_to_string(cohort.path("c.vcf")).unwrap();
    std::fs::write(cohort.path("c.vcf"), text.replace("\t0/1:", "\t1/1:")).unwrap();
    let edited = cohort.run(&[]).expect(0).json();
    assert_eq!((&edited["status"], &edited["replaced"]), (&json!("complete"), &json!([first["load_id"]])), "{edited}");
    assert_eq!(cohort.records(), "1|2700");
    cohort.prove(&edited["load_id"]);
}

/// A file of other people under the same path takes nothing away either, and what stands elsewhere is told.
#[test]
fn other_samples_stand_beside_and_what_is_loaded_elsewhere_is_told() {
    let cohort = Cohort::new();
    let first = cohort.run(&[]).expect(0).json();
    let text = std::fs::read_to_string(cohort.path("c.vcf")).unwrap();
    let header = text.lines().find(|line| line.starts_with("#CHROM")).unwrap();
    let columns: Vec<&str> = header.split('\t').collect();
    let other = [&columns[..9], &["X1", "X2", "X3"]].concat().join("\t");
    std::fs::write(cohort.path("c.vcf"), text.replace(header, &other)).unwrap();
    let done = cohort.run(&[]).expect(0);
    assert_eq!(done.json()["files"][0]["elsewhere"], json!([first["load_id"]]), "{done:#?}");
    assert!(done.stderr.contains("input 1 stands in load") && !done.stderr.contains("input 3 stands"), "{done:#?}");
    assert_eq!(cohort.records(), "2|5400");
}

/// While a file's size is known and its records are not yet read: another input is a pipe that is silent until then.
#[test]
fn a_file_that_changes_while_it_is_read_is_given_up() {
    let cohort = Cohort::new();
    let small = std::fs::read(cohort.path("c.vcf")).unwrap();
    let plain = cohort.path("a.vcf");
    let gzip = cohort.path("g.vcf.gz");
    std::fs::write(&gzip, pack("gzip", &plain)).unwrap();
    type Change = fn(&Path);
    let shrink: Change = |path| {
        let text = std::fs::read(path).unwrap();
        let at = text[..text.len() / 2].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        std::fs::File::options().write(true).open(path).unwrap().set_len(at as u64).unwrap();
    };
    let grow: Change = |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let last = text.lines().last().unwrap();
        writeln!(std::fs::File::options().append(true).open(path).unwrap(), "{last}").unwrap();
    };
    let rewrite: Change = |path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let replace: Change = |path| {
        std::fs::copy(path, path.with_extension("new")).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
    };
    for (path, change) in [(&plain, shrink), (&plain, grow), (&plain, rewrite), (&plain, replace), (&gzip, rewrite)] {
        let whole = std::fs::read(path).unwrap();
        let pipe = cohort.path("pipe");
        let _ = std::fs::remove_file(&pipe);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut command = cohort.command(&[path, &pipe], &["--force"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut writer = std::fs::File::options().write(true).open(&pipe).unwrap();
        // The other file is looked at meanwhile; no record of it is read before the pipe has shown its header.
        let open = || std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().flatten();
        while !open().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == *path)) {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
        change(path);
        writer.write_all(&small).unwrap();
        drop(writer);
        let done = end(child).expect(6);
        let report = done.json();
        assert_eq!((&report["status"], &report["input_records"]), (&json!("partial"), &json!(600)), "{done:#?}");
        assert!(report["files"][0]["reason"].as_str().unwrap().contains("changed while it was read"), "{report}");
        std::fs::write(path, whole).unwrap();
    }
}

fn pack(program: &str, path: &Path) -> Vec<u8> {
    let output = Command::new(program).arg("-c").arg(path).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn a_file_that_is_named_twice_is_refused() {
    let cohort = Cohort::new();
    std::fs::write(cohort.path("packed.vcf.gz"), pack("gzip", &cohort.path("a.vcf"))).unwrap();
    std::os::unix::fs::symlink(cohort.path("a.vcf"), cohort.path("link.vcf")).unwrap();
    let lake = cohort.path("lake").display().to_string();
    for (files, more) in [
        (["a.vcf", "a.vcf"], vec![]),
        (["link.vcf", "a.vcf"], vec![]),
        (["a.vcf", "packed.vcf.gz"], vec![]),
        (["a.vcf", "packed.vcf.gz"], vec!["--parquet", lake.as_str()]),
    ] {
        let done = cohort.files(&[files[0], "c.vcf", files[1]], &more).expect(6);
        let message = done.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("inputs 1 and 3 are the same file"), "{message}");
    }
    assert_eq!(cohort.warehouse.sql("SELECT count(*) FROM genogate_store.variants"), "0");
    // What has no records may come twice.
    let text = std::fs::read_to_string(cohort.path("a.vcf")).unwrap();
    let header: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    std::fs::write(cohort.path("empty.vcf"), header.join("\n") + "\n").unwrap();
    let report = cohort.files(&["empty.vcf", "a.vcf", "empty.vcf"], &[]).expect(0).json();
    assert_eq!(report["input_records"], 900);
}
