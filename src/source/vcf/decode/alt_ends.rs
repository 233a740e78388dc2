//! The column that says where each ALT ends by itself, for whoever makes rows of them. It must not know how an end is found.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, ListArray, NullBufferBuilder};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field};

/// Lists of ends; null where every ALT ends where its record does.
#[derive(Debug)]
pub(super) struct AltEnds {
    ends: Vec<i64>,
    lengths: Vec<usize>,
    present: NullBufferBuilder,
}

impl Default for AltEnds {
    fn default() -> Self {
        Self { ends: Vec::new(), lengths: Vec::new(), present: NullBufferBuilder::new(0) }
    }
}

impl AltEnds {
    /// Appends a record's.
    #[inline]
    pub(super) fn push(&mut self, ends: Option<&[i64]>) {
        self.ends.extend(ends.into_iter().flatten());
        self.lengths.push(ends.map_or(0, <[i64]>::len));
        self.present.append(ends.is_some());
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let Self { ends, lengths, mut present } = std::mem::take(self);
        let field = Arc::new(Field::new("item", DataType::Int64, true));
        let values = Arc::new(Int64Array::from(ends));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), values, present.finish()))
    }
}
