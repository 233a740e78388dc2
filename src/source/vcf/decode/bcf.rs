//! One BCF record into one row: fields are found by number, values arrive typed. What a record means is said by the same
//! columns and checks as for text. It must not know files or units.

use super::bad::{Bad, Outcome, Place, check_alts, wrong_columns};
use super::binary::{Binary, check_utf8, find_chr2, find_end};
use super::decoder::Decoder;
use super::extent::Extent;
use super::fixed::{self, Fronts};
use crate::source::vcf::bcf::{self, Cursor, Dictionary, FieldError, Site};
use crate::source::vcf::columns::{Encoding, Floats, Kind, Vector};
use crate::source::vcf::reason::Reason;
use crate::source::vcf::shape::Shape;

impl Decoder {
    /// Shows the checker of strict mode a record that was committed before.
    pub(crate) fn pass(&mut self, record: &[u8]) {
        let Some(checker) = &mut self.strict else { return };
        let Some(Binary { names, line, .. }) = &mut self.binary else { return checker.pass(record) };
        line.clear();
        if bcf::write_line(record, &names.dictionary, self.shape.leading_phase, line).is_ok() {
            checker.pass(line);
        }
    }

    /// Takes one whole record, lengths included.
    pub(super) fn try_binary(&mut self, binary: &mut Binary, record: &[u8], ordinal: u32) -> Result<Outcome, Bad> {
        let Binary { names, alt, filter, line } = binary;
        if self.strict.is_some() {
            line.clear();
            bcf::write_line(record, &names.dictionary, self.shape.leading_phase, line)
                .map_err(|reason| Bad::new(Place::Record, reason))?;
            self.check(line)?;
        }
        let dictionary = &names.dictionary;
        let Some((site, mut shared, individual)) = Site::of(record, dictionary.legacy) else {
            return Err(FieldError::Wrong.into());
        };
        let Some(chrom) = dictionary.contig(site.contig) else {
            return Err(Bad::column("CHROM", Reason::UnknownContig));
        };
        if site.pos < -1 {
            return Err(Bad::column("POS", Reason::NotPosition));
        }
        let (chrom, at) = (chrom.as_bytes(), i64::from(site.pos) + 1);
        if !self.recipe.regions.may_take(chrom, at) {
            return Ok(Outcome::OutOfRegion);
        }
        let ids = shared.string()?;
        let reference = if site.alleles > 0 { shared.string()? } else { b"" };
        alleles(&mut shared, site.alleles, alt)?;
        filters(&mut shared, dictionary, filter)?;
        let (info, rest) = far_columns(record, dictionary, &self.shape, alt, line);
        let extent = Extent { minor: self.shape.minor, chrom, pos: at, reference, alt, info, rest };
        let end = || find_end(shared, site.infos, dictionary);
        if !self.recipe.regions.takes(chrom, at, |overlap| extent.reach(overlap, end())) {
            return Ok(Outcome::OutOfRegion);
        }
        for text in [ids, reference, alt] {
            check_utf8(text)?;
        }
        let texts = [chrom, b".", ids, reference, alt, b".", filter, b"."];
        fixed::check(&texts)?;
        let quality = quality(site.qual)?;
        let chr2 = || find_chr2(shared, site.infos, dictionary);
        let predicate = &self.recipe.predicate;
        if !predicate.is_empty() {
            let end = || extent.end(extent.settle(find_end(shared, site.infos, dictionary), &self.shape.declared, chr2).0);
            if !predicate.keeps(chrom, at, end, quality) {
                check_samples(&site, dictionary)?;
                return Ok(Outcome::Filtered);
            }
        }

        let row = self.rows;
        let encoding = Encoding { percent: self.shape.percent };
        let alts = fixed::count_alts(alt);
        check_alts(alts, record.len(), self.recipe.limits.values)?;
        let mut end = None;
        if self.info.is_wanted() {
            end = self.info.decode_binary(shared, site.infos, names, row, alts, encoding)?;
        } else if self.wants_end {
            end = find_end(shared, site.infos, dictionary);
        }
        check_samples(&site, dictionary)?;
        if let Some(calls) = &mut self.calls {
            calls.decode_binary(individual, &site, names, row, alts, encoding)?;
        }
        let (end, odd) = extent.settle(end, &self.shape.declared, chr2);
        let last = extent.end(end);
        self.fixed.push(&Read { texts, quality }, at, last)?;
        self.push_alt_ends(extent, end, last);
        self.book(chrom, filter, odd, ordinal);
        Ok(Outcome::Row)
    }
}

