//! Local alleles (VCF 4.5 section 1.6.2, LAA): FORMAT fields of Number=LA, LR and LG count in the ALTs that the call's own LAA
//! lists, in its order. It must not know how lists are divided.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray};
use datafusion::arrow::datatypes::Int32Type;

use super::info::extent;

/// What the lists of a FORMAT field count in.
#[derive(Clone, Copy)]
pub(super) enum Counting<'a> {
    /// The record's ALTs.
    Record,
    /// Each call's own; `None` when nobody read LAA.
    Local(Option<Locals<'a>>),
}

/// A row's allele as a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// ALTs the call knows.
    pub alts: u32,
    /// The row's ALT among them, from 1; `None` when it is none of them.
    pub alt: Option<u32>,
}

/// `calls.LAA` of a batch.
#[derive(Clone, Copy)]
pub(super) struct Locals<'a> {
    calls: &'a ListArray,
    lists: &'a ListArray,
    numbers: &'a Int32Array,
}

impl<'a> Locals<'a> {
    /// `None` when the column is not what the specification declares: a list of integers a call.
    pub(super) fn of(column: &'a ArrayRef) -> Option<Self> {
        let calls = column.as_list_opt::<i32>()?;
        let lists = calls.values().as_list_opt::<i32>()?;
        Some(Self { calls, lists, numbers: lists.values().as_primitive_opt::<Int32Type>()? })
    }

    /// The calls of a record with `alts` ALTs, `count` of them.
    pub(super) fn record(&self, record: usize, count: usize, alts: u32) -> Record {
        let (first, calls) = if self.calls.is_null(record) { (0, 0) } else { extent(self.calls, record) };
        let mut prepared = Record::default();
        for nth in 0..count {
            let begin = prepared.places.len();
            let fits = calls == count && self.call(first + nth, alts, &mut prepared.places);
            match fits {
                true => prepared.calls.push(Some((begin, prepared.places.len()))),
                false => {
                    prepared.places.truncate(begin);
                    prepared.calls.push(None);
                }
            }
        }
        prepared
    }

    /// Appends a call's ALTs with their places, by ALT. False when they are not ALTs of the record, each once.
    fn call(&self, call: usize, alts: u32, places: &mut Vec<(u32, u32)>) -> bool {
        let begin = places.len();
        // A missing LAA is an empty one, as the specification has it.
        let (start, len) = if self.lists.is_null(call) { (0, 0) } else { extent(self.lists, call) };
        if len == 1 && self.numbers.is_null(start) {
            return true;
        }
        for (at, place) in (start..start + len).zip(1u32..) {
            let number = self.numbers.is_valid(at).then(|| self.numbers.value(at)).and_then(|number| u32::try_from(number).ok());
            match number.filter(|number| (1..=alts).contains(number)) {
                Some(number) => places.push((number, place)),
                None => return false,
            }
        }
        let found = places.get_mut(begin..).unwrap_or_default();
        found.sort_unstable();
        found.windows(2).all(|pair| pair[0].0 != pair[1].0)
    }
}

/// What the calls of one record count in.
#[derive(Debug, Default)]
pub(super) struct Record {
    calls: Vec<Option<(usize, usize)>>,
    places: Vec<(u32, u32)>,
}

impl Record {
    /// Where `alt` stands for a call; `None` when its LAA is wrong.
    pub(super) fn place(&self, call: usize, alt: u32) -> Option<Place> {
        let (begin, end) = self.calls.get(call).copied().flatten()?;
        let places = self.places.get(begin..end)?;
        let found = places.binary_search_by_key(&alt, |(number, _)| *number).ok();
        Some(Place { alts: places.len() as u32, alt: found.and_then(|at| places.get(at)).map(|(_, place)| *place) })
    }
}
