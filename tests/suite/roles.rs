//! Who may be the application, and under which settings it works: tried with roles and settings of every kind.

use std::path::{Path, PathBuf};

use super::support::{Done, Warehouse, repository};

/// Lets the application's role come in under other names too, as in a clinic's own server.
fn open_to_all(warehouse: &Warehouse) {
    let hba = warehouse.home.join("postgres/conf/pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("{rules}hostssl all all 127.0.0.1/32 scram-sha-256\n")).unwrap();
    let loaded = warehouse.sql("SELECT pg_conf_load_time()");
    warehouse.sql("SELECT pg_reload_conf()");
    while warehouse.sql("SELECT pg_conf_load_time()") == loaded {}
}

/// A pipeline whose database `clinic` is entered as `role`.
fn pipeline(warehouse: &Warehouse, folder: &Path, role: &str) -> PathBuf {
    let port = warehouse.run(["db", "status", "--json"]).expect(0).json()["port"].as_u64().unwrap();
    let file = folder.join(format!("{role}.yaml"));
    let text = format!(
        "version: 1\nname: roles\nprofile: open\nsource: {{ vcf: {{ paths: [{}] }} }}\nsink: {{ postgres: {{ database: clinic }} }}\n\
         databases:\n  clinic: {{ host: localhost, port: {port}, name: genogate, user: {role}, password: {{ file: {} }}, tls: {{ ca: {} }} }}\n",
        repository("tests/data/tiny.vcf").display(),
        warehouse.home.join("app.password").display(),
        warehouse.home.join("tls/ca.crt").display(),
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_role_with_power_is_no_application() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let load = warehouse.run(["load", repository("tests/data/tiny.vcf").to_str().unwrap(), "--profile", "open", "--json"]);
    let load = load.expect(0).json()["load_id"].as_str().unwrap().to_owned();
    open_to_all(&warehouse);
    let password = std::fs::read_to_string(warehouse.home.join("app.password")).unwrap();
    for (role, made, says) in [
        ("over", "SUPERUSER", "is a superuser"),
        ("past", "BYPASSRLS", "bypasses row security"),
        ("maker", "CREATEROLE", "makes roles"),
        ("copier", "REPLICATION", "copies the whole server"),
        ("owning", "IN ROLE genogate_owner", "genogate_owner owns the tables"),
        ("reading", "IN ROLE pg_read_all_data", "pg_read_all_data is given power"),
        ("writing", "IN ROLE pg_write_all_data", "pg_write_all_data is given power"),
        ("running", "IN ROLE pg_execute_server_program", "pg_execute_server_program is given power"),
        ("watching", "IN ROLE pg_monitor", "pg_monitor is given power"),
        ("through", "NOINHERIT IN ROLE maker", "maker makes roles"),
    ] {
        warehouse.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{}' {made}; GRANT genogate_app TO {role}; GRANT CONNECT ON DATABASE genogate TO {role}", password.trim()));
        let file = pipeline(&warehouse, folder.path(), role);
        let file = file.to_str().unwrap();
        let clinic = ["--pipeline", file, "--database", "clinic"];
        let with = |arguments: &[&str]| -> Done { warehouse.run(arguments[..1].iter().chain(&clinic).chain(&arguments[1..])) };
        for done in [
            warehouse.run(["run", file]),
            with(&["query", "SELECT 1"]),
            with(&["loads", "list"]),
            with(&["validate", &load]),
            with(&["audit", "verify"]),
        ] {
            let done = done.expect(5);
            assert!(done.stderr.contains(says) && done.stderr.contains("genogate_app"), "{role}: {done:#?}");
        }
    }
    assert_eq!(warehouse.sql("SELECT count(*) FROM genogate_store.loads"), "1", "nothing was begun");
    // The owner itself, if somebody lets it log in.
    warehouse.sql(&format!("ALTER ROLE genogate_owner LOGIN PASSWORD '{}'", password.trim()));
    let file = pipeline(&warehouse, folder.path(), "genogate_owner");
    assert!(warehouse.run(["run", file.to_str().unwrap()]).expect(5).stderr.contains("owns the tables"));
    warehouse.sql("ALTER ROLE genogate_owner NOLOGIN; ALTER ROLE genogate_app BYPASSRLS");
    warehouse.run(["query", "SELECT 1"]).expect(5);
    warehouse.sql("ALTER ROLE genogate_app NOBYPASSRLS");
    warehouse.run(["query", "SELECT 1"]).expect(0);
    // Roles that read and change nothing of anybody's are no power.
    warehouse.sql("GRANT pg_checkpoint TO genogate_app");
    warehouse.run(["query", "SELECT 1"]).expect(0);
}

/// Each would break every command, or the promise of a COMMIT, if it were in force.
const HOSTILE: [&str; 13] = [
    "statement_timeout = '1ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "idle_session_timeout = '1ms'",
    "exit_on_error = on",
    "local_preload_libraries = 'nothing'",
    "synchronous_commit = off",
    "search_path = pg_temp",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "DateStyle = 'SQL, DMY'",
    "extra_float_digits = -15",
    "standard_conforming_strings = off",
];

#[test]
fn settings_that_the_application_stores_for_itself_are_not_in_force() {
    let warehouse = Warehouse::start();
    let tiny = repository("tests/data/tiny.vcf");
    let store = |(place, hostile): (usize, &&str)| {
        let within = if place % 2 == 0 { "" } else { "IN DATABASE genogate " };
        format!("ALTER ROLE genogate_app {within}SET {hostile}")
    };
    let all: Vec<String> = HOSTILE.iter().enumerate().map(store).collect();
    warehouse.app_sql(&all.join("; ")).expect(0);
    let load = warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--json"]).expect(0).json();
    warehouse.run(["validate", load["load_id"].as_str().unwrap()]).expect(0);
    warehouse.run(["audit", "verify"]).expect(0);
    let shown =
        "SELECT current_setting('synchronous_commit') AS a, current_setting('statement_timeout') AS b, date '2026-02-03' AS c";
    let shown = warehouse.run(["query", shown, "--json"]).expect(0).json();
    assert_eq!(shown["rows"][0], serde_json::json!({"a": "on", "b": "0", "c": "2026-02-03"}));

    let doctor = warehouse.run(["doctor", "--json"]).expect(1);
    let checks = doctor.json()["checks"].as_array().unwrap().clone();
    let check = checks.iter().find(|check| check["name"] == "role settings").unwrap();
    assert!(check["ok"] == false && check["what"].as_str().unwrap().contains("statement_timeout of genogate_app"), "{check}");
    assert!(!check["what"].as_str().unwrap().contains("1ms"), "names only");

    warehouse.sql("ALTER DATABASE genogate SET work_mem = '8MB'");
    let looked = warehouse.run(["init-db", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(looked["settings"].as_array().unwrap().len(), HOSTILE.len() + 1, "{looked}");
    let done = warehouse.run(["init-db", "--json"]).expect(0).json();
    assert_eq!(done["reset"].as_array().unwrap().len(), HOSTILE.len(), "{done}");
    assert_eq!(done["settings"][0]["setting"], "work_mem", "what the database's owner set is told and stays: {done}");
    let left = "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname LIKE 'genogate%'";
    assert_eq!(warehouse.sql(left), "0");
    assert!(warehouse.run(["doctor", "--json"]).stdout.contains("work_mem of the database genogate"));
    let told = warehouse.run(["audit", "query", "--event", "settings_reset", "--json"]).expect(0).stdout;
    assert!(told.contains("statement_timeout of genogate_app"), "{told}");
}

#[test]
fn checks_that_are_switched_off_for_the_role_are_told() {
    let warehouse = Warehouse::start();
    warehouse.sql("ALTER ROLE genogate_app SET session_replication_role = 'replica'");
    let done = warehouse.run(["query", "SELECT 1"]).expect(5);
    assert!(done.stderr.contains("session_replication_role"), "{done:?}");
    warehouse.run(["init-db"]).expect(0);
    warehouse.run(["query", "SELECT 1"]).expect(0);
}
