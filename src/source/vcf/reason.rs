//! Why a record cannot become a row. It must not know where in the record.

/// The reason, in fixed words: never a value of the file.
pub(crate) type Reason = &'static str;
