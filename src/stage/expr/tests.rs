//! Names, mistakes and labels of expressions, and the plans they make.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, AsArray, Float64Array, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder, UInt32Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;

fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let list = |name: &str, item| Field::new_list(name, Field::new_list_field(item, true), true);
    Schema::new(vec![
        text("chrom"),
        Field::new("qual", DataType::Float64, true),
        list("filters", DataType::Utf8),
        Field::new("info.AF", DataType::Float64, true),
        Field::new("info.1000G", DataType::Boolean, true),
        list("info.AC", DataType::Int32),
        Field::new("info.END", DataType::Int32, true),
        list("calls.__sample", DataType::Int32),
        list("calls.GT", crate::flow::genotype::genotype_type()),
        list("calls.FT", DataType::Utf8),
        Field::new("__unit", DataType::UInt32, false),
        Field::new("__row", DataType::UInt32, false),
    ])
}

#[test]
fn the_design_pages_filter_parses() {
    assert!(parse_filter("qual >= 30 AND array_has(filters, 'PASS')", &schema()).is_ok());
}

#[test]
fn dotted_names_are_flat_and_keep_their_case() {
    let expr = parse("info.AF * 2 + info.END + \"info.AC\"[1] + info.AC[2]", &schema()).unwrap();
    let mut names: Vec<String> = expr.column_refs().into_iter().map(|column| column.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["info.AC", "info.AF", "info.END"]);
    assert!(parse("\"info.1000G\"", &schema()).is_ok());
    assert!(parse_filter("ARRAY_HAS(calls.FT, 'PASS')", &schema()).is_ok());
}

