//! Rewrites genotypes for one ALT allele a row (VCF 4.5 section 1.6.2). It must not know other FORMAT fields.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanBufferBuilder, Int32Builder, NullBufferBuilder, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;

use crate::error::{Error, Result};
use crate::flow::genotype::{Genotype, Genotypes, genotypes};

/// Genotypes of divided rows under construction.
pub(super) struct Recoded {
    alleles: Int32Builder,
    phased: BooleanBufferBuilder,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Recoded {
    /// With room for this many calls.
    pub(super) fn new(calls: usize) -> Self {
        let mut offsets = Vec::with_capacity(calls + 1);
        offsets.push(0);
        Self {
            alleles: Int32Builder::with_capacity(2 * calls),
            phased: BooleanBufferBuilder::new(2 * calls),
            offsets,
            nulls: NullBufferBuilder::new(calls),
        }
    }

    /// Appends a call with `alt` as 1 and every other of the record's `alts` as 0, or as it is where the record has one at most. An
    /// allele behind the last is unknown: missing. Missing alleles, phase and ploidy stay.
    pub(super) fn push(&mut self, call: Option<Genotype<'_>>, alt: u32, alts: u32) {
        self.nulls.append(call.is_some());
        for (allele, phased) in call.iter().flat_map(Genotype::calls) {
            self.alleles.append_option(match alts {
                0 | 1 => allele,
                _ => allele
                    .filter(|allele| i64::from(*allele) <= i64::from(alts))
                    .map(|allele| i32::from(i64::from(allele) == i64::from(alt))),
            });
            self.phased.append(phased);
        }
        // Checked at the end: a batch's lists have 32-bit offsets.
        self.offsets.push(self.phased.len() as i32);
    }

    pub(super) fn finish(mut self) -> Result<ArrayRef> {
        if i32::try_from(self.phased.len()).is_err() {
            return Err(
                Error::failed("a batch grows past 2^31 alleles when it is divided").with_hint("use a smaller unit in the sink")
            );
        }
        let offsets = OffsetBuffer::new(self.offsets.into());
        let array: StructArray = genotypes(self.alleles.finish(), self.phased.finish(), offsets, self.nulls.finish())?;
        Ok(Arc::new(array))
    }
}

/// The genotypes of a column that was planned as such.
pub(super) fn bind(values: &dyn Array) -> Result<Genotypes<'_>> {
    Genotypes::bind(values).ok_or_else(|| Error::internal("a batch does not have the planned schema"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::genotype::testing;

    #[test]
    fn genotypes_are_recoded_as_bcftools_norm_does() {
        for (gt, alt, alts, wanted) in [
            ("0/0", 1, 2, "0/0"),
            ("1/2", 1, 2, "1/0"),
            ("1/2", 2, 2, "0/1"),
            ("2|1", 2, 2, "1|0"),
            ("./.", 1, 2, "./."),
            (".", 1, 2, "."),
            ("./3", 3, 3, "./1"),
            ("2", 1, 2, "0"),
            ("2", 2, 2, "1"),
            ("0/1/2", 2, 2, "0/0/1"),
            ("0|1/2|2", 2, 2, "0|0/1|1"),
            ("/1|2", 1, 2, "/1|0"),
            ("|12/10", 12, 12, "|1/0"),
            ("12/1", 1, 12, "0/1"),
            // Behind the last ALT: nobody knows what it is, and REF least of all.
            ("0/3", 2, 2, "0/."),
            ("3|3", 1, 2, ".|."),
            ("2147483647/1", 1, 2, "./1"),
        ] {
            let column = testing::column(&[Some(gt), None]);
            let read = bind(&column).unwrap();
            let mut recoded = Recoded::new(3);
            recoded.push(read.get(0), alt, alts);
            recoded.push(read.get(1), alt, alts);
            recoded.push(read.get(0), 1, 1);
            let texts = testing::texts(&recoded.finish().unwrap());
            assert_eq!(texts, [Some(wanted.to_owned()), None, Some(gt.to_owned())], "{gt} for ALT {alt} of {alts}");
        }
    }
}
