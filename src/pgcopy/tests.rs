//! Every encoder against the server's own input functions.

use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema, TimeUnit};

use super::*;
use crate::db::Connection;
use crate::db::local::testing::database;
use crate::error::{Class, Result};

async fn administrator() -> Connection {
    database().await.administrator("local").await.unwrap()
}

async fn copy(client: &Connection, columns: &[&str], schema: &Schema, batches: &[RecordBatch]) -> Result<u64> {
    copy_statement(client, &statement("t", columns), schema, batches).await
}

async fn count(client: &Connection, rows: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {rows}"), &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_as_it_left() {
    let client = administrator().await;
    let mut words = ListBuilder::new(StringBuilder::new());
    words.append_value([Some("a\"b,{}"), None, Some("")]);
    words.append_value(Vec::<Option<&str>>::new());
    words.append_null();
    let decimals = |values: Vec<Option<i128>>| Decimal128Array::from(values).with_precision_and_scale(30, 4).unwrap();
    let list = |items: ArrayRef, nulls: [bool; 3]| {
        let item = Arc::new(Field::new("item", items.data_type().clone(), true));
        let lengths = nulls.map(|valid| if valid { items.len() / 2 } else { 0 });
        Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), items, Some(nulls.to_vec().into())))
    };
    let entries = vec![Field::new("n", DataType::Decimal128(30, 4), true), Field::new("at", DataType::Date32, true)];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(decimals(vec![Some(-10_000), None, Some(0)])), Arc::new(Date32Array::from(vec![Some(20_000), None, None]))];
    let entries = StructArray::new(entries.into(), columns, Some(vec![true, true, false].into()));
    let number = "12345678901234567890123456.7890";
    let columns: Vec<(&str, &str, ArrayRef, [Option<&str>; 3])> = vec![
        ("bool", "b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), [Some("true"), Some("false"), None]),
        ("int2", "i2", Arc::new(Int16Array::from(vec![Some(-7), Some(i16::MAX), None])), [Some("-7"), Some("32767"), None]),
        ("int4", "i4", Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(0), None])), [Some("-2147483648"), Some("0"), None]),
        ("int8", "u4", Arc::new(UInt32Array::from(vec![Some(u32::MAX), Some(1), None])), [Some("4294967295"), Some("1"), None]),
        (
            "float4",
            "f4",
            Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::INFINITY), None])),
            [Some("0.1"), Some("Infinity"), None],
        ),
        (
            "float8",
            "f8",
            Arc::new(Float64Array::from(vec![Some(1e-300), Some(f64::NAN), None])),
            [Some("1e-300"), Some("NaN"), None],
        ),
        (
            "text",
            "t",
            Arc::new(StringArray::from(vec![Some("é\u{1F9EC}\n"), Some(""), None])),
            [Some("é\u{1F9EC}\n"), Some(""), None],
        ),
        (
            "text",
            "tv",
            Arc::new(StringViewArray::from(vec![Some("longer than twelve"), Some("x"), None])),
            [Some("longer than twelve"), Some("x"), None],
        ),
        (
            "timestamptz",
            "ts",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), Some(-1), None]).with_timezone("UTC")),
            [Some("1970-01-01 00:00:00.000001+00"), Some("1969-12-31 23:59:59.999999+00"), None],
        ),
        (
            "date",
            "d",
            Arc::new(Date32Array::from(vec![Some(0), Some(20_000), None])),
            [Some("1970-01-01"), Some("2024-10-04"), None],
        ),
        (
            "uuid",
            "u",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([0x11u8; 16]), Some([0; 16]), None].into_iter(), 16)
                    .unwrap(),
            ),
            [Some("11111111-1111-1111-1111-111111111111"), Some("00000000-0000-0000-0000-000000000000"), None],
        ),
        (
            "bytea",
            "y",
            Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), Some(b""), None])),
            [Some("\\x00ff"), Some("\\x"), None],
        ),
        (
            "jsonb",
            "j",
            Arc::new(StringArray::from(vec![Some(r#"{"a":[1,null]}"#), Some("1"), None])),
            [Some(r#"{"a": [1, null]}"#), Some("1"), None],
        ),
        (
            "numeric",
            "n",
            Arc::new(decimals(vec![Some(123_456_789_012_345_678_901_234_567_890), Some(-7), None])),
            [Some(number), Some("-0.0007"), None],
        ),
        (
            "numeric",
            "u8",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(10_000), None])),
            [Some("18446744073709551615"), Some("10000"), None],
        ),
        (
            "numeric[]",
            "na",
            list(Arc::new(decimals(vec![Some(5000), None, Some(0), Some(-1)])), [true, true, false]),
            [Some("{0.5000,NULL}"), Some("{0.0000,-0.0001}"), None],
        ),
        ("jsonb", "st", Arc::new(entries.clone()), [Some(r#"{"n": -1.0000, "at": "2024-10-04"}"#), Some("{}"), None]),
        (
            "jsonb",
            "ll",
            list(
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                    Some(vec![Some(1), None]),
                    None,
                    Some(vec![]),
                    None,
                ])),
                [true, true, false],
            ),
            [Some("[[1, null], null]"), Some("[[], null]"), None],
        ),
        ("text[]", "ta", Arc::new(words.finish()), [Some(r#"{"a\"b,{}",NULL,""}"#), Some("{}"), None]),
        (
            "int4[]",
            "ia",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None])),
            [Some("{1,NULL}"), Some("{}"), None],
        ),
        (
            "float8[]",
            "fa",
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
                Some(vec![Some(0.5)]),
                Some(vec![Some(f64::NEG_INFINITY)]),
                None,
            ])),
            [Some("{0.5}"), Some("{-Infinity}"), None],
        ),
    ];
    let definition: Vec<String> = columns.iter().map(|(kind, name, ..)| format!("{name} {kind}")).collect();
    client.batch_execute(&format!("CREATE TEMP TABLE t ({})", definition.join(", "))).await.unwrap();
    let field = |(kind, name, array, _): &(&str, &str, ArrayRef, [Option<&str>; 3])| {
        let field = Field::new(*name, array.data_type().clone(), true);
        if *kind == "jsonb" && array.data_type() == &DataType::Utf8 {
            field.with_metadata([(EXTENSION_KEY.into(), JSON_EXTENSION.into())].into())
        } else {
            field
        }
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema.clone(), columns.iter().map(|column| column.2.clone()).collect()).unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column.1).collect();
    // A slice as well: offsets must not matter.
    let written = copy(&client, &names, &schema, &[batch.clone(), batch.slice(1, 2)]).await.unwrap();
    assert_eq!(written, 5);
    for (_, name, _, expected) in &columns {
        let rows = client.query(&format!("SELECT {name}::text FROM t ORDER BY ctid"), &[]).await.unwrap();
        let found: Vec<Option<&str>> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(found, [expected[0], expected[1], expected[2], expected[1], expected[2]], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pieces_are_one_statement() {
    let client = administrator().await;
    client.batch_execute("CREATE TEMP TABLE t (n int4, t text)").await.unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false), Field::new("t", DataType::Utf8, false)]));
    let batch = |from: i32| {
        let text = StringArray::from_iter_values((from..from + 100).map(|n| "x".repeat(100_000) + &n.to_string()));
        RecordBatch::try_new(schema.clone(), vec![Arc::new(Int32Array::from_iter_values(from..from + 100)), Arc::new(text)])
            .unwrap()
    };
    assert_eq!(copy(&client, &["n", "t"], &schema, &[batch(0), batch(100)]).await.unwrap(), 200);
    assert_eq!(count(&client, "t WHERE t = repeat('x', 100000) || n").await, 200);
    assert_eq!(copy(&client, &["n", "t"], &schema, &[]).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_stops_the_statement_and_stores_nothing() {
    let client = administrator().await;
    client.batch_execute("CREATE TEMP TABLE t (t text)").await.unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("t", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(StringArray::from(vec!["secret\0"]))]).unwrap();
    let error = copy(&client, &["t"], &schema, &[batch]).await.unwrap_err();
    assert!(error.class() == Class::Input && !error.to_string().contains("secret"), "{error}");
    assert_eq!(count(&client, "t").await, 0);
}

#[test]
fn a_type_without_a_counterpart_is_refused_before_anything_is_sent() {
    let schema = Schema::new(vec![Field::new("t", DataType::Time64(TimeUnit::Nanosecond), false)]);
    assert_eq!(RowEncoder::new(&schema).unwrap_err().class(), Class::Internal);
}
