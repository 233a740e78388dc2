//! BCF 2.1 and 2.2 (VCF 4.5 section 6): the header's frame and dictionaries, a record's frame and fields. It must not know
//! columns' builders, files or units.

mod dictionary;
mod header;
mod record;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use dictionary::Dictionary;
pub(crate) use header::{header, header_cut, read_header, version};
pub(crate) use record::{Cursor, FieldError, Frame, Site, Walk, damaged, records, split_record, walk, walk_site};
pub(crate) use text::{is_genotype, lines, of_sample, write_genotype, write_line};
