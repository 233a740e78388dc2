//! Timestamp -> timestamp or timestamptz, Date32 -> date: microseconds (days) since 2000-01-01. It must not know other types.

use datafusion::arrow::array::{
    Array, Date32Array, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use tokio_postgres::types::Type;

use super::Buffer;

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
pub enum Timestamps<'a> {
    Days(&'a Date32Array),
    Seconds(&'a TimestampSecondArray),
    Millis(&'a TimestampMillisecondArray),
    Micros(&'a TimestampMicrosecondArray),
    Nanos(&'a TimestampNanosecondArray),
}

impl<'a> Timestamps<'a> {
    pub(super) fn bind(array: &'a dyn Array) -> Option<Self> {
        let any = array.as_any();
        None.or_else(|| any.downcast_ref().map(Self::Micros))
            .or_else(|| any.downcast_ref().map(Self::Nanos))
            .or_else(|| any.downcast_ref().map(Self::Millis))
            .or_else(|| any.downcast_ref().map(Self::Seconds))
            .or_else(|| any.downcast_ref().map(Self::Days))
    }

    #[inline]
    pub(super) fn put(&self, row: usize, out: &mut Buffer) {
        let micros = match self {
            Self::Days(values) if values.is_valid(row) => {
                return out.fixed(values.value(row).saturating_sub(EPOCH_DAYS).to_be_bytes());
            }
            Self::Seconds(values) if values.is_valid(row) => values.value(row).saturating_mul(1_000_000),
            Self::Millis(values) if values.is_valid(row) => values.value(row).saturating_mul(1000),
            Self::Micros(values) if values.is_valid(row) => values.value(row),
            Self::Nanos(values) if values.is_valid(row) => values.value(row).div_euclid(1000),
            _ => return out.null(),
        };
        let since = if micros == i64::MAX { i64::MAX } else { micros.saturating_sub(EPOCH_MICROS) };
        out.fixed(since.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{NULL, fields};
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
