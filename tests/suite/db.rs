//! `genogate db` and `init-db` as a user meets them: exit codes, JSON, and what is left behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{Done, Warehouse, genogate};

fn run(home: &Path, arguments: &[&str]) -> Done {
    genogate(home).args(arguments).output().unwrap().into()
}

#[test]
fn a_managed_database_lives_from_start_to_reset() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    for (arguments, code) in [
        (&["db", "status"][..], 0),
        (&["db", "stop"], 0),
        (&["db", "url"], 7),
        (&["db", "shell"], 7),
        (&["init-db"], 7),
        (&["db", "reset"], 2),
    ] {
        let done = run(&home, arguments).expect(code);
        assert!(code == 0 || done.stderr.lines().count() <= 2, "one error and one hint: {done:?}");
    }
    let started = run(&home, &["db", "start", "--json"]).expect(0).json();
    assert_eq!((&started["created"], &started["status"]["running"]), (&true.into(), &true.into()));
    let again = run(&home, &["db", "start", "--json"]).expect(0).json();
    assert_eq!(again["already_running"], true);
    assert_eq!(again["url"], started["url"]);
    assert_eq!(run(&home, &["init-db", "--json"]).expect(0).json()["applied"], serde_json::json!([]));
    assert_eq!(run(&home, &["init-db", "--dry-run", "--json"]).expect(0).json()["pending"], serde_json::json!([]));

    let events = "SELECT string_agg(event, ',' ORDER BY seq) FROM audit.events";
    let shell = run(&home, &["db", "shell", "--", "-XAtc", events]).expect(0);
    assert!(shell.stdout.starts_with("database_cluster,migration_applied"), "{shell:?}");
    assert!(shell.stdout.trim().ends_with("database_shell"), "opening a shell is audited before it opens: {shell:?}");

    let data = started["status"]["data"].as_str().unwrap().to_owned();
    assert!(run(&home, &["db", "stop", "--json"]).expect(0).json()["stopped"] == true);
    assert!(Path::new(&data).is_dir());
    assert!(run(&home, &["db", "reset", "--yes", "--json"]).expect(0).json()["deleted"] == true);
    let mut left: Vec<String> =
        std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["keys", "lock", "spool"]);
    assert!(!Path::new(&data).exists());
}

/// The container setup gives the application its own password and no other. CI does not run it.
#[test]
fn the_containers_keep_the_administrator_apart() {
    let compose = std::fs::read_to_string(super::support::repository("docker/compose.yaml")).unwrap();
    let (others, application) = compose.split_once("\n  genogate:\n").unwrap();
    assert!(application.contains("PGUSER: genogate_app") && others.contains("PGUSER: postgres"));
    let application = application.split("\nvolumes:").next().unwrap();
    assert!(
        !application.contains("postgres") && !application.contains("admin") && !application.contains("server:"),
        "{application}"
    );
    let rules = std::fs::read_to_string(super::support::repository("docker/pg_hba.conf")).unwrap();
    assert!(rules.lines().all(|rule| rule.starts_with("local ") || rule.starts_with("hostssl ")), "{rules}");
}

/// A home whose database an earlier build made: it had other migrations, and more of them.
#[test]
fn a_home_of_an_earlier_build_is_told_so_and_what_to_do() {
    let warehouse = Warehouse::start();
    warehouse.sql(
        "UPDATE genogate_meta.migrations SET name = 'store' WHERE version = 2;
         INSERT INTO genogate_meta.migrations VALUES (15, 'sample_tags', 'x', 'x');
         ALTER FUNCTION genogate_store.begin_load RENAME TO join_load",
    );
    let told = |done: Done| {
        let error = done.expect(2).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("made by an earlier build of genogate"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("`genogate db reset`"), "{error}");
    };
    told(warehouse.run(["init-db", "--json"]));
    let file = warehouse.home.with_file_name("few.vcf");
    warehouse.run(["synth", "sites", "--records", "5", "--seed", "1", "--output", file.to_str().unwrap()]).expect(0);
    let load = warehouse.run(["load", file.to_str().unwrap(), "--profile", "open", "--json"]).expect(1).json();
    assert!(load["error"]["hint"].as_str().unwrap().contains("`genogate init-db`"), "{load}");
    warehouse.run(["db", "stop"]).expect(0);
    told(warehouse.run(["db", "start", "--json"]));
    warehouse.run(["db", "reset", "--yes"]).expect(0);
    warehouse.run(["db", "start"]).expect(0);
    warehouse.run(["load", file.to_str().unwrap(), "--profile", "open"]).expect(0);
}

