//! The programs of docs/clients.md, as the page writes them: against the managed database and a Parquet folder.

use std::path::Path;
use std::process::Command;

use super::machine::{Lack, skip};
use super::support::{Done, Warehouse, repository};

/// The blocks of a language below a heading.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(repository("docs/clients.md")).unwrap();
    let part = page.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let fence = format!("\n```{language}\n");
    part.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The Python that has the clients: of `GENOGATE_TEST_PYTHON`, else the usual one.
fn python() -> String {
    std::env::var("GENOGATE_TEST_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn says(program: &str, arguments: &[&str], folder: &Path, url: &str) -> String {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    let done = Done::from(command.args(arguments).current_dir(folder).env("URL", url).output().unwrap());
    assert_eq!(done.code, 0, "{program} {arguments:?}: {}{}", done.stdout, done.stderr);
    done.stdout.trim().to_owned()
}

#[test]
fn every_client_that_is_installed_counts_the_rows() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.vcf.gz").to_str().unwrap().to_owned();
    warehouse.run(["synth", "cohort", "--records", "200", "--seed", "4", "-o", &file]).expect(0);
    let loaded = warehouse.run(["load", &file, "--profile", "open", "--json"]).expect(0).json();
    let rows = loaded["variants"].to_string();
    let lake = folder.path().join("lake").to_str().unwrap().to_owned();
    let done = warehouse.run(["load", &file, "--profile", "open", "--parquet", &lake]).expect(0);
    assert!(!done.stderr.contains("wait in the spool"), "{}", done.stderr);
    let url = warehouse.run(["db", "url"]).expect(0).stdout.trim().to_owned();
    if has("psql", &["--version"]) {
        let count = says("psql", &[&url, "-XAtc", "SELECT count(*) FROM genogate.variants"], folder.path(), "");
        assert_eq!(count, rows);
    }
    let python = python();
    let of_servers = blocks("Python", "python").into_iter().zip(["psycopg", "adbc_driver_postgresql"]);
    let of_folders = blocks("A Parquet folder", "python").into_iter().zip(["pyarrow", "pandas", "duckdb", "polars"]);
    let all: Vec<_> = of_servers.chain(of_folders).collect();
    assert_eq!(all.len(), 6);
    for (program, module) in all {
        if !has(&python, &["-c", &format!("import {module}")]) {
            skip(Lack::Client);
            continue;
        }
        assert_eq!(says(&python, &["-c", &program], folder.path(), &url), rows, "{module}");
    }
    match has("Rscript", &["-e", "library(RPostgres)"]) {
        true => assert!(says("Rscript", &["-e", &blocks("R", "r")[0]], folder.path(), &url).contains(&rows)),
        false => skip(Lack::Client),
    }
}
