//! Float32 -> float4, Float64 -> float8: IEEE 754, big endian, NaN and infinities as they are. It must not know other types.

use datafusion::arrow::array::{Array, Float32Array, Float64Array};
use datafusion::arrow::datatypes::DataType;

use super::column::Bound;
use super::primitive::column;

/// Bytes of the PostgreSQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Four,
    Eight,
}

impl Width {
    pub(super) fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Float32 => Some(Self::Four),
            DataType::Float64 => Some(Self::Eight),
            _ => None,
        }
    }
}

/// A floating-point column.
#[derive(Clone, Copy)]
pub enum Floats<'a> {
    F32(&'a Float32Array),
    F64(&'a Float64Array),
}

impl<'a> Floats<'a> {
    pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
        let any = array.as_any();
        any.downcast_ref().map(Self::F64).or_else(|| any.downcast_ref().map(Self::F32))
    }

    pub(super) fn column(self) -> Bound<'a> {
        match self {
            Self::F64(array) => column(array, f64::to_be_bytes),
            Self::F32(array) => column(array, f32::to_be_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        assert_eq!(fields(&Float64Array::from(vec![1.5])), [0, 0, 0, 8, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            fields(&Float64Array::from(vec![None, Some(f64::NEG_INFINITY)])),
            [&NULL[..], &[0, 0, 0, 8, 0xff, 0xf0, 0, 0, 0, 0, 0, 0]].concat()
        );
        assert_eq!(fields(&Float32Array::from(vec![None, Some(1.5)])), [&NULL[..], &[0, 0, 0, 4, 0x3f, 0xc0, 0, 0]].concat());
    }
}
