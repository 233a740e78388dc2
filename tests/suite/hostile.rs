//! Wide, damaged and hostile files: memory and time follow the file, what is too much is refused by a named option, and a record
//! that was cut is bad wherever it stands.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::support::{Done, Warehouse, genogate};

const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";
const HEAD: &str = "##fileformat=VCFv4.3\n##contig=<ID=1>\n";

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// `fields` INFO lines; each record uses one of them.
fn wide(fields: usize, records: usize) -> String {
    let mut text = HEAD.to_owned();
    for i in 0..fields {
        writeln!(text, "##INFO=<ID=K{i},Number={},Type=Integer,Description=\"k\">", ["1", "A", "."][i % 3]).unwrap();
    }
    writeln!(text, "{COLUMNS}").unwrap();
    for i in 0..records {
        writeln!(text, "1\t{}\t.\tA\tC\t.\tPASS\tK{}={i}", i + 1, i * 7 % fields).unwrap();
    }
    text
}

/// Runs a command of the binary; what it did, its peak of resident memory in KiB, and its processor time in clock ticks.
fn watched(home: &Path, arguments: &[&str]) -> (Done, u64, u64) {
    let mut command = genogate(home);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut peak, mut ticks) = (0, 0);
    let stdout = std::thread::spawn({
        let mut stdout = child.stdout.take().unwrap();
        move || std::io::read_to_string(&mut stdout).unwrap()
    });
    let stderr = std::thread::spawn({
        let mut stderr = child.stderr.take().unwrap();
        move || std::io::read_to_string(&mut stderr).unwrap()
    });
    let status = loop {
        let process = format!("/proc/{}", child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(high.unwrap_or(0));
        let stat = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        // Fields 14 and 15 of the line, behind the command's name in parentheses.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let used = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        ticks = ticks.max(used(11) + used(12));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let done = Done { code: status.code().unwrap_or(-1), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    (done, peak, ticks)
}

fn decoded(home: &Path, file: &Path) -> (u64, u64) {
    let (done, peak, ticks) = watched(home, &["benchmark", "decode", file.to_str().unwrap(), "--threads", "1", "--json"]);
    done.expect(0);
    (peak, ticks)
}

#[test]
fn memory_does_not_follow_columns_times_records() {
    let folder = tempfile::tempdir().unwrap();
    let few = file(folder.path(), "few.vcf", wide(20_000, 20));
    let many = file(folder.path(), "many.vcf", wide(20_000, 3000));
    let ((few, _), (many, _)) = (decoded(folder.path(), &few), decoded(folder.path(), &many));
    assert!(many < 2 * few, "{few} KiB for 20 records, {many} KiB for 3000");
}

#[test]
fn time_follows_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let mut ticks = Vec::new();
    for lines in [10_000, 80_000] {
        let path = file(folder.path(), "header.vcf", wide(lines, 1));
        ticks.push(decoded(folder.path(), &path).1.max(5));
    }
    assert!(ticks[1] < 24 * ticks[0], "eight times the lines took {ticks:?} clock ticks");
}

#[test]
fn time_follows_the_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut ticks = Vec::new();
    for samples in [10_000, 80_000] {
        let mut text = format!("{HEAD}##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n{COLUMNS}\tFORMAT");
        (0..samples).for_each(|i| write!(text, "\tS{i}").unwrap());
        write!(text, "\n1\t1\t.\tA\tC\t.\tPASS\t.\tGT{}\n", "\t0/1".repeat(samples)).unwrap();
        let path = file(folder.path(), "samples.vcf", text);
        ticks.push(decoded(folder.path(), &path).1.max(5));
    }
    assert!(ticks[1] < 24 * ticks[0], "eight times the samples took {ticks:?} clock ticks");
}

/// Ends in an error of class `input` that names the option, with little memory.
fn refused(home: &Path, arguments: &[&str], option: &str) -> u64 {
    let (done, peak, _) = watched(home, arguments);
    let error = done.expect(6).json()["error"].clone();
    assert!(error["hint"].as_str().unwrap_or("").contains(option), "{error}");
    peak
}

