//! Many files, many processes, one load: shards that meet, end in any order, are killed and run again; names; the loads'
//! list; samples that come later.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::support::{Done, Warehouse, end, genogate, repository, signal};

fn synth(warehouse: &Warehouse, folder: &Path, name: &str, kind: &str, records: &str, seed: &str) -> PathBuf {
    let file = folder.join(name);
    let file_name = file.to_str().unwrap();
    let done = warehouse.run(["synth", kind, "--records", records, "--seed", seed, "--output", file_name]);
    done.expect(0);
    file
}

/// Three files: plain text, BGZF, and gzip, whose units are unknown before it was read.
pub fn cohort(warehouse: &Warehouse, folder: &Path) -> PathBuf {
    synth(warehouse, folder, "a.vcf", "trio", "3000", "1");
    synth(warehouse, folder, "b.vcf.gz", "trio", "2000", "2");
    let plain = synth(warehouse, folder, "c.vcf", "trio", "1000", "3");
    assert!(Command::new("gzip").arg(plain).status().unwrap().success());
    std::fs::write(folder.join("cohort.tsv"), "path\ttags\na.vcf\tfile=A\nb.vcf.gz\tfile=B\nc.vcf.gz\tfile=C\n").unwrap();
    folder.join("cohort.tsv")
}

fn command(warehouse: &Warehouse, list: &Path, more: &[&str]) -> Command {
    let mut command = genogate(&warehouse.home);
    command.args(["load", list.to_str().unwrap(), "--profile", "open", "--calls", "all", "--json"]);
    command.args(["--set", "source.vcf.unit=64KiB"]).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn load(warehouse: &Warehouse, list: &Path, more: &[&str]) -> Done {
    command(warehouse, list, more).output().unwrap().into()
}

/// What is visible, whichever load and unit it came by.
pub const CONTENT: &str = "SELECT count(*), sum(('x' || substr(md5(concat_ws('|', v.chrom, v.pos, v.ref, v.alt, v.qual, v.filters, v.ids, v.info::text)), 1, 15))::bit(60)::bigint), \
     (SELECT sum(('x' || substr(md5(concat_ws('|', v.chrom, v.pos, v.ref, v.alt, c.input, c.sample_id, c.gt, c.format::text)), 1, 15))::bit(60)::bigint) \
      FROM genogate.calls c JOIN genogate.variants v USING (load_id, variant_id)) FROM genogate.variants v";

fn loads(warehouse: &Warehouse) -> Vec<Value> {
    warehouse.run(["loads", "list", "--json"]).expect(0).json()["loads"].as_array().unwrap().clone()
}

#[test]
fn shards_in_any_order_make_the_load_that_one_process_makes() {
    let (one, many) = (Warehouse::start(), Warehouse::start());
    let folder = tempfile::tempdir().unwrap();
    let list = cohort(&one, folder.path());
    let whole = load(&one, &list, &[]).expect(0).json();
    assert!(whole["units"].as_u64().unwrap() > 12, "{whole}");
    let mut met = Vec::new();
    for (number, shard) in ["3/4", "1/4", "4/4", "2/4"].iter().enumerate() {
        let report = load(&many, &list, &["--shard", shard]).expect(0).json();
        let status = if number < 3 { "unfinished" } else { "complete" };
        assert_eq!((&report["status"], &report["shard"]), (&json!(status), &json!(shard)), "{report}");
        assert_eq!(many.sql("SELECT count(*) FROM genogate.variants") == "0", number < 3);
        met.push(report);
    }
    assert!(met.iter().all(|report| report["load_id"] == met[0]["load_id"]), "{met:#?}");
    for field in ["input_records", "variants", "calls", "units"] {
        assert_eq!(met[3][field], whole[field], "{field}");
    }
    let files = met[3]["files"].as_array().unwrap();
    assert_eq!(files.iter().map(|file| file["records"].as_u64().unwrap()).collect::<Vec<_>>(), [3000, 2000, 1000]);
    assert!(files.iter().all(|file| file["status"] == "complete"), "{files:#?}");
    assert_eq!(many.sql(CONTENT), one.sql(CONTENT));
    many.run(["validate", met[0]["load_id"].as_str().unwrap(), "--json"]).expect(0);
    // A task that a scheduler runs again when all is done, and the whole of it in one process.
    let late = load(&many, &list, &["--shard", "2/4"]).expect(0).json();
    assert_eq!((&late["status"], &late["load_id"]), (&json!("skipped"), &met[0]["load_id"]));
    let again = load(&many, &list, &[]).expect(0).json();
    assert_eq!((&again["status"], &again["load_id"]), (&json!("skipped"), &met[0]["load_id"]));
    assert_eq!(many.sql(CONTENT), one.sql(CONTENT));
}

#[test]
fn shards_at_once_are_not_in_each_others_way_and_one_of_them_finishes() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let list = cohort(&warehouse, folder.path());
    let running: Vec<Child> =
        (1..=5).map(|i| command(&warehouse, &list, &["--shard", &format!("{i}/5"), "--threads", "1"]).spawn().unwrap()).collect();
    let reports: Vec<Value> = running.into_iter().map(|child| end(child).expect(0).json()).collect();
    assert!(reports.iter().any(|report| report["status"] == "complete"), "{reports:#?}");
    assert!(reports.iter().all(|report| report["load_id"] == reports[0]["load_id"]), "{reports:#?}");
    assert_eq!(warehouse.sql("SELECT count(*), min(input_records) FROM genogate.loads"), "1|6000");
    warehouse.run(["validate", reports[0]["load_id"].as_str().unwrap(), "--json"]).expect(0);
}

