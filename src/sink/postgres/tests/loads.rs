//! Exactly once, all or nothing, resumed, skipped, replaced.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::error::{Class, Error};
use crate::flow::genotype;
use crate::sink::postgres::Config;
use crate::sink::testing::{Site, shown, sites};
use crate::store::BadRecord;

fn id(report: &serde_json::Map<String, Value>) -> Uuid {
    report["load_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_visible_only_when_it_is_finished() {
    let rig = Rig::with_database(2, 2).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let app = app(&rig).await;
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 2).await.unwrap();
    run.unit(&mut writer, 1, &sites(3), 2).await.unwrap();
    writer.end().await.unwrap();
    assert_eq!(count(&admin(&rig).await, "genogate_store.variants").await, 6);
    for view in ["variants", "calls", "samples", "loads"] {
        assert_eq!(count(&app, &format!("genogate.{view}")).await, 0, "{view}");
    }
    let report = shown(&run.sink.finish().await.unwrap());
    assert_eq!(report["load_id"], json!(run.context.run_id));
    for (key, expected) in [
        ("status", json!("complete")),
        ("input_records", json!(6)),
        ("variants", json!(6)),
        ("calls", json!(12)),
        ("quarantined", json!(0)),
        ("filtered", json!(0)),
        ("out_of_region", json!(0)),
        ("units", json!(2)),
        ("units_resumed", json!(0)),
    ] {
        assert_eq!(report[key], expected, "{key}");
    }
    for (view, rows) in [("variants", 6), ("calls", 12), ("samples", 2), ("loads", 1)] {
        assert_eq!(count(&app, &format!("genogate.{view}")).await, rows, "{view}");
    }
    assert_eq!(run.context.counters.variants.load(std::sync::atomic::Ordering::Relaxed), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_in_comes_out() {
    let rig = Rig::with_database(1, 2).await;
    rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    let app = app(&rig).await;
    let rows = app
        .query("SELECT chrom, contig, pos, end_pos, ids, ref, alt, alt_index, qual, filters, info FROM genogate.variants ORDER BY pos", &[])
        .await
        .unwrap();
    for (row, line) in rows.iter().zip(0i32..) {
        assert_eq!((row.get(0), row.get(1)), ("chr1", "1"));
        assert_eq!((row.get::<_, i64>(2), row.get::<_, i64>(3)), (100 + i64::from(line), 100 + i64::from(line)));
        assert_eq!(row.get::<_, Vec<String>>(4), [format!("rs{line}")]);
        assert_eq!((row.get(5), row.get::<_, Option<&str>>(6), row.get(7)), ("A", (line != 2).then_some("T"), 1i32));
        assert_eq!(row.get::<_, Option<f64>>(8), (line != 1).then_some(f64::from(line) + 0.1));
        assert_eq!(row.get::<_, Option<Vec<String>>>(9), (line % 2 == 0).then(|| vec!["PASS".to_owned()]));
        let info: Value = row.get(10);
        assert_eq!(info["AF"][0].as_f64(), Some(f64::from(line) / 4.0));
        assert_eq!((&info["AF"][1], &info["AF"][2]), (&Value::Null, &json!("NaN")));
        assert_eq!(info.get("DP"), (line != 1).then(|| json!(i32::MIN)).as_ref());
        assert_eq!(info.get("DB"), (line % 2 == 0).then(|| json!(true)).as_ref());
        assert_eq!(info["NOTE"], json!(format!("\"quoted\" \\ é\t{line}")));
        assert_eq!(info["SEALED"], json!({"enc": "AQID"}));
    }
    let nan: f64 = app.query_one("SELECT (info->'AF'->>2)::float8 FROM genogate.variants LIMIT 1", &[]).await.unwrap().get(0);
    assert!(nan.is_nan());
    let calls = app
        .query(
            "SELECT v.pos, c.sample_id, c.input, c.gt, c.format, c.alleles, c.phased, c.phases FROM genogate.calls c
             JOIN genogate.variants v USING (contig, variant_id) ORDER BY v.pos, c.sample_index",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(calls.len(), 6);
    for (n, row) in calls.iter().enumerate() {
        let (line, sample) = (n / 2, n % 2);
        assert_eq!(
            (row.get::<_, i64>(0), row.get(1), row.get(2)),
            (100 + line as i64, format!("sample-{sample}").as_str(), 1i32)
        );
        assert_eq!(row.get::<_, Option<&str>>(3), (line + sample != 1).then_some("0|1"));
        assert_eq!(row.get::<_, Value>(4), json!({"AD": [line, null]}));
        let called = line + sample != 1;
        assert_eq!(row.get::<_, Option<Vec<i32>>>(5), called.then(|| vec![0, 1]));
        assert_eq!((row.get(6), row.get(7)), (called.then_some(true), called.then(|| vec![true, true])));
    }
}

/// Named columns are typed and beside `info`, which holds them too; loads with and without them go together.
#[tokio::test(flavor = "multi_thread")]
async fn columns_of_their_own_change_nothing_else() {
    let rig = Rig::with_database(1, 1).await;
    let own = |columns: &[&str]| Config {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        database: Some("local".into()),
        ..Config::default()
    };
    let load = async |columns: &[&str], force: bool| {
        let sink = own(columns).build(std::path::Path::new("/")).unwrap();
        id(&rig.open(&*sink, force).await.unwrap().all(&rig).await.unwrap())
    };
    let app = app(&rig).await;
    let rows = async || {
        let sql =
            "SELECT jsonb_agg((to_jsonb(v) - 'load_id' - 'variant_id' - 'info.AF' - 'info.DP' - 'info.NOTE') ORDER BY v.pos)
                   FROM genogate.variants v";
        app.query_one(sql, &[]).await.unwrap().get::<_, Value>(0)
    };
    load(&[], false).await;
    let before = rows().await;
    load(&["info.AF", "info.DP"], true).await;
    assert_eq!(rows().await, before);
    load(&["info.NOTE", "info.DP"], true).await;
    assert_eq!(rows().await, before);
    let sql = "SELECT pos - 100, \"info.AF\", \"info.DP\", \"info.NOTE\" FROM genogate.variants ORDER BY pos";
    for row in app.query(sql, &[]).await.unwrap() {
        let line: i64 = row.get(0);
        assert_eq!(row.get::<_, Option<Vec<f64>>>(1), None, "not a column in this load");
        assert_eq!(row.get::<_, Option<i32>>(2), (line != 1).then_some(i32::MIN));
        assert!(row.get::<_, String>(3).starts_with("\"quoted\""));
    }
    let stored = "genogate_store.variants WHERE info LIKE '%NOTE%' AND \"info.NOTE\" IS NOT NULL";
    assert_eq!(count(&admin(&rig).await, stored).await, 0, "nothing is stored twice");

    // Another type under a name that is taken, and what is no column at all.
    let client = admin(&rig).await;
    client.batch_execute("ALTER TABLE genogate_store.variants ADD COLUMN \"info.DB\" float8").await.unwrap();
    let sink = own(&["info.DB"]).build(std::path::Path::new("/")).unwrap();
    let error = rig.open(&*sink, true).await.err().unwrap();
    assert!(error.class() == Class::Usage && error.to_string().contains("another type"), "{error}");
    for wrong in [json!({"pos": "int8"}), json!({"info.X": "int4; DROP TABLE x"}), json!({"info.X": "xml"})] {
        let refused = app.execute("SELECT genogate_store.prepare_columns($1)", &[&wrong]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "GG200", "{wrong}");
    }
    for name in ["info.SEALED", "info.MISSING", "pos"] {
        let sink = own(&[name]).build(std::path::Path::new("/")).unwrap();
        assert_eq!(sink.check(&crate::sink::testing::schema()).len(), 1, "{name}");
    }
}

/// The database reads stored GT text as the decoder's plain parser does; no other text breaks a query.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_reads_genotypes_as_the_decoder_does() {
    let rig = Rig::with_database(1, 1).await;
    let app = app(&rig).await;
    let sql = "SELECT genogate.alleles($1), genogate.phases($1)";
    for gt in ["0|1", "0/1", ".", "1", "/1", "./.", "0/1/2", "|0/1", "/0|1", "/0/1", "12|.|345/6", "999999999", ".|."] {
        let row = app.query_one(sql, &[&gt]).await.unwrap();
        let expected = genotype::testing::read(gt).unwrap();
        let (alleles, phases): (Vec<Option<i32>>, Vec<bool>) = expected.into_iter().unzip();
        assert_eq!((row.get(0), row.get(1)), (Some(alleles), Some(phases)), "{gt}");
    }
    for gt in [None, Some(""), Some("x"), Some("0//1"), Some("0/"), Some("//0"), Some("0/1\n"), Some("9999999999"), Some("-1")] {
        let row = app.query_one(sql, &[&gt]).await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (None::<Vec<Option<i32>>>, None::<Vec<bool>>), "{gt:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_writer_leaves_nothing_and_the_next_run_resumes() {
    let rig = Rig::with_database(3, 1).await;
    let first = rig.open(&*sink(), false).await.unwrap();
    let mut writer = first.sink.writer(0).await.unwrap();
    first.unit(&mut writer, 0, &sites(3), 1).await.unwrap();
    first.unit(&mut writer, 1, &sites(3), 1).await.unwrap();
    let admin = admin(&rig).await;
    until(&admin, "genogate_store.units", 1).await;
    drop(writer);
    first.sink.abandon(&Error::interrupted("stopped")).await;
    let load = first.context.run_id;
    drop(first);
    // Unit 0 was committed when unit 1 began; of unit 1 nothing is there.
    assert_eq!(count(&admin, "genogate_store.variants").await, 3);
    assert_eq!(count(&admin, "genogate_store.units").await, 1);
    assert_eq!(count(&app(&rig).await, "genogate.variants").await, 0);

    let second = rig.open(&*sink(), false).await.unwrap();
    assert!(second.context.units.is_done(0) && !second.context.units.is_done(1));
    let report = second.all(&rig).await.unwrap();
    assert_eq!((id(&report), &report["units_resumed"], &report["units"]), (load, &json!(1), &json!(3)));
    assert_eq!(count(&app(&rig).await, "genogate.variants").await, 9);
    let ids = "(SELECT DISTINCT variant_id FROM genogate.variants) d";
    assert_eq!(count(&app(&rig).await, ids).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pipeline_does_not_resume_it() {
    let mut rig = Rig::with_database(2, 1).await;
    let first = rig.open(&*sink(), false).await.unwrap();
    first.sink.abandon(&Error::failed("disk full")).await;
    drop(first);
    rig.options = [6; 32];
    let other = rig.open(&*sink(), false).await.unwrap();
    assert_eq!(other.all(&rig).await.unwrap()["load_id"], json!(other.context.run_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identical_load_is_skipped_unless_forced() {
    let rig = Rig::with_database(2, 1).await;
    let first = rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    let second = rig.open(&*sink(), false).await.unwrap().all(&rig).await.unwrap();
    assert_eq!((&second["status"], id(&second)), (&json!("skipped"), id(&first)));
    assert_eq!((&second["variants"], &second["input_records"]), (&first["variants"], &first["input_records"]));
    let admin = admin(&rig).await;
    assert_eq!(count(&admin, "genogate_store.variants").await, 6);

    let forced = rig.open(&*sink(), true).await.unwrap().all(&rig).await.unwrap();
    assert_eq!((&forced["status"], &forced["replaced"]), (&json!("complete"), &json!([first["load_id"]])));
    assert_eq!(count(&admin, "genogate_store.variants").await, 6);
    assert_eq!(count(&admin, "genogate_store.calls").await, 6);
    let shown: Vec<Uuid> =
        app(&rig).await.query("SELECT load_id FROM genogate.loads", &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(shown, [id(&forced)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_accounted_for() {
    let rig = Rig::with_database(3, 1).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    // Unit 0 has no rows at all: one bad record and two filtered ones.
    run.context.units.set_aside(0, BadRecord { line: 1, field: "INFO/DP".into(), reason: "not a number".into() });
    run.close(0, 3);
    // Unit 1 has a record split into two rows, and one set aside.
    let split = [Site { chrom: "chrM", line: 0 }, Site { chrom: "chrM", line: 0 }, Site { chrom: "GL000192.1", line: 2 }];
    run.unit(&mut writer, 1, &split, 1).await.unwrap();
    run.context.units.set_aside(1, BadRecord { line: 1, field: "POS".into(), reason: "not a number".into() });
    run.close(2, 0);
    writer.end().await.unwrap();
    let report = shown(&run.sink.finish().await.unwrap());
    let figures = ["input_records", "variants", "quarantined", "filtered", "units"].map(|key| report[key].as_i64().unwrap());
    assert_eq!(figures, [6, 3, 2, 2, 3]);
    let app = app(&rig).await;
    let entries = app.query("SELECT unit, line, field, reason, input FROM genogate.quarantine ORDER BY unit", &[]).await.unwrap();
    let entries: Vec<(i32, i64, String, i32)> =
        entries.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(4))).collect();
    // Lines of the file: unit 1 begins after the three of unit 0.
    assert_eq!(entries, [(0, 2, "INFO/DP".to_owned(), 1), (1, 5, "POS".to_owned(), 1)]);
    assert_eq!(count(&app, "genogate.variants WHERE contig = 'MT' AND chrom = 'chrM'").await, 2);
    assert_eq!(count(&app, "genogate.variants WHERE contig = 'GL000192.1'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_records_out_than_in_is_an_integrity_error() {
    let rig = Rig::with_database(1, 0).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    writer.write(crate::sink::testing::batch(0, &sites(3), 0)).await.unwrap();
    run.close(0, 2);
    assert_eq!(writer.end().await.unwrap_err().class(), Class::Integrity);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_unit_keeps_the_load_hidden() {
    let rig = Rig::with_database(2, 0).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(1), 0).await.unwrap();
    writer.end().await.unwrap();
    assert_eq!(run.sink.finish().await.unwrap_err().class(), Class::Integrity);
    assert_eq!(count(&app(&rig).await, "genogate.variants").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_phi_stopped_leaves_no_rows_and_is_not_resumed() {
    let rig = Rig::with_database(2, 1).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 1).await.unwrap();
    run.unit(&mut writer, 1, &sites(3), 1).await.unwrap();
    drop(writer);
    run.sink.abandon(&Error::phi("found in INFO/NOTE")).await;
    let admin = admin(&rig).await;
    for table in ["variants", "calls", "samples", "units", "inputs", "quarantine", "open_units"] {
        assert_eq!(count(&admin, &format!("genogate_store.{table}")).await, 0, "{table}");
    }
    let row = admin.query_one("SELECT status, reason FROM genogate_store.loads", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("failed", "phi"));
    drop(run);
    let again = rig.open(&*sink(), false).await.unwrap();
    assert!(!again.context.units.is_done(0));
    assert_eq!(again.all(&rig).await.unwrap()["units_resumed"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_runs_elsewhere_is_not_taken_over() {
    let rig = Rig::with_database(1, 0).await;
    let first = rig.open(&*sink(), false).await.unwrap();
    let error = rig.open(&*patient("0s"), false).await.map(|_| ()).unwrap_err();
    assert!(error.class() == Class::Failed && error.hint().is_some(), "{error}");
    first.all(&rig).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_larger_than_the_buffers_arrives_whole() {
    let rig = Rig::with_database(1, 40).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(5000), 40).await.unwrap();
    writer.end().await.unwrap();
    let report = shown(&run.sink.finish().await.unwrap());
    assert_eq!((&report["variants"], &report["calls"]), (&json!(5000), &json!(200_000)));
    let app = app(&rig).await;
    let linked =
        "genogate.calls c JOIN genogate.variants v USING (contig, variant_id) WHERE c.format->'AD'->0 = to_jsonb(v.pos - 100)";
    assert_eq!(count(&app, linked).await, 200_000);
}
