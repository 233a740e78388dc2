//! As batch systems run it: a log without a terminal, the threads they grant, the Slurm script and the Nextflow module of the
//! documents.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::cohorts::cohort;
use super::machine::{Lack, skip};
use super::support::{Done, Warehouse, genogate, repository};

/// As on a compute node: no terminal, no input, a log for machines.
#[test]
fn a_log_without_a_terminal_is_json_lines_and_nothing_is_asked() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf").display().to_string();
    warehouse.run(["synth", "trio", "--records", "300", "--seed", "77", "--phi", "--output", &file]).expect(0);
    let redact = "stages.detect.actions={critical: redact, high: redact, medium: redact, low: redact}";
    let arguments = ["load", &file, "--json", "--log-json", "-vv", "--set", redact];
    // A session of its own: there is no terminal to ask on, even for a program that opens /dev/tty.
    let done: Done = Command::new("setsid")
        .arg("-w")
        .arg(super::support::binary())
        .args(arguments)
        .env("GENOGATE_HOME", &warehouse.home)
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into();
    let done = done.expect(0);
    done.json();
    assert!(!done.stderr.contains('\u{1b}'), "{}", done.stderr);
    let logged: Vec<Value> =
        done.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert!(logged.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()), "{logged:#?}");
    let said = |words: &str| logged.iter().any(|line| line["fields"]["message"].as_str().unwrap_or_default().contains(words));
    assert!(said("possible identifier") && said("Safe Harbor"), "{logged:#?}");
}

/// One object an event: a failure with its class, what to do, its load and its file; a command line that is wrong is told so too.
#[test]
fn a_failure_is_one_event_of_the_json_log() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("DOE_JANE.vcf");
    let header = "##fileformat=VCFv4.3\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    std::fs::write(&file, format!("{header}1\tx\t.\tA\tC\t.\t.\t.\n")).unwrap();
    let file = file.to_str().unwrap();
    let failures = |done: &Done| -> Vec<Value> {
        let lines = done.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        lines.filter(|event| event["level"] == "ERROR").map(|event| event["fields"].clone()).collect()
    };
    let done = warehouse.run(["load", file, "--profile", "open", "--log-json"]).expect(6);
    let told = failures(&done);
    assert_eq!((told.len(), &told[0]["class"], &told[0]["input"]), (1, &json!("input"), &json!(1)), "{done:#?}");
    assert!(told[0]["hint"].as_str().unwrap().contains("on_bad_record") && told[0]["load_id"].is_string(), "{told:?}");
    assert!(told[0]["message"].as_str().unwrap().starts_with("input 1: line 4: POS"), "{told:?}");
    assert!(!done.stderr.contains("DOE_JANE"));
    for arguments in [&["load", file, "--sharrd", "1/2"][..], &["loads", "finish"], &["nothing"]] {
        let done = warehouse.run([arguments, &["--log-json", "--json"]].concat()).expect(2);
        let told = failures(&done);
        assert_eq!(
            (told.len(), &told[0]["class"], &done.json()["error"]["class"]),
            (1, &json!("usage"), &json!("usage")),
            "{done:#?}"
        );
        assert!(!told[0]["hint"].as_str().unwrap().is_empty(), "{told:?}");
        // As people read it, where nobody asked for more.
        assert!(warehouse.run(arguments).expect(2).stderr.starts_with("error: "));
    }
}

/// Partitions of a plan: as many as threads, when the file has enough units.
fn partitions(mut command: Command, file: &Path) -> u64 {
    let done: Done = command
        .args(["--json", "plan"])
        .arg(repository("pipelines/research.yaml"))
        .args(["--set", &format!("source.vcf.paths={}", json!([file])), "--set", "source.vcf.unit=16KiB"])
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into();
    done.expect(0).json()["partitions"].as_u64().unwrap()
}

