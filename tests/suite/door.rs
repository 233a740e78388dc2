//! The command line as people meet it: passwords where none belong, names of inputs, hints that work, files that stay.

use std::path::Path;
use std::process::{Command, Stdio};

use super::machine::{Lack, skip};
use super::support::{Done, Warehouse, binary, genogate, repository};

const SECRET: &str = "s3cr3t-hunter2";

#[test]
fn a_password_in_a_url_is_refused_and_shown_nowhere() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgresql://u:{SECRET}@h/db");
    let pipeline = |name: &str, rest: &str| {
        let path = folder.path().join(name);
        let text = format!("version: 1\nname: t\nprofile: open\nsource: {{ vcf: {{ paths: [a.vcf] }} }}\n{rest}");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let database = |host: &str| {
        format!(
            "sink: {{ postgres: {{ database: d }} }}\ndatabases: {{ d: {{ host: \"{host}\", name: n, user: u, password: {{ env: P }}, tls: {{ ca: c }} }} }}\n"
        )
    };
    let hosts = pipeline("host.yaml", &database(&url));
    let bare = pipeline("bare.yaml", &database(&format!("u:{SECRET}@h")));
    let named = pipeline("name.yaml", &format!("sink: {{ postgres: {{ database: \"{url}\" }} }}\n"));
    let word = pipeline("word.yaml", &format!("sink: {{ postgres: {{ indexes: \"{url}\" }} }}\n"));
    let (flag, bare_login) = (format!("--database={url}"), format!("u:{SECRET}@h/db"));
    let cases: Vec<Vec<&str>> = vec![
        vec!["load", "a.vcf", "--database", &url],
        vec!["load", "a.vcf", "--database", &url, "--print-pipeline"],
        vec!["load", "a.vcf", &flag],
        vec!["load", "a.vcf", "--database", &bare_login],
        vec!["query", "select 1", "--database", &url],
        vec!["loads", "list", &url],
        vec!["loads", "--database", &url, "list"],
        vec![&url],
        vec!["db", &url],
        vec!["doctor", "--databse", &url],
        vec!["check", &hosts],
        vec!["check", &bare],
        vec!["check", &named],
        vec!["check", &word],
        vec!["plan", &hosts],
        vec!["run", &hosts],
        vec!["query", "select 1", "--pipeline", &hosts],
        vec!["load", "a.vcf", "--set", &flag],
    ];
    let clean = |done: &Done, what: &[&str]| {
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(done.code, 2, "{what:?}: {said}");
        assert!(said.contains("password") && !said.contains(SECRET), "{what:?}: {said}");
    };
    for case in &cases {
        for more in [&[][..], &["--json"], &["--log-json", "-vv"]] {
            clean(&warehouse.run(case.iter().chain(more)), case);
        }
    }
    for name in ["PGHOST", "PGDATABASE", "PGUSER", "PGSERVICE"] {
        for flags in [&["--json"][..], &["--log-json", "-v"]] {
            let mut command = genogate(&warehouse.home);
            command.envs([("PGHOST", "h"), ("PGUSER", "u"), ("PGPASSWORD", "p"), ("PGSSLROOTCERT", "c")]).env(name, &url);
            clean(&command.args(["loads", "list"]).args(flags).output().unwrap().into(), &[name]);
        }
    }
    // What is no name is not shown either, whatever it is.
    let done = warehouse.run(["loads", "--database", "postgresql://h/db", "list"]).expect(2);
    assert!(done.stderr.contains("not a name") && !done.stderr.contains("//"), "{}", done.stderr);
}

/// What a command shows on a terminal of its own, and in a log.
fn on_a_terminal(warehouse: &Warehouse, arguments: &str) -> Option<String> {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} {arguments}", binary()), "/dev/null"]);
    command.env("GENOGATE_HOME", &warehouse.home).env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(Done::from(output).stdout),
        Err(_) => {
            skip(Lack::Script);
            None
        }
    }
}

#[test]
fn an_input_is_called_by_its_path_on_a_terminal_and_by_its_number_in_logs() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("doe-jane.vcf").to_str().unwrap().to_owned();
    let load = |more: &[&str]| warehouse.run(["load", &missing, "--profile", "open"].iter().chain(more));
    for more in [&[][..], &["--log-json"], &["--json"]] {
        let done = load(more).expect(6);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("input 1: ") && !said.contains("doe-jane"), "{said}");
    }
    let Some(shown) = on_a_terminal(warehouse, &format!("load {missing} --profile open")) else { return };
    assert!(shown.contains("doe-jane.vcf") && !shown.contains("input 1"), "{shown}");
    assert!(shown.contains("\u{1b}[1;31merror:\u{1b}[0m"), "{shown:?}");
}