#[test]
fn what_is_in_the_data_home_is_private() {
    let home = &Warehouse::shared().home;
    for secret in ["app.password", "app.pgpass", "keys/vault.ring", "keys/clinical.ring", "tls/ca.key", "lock"] {
        let mode = std::fs::metadata(home.join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret}: {mode:o}");
    }
    for folder in ["keys", "postgres/data", "postgres/log", "postgres/socket"] {
        let mode = std::fs::metadata(home.join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}: {mode:o}");
    }
    let key = std::fs::metadata(home.join("postgres/conf/server.key")).unwrap().permissions().mode();
    assert_eq!(key & 0o037, 0, "{key:o}");
}

#[test]
fn the_url_connects_without_holding_the_password() {
    let warehouse = Warehouse::shared();
    let url = warehouse.run(["db", "url"]).expect(0).stdout;
    let password = std::fs::read_to_string(warehouse.home.join("app.password")).unwrap();
    assert!(!url.contains(password.trim()));
    assert!(url.contains("sslmode=verify-full"));
    let psql = std::process::Command::new("psql")
        .args([url.trim(), "-XAtc", "SELECT current_user, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"])
        .output();
    // psql may be installed where only genogate looks.
    if let Ok(output) = psql {
        assert_eq!(Done::from(output).expect(0).stdout.trim(), "genogate_app|t");
    }
}

#[test]
fn refusals_have_their_exit_codes() {
    let own = Warehouse::start();
    let port = own.run(["db", "status", "--json"]).expect(0).json()["port"].as_u64().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = folder.path().join("clinic.yaml");
    let write = |password: &Path, ca: &Path, port: u64| {
        let text = format!(
            "version: 1\nname: t\nprofile: open\nsource: {{ vcf: {{ paths: [x.vcf] }} }}\nsink: {{ postgres: {{ database: clinic }} }}\ndatabases:\n  \
             clinic: {{ host: localhost, port: {port}, name: genogate, user: genogate_app, password: {{ file: {} }}, tls: {{ ca: {} }} }}\n",
            password.display(),
            ca.display()
        );
        std::fs::write(&pipeline, text).unwrap();
    };
    let init = || own.run(["init-db", "--dry-run", "--pipeline", pipeline.to_str().unwrap()]);
    let (good_password, good_ca) = (own.home.join("app.password"), own.home.join("tls/ca.crt"));

    // The application may log in but not read the history of migrations.
    write(&good_password, &good_ca, port);
    let done = init().expect(5);
    assert!(done.stderr.contains("42501"), "{done:?}");

    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "not-the-password").unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    write(&wrong, &good_ca, port);
    let done = init().expect(5);
    assert!(done.stderr.contains("28P01") && !done.stderr.contains("not-the-password"), "{done:?}");

    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(init().expect(5).stderr.contains("chmod 600"));

    let other = Warehouse::shared();
    write(&good_password, &other.home.join("tls/ca.crt"), port);
    let done = init().expect(7);
    assert!(done.stderr.contains("databases.clinic.tls.ca"), "{done:?}");

    own.run(["db", "stop"]).expect(0);
    write(&good_password, &good_ca, port);
    assert!(init().expect(7).stderr.contains("nothing listens there"));
}

#[test]
fn missing_server_programs_are_one_line_and_one_hint() {
    let folder = tempfile::tempdir().unwrap();
    let done =
        genogate(&folder.path().join("home")).env("GENOGATE_PG_BIN", folder.path()).args(["db", "start"]).output().unwrap();
    let done = Done::from(done).expect(7);
    assert!(done.stderr.contains("GENOGATE_PG_BIN"), "{done:?}");
}

#[test]
fn the_applications_shell_has_the_applications_rights() {
    let warehouse = Warehouse::shared();
    assert_eq!(warehouse.app_sql("SELECT current_user").expect(0).stdout.trim(), "genogate_app");
    for statement in [
        "SELECT * FROM audit.events",
        "SELECT * FROM phi_vault.samples",
        "SELECT * FROM pg_authid",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_try_advisory_xact_lock_shared(1)",
        "SELECT lo_creat(0)",
    ] {
        let done = warehouse.app_sql(statement).expect(1);
        assert!(done.stderr.contains("permission denied"), "{done:?}");
    }
}