#[test]
fn what_is_too_much_is_refused_by_the_option_that_allows_it() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let packed = |name: &str, start: &str, filler: u8| {
        let path = folder.path().join(name);
        let mut packed = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
        packed.write_all(start.as_bytes()).unwrap();
        (0..300).for_each(|_| packed.write_all(&vec![filler; 1 << 20]).unwrap());
        packed.finish().unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long = packed("long.vcf.gz", &format!("{HEAD}{COLUMNS}\n1\t1\t.\tA\tC\t.\t.\tX="), b'A');
    let zeros = packed("zeros.vcf.gz", &format!("{HEAD}{COLUMNS}\n"), 0);
    let header = packed("header.vcf.gz", "##fileformat=VCFv4.3\n##x=", b'A');
    let wide = file(folder.path(), "wide.vcf", wide(50, 3)).to_str().unwrap().to_owned();
    let samples = format!("{HEAD}{COLUMNS}\tFORMAT\tA\tB\tC\n1\t1\t.\tA\tC\t.\t.\t.\tGT\t0/1\t0/1\t0/1\n");
    let samples = file(folder.path(), "samples.vcf", samples).to_str().unwrap().to_owned();
    let load = |file: &str, set: &[&str]| {
        let mut arguments = vec!["load", file, "--profile", "open", "--name", "too-much", "--json"];
        set.iter().for_each(|set| arguments.extend(["--set", set]));
        arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    for (file, set, option) in [
        (&long, "source.vcf.limits.line=16MiB", "source.vcf.limits.line"),
        (&zeros, "source.vcf.limits.line=16MiB", "source.vcf.limits.line"),
        (&header, "source.vcf.limits.header=1MiB", "source.vcf.limits.header"),
        (&wide, "source.vcf.limits.fields=49", "source.vcf.limits.fields"),
        (&samples, "source.vcf.limits={samples: 2}", "source.vcf.limits.samples"),
    ] {
        let arguments = load(file, &[set]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let peak = refused(&warehouse.home, &arguments, option);
        assert!(peak < 400 << 10, "{set}: {peak} KiB");
    }
    // Without being asked as well: 256 MiB of one line, and not more than a small multiple of it in memory.
    let (usual, peak) = (load(&long, &[]), 800 << 10);
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    let most = refused(&warehouse.home, &usual, "source.vcf.limits.line");
    assert!(most < peak, "{most} KiB");
    // A few chosen fields of a header that has too many are fine, and so is all of it when it is allowed.
    for more in [
        ["--set", "source.vcf.limits.fields=2", "--info", "K7,K14"],
        ["--set", "source.vcf.limits={fields: 50}", "--calls", "all"],
    ] {
        let done = warehouse.run(load(&wide, &[]).iter().map(String::as_str).chain(more)).expect(0).json();
        assert_eq!(done["input_records"], 3, "{done}");
    }
    let done = warehouse.run(load(&wide, &["source.vcf.limits.line=2GiB"])).expect(2);
    assert!(done.json()["error"]["message"].as_str().unwrap().contains("limits.line"), "{done:#?}");
}

#[test]
fn a_record_names_no_more_calls_times_fields_than_are_allowed() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let mut text = HEAD.to_owned();
    (0..40).for_each(|i| writeln!(text, "##FORMAT=<ID=F{i},Number=1,Type=Integer,Description=\"f\">").unwrap());
    write!(text, "{COLUMNS}\tFORMAT").unwrap();
    (0..30).for_each(|i| write!(text, "\tS{i}").unwrap());
    let keys: Vec<String> = (0..40).map(|i| format!("F{i}")).collect();
    let record = |pos: u32, keys: &str| format!("\n1\t{pos}\t.\tA\tC\t.\t.\t.\t{keys}{}", "\t1".repeat(30));
    text += &[record(1, "F0"), record(2, &keys.join(":")), record(3, "F1:F2")].concat();
    let path = file(folder.path(), "values.vcf", text + "\n");
    let set = ["--set", "source.vcf.limits.values=1000", "--on-bad-record", "quarantine"];
    let run = ["load", path.to_str().unwrap(), "--profile", "open", "--calls", "all", "--name", "values", "--json"];
    let done = warehouse.run(run.iter().chain(&set)).expect(0).json();
    assert_eq!((done["quarantined"].as_u64(), done["variants"].as_u64(), done["calls"].as_u64()), (Some(1), Some(2), Some(60)));
    let why =
        warehouse.sql(&format!("SELECT line, reason FROM genogate.quarantine WHERE load_id = {}", quoted(&done["load_id"])));
    assert!(why.contains("limits.values"), "{why}");
}

/// A record is repeated for each of its ALTs: 60000 of them in 120 kB would become gigabytes.
#[test]
fn a_record_of_too_many_alts_for_its_length_is_bad() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let record = |pos: u32, alts: usize| format!("\n1\t{pos}\t.\tA\t{}\t.\t.\t.", vec!["C"; alts].join(","));
    let text = format!("{HEAD}{COLUMNS}{}{}{}\n", record(1, 3), record(2, 60_000), record(3, 1));
    let path = file(folder.path(), "alts.vcf", text);
    let run = ["load", path.to_str().unwrap(), "--profile", "open", "--name", "alts", "--on-bad-record", "quarantine", "--json"];
    let done = warehouse.run(run).expect(0).json();
    assert_eq!((done["quarantined"].as_u64(), done["variants"].as_u64()), (Some(1), Some(4)), "{done}");
}

