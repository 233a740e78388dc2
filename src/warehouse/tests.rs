//! The warehouse against a real server.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::audit::Recorder;
use crate::db::Connection;
use crate::error::{Class, Error, Result};
use crate::flow::SinkConfig;
use crate::sink::testing::Rig;

async fn loaded() -> (Rig, Uuid) {
    let rig = Rig::with_database(2, 2).await;
    let sink = crate::sink::postgres::Config { database: Some("local".into()), ..Default::default() };
    let run = rig.open(&*sink.build(std::path::Path::new(".")).unwrap(), false).await.unwrap();
    let report = run.all(&rig).await.unwrap();
    let id = report["load_id"].as_str().unwrap().parse().unwrap();
    (rig, id)
}

async fn ask(rig: &Rig, sql: &str, limit: u64) -> Result<Value> {
    let client = rig.databases.connect("local").await?;
    let mut out = Vec::new();
    let question = query::Question { sql, limit: Some(limit), format: query::Format::JsonObject };
    let answer = query::query(client, &Rig::grant(), &Recorder::discard(), &question, Box::new(&mut out)).await?;
    let given: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&given["columns"], &given["row_count"]), (&json!(answer.columns), &json!(answer.row_count)));
    assert_eq!(given["truncated"], json!(answer.truncated));
    Ok(given)
}

async fn validated(rig: &Rig, id: Uuid) -> Result<validate::Validation> {
    validate::validate(rig.databases.connect("local").await?, &Rig::grant(), id, &Default::default()).await
}

