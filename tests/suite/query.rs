//! `genogate query`: every form of output, read back; limits, files, refusals; memory that does not grow.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::ipc::reader::StreamReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::support::{Done, Warehouse, genogate, repository};

/// One column of each type, and a row of nulls behind it.
const TYPES: &str = r#"SELECT 7::int2 AS i2, 8::int4 AS i4, 9::int8 AS i8, 0.5::float4 AS f4, 'NaN'::float8 AS f8, true AS b,
    'é "q", x' AS t, date '2026-02-03' AS d, timestamp '2026-02-03 04:05:06.789' AS ts,
    timestamptz '1969-12-31 23:59:59+00' AS tz, '00000000-0000-0000-0000-0000000000ff'::uuid AS u, '\x00ff'::bytea AS y,
    12345678901234567890.5 AS n, '{"a": [1, null]}'::jsonb AS j, ARRAY['a', NULL, 'NULL', '{"'] AS ta, ARRAY[1, NULL] AS ia,
    ARRAY[0.25::float8] AS fa, '{}'::int8[] AS ea
    UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"#;

fn is_typed(batch: &RecordBatch) {
    assert_eq!(batch.num_rows(), 2);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("i2").as_primitive::<Int16Type>().value(0), 7);
    assert_eq!(column("i4").as_primitive::<Int32Type>().value(0), 8);
    assert_eq!(column("i8").as_primitive::<Int64Type>().value(0), 9);
    assert_eq!(column("f4").as_primitive::<Float32Type>().value(0), 0.5);
    assert!(column("f8").as_primitive::<Float64Type>().value(0).is_nan());
    assert!(column("b").as_boolean().value(0));
    assert_eq!(column("t").as_string::<i32>().value(0), "é \"q\", x");
    assert_eq!(column("d").as_primitive::<Date32Type>().value(0), 20_487);
    assert_eq!(column("ts").as_primitive::<TimestampMicrosecondType>().value(0), 1_770_091_506_789_000);
    assert_eq!(column("tz").as_primitive::<TimestampMicrosecondType>().value(0), -1_000_000);
    assert_eq!(column("tz").data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(column("u").as_string::<i32>().value(0), "00000000-0000-0000-0000-0000000000ff");
    assert_eq!(column("y").as_binary::<i32>().value(0), [0, 0xff]);
    assert_eq!(column("n").as_string::<i32>().value(0), "12345678901234567890.5");
    assert_eq!(column("j").as_string::<i32>().value(0), r#"{"a": [1, null]}"#);
    let texts = column("ta").as_list::<i32>().value(0);
    let texts: Vec<Option<&str>> = texts.as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("a"), None, Some("NULL"), Some("{\"")]);
    let numbers = column("ia").as_list::<i32>().value(0);
    assert_eq!(numbers.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
    assert_eq!(column("fa").as_list::<i32>().value(0).as_primitive::<Float64Type>().value(0), 0.25);
    assert_eq!(column("ea").as_list::<i32>().value(0).len(), 0);
    assert!(batch.columns().iter().all(|column| column.is_null(1) && !column.is_null(0)));
}

fn arrow(reader: impl Read) -> RecordBatch {
    let batches: Vec<RecordBatch> = StreamReader::try_new(reader, None).unwrap().map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn every_form_of_output_reads_back() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let to = |format: &str| {
        let path = folder.path().join(format);
        let done = warehouse.run(["query", TYPES, "--format", format, "--output", path.to_str().unwrap(), "--json"]).expect(0);
        assert_eq!((&done.json()["row_count"], &done.json()["truncated"]), (&json!(2), &json!(false)));
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o077, 0, "its owner's alone");
        path
    };
    is_typed(&arrow(File::open(to("arrow")).unwrap()));
    let parquet = ParquetRecordBatchReaderBuilder::try_new(File::open(to("parquet")).unwrap()).unwrap().build().unwrap();
    is_typed(&parquet.map(Result::unwrap).next().unwrap());
    let piped = genogate(&warehouse.home).args(["query", TYPES, "--format", "arrow"]).output().unwrap();
    is_typed(&arrow(&piped.stdout[..]));

    let lines = std::fs::read_to_string(to("json")).unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[0]["j"], &rows[0]["ta"][3]), (2, &json!({"a": [1, null]}), &json!("{\"")));
    assert_eq!((&rows[0]["f8"], &rows[0]["i8"], &rows[1]["b"]), (&json!("NaN"), &json!(9), &Value::Null));
    let csv = std::fs::read_to_string(to("csv")).unwrap();
    assert!(csv.starts_with("i2,i4,i8,f4,f8,b,t,") && csv.contains(",true,\"é \"\"q\"\", x\",2026-02-03,"), "{csv}");
    assert!(csv.ends_with(&format!("\r\n{}\r\n", ",".repeat(17))), "{csv}");
    let table = std::fs::read_to_string(to("table")).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "no half files");
}