#[test]
fn threads_are_what_slurm_affinity_and_the_cgroup_allow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcf");
    let home = folder.path().join("home");
    let done: Done = genogate(&home)
        .args(["synth", "sites", "--records", "2000", "--output", file.to_str().unwrap()])
        .output()
        .unwrap()
        .into();
    done.expect(0);
    let all = std::thread::available_parallelism().unwrap().get() as u64;
    let mut slurm = genogate(&home);
    slurm.env("SLURM_CPUS_PER_TASK", "1");
    assert_eq!((partitions(genogate(&home), &file), partitions(slurm, &file)), (all, 1));
    let mut greedy = genogate(&home);
    greedy.env("SLURM_CPUS_PER_TASK", "4096");
    assert_eq!(partitions(greedy, &file), all);
    let mut bound = Command::new("taskset");
    bound.args(["-c", "0", super::support::binary()]).env("GENOGATE_HOME", &home).env_remove("SLURM_CPUS_PER_TASK");
    assert_eq!(partitions(bound, &file), 1);
    let Some(cgroup) = Cgroup::with_one_cpu() else { return skip(Lack::Cgroup) };
    let mut limited = Command::new("sh");
    limited.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(cgroup.folder.join("cgroup.procs")).arg(super::support::binary());
    assert_eq!(partitions(limited, &file), 1);
}