fn quoted(text: &serde_json::Value) -> String {
    format!("'{}'", text.as_str().unwrap())
}

#[test]
fn a_wide_file_loads_with_every_value() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "wide.vcf", wide(3000, 600));
    let run = ["load", path.to_str().unwrap(), "--profile", "open", "--name", "wide-file", "--json"];
    let done = warehouse.run(run).expect(0).json();
    assert_eq!(done["variants"], 600, "{done}");
    let rows = format!(
        "SELECT count(*), count(DISTINCT key), sum(CASE jsonb_typeof(value) WHEN 'array' THEN value -> 0 ELSE value END::text::int) \
         FROM genogate.variants, jsonb_each(info) WHERE load_id = {}",
        quoted(&done["load_id"])
    );
    assert_eq!(warehouse.sql(&rows), format!("600|600|{}", (0..600).sum::<u32>()));
}

/// A file of two samples whose records from the second on are as given.
fn two_samples(records: &[&str], end: &str) -> String {
    let head = format!("{HEAD}##INFO=<ID=DP,Number=1,Type=Integer,Description=\"d\">\n");
    let formats =
        "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"d\">\n";
    let whole = "1\t1\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3\t1/1:4";
    format!("{head}{formats}{COLUMNS}\tFORMAT\tA\tB\n{whole}\n{}{end}", records.join("\n"))
}

#[test]
fn a_record_that_was_cut_is_bad_wherever_it_stands() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let whole = "1\t9\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3\t0/1:4";
    let cuts = [
        "1\t5\t.\tA\tC\t.\tPASS",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1\t",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1\tGT:D",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3",
        "1\t5\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3\t",
    ];
    for (nth, cut) in cuts.iter().enumerate() {
        let places =
            [("middle", two_samples(&[cut, whole], "\n")), ("end", two_samples(&[cut], "\n")), ("open", two_samples(&[cut], ""))];
        for (at, (place, text)) in places.into_iter().enumerate() {
            let path = file(folder.path(), "cut.vcf", text);
            let settings = [
                ("carriers", "lenient", "16MiB"),
                ("none", "lenient", "20"),
                ("all", "lenient", "20"),
                ("all", "strict", "16MiB"),
            ];
            {
                // Each cut meets three of them, each of them six cuts.
                let (calls, conformance, unit) = settings[(nth + at) % 4];
                let name = format!("cut-{nth}-{place}-{calls}-{conformance}");
                let run = [
                    "load",
                    path.to_str().unwrap(),
                    "--profile",
                    "open",
                    "--name",
                    &name,
                    "--calls",
                    calls,
                    "--conformance",
                    conformance,
                    "--unit",
                    unit,
                    "--json",
                ];
                let error = warehouse.run(run).expect(6).json()["error"].clone();
                assert!(error["message"].as_str().unwrap().contains("line 8"), "{name}: {error}");
                let done = warehouse.run(run.iter().chain(&["--on-bad-record", "quarantine"])).expect(0).json();
                let expected = if place == "middle" { 2 } else { 1 };
                assert_eq!((&done["quarantined"], &done["variants"]), (&1.into(), &expected.into()), "{name}: {done}");
                assert_eq!(open_ends(&done), u64::from(place == "open"), "{name}: {done}");
            }
        }
    }
}