#[test]
fn mistakes_in_a_filter_end_with_2_and_name_what_was_meant() {
    let warehouse = Warehouse::shared();
    let tiny = repository("tests/data/tiny.vcf");
    for (filter, said) in [
        ("AF > 0.1", "did you mean info.AF?"),
        ("gt = '0/1'", "did you mean calls.GT?"),
        ("qual > 'high'", "a text that is no number"),
        ("qual > ref", "ref is text where a number is needed"),
        ("qual", "must be true or false"),
        ("qual + true > 1", "cannot be evaluated"),
    ] {
        let done = warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--filter", filter]).expect(2);
        assert!(done.stderr.contains(said), "{filter}: {}", done.stderr);
    }
    let right = "qual > '10' OR TRY_CAST(ref AS DOUBLE) > 1 OR info.AF > 0";
    warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--name", "mended", "--filter", right]).expect(0);
}

#[test]
fn a_statements_own_mistake_is_told_in_the_servers_words() {
    let warehouse = Warehouse::shared();
    let tiny = repository("tests/data/tiny.vcf");
    warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--name", "asked"]).expect(0);
    for (sql, code, said) in [
        ("SELECT pso FROM variants", 2, vec!["line 1, column 8: column \"pso\" does not exist", "did you mean pos?"]),
        ("SELECT\n AF FROM variants", 2, vec!["line 2, column 2: column \"af\" does not exist", "info->>'AF'"]),
        ("SELECT * FROM variant", 2, vec!["relation \"variant\" does not exist", "genogate.variants"]),
        ("SELEC 1", 2, vec!["column 1: syntax error at or near \"SELEC\""]),
        ("SELECT nope(pos) FROM variants", 2, vec!["function nope(bigint) does not exist"]),
        ("SELECT (filters)::bigint FROM variants", 2, vec!["cannot cast type text[] to bigint"]),
        ("SELECT info > 3 FROM variants", 2, vec!["operator does not exist: jsonb > integer"]),
        ("SELECT 1; SELECT 2", 2, vec!["one statement", "one after the other"]),
        (
            "SELECT chrom::int FROM variants UNION SELECT ref::int FROM variants",
            1,
            vec!["22P02 invalid_text_representation", "CASE WHEN"],
        ),
        ("SELECT pos / (pos - pos) FROM variants", 1, vec!["22012 division_by_zero", "nullif"]),
        ("SELECT 'Zimmerwaldt'::int", 2, vec!["22P02", "column 8"]),
        // What a cell says is quoted by nobody, whatever the class of the error.
        ("SELECT ('Zimmer' || lower(ref))::regclass FROM variants", 2, vec!["42P01"]),
    ] {
        let done = warehouse.run(["query", sql]).expect(code);
        assert!(said.iter().all(|said| done.stderr.contains(said)), "{sql}: {}", done.stderr);
        assert!(!done.stderr.contains("Zimmer"), "{sql}: {}", done.stderr);
    }
    let done = warehouse.run(["query", "SELECT", "a.vcf", "b.vcf", "FROM", "variants"]).expect(2);
    assert!(done.stderr.contains("in 5 pieces") && done.stderr.contains("quote it"), "{}", done.stderr);
    let rows = warehouse.run([
        "query",
        "SELECT DISTINCT assembly = (SELECT assembly FROM loads l WHERE l.load_id = v.load_id) AS same FROM variants v",
        "--json",
    ]);
    assert_eq!(rows.expect(0).json()["rows"], serde_json::json!([{"same": true}]));
}

#[test]
fn a_file_that_is_there_is_kept_unless_forced() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    std::fs::write(&path, "mine").unwrap();
    let ask = |more: &[&str]| warehouse.run(["query", "SELECT 7 AS n", "-f", "csv"].iter().chain(more));
    let to = path.to_str().unwrap();
    let refused = ask(&["-o", to]).expect(2);
    assert!(refused.stderr.contains("exists already") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    ask(&["-o", to, "--force"]).expect(0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "n\r\n7\r\n");
    assert_eq!(ask(&["-o", "-"]).expect(0).stdout, "n\r\n7\r\n");
    assert!(!Path::new("-").exists());
    let blocks = warehouse.run(["query", "SELECT 7 AS n, 'x' AS text", "--vertical"]).expect(0);
    assert_eq!(blocks.stdout, "-- 1 --\nn     7\ntext  x\n");
}

