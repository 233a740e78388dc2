//! Checks every value of a text column, keeping lists as they are. It must not know which rule a column has.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, ListArray, StringArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::DataType;

use super::rule::{Check, Verdict};
use crate::error::{Error, Result};

/// Does the type hold text, at any depth of lists and structs?
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => is_text(item.data_type()),
        DataType::Struct(children) => children.iter().any(|child| is_text(child.data_type())),
        _ => false,
    }
}

/// Can values of this type be checked? Other text types come from expressions.
pub(super) fn is_checkable(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 => true,
        DataType::List(item) => is_checkable(item.data_type()),
        _ => false,
    }
}

/// The column with unfit values null, and how many values were changed or nulled.
pub(super) fn checked(values: &ArrayRef, check: &Check) -> Result<(ArrayRef, u64)> {
    if let Some(list) = values.as_list_opt::<i32>() {
        let DataType::List(field) = list.data_type() else { return Err(unplanned()) };
        let (items, dropped) = checked(list.values(), check)?;
        if dropped == 0 {
            return Ok((values.clone(), 0));
        }
        let list = ListArray::try_new(field.clone(), list.offsets().clone(), items, list.nulls().cloned())?;
        return Ok((Arc::new(list), dropped));
    }
    let texts = values.as_string_opt::<i32>().ok_or_else(unplanned)?;
    let mut cuts = Vec::new();
    let mut unfit = |at: &usize| texts.is_valid(*at) && check.verdict(texts.value(*at), &mut cuts) != Verdict::Fits;
    match (0..texts.len()).find(&mut unfit) {
        None => Ok((values.clone(), 0)),
        Some(first) => rebuilt(texts, check, first),
    }
}

fn unplanned() -> Error {
    Error::internal("a text column does not have the planned type")
}

/// A copy without what does not fit, and how many values were changed or nulled. Values before `first` are known to fit.
fn rebuilt(texts: &StringArray, check: &Check, first: usize) -> Result<(ArrayRef, u64)> {
    let extents = texts.value_offsets();
    let base = extents.first().map_or(0, |&offset| offset as usize);
    let mut kept =
        Kept { from: texts.value_data(), bytes: Vec::with_capacity(texts.value_data().len()), next: base, left_out: 0 };
    let mut offsets = Vec::with_capacity(extents.len());
    offsets.push(0);
    let mut valid = BooleanBufferBuilder::new(texts.len());
    let (mut cuts, mut dropped) = (Vec::new(), 0);
    for (at, extent) in extents.windows(2).enumerate() {
        let (from, to) = (extent[0] as usize, extent[1] as usize);
        let present = texts.is_valid(at);
        let verdict = match present {
            false => Verdict::Unfit,
            true if at < first => Verdict::Fits,
            true => check.verdict(texts.value(at), &mut cuts),
        };
        match verdict {
            Verdict::Fits => {}
            Verdict::Cut => cuts.iter().for_each(|cut| kept.leave_out(from + cut.start..from + cut.end)),
            Verdict::Unfit => kept.leave_out(from..to),
        }
        dropped += u64::from(present && verdict != Verdict::Fits);
        valid.append(verdict != Verdict::Unfit);
        // Not more than it was.
        offsets.push((to - base - kept.left_out) as i32);
    }
    let bytes = kept.bytes_up_to(extents.last().map_or(0, |&offset| offset as usize));
    let nulls = NullBuffer::new(valid.finish());
    let texts = StringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), Some(nulls))?;
    Ok((Arc::new(texts), dropped))
}

/// Bytes copied in long runs, around what is left out.
struct Kept<'a> {
    from: &'a [u8],
    bytes: Vec<u8>,
    /// The first byte that is neither copied nor left out yet.
    next: usize,
    left_out: usize,
}

impl Kept<'_> {
    fn leave_out(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.bytes.extend_from_slice(self.from.get(self.next..range.start).unwrap_or_default());
            self.left_out += range.len();
            self.next = range.end;
        }
    }

    fn bytes_up_to(mut self, end: usize) -> Vec<u8> {
        self.bytes.extend_from_slice(self.from.get(self.next..end).unwrap_or_default());
        self.bytes
    }
}
