//! All builders alike. What is taken in passing is what is put.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int32Type;
use proptest::prelude::*;

use super::*;
use crate::flow::{Number, VcfType};

#[test]
fn every_builder_pads_truncates_and_starts_again() {
    for number in [Number::Count(0), Number::Count(1), Number::A] {
        for kind in [VcfType::Integer, VcfType::Float, VcfType::Flag, VcfType::String, VcfType::Character] {
            let mut column = column_for(number, kind);
            column.pad(2);
            column.push(b"7", Encoding::default()).unwrap();
            column.push(b".", Encoding::default()).unwrap();
            column.push(b"8", Encoding::default()).unwrap();
            column.truncate(4);
            column.pad(6);
            let array = column.finish();
            assert_eq!(array.len(), 6, "{number:?} {kind:?}");
            assert!(array.is_null(0) && array.is_null(1) && array.is_valid(2) && array.is_null(5));
            assert_eq!(column.len(), 0);
        }
    }
}

#[test]
fn a_failed_push_leaves_nothing_behind() {
    let mut column = column_for(Number::Unknown, VcfType::Integer);
    column.push(b"1,2", Encoding::default()).unwrap();
    assert!(column.push(b"3,x", Encoding::default()).is_err());
    column.push(b"4,.", Encoding::default()).unwrap();
    let array = column.finish();
    let lists = array.as_list::<i32>();
    let second = lists.value(1);
    let second = second.as_primitive::<Int32Type>();
    assert_eq!((lists.len(), second.len(), second.value(0), second.is_null(1)), (2, 2, 4, true));
}

fn value() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i32>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "-?[0-9]{1,9}(\\.[0-9]{0,9})?(e-?[0-9]{1,3})?"
    ];
    let item = prop_oneof![6 => number, 1 => Just(".".to_owned()), 2 => "[-+.0-9eEa-z|%]{0,20}"];
    prop::collection::vec(item, 1..4).prop_map(|items| items.join(","))
}

proptest! {
    #[test]
    fn a_value_taken_in_passing_is_the_value_put(value in value(), behind in "[0-9.,;a-z]{0,20}") {
        for number in [Number::Count(0), Number::Count(1), Number::A] {
            for kind in [VcfType::Integer, VcfType::Float, VcfType::Flag, VcfType::String] {
                for (ends, end) in [(Ends::INFO, ";"), (Ends::CALL, ":"), (Ends::CALL, "\t"), (Ends::COLUMN, "\t")] {
                    let (mut taken, mut put) = (column_for(number, kind), column_for(number, kind));
                    let text = if behind.is_empty() { value.clone() } else { format!("{value}{end}{behind}") };
                    let count = put.push(value.as_bytes(), Encoding::default());
                    match taken.take(0, text.as_bytes(), ends, Encoding::default()) {
                        Taken::NOT => prop_assert_eq!(taken.len(), 0),
                        Taken { len, count: many } => {
                            prop_assert_eq!((len as usize, Ok(many as usize)), (value.len(), count), "{} {:?}", text, kind);
                            prop_assert_eq!(&taken.finish(), &put.finish());
                        }
                    }
                }
            }
        }
    }
}
