//! What people ask of the views is answered by an index, although the views are security barriers.

use serde_json::Value;

use super::*;
use crate::sink::testing::sites;

/// The tables that a plan reads, each with the index it is read by.
fn scans(node: &Value, found: &mut Vec<(String, Option<String>)>) {
    let word = |name: &str| node[name].as_str().map(str::to_owned);
    // A bitmap's heap scan is as good as the index scan below it.
    if let Some(table) = word("Relation Name").filter(|_| node["Node Type"] != "Bitmap Heap Scan") {
        found.push((table, word("Index Name")));
    }
    if node["Node Type"] == "Bitmap Index Scan" {
        found.push((String::new(), word("Index Name")));
    }
    node["Plans"].as_array().into_iter().flatten().for_each(|plan| scans(plan, found));
}

#[tokio::test(flavor = "multi_thread")]
async fn point_region_sample_and_carrier_queries_use_an_index() {
    let rig = Rig::with_database(1, 40).await;
    let run = rig.open(&*sink(), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(20_000), 40).await.unwrap();
    writer.end().await.unwrap();
    run.sink.finish().await.unwrap();
    let app = app(&rig).await;
    let one: i64 = app.query_one("SELECT variant_id FROM genogate.variants WHERE pos = 777", &[]).await.unwrap().get(0);
    for (what, sql, rows, indexes) in [
        ("point", "genogate.variants WHERE contig = '1' AND pos = 777".to_owned(), 1, &["contig_pos"][..]),
        ("region", "genogate.variants WHERE contig = '1' AND pos BETWEEN 500 AND 599".to_owned(), 100, &["contig_pos"]),
        ("variant", format!("genogate.variants WHERE variant_id = {one}"), 1, &["variant_id"]),
        ("sample", "genogate.calls WHERE sample_id = 'sample-7'".to_owned(), 20_000, &["input_sample_index"]),
        ("calls of a variant", format!("genogate.calls WHERE contig = '1' AND variant_id = {one}"), 40, &["variant_id"]),
        ("carriers", "genogate.carriers WHERE contig = '1' AND pos = 777".to_owned(), 40, &["contig_pos", "variant_id"]),
        (
            "what one sample carries in a region",
            "genogate.carriers WHERE contig = '1' AND pos BETWEEN 500 AND 509 AND sample_id = 'sample-7'".to_owned(),
            10,
            &["contig_pos", "variant_id"],
        ),
    ] {
        let found = count(&app, &sql).await;
        assert_eq!(found, rows, "{what}");
        let plan: Value = app.query_one(&format!("EXPLAIN (FORMAT JSON) SELECT * FROM {sql}"), &[]).await.unwrap().get(0);
        let mut found = Vec::new();
        scans(&plan[0]["Plan"], &mut found);
        // Empty partitions cost nothing either way.
        let bulk = |table: &str| ["variants_1", "calls_1"].contains(&table);
        assert!(!found.iter().any(|(table, index)| bulk(table) && index.is_none()), "{what}: {plan:#}");
        for wanted in indexes {
            let uses = |(_, index): &(String, Option<String>)| index.as_ref().is_some_and(|index| index.contains(wanted));
            assert!(found.iter().any(uses), "{what}: no {wanted} in {plan:#}");
        }
    }
    // An operator that could tell values in its errors stays above the barrier.
    let leaky = "EXPLAIN (FORMAT JSON) SELECT * FROM genogate.variants WHERE contig = '1' AND info ->> 'NOTE' LIKE 'x%'";
    let plan: Value = app.query_one(leaky, &[]).await.unwrap().get(0);
    assert_eq!(plan[0]["Plan"]["Node Type"], "Subquery Scan", "{plan:#}");
}