#[test]
fn genotypes_are_asked_for_their_alleles() {
    use crate::flow::genotype::{genotype_type, testing};
    let field = Arc::new(Field::new_list_field(genotype_type(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([2, 1, 0, 2]);
    let texts = [Some("0|0"), Some("0/1"), Some("1|1"), None, Some("./2")];
    let calls = datafusion::arrow::array::ListArray::new(field, offsets, testing::column(&texts), None);
    let n: Arc<dyn Array> = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
    let batch = RecordBatch::try_from_iter([("calls.GT", Arc::new(calls) as Arc<dyn Array>), ("n", n)]).unwrap();
    let rows = |sql: &str| {
        let plan = SessionContext::new().read_batch(batch.clone()).unwrap().into_unoptimized_plan();
        run(filter(plan, sql).unwrap())["n"].as_primitive::<Int32Type>().values().to_vec()
    };
    assert_eq!(rows("array_any_match(calls.GT, g -> array_has(g['alleles'], 1))"), [1, 2]);
    assert_eq!(rows("array_any_match(calls.GT, g -> g['alleles'] = [1, 1])"), [2]);
    assert_eq!(rows("calls.GT[1]['phased'][2]"), [1, 2]);
    assert_eq!(rows("calls.GT[2]['alleles'][2] = 2"), [4]);
    let mistakes = parse_filter("array_has(calls.GT, '1/1')", &schema()).unwrap_err();
    assert!(mistakes.len() == 1 && !mistakes[0].contains("1/1"), "{mistakes:?}");
    assert_eq!(parse("array_any_match(calls.GT, g -> h)", &schema()).unwrap_err(), ["unknown column h"]);
}

#[test]
fn every_unknown_name_is_told_with_its_neighbour() {
    let mistakes = parse("info.af > 1 AND info.ENDD < 3 AND arry_has(filters, 'x') AND __row = 1", &schema()).unwrap_err();
    assert_eq!(
        mistakes,
        [
            "unknown column info.af; did you mean info.AF?",
            "unknown column info.ENDD; did you mean info.END?",
            "unknown function arry_has; did you mean array_has?",
            "unknown column __row",
        ]
    );
}

#[test]
fn what_sees_more_than_one_row_or_changes_is_refused() {
    for sql in ["max(qual) > 3", "row_number() OVER () = 1", "uuid() = 'x'", "qual IN (SELECT 1)", "EXISTS (SELECT 1)"] {
        let mistakes = parse(sql, &schema()).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{sql}: {mistakes:?}");
        assert!(!mistakes[0].contains("cannot be evaluated"), "{sql}: {mistakes:?}");
    }
}

#[test]
fn mistakes_do_not_quote_literals() {
    for sql in [
        "qual > 'MRN-123456",
        "'MRN-123456' MRN-123456",
        "array_has(qual, 'MRN-123456', 4, 5)",
        "chrom + ['MRN-123456']",
        "",
        "(",
        "chrom =",
    ] {
        let mistakes = parse(sql, &schema()).unwrap_err();
        assert!(!mistakes.is_empty() && !mistakes.concat().contains("MRN"), "{sql}: {mistakes:?}");
    }
}

#[test]
fn a_filter_must_be_boolean() {
    assert_eq!(parse_filter("qual + 1", &schema()).unwrap_err(), ["a filter must be true or false, this expression is Float64"]);
}

#[test]
fn labels_are_the_maximum_over_columns() {
    let mut labels = Labels::default();
    labels.set("chrom", Label::Public);
    labels.set("qual", Label::Clinical);
    let label = |sql: &str| labels_of(&parse(sql, &schema()).unwrap(), &labels);
    assert_eq!(label("1 + 1"), Label::Public);
    assert_eq!(label("chrom = 'x'"), Label::Public);
    assert_eq!(label("CASE WHEN qual > 3 THEN chrom END"), Label::Clinical);
    assert_eq!(label("info.AF + qual"), Label::Identifier);
}

fn table() -> LogicalPlan {
    let mut filters = ListBuilder::new(StringBuilder::new());
    filters.append_value([Some("PASS")]);
    filters.append_null();
    filters.append_value([Some("q10")]);
    let schema = schema().project(&[0, 1, 2, 3, 10, 11]).unwrap();
    let batch = RecordBatch::try_new(
        Arc::new(schema.clone()),
        vec![
            Arc::new(StringArray::from(vec!["1", "1", "2"])),
            Arc::new(Float64Array::from(vec![Some(50.0), Some(40.0), None])),
            Arc::new(filters.finish()),
            Arc::new(Float64Array::from(vec![Some(0.25), None, Some(0.5)])),
            Arc::new(UInt32Array::from(vec![0, 0, 1])),
            Arc::new(UInt32Array::from(vec![0, 1, 0])),
        ],
    );
    let table = MemTable::try_new(Arc::new(schema), vec![vec![batch.unwrap()]]).unwrap();
    let session = SessionContext::new();
    session.register_table("vcf", Arc::new(table)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(session.table("vcf")).unwrap().into_unoptimized_plan()
}

fn run(plan: LogicalPlan) -> RecordBatch {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let batches = runtime.block_on(async { session.execute_logical_plan(plan).await?.collect().await }).unwrap();
    datafusion::arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn a_filter_keeps_true_rows_only() {
    let kept = run(filter(table(), "qual >= 30 AND array_has(filters, 'PASS')").unwrap());
    assert_eq!((kept.num_rows(), kept.num_columns()), (1, 6));
    assert_eq!(filter(table(), "qal > 1").unwrap_err().to_string(), "unknown column qal; did you mean qual?");
}

#[test]
fn derive_adds_and_replaces() {
    let columns =
        BTreeMap::from([("info.TWICE", "info.AF * 2"), ("qual", "coalesce(qual, 0)")].map(|(a, b)| (a.into(), b.into())));
    let plan = derive(table(), &columns).unwrap();
    let batch = run(filter(plan, "info.TWICE > 0").unwrap());
    assert_eq!(batch["qual"].as_primitive::<Float64Type>().values(), &[50.0, 0.0]);
    assert_eq!(batch["info.TWICE"].as_primitive::<Float64Type>().values(), &[0.5, 1.0]);
    let wrong = BTreeMap::from([("__row".to_owned(), "1".to_owned()), ("x".into(), "nope".into())]);
    assert_eq!(derive(table(), &wrong).unwrap_err().to_string().lines().count(), 2);
}

#[test]
fn select_keeps_internal_columns() {
    let plan = select(table(), &["qual".into(), "info.*".into()]).unwrap();
    let names: Vec<String> = run(plan).schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["qual", "info.AF", "__unit", "__row"]);
    assert!(select(table(), &["qua".into()]).unwrap_err().to_string().contains("did you mean qual?"));
}

#[test]
fn a_selected_call_column_brings_its_samples() {
    let item = |values: Vec<Option<i32>>| {
        Arc::new(datafusion::arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some(values)])) as Arc<dyn Array>
    };
    let batch = RecordBatch::try_from_iter([
        ("calls.__sample", item(vec![Some(0)])),
        ("calls.DP", item(vec![Some(7)])),
        ("n", Arc::new(Int32Array::from(vec![1])) as _),
    ]);
    let plan = SessionContext::new().read_batch(batch.unwrap()).unwrap().into_unoptimized_plan();
    let names: Vec<String> =
        run(select(plan, &["calls.DP".into()]).unwrap()).schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["calls.DP", "calls.__sample"]);
}

#[test]
fn the_bare_key_of_a_field_is_the_field() {
    for (sql, said) in [("AF > 1", "info.AF"), ("1000g", "info.1000G"), ("FT", "calls.FT"), ("GT", "calls.GT")] {
        let sql = if sql.starts_with('1') { format!("\"{sql}\"") } else { sql.to_owned() };
        let mistakes = parse(&sql, &schema()).unwrap_err();
        assert!(mistakes[0].ends_with(&format!("; did you mean {said}?")), "{mistakes:?}");
    }
}

#[test]
fn text_where_a_number_is_needed_is_a_mistake_of_the_expression() {
    let mistake = |sql: &str| parse(sql, &schema()).unwrap_err().join("; ");
    assert!(mistake("qual > 'Doe'").starts_with("a text that is no number") && !mistake("qual > 'Doe'").contains("Doe"));
    for sql in ["qual > chrom", "chrom = 22", "chrom IN (21, 22)"] {
        let said = "chrom is text where a number is needed: compare it with a text in quotes, or TRY_CAST(chrom AS …)";
        assert_eq!(mistake(sql), said, "{sql}");
    }
    for right in ["qual > '30'", "CAST(chrom AS DOUBLE) > qual", "TRY_CAST(chrom AS DOUBLE) > qual", "chrom = 'x'"] {
        assert!(parse(right, &schema()).is_ok(), "{right}: {:?}", parse(right, &schema()));
    }
}
