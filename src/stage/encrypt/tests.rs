//! What is sealed opens again, in its own column only, and nothing readable stays.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema};
use serde_json::{Value, json};

use super::apply::Encrypt;
use super::*;
use crate::audit::Event;
use crate::error::Class;
use crate::flow::genotype::{genotype_type, testing};
use crate::flow::{Around, Labels, Stage, StageConfig};
use crate::sensitive::Label;
use crate::stage::recorded::Work;
use crate::stage::seal::Seal;

fn stage(columns: &[&str]) -> Encrypt {
    Encrypt::new(Config { columns: columns.iter().map(|name| (*name).to_owned()).collect(), key: "clinical".into() })
}

fn batch() -> RecordBatch {
    let mut notes = ListBuilder::new(StringBuilder::new());
    notes.append_value([Some("Smith"), None]);
    notes.append_value([Some("a \"quoted\" one"), Some("b")]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("chrom", Arc::new(StringArray::from(vec!["1", "2"]))),
        ("info.NOTE", Arc::new(StringArray::from(vec![Some("Smith, ward 7"), None]))),
        (
            "info.AF",
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(0.5), None, Some(f64::NAN)]), None])),
        ),
        ("calls.COMMENT", Arc::new(notes.finish())),
        ("__row", Arc::new(UInt32Array::from(vec![0, 1]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn seal(stage: &Encrypt, ring: &KeyRing) -> (RecordBatch, Vec<Event>) {
    let work = stage.sealing(&batch().schema(), Seal::new(ring).unwrap()).unwrap();
    (work.apply(batch()).unwrap(), work.events())
}

#[test]
fn sealed_values_open_again_and_nulls_stay() {
    let ring = KeyRing::generate();
    let stage = stage(&["info.NOTE", "info.AF", "calls.COMMENT"]);
    let (sealed, events) = seal(&stage, &ring);
    assert_eq!(sealed.schema(), stage.schema(&batch().schema()).unwrap());
    let cell = |name: &str, row: usize| reveal(&ring, name, sealed[name].as_binary::<i32>().value(row)).unwrap();
    assert_eq!(cell("info.NOTE", 0), json!("Smith, ward 7"));
    assert_eq!(cell("info.AF", 0), json!([0.5, null, "NaN"]));
    assert!(sealed["info.NOTE"].is_null(1) && sealed["info.AF"].is_null(1));
    let calls: Vec<Option<Value>> = sealed["calls.COMMENT"]
        .as_list::<i32>()
        .values()
        .as_binary::<i32>()
        .iter()
        .map(|value| value.map(|value| reveal(&ring, "calls.COMMENT", value).unwrap()))
        .collect();
    assert_eq!(calls, [Some(json!("Smith")), None, Some(json!("a \"quoted\" one")), Some(json!("b"))]);
    assert_eq!(sealed["chrom"].as_string::<i32>().value(1), "2");
    let columns = ["info.NOTE", "info.AF", "calls.COMMENT"].map(String::from).to_vec();
    assert_eq!(events, [Event::ColumnsEncrypted { columns, key_id: "k1".into(), values: 5 }]);
}

#[test]
fn a_genotype_opens_as_its_text() {
    let ring = KeyRing::generate();
    let texts = [Some("0|1"), None, Some("./."), Some("|0/1/12")];
    let field = Arc::new(Field::new_list_field(genotype_type(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([texts.len()]);
    let calls: ArrayRef = Arc::new(ListArray::new(field, offsets, testing::column(&texts), None));
    let batch = RecordBatch::try_from_iter([("calls.GT", calls)]).unwrap();
    let work = stage(&["calls.GT"]).sealing(&batch.schema(), Seal::new(&ring).unwrap()).unwrap();
    let sealed = work.apply(batch).unwrap();
    let values = sealed["calls.GT"].as_list::<i32>().value(0);
    let open = |value: &[u8]| reveal(&ring, "calls.GT", value).unwrap().as_str().unwrap().to_owned();
    let opened: Vec<Option<String>> = values.as_binary::<i32>().iter().map(|value| value.map(open)).collect();
    assert_eq!(opened, texts.map(|text| text.map(str::to_owned)));
}

#[test]
fn nothing_readable_is_left_and_equal_values_differ() {
    let ring = KeyRing::generate();
    let bytes = |batch: &RecordBatch| batch["info.NOTE"].as_binary::<i32>().value(0).to_vec();
    let (one, _) = seal(&stage(&["info.NOTE", "calls.COMMENT"]), &ring);
    let (other, _) = seal(&stage(&["info.NOTE"]), &ring);
    assert_ne!(bytes(&one), bytes(&other));
    for name in ["info.NOTE", "calls.COMMENT"] {
        let data = one[name].to_data();
        let mut buffers: Vec<_> = data.buffers().to_vec();
        buffers.extend(data.child_data().iter().flat_map(|child| child.buffers().to_vec()));
        assert!(buffers.iter().all(|buffer| memchr::memmem::find(buffer.as_slice(), b"Smith").is_none()), "{name}");
    }
}

#[test]
fn a_moved_or_changed_value_does_not_open() {
    let mut ring = KeyRing::generate();
    let (sealed, _) = seal(&stage(&["info.NOTE"]), &ring);
    let value = sealed["info.NOTE"].as_binary::<i32>().value(0);
    let class = |ring: &KeyRing, name: &str, value: &[u8]| reveal(ring, name, value).unwrap_err().class();
    assert_eq!(class(&ring, "info.OTHER", value), Class::Integrity);
    assert_eq!(class(&KeyRing::generate(), "info.NOTE", value), Class::Integrity);
    for at in 0..value.len() {
        let mut changed = value.to_vec();
        changed[at] ^= 1;
        assert_eq!(class(&ring, "info.NOTE", &changed), Class::Integrity, "byte {at}");
        assert_eq!(class(&ring, "info.NOTE", &value[..at]), Class::Integrity, "{at} bytes");
    }
    ring.add_key();
    assert_eq!(reveal(&ring, "info.NOTE", value).unwrap(), json!("Smith, ward 7"), "an older key still opens");
}

#[test]
fn mistakes_name_the_nearest_column() {
    let mistakes = stage(&["info.NOTES", "info.AF", "info.AF", "__row"]).check(&batch().schema());
    assert_eq!(
        mistakes,
        [
            "unknown column info.NOTES; did you mean info.NOTE?",
            "column info.AF is named twice",
            "column __row links rows and cannot be encrypted"
        ]
    );
    let sealed = Schema::new(vec![Field::new("info.NOTE", DataType::Binary, true)]);
    assert_eq!(stage(&["info.NOTE"]).check(&sealed), ["column info.NOTE is encrypted already"]);
    assert_eq!(
        Config { columns: vec![], key: "k".into() }.build(&Around::folder(Path::new("."))).unwrap_err().class(),
        Class::Usage
    );
}

#[test]
fn sealed_columns_are_clinical_and_the_key_is_named() {
    let stage = stage(&["info.NOTE"]);
    let labels = stage.labels(&Labels::default(), &batch().schema());
    assert_eq!((labels.of("info.NOTE"), labels.of("info.AF")), (Label::Clinical, Label::Identifier));
    assert_eq!(stage.keys(), ["clinical"]);
    assert_eq!(stage.blocks_predicates_on(&batch().schema()), ["info.NOTE"]);
}

#[test]
fn structs_are_sealed_whole() {
    let ring = KeyRing::generate();
    let fields = vec![Field::new("SYMBOL", DataType::Utf8, true), Field::new("n", DataType::Int32, true)];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["A\"B", "C"])), Arc::new(Int32Array::from(vec![None, Some(2)]))];
    let entries = StructArray::new(fields.into(), columns, None);
    let item = Arc::new(Field::new("item", entries.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([2]);
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(entries), None));
    let sealed = Seal::new(&ring).unwrap().column("info.CSQ", &list).unwrap();
    let opened = reveal(&ring, "info.CSQ", sealed.as_binary::<i32>().value(0)).unwrap();
    assert_eq!(opened, json!([{ "SYMBOL": "A\"B", "n": null }, { "SYMBOL": "C", "n": 2 }]));
}
