//! Sessions of the application's that hold what every command needs and stand still: they are ended, and the trail says so.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::faults::Admin;
use super::support::{Warehouse, genogate, repository};

/// psql as the application, in a transaction, after `sql`, until it is dropped or ended.
struct Holder(Child);

impl Holder {
    fn new(warehouse: &Warehouse, admin: &mut Admin, sql: &str) -> Self {
        let mut command: Command = genogate(&warehouse.home);
        command.args(["db", "shell", "--app", "--", "-X", "-q", "-A", "-t"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "SET application_name = 'holder'; BEGIN; {sql};").unwrap();
        let held = "SELECT count(*) FROM pg_stat_activity a WHERE application_name = 'holder' AND (state = 'idle in transaction' OR wait_event = 'PgSleep')
                    AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype <> 'virtualxid')";
        while admin.ask(held) == "0" {}
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Locks whose holders were ended, from the trail.
fn ended(admin: &mut Admin) -> String {
    admin.ask("SELECT string_agg(detail, ' ' ORDER BY seq) FROM audit.events WHERE event = 'lock_holder_ended'")
}

fn holders(admin: &mut Admin) -> String {
    admin.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder'")
}

#[test]
fn who_holds_the_head_of_the_trail_is_ended() {
    let warehouse = Warehouse::start();
    let mut admin = Admin::new(&warehouse);
    let tiny = repository("tests/data/tiny.vcf");
    for (place, (command, hold)) in [
        (&["load", tiny.to_str().unwrap(), "--profile", "open"][..], "SELECT audit.lock_head(gen_random_uuid())"),
        (&["query", "SELECT 1"], "SELECT audit.lock_head(gen_random_uuid()), pg_sleep(100000)"),
        (&["audit", "verify"], "SELECT audit.lock_head(gen_random_uuid())"),
    ]
    .into_iter()
    .enumerate()
    {
        let _holder = Holder::new(&warehouse, &mut admin, hold);
        warehouse.run(command).expect(0);
        assert_eq!(ended(&mut admin).matches("audit.head").count(), place + 1, "{command:?}");
        assert_eq!(holders(&mut admin), "0");
    }
    warehouse.run(["audit", "verify"]).expect(0);
    assert_eq!(std::fs::read_dir(warehouse.home.join("spool")).map_or(0, Iterator::count), 0, "nothing had to wait in the spool");
}

#[test]
fn who_holds_the_vault_is_ended() {
    let warehouse = Warehouse::start();
    let mut admin = Admin::new(&warehouse);
    let folder = tempfile::tempdir().unwrap();
    let trio = folder.path().join("trio.vcf");
    warehouse.run(["synth", "trio", "--records", "50", "--seed", "1", "--output", trio.to_str().unwrap()]).expect(0);
    // As the application may: through the function that resolves names.
    let resolve =
        "SELECT phi_vault.resolve('{k}', ARRAY[decode(repeat('00', 32), 'hex')], '{P}', ARRAY[decode(repeat('00', 32), 'hex')])";
    let _holder = Holder::new(&warehouse, &mut admin, resolve);
    warehouse.run(["load", trio.to_str().unwrap(), "--profile", "hipaa", "--json"]).expect(0);
    assert!(ended(&mut admin).contains("phi_vault.samples"));
    assert_eq!(holders(&mut admin), "0");
}

#[test]
fn who_holds_a_table_and_stands_still_is_ended() {
    let warehouse = Warehouse::start();
    let mut admin = Admin::new(&warehouse);
    let tiny = repository("tests/data/tiny.vcf");
    // Keeps columns from being added and indexes from being built.
    let _holder = Holder::new(&warehouse, &mut admin, "LOCK TABLE genogate_store.variants IN ROW EXCLUSIVE MODE");
    warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--set", "sink.postgres.columns=[info.AF]"]).expect(0);
    assert!(ended(&mut admin).contains("genogate_store.variants"));
    assert_eq!(holders(&mut admin), "0");
}

#[test]
fn who_holds_an_advisory_lock_and_stands_still_is_ended() {
    let warehouse = Warehouse::start();
    let mut admin = Admin::new(&warehouse);
    // Where the administrator lets everybody: the managed cluster does not. The key is that of migrations.
    admin.ask("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO genogate_app");
    let key = i64::from_be_bytes(*b"genogate");
    let _holder = Holder::new(&warehouse, &mut admin, &format!("SELECT pg_advisory_lock({key})"));
    warehouse.run(["init-db"]).expect(0);
    assert!(ended(&mut admin).contains("advisory"));
    assert_eq!(holders(&mut admin), "0");
}

#[test]
fn who_has_not_held_for_long_or_is_an_administrator_is_not_ended() {
    let warehouse = Warehouse::start();
    let (mut admin, mut other) = (Admin::new(&warehouse), Admin::new(&warehouse));
    let waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' LIMIT 1";
    let query = || genogate(&warehouse.home).args(["query", "SELECT 1"]).stdout(Stdio::null()).spawn().unwrap();

    let holder = Holder::new(&warehouse, &mut admin, "SELECT audit.lock_head(gen_random_uuid())");
    let mut waiter = query();
    let mut pid = String::new();
    while pid.is_empty() {
        pid = admin.ask(waiting);
    }
    assert_eq!(admin.ask(&format!("SELECT o_state, o_ended FROM access.end_holders({pid})")), "waiting|0");
    drop(holder);
    assert!(waiter.wait().unwrap().success());

    // An administrator's session is not the application's to end: the events wait in the spool, and the query is answered.
    other.ask("BEGIN; SELECT audit.lock_head(gen_random_uuid())");
    assert!(query().wait().unwrap().success());
    assert_eq!(other.ask("SELECT 'there'"), "there");
    other.ask("COMMIT");
    assert_eq!(ended(&mut admin), "");
    assert_eq!(admin.ask("SELECT o_state FROM access.end_holders(0)"), "nothing");
}
