//! The eight fixed columns (VCF 4.3 section 1.6.1). It must not know INFO or calls.

use datafusion::arrow::array::ArrayRef;

use super::{Bad, Place, Slot};
use crate::source::vcf::columns::{Column, Floats, How, List, Longs, Texts, parse_float};
use crate::source::vcf::find::find;

/// CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO.
pub(super) type Columns<'a> = [&'a [u8]; 8];

/// Cuts a line into its fixed columns and what follows them.
#[inline]
pub(super) fn split(line: &[u8]) -> Result<(Columns<'_>, Option<&[u8]>), Bad> {
    let mut columns: Columns<'_> = [&[]; 8];
    let mut rest = Some(line);
    for column in &mut columns {
        let Some(text) = rest else { return Err(super::wrong_columns()) };
        match find(b'\t', text) {
            Some(at) => (*column, rest) = (&text[..at], Some(&text[at + 1..])),
            None => (*column, rest) = (text, None),
        }
    }
    Ok((columns, rest))
}

/// POS: 0 is the telomere.
#[inline]
pub(super) fn position(text: &[u8]) -> Result<i64, Bad> {
    let mut value = 0i64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Bad::column("POS", "not a position"));
        }
        value = value * 10 + i64::from(digit);
        if value > 1 << 53 {
            return Err(Bad::column("POS", "not a position"));
        }
    }
    if text.is_empty() { Err(Bad::column("POS", "empty")) } else { Ok(value) }
}

/// QUAL: `None` for `.`.
#[inline]
pub(super) fn quality(text: &[u8]) -> Result<Option<f64>, Bad> {
    match text {
        b"." => Ok(None),
        text => parse_float(text).map(Some).map_err(|reason| Bad::column("QUAL", reason)),
    }
}

/// What every record must have. `strict` adds the specification's grammar.
#[inline]
pub(super) fn check(columns: &Columns<'_>, strict: bool) -> Result<(), Bad> {
    let [chrom, _, ids, reference, alt, _, filters, info] = columns;
    for (name, text) in [("CHROM", chrom), ("REF", reference), ("ALT", alt)] {
        if text.is_empty() {
            return Err(Bad::column(name, "empty"));
        }
    }
    if strict {
        for (name, text) in [("ID", ids), ("FILTER", filters), ("INFO", info)] {
            if text.is_empty() {
                return Err(Bad::column(name, "empty"));
            }
        }
        if !reference.iter().all(|base| b"ACGTNacgtn".contains(base)) {
            return Err(Bad::column("REF", "not a sequence of A, C, G, T, N"));
        }
        if chrom.iter().any(|byte| byte.is_ascii_whitespace()) {
            return Err(Bad::column("CHROM", "holds white space"));
        }
    }
    Ok(())
}

/// Alternate alleles.
#[inline]
pub(super) fn count_alts(alt: &[u8]) -> usize {
    if alt == b"." { 0 } else { 1 + alt.iter().filter(|byte| **byte == b',').count() }
}

/// The last position: INFO/END where it is not before POS, else POS + length of REF - 1.
#[inline]
pub(super) fn end_of(pos: i64, reference: &[u8], end: Option<i64>) -> i64 {
    match end {
        Some(end) if end >= pos => end,
        _ => pos + (reference.len() as i64 - 1).max(0),
    }
}

/// Builders of the fixed columns that are asked for.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    chrom: Option<Texts>,
    pos: Option<Longs>,
    end_pos: Option<Longs>,
    ids: Option<List<Texts>>,
    reference: Option<Texts>,
    alt: Option<Texts>,
    qual: Option<Floats>,
    filters: Option<List<Texts>>,
}

impl Fixed {
    pub(super) fn new(slots: &[Slot]) -> Self {
        fn wanted<T>(slots: &[Slot], slot: Slot, make: impl FnOnce() -> T) -> Option<T> {
            slots.contains(&slot).then(make)
        }
        let texts = || List::new(Texts::default(), b';');
        Self {
            chrom: wanted(slots, Slot::Chrom, Texts::verbatim),
            pos: wanted(slots, Slot::Pos, Longs::default),
            end_pos: wanted(slots, Slot::EndPos, Longs::default),
            ids: wanted(slots, Slot::Ids, texts),
            reference: wanted(slots, Slot::Ref, Texts::verbatim),
            alt: wanted(slots, Slot::Alt, Texts::default),
            qual: wanted(slots, Slot::Qual, Floats::default),
            filters: wanted(slots, Slot::Filters, texts),
        }
    }

    pub(super) fn push(
        &mut self,
        columns: &Columns<'_>,
        pos: i64,
        end: i64,
        quality: Option<f64>,
        strict: bool,
    ) -> Result<(), Bad> {
        let [chrom, _, ids, reference, alt, _, filters, _] = columns;
        let how = How { percent: false, strict };
        if let Some(column) = &mut self.chrom {
            column.push_raw(chrom);
        }
        if let Some(column) = &mut self.pos {
            column.push_value(pos);
        }
        if let Some(column) = &mut self.end_pos {
            column.push_value(end);
        }
        if let Some(column) = &mut self.reference {
            column.push_raw(reference);
        }
        if let Some(column) = &mut self.alt {
            column.push(alt, how).map_err(|reason| Bad::column("ALT", reason))?;
        }
        if let Some(column) = &mut self.qual {
            column.push_value(quality);
        }
        for (column, text, name) in [(&mut self.ids, ids, "ID"), (&mut self.filters, filters, "FILTER")] {
            let Some(column) = column else { continue };
            match *text {
                b"." | b"" => column.pad(column.len() + 1),
                text => {
                    column.push(text, how).map_err(|reason| Bad::new(Place::Column(name), reason))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        for column in [&mut self.chrom, &mut self.reference, &mut self.alt].into_iter().flatten() {
            column.truncate(rows);
        }
        for column in [&mut self.pos, &mut self.end_pos].into_iter().flatten() {
            column.truncate(rows);
        }
        for column in [&mut self.ids, &mut self.filters].into_iter().flatten() {
            column.truncate(rows);
        }
        if let Some(column) = &mut self.qual {
            column.truncate(rows);
        }
    }

    pub(super) fn finish(&mut self, slot: Slot) -> Option<ArrayRef> {
        match slot {
            Slot::Chrom => self.chrom.as_mut().map(Column::finish),
            Slot::Pos => self.pos.as_mut().map(Longs::finish),
            Slot::EndPos => self.end_pos.as_mut().map(Longs::finish),
            Slot::Ids => self.ids.as_mut().map(Column::finish),
            Slot::Ref => self.reference.as_mut().map(Column::finish),
            Slot::Alt => self.alt.as_mut().map(Column::finish),
            Slot::Qual => self.qual.as_mut().map(Column::finish),
            Slot::Filters => self.filters.as_mut().map(Column::finish),
            _ => None,
        }
    }
}