#[test]
fn a_killed_shard_leaves_the_others_alone_and_does_only_what_it_lacks() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let list = synth(&warehouse, folder.path(), "long.vcf", "sites", "60000", "9");
    let name = ["--load-name", "night-7"];
    let first = load(&warehouse, &list, &[&name[..], &["--shard", "1/2"]].concat()).expect(0).json();
    for how in ["-KILL", "-TERM"] {
        let child = command(&warehouse, &list, &[&name[..], &["--shard", "2/2", "--threads", "1"]].concat()).spawn().unwrap();
        let before: u64 = first["units"].as_u64().unwrap();
        let units = || warehouse.sql("SELECT count(*) FROM genogate_store.units").parse::<u64>().unwrap();
        let start = units();
        assert!(start >= before);
        while units() == start {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        signal(&child, how);
        let done = end(child);
        assert_eq!(done.code, if how == "-KILL" { -1 } else { 1 }, "{done:#?}");
    }
    let listed = loads(&warehouse).pop().unwrap();
    assert_eq!((&listed["status"], &listed["resumable"]), (&json!("failed"), &json!(true)), "{listed}");
    assert_eq!(listed["reason"], "shard 2/2: interrupted");
    let unfinished = warehouse.run(["loads", "finish", "--load-name", "night-7", "--json"]).expect(1);
    assert!(unfinished.stdout.contains("units of input 1"), "{unfinished:#?}");
    let report = load(&warehouse, &list, &[&name[..], &["--shard", "2/2"]].concat()).expect(0).json();
    assert_eq!((&report["status"], &report["input_records"]), (&json!("complete"), &json!(60000)));
    assert!(report["units_resumed"].as_u64().unwrap() >= 2, "{report}");
    warehouse.run(["validate", report["load_id"].as_str().unwrap(), "--json"]).expect(0);
}

#[test]
fn an_unfinished_load_is_finished_without_its_files_and_once_only() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let list = synth(&warehouse, folder.path(), "a.vcf", "sites", "5000", "9");
    let report = load(&warehouse, &list, &["--shard", "1/2", "--load-name", "w"]).expect(0).json();
    let id = report["load_id"].as_str().unwrap();
    load(&warehouse, &list, &["--shard", "2/2", "--load-name", "w"]).expect(0);
    // As if the second shard had died between its last unit and the end.
    warehouse.sql(&format!("UPDATE genogate_store.loads SET status = 'failed', identity = NULL WHERE load_id = '{id}'"));
    std::fs::remove_file(&list).unwrap();
    for how in [["--load-name", "w"], [id, "--json"], [id, "--json"]] {
        let done =
            warehouse.run([&["loads", "finish", "--json"][..], &how[..how.len() - usize::from(how[1] == "--json")]].concat());
        let done = done.expect(0).json();
        assert_eq!((&done["status"], &done["load_id"], &done["input_records"]), (&json!("complete"), &json!(id), &json!(5000)));
    }
    warehouse.run(["validate", id, "--json"]).expect(0);
    warehouse.run(["loads", "finish", "--load-name", "unheard", "--json"]).expect(2);
    warehouse.run(["loads", "drop", id]).expect(0);
    warehouse.run(["loads", "finish", id, "--json"]).expect(1);
    assert_eq!(warehouse.sql("SELECT count(*) FROM genogate.variants"), "0");
}

