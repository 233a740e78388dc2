//! Arrow to PostgreSQL's binary COPY format (PostgreSQL manual, COPY, "Binary Format"): one Arrow type a file. It must not know
//! which tables there are.

mod binary;
mod boolean;
mod buffer;
mod column;
mod copy;
mod digest;
mod encoder;
mod float;
mod int;
mod json;
mod limits;
mod list;
mod loose;
mod numeric;
mod primitive;
mod rows;
mod spans;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;
mod uuid;

pub use buffer::Buffer;
pub use column::{Bound, Column, Constant, Fixed, Staged, Staging};
pub use copy::{copy_statement, send, statement};
pub use digest::TupleDigest;
pub use encoder::{EXTENSION_KEY, Encoder, JSON_EXTENSION};
pub use json::{JsonKind, Object};
pub use limits::{Fault, LIMIT, Unstorable};
pub use rows::RowEncoder;
pub use spans::Spans;
pub use text::Text;
