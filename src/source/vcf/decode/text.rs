//! One line of text into one row. It must not know files or units.

use super::bad::{Bad, Outcome, Place, check_alts, check_columns};
use super::decoder::Decoder;
use super::extent::{self, Extent};
use super::fixed::{self, Columns};
use super::info;
use super::odd::Odd;
use crate::source::vcf::columns::Encoding;
use crate::source::vcf::reason::Reason;

impl Decoder {
    /// Takes one line without its line ending.
    pub(super) fn try_record(&mut self, line: &[u8], ordinal: u32, clean: bool) -> Result<Outcome, Bad> {
        self.check(line)?;
        let (columns, rest) = Columns::split(line)?;
        let at = columns.position()?;
        let texts = columns.all();
        let [chrom, _, _, reference, alt, qual, filter, info] = texts;
        let extent = Extent { minor: self.shape.minor, chrom, pos: at, reference, alt, info, rest };
        if !self.recipe.regions.takes(chrom, at, |overlap| extent.reach(overlap, info::find_end(info))) {
            return Ok(Outcome::OutOfRegion);
        }
        if !clean {
            if std::str::from_utf8(line).is_err() {
                return Err(Bad::new(Place::Record, Reason::NotUtf8));
            }
            if memchr::memchr(0, line).is_some() {
                return Err(Bad::new(Place::Record, Reason::HoldsNul));
            }
        }
        fixed::check(&texts)?;
        let chr2 = || extent::value(info, b"CHR2");
        let predicate = &self.recipe.predicate;
        if !predicate.is_empty() {
            let end = || extent.end(extent.settle(info::find_end(info), &self.shape.declared, chr2).0);
            let quality = if predicate.reads_qual() { fixed::quality(qual)? } else { None };
            if !predicate.keeps(chrom, at, end, quality) {
                self.check_columns(rest)?;
                return Ok(Outcome::Filtered);
            }
        }

        let row = self.rows;
        let percent = self.shape.percent && memchr::memchr(b'%', line).is_some();
        let encoding = Encoding { percent };
        let alts = fixed::count_alts(alt);
        check_alts(alts, line.len(), self.recipe.limits.values)?;
        let mut end = None;
        if self.info.is_wanted() {
            end = self.info.decode(info, row, alts, encoding)?;
        } else if self.wants_end {
            end = info::find_end(info);
        }
        match &mut self.calls {
            Some(calls) => calls.decode(rest, row, alts, encoding)?,
            None => self.check_columns(rest)?,
        }
        let (end, odd) = extent.settle(end, &self.shape.declared, chr2);
        let last = extent.end(end);
        self.fixed.push(&columns, at, last)?;
        if qual.is_empty() {
            self.odd.add(Odd::Empty);
        }
        self.push_alt_ends(extent, end, last);
        self.book(chrom, filter, odd, ordinal);
        Ok(Outcome::Row)
    }

    /// Takes back what a bad line has left in the builders of INFO and calls.
    pub(super) fn undo_text(&mut self, line: &[u8]) {
        let Ok((columns, rest)) = Columns::split(line) else { return };
        self.info.undo(columns.get(7), self.rows);
        if let Some(calls) = &mut self.calls {
            let format = rest.unwrap_or_default().split(|byte| *byte == b'\t').next().unwrap_or_default();
            calls.undo(format.split(|byte| *byte == b':'), self.rows);
        }
    }

    fn check_columns(&mut self, rest: Option<&[u8]>) -> Result<(), Bad> {
        let found = 8 + rest.map_or(0, |rest| 1 + memchr::memchr_iter(b'\t', rest).count());
        if check_columns(found, self.shape.columns, rest)? {
            self.odd.add(Odd::SurplusColumns);
        }
        Ok(())
    }
}
