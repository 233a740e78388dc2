//! The trail and the controls from the outside: a whole trail, a forged one, and one that was written while the database was away.

use super::support::{Done, Warehouse, genogate};

#[test]
fn a_trail_is_shown_verified_and_a_forged_one_ends_with_4() {
    let warehouse = Warehouse::start();
    let verdict = warehouse.run(["audit", "verify", "--json"]).expect(0).json();
    assert!(verdict["verified"].as_bool().unwrap() && verdict["events"].as_u64().unwrap() > 0, "{verdict}");
    let last = warehouse.run(["audit", "tail", "-n", "1", "--json"]).expect(0).json();
    assert_eq!(last["events"][0]["event"], "audit_verified", "verifying is on record: {last}");
    assert_eq!(warehouse.run(["audit", "tail", "-n", "2"]).expect(0).stdout.lines().count(), 2);
    let checked = warehouse.run(["compliance", "check", "--json"]).expect(0).json();
    assert!(checked["held"].as_bool().unwrap(), "{checked}");

    warehouse.sql("SET session_replication_role = replica; UPDATE audit.events SET actor = 'nobody' WHERE seq = 1");
    let verdict = warehouse.run(["audit", "verify", "--json"]).expect(4).json();
    assert_eq!((&verdict["verified"], &verdict["first_bad"]), (&false.into(), &1.into()));
    assert!(warehouse.run(["audit", "verify"]).expect(4).stderr.contains("event 1"));
    let checked = warehouse.run(["compliance", "check", "--json"]).expect(4).json();
    assert!(!checked["held"].as_bool().unwrap());
}

#[test]
fn what_happens_while_the_database_is_away_is_brought_in_later() {
    let warehouse = Warehouse::start();
    let file = warehouse.home.join("sites.vcf");
    let file = file.to_str().unwrap();
    warehouse.run(["synth", "sites", "--records", "10", "--seed", "1", "--output", file]).expect(0);
    warehouse.run(["db", "stop"]).expect(0);
    warehouse.run(["load", file, "--database", "local"]).expect(7);
    warehouse.run(["audit", "import"]).expect(7);
    let spools = std::fs::read_dir(warehouse.home.join("spool")).unwrap().count();
    assert!(spools > 0);

    warehouse.run(["db", "start"]).expect(0);
    // Whichever command comes first brings them in; a second import finds nothing.
    warehouse.run(["audit", "import"]).expect(0);
    assert_eq!(std::fs::read_dir(warehouse.home.join("spool")).unwrap().count(), 0);
    assert_eq!(warehouse.run(["audit", "import", "--json"]).expect(0).json()["events"], 0);
    let intents = warehouse.run(["audit", "query", "--event", "load_intent", "--json"]).expect(0).json();
    assert_eq!(intents["events"].as_array().unwrap().len(), 1);
    let failures = warehouse.run(["audit", "query", "--event", "load_failed", "--since", "1d", "--json"]).expect(0).json();
    assert_eq!(failures["events"][0]["detail"]["class"], "database");
    let imports = warehouse.run(["audit", "query", "--event", "spool_imported", "--json"]).expect(0).json();
    assert!(!imports["events"].as_array().unwrap().is_empty());
    assert!(warehouse.run(["audit", "verify", "--json"]).expect(0).json()["verified"].as_bool().unwrap());
}

/// Without a trail no input is looked at: a file that is not there is not missed.
#[test]
fn without_a_durable_intent_no_input_is_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("missing.vcf").display().to_string();
    let load = || -> Done {
        let target = home.path().join("lake").display().to_string();
        let arguments = ["load", &missing, "--profile", "open", "--parquet", &target, "--json"];
        genogate(home.path()).args(arguments).output().unwrap().into()
    };
    let spool = home.path().join("spool");
    std::fs::write(&spool, "in the way").unwrap();
    let denied = load().expect(5).json();
    assert!(denied["error"]["message"].as_str().unwrap().contains("no input was looked at"), "{denied}");

    std::fs::remove_file(&spool).unwrap();
    load().expect(6);
    let file = std::fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
    let lines: Vec<serde_json::Value> =
        std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["load_intent", "load_failed"]);
}