#[test]
fn the_list_of_loads_has_a_header_and_says_what_was_dropped() {
    let warehouse = Warehouse::start();
    let tiny = repository("tests/data/tiny.vcf");
    let load = warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--json"]).expect(0).json();
    let id = load["load_id"].as_str().unwrap();
    let list = warehouse.run(["loads", "list"]).expect(0).stdout;
    let mut lines = list.lines();
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert!(header.starts_with(&["load", "state"]) && header.contains(&"name"), "{list}");
    assert!(lines.next().unwrap().starts_with(&format!("{id}  complete")), "{list}");
    warehouse.run(["loads", "drop", id]).expect(0);
    let again = warehouse.run(["loads", "drop", id]).expect(2);
    assert!(again.stderr.contains("was dropped already") && !again.stderr.contains("there is no load"), "{}", again.stderr);
    assert!(warehouse.run(["loads", "list"]).expect(0).stdout.contains("dropped"));
}

#[test]
fn a_database_is_named_before_or_after_the_subcommand_or_by_the_pipelines_sink() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &["loads", "list", "--database", "local"][..],
        &["loads", "--database", "local", "list"],
        &["audit", "tail", "--database", "local"],
        &["data", "retention", "--database", "local"],
        &["doctor", "--database", "local"],
    ] {
        warehouse.run(words).expect(0);
    }
    let pipeline = |name: &str, sink: &str| {
        let path = folder.path().join(name);
        let text = format!("version: 1\nname: t\nsource: {{ vcf: {{ paths: [a.vcf] }} }}\nsink: {sink}\n");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let other = pipeline("other.yaml", "{ postgres: { database: elsewhere } }");
    let done = warehouse.run(["query", "SELECT 1", "--pipeline", &other]).expect(2);
    assert!(done.stderr.contains("elsewhere"), "the sink's: {}", done.stderr);
    warehouse.run(["query", "SELECT 1", "--pipeline", &other, "--database", "local"]).expect(0);
    let local = pipeline("local.yaml", "{ postgres: { database: local } }");
    warehouse.run(["query", "SELECT 1", "--pipeline", &local]).expect(0);
    let lake = pipeline("lake.yaml", "{ parquet: { path: lake } }");
    assert!(warehouse.run(["loads", "list", "--pipeline", &lake]).expect(2).stderr.contains("Parquet"));
}

/// The limits of a process that works, and how it ends by a signal that would write its memory to a file.
#[test]
fn a_crash_writes_no_memory_to_a_file() {
    use std::os::unix::process::ExitStatusExt;
    let warehouse = Warehouse::shared();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -c unlimited 2>/dev/null; exec \"$0\" load - --profile open", binary()]);
    let mut child = command.env("GENOGATE_HOME", &warehouse.home).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let proc = format!("/proc/{}", child.id());
    let limit = || {
        let limits = std::fs::read_to_string(format!("{proc}/limits")).unwrap();
        limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().split_whitespace().nth(4).unwrap().to_owned()
    };
    // Before it is the shell, whose limit is no matter.
    let is_shell = || !std::fs::read_to_string(format!("{proc}/comm")).unwrap().starts_with("genogate");
    while is_shell() || limit() != "0" {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none(), "it ended without the limit");
    }
    super::support::signal(&child, "-ABRT");
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

#[test]
fn stopping_a_database_in_use_is_refused_and_says_by_whom() {
    let warehouse = Warehouse::start();
    let mut psql = genogate(&warehouse.home);
    psql.args(["db", "shell", "--", "-qAt", "-c", "SELECT 'here'", "-c", "SELECT pg_sleep(600)"]).stdout(Stdio::piped());
    let mut psql = psql.spawn().unwrap();
    let mut first = [0; 4];
    std::io::Read::read_exact(psql.stdout.as_mut().unwrap(), &mut first).unwrap();
    let refused = warehouse.run(["db", "stop"]).expect(1);
    assert!(refused.stderr.contains("active") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(warehouse.run(["db", "status", "--json"]).expect(0).json()["running"], true);
    warehouse.run(["db", "stop", "--force"]).expect(0);
    assert!(!psql.wait().unwrap().success());
    warehouse.run(["db", "start"]).expect(0);
    // Sessions of commands that have ended keep nobody waiting.
    warehouse.run(["loads", "list"]).expect(0);
    warehouse.run(["db", "stop"]).expect(0);
}
