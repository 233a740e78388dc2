//! Floating point. It must not know which field it belongs to.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::buffer::ScalarBuffer;

use super::column::{Column, Encoding, Taken};
use super::decimal::{parse_float, plain};
use super::ends::Ends;
use super::nulls::Nulls;
use super::vector::Vector;
use crate::source::vcf::reason::Reason;

/// VCF Float.
#[derive(Debug, Default)]
pub(crate) struct Floats {
    values: Vec<f64>,
    nulls: Nulls,
}

impl Floats {
    #[inline(always)]
    pub(crate) fn push_value(&mut self, value: Option<f64>) {
        if value.is_none() {
            self.nulls.add(self.values.len()..self.values.len() + 1);
        }
        self.values.push(value.unwrap_or(0.0));
    }
}

impl Column for Floats {
    #[inline]
    fn push(&mut self, text: &[u8], _encoding: Encoding) -> Result<usize, Reason> {
        if text == b"." || text.is_empty() {
            self.push_value(None);
        } else {
            self.push_value(Some(parse_float(text)?));
        }
        Ok(1)
    }

    fn push_vector(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<usize, Reason> {
        if let Some(text) = vector.text() {
            return self.push(text, encoding);
        }
        let mut elements = vector.numbers();
        let value = elements.next().transpose()?.flatten();
        if elements.next().is_some() {
            return Err(Reason::NotNumber);
        }
        self.push_value(value);
        Ok(1)
    }

    fn push_elements(&mut self, vector: Vector<'_>, encoding: Encoding) -> Result<(), Reason> {
        let before = self.values.len();
        if let Some(text) = vector.text() {
            return text.split(|byte| *byte == b',').try_for_each(|item| self.push(item, encoding).map(|_| ()));
        }
        for value in vector.numbers() {
            self.push_value(value?);
        }
        if self.values.len() == before {
            self.push_value(None);
        }
        Ok(())
    }

    #[inline(always)]
    fn take_next(&mut self, text: &[u8], ends: Ends, _encoding: Encoding) -> Taken {
        if let [b'.', ..] = text
            && ends.at(text.get(1))
        {
            self.push_value(None);
            return Taken::one(1);
        }
        match plain(text, ends) {
            Some((value, len)) => {
                self.push_value(Some(value));
                Taken::one(len)
            }
            None => Taken::NOT,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.values.len()
    }

    fn pad(&mut self, len: usize) {
        if len > self.values.len() {
            self.nulls.add(self.values.len()..len);
            self.values.resize(len, 0.0);
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.values.len() {
            self.values.truncate(len);
            self.nulls.truncate(len);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let room = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(room));
        Arc::new(Float64Array::new(ScalarBuffer::from(values), self.nulls.finish(room)))
    }
}
