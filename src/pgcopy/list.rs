//! List of any scalar -> one-dimensional array: dimensions, null flag, element type, length, lower bound, elements.
//! It must not know how its elements are written.

use std::ops::Range;

use datafusion::arrow::buffer::NullBuffer;
use tokio_postgres::types::Type;

use super::column::{Bound, Column, NULL, put_bytes};
use super::limits::Unstorable;
use super::spans::Spans;

/// The array type of an element's type.
pub(super) fn array_type(element: &Type) -> Type {
    match *element {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::JSONB => Type::JSONB_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIMESTAMP => Type::TIMESTAMP_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::UUID => Type::UUID_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

/// A column of lists.
pub(super) struct Lists<'a> {
    spans: Spans<'a>,
    items: Bound<'a>,
    nulls: Option<&'a NullBuffer>,
    element: u32,
}

impl<'a> Lists<'a> {
    /// Lists of `items`, which have these nulls and this type.
    pub(super) fn new(spans: Spans<'a>, items: Bound<'a>, nulls: Option<&'a NullBuffer>, element: &Type) -> Self {
        Self { spans, items, nulls, element: element.oid() }
    }
}

/// Length of the field, number of dimensions, null flag, element type; and of the dimension its length and lower bound.
const HEAD: usize = 16;
const DIMENSION: usize = 8;

impl Column for Lists<'_> {
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        for row in rows.clone() {
            if let Some(span) = self.spans.get(row).filter(|span| !span.is_empty()) {
                self.items.prepare(span).map_err(|found| Unstorable { row, ..found })?;
            }
        }
        Ok(rows.end)
    }

    fn size(&self, row: usize) -> usize {
        match self.spans.get(row) {
            None => NULL.len(),
            Some(span) if span.is_empty() => HEAD,
            Some(span) => HEAD + DIMENSION + span.map(|item| self.items.size(item)).sum::<usize>(),
        }
    }

    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        let Some(span) = self.spans.get(row) else { return put_bytes(None, out) };
        let has_null = self.nulls.is_some_and(|nulls| span.clone().any(|item| nulls.is_null(item)));
        let mut words = [0, i32::from(!span.is_empty()), i32::from(has_null), self.element as i32, span.len() as i32, 1];
        let mut at = if span.is_empty() { HEAD } else { HEAD + DIMENSION };
        for item in span {
            at += self.items.put(item, &mut out[at..]);
        }
        words[0] = (at - NULL.len()) as i32;
        for (word, to) in words.iter().zip(out.chunks_exact_mut(4).take(if words[1] == 0 { 4 } else { 6 })) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        Array, BooleanArray, FixedSizeBinaryArray, Float64Array, ListArray, ListBuilder, StringBuilder,
        TimestampMicrosecondArray, make_array,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::{Field, Int32Type};

    use super::super::testing::{NULL, fields};

    #[test]
    fn golden_ints() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(5), None]), None, Some(vec![])]);
        let expected: Vec<u8> = [
            &[0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 5][..],
            &NULL,
            &NULL,
            &[0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23],
        ]
        .concat();
        assert_eq!(fields(&list), expected);
    }

    #[test]
    fn golden_text_without_nulls() {
        let mut builder = ListBuilder::new(StringBuilder::new());
        builder.append_value([Some("PASS")]);
        let expected: Vec<u8> =
            [&[0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4][..], b"PASS"].concat();
        assert_eq!(fields(&builder.finish()), expected);
    }

    #[test]
    fn a_slice_writes_its_own_elements() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), Some(vec![Some(2)])]);
        assert_eq!(fields(&list.slice(1, 1)), fields(&list)[32..]);
    }

    #[test]
    fn every_element_type_has_an_array_type() {
        let elements: Vec<datafusion::arrow::array::ArrayRef> = vec![
            std::sync::Arc::new(BooleanArray::from(vec![true])),
            std::sync::Arc::new(Float64Array::from(vec![1.0])),
            std::sync::Arc::new(FixedSizeBinaryArray::try_from_iter([[1u8; 16]].into_iter()).unwrap()),
            std::sync::Arc::new(TimestampMicrosecondArray::from(vec![1])),
        ];
        for (element, oid) in elements.into_iter().zip([16u32, 701, 2950, 1114]) {
            let field = Field::new("item", element.data_type().clone(), true);
            let list = ListArray::new(field.into(), OffsetBuffer::from_lengths([1]), make_array(element.to_data()), None);
            assert_eq!(fields(&list)[12..16], oid.to_be_bytes());
        }
    }
}
