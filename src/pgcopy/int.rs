//! Integers -> int2, int4, int8, big endian; unsigned ones take the next wider type. It must not know other types.

use datafusion::arrow::array::{Array, Int8Array, Int16Array, Int32Array, Int64Array, UInt8Array, UInt16Array, UInt32Array};
use datafusion::arrow::datatypes::DataType;
use tokio_postgres::types::Type;

use super::column::Bound;
use super::primitive::column;

/// Bytes of the PostgreSQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Two,
    Four,
    Eight,
}

impl Width {
    pub(super) fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => Some(Self::Two),
            DataType::UInt16 | DataType::Int32 => Some(Self::Four),
            DataType::UInt32 | DataType::Int64 => Some(Self::Eight),
            _ => None,
        }
    }

    pub(super) fn pg_type(self) -> Type {
        match self {
            Self::Two => Type::INT2,
            Self::Four => Type::INT4,
            Self::Eight => Type::INT8,
        }
    }
}

macro_rules! ints {
    ($($variant:ident($array:ty => $target:ty)),* $(,)?) => {
        /// An integer column.
        #[derive(Clone, Copy)]
        pub enum Ints<'a> {
            $($variant(&'a $array)),*
        }

        impl<'a> Ints<'a> {
            pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
                $(if let Some(values) = array.as_any().downcast_ref::<$array>() { return Some(Self::$variant(values)); })*
                None
            }

            pub(super) fn column(self) -> Bound<'a> {
                match self {
                    $(Self::$variant(array) => column(array, |value| <$target>::from(value).to_be_bytes())),*
                }
            }

            pub(super) fn get(&self, row: usize) -> Option<i64> {
                match self {
                    $(Self::$variant(values) => values.is_valid(row).then(|| i64::from(values.value(row)))),*
                }
            }
        }
    };
}

ints! {
    I32(Int32Array => i32), I64(Int64Array => i64), I16(Int16Array => i16), I8(Int8Array => i16),
    U8(UInt8Array => i16), U16(UInt16Array => i32), U32(UInt32Array => i64),
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        assert_eq!(fields(&Int32Array::from(vec![1, -2])), [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(fields(&Int64Array::from(vec![i64::MAX])), [0, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(fields(&Int16Array::from(vec![None, Some(258)])), [&NULL[..], &[0, 0, 0, 2, 1, 2]].concat());
        assert_eq!(fields(&Int8Array::from(vec![-1])), [0, 0, 0, 2, 0xff, 0xff]);
        assert_eq!(fields(&UInt8Array::from(vec![255])), [0, 0, 0, 2, 0, 255]);
        assert_eq!(fields(&UInt16Array::from(vec![None, Some(65535)])), [&NULL[..], &[0, 0, 0, 4, 0, 0, 0xff, 0xff]].concat());
        assert_eq!(fields(&UInt32Array::from(vec![u32::MAX])), [0, 0, 0, 8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    }
}
