//! Timestamp -> timestamp or timestamptz, Date32 -> date: microseconds (days) since 2000-01-01. It must not know other types.

use datafusion::arrow::array::{Array, ArrowPrimitiveType, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use tokio_postgres::types::Type;

use super::column::Bound;
use super::primitive::column;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// Which PostgreSQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Date,
    Timestamp,
    TimestampTz,
}

impl Unit {
    pub(super) fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Date32 => Some(Self::Date),
            DataType::Timestamp(
                TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
                zone,
            ) => Some(if zone.is_some() { Self::TimestampTz } else { Self::Timestamp }),
            _ => None,
        }
    }

    pub(super) fn pg_type(self) -> Type {
        match self {
            Self::Date => Type::DATE,
            Self::Timestamp => Type::TIMESTAMP,
            Self::TimestampTz => Type::TIMESTAMPTZ,
        }
    }
}

/// A column of instants or days. Nanoseconds are cut to microseconds; what is out of range becomes `infinity`.
pub(super) fn bind<'a>(array: &'a dyn Array) -> Option<Bound<'a>> {
    None.or_else(|| of::<TimestampMicrosecondType, 8>(array, |micros| since_epoch(micros).to_be_bytes()))
        .or_else(|| of::<TimestampNanosecondType, 8>(array, |nanos| since_epoch(nanos.div_euclid(1000)).to_be_bytes()))
        .or_else(|| of::<TimestampMillisecondType, 8>(array, |ms| since_epoch(ms.saturating_mul(1000)).to_be_bytes()))
        .or_else(|| of::<TimestampSecondType, 8>(array, |s| since_epoch(s.saturating_mul(1_000_000)).to_be_bytes()))
        .or_else(|| of::<Date32Type, 4>(array, |days| days.saturating_sub(EPOCH_DAYS).to_be_bytes()))
}

fn of<'a, T: ArrowPrimitiveType, const N: usize>(
    array: &'a dyn Array,
    bytes: impl Fn(T::Native) -> [u8; N] + Send + Sync + 'a,
) -> Option<Bound<'a>> {
    Some(column(array.as_primitive_opt::<T>()?, bytes))
}

fn since_epoch(micros: i64) -> i64 {
    if micros == i64::MAX { i64::MAX } else { micros.saturating_sub(EPOCH_MICROS) }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        Date32Array, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };

    use super::super::testing::{NULL, fields};
    use super::*;

    #[test]
    fn golden() {
        let second = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40];
        let at = 946_684_801i64; // one second into 2000
        assert_eq!(fields(&TimestampSecondArray::from(vec![at])), second);
        assert_eq!(fields(&TimestampMillisecondArray::from(vec![at * 1000])), second);
        assert_eq!(fields(&TimestampMicrosecondArray::from(vec![at * 1_000_000])), second);
        assert_eq!(fields(&TimestampNanosecondArray::from(vec![at * 1_000_000_000 + 999])), second);
        assert_eq!(fields(&TimestampMicrosecondArray::from(vec![None, Some(at * 1_000_000)])), [&NULL[..], &second].concat());
        assert_eq!(
            fields(&Date32Array::from(vec![Some(EPOCH_DAYS - 1), None])),
            [&[0, 0, 0, 4, 255, 255, 255, 255], &NULL[..]].concat()
        );
    }
}
