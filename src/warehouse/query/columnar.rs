//! Rows into Arrow record batches, written as an IPC stream or as Parquet while they come. It must not know where rows come from.

use std::io::Write;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, ListArray, NullBufferBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tokio_postgres::types::{Kind, Type};

use super::cell::{Item, array};
use super::output::{Column, Rows, unwritable};
use crate::error::{Error, Result};

/// A batch is handed on when it has this many rows, or cells of about this many bytes.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 4 << 20;

/// A row group of Parquet is closed when it has grown to about this many bytes.
const ROW_GROUP: usize = 32 << 20;

type Out<'a> = Box<dyn Write + Send + 'a>;

enum File<'a> {
    Arrow(Box<StreamWriter<Out<'a>>>),
    Parquet(Box<ArrowWriter<Out<'a>>>),
}

/// Writes batches.
pub struct Columnar<'a> {
    names: Vec<String>,
    schema: SchemaRef,
    cells: Vec<Cells>,
    rows: usize,
    bytes: usize,
    file: File<'a>,
}

impl<'a> Columnar<'a> {
    /// An Arrow IPC stream (Arrow columnar format, "IPC Streaming Format").
    pub fn arrow(columns: Vec<Column>, out: Out<'a>) -> Result<Self> {
        let schema = schema(&columns);
        let file = StreamWriter::try_new(out, &schema).map_err(arrow_failed)?;
        Ok(Self::new(columns, schema, File::Arrow(Box::new(file))))
    }

    /// A Parquet file, compressed by zstd.
    pub fn parquet(columns: Vec<Column>, out: Out<'a>) -> Result<Self> {
        let schema = schema(&columns);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let file = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(parquet_failed)?;
        Ok(Self::new(columns, schema, File::Parquet(Box::new(file))))
    }

    fn new(columns: Vec<Column>, schema: SchemaRef, file: File<'a>) -> Self {
        let cells = columns.iter().map(|column| Cells::of(&column.kind)).collect();
        let names = columns.into_iter().map(|column| column.name).collect();
        Self { names, schema, cells, rows: 0, bytes: 0, file }
    }

    fn flush(&mut self) -> Result<()> {
        let arrays = self.cells.iter_mut().map(Cells::finish).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        (self.rows, self.bytes) = (0, 0);
        match &mut self.file {
            File::Arrow(file) => file.write(&batch).map_err(arrow_failed),
            File::Parquet(file) => {
                file.write(&batch).map_err(parquet_failed)?;
                if file.in_progress_size() > ROW_GROUP { file.flush().map_err(parquet_failed) } else { Ok(()) }
            }
        }
    }
}

impl Rows for Columnar<'_> {
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()> {
        for ((column, cell), name) in self.cells.iter_mut().zip(cells).zip(&self.names) {
            column.append(*cell).ok_or_else(|| {
                Error::failed(format!("column {name}: a value does not fit its Arrow type, such as an array of more than one dimension or an infinite time"))
                    .with_hint(format!("cast it in the query: {name}::text"))
            })?;
            self.bytes += cell.map_or(0, str::len);
        }
        self.rows += 1;
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn end(&mut self, _truncated: bool) -> Result<()> {
        if self.rows > 0 {
            self.flush()?;
        }
        match &mut self.file {
            File::Arrow(file) => {
                file.finish().map_err(arrow_failed)?;
                file.get_mut().flush().map_err(unwritable)
            }
            File::Parquet(file) => {
                file.finish().map_err(parquet_failed)?;
                file.inner_mut().flush().map_err(unwritable)
            }
        }
    }

    fn has_cut(&self) -> bool {
        false
    }
}

fn arrow_failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => unwritable(io),
        other => other.into(),
    }
}

/// A failed write comes wrapped in words; its kind is all that may be told anyway.
fn parquet_failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => unwritable(*io),
            Err(_) => Error::failed("the Parquet file cannot be written"),
        },
        _ => Error::failed("the Parquet file cannot be written"),
    }
}

fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|column| field(&column.name, &column.kind)).collect::<Vec<_>>()))
}

fn field(name: &str, kind: &Type) -> Field {
    Field::new(name, data_type(kind), true)
}

fn item(element: &Type) -> FieldRef {
    Arc::new(field("item", element))
}

fn data_type(kind: &Type) -> DataType {
    if let Kind::Array(element) = kind.kind() {
        return DataType::List(item(element));
    }
    match *kind {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::BYTEA => DataType::Binary,
        // jsonb, numeric (exact as text only) and every type there may be beside these.
        _ => DataType::Utf8,
    }
}