/// A cgroup of version 2 or 1 with a quota of one processor; gone when dropped.
struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    fn with_one_cpu() -> Option<Self> {
        let name = format!("genogate-test-{}", std::process::id());
        let versions = [
            ("/sys/fs/cgroup", vec![("cpu.max", "100000 100000")]),
            ("/sys/fs/cgroup/cpu", vec![("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "100000")]),
        ];
        versions.into_iter().find_map(|(root, limits)| {
            std::fs::create_dir(Path::new(root).join(&name)).ok()?;
            let made = Self { folder: Path::new(root).join(&name) };
            limits
                .iter()
                .all(|(file, value)| made.folder.join(file).exists() && std::fs::write(made.folder.join(file), value).is_ok())
                .then_some(made)
        })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// The Slurm script as it is, with the variables of an array job set by hand.
#[test]
fn the_slurm_array_script_loads_a_cohort() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let list = cohort(&warehouse, folder.path());
    let script = repository("docs/hpc/load.sbatch");
    let text = std::fs::read_to_string(&script).unwrap();
    let page = std::fs::read_to_string(repository("docs/hpc.md")).unwrap();
    assert!(page.contains(&format!("```bash\n{text}```")), "docs/hpc.md does not show docs/hpc/load.sbatch as it is");
    std::os::unix::fs::symlink(super::support::binary(), folder.path().join("genogate")).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let task = |number: u32, more: &[(&str, &str)]| -> Done {
        let mut command = genogate(&warehouse.home);
        let home = command.get_envs().find(|(name, _)| *name == "GENOGATE_HOME").and_then(|(_, home)| home).unwrap().to_owned();
        command = Command::new("bash");
        command.arg(&script).arg(&list).args(["cohort-7", "--profile", "open", "--json", "--set", "source.vcf.unit=64KiB"]);
        command.env("GENOGATE_HOME", home).env("PATH", &path).env("SLURM_ARRAY_TASK_ID", number.to_string());
        command.env("SLURM_ARRAY_TASK_COUNT", "3").env("SLURM_CPUS_PER_TASK", "1").envs(more.iter().copied());
        command.stdin(Stdio::null()).output().unwrap().into()
    };
    for (number, status) in [(2, "unfinished"), (3, "unfinished")] {
        let done = task(number, &[]).expect(0);
        assert_eq!(done.json()["status"], status);
        assert!(done.stderr.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{done:#?}");
    }
    warehouse.run(["loads", "finish", "--name", "cohort-7"]).expect(1);
    // The task that failed, run again by itself: its array has one task.
    let last = task(1, &[("SLURM_ARRAY_TASK_COUNT", "1"), ("SHARDS", "3")]).expect(0).json();
    assert_eq!((&last["status"], &last["input_records"]), (&json!("complete"), &json!(6000)));
    warehouse.run(["loads", "finish", "--name", "cohort-7"]).expect(0);
}

/// The shell text of a Nextflow process's section, with Groovy's interpolation done for these values.
fn section(module: &str, name: &str, values: &[(&str, &str)]) -> String {
    let after = module.split(&format!("    {name}:\n")).nth(1).unwrap();
    let block = after.split("\"\"\"\n").nth(1).unwrap_or_else(|| after.split("\"\"\"").nth(1).unwrap());
    let block = block.split("\"\"\"").next().unwrap();
    let mut text = block.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
    for (variable, value) in values {
        text = text.replace(&format!("${{{variable}}}"), value);
    }
    assert!(!text.replace("\\$", "").contains('$'), "something is not interpolated:\n{text}");
    text.replace("\\$", "$").replace("\\\\", "\\")
}

/// A Nextflow process of ours: its script is run as Nextflow runs it, and what its `meta.yml` must name.
struct Module {
    name: &'static str,
    text: String,
}

impl Module {
    fn read(name: &'static str, words: &[&str]) -> Self {
        let file = |file: &str| {
            std::fs::read_to_string(repository(&format!("docs/nextflow/modules/local/genogate/{name}/{file}"))).unwrap()
        };
        let (text, meta, test) = (file("main.nf"), file("meta.yml"), file("tests/main.nf.test"));
        for word in words.iter().chain(&["versions.yml", &format!("genogate_{name}")]) {
            assert!(meta.contains(word), "meta.yml of {name} does not name {word}");
        }
        assert!(test.contains(&format!("process \"GENOGATE_{}\"", name.to_uppercase())));
        assert!(text.contains(&format!("container \"genogate:{}\"", env!("CARGO_PKG_VERSION"))));
        assert!(!text.contains("conda \""), "no channel has genogate");
        Self { name, text }
    }

    /// Runs a section in `folder` and gives back the report.
    fn run(&self, section_name: &str, folder: &Path, path: &str, report: &str, values: &[(&str, &str)]) -> Value {
        let process = format!("NFCORE:GENOGATE_{}", self.name.to_uppercase());
        let values = [values, &[("task.process", process.as_str())]].concat();
        // Nextflow runs a task with these options of bash.
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &section(&self.text, section_name, &values)]).current_dir(folder);
        // Only what the module itself sets may say where the home is.
        let done: Done = bash.env("PATH", path).env_remove("GENOGATE_HOME").output().unwrap().into();
        done.expect(0);
        let versions = std::fs::read_to_string(folder.join("versions.yml")).unwrap();
        assert_eq!(versions.trim(), format!("\"{process}\":\n    genogate: {}", env!("CARGO_PKG_VERSION")));
        serde_json::from_str(&std::fs::read_to_string(folder.join(report)).unwrap()).unwrap()
    }
}

#[test]
fn the_nextflow_modules_load_and_finish_a_cohort() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inputs")).unwrap();
    cohort(&warehouse, &folder.path().join("inputs"));
    let load = Module::read("load", &["vcfs:", "indexes:", "manifest:", "shard:", "home:", "*.load.json"]);
    let finish = Module::read("finish", &["reports:", "home:", "*.finish.json"]);
    std::os::unix::fs::symlink(super::support::binary(), folder.path().join("genogate")).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let home = warehouse.home.to_str().unwrap();
    let shared = [("prefix", "cohort-7"), ("home", home), ("args", "")];
    let mut reports = Vec::new();
    for name in ["stub", "script"] {
        for (shard, part) in [("1/2", "1_of_2"), ("2/2", "2_of_2")] {
            let inputs = if name == "stub" { "inputs/a.vcf" } else { "inputs/cohort.tsv" };
            let values = [
                ("inputs", inputs),
                ("prefix", "cohort-7"),
                ("home", home),
                ("shard", shard),
                ("part", part),
                ("args", "--profile open --set source.vcf.unit=64KiB"),
                ("task.cpus", "1"),
            ];
            reports.push(load.run(name, folder.path(), &path, &format!("cohort-7.{part}.load.json"), &values));
        }
        let whole = finish.run(name, folder.path(), &path, "cohort-7.finish.json", &shared);
        assert_eq!(whole["status"], "complete", "{whole}");
    }
    assert!(reports[0].get("load_id").is_none() && reports[0]["shard"] == "1/2", "the stub loads nothing");
    assert_eq!(reports[3]["status"], "complete");
    assert_eq!(reports[3]["input_records"], 6000);
}