impl Decoder {
    /// Takes back what a bad record has left in the builders of INFO and calls.
    pub(super) fn undo_binary(&mut self, binary: &Binary, record: &[u8]) {
        let names = &binary.names;
        let Some((site, mut shared, mut individual)) = Site::of(record, names.dictionary.legacy) else { return };
        if (0..=site.alleles).all(|_| shared.value().is_ok()) && shared.value().is_ok() {
            self.info.undo_binary(shared, site.infos, names, self.rows);
        }
        if let Some(calls) = &mut self.calls {
            let keys = (0..site.formats).map_while(|_| names.dictionary.string(individual.format(site.samples).ok()?.0));
            calls.undo(keys.map(str::as_bytes), self.rows);
        }
    }
}

/// INFO, and FORMAT with the calls, as text: only where a symbolic allele's end may hang on them.
fn far_columns<'a>(
    record: &[u8],
    dictionary: &Dictionary,
    shape: &Shape,
    alt: &[u8],
    line: &'a mut Vec<u8>,
) -> (&'a [u8], Option<&'a [u8]>) {
    if !Extent::is_far(shape.minor, alt) {
        return (b".", None);
    }
    line.clear();
    if bcf::write_line(record, dictionary, shape.leading_phase, line).is_err() {
        return (b".", None);
    }
    let mut columns = line.splitn(9, |byte| *byte == b'\t').skip(7);
    (columns.next().unwrap_or(b"."), columns.next())
}

/// The fixed columns of one record.
struct Read<'a> {
    texts: [&'a [u8]; 8],
    quality: Option<f64>,
}

impl Fronts for Read<'_> {
    #[inline]
    fn front(&self, nth: usize) -> (&[u8], usize) {
        (self.texts[nth], self.texts[nth].len())
    }

    #[inline]
    fn put_quality(&self, column: &mut Floats) -> Result<(), Bad> {
        column.push_value(self.quality);
        Ok(())
    }
}

/// ALT as text: the alleles behind the first, `.` for none.
#[inline]
fn alleles(shared: &mut Cursor<'_>, count: usize, alt: &mut Vec<u8>) -> Result<(), Bad> {
    alt.clear();
    for _ in 1..count {
        let allele = shared.string()?;
        if allele.contains(&b',') || (allele == b"." && count > 2) {
            return Err(Bad::column("ALT", Reason::NotAllele));
        }
        if !alt.is_empty() {
            alt.push(b',');
        }
        alt.extend_from_slice(allele);
    }
    if alt.is_empty() {
        alt.push(b'.');
    }
    Ok(())
}

/// FILTER as text.
#[inline]
fn filters(shared: &mut Cursor<'_>, dictionary: &Dictionary, filter: &mut Vec<u8>) -> Result<(), Bad> {
    filter.clear();
    let value = shared.value()?;
    for index in value.into_iter().flat_map(Vector::integers) {
        let name = index.ok().flatten().and_then(|index| dictionary.string(index));
        let name = name.ok_or(Bad::column("FILTER", Reason::UnknownFilter))?;
        if !filter.is_empty() {
            filter.push(b';');
        }
        filter.extend_from_slice(name.as_bytes());
    }
    if filter.is_empty() {
        filter.push(b'.');
    }
    Ok(())
}

#[inline]
fn quality(stored: [u8; 4]) -> Result<Option<f64>, Bad> {
    let value = Vector { kind: Kind::Float, bytes: &stored, legacy: false }.numbers().next();
    value.transpose().map(Option::flatten).map_err(|reason| Bad::column("QUAL", reason))
}

/// A record has the header's samples.
fn check_samples(site: &Site, dictionary: &Dictionary) -> Result<(), Bad> {
    if site.samples == dictionary.samples { Ok(()) } else { Err(wrong_columns()) }
}
