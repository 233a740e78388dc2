//! Faults: whatever dies or is cut while a load runs, nothing is visible before it is complete, the same command resumes it, and
//! what it stored is equal, row for row, to a load that nobody disturbed.
//!
//! Points in time are drawn from `GENOGATE_FAULT_SEED`, and `GENOGATE_FAULT_ROUNDS` says how often; `tests/soak.sh` changes both.

mod edited;
mod end;
mod input;
mod loader;
mod network;
mod relay;
mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::support::{Done, ROWS, Warehouse, end, genogate, signal};

fn load(warehouse: &Warehouse, file: &Path) -> Done {
    warehouse.run(["load", file.to_str().unwrap(), "--profile", "open", "--json"])
}

fn synth(warehouse: &Warehouse, folder: &Path, name: &str, records: &str, seed: &str) -> PathBuf {
    let file = folder.join(name);
    warehouse.run(["synth", "sites", "--records", records, "--seed", seed, "--output", file.to_str().unwrap()]).expect(0);
    file
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// How often a test with random points goes round.
fn rounds() -> u64 {
    variable("GENOGATE_FAULT_ROUNDS", 2)
}

/// Numbers by chance, the same for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn new(test: &str) -> Self {
        let seed = variable("GENOGATE_FAULT_SEED", 1);
        eprintln!("{test}: GENOGATE_FAULT_SEED={seed}");
        Self(test.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn pause(&mut self, longest: Duration) {
        std::thread::sleep(Duration::from_micros(self.below(longest.as_micros() as u64)));
    }
}

/// A session of psql as the cluster's administrator, open until it is dropped or the server dies.
pub struct Admin {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Admin {
    pub fn new(warehouse: &Warehouse) -> Self {
        let mut command = genogate(&warehouse.home);
        command.args(["db", "shell", "--", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { _child: child, input, output }
    }

    /// Runs statements and gives what they answer.
    pub fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql};\n\\echo =done").unwrap();
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "psql ended: {sql}");
            if line == "=done\n" {
                return answer.trim().to_owned();
            }
            answer.push_str(&line);
        }
    }

    /// Returns once the query answers `t`, while `child` runs.
    fn await_true(&mut self, child: &mut Child, query: &str) {
        while self.ask(query) != "t" {
            assert!(child.try_wait().unwrap().is_none(), "the load ended before: {query}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Units that a load in progress has committed.
const COMMITTED: &str =
    "SELECT count(*) > 0 FROM genogate_store.units u JOIN genogate_store.loads l USING (load_id) WHERE l.status = 'started'";

/// A warehouse of its own and a file of three people that makes many small units.
struct Scene {
    warehouse: Warehouse,
    folder: tempfile::TempDir,
    file: PathBuf,
    records: u64,
}

impl Scene {
    fn new(records: u64) -> Self {
        let (warehouse, folder) = (Warehouse::start(), tempfile::tempdir().unwrap());
        let file = folder.path().join("trio.vcf");
        let (number, path) = (records.to_string(), file.to_str().unwrap());
        warehouse.run(["synth", "trio", "--records", &number, "--seed", "4", "--output", path]).expect(0);
        Self { warehouse, folder, file, records }
    }

    /// The same file as one stream of gzip, whose units are dealt to both writers.
    fn zipped(records: u64) -> Self {
        let mut scene = Self::new(records);
        assert!(Command::new("gzip").arg(&scene.file).status().unwrap().success());
        scene.file.add_extension("gz");
        scene
    }

    /// How long a load of 6000 records takes here when nobody disturbs it: random points are spread over it.
    fn usual_time() -> Duration {
        static TIME: OnceLock<Duration> = OnceLock::new();
        *TIME.get_or_init(|| {
            let scene = Self::new(6000);
            let began = Instant::now();
            scene.run(&[]).expect(0);
            began.elapsed()
        })
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = genogate(&self.warehouse.home);
        command.args(["load", self.file.to_str().unwrap(), "--profile", "open", "--calls", "all", "--threads", "2", "--json"]);
        command.args(["--set", "sink.postgres.unit=64KiB"]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, more: &[&str]) -> Done {
        self.command(more).output().unwrap().into()
    }

    fn spawn(&self, more: &[&str]) -> Child {
        self.command(more).spawn().unwrap()
    }

    /// A pipeline that reaches the warehouse through another port.
    fn through(&self, port: u16) -> PathBuf {
        let home = &self.warehouse.home;
        let text = format!(
            "version: 1\nname: load\nprofile: open\nsource: {{ vcf: {{ paths: [\"{}\"], calls: all }} }}\nstages: [normalize: {{ split: true, left_align: false }}]\n\
             sink: {{ postgres: {{ database: there, unit: 64KiB }} }}\ndatabases:\n  there: {{ host: localhost, port: {port}, name: genogate, \
             user: genogate_app, password: {{ file: \"{}\" }}, tls: {{ ca: \"{}\" }} }}\n",
            self.file.display(),
            home.join("app.password").display(),
            home.join("tls/ca.crt").display(),
        );
        let file = self.folder.path().join("through.yaml");
        std::fs::write(&file, text).unwrap();
        file
    }

    fn spawn_pipeline(&self, file: &Path, more: &[&str]) -> Child {
        let mut command = genogate(&self.warehouse.home);
        command.args(["run", file.to_str().unwrap(), "--threads", "2", "--json"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Nothing of the load is visible (false), or all of it: it was killed behind its end.
    fn is_whole(&self) -> bool {
        let whole = self.warehouse.sql("SELECT count(*) FROM genogate.loads") == "1";
        if !whole {
            self.hidden();
        }
        whole
    }

    /// Nothing of an incomplete load is visible.
    fn hidden(&self) {
        let rows = "SELECT (SELECT count(*) FROM genogate.variants) + (SELECT count(*) FROM genogate.calls) + (SELECT count(*) FROM genogate.loads)";
        assert_eq!(self.warehouse.sql(rows), "0");
    }

    /// The load is complete, valid, and equal to one that nobody disturbs; the audit trail holds.
    fn prove(&self, done: Done) {
        self.prove_as("complete", done);
    }

    /// The same for what the last run reported.
    fn prove_as(&self, status: &str, done: Done) {
        let report = done.expect(0).json();
        assert_eq!(report["status"], status, "{report}");
        assert_eq!(report["input_records"].as_u64(), Some(self.records), "{report}");
        self.warehouse.run(["validate", report["load_id"].as_str().unwrap(), "--json"]).expect(0);
        let disturbed = self.warehouse.sql(ROWS);
        let clean = self.run(&["--force"]).expect(0).json();
        assert_eq!(clean["replaced"], serde_json::json!([report["load_id"]]), "{clean}");
        assert_eq!(self.warehouse.sql(ROWS), disturbed);
        assert_eq!(self.warehouse.run(["audit", "verify", "--json"]).expect(0).json()["verified"], true);
    }
}

/// Reads a child's standard error until a line holds `words`, and gives back what reads the rest, so that the pipe never fills.
fn await_words(child: &mut Child, words: &str) -> std::thread::JoinHandle<String> {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "never said: {words}");
        if line.contains(words) {
            break;
        }
    }
    std::thread::spawn(move || {
        let mut rest = String::new();
        let _ = lines.read_to_string(&mut rest);
        rest
    })
}