/// Another process that holds a shard of a load.
fn holding(warehouse: &Warehouse, load: &str, shard: &str) -> Child {
    let hold = format!("SELECT genogate_store.hold_load('{load}', {shard}, decode('00', 'hex'))");
    let mut command = genogate(&warehouse.home);
    // Two transactions: others see who holds a load when the first is committed.
    command.args(["db", "shell", "--app", "--", "-X", "-q", "-c", &hold, "-c", "SELECT pg_sleep(600)"]);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while warehouse.sql(sleeping) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child
}

fn release(warehouse: &Warehouse, mut child: Child) {
    warehouse.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    child.wait().unwrap();
}

#[test]
fn what_does_not_belong_together_does_not_meet() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let a = synth(&warehouse, folder.path(), "a.vcf", "sites", "3000", "1");
    let b = synth(&warehouse, folder.path(), "b.vcf", "sites", "3000", "2");
    let begun = load(&warehouse, &a, &["--shard", "1/3", "--load-name", "one"]).expect(0).json();
    let id = begun["load_id"].as_str().unwrap().to_owned();
    // Other files under the same name, other options, the same files under another name.
    for (file, more) in
        [(&b, vec!["--load-name", "one"]), (&a, vec!["--load-name", "one", "--no-split"]), (&a, vec!["--load-name", "two"])]
    {
        for shard in [vec![], vec!["--shard", "2/3"]] {
            let done = load(&warehouse, file, &[more.clone(), shard].concat()).expect(2);
            assert!(done.stdout.contains(&id), "{done:#?}");
        }
    }
    for wrong in ["0/3", "4/3", "x"] {
        load(&warehouse, &a, &["--shard", wrong]).expect(2);
    }
    let done = load(&warehouse, &a, &["--shard", "1/2", "--parquet", folder.path().join("lake").to_str().unwrap()]).expect(2);
    assert!(done.stdout.contains("meet in a database"), "{done:#?}");
    let piped: Done =
        command(&warehouse, Path::new("-"), &["--shard", "1/2"]).stdin(std::fs::File::open(&a).unwrap()).output().unwrap().into();
    piped.expect(2);

    // While a shard is at work, nobody cuts the load anew, takes it for himself, or drops it.
    let shard = holding(&warehouse, &id, "3, 3");
    assert_eq!(loads(&warehouse)[0]["sessions"], 1);
    let done = load(&warehouse, &a, &["--shard", "2/4"]).expect(2);
    assert!(done.stdout.contains("another number of shards"), "{done:#?}");
    warehouse.run(["loads", "drop", &id]).expect(1);
    assert_eq!(load(&warehouse, &a, &["--shard", "2/3"]).expect(0).json()["status"], "unfinished");
    release(&warehouse, shard);

    // Nobody is at work: three thirds less one third may become two halves.
    assert_eq!(load(&warehouse, &a, &["--shard", "1/2"]).expect(0).json()["status"], "unfinished");
    assert_eq!(load(&warehouse, &a, &["--shard", "2/2"]).expect(0).json()["status"], "complete");
    assert_eq!(warehouse.sql("SELECT count(*), min(input_records) FROM genogate.loads"), "1|3000");
}

#[test]
fn of_two_identical_loads_at_once_one_says_that_the_other_is_at_it() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(&warehouse, folder.path(), "long.vcf", "sites", "60000", "12");
    let mut first = command(&warehouse, &file, &["--threads", "1"]).spawn().unwrap();
    while warehouse.sql("SELECT count(*) FROM genogate_store.units") == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The first stands still, so that it cannot be through before the second has looked.
    signal(&first, "-STOP");
    for shard in [vec![], vec!["--shard", "1/2"]] {
        let second = load(&warehouse, &file, &[&["--set", "sink.postgres.patience=0s"], &shard[..]].concat()).expect(1);
        assert!(second.stdout.contains("another process"), "{second:#?}");
    }
    signal(&first, "-CONT");
    assert!(first.wait().unwrap().success());
    assert_eq!(load(&warehouse, &file, &[]).expect(0).json()["status"], "skipped");
    assert_eq!(warehouse.sql("SELECT count(*), min(input_records) FROM genogate.loads"), "1|60000");
}

