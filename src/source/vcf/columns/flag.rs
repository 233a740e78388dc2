//! Flags: true where present, null where not. It must not know which field it belongs to.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::buffer::BooleanBuffer;

use super::column::{Column, Encoding};
use super::nulls::Nulls;
use super::vector::Vector;
use crate::source::vcf::reason::Reason;

/// VCF Flag. A value (`DB=1`) is the caller's to keep: the flag is set by being there.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    len: usize,
    nulls: Nulls,
}

impl Column for Flags {
    #[inline]
    fn push(&mut self, _text: &[u8], _encoding: Encoding) -> Result<usize, Reason> {
        self.len += 1;
        Ok(0)
    }

    fn push_vector(&mut self, _vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        self.push(b"", encoding)
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn pad(&mut self, len: usize) {
        if len > self.len {
            self.nulls.add(self.len..len);
            self.len = len;
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
            self.nulls.truncate(len);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let len = std::mem::take(&mut self.len);
        Arc::new(BooleanArray::new(BooleanBuffer::new_set(len), self.nulls.finish(len)))
    }
}