/// One column of the batch that is being filled.
enum Cells {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
    List { field: FieldRef, items: Box<Cells>, ends: Vec<i32>, validity: NullBufferBuilder },
}

impl Cells {
    fn of(kind: &Type) -> Self {
        if let Kind::Array(element) = kind.kind() {
            let (field, items) = (item(element), Box::new(Self::of(element)));
            return Self::List { field, items, ends: vec![0], validity: NullBufferBuilder::new(0) };
        }
        match *kind {
            Type::BOOL => Self::Bool(BooleanBuilder::new()),
            Type::INT2 => Self::Int16(Int16Builder::new()),
            Type::INT4 => Self::Int32(Int32Builder::new()),
            Type::INT8 | Type::OID => Self::Int64(Int64Builder::new()),
            Type::FLOAT4 => Self::Float32(Float32Builder::new()),
            Type::FLOAT8 => Self::Float64(Float64Builder::new()),
            Type::DATE => Self::Date(Date32Builder::new()),
            Type::TIMESTAMP => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            Type::TIMESTAMPTZ => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Type::BYTEA => Self::Bytes(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a cell; `None` when it does not fit the type.
    fn append(&mut self, cell: Option<&str>) -> Option<()> {
        /// Null where the cell is, the parsed value otherwise.
        fn each<T>(cell: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
            cell.map(parse).map_or(Some(None), |parsed| parsed.map(Some))
        }
        match self {
            Self::Bool(column) => column.append_option(cell.map(|cell| cell == "t")),
            Self::Int16(column) => column.append_option(each(cell, |cell| cell.parse().ok())?),
            Self::Int32(column) => column.append_option(each(cell, |cell| cell.parse().ok())?),
            Self::Int64(column) => column.append_option(each(cell, |cell| cell.parse().ok())?),
            Self::Float32(column) => column.append_option(each(cell, |cell| cell.parse().ok())?),
            Self::Float64(column) => column.append_option(each(cell, |cell| cell.parse().ok())?),
            Self::Date(column) => column.append_option(each(cell, days)?),
            Self::Timestamp(column) => column.append_option(each(cell, microseconds)?),
            Self::Bytes(column) => column.append_option(each(cell, bytes)?),
            Self::Text(column) => column.append_option(cell),
            Self::List { items, ends, validity, .. } => {
                validity.append(cell.is_some());
                for item in cell.map_or(Some(Vec::new()), array)? {
                    match item {
                        Item::Null => items.append(None)?,
                        Item::Text(text) => items.append(Some(&text))?,
                        Item::Array(_) => return None,
                    }
                }
                ends.push(i32::try_from(items.len()).ok()?);
            }
        }
        Some(())
    }

    fn len(&self) -> usize {
        match self {
            Self::Bool(column) => column.len(),
            Self::Int16(column) => column.len(),
            Self::Int32(column) => column.len(),
            Self::Int64(column) => column.len(),
            Self::Float32(column) => column.len(),
            Self::Float64(column) => column.len(),
            Self::Date(column) => column.len(),
            Self::Timestamp(column) => column.len(),
            Self::Bytes(column) => column.len(),
            Self::Text(column) => column.len(),
            Self::List { ends, .. } => ends.len() - 1,
        }
    }

    /// Hands over the array and starts anew.
    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Int16(column) => Arc::new(column.finish()),
            Self::Int32(column) => Arc::new(column.finish()),
            Self::Int64(column) => Arc::new(column.finish()),
            Self::Float32(column) => Arc::new(column.finish()),
            Self::Float64(column) => Arc::new(column.finish()),
            Self::Date(column) => Arc::new(column.finish()),
            Self::Timestamp(column) => Arc::new(column.finish()),
            Self::Bytes(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::List { field, items, ends, validity } => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
                Arc::new(ListArray::try_new(field.clone(), ends, items.finish()?, validity.finish())?)
            }
        })
    }
}

/// Days since 1970-01-01. `infinity` and years before Christ have none here.
fn days(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Microseconds since 1970-01-01, UTC: sessions have their time zone set to it.
fn microseconds(text: &str) -> Option<i64> {
    let text = text.strip_suffix("+00").unwrap_or(text);
    Some(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?.and_utc().timestamp_micros())
}

/// bytea's hex form: `\xdeadbeef`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
