//! The dataset: all or nothing, complete, and without names where none belong.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

use super::Config;
use crate::error::Error;
use crate::flow::genotype::{is_genotype, testing};
use crate::flow::{Sink, SinkConfig, Status};
use crate::sink::testing::{Rig, sites};
use crate::store::BadRecord;

fn sink(folder: &Path) -> Arc<dyn Sink> {
    Config { path: "lake".into() }.build(folder).unwrap()
}

fn rig(units: u32, samples: usize) -> Rig {
    Rig::new(crate::db::Databases::default(), units, samples)
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_dataset_appears_when_it_is_finished() {
    let home = tempfile::tempdir().unwrap();
    let rig = rig(2, 2);
    let run = rig.open(&*sink(home.path()), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 2).await.unwrap();
    run.context.units.set_aside(1, BadRecord { line: 7, field: "POS".into(), reason: "not a number".into() });
    run.close(1, 2);
    writer.end().await.unwrap();
    let lake = home.path().join("lake");
    assert!(entries(&lake).iter().all(|name| name.starts_with('.')));
    let report = run.sink.finish().await.unwrap();
    let found = report.figures;
    let figures = [found.input_records, found.variants, found.calls, found.quarantined, found.filtered, found.units];
    assert_eq!(figures, [5, 3, 6, 1, 1, 2]);
    let load = lake.join(format!("load={}", run.context.run_id));
    assert_eq!(entries(&load), ["_header.jsonl", "_manifest.json", "_quarantine.jsonl", "_samples.jsonl", "variants"]);

    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(load.join("variants/part-0.parquet")).unwrap()).unwrap();
    let footer = format!("{:?}", reader.metadata().file_metadata());
    assert!(!footer.contains("sample-"), "{footer}");
    let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert!(
        names[0] == "variant_id"
            && names.contains(&"calls.GT".into())
            && !names.iter().any(|name| name == "__unit" || name == "__row")
    );
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 3);
    let column = batch.column_by_name("pos").unwrap();
    assert_eq!(column.as_any().downcast_ref::<Int64Array>().unwrap().values(), &[100, 101, 102]);
    let genotypes = batch.column_by_name("calls.GT").unwrap().as_list::<i32>();
    assert!(is_genotype(genotypes.values().data_type()), "{}", genotypes.values().data_type());
    let text = |gt: &str| Some(gt.to_owned());
    assert_eq!(testing::texts(genotypes.values()), [text("0|1"), None, None, text("0|1"), text("0|1"), text("0|1")]);

    let samples = fs::read_to_string(load.join("_samples.jsonl")).unwrap();
    let wanted = [0, 1].map(|n| format!("{{\"input\":1,\"sample_index\":{n},\"sample_id\":\"sample-{n}\"}}\n"));
    assert_eq!(samples, wanted.concat());
    for file in ["_samples.jsonl", "_header.jsonl", "_manifest.json", "_quarantine.jsonl", "variants/part-0.parquet"] {
        let mode = fs::metadata(load.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    assert_eq!(fs::metadata(&load).unwrap().permissions().mode() & 0o777, 0o700);
    // Three lines of the first unit, seven before it in its own.
    let quarantine = fs::read_to_string(load.join("_quarantine.jsonl")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(&quarantine).unwrap();
    assert_eq!(entry, json!({"input": 1, "unit": 1, "line": 11, "field": "POS", "reason": "not a number"}));
}

#[tokio::test]
async fn an_abandoned_or_forgotten_load_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let rig = rig(1, 1);
    let run = rig.open(&*sink(home.path()), false).await.unwrap();
    let mut writer = run.sink.writer(0).await.unwrap();
    run.unit(&mut writer, 0, &sites(3), 1).await.unwrap();
    drop(writer);
    run.sink.abandon(&Error::interrupted("stopped")).await;
    assert!(entries(&home.path().join("lake")).is_empty());
    drop(rig.open(&*sink(home.path()), false).await.unwrap());
    assert!(entries(&home.path().join("lake")).is_empty());
}

#[tokio::test]
async fn an_identical_load_is_skipped_unless_forced() {
    let home = tempfile::tempdir().unwrap();
    let rig = rig(1, 1);
    let first = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap();
    let second = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap();
    assert_eq!((second.status, second.load_id, second.figures), (Status::Skipped, first.load_id, first.figures));
    let forced = rig.open(&*sink(home.path()), true).await.unwrap().end(&rig).await.unwrap();
    assert_eq!((forced.status, forced.replaced), (Status::Complete, vec![first.load_id]));
    assert_eq!(entries(&home.path().join("lake")), [format!("load={}", forced.load_id)]);
}

#[tokio::test]
async fn a_load_under_other_rules_takes_the_place_of_its_pipelines_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let mut rig = rig(1, 1);
    let first = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap();
    rig.options = [6; 32];
    let second = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap();
    assert_eq!((second.status, second.replaced), (Status::Complete, vec![first.load_id]));
    assert_eq!(entries(&home.path().join("lake")), [format!("load={}", second.load_id)]);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_not_taken_for_no_load() {
    let home = tempfile::tempdir().unwrap();
    let rig = rig(1, 1);
    let first = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap();
    let manifest = home.path().join(format!("lake/load={}/_manifest.json", first.load_id));
    let whole = fs::read(&manifest).unwrap();
    for broken in [&whole[..whole.len() / 2], b"", b"[]", b"{}", &[0xff; 8]] {
        fs::write(&manifest, broken).unwrap();
        let error = rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap_err();
        assert!(error.class() == crate::error::Class::Failed && error.to_string().contains("_manifest.json"), "{error}");
    }
    fs::remove_file(&manifest).unwrap();
    fs::create_dir(&manifest).unwrap();
    assert!(rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.is_err(), "a folder in its place");
    fs::remove_dir(&manifest).unwrap();
    fs::write(&manifest, whole).unwrap();
    assert_eq!(rig.open(&*sink(home.path()), false).await.unwrap().end(&rig).await.unwrap().status, Status::Skipped);
    assert_eq!(entries(&home.path().join("lake")), [format!("load={}", first.load_id)], "and nothing was left beside it");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("lake"), "a file").unwrap();
    let error = rig(1, 1).open(&*sink(home.path()), false).await.map(|_| ()).unwrap_err();
    assert_eq!(error.class(), crate::error::Class::Failed);
}
