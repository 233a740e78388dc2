//! The reserved keys of the specification, for records that use them undeclared (VCF 4.3 sections 1.6.1 and 1.6.2, 4.5
//! section 3). It must not know records.

use super::Declaration;
use crate::flow::{Number, VcfType};

type Row = (&'static str, &'static str, VcfType);

const INFO: &[Row] = &[
    ("AA", "1", VcfType::String),
    ("AC", "A", VcfType::Integer),
    ("AD", "R", VcfType::Integer),
    ("ADF", "R", VcfType::Integer),
    ("ADR", "R", VcfType::Integer),
    ("AF", "A", VcfType::Float),
    ("AN", "1", VcfType::Integer),
    ("BQ", "1", VcfType::Float),
    ("CIGAR", "A", VcfType::String),
    ("DB", "0", VcfType::Flag),
    ("DP", "1", VcfType::Integer),
    ("END", "1", VcfType::Integer),
    ("H2", "0", VcfType::Flag),
    ("H3", "0", VcfType::Flag),
    ("MQ", "1", VcfType::Float),
    ("MQ0", "1", VcfType::Integer),
    ("NS", "1", VcfType::Integer),
    ("SB", "4", VcfType::Integer),
    ("SOMATIC", "0", VcfType::Flag),
    ("VALIDATED", "0", VcfType::Flag),
    ("1000G", "0", VcfType::Flag),
    ("IMPRECISE", "0", VcfType::Flag),
    ("NOVEL", "0", VcfType::Flag),
    ("SVTYPE", "1", VcfType::String),
    ("SVLEN", "A", VcfType::Integer),
    ("CIPOS", ".", VcfType::Integer),
    ("CIEND", ".", VcfType::Integer),
    ("HOMLEN", "A", VcfType::Integer),
    ("HOMSEQ", "A", VcfType::String),
    ("BKPTID", "A", VcfType::String),
    ("MATEID", "A", VcfType::String),
    ("PARID", "A", VcfType::String),
    ("EVENT", "A", VcfType::String),
];

const FORMAT: &[Row] = &[
    ("AD", "R", VcfType::Integer),
    ("ADF", "R", VcfType::Integer),
    ("ADR", "R", VcfType::Integer),
    ("DP", "1", VcfType::Integer),
    ("EC", "A", VcfType::Integer),
    ("FT", "1", VcfType::String),
    ("GL", "G", VcfType::Float),
    ("GP", "G", VcfType::Float),
    ("GQ", "1", VcfType::Integer),
    ("GT", "1", VcfType::String),
    ("HQ", "2", VcfType::Integer),
    ("LAA", ".", VcfType::Integer),
    ("LAD", "LR", VcfType::Integer),
    ("LGT", "1", VcfType::String),
    ("LPL", "LG", VcfType::Integer),
    ("MQ", "1", VcfType::Integer),
    ("PL", "G", VcfType::Integer),
    ("PP", "G", VcfType::Integer),
    ("PQ", "1", VcfType::Integer),
    ("PS", "1", VcfType::Integer),
    ("CN", "1", VcfType::Float),
];

fn find(table: &[Row], id: &str) -> Option<Declaration> {
    let (_, number, kind) = table.iter().find(|(known, ..)| *known == id)?;
    Some(Declaration { id: id.to_owned(), number: Number::parse(number)?, kind: *kind, inferred: true })
}

/// The reserved meaning of an INFO key.
pub(crate) fn info(id: &str) -> Option<Declaration> {
    find(INFO, id)
}

/// The reserved meaning of a FORMAT key.
pub(crate) fn format(id: &str) -> Option<Declaration> {
    find(FORMAT, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_is_well_formed() {
        for (table, get) in [(INFO, info as fn(&str) -> Option<Declaration>), (FORMAT, format)] {
            for (id, ..) in table {
                assert_eq!(get(id).map(|found| found.id).as_deref(), Some(*id));
            }
        }
        assert!(info("NOT_RESERVED").is_none());
    }
}
