//! JSON text (RFC 8259): objects put together from many columns (numbers, arrays with nulls, `true` for flags), and whole
//! documents as jsonb, which is a version byte and the text. It must not know which columns those are.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StructArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};

use super::column::{Bound, Column, Staged, Staging, put_bytes};
use super::limits::{Fault, Unstorable};
use super::numeric::is_numeric;
use super::spans::Spans;
use super::text::Text;
use super::{binary, boolean, float, int, loose};

/// jsonb's binary form starts with its version.
const VERSION: u8 = 1;

/// A column of documents.
pub(super) struct Documents<'a>(pub Text<'a>);

impl Column for Documents<'_> {
    fn prepare(&mut self, rows: Range<usize>) -> Result<usize, Unstorable> {
        self.0.check(rows)
    }

    fn size(&self, row: usize) -> usize {
        4 + self.0.get(row).map_or(0, |text| 1 + text.len())
    }

    fn put(&self, row: usize, out: &mut [u8]) -> usize {
        let Some(text) = self.0.get(row) else { return put_bytes(None, out) };
        let written = 4 + 1 + text.len();
        out[..4].copy_from_slice(&(text.len() as i32 + 1).to_be_bytes());
        out[4] = VERSION;
        out[5..written].copy_from_slice(text.as_bytes());
        written
    }
}

/// A column of nested values as documents. `None` when the array is of another type.
pub(super) fn nested<'a>(kind: &JsonKind, array: &'a dyn Array) -> Option<Bound<'a>> {
    let values = kind.bind(array)?;
    let write = move |row: usize, out: &mut Staging| match values.is_null(row) {
        true => out.null(),
        false => out.measured(|out| {
            out.bytes.push(VERSION);
            values.write(row, out);
        }),
    };
    Some(Box::new(Staged { stage: Staging::default(), write }))
}

/// How a column's values are written as JSON; chosen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonKind {
    Bool,
    Int,
    Float,
    Text,
    Numeric,
    /// Days, times of day and instants: the text of ISO 8601.
    Time,
    /// Ciphertext: `{"enc": "<base64>"}`.
    Bytes,
    List(Box<JsonKind>),
    /// An object; nulls are left out.
    Struct(Vec<(String, JsonKind)>),
}

impl JsonKind {
    /// `None` when the type has no JSON form here.
    pub fn of(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Boolean => Self::Bool,
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Self::Bytes,
            numeric if is_numeric(numeric) => Self::Numeric,
            DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
                Self::Time
            }
            DataType::List(item) | DataType::LargeList(item) => Self::List(Box::new(Self::of(item.data_type())?)),
            DataType::Struct(children) => {
                let child = |child: &FieldRef| Some((child.name().clone(), Self::of(child.data_type())?));
                Self::Struct(children.iter().map(child).collect::<Option<_>>()?)
            }
            other => int::Width::of(other).map(|_| Self::Int)?,
        })
    }

    /// Looks at a column's values. `None` when the array is of another type.
    pub fn bind<'a>(&self, array: &'a dyn Array) -> Option<Json<'a>> {
        let nulls = array.nulls();
        let values = match self {
            Self::Bool => Values::Bool(boolean::Bools::bind(array)?),
            Self::Int => Values::Int(int::Ints::bind(array)?),
            Self::Float => Values::Float(float::Floats::bind(array)?),
            Self::Text => {
                let text = Text::bind(array)?;
                Values::Text { text, plain: text.all(|byte| !is_special(byte)) }
            }
            Self::Numeric => Values::Numeric(cast(array, &DataType::Utf8).ok()?.as_string_opt()?.clone()),
            Self::Time => Values::Time(cast(array, &DataType::Utf8).ok()?.as_string_opt()?.clone()),
            Self::Bytes => Values::Bytes(binary::Bytes::bind(array)?),
            Self::List(item) => {
                let (spans, values) = Spans::bind(array)?;
                Values::List(spans, Box::new(item.bind(values)?))
            }
            Self::Struct(kinds) => {
                let columns = array.as_any().downcast_ref::<StructArray>()?.columns();
                let bind = |((name, kind), column): (&(String, JsonKind), &'a ArrayRef)| {
                    Some((name.clone(), kind.bind(column.as_ref())?))
                };
                if kinds.len() != columns.len() {
                    return None;
                }
                Values::Struct(Object::new(kinds.iter().zip(columns).map(bind).collect::<Option<_>>()?))
            }
        };
        Some(Json { values, nulls })
    }
}

