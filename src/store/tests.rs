//! The schema as the migrations make it in a real server, against what is written down of it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::db::Connection;
use crate::db::local::testing;

fn file(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

async fn words(client: &Connection, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Whoever changes a migration sees here what that changes. Written anew by `UPDATE_SCHEMA=1 cargo test --lib store::tests`.
#[tokio::test]
async fn the_snapshot_is_what_the_migrations_make() {
    let databases = testing::database().await;
    let client = databases.administrator("local").await.unwrap();
    client.batch_execute("SET search_path = pg_catalog").await.unwrap();
    let query = std::fs::read_to_string(file("tests/schema.sql")).unwrap();
    let made = words(&client, &query).await.join("\n") + "\n";
    let snapshot = file("tests/schema.txt");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&snapshot, &made).unwrap();
    }
    let written = std::fs::read_to_string(&snapshot).unwrap();
    let (made, written): (BTreeSet<_>, BTreeSet<_>) = (made.lines().collect(), written.lines().collect());
    let (new, gone): (Vec<_>, Vec<_>) = (made.difference(&written).collect(), written.difference(&made).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "tests/schema.txt is not what the migrations make.\nmade: {new:#?}\nwritten: {gone:#?}"
    );
}

/// One signature a function, and no function that the application may call without being asked for a permission first.
#[tokio::test]
async fn every_function_asks_and_none_is_overloaded() {
    let databases = testing::database().await;
    let client = databases.administrator("local").await.unwrap();
    let overloaded = "SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc
                      WHERE proowner = 'genogate_owner'::regrole GROUP BY 1 HAVING count(*) > 1";
    assert_eq!(words(&client, overloaded).await, [""; 0]);
    let silent = r"SELECT p.oid::regprocedure::text FROM pg_proc p
                   WHERE p.proowner = 'genogate_owner'::regrole AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
                     AND p.prosrc !~ '^\s*(DECLARE.*?|#variable_conflict use_column\s+DECLARE.*?)?(BEGIN\s+PERFORM|SELECT) access[.]require\(''[a-z]+:[a-z]+''\);'";
    assert_eq!(words(&client, silent).await, [""; 0]);
    let unpinned = "SELECT p.oid::regprocedure::text FROM pg_proc p
                    WHERE p.proowner = 'genogate_owner'::regrole AND (p.prosecdef OR p.pronamespace::regnamespace::text <> 'genogate')
                      AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ~ '^search_path=pg_catalog, (genogate_store, )?pg_temp$')";
    assert_eq!(words(&client, unpinned).await, [""; 0]);
    let open = "SELECT oid::regprocedure::text FROM pg_proc
                WHERE proowner = 'genogate_owner'::regrole AND has_function_privilege('public', oid, 'EXECUTE')";
    assert_eq!(words(&client, open).await, [""; 0]);
    // A function made later is born closed too.
    client
        .batch_execute("SET ROLE genogate_owner; CREATE FUNCTION genogate.later() RETURNS int LANGUAGE sql RETURN 1; RESET ROLE")
        .await
        .unwrap();
    assert_eq!(words(&client, open).await, [""; 0]);
}

/// What a stranger to this code looks for under a function's name is there.
#[tokio::test]
async fn every_function_of_the_store_has_a_caller_of_its_name() {
    let databases = testing::database().await;
    let client = databases.administrator("local").await.unwrap();
    let sql = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'genogate_store'::regnamespace
               AND has_function_privilege('genogate_app', oid, 'EXECUTE') ORDER BY 1";
    let mut sources = String::new();
    for entry in std::fs::read_dir(file("src/store")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            sources.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    for name in words(&client, sql).await {
        // Joined to the list it belongs to.
        let caller = if name == "load_states" { "list_loads" } else { &name };
        assert!(sources.contains(&format!("fn {caller}(")), "{name} has no caller of its name in src/store");
    }
    let page = std::fs::read_to_string(file("docs/schema.md")).unwrap();
    let tables = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND NOT relispartition
                  AND relnamespace::regnamespace::text IN ('genogate', 'genogate_store', 'phi_vault') ORDER BY 1";
    for table in words(&client, tables).await {
        assert!(page.contains(&table), "docs/schema.md does not name {table}");
    }
}
