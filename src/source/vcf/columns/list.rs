//! Lists: one value's text, split at a separator, each part for the item builder. It must not know which field it is.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::Field;

use super::column::{Column, Encoding, Taken};
use super::ends::Ends;
use super::nulls::Nulls;
use super::vector::Vector;
use crate::source::vcf::find::find;
use crate::source::vcf::reason::Reason;

/// A list of what `C` builds. The text is split at `separator` as it stands: nothing is added, dropped or moved, whatever
/// the declared Number. `.` alone is one missing item.
#[derive(Debug)]
pub(crate) struct List<C> {
    items: C,
    offsets: Vec<i32>,
    nulls: Nulls,
    separator: u8,
}

impl<C: Column> List<C> {
    pub(crate) fn new(items: C, separator: u8) -> Self {
        Self { items, offsets: vec![0], nulls: Nulls::default(), separator }
    }

    /// Appends a list of the one item that `item` appends.
    #[inline(always)]
    pub(crate) fn push_one(&mut self, item: impl FnOnce(&mut C)) {
        item(&mut self.items);
        self.offsets.push(self.items.len() as i32);
    }

    #[inline]
    fn last_offset(&self) -> i32 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

impl<C: Column> Column for List<C> {
    #[inline]
    fn push(&mut self, text: &[u8], encoding: Encoding) -> Result<usize, Reason> {
        let before = self.items.len();
        let mut rest = text;
        loop {
            let at = find(self.separator, rest);
            let item = &rest[..at.unwrap_or(rest.len())];
            if let Err(reason) = self.items.push(item, encoding) {
                self.items.truncate(before);
                return Err(reason);
            }
            match at {
                Some(at) => rest = &rest[at + 1..],
                None => break,
            }
        }
        self.offsets.push(self.items.len() as i32);
        Ok(self.items.len() - before)
    }

    fn push_vector(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        if let Some(text) = vector.text() {
            return self.push(text, encoding);
        }
        let before = self.items.len();
        if let Err(reason) = self.items.push_elements(vector, encoding) {
            self.items.truncate(before);
            return Err(reason);
        }
        self.offsets.push(self.items.len() as i32);
        Ok(self.items.len() - before)
    }

    /// Only for lists that commas separate.
    #[inline(always)]
    fn take_next(&mut self, text: &[u8], ends: Ends, encoding: Encoding) -> Taken {
        debug_assert_eq!(self.separator, b',');
        let before = self.items.len();
        let (item, mut rest, mut len) = (ends.or_comma(), text, 0);
        loop {
            let taken = self.items.take_next(rest, item, encoding);
            if taken == Taken::NOT {
                self.items.truncate(before);
                return Taken::NOT;
            }
            len += taken.len;
            match rest.get(taken.len as usize..) {
                Some([b',', more @ ..]) => {
                    rest = more;
                    len += 1;
                }
                _ => break,
            }
        }
        self.offsets.push(self.items.len() as i32);
        Taken { len, count: (self.items.len() - before) as u32 }
    }

    #[inline]
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn pad(&mut self, len: usize) {
        if len > self.len() {
            self.nulls.add(self.len()..len);
            self.offsets.resize(len + 1, self.last_offset());
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.offsets.truncate(len + 1);
            self.nulls.truncate(len);
            self.items.truncate(self.last_offset() as usize);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let len = self.len();
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(len + 1));
        self.offsets.push(0);
        let items = self.items.finish();
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), items, self.nulls.finish(len)))
    }
}