#[test]
fn a_failed_load_is_listed_with_its_reason() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.vcf");
    std::fs::write(
        &file,
        "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\tx\t.\tA\tC\t.\t.\t.\n",
    )
    .unwrap();
    load(&warehouse, &file, &[]).expect(6);
    let listed = loads(&warehouse).pop().unwrap();
    assert_eq!((&listed["status"], &listed["reason"], &listed["resumable"]), (&json!("failed"), &json!("input"), &json!(false)));
    let text = warehouse.run(["loads", "list"]).expect(0).stdout;
    assert!(text.contains("failed") && text.contains("(input)"), "{text}");
}

/// N+1: what comes later stands beside what is there, and a person has one pseudonym.
#[test]
fn samples_that_come_later_are_added_under_the_same_pseudonyms() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, samples: &str, pos: u32| {
        let path = folder.path().join(name);
        let calls = samples.split('\t').map(|_| "0/1").collect::<Vec<_>>().join("\t");
        let text = format!(
            "##fileformat=VCFv4.3\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n##contig=<ID=1>\n\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{samples}\n1\t{pos}\t.\tA\tC\t50\tPASS\t.\tGT\t{calls}\n"
        );
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pipeline = repository("pipelines/clinical.yaml").display().to_string();
    let run = |files: &[String]| {
        let paths = format!("source.vcf.paths={}", json!(files));
        warehouse.run(["run", &pipeline, "--json", "--set", &paths]).expect(0).json()
    };
    let first = run(&[file("a.vcf", "ZEBRA77\tGNU12", 10), file("b.vcf", "GNU12\tOKAPI5", 10)]);
    let later = run(&[file("c.vcf", "LLAMA3\tZEBRA77", 10)]);
    assert_ne!(first["load_id"], later["load_id"]);
    let distinct = "SELECT count(*), count(DISTINCT sample_id), bool_and(sample_id LIKE 'P-%') FROM genogate.samples";
    assert_eq!(warehouse.sql(distinct), "6|4|t");
    let carriers = "SELECT count(*), count(DISTINCT c.sample_id) FROM genogate.calls c JOIN genogate.variants v USING (load_id, variant_id) \
                    WHERE v.contig = '1' AND v.pos = 10 AND 1 = ANY (c.alleles)";
    assert_eq!(warehouse.sql(carriers), "6|4");
    let shared = "SELECT count(*) FROM genogate.samples a JOIN genogate.samples b USING (sample_id) WHERE a.load_id < b.load_id";
    assert_eq!(warehouse.sql(shared), "1");
}

/// One bad file of each kind among good ones: not there, cut, no VCF, a bad record behind units that were committed.
fn with_bad_files(warehouse: &Warehouse, folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let good =
        vec![synth(warehouse, folder, "a.vcf", "trio", "2000", "1"), synth(warehouse, folder, "z.vcf.gz", "trio", "1000", "2")];
    let whole = std::fs::read(synth(warehouse, folder, "whole.vcf.gz", "trio", "1500", "3")).unwrap();
    let text = std::fs::read_to_string(synth(warehouse, folder, "record.vcf", "trio", "3000", "4")).unwrap();
    let at = text.rfind("\tPASS\t").unwrap();
    let line = text[..at].rfind('\n').unwrap() + 1;
    let chrom = text[line..].find('\t').unwrap() + line;
    let mended = folder.join("record.vcf");
    std::fs::write(&mended, format!("{}\tx{}", &text[..chrom], &text[chrom + 1..])).unwrap();
    std::fs::write(folder.join("cut.vcf.gz"), &whole[..whole.len() / 2]).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0x55);
    std::fs::write(folder.join("damaged.vcf.gz"), damaged).unwrap();
    std::fs::write(folder.join("prose.vcf"), "Dear colleague\n").unwrap();
    let bad = ["absent.vcf", "cut.vcf.gz", "prose.vcf", "damaged.vcf.gz", "record.vcf"].map(|name| folder.join(name)).to_vec();
    (good, bad)
}

fn load_all(warehouse: &Warehouse, files: &[&PathBuf], more: &[&str]) -> Done {
    let mut command = genogate(&warehouse.home);
    command.arg("load").args(files).args(["--profile", "open", "--calls", "all", "--json", "--set", "source.vcf.unit=64KiB"]);
    command.args(more).output().unwrap().into()
}

