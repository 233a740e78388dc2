//! Which encoder a column has: chosen once, from its field. It must not know tables or how bytes reach a server.

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::{DataType, Field};
use tokio_postgres::types::Type;

use super::column::Bound;
use super::json::{self, JsonKind};
use super::spans::Spans;
use super::text::Text;
use super::{binary, boolean, float, int, list, numeric, timestamp, uuid};

/// Canonical Arrow extension name of text that is JSON; such a column becomes `jsonb`.
pub const JSON_EXTENSION: &str = "arrow.json";
/// Field metadata key of Arrow extension names.
pub const EXTENSION_KEY: &str = "ARROW:extension:name";

/// How one column is encoded; chosen from the field, before any batch is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoder {
    Bool,
    Int(int::Width),
    Float(float::Width),
    /// Decimals, and integers wider than int8.
    Numeric,
    Text,
    /// UTF-8 text that is a JSON document.
    Jsonb,
    /// Structs, and lists of them or of lists: JSON documents.
    Nested(JsonKind),
    Timestamp(timestamp::Unit),
    Uuid,
    Bytes,
    List(Box<Encoder>),
}

impl Encoder {
    /// The encoder of a field, `None` when its type has no PostgreSQL counterpart here.
    ///
    /// Boolean -> bool; Int8, UInt8, Int16 -> int2; UInt16, Int32 -> int4; UInt32, Int64 -> int8; Float32 -> float4;
    /// Float64 -> float8; UInt64 and decimals -> numeric; Utf8 of any layout -> text (jsonb with the extension name `arrow.json`); Timestamp and Date32 ->
    /// timestamp(tz) and date; FixedSizeBinary(16) -> uuid; other binary -> bytea; List of these -> array; Struct, and List of
    /// structs or lists -> jsonb.
    pub fn of(field: &Field) -> Option<Self> {
        let json = field.metadata().get(EXTENSION_KEY).is_some_and(|name| name == JSON_EXTENSION);
        Some(match field.data_type() {
            DataType::Boolean => Self::Bool,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if json => Self::Jsonb,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::FixedSizeBinary(16) => Self::Uuid,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Self::Bytes,
            DataType::Float32 | DataType::Float64 => Self::Float(float::Width::of(field.data_type())?),
            DataType::List(item) | DataType::LargeList(item) => match Self::of(item)? {
                Self::List(_) | Self::Nested(_) => Self::Nested(JsonKind::of(field.data_type())?),
                element => Self::List(Box::new(element)),
            },
            DataType::Struct(_) => Self::Nested(JsonKind::of(field.data_type())?),
            numeric if numeric::is_numeric(numeric) => Self::Numeric,
            other => match (int::Width::of(other), timestamp::Unit::of(other)) {
                (Some(width), _) => Self::Int(width),
                (_, Some(unit)) => Self::Timestamp(unit),
                _ => return None,
            },
        })
    }

    /// The PostgreSQL type whose binary form this writes.
    pub fn pg_type(&self) -> Type {
        match self {
            Self::Bool => Type::BOOL,
            Self::Int(width) => width.pg_type(),
            Self::Float(float::Width::Four) => Type::FLOAT4,
            Self::Float(float::Width::Eight) => Type::FLOAT8,
            Self::Text => Type::TEXT,
            Self::Numeric => Type::NUMERIC,
            Self::Jsonb | Self::Nested(_) => Type::JSONB,
            Self::Timestamp(unit) => unit.pg_type(),
            Self::Uuid => Type::UUID,
            Self::Bytes => Type::BYTEA,
            Self::List(element) => list::array_type(&element.pg_type()),
        }
    }

    /// Looks at a column's values through this encoder. `None` when the array is of another type than the field was.
    pub fn bind<'a>(&self, array: &'a dyn Array) -> Option<Bound<'a>> {
        Some(match self {
            Self::Bool => boolean::Bools::bind(array)?.column(),
            Self::Int(width) if int::Width::of(array.data_type()) != Some(*width) => return None,
            Self::Int(_) => int::Ints::bind(array)?.column(),
            Self::Float(width) if float::Width::of(array.data_type()) != Some(*width) => return None,
            Self::Float(_) => float::Floats::bind(array)?.column(),
            Self::Numeric => Box::new(numeric::Numerics::bind(array)?),
            Self::Text => Text::bind(array)?.column(),
            Self::Jsonb => Box::new(json::Documents(Text::bind(array)?)),
            Self::Nested(kind) => json::nested(kind, array)?,
            Self::Timestamp(unit) if timestamp::Unit::of(array.data_type()) != Some(*unit) => return None,
            Self::Timestamp(_) => timestamp::bind(array)?,
            Self::Uuid => uuid::bind(array)?,
            Self::Bytes => binary::Bytes::bind(array)?.column(),
            Self::List(element) => {
                let (spans, items) = Spans::bind(array)?;
                Box::new(list::Lists::new(spans, element.bind(items)?, items.nulls(), &element.pg_type()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::Int32Array;

    use super::*;

    #[test]
    fn what_postgres_has_no_type_for_is_refused() {
        let list = |item: DataType| DataType::List(Arc::new(Field::new("item", item, true)));
        let nothing = Field::new("x", DataType::Null, true);
        for kind in [DataType::Null, list(list(DataType::Null)), DataType::Struct(vec![nothing].into())] {
            assert_eq!(Encoder::of(&Field::new("c", kind, true)), None);
        }
    }

    #[test]
    fn an_array_of_another_type_does_not_bind() {
        let encoder = Encoder::of(&Field::new("c", DataType::Utf8, true)).unwrap();
        assert!(encoder.bind(&Int32Array::from(vec![1])).is_none());
        let encoder = Encoder::of(&Field::new("c", DataType::Int64, true)).unwrap();
        assert!(encoder.bind(&Int32Array::from(vec![1])).is_none());
    }
}