#[test]
fn rows_are_cut_and_that_is_said() {
    let warehouse = Warehouse::shared();
    let rows = "SELECT n FROM generate_series(1, 2500) n";
    let cut = warehouse.run(["query", rows, "--format", "csv"]).expect(0);
    assert_eq!((cut.stdout.lines().count(), cut.stderr.contains("only the first 1000 rows")), (1001, true), "{}", cut.stderr);
    let cut = warehouse.run(["query", rows, "--limit", "2", "--json"]).expect(0).json();
    assert_eq!(cut, json!({"columns": ["n"], "rows": [{"n": 1}, {"n": 2}], "row_count": 2, "truncated": true}));
    let all = warehouse.run(["query", rows, "--limit", "all", "--format", "csv"]).expect(0);
    assert_eq!((all.stdout.lines().count(), all.stderr.as_str()), (2501, ""));
    warehouse.run(["query", rows, "--limit", "few"]).expect(2);
}

#[test]
fn a_refused_query_leaves_no_file() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let to = path.to_str().unwrap();
    for (sql, code) in [
        ("SELECT ARRAY[[1, 2], [3, 4]] AS x", 1),
        ("SELECT 1 AS a, 2 AS a", 2),
        ("SELECT nothing", 2),
        // Fails when rows have flowed already.
        ("SELECT 1 / (60000 - n) FROM generate_series(1, 100000) n", 1),
    ] {
        let done = warehouse.run(["query", sql, "--limit", "all", "--format", "parquet", "--output", to, "--json"]).expect(code);
        assert!(done.json()["error"]["message"].is_string(), "{done:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{sql}");
    }
    warehouse.run(["query", "SELECT 1", "--output", "/nowhere/x"]).expect(2);
    warehouse.run(["query", "SELECT 1", "--format", "arrow", "--json"]).expect(2);
    let half = warehouse.run(["query", "SELECT 1 / (6000 - n) AS x FROM generate_series(1, 9000) n", "--limit", "all", "--json"]);
    assert_eq!((half.code, half.stderr.contains("22012")), (1, true), "one object at most on standard output: {}", half.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let warehouse = Warehouse::shared();
    let mut child = genogate(&warehouse.home)
        .args(["query", "SELECT n FROM generate_series(1, 10000000) n", "--limit", "all", "--format", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = Done::from(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(done.stderr, "");
}

#[test]
fn a_query_is_in_the_trail_before_and_after_it_runs() {
    let warehouse = Warehouse::start();
    warehouse.run(["query", "SELECT 4711 AS secret FROM generate_series(1, 3)"]).expect(0);
    warehouse.run(["query", "SELECT 1 / (3 - n) FROM generate_series(1, 9) n", "--format", "csv"]).expect(1);
    let events = |kind: &str| warehouse.run(["audit", "query", "--event", kind, "--json"]).expect(0).stdout;
    let (intents, runs) = (events("query_intent"), events("query_run"));
    assert_eq!((intents.matches("sql_digest").count(), runs.matches("sql_digest").count()), (2, 2), "{intents}\n{runs}");
    assert!(!intents.contains("4711") && !runs.contains("4711"));
    assert!(runs.contains("\"rows\":3") || runs.contains("\\\"rows\\\":3"), "{runs}");
    assert!(warehouse.run(["audit", "verify", "--json"]).expect(0).json()["verified"].as_bool().unwrap());
}

/// Ten times the rows, the same memory: the peak of the process that wrote them.
#[test]
fn memory_does_not_grow_with_the_rows() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let peak = |format: &str, rows: u32| {
        let sql = format!("SELECT n, repeat('x', 300) AS t, ARRAY[n, n] AS a FROM generate_series(1, {rows}) n");
        let out = folder.path().join(format!("{format}-{rows}"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "\"$@\" & pid=$!; while [ -r /proc/$pid/status ] && grep VmHWM /proc/$pid/status 2>/dev/null; do sleep 0.02; done; wait $pid", "sh"]);
        command.arg(super::support::binary()).args(["query", &sql, "--limit", "all", "--format", format, "--output"]).arg(&out);
        command.env("GENOGATE_HOME", &warehouse.home);
        let done = Done::from(command.output().unwrap()).expect(0);
        let kilobytes = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
        (done.stdout.lines().filter_map(kilobytes).max().unwrap(), out)
    };
    for format in ["csv", "arrow", "parquet"] {
        let ((small, _), (large, out)) = (peak(format, 100_000), peak(format, 400_000));
        assert!(large < small * 3 / 2, "{format}: {small} kB for 100,000 rows, {large} kB for 400,000");
        assert!(out.metadata().unwrap().len() > 0);
    }
}

#[test]
fn standard_input_is_a_statement_too() {
    let warehouse = Warehouse::shared();
    let tiny = repository("tests/data/tiny.vcf");
    warehouse.run(["load", tiny.to_str().unwrap(), "--profile", "open", "--name", "asked", "--json"]).expect(0);
    let mut command = genogate(&warehouse.home);
    command.args(["query", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT count(*) > 0 AS some FROM loads").unwrap();
    let answer = Done::from(child.wait_with_output().unwrap()).expect(0).json();
    assert_eq!(answer["rows"], json!([{"some": true}]));
}
