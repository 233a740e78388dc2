//! The warehouse against a real server.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::audit::Recorder;
use crate::error::{Class, Error, Result};
use crate::sink::testing::Rig;

async fn loaded() -> (Rig, Uuid) {
    let rig = Rig::with_database(2, 2).await;
    let sink = crate::sink::postgres::Config { database: Some("local".into()), ..Default::default() };
    let run = rig.open(&*sink.build(std::path::Path::new(".")).unwrap(), false).await.unwrap();
    let report = run.all(&rig).await.unwrap();
    let id = report["load_id"].as_str().unwrap().parse().unwrap();
    (rig, id)
}

async fn ask(rig: &Rig, sql: &str, limit: usize) -> Result<query::Table> {
    let client = rig.databases.connect("local").await?;
    query::query(client, &Rig::grant(), &Recorder::discard(), sql, limit).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_load_validates_and_a_damaged_one_does_not() {
    let (rig, id) = loaded().await;
    let client = rig.databases.connect("local").await.unwrap();
    let sound = validate::validate(&client, &Rig::grant(), id).await.unwrap();
    assert!(sound.valid && sound.require().is_ok(), "{sound:?}");
    let admin = rig.databases.administrator("local").await.unwrap();
    for (damage, broken) in [
        ("DELETE FROM genogate_store.calls WHERE sample_index = 1", "calls stored"),
        ("DELETE FROM genogate_store.variants WHERE pos = 100", "variants stored"),
        (
            "UPDATE genogate_store.variants SET variant_id = (SELECT max(variant_id) FROM genogate_store.variants)",
            "variant ids used twice",
        ),
        ("UPDATE genogate_store.units SET digest = decode(repeat('00', 32), 'hex')", "digests that differ"),
        (
            "UPDATE genogate_store.units SET records = records + 1, filtered = filtered + 1 WHERE unit = 0",
            "records in the ledger",
        ),
    ] {
        admin.batch_execute(&format!("BEGIN; {damage}; COMMIT")).await.unwrap();
        let found = validate::validate(&client, &Rig::grant(), id).await.unwrap();
        let names: Vec<&str> = found.checks.iter().filter(|check| !check.holds()).map(|check| check.name).collect();
        assert!(names.contains(&broken) && !found.valid, "{damage}: {names:?}");
        assert_eq!(found.require().unwrap_err().class(), Class::Integrity);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_are_listed_shown_and_dropped() {
    let (rig, id) = loaded().await;
    let (client, grant, recorder) = (rig.databases.connect("local").await.unwrap(), Rig::grant(), Recorder::discard());
    let list = loads::list(&client, &grant).await.unwrap();
    assert_eq!((list.len(), list[0].load_id, list[0].variants, list[0].resumable), (1, id, Some(6), false));
    let dropped = loads::drop(&client, &grant, &recorder, id).await.unwrap();
    assert_eq!((dropped.variants, dropped.calls), (6, 12));
    assert_eq!(loads::show(&client, &grant, id).await.unwrap().status, "dropped");
    assert_eq!(loads::drop(&client, &grant, &recorder, id).await.unwrap_err().class(), Class::Usage);
    assert_eq!(loads::show(&client, &grant, Uuid::nil()).await.unwrap_err().class(), Class::Usage);
    assert_eq!(validate::validate(&client, &grant, id).await.unwrap_err().class(), Class::Usage);
    assert_eq!(ask(&rig, "SELECT count(*) FROM variants", 1).await.unwrap().rows, [[json!(0)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_load_says_why_and_that_it_can_be_resumed() {
    let rig = Rig::with_database(2, 0).await;
    let sink = crate::sink::postgres::Config { database: Some("local".into()), ..Default::default() };
    let run = rig.open(&*sink.build(std::path::Path::new(".")).unwrap(), false).await.unwrap();
    let client = rig.databases.connect("local").await.unwrap();
    let running = loads::drop(&client, &Rig::grant(), &Recorder::discard(), run.context.run_id).await.unwrap_err();
    assert_eq!(running.class(), Class::Failed);
    run.sink.abandon(&Error::database("gone: /home/jane/x.vcf").with_sqlstate("57P01")).await;
    let load = loads::show(&client, &Rig::grant(), run.context.run_id).await.unwrap();
    let reason = load.reason.as_deref();
    assert_eq!((load.status.as_str(), reason, load.resumable), ("failed", Some("database, SQLSTATE 57P01"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_returns_structured_rows() {
    let (rig, _) = loaded().await;
    let sql = "SELECT v.pos, v.filters, v.info->'AF' AS af, v.qual, c.gt FROM variants v JOIN calls c USING (contig, variant_id)
               WHERE c.sample_id = 'sample-0' ORDER BY v.variant_id";
    let table = ask(&rig, sql, 2).await.unwrap();
    assert_eq!(table.columns, ["pos", "filters", "af", "qual", "gt"]);
    assert!(table.truncated);
    assert_eq!(
        table.rows,
        [
            vec![json!(100), json!(["PASS"]), json!([0.0, null, "NaN"]), json!(0.1), json!("0|1")],
            vec![json!(101), json!(null), json!([0.25, null, "NaN"]), json!(null), json!(null)],
        ]
    );
    assert!(!ask(&rig, sql, 6).await.unwrap().truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_only_reads() {
    let (rig, id) = loaded().await;
    let drop = format!("SELECT * FROM genogate_store.drop_load('{id}', '')");
    for (sql, class) in [
        (drop.as_str(), Class::Usage),
        ("SELECT 1; COMMIT; SELECT 2", Class::Usage),
        ("COMMIT", Class::Usage),
        ("SET TRANSACTION READ WRITE", Class::Usage),
        ("DELETE FROM variants RETURNING pos", Class::Denied),
        ("SELECT nothing FROM variants", Class::Usage),
        ("SELEC 1", Class::Usage),
        ("SELECT * FROM genogate_store.variants", Class::Denied),
    ] {
        let error = ask(&rig, sql, 10).await.unwrap_err();
        assert_eq!(error.class(), class, "{sql}: {error}");
    }
    assert_eq!(ask(&rig, "SELECT count(*) FROM variants", 1).await.unwrap().rows, [[json!(6)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_quotes_no_cell() {
    let (rig, _) = loaded().await;
    let error = ask(&rig, "SELECT (info->>'NOTE')::int FROM variants", 10).await.unwrap_err();
    let said = format!("{error} {error:?} {:?}", error.hint());
    assert!(!said.contains("quoted") && said.contains("22P02"), "{said}");
}
