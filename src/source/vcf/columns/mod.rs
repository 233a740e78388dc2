//! Typed builders of one column each, chosen once from the header and fed with bytes. They must not know records, files or
//! units; whoever feeds them says at which slot a value belongs.

mod any;
mod digits;
mod ends;
mod flag;
mod float;
mod genotype;
mod int;
mod list;
mod text;
mod vector;
mod widen;

use datafusion::arrow::array::ArrayRef;

use crate::flow::{Number, VcfType};

pub(crate) use any::AnyColumn;
pub(crate) use ends::Ends;
pub(crate) use flag::Flags;
pub(crate) use float::{Floats, parse_float};
pub(crate) use genotype::Genotypes;
pub(crate) use int::{Ints, Longs, leading_long};
pub(crate) use list::List;
pub(crate) use text::Texts;
pub(crate) use vector::{Kind, Vector};

/// Why a value cannot be taken, in fixed words.
pub(crate) type Reason = &'static str;

/// How values of the current line are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Undo the percent-encoding of VCF 4.3 section 1.2. Set only for lines that hold a `%`.
    pub percent: bool,
}

/// What a column took from the front of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes, the delimiter behind them not counted.
    pub len: u32,
    /// Values.
    pub count: u32,
}

impl Taken {
    /// The value is not one that can be taken in passing: look for its end and [`Column::put`] it.
    pub(crate) const NOT: Self = Self { len: 0, count: 0 };

    #[inline]
    fn one(len: usize) -> Self {
        Self { len: len as u32, count: 1 }
    }
}

/// A nullable Arrow array under construction. Slots that nobody fills are padded with nulls later, so a field that a
/// record lacks costs nothing.
pub(crate) trait Column: Send {
    /// Appends the value written as `text` and returns how many values that were. On an error nothing was appended.
    fn push(&mut self, text: &[u8], how: How) -> Result<usize, Reason>;

    /// Slots so far.
    fn len(&self) -> usize;

    /// Appends nulls until there are `len` slots.
    fn pad(&mut self, len: usize);

    /// Fills slot `slot`, padding what lies before it. `None` when it is filled already; nothing was changed then.
    fn put(&mut self, slot: usize, text: &[u8], how: How) -> Result<Option<usize>, Reason> {
        let len = self.len();
        if len > slot {
            return Ok(None);
        }
        if len < slot {
            self.pad(slot);
        }
        self.push(text, how).map(Some)
    }

    /// Appends a value of BCF as one slot and returns how many elements it has. On an error nothing was appended.
    fn push_vector(&mut self, vector: Vector<'_>, how: How) -> Result<usize, Reason> {
        match vector.text() {
            Some(text) => self.push(text, how),
            None => {
                let mut text = Vec::new();
                vector.write(&mut text)?;
                self.push(&text, how)
            }
        }
    }

    /// Appends every element of a value of BCF as a slot of its own, a missing value as one null. After an error some may
    /// have been appended.
    fn push_elements(&mut self, vector: Vector<'_>, how: How) -> Result<(), Reason> {
        let mut text = Vec::new();
        vector.write(&mut text)?;
        text.split(|byte| *byte == b',').try_for_each(|item| self.push(item, how).map(|_| ()))
    }

    /// [`Self::put`] for a value of BCF.
    fn put_vector(&mut self, slot: usize, vector: Vector<'_>, how: How) -> Result<Option<usize>, Reason> {
        let len = self.len();
        if len > slot {
            return Ok(None);
        }
        if len < slot {
            self.pad(slot);
        }
        self.push_vector(vector, how).map(Some)
    }

    /// Fills slot `slot` with the value that `text` begins with and that one of `ends` follows, found and parsed in one
    /// pass. [`Taken::NOT`], and nothing changed, for whatever is not plain: filled slots, empty, odd or bad values.
    #[inline(always)]
    fn take(&mut self, slot: usize, text: &[u8], ends: Ends, how: How) -> Taken {
        let len = self.len();
        if len > slot {
            return Taken::NOT;
        }
        if len < slot {
            self.pad(slot);
        }
        self.take_next(text, ends, how)
    }

    /// The same for the next slot.
    fn take_next(&mut self, _text: &[u8], _ends: Ends, _how: How) -> Taken {
        Taken::NOT
    }

    /// Drops every slot from `len` on.
    fn truncate(&mut self, len: usize);

    /// The finished array; the builder starts again empty, with room for as much.
    fn finish(&mut self) -> ArrayRef;
}

/// The builder for a declaration: Flag -> Boolean, Number=1 -> a scalar, everything else -> a list split at commas.
pub(crate) fn column_for(number: Number, kind: VcfType) -> AnyColumn {
    match (number, kind) {
        (_, VcfType::Flag) => AnyColumn::Flags(Flags::default()),
        (Number::Count(1), VcfType::Integer) => AnyColumn::Ints(Ints::default()),
        (Number::Count(1), VcfType::Float) => AnyColumn::Floats(Floats::default()),
        (Number::Count(1), _) => AnyColumn::Texts(Texts::default()),
        (_, VcfType::Integer) => AnyColumn::IntLists(List::new(Ints::default(), b',')),
        (_, VcfType::Float) => AnyColumn::FloatLists(List::new(Floats::default(), b',')),
        (_, _) => AnyColumn::TextLists(List::new(Texts::default(), b',')),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::Int32Type;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_builder_pads_truncates_and_starts_again() {
        for number in [Number::Count(0), Number::Count(1), Number::A] {
            for kind in [VcfType::Integer, VcfType::Float, VcfType::Flag, VcfType::String, VcfType::Character] {
                let mut column = column_for(number, kind);
                column.pad(2);
                column.push(b"7", How::default()).unwrap();
                column.push(b".", How::default()).unwrap();
                column.push(b"8", How::default()).unwrap();
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
        column.push(b"1,2", How::default()).unwrap();
        assert!(column.push(b"3,x", How::default()).is_err());
        column.push(b"4,.", How::default()).unwrap();
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
                        let count = put.push(value.as_bytes(), How::default());
                        match taken.take(0, text.as_bytes(), ends, How::default()) {
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
}
