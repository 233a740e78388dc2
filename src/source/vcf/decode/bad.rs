//! What can become of a record, and where and why it is bad. It must not know how it was read.

use crate::source::vcf::bcf::FieldError;
use crate::source::vcf::header::{Field, Fields};
use crate::source::vcf::reason::Reason;

/// Where a record is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Record,
    Column(&'static str),
    /// A declared INFO field, by index.
    Info(usize),
    /// A declared FORMAT field, by index.
    Format(usize),
    /// A reserved key that is not among the fields, and the column it is missing in or wrong.
    Reserved(&'static str, &'static str),
}

impl Place {
    /// The field's id as quarantine entries and errors name it.
    pub(crate) fn field(&self, fields: &Fields) -> String {
        let told =
            |list: &[Field], i: usize, column: &str| list.get(i).map_or_else(|| column.to_owned(), |field| field.told(column));
        match self {
            Place::Record => "record".into(),
            Place::Column(name) => (*name).into(),
            Place::Info(i) => told(&fields.info, *i, "INFO"),
            Place::Format(i) => told(&fields.formats, *i, "FORMAT"),
            Place::Reserved(column, key) => format!("{column}/{key}"),
        }
    }
}

/// Why a record cannot become a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub place: Place,
    pub reason: Reason,
}

impl Bad {
    pub(super) fn new(place: Place, reason: Reason) -> Self {
        Self { place, reason }
    }

    pub(super) fn column(name: &'static str, reason: Reason) -> Self {
        Self::new(Place::Column(name), reason)
    }
}

impl From<FieldError> for Bad {
    fn from(stop: FieldError) -> Self {
        Self::new(Place::Record, stop.into())
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Row,
    OutOfRegion,
    /// A pushed-down predicate drops it.
    Filtered,
    Bad(Bad),
}

/// Holds the columns a line has against the header's; `rest` is what follows the eight fixed ones. With fewer the line is cut and
/// calls are lost; where the header names no sample none can be, with FORMAT or without. Leniently, columns that no header names
/// are passed over, as nobody knows whose they are: returns whether there are some.
pub(super) fn check_columns(found: usize, columns: usize, rest: Option<&[u8]>) -> Result<bool, Bad> {
    let has_samples = columns > 9;
    if found < if has_samples { columns } else { 8 } {
        return Err(wrong_columns());
    }
    if has_samples && found == columns && rest.is_some_and(|rest| rest.ends_with(b"\t")) {
        return Err(Bad::new(Place::Record, Reason::OpenTab));
    }
    Ok(found > columns)
}

/// Bytes that a record may become when each ALT has a row of its own, for one of `limits.values`.
const BYTES_A_VALUE: usize = 32;

/// A record is repeated for each of its ALTs when it is divided.
pub(super) fn check_alts(alts: usize, bytes: usize, values: usize) -> Result<(), Bad> {
    match alts > 1 && alts.saturating_mul(bytes) / BYTES_A_VALUE > values {
        true => Err(Bad::column("ALT", Reason::SurplusAlts)),
        false => Ok(()),
    }
}

pub(super) fn wrong_columns() -> Bad {
    Bad::new(Place::Record, Reason::WrongColumns)
}
