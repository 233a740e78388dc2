//! How a schema says that a column was read from an annotation's text: marks in the field's metadata. Marks hold declared
//! ids and known names only. It must not know how annotations are read.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};

/// The child of an entry that says which ALT it is about, from 1; Int32, null when it names none of its record.
pub const ALT_INDEX: &str = "alt_index";

const ID_KEY: &str = "vcf.annotation";
const SUBFIELD_KEY: &str = "vcf.subfield";

/// Marks a column read from INFO/`id`: the nested one, or with `subfield` a flat one that holds this sub-field's values.
pub fn mark(field: Field, id: &str, subfield: Option<&str>) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(ID_KEY.into(), id.into());
    metadata.extend(subfield.map(|name| (SUBFIELD_KEY.into(), name.into())));
    field.with_metadata(metadata)
}

/// The INFO id a flat column was read from, and the sub-field whose values it holds.
pub fn flat_of(field: &Field) -> Option<(&str, &str)> {
    Some((field.metadata().get(ID_KEY)?, field.metadata().get(SUBFIELD_KEY)?))
}

/// The children of an entry, when the column is a nested one: a list of structs.
pub fn entries_of(kind: &DataType) -> Option<&[FieldRef]> {
    match kind {
        DataType::List(item) => match item.data_type() {
            DataType::Struct(children) => Some(children),
            _ => None,
        },
        _ => None,
    }
}