/// How many last lines without a line ending were told.
fn open_ends(done: &serde_json::Value) -> u64 {
    let oddities = done["oddities"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told = oddities.iter().filter(|odd| odd["what"].as_str().unwrap().contains("no line ending"));
    told.map(|odd| odd["count"].as_u64().unwrap()).sum()
}

#[test]
fn a_last_line_without_its_end_is_told_in_every_container() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let record = "1\t9\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3\t0/1:4";
    for (end, told) in [("", 1), ("\n", 0)] {
        let text = two_samples(&[record], end);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let mut bgzf = bgzf_block(text.as_bytes());
        bgzf.extend(END_OF_FILE);
        for (name, bytes) in [("a.vcf", text.clone().into_bytes()), ("a.vcf.gz", gzip.finish().unwrap()), ("b.vcf.gz", bgzf)] {
            let path = file(folder.path(), name, &bytes);
            let load = format!("open-{told}-{name}");
            let run = ["load", path.to_str().unwrap(), "--profile", "open", "--name", &load, "--json"];
            let done = warehouse.run(run).expect(0).json();
            assert_eq!((open_ends(&done), done["variants"].as_u64()), (told, Some(2)), "{name}: {done}");
            let mut child = genogate(&warehouse.home)
                .args(["load", "-", "--profile", "open", "--name", &format!("piped-{load}"), "--json"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&bytes).unwrap();
            let done = Done::from(child.wait_with_output().unwrap()).expect(0).json();
            assert_eq!(open_ends(&done), told, "piped {name}: {done}");
        }
    }
    // A header that ends so has no records to tell it with.
    let path = file(folder.path(), "header.vcf", format!("{HEAD}{COLUMNS}"));
    let done = warehouse.run(["load", path.to_str().unwrap(), "--profile", "open", "--name", "open-header", "--json"]).expect(0);
    assert!(done.stderr.contains("no line ending"), "{done:#?}");
}

/// Units of a stream are dealt to both partitions; each must know which lines lie before its own.
#[test]
fn a_bad_line_of_a_stream_is_told_by_its_number_in_the_file() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let record = |pos: usize| {
        let surplus = if pos == 777 { ":4" } else { "" };
        format!("1\t{pos}\t.\tA\tC\t.\tPASS\tDP=1\tGT:DP\t0/1:3\t0/1:3{surplus}")
    };
    let records: Vec<String> = (1..=1000).map(record).collect();
    let text = two_samples(&records.iter().map(String::as_str).collect::<Vec<_>>(), "\n");
    let line = text.lines().position(|line| line.starts_with("1\t777\t")).unwrap() + 1;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let path = file(folder.path(), "dealt.vcf.gz", gzip.finish().unwrap());
    for (input, name) in [(path.to_str().unwrap(), "dealt-file"), ("-", "dealt-pipe")] {
        for action in ["fail", "quarantine"] {
            let done: Done = genogate(&warehouse.home)
                .args(["load", input, "--profile", "open", "--name", name, "--threads", "2", "--json"])
                .args(["--set", "source.vcf.unit=4KiB", "--on-bad-record", action])
                .stdin(std::fs::File::open(&path).unwrap())
                .output()
                .unwrap()
                .into();
            if action == "fail" {
                let message = done.expect(6).json()["error"]["message"].to_string();
                assert!(message.contains(&format!("line {line}: ")), "{message}");
                continue;
            }
            let done = done.expect(0).json();
            assert!(done["units"].as_u64().unwrap() > 5, "{done}");
            assert_eq!(
                (&done["quarantined"], &done["input_records"], &done["variants"]),
                (&1.into(), &1001.into(), &1000.into())
            );
            let kept =
                warehouse.sql(&format!("SELECT line FROM genogate.quarantine WHERE load_id = {}", quoted(&done["load_id"])));
            assert_eq!(kept, line.to_string());
        }
    }
}

/// The empty block every BGZF file ends in (SAMv1 section 4.1.2).
const END_OF_FILE: [u8; 28] =
    [0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// One block of BGZF.
fn bgzf_block(text: &[u8]) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(text).unwrap();
    let data = deflate.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(text);
    let size = u16::try_from(data.len() + 25).unwrap();
    let mut block = vec![0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0];
    block.extend(size.to_le_bytes());
    block.extend(data);
    block.extend(crc.sum().to_le_bytes());
    block.extend((text.len() as u32).to_le_bytes());
    block
}
