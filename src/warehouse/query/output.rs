//! What a result is to those who write it: columns, and rows one after the other. It must not know any form of output.

use tokio_postgres::types::Type;

use crate::error::{Error, Result};

/// A column of a result.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

/// Takes a result's rows in their order.
pub trait Rows: Send {
    /// A row: one text, or null, a column.
    fn row(&mut self, cells: &[Option<&str>]) -> Result<()>;

    /// There are no more rows; `truncated` says that there would have been.
    fn end(&mut self, truncated: bool) -> Result<()>;

    /// Was something left out of a row to make it fit?
    fn has_cut(&self) -> bool;
}

/// A failure of the output; its cause is kept, so that a closed pipe can be told from a full disk.
pub fn unwritable(error: std::io::Error) -> Error {
    Error::failed(format!("the output cannot be written ({})", error.kind())).with_source(error)
}