/// Every column of both tables, changed in one row by a superuser whose triggers are off, and changed back: each time the unit is
/// named, and the load is sound again afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_changed_cell_in_any_column_is_found() {
    let (rig, id) = loaded().await;
    let admin = rig.databases.administrator("local").await.unwrap();
    admin.batch_execute("SET session_replication_role = replica; SET search_path = genogate_store").await.unwrap();
    let sound = validated(&rig, id).await.unwrap();
    assert!(sound.valid && sound.units.is_empty() && sound.require().is_ok(), "{sound:?}");
    let columns = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL) FROM pg_class c
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   WHERE c.oid IN ('variants'::regclass, 'calls'::regclass)";
    let columns = admin.query(columns, &[]).await.unwrap();
    assert!(columns.len() >= 23);
    for column in columns {
        let (table, column, kind): (&str, &str, &str) = (column.get(0), column.get(1), column.get(2));
        let change = match (column, kind) {
            // Another unit's id, or another partition.
            ("variant_id", _) => "variant_id + 7".to_owned(),
            ("contig", _) => "'2'".into(),
            (_, "uuid") => "gen_random_uuid()".into(),
            (_, "text[]") => format!(r#"array_append("{column}", 'x')"#),
            (_, "text") => format!(r#"coalesce("{column}" || ' ', 'x')"#),
            (_, "double precision") => format!(r#"coalesce("{column}" + 1, 1)"#),
            _ => format!(r#"coalesce("{column}", 0) + 1"#),
        };
        // The second record of the second unit; of its calls the first.
        let id_and_sample = if table == "calls" { "AND sample_index = 0" } else { "" };
        let row = format!("variant_id = (SELECT max(variant_id) - 1 FROM variants) {id_and_sample}");
        admin.batch_execute(&format!("CREATE TEMP TABLE kept AS SELECT * FROM {table} WHERE {row}")).await.unwrap();
        let changed = admin.execute(&format!(r#"UPDATE {table} SET "{column}" = {change} WHERE {row}"#), &[]).await.unwrap();
        assert_eq!(changed, 1, "{table}.{column}");
        let found = validated(&rig, id).await.unwrap();
        let units: Vec<u32> = found.units.iter().map(|unit| unit.unit).collect();
        assert!(!found.valid && units == [1], "{table}.{column}: {found:?}");
        assert_eq!(found.require().unwrap_err().class(), Class::Integrity);
        let back = format!(
            "DELETE FROM {table} t USING kept k WHERE t.variant_id IN (k.variant_id, k.variant_id + 7)
               AND (to_jsonb(t) - '{column}') = (to_jsonb(k) - '{column}');
             INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"
        );
        admin.batch_execute(&back).await.unwrap();
        assert!(validated(&rig, id).await.unwrap().valid, "{table}.{column} was not put back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_went_came_or_moved_are_found() {
    let (rig, id) = loaded().await;
    let admin = rig.databases.administrator("local").await.unwrap();
    admin.batch_execute("SET session_replication_role = replica; SET search_path = genogate_store").await.unwrap();
    let last = "(SELECT max(variant_id) FROM variants)";
    let first_call = format!("variant_id = {last} AND sample_index = 0");
    let copy = |change: &str| {
        format!("INSERT INTO variants SELECT (jsonb_populate_record(v, '{change}')).* FROM variants v WHERE variant_id = {last}")
    };
    for (damage, check, units) in [
        (format!("DELETE FROM calls WHERE {first_call}"), "calls stored", vec![1]),
        (format!("DELETE FROM variants WHERE variant_id = {last}"), "calls without a variant", vec![1]),
        (copy("{}"), "variants stored twice", vec![1]),
        (format!("INSERT INTO calls SELECT * FROM calls WHERE {first_call}"), "calls stored twice", vec![1]),
        // A unit that the ledger does not know, a load's id on rows that are not its own, and the other way round.
        (
            format!("UPDATE variants SET variant_id = variant_id + (5 << 21) WHERE variant_id = {last}"),
            "units whose rows differ",
            vec![1, 6],
        ),
        (format!("UPDATE calls SET variant_id = 1 WHERE {first_call}"), "rows whose ids are not the load's", vec![1]),
        (
            format!("UPDATE variants SET load_id = gen_random_uuid() WHERE variant_id = {last}"),
            "rows that name another load",
            vec![1],
        ),
        // Two rows exchange a cell: the sum of each column stays.
        (
            format!(
                "UPDATE variants SET pos = CASE pos WHEN 100 THEN 101 ELSE 100 END WHERE variant_id >= {last} - 2 AND pos < 102"
            ),
            "units whose rows differ",
            vec![1],
        ),
        ("DELETE FROM units WHERE unit = 1".into(), "units in the ledger", vec![1]),
        (
            "UPDATE units SET digest = decode(repeat('00', 32), 'hex')".into(),
            "digests in the ledger that are not the load's",
            vec![],
        ),
        (
            "UPDATE units SET variants_digest = decode(repeat('00', 32), 'hex') WHERE unit = 0".into(),
            "columns, inputs, samples or ledger not as digested",
            vec![0],
        ),
        // Two variants exchange everything but their ids: every row is there, in another order.
        (
            format!("UPDATE variants SET variant_id = 2 * {last} - 1 - variant_id WHERE variant_id >= {last} - 1"),
            "units whose rows differ",
            vec![1],
        ),
        // Two samples exchange their calls for one variant.
        (
            format!("UPDATE calls SET sample_index = 1 - sample_index WHERE variant_id = {last} - 1"),
            "units whose rows differ",
            vec![1],
        ),
        // The whole load, ids and all, under another number.
        (
            "WITH l AS (UPDATE loads SET load_no = load_no + 1), c AS (UPDATE calls SET variant_id = variant_id + (1::bigint << 41))
             UPDATE variants SET variant_id = variant_id + (1::bigint << 41)".into(),
            "units whose rows differ",
            vec![0, 1],
        ),
        (
            "UPDATE units SET records = records + 1, filtered = filtered + 1 WHERE unit = 0".into(),
            "records in the ledger",
            vec![],
        ),
    ] {
        let found = damaged(&rig, &admin, id, &damage).await;
        assert!(broken(&found).contains(&check), "{damage}: {found:?}");
        assert_eq!(found.units.iter().map(|unit| unit.unit).collect::<Vec<_>>(), units, "{damage}");
    }
}

/// What a validation says of a damage, which is undone again.
async fn damaged(rig: &Rig, admin: &Connection, id: Uuid, damage: &str) -> validate::Validation {
    let tables = ["variants", "calls", "units", "inputs", "samples", "loads", "disposals"];
    let each = |statement: &dyn Fn(&str) -> String| tables.iter().map(|table| statement(table)).collect::<String>();
    admin.batch_execute(&each(&|table| format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table};"))).await.unwrap();
    admin.batch_execute(damage).await.map_err(|error| format!("{damage}: {error:?}")).unwrap();
    let found = validated(rig, id).await.unwrap();
    // Generated columns are made again.
    let back = |table: &str| {
        format!(
            "DELETE FROM {table};
             DO $$ BEGIN EXECUTE (SELECT format('INSERT INTO {table} (%1$s) SELECT %1$s FROM kept_{table}', string_agg(quote_ident(attname), ','))
               FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''); END $$;
             DROP TABLE kept_{table};"
        )
    };
    admin.batch_execute(&each(&back)).await.unwrap();
    assert!(validated(rig, id).await.unwrap().valid, "{damage} was not undone");
    found
}

fn broken(found: &validate::Validation) -> Vec<&str> {
    found.checks.iter().filter(|check| !check.holds()).map(|check| check.name).collect()
}

/// What no row says of itself: each is changed by a superuser, and not a byte of what the units' digests are made over.
#[tokio::test(flavor = "multi_thread")]
async fn what_gives_rows_their_meaning_is_bound_too() {
    let (rig, id) = loaded().await;
    let admin = rig.databases.administrator("local").await.unwrap();
    admin.batch_execute("SET session_replication_role = replica; SET search_path = genogate_store").await.unwrap();
    for damage in [
        "UPDATE samples SET sample_id = 'sample-' || 1 - sample_index",
        "UPDATE samples SET sample_index = sample_index + 7",
        "UPDATE variants SET ref = alt, alt = ref; UPDATE loads SET columns = array_replace(array_replace(array_replace(
           columns, 'ref', 'x'), 'alt', 'ref'), 'x', 'alt')",
        "UPDATE inputs SET header = header || '[{\"key\": \"source\", \"value\": \"x\"}]'",
        "UPDATE inputs SET header = '[]'",
        "UPDATE inputs SET assembly = 'GRCh37'",
        "UPDATE inputs SET version = 'VCFv4.3'",
        "UPDATE inputs SET tags = '{\"site\": \"b\"}'",
        "UPDATE inputs SET bytes = bytes + 1",
        "UPDATE loads SET assembly = 'GRCh37'",
        "UPDATE loads SET name = 'other'",
        "UPDATE loads SET sample_ids = 'pseudonym'",
        "UPDATE loads SET digest = sha256('x')",
        "UPDATE units SET lines = lines, filtered = filtered + 1, out_of_region = out_of_region + 1, records = records + 2;
         UPDATE loads SET input_records = (SELECT sum(records) FROM units)",
    ] {
        let found = damaged(&rig, &admin, id, damage).await;
        let names = broken(&found);
        assert!(names.contains(&"columns, inputs, samples or ledger not as digested"), "{damage}: {names:?}");
        assert!(found.units.is_empty() && found.require().unwrap_err().class() == Class::Integrity, "{damage}: {found:?}");
    }
    // Columns that the table does not have, or the ids elsewhere.
    for columns in ["array_append(columns, 'nothing')", "array_prepend('pos', columns)", "'{}'"] {
        admin.batch_execute("CREATE TEMP TABLE kept AS SELECT columns FROM loads").await.unwrap();
        admin.batch_execute(&format!("UPDATE loads SET columns = {columns}")).await.unwrap();
        assert_eq!(validated(&rig, id).await.unwrap_err().class(), Class::Integrity, "{columns}");
        admin.batch_execute("UPDATE loads SET columns = (SELECT columns FROM kept); DROP TABLE kept").await.unwrap();
    }
}

/// Rows that a disposal removed are not missed; what it does not account for is.
#[tokio::test(flavor = "multi_thread")]
async fn a_disposal_accounts_for_what_it_took() {
    let (rig, id) = loaded().await;
    let admin = rig.databases.administrator("local").await.unwrap();
    admin.batch_execute("SET session_replication_role = replica; SET search_path = genogate_store").await.unwrap();
    let nothing = |label: &[u8]| crate::crypto::digest::hex(&crate::crypto::digest::sha256(label));
    let (variants, calls) = (nothing(crate::store::tables::VARIANTS_LABEL), nothing(crate::store::tables::CALLS_LABEL));
    let unit_1 = "variant_id >> 21 & 1 = 1";
    let take = format!("DELETE FROM variants WHERE {unit_1}; DELETE FROM calls WHERE {unit_1};");
    let account = |before: &str| {
        format!(
            "SET ROLE genogate_owner;
             INSERT INTO disposals (disposal_id, load_id, unit, variants, calls, variants_before, variants_after, calls_before, calls_after)
             SELECT gen_random_uuid(), load_id, unit, variants, calls, {before}, '\\x{variants}', calls_digest, '\\x{calls}'
             FROM units WHERE unit = 1;
             RESET ROLE;"
        )
    };
    let unaccounted = damaged(&rig, &admin, id, &take).await;
    assert_eq!(unaccounted.units[0].text(), "unit 1 (input 1): 3 of 3 variants missing, 6 of 6 calls missing");
    let sound = damaged(&rig, &admin, id, &format!("{take}{}", account("variants_digest"))).await;
    assert!(sound.valid, "{sound:?}");
    let more = damaged(&rig, &admin, id, &format!("{take}{}DELETE FROM variants", account("variants_digest"))).await;
    assert_eq!((more.valid, more.units[0].unit, more.units.len()), (false, 0, 1));
    let unfounded = damaged(&rig, &admin, id, &format!("{take}{}", account("sha256('x')"))).await;
    assert!(broken(&unfounded).contains(&"disposals that do not follow from what was stored"), "{unfounded:?}");
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
    let again = loads::drop(&client, &grant, &recorder, id).await.unwrap_err();
    assert_eq!((again.class(), again.to_string()), (Class::Usage, format!("load {id} was dropped already")));
    let unknown = loads::drop(&client, &grant, &recorder, uuid::Uuid::nil()).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no load"), "{unknown}");
    assert_eq!(loads::show(&client, &grant, Uuid::nil()).await.unwrap_err().class(), Class::Usage);
    assert_eq!(validated(&rig, id).await.unwrap_err().class(), Class::Usage);
    assert_eq!(ask(&rig, "SELECT count(*) FROM variants", 1).await.unwrap()["rows"], json!([{"count": 0}]));
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
    let given = ask(&rig, sql, 2).await.unwrap();
    assert_eq!(given["columns"], json!(["pos", "filters", "af", "qual", "gt"]));
    assert_eq!(given["truncated"], json!(true));
    assert_eq!(
        given["rows"],
        json!([
            {"pos": 100, "filters": ["PASS"], "af": [0, null, "NaN"], "qual": 0.1, "gt": "0|1"},
            {"pos": 101, "filters": null, "af": [0.25, null, "NaN"], "qual": null, "gt": null},
        ])
    );
    assert_eq!(ask(&rig, sql, 6).await.unwrap()["truncated"], json!(false));
    assert_eq!(ask(&rig, sql, 0).await.unwrap()["rows"], json!([]));
}

/// What the server does lies in one column each: every way to write that a single statement has, and what is left of it.
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
        ("SELECT set_config('transaction_read_only', 'off', true)", Class::Usage),
        ("EXPLAIN ANALYZE DELETE FROM variants", Class::Denied),
        ("DO $$ BEGIN COMMIT; END $$", Class::Usage),
        ("COPY (SELECT 1) TO PROGRAM 'true'", Class::Usage),
    ] {
        let error = ask(&rig, sql, 10).await.unwrap_err();
        assert_eq!(error.class(), class, "{sql}: {error}");
    }
    assert_eq!(ask(&rig, "SELECT count(*) FROM variants", 1).await.unwrap()["rows"], json!([{"count": 6}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_leaves_nothing_behind() {
    let (rig, _) = loaded().await;
    let admin = rig.databases.administrator("local").await.unwrap();
    admin
        .batch_execute("CREATE SEQUENCE public.s; CREATE TABLE public.t (n int); GRANT ALL ON public.s, public.t TO PUBLIC")
        .await
        .unwrap();
    let hidden = "CREATE FUNCTION public.hidden() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
                  $$ BEGIN SET LOCAL transaction_read_only = off; INSERT INTO public.t VALUES (1); RETURN 1; END $$";
    admin.batch_execute(hidden).await.unwrap();
    for sql in [
        "SELECT public.hidden()",
        "SELECT nextval('public.s')",
        "SELECT setval('public.s', 7)",
        "WITH x AS (INSERT INTO public.t VALUES (1) RETURNING n) SELECT * FROM x",
        "SELECT * FROM public.t FOR UPDATE",
    ] {
        let error = ask(&rig, sql, 10).await.unwrap_err();
        assert!([Class::Usage, Class::Denied].contains(&error.class()), "{sql}: {error}");
    }
    // A read-only transaction would let these through. The administrator may give them back: they are refused all the same.
    let other: i32 = admin.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    admin.batch_execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_from_bytea(oid, bytea) TO PUBLIC").await.unwrap();
    for sql in [
        "SELECT lo_from_bytea(4711, 'x')",
        "SELECT pg_advisory_lock(4711)",
        "SELECT \"pg_advisory_lock\" /* ( */ (4711)",
        "SELECT * FROM (VALUES (pg_advisory_lock(4711))) v LIMIT (SELECT 1)",
        "SELECT 1 LIMIT pg_sleep(0)::text::int",
        "SELECT pg_notify('genogate_told', 'x')",
        "SELECT query_to_xml('SELECT pg_advisory_lock(4711)', true, true, '')",
        "SELECT set_config('statement_timeout', '1', false)",
        "SELECT * FROM audit.lock_head(gen_random_uuid())",
        "SELECT query FROM pg_stat_activity",
        "SELECT pg_stat_get_backend_activity(1)",
        "SELECT U&\"pg\\005fsleep\"(0)",
        &format!("EXPLAIN ANALYZE SELECT pg_terminate_backend({other})"),
    ] {
        assert_eq!(ask(&rig, sql, 10).await.unwrap_err().class(), Class::Usage, "{sql}");
    }
    for sql in [
        "SELECT random() < 2 AS a, gen_random_uuid() IS NULL AS b, pg_relation_size('pg_class') > 0 AS c",
        "SELECT 'pg_sleep(1)' AS t",
    ] {
        ask(&rig, sql, 10).await.unwrap();
    }
    let left = "SELECT (SELECT count(*) FROM public.t) + (SELECT count(*) FROM pg_largeobject_metadata)
                + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) + (SELECT last_value FROM public.s) - 1";
    // A session ends a moment after its connection.
    while admin.query_one(left, &[]).await.unwrap().get::<_, i64>(0) != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_quotes_no_cell() {
    let (rig, _) = loaded().await;
    let error = ask(&rig, "SELECT (info->>'NOTE')::int FROM variants", 10).await.unwrap_err();
    let said = format!("{error} {error:?} {:?}", error.hint());
    assert!(!said.contains("quoted") && said.contains("22P02"), "{said}");
}
