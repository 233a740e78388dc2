//! Decimals and unsigned integers of 64 bits -> numeric: the digits to base 10000 (PostgreSQL source, `numeric_recv`). It must
//! not know other types.

use datafusion::arrow::array::{Array, AsArray, Decimal256Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DECIMAL256_MAX_PRECISION, DataType, i256};

use super::column::{Column, NULL, put_bytes};

/// Digits of [`i256`] to base 10000, and one more where the decimal point cuts a group.
const GROUPS: usize = 21;
const BASE: i64 = 10_000;
const NEGATIVE: u16 = 0x4000;

/// Length of the field, number of groups, weight, sign, scale.
const HEAD: usize = 12;

/// Is it stored as numeric?
pub(super) fn is_numeric(kind: &DataType) -> bool {
    kind == &DataType::UInt64 || kind.is_decimal()
}

/// A column of exact numbers.
pub(super) struct Numerics {
    values: Decimal256Array,
}

impl Numerics {
    /// Looks at an array of any type for which [`is_numeric`] holds.
    pub(super) fn bind(array: &dyn Array) -> Option<Self> {
        let wide = match *array.data_type() {
            DataType::UInt64 => DataType::Decimal256(20, 0),
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale)
            }
            DataType::Decimal256(..) => array.data_type().clone(),
            _ => return None,
        };
        Some(Self { values: cast(array, &wide).ok()?.as_primitive_opt()?.clone() })
    }

    fn digits(&self, row: usize) -> Option<Digits> {
        self.values.is_valid(row).then(|| Digits::of(self.values.value(row), self.values.scale()))
    }
}

impl Column for Numerics {
    fn size(&self, row: usize) -> usize {
        self.digits(row).map_or(NULL.len(), |digits| HEAD + 2 * digits.groups().len())
    }

    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        let Some(digits) = self.digits(row) else { return put_bytes(None, out) };
        let groups = digits.groups();
        let size = HEAD + 2 * groups.len();
        out[..4].copy_from_slice(&(size as i32 - 4).to_be_bytes());
        let head = [groups.len() as u16, digits.weight as u16, digits.sign, self.values.scale().max(0) as u16];
        for (word, to) in head.iter().chain(groups.iter().rev()).zip(out[4..].chunks_exact_mut(2)) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        size
    }
}

/// A number as the server keeps it: no zeros at either end, so that it sends what it was sent.
struct Digits {
    /// The lowest first.
    digits: [u16; GROUPS],
    used: std::ops::Range<usize>,
    /// Power of 10000 of the highest.
    weight: i16,
    sign: u16,
}

impl Digits {
    /// Of `unscaled` times ten to the power of minus `scale`.
    fn of(unscaled: i256, scale: i8) -> Self {
        let exponent = -i32::from(scale);
        let (lowest, pad) = (exponent.div_euclid(4), exponent.rem_euclid(4) as u32);
        let mut found =
            Self { digits: [0; GROUPS], used: 0..0, weight: 0, sign: if unscaled.is_negative() { NEGATIVE } else { 0 } };
        let (mut rest, mut base, mut shift) = (unscaled, BASE / 10i64.pow(pad), 10i64.pow(pad));
        for (n, digit) in found.digits.iter_mut().enumerate() {
            if rest == i256::ZERO {
                break;
            }
            // Its magnitude is below the base.
            let low = rest.wrapping_rem(i256::from(base)).as_i128() as i64;
            rest = rest.wrapping_div(i256::from(base));
            *digit = (low.abs() * shift) as u16;
            (base, shift) = (BASE, 1);
            if *digit != 0 {
                found.used = if found.used.is_empty() { n..n + 1 } else { found.used.start..n + 1 };
                found.weight = (lowest + n as i32) as i16;
            }
        }
        found
    }

    fn groups(&self) -> &[u16] {
        &self.digits[self.used.clone()]
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Decimal128Array, UInt64Array};

    use super::super::testing::{NULL, fields};
    use super::*;

    /// Number of groups, weight, sign, scale, and the groups.
    fn numeric(words: &[i16]) -> Vec<u8> {
        let length = (2 * words.len() as i32).to_be_bytes();
        length.into_iter().chain(words.iter().flat_map(|word| word.to_be_bytes())).collect()
    }

    fn decimal(unscaled: i128, scale: i8) -> Vec<u8> {
        fields(&Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap())
    }

    #[test]
    fn golden() {
        assert_eq!(decimal(123_456_789, 4), numeric(&[3, 1, 0, 4, 1, 2345, 6789]));
        assert_eq!(decimal(-5, 1), numeric(&[1, -1, NEGATIVE as i16, 1, 5000]));
        assert_eq!(decimal(1_000_050, 5), numeric(&[2, 0, 0, 5, 10, 5]));
        assert_eq!(decimal(0, 3), numeric(&[0, 0, 0, 3]));
        assert_eq!(decimal(7, -5), numeric(&[1, 1, 0, 0, 70]));
        let largest = fields(&UInt64Array::from(vec![Some(u64::MAX), None]));
        assert_eq!(largest, [&numeric(&[5, 4, 0, 0, 1844, 6744, 737, 955, 1615])[..], &NULL].concat());
    }
}
