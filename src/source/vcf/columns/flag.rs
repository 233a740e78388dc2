//! Flags: true where present, null where not. It must not know which field it belongs to.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, NullBufferBuilder};
use datafusion::arrow::buffer::BooleanBuffer;

use super::column::{Column, Encoding};
use super::vector::Vector;
use crate::source::vcf::reason::Reason;

/// VCF Flag. A value (`DB=1`) is the caller's to keep: the flag is set by being there.
#[derive(Debug)]
pub(crate) struct Flags {
    nulls: NullBufferBuilder,
}

impl Default for Flags {
    fn default() -> Self {
        Self { nulls: NullBufferBuilder::new(0) }
    }
}

impl Column for Flags {
    #[inline]
    fn push(&mut self, _text: &[u8], _encoding: Encoding) -> Result<usize, Reason> {
        self.nulls.append_non_null();
        Ok(0)
    }

    fn push_vector(&mut self, _vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        self.push(b"", encoding)
    }

    #[inline]
    fn len(&self) -> usize {
        self.nulls.len()
    }

    fn pad(&mut self, len: usize) {
        self.nulls.append_n_nulls(len.saturating_sub(self.nulls.len()));
    }

    fn truncate(&mut self, len: usize) {
        if len < self.nulls.len() {
            self.nulls.truncate(len);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let len = self.nulls.len();
        Arc::new(BooleanArray::new(BooleanBuffer::new_set(len), self.nulls.finish()))
    }
}