#[test]
fn bad_files_do_not_stop_the_others_and_leave_nothing() {
    let (warehouse, other) = (Warehouse::start(), Warehouse::start());
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = with_bad_files(&warehouse, folder.path());
    let files = [&bad[0], &good[0], &bad[1], &bad[2], &bad[3], &bad[4], &good[1]];
    let done = load_all(&warehouse, &files, &[]).expect(6);
    let report = done.json();
    assert_eq!((&report["status"], &report["input_records"]), (&json!("partial"), &json!(3000)), "{report}");
    let status: Vec<&str> = report["files"].as_array().unwrap().iter().map(|file| file["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["failed", "complete", "failed", "failed", "failed", "failed", "complete"]);
    for (number, word) in [(0, "no such file"), (2, "truncated"), (3, "not VCF"), (4, "damaged"), (5, "POS")] {
        let reason = report["files"][number]["reason"].as_str().unwrap();
        assert!(reason.contains(word), "{number}: {reason}");
    }
    assert!(done.stderr.contains("record.vcf) was given up") && !done.stdout.contains("record.vcf"), "{done:#?}");
    assert!(!done.stderr.contains("colleague"));
    // Nothing of them is there, the others are as if they had come alone, and the load is sound.
    let load = report["load_id"].as_str().unwrap();
    let numbers = "SELECT array_agg(DISTINCT input) FROM";
    for table in ["genogate_store.units", "genogate_store.calls", "genogate_store.samples"] {
        assert_eq!(warehouse.sql(&format!("{numbers} {table}")), "{2,7}", "{table}");
    }
    warehouse.run(["validate", load, "--json"]).expect(0);
    load_all(&other, &[&good[0], &good[1]], &[]).expect(0);
    let rows = "SELECT count(*), sum(('x' || substr(md5(concat_ws('|', chrom, pos, ref, alt, qual, filters, ids, info::text)), 1, 15))::bit(60)::bigint) FROM genogate.variants";
    assert_eq!(warehouse.sql(rows), other.sql(rows));
    // The same again is the same load, and still not whole.
    let again = load_all(&warehouse, &files, &[]).expect(6).json();
    assert_eq!((&again["status"], &again["load_id"]), (&json!("partial"), &json!(load)));
    // A mended file joins the others.
    std::fs::copy(folder.path().join("whole.vcf.gz"), &bad[3]).unwrap();
    let mended = load_all(&warehouse, &files, &[]).expect(6).json();
    assert_eq!((&mended["status"], &mended["load_id"]), (&json!("partial"), &json!(load)));
    assert_eq!(warehouse.sql("SELECT count(*), sum(input_records) FROM genogate.loads"), "1|4500");
    warehouse.run(["validate", load, "--json"]).expect(0);
}

#[test]
fn bad_files_end_the_load_when_that_is_asked_or_nothing_else_is_there() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = with_bad_files(&warehouse, folder.path());
    for file in &bad {
        let done = load_all(&warehouse, &[&good[0], file], &["--on-bad-file", "fail"]).expect(6);
        assert!(done.json()["error"]["message"].as_str().unwrap().starts_with("input 2: "), "{done:#?}");
        load_all(&warehouse, &[file], &[]).expect(6);
    }
    load_all(&warehouse, &[&bad[4], &bad[3]], &[]).expect(6);
    load_all(&warehouse, &[&bad[0], &bad[1]], &[]).expect(6);
    let lake = folder.path().join("lake");
    load_all(&warehouse, &[&good[0], &bad[4]], &["--parquet", lake.to_str().unwrap()]).expect(6);
    assert_eq!(
        warehouse.sql("SELECT (SELECT count(*) FROM genogate_store.variants), (SELECT count(*) FROM genogate.loads)"),
        "0|0"
    );
}

#[test]
fn a_bad_file_is_given_up_whichever_shard_meets_it() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = with_bad_files(&warehouse, folder.path());
    let files = [&good[0], &bad[4], &good[1], &bad[1]];
    let (mut last, mut answering) = (Value::Null, 0);
    // The bad record lies at the file's end: its first units are another shard's, who commits them.
    for shard in ["1/4", "3/4", "4/4", "2/4"] {
        let done = load_all(&warehouse, &files, &["--shard", shard]);
        assert!([0, 6].contains(&done.code), "{done:#?}");
        answering += i32::from(done.code == 6);
        last = done.json();
    }
    // Once the file was given up, its units are not waited for: the load may be complete before the last shard comes.
    assert_eq!((&last["status"], &last["input_records"]), (&json!("partial"), &json!(3000)), "{last}");
    assert!((1..4).contains(&answering), "a shard answers for its own files: {answering}");
    assert_eq!(warehouse.sql("SELECT count(*), min(input_records) FROM genogate.loads"), "1|3000");
    assert_eq!(warehouse.sql("SELECT array_agg(DISTINCT input) FROM genogate_store.calls"), "{1,3}");
    warehouse.run(["validate", last["load_id"].as_str().unwrap(), "--json"]).expect(0);
}