/// One column's values, ready to be written as JSON.
pub struct Json<'a> {
    values: Values<'a>,
    nulls: Option<&'a datafusion::arrow::buffer::NullBuffer>,
}

enum Values<'a> {
    Bool(boolean::Bools<'a>),
    Int(int::Ints<'a>),
    Float(float::Floats<'a>),
    /// Plain: no byte needs an escape, looked for once in all of them.
    Text {
        text: Text<'a>,
        plain: bool,
    },
    Numeric(StringArray),
    Time(StringArray),
    Bytes(binary::Bytes<'a>),
    List(Spans<'a>, Box<Json<'a>>),
    Struct(Object<'a>),
}

impl Json<'_> {
    /// Is the value of `row` null?
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value of `row`. Floats take their shortest decimal form that reads back the same; NaN and infinities
    /// are the strings `float8` reads.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Staging) {
        self.write_all(row..row + 1, out);
    }

    /// Appends the values of `rows` with commas between them. Their type is looked at once.
    fn write_all(&self, rows: Range<usize>, out: &mut Staging) {
        match &self.values {
            Values::Bool(values) => self.each(rows, out, |row, out| {
                out.bytes.extend_from_slice(if values.0.value(row) { b"true" } else { b"false" });
            }),
            Values::Int(values) => self.each(rows, out, |row, out| write_int(values.get(row).unwrap_or_default(), out)),
            Values::Float(float::Floats::F64(values)) => self.each(rows, out, |row, out| {
                let value = values.value(row);
                match value as i32 {
                    whole if f64::from(whole).to_bits() == value.to_bits() => write_int(whole.into(), out),
                    _ if value.is_finite() => write_float(&value, out),
                    _ => out.bytes.extend_from_slice(special(value)),
                }
            }),
            Values::Float(float::Floats::F32(values)) => self.each(rows, out, |row, out| match values.value(row) {
                value if value.is_finite() => write_float(&value, out),
                value => out.bytes.extend_from_slice(special(value.into())),
            }),
            Values::Text { text, plain: true } => {
                self.each(rows, out, |row, out| write_plain(text.get(row).unwrap_or_default(), out));
            }
            Values::Text { text, plain: false } => self.each(rows, out, |row, out| {
                if text.holds_nul(row) {
                    out.set_fault(Fault::Nul);
                }
                write_text(text.get(row).unwrap_or_default(), out);
            }),
            Values::Numeric(values) => {
                self.each(rows, out, |row, out| out.bytes.extend_from_slice(values.value(row).as_bytes()));
            }
            Values::Time(values) => self.each(rows, out, |row, out| write_text(values.value(row), out)),
            Values::Bytes(values) => self.each(rows, out, |row, out| {
                out.bytes.extend_from_slice(b"{\"enc\":\"");
                let value = values.get(row).unwrap_or_default();
                let start = out.bytes.len();
                out.bytes.resize(start + value.len().div_ceil(3) * 4, 0);
                // The slice holds exactly the padded length, the only error there is.
                let written = STANDARD.encode_slice(value, &mut out.bytes[start..]).unwrap_or(0);
                out.bytes.truncate(start + written);
                out.bytes.extend_from_slice(b"\"}");
            }),
            Values::List(spans, items) => self.each(rows, out, |row, out| {
                out.bytes.push(b'[');
                items.write_all(spans.get(row).unwrap_or_default(), out);
                out.bytes.push(b']');
            }),
            Values::Struct(object) => self.each(rows, out, |row, out| object.write(|_| Some(row), out)),
        }
    }

    #[inline(always)]
    fn each(&self, rows: Range<usize>, out: &mut Staging, write: impl Fn(usize, &mut Staging)) {
        for row in rows.clone() {
            if row > rows.start {
                out.bytes.push(b',');
            }
            match self.is_null(row) {
                true => out.bytes.extend_from_slice(b"null"),
                false => write(row, out),
            }
        }
    }
}

/// The spelling PostgreSQL's float8 reads.
fn special(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"\"NaN\""
    } else if value > 0.0 {
        b"\"Infinity\""
    } else {
        b"\"-Infinity\""
    }
}

/// Does text that holds this byte need an escape (RFC 8259 section 7)?
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Most text needs no escape: looked at without a branch a byte.
fn write_text(text: &str, out: &mut Staging) {
    match text.as_bytes().iter().fold(false, |any, byte| any | is_special(*byte)) {
        true => write_json(text, out),
        false => write_plain(text, out),
    }
}

fn write_plain(text: &str, out: &mut Staging) {
    out.bytes.reserve(text.len() + 2);
    out.bytes.push(b'"');
    out.bytes.extend_from_slice(text.as_bytes());
    out.bytes.push(b'"');
}

/// Most counts have one digit.
fn write_int(value: i64, out: &mut Staging) {
    match value {
        0..=9 => out.bytes.push(b'0' + value as u8),
        _ => out.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// Whole numbers without a fraction: `1`, not `1.0`.
fn write_float<T: serde::Serialize>(value: &T, out: &mut Staging) {
    write_json(value, out);
    if out.bytes.ends_with(b".0") {
        out.bytes.truncate(out.bytes.len() - 2);
    }
}

fn write_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Staging) {
    // Writing a number or a string to memory cannot fail.
    let _ = serde_json::to_writer(&mut out.bytes, value);
}

/// Most keys are shorter: copied as this many bytes, a constant.
const SHORT: usize = 32;

/// `,"key":`
struct Key {
    name: String,
    /// As long as [`SHORT`] at least.
    padded: Vec<u8>,
    length: usize,
}

impl Key {
    fn new(name: String) -> Self {
        let mut padded = format!(",{}:", serde_json::Value::from(name.as_str())).into_bytes();
        let length = padded.len();
        padded.resize(length.max(SHORT), 0);
        Self { name, padded, length }
    }

    #[inline]
    fn write(&self, out: &mut Staging) {
        let start = out.bytes.len();
        match self.padded.first_chunk::<SHORT>() {
            Some(short) if self.length <= SHORT => out.bytes.extend_from_slice(short),
            _ => out.bytes.extend_from_slice(&self.padded),
        }
        out.bytes.truncate(start + self.length);
    }
}

/// A JSON object of many columns: nulls are left out.
pub struct Object<'a> {
    fields: Vec<(Key, Json<'a>)>,
    /// Which of them is text that holds further members.
    loose: Option<usize>,
}

impl<'a> Object<'a> {
    /// An object with these keys.
    pub fn new(fields: Vec<(String, Json<'a>)>) -> Self {
        Self { fields: fields.into_iter().map(|(key, json)| (Key::new(key), json)).collect(), loose: None }
    }

    /// The same; where `key` is text, it holds members as `KEY=VALUE;KEY`, which are shown under their own keys, too.
    pub fn with_loose(mut self, key: &str) -> Self {
        let is_loose = |(known, json): &(Key, Json<'_>)| known.name == key && matches!(json.values, Values::Text { .. });
        self.loose = self.fields.iter().position(is_loose);
        self
    }

    /// Appends a text field: null when all are null. `row` gives each column's own row, `None` for no value.
    #[inline]
    pub fn put(&self, row: impl Fn(usize) -> Option<usize>, out: &mut Staging) {
        let start = out.bytes.len();
        out.measured(|out| self.write(row, out));
        if out.bytes.len() == start + 4 + b"{}".len() {
            out.bytes.truncate(start);
            out.null();
        }
    }

    /// Appends the object's text.
    #[inline]
    fn write(&self, row: impl Fn(usize) -> Option<usize>, out: &mut Staging) {
        let start = out.bytes.len();
        for (n, (key, json)) in self.fields.iter().enumerate() {
            let Some(row) = row(n).filter(|&row| !json.is_null(row)) else { continue };
            key.write(out);
            json.write(row, out);
        }
        if let Some((nth, (_, json))) = self.loose.and_then(|nth| Some((nth, self.fields.get(nth)?)))
            && let Some(at) = row(nth).filter(|&at| !json.is_null(at))
            && let Values::Text { text, .. } = &json.values
        {
            let taken = |n: usize, json: &Json<'_>| row(n).is_some_and(|row| !json.is_null(row));
            let is_free = |name: &str| !self.fields.iter().enumerate().any(|(n, (key, json))| key.name == name && taken(n, json));
            loose::write(text.get(at).unwrap_or_default(), is_free, &mut out.bytes);
        }
        // The first comma, where there is one, is the brace.
        match out.bytes.get_mut(start) {
            Some(first) => *first = b'{',
            None => out.bytes.push(b'{'),
        }
        out.bytes.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
        TimestampMicrosecondArray, UInt64Array,
    };
    use datafusion::arrow::datatypes::{Field, Int32Type};

    use super::super::testing::{NULL, fields_of};
    use super::super::{EXTENSION_KEY, JSON_EXTENSION};
    use super::*;

    fn json(array: &dyn Array) -> Vec<String> {
        let values = JsonKind::of(array.data_type()).unwrap().bind(array).unwrap();
        (0..array.len())
            .map(|row| {
                let mut out = Staging::default();
                values.write(row, &mut out);
                String::from_utf8(out.bytes).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_list_of_structs_is_an_array_of_objects_without_nulls() {
        let numbers = Int32Array::from(vec![Some(1), None, Some(3)]);
        let texts = StringArray::from(vec![Some("a\"b"), None, None]);
        let fields = vec![Field::new("n", DataType::Int32, true), Field::new("cDNA.pos / x", DataType::Utf8, true)];
        let structs = StructArray::new(fields.into(), vec![Arc::new(numbers), Arc::new(texts)], None);
        let item = Arc::new(Field::new("item", structs.data_type().clone(), true));
        let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([2, 0, 1]);
        let list = ListArray::new(item, offsets, Arc::new(structs), Some(vec![true, false, true].into()));
        assert_eq!(json(&list), [r#"[{"n":1,"cDNA.pos / x":"a\"b"},{}]"#, "null", r#"[{"n":3}]"#]);
        let unknown = DataType::Struct(vec![Field::new("x", DataType::Null, true)].into());
        assert_eq!(JsonKind::of(&unknown), None);
    }

    #[test]
    fn golden_document() {
        let field =
            Field::new("c", DataType::Utf8, true).with_metadata([(EXTENSION_KEY.to_owned(), JSON_EXTENSION.to_owned())].into());
        let bytes = fields_of(field, &StringArray::from(vec![Some("{}"), None]));
        assert_eq!(bytes, [&[0, 0, 0, 3, 1][..], b"{}", &NULL].concat());
    }

    #[test]
    fn floats_are_shortest_and_specials_are_strings() {
        let values = Float64Array::from(vec![0.1, 1e300, 5e-324, -0.5, 10.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        let text = json(&values);
        for (row, written) in text.iter().take(5).enumerate() {
            assert_eq!(written.parse::<f64>().unwrap(), values.value(row));
        }
        assert_eq!((text[0].as_str(), text[4].as_str()), ("0.1", "10"));
        assert_eq!(text[5..], ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""]);
        assert_eq!(json(&Float32Array::from(vec![0.1])), ["0.1"]);
    }

    #[test]
    fn exact_numbers_keep_their_digits_and_times_are_text() {
        let decimals = Decimal128Array::from(vec![-7, 12_000]).with_precision_and_scale(12, 3).unwrap();
        assert_eq!(json(&decimals), ["-0.007", "12.000"]);
        assert_eq!(json(&UInt64Array::from(vec![u64::MAX])), ["18446744073709551615"]);
        assert_eq!(json(&Date32Array::from(vec![20_000])), [r#""2024-10-04""#]);
        let instants = TimestampMicrosecondArray::from(vec![1]);
        assert_eq!(json(&instants), [r#""1970-01-01T00:00:00.000001""#]);
        assert_eq!(json(&instants.with_timezone("UTC")), [r#""1970-01-01T00:00:00.000001Z""#]);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(json(&StringArray::from(vec!["a\"b\\c\n\u{1}é"])), [r#""a\"b\\c\n\u0001é""#]);
    }

    #[test]
    fn lists_keep_null_elements_and_nest() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None]);
        assert_eq!(json(&list), ["[1,null]", "[]", "null"]);
        let outer = ListArray::new(
            Arc::new(Field::new("item", list.data_type().clone(), true)),
            datafusion::arrow::buffer::OffsetBuffer::from_lengths([3]),
            Arc::new(list),
            None,
        );
        assert_eq!(json(&outer), ["[[1,null],[],null]"]);
    }

    #[test]
    fn what_is_kept_as_text_is_shown_under_its_own_key() {
        let columns: Vec<(&str, Arc<dyn Array>)> = vec![
            ("RS", Arc::new(Int32Array::from(vec![None, Some(7), None]))),
            ("__other", Arc::new(StringArray::from(vec![Some("RS=2148352434;LATE=x"), Some("RS=8;AC=1,NA"), None]))),
        ];
        let bound = columns
            .iter()
            .map(|(key, array)| (key.to_string(), JsonKind::of(array.data_type()).unwrap().bind(array.as_ref()).unwrap()));
        let object = Object::new(bound.collect()).with_loose("__other");
        let text = |row: usize| {
            let mut out = Staging::default();
            object.put(|_| Some(row), &mut out);
            String::from_utf8(out.bytes[4..].to_vec()).unwrap()
        };
        assert_eq!(text(0), r#"{"__other":"RS=2148352434;LATE=x","RS":2148352434,"LATE":"x"}"#);
        assert_eq!(text(1), r#"{"RS":7,"__other":"RS=8;AC=1,NA","AC":[1,"NA"]}"#);
        let mut out = Staging::default();
        object.put(|_| Some(2), &mut out);
        assert_eq!(out.bytes, NULL);
    }

    #[test]
    fn an_object_leaves_nulls_out() {
        let columns: Vec<(String, Arc<dyn Array>)> = vec![
            ("AF".into(), Arc::new(Float64Array::from(vec![None, Some(0.5)]))),
            ("DB".into(), Arc::new(BooleanArray::from(vec![None, Some(true)]))),
            ("N".into(), Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
            ("q\"".into(), Arc::new(Int32Array::from(vec![None, Some(1)]))),
            ("NOTE".into(), Arc::new(BinaryArray::from_opt_vec(vec![None, Some(b"\x00\x01\x02\x03")]))),
        ];
        let bound = columns
            .iter()
            .map(|(key, array)| (key.clone(), JsonKind::of(array.data_type()).unwrap().bind(array.as_ref()).unwrap()))
            .collect();
        let object = Object::new(bound);
        let text = |row: usize| {
            let mut out = Staging::default();
            object.put(|_| Some(row), &mut out);
            String::from_utf8(out.bytes[4..].to_vec()).unwrap()
        };
        assert_eq!(text(0), r#"{"N":-9223372036854775808}"#);
        let mut out = Staging::default();
        object.put(|_| None, &mut out);
        assert_eq!(out.bytes, NULL);
        assert_eq!(text(1), r#"{"AF":0.5,"DB":true,"q\"":1,"NOTE":{"enc":"AAECAw=="}}"#);
    }
}
