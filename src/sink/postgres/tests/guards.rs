//! What the database itself refuses the application.

use futures::SinkExt;

use super::*;

/// SQLSTATE of a refused statement.
async fn refused(client: &Connection, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => "done".into(),
        Err(error) => error.code().map(|code| code.code().to_owned()).unwrap_or_default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_enter_only_inside_a_unit() {
    let rig = Rig::with_database(1, 1).await;
    let session = app(&rig).await;
    let insert = "INSERT INTO genogate_store.variants (load_id, variant_id, chrom, contig, pos)
                  VALUES ('00000000-0000-0000-0000-000000000001', 1, 'chr1', '1', 1)";
    assert_eq!(refused(&session, insert).await, "GG500");
    let copy: Result<tokio_postgres::CopyInSink<bytes::Bytes>, _> = session.copy_in("COPY genogate_store.calls FROM STDIN").await;
    let mut copy = std::pin::pin!(copy.unwrap());
    let _ = copy.send(bytes::Bytes::from_static(b"00000000-0000-0000-0000-000000000001\t1\t1\t0\t1\t0|1\t{}\n")).await;
    assert_eq!(copy.finish().await.unwrap_err().code().unwrap().code(), "GG500");
    // The driver does not use a connection again on which a COPY was refused.
    let app = app(&rig).await;
    // Leaves cannot be reached at all, and their guards hold for their owner too.
    assert_eq!(refused(&app, &insert.replace("variants", "variants_1")).await, "42501");
    let admin = admin(&rig).await;
    assert_eq!(refused(&admin, &insert.replace("variants", "variants_1")).await, "GG500");
    assert_eq!(refused(&admin, &insert.replace("variants", "variants_other")).await, "GG500");
    // A setting is no announcement, and neither is another transaction's.
    assert_eq!(refused(&app, &format!("SET genogate.unit = '0'; {insert}")).await, "GG500");
    let run = rig.open(&*sink(), false).await.unwrap();
    lend(&rig).await;
    let begin = format!("SELECT genogate_store.begin_unit('{}', 0, {SECRET})", run.context.run_id);
    assert_eq!(refused(&app, &format!("BEGIN; {begin}; ROLLBACK; {insert}")).await, "GG500");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_cannot_touch_what_is_stored() {
    let rig = Rig::with_database(1, 1).await;
    rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    let app = app(&rig).await;
    for table in [
        "loads",
        "inputs",
        "samples",
        "units",
        "quarantine",
        "open_units",
        "holders",
        "claims",
        "disposals",
        "variants",
        "calls",
        "variants_1",
        "calls_1",
    ] {
        for statement in [
            format!("SELECT FROM genogate_store.{table}"),
            format!("UPDATE genogate_store.{table} SET load_id = NULL"),
            format!("DELETE FROM genogate_store.{table}"),
            format!("TRUNCATE genogate_store.{table}"),
            format!("DROP TABLE genogate_store.{table}"),
            format!("ALTER TABLE genogate_store.{table} DISABLE TRIGGER ALL"),
        ] {
            assert_eq!(refused(&app, &statement).await, "42501", "{statement}");
        }
    }
    for statement in [
        "INSERT INTO genogate_store.loads (load_id) VALUES (NULL)",
        "DELETE FROM genogate.variants",
        "SELECT key FROM genogate_store.secret",
        "SELECT genogate_store.keyed('\\x00')",
        "UPDATE genogate_store.secret SET key = key",
        "UPDATE genogate.loads SET name = 'x'",
        "SELECT genogate_store.purge_rows('00000000-0000-0000-0000-000000000001')",
        "SELECT nextval('genogate_store.load_number')",
        "CREATE TABLE genogate_store.mine (n int)",
        "CREATE TABLE genogate.mine (n int)",
        "CREATE OR REPLACE FUNCTION genogate_store.guard_insert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "SET ROLE genogate_owner",
    ] {
        assert_eq!(refused(&app, statement).await, "42501", "{statement}");
    }
    assert_eq!(count(&app, "genogate.variants").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bulk_table_is_guarded_and_every_view_a_barrier() {
    let rig = Rig::with_database(1, 1).await;
    let admin = admin(&rig).await;
    let unguarded = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'genogate_store'
                     WHERE c.relkind IN ('r', 'p') AND c.relname ~ '^(variants|calls)'
                       AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'guard_insert'
                                       AND t.tgenabled <> 'D')";
    assert_eq!(count(&admin, unguarded).await, 0);
    let open = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname LIKE 'genogate%'
                WHERE c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner <> 'genogate_owner'::regrole AND n.nspname <> 'genogate_meta'";
    assert_eq!(count(&admin, open).await, 0);
    let barriers = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'genogate'
                    WHERE c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') @> ARRAY['security_barrier=true']";
    assert_eq!(count(&admin, barriers).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_found_through_the_view_by_its_index() {
    let rig = Rig::with_database(1, 1).await;
    rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    let app = app(&rig).await;
    app.batch_execute("SET enable_seqscan = off").await.unwrap();
    let sql = "EXPLAIN SELECT info FROM genogate.variants WHERE contig = '1' AND pos BETWEEN 100 AND 101";
    let plan: Vec<String> = app.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Cond: ((contig = '1'::text) AND (pos >= 100) AND (pos <= 101))"), "{plan}");
    assert!(!plan.contains("variants_2"), "{plan}");
}