#[test]
fn more_files_than_the_usual_limit_are_one_load() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..150 {
        let text = format!(
            "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t{}\t.\tA\tC\t50\tPASS\t.\n",
            number + 1
        );
        std::fs::write(folder.path().join(format!("{number:03}.vcf")), text).unwrap();
    }
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -S -n 64; exec \"$@\"", "bash", super::support::binary(), "load"])
        .arg(folder.path().join("*.vcf"));
    let done: Done = limited.args(["--profile", "open", "--json"]).env("GENOGATE_HOME", &warehouse.home).output().unwrap().into();
    let report = done.expect(0).json();
    assert_eq!((report["input_records"].as_u64(), report["files"].as_array().unwrap().len()), (Some(150), 150));
    // Where the system allows no more either, it is no file's fault: nothing is given up.
    let mut short = Command::new("bash");
    short.args(["-c", "ulimit -n 64; exec \"$@\"", "bash", super::support::binary(), "load"]).arg(folder.path().join("*.vcf"));
    let done: Done = short
        .args(["--profile", "open", "--json", "--calls", "none"])
        .env("GENOGATE_HOME", &warehouse.home)
        .output()
        .unwrap()
        .into();
    assert!(done.expect(1).stdout.contains("ulimit -n"));
}

#[test]
fn an_interrupted_load_is_resumed_by_its_id_and_its_path_is_nowhere() {
    let warehouse = Warehouse::start();
    let folder = tempfile::Builder::new().prefix("DOE_JANE_").tempdir().unwrap();
    let file = synth(&warehouse, folder.path(), "a.vcf", "sites", "60000", "21");
    let begun = load(&warehouse, &file, &["--shard", "1/3"]).expect(0).json();
    let id = begun["load_id"].as_str().unwrap();
    let child = command(&warehouse, &file, &["--threads", "1", "--load-name", "j"]).spawn().unwrap();
    let units = || warehouse.sql("SELECT count(*) FROM genogate_store.units").parse::<u64>().unwrap();
    while units() == begun["units"].as_u64().unwrap() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    signal(&child, "-KILL");
    end(child);
    let grep = || {
        let found = Command::new("grep").args(["-r", "-l", "-a", "-F", "DOE_JANE"]).arg(&warehouse.home).output().unwrap();
        String::from_utf8_lossy(&found.stdout).into_owned()
    };
    assert_eq!(grep(), "", "a path waits in plain text");
    // From another folder, without a word about files or options.
    let resume = || -> Done {
        let mut command = genogate(&warehouse.home);
        command.args(["loads", "resume", id, "--json"]).current_dir("/").output().unwrap().into()
    };
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 200]).unwrap();
    assert!(resume().expect(2).stdout.contains("have changed"));
    std::fs::write(&file, whole).unwrap();
    let report = resume().expect(0).json();
    assert_eq!(
        (&report["status"], &report["load_id"], &report["input_records"]),
        (&json!("complete"), &json!(id), &json!(60000))
    );
    assert!(report["units_resumed"].as_u64() > begun["units"].as_u64(), "{report}");
    warehouse.run(["validate", id, "--json"]).expect(0);
    assert!(resume().expect(2).stdout.contains("nothing to resume"));
    let kept =
        std::fs::read_dir(warehouse.home.join("unfinished")).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(!kept.iter().any(|name| name == id), "{kept:?}");
    assert_eq!(grep(), "");
}

/// Its locks are lost with its connections, and taken again.
#[test]
fn a_shard_whose_connections_are_cut_goes_on() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = synth(&warehouse, folder.path(), "a.vcf", "sites", "60000", "22");
    let first = load(&warehouse, &file, &["--shard", "1/2"]).expect(0).json();
    let child = command(&warehouse, &file, &["--shard", "2/2", "--threads", "1"]).spawn().unwrap();
    let units = || warehouse.sql("SELECT count(*) FROM genogate_store.units").parse::<u64>().unwrap();
    while units() == first["units"].as_u64().unwrap() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'genogate_app'";
    assert_ne!(warehouse.sql(cut), "0");
    let report = end(child).expect(0).json();
    assert_eq!((&report["status"], &report["load_id"]), (&json!("complete"), &first["load_id"]));
    assert_eq!(report["input_records"], 60000);
    warehouse.run(["validate", report["load_id"].as_str().unwrap(), "--json"]).expect(0);
}
