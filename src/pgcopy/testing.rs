//! Helps the types' tests: the bytes of one column.

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::Field;

pub use super::column::NULL;
use super::encoder::Encoder;

/// Encodes every row of an array as one field each.
pub fn fields(array: &dyn Array) -> Vec<u8> {
    fields_of(Field::new("c", array.data_type().clone(), true), array)
}

/// The same for a field with metadata.
pub fn fields_of(field: Field, array: &dyn Array) -> Vec<u8> {
    let mut column = Encoder::of(&field).unwrap().bind(array).unwrap();
    assert_eq!(column.prepare(0..array.len()), Ok(array.len()));
    let field = |row| {
        let mut out = vec![0xee; column.size(row)];
        assert_eq!(column.put(row, &mut out), out.len());
        out
    };
    (0..array.len()).flat_map(field).collect()
}
