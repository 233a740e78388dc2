//! The eight fixed columns (VCF 4.3 section 1.6.1). It must not know INFO or calls.

use datafusion::arrow::array::ArrayRef;

use super::bad::{Bad, Place, wrong_columns};
use crate::source::vcf::columns::{Column, Encoding, Ends, Floats, List, Longs, Taken, Texts, leading_long, parse_float};
use crate::source::vcf::find::find;
use crate::source::vcf::reason::Reason;
use crate::source::vcf::slot::Slot;

/// CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO: where they end in their line.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    line: &'a [u8],
    ends: [usize; 8],
}

const LOW: u64 = 0x0101_0101_0101_0101;

impl<'a> Columns<'a> {
    /// Cuts a line into its fixed columns and what follows them.
    #[inline]
    pub(super) fn split(line: &'a [u8]) -> Result<(Self, Option<&'a [u8]>), Bad> {
        let (mut ends, mut found, mut passed) = ([line.len(); 8], 0, 0);
        let (words, _) = line.as_chunks::<8>();
        'words: for word in words {
            // Zero where a tab is, and each byte by itself: no borrow goes from one to the next.
            let others = u64::from_le_bytes(*word) ^ (LOW * u64::from(b'\t'));
            let mut tabs = !(((others & (LOW * 0x7f)) + LOW * 0x7f) | others) & (LOW * 0x80);
            while tabs != 0 {
                ends[found] = passed + (tabs.trailing_zeros() / 8) as usize;
                found += 1;
                if found == 7 {
                    break 'words;
                }
                tabs &= tabs - 1;
            }
            passed += 8;
        }
        let mut from = if found > 0 { ends[found - 1] + 1 } else { 0 };
        while found < 7 {
            let Some(at) = find(b'\t', &line[from..]) else { return Err(wrong_columns()) };
            ends[found] = from + at;
            (from, found) = (from + at + 1, found + 1);
        }
        // INFO: long, and mostly the last column.
        let rest = memchr::memchr(b'\t', &line[from..]).map(|at| {
            ends[7] = from + at;
            &line[from + at + 1..]
        });
        Ok((Self { line, ends }, rest))
    }

    /// A column.
    #[inline(always)]
    pub(super) fn get(&self, nth: usize) -> &'a [u8] {
        &self.line[self.start(nth)..self.ends[nth]]
    }

    /// All columns.
    #[inline]
    pub(super) fn all(&self) -> [&'a [u8]; 8] {
        [self.get(0), self.get(1), self.get(2), self.get(3), self.get(4), self.get(5), self.get(6), self.get(7)]
    }

    #[inline(always)]
    fn start(&self, nth: usize) -> usize {
        if nth == 0 { 0 } else { self.ends[nth - 1] + 1 }
    }

    /// POS: 0 is the telomere.
    #[inline]
    pub(super) fn position(&self) -> Result<i64, Bad> {
        match leading_long(self.front(1).0, Ends::COLUMN) {
            Some(position) if position <= 1 << 53 => Ok(position),
            _ => position(self.get(1)),
        }
    }
}

/// A record's fixed columns, whatever they were read from.
pub(super) trait Fronts {
    /// A text that begins with the column, and the column's length.
    fn front(&self, nth: usize) -> (&[u8], usize);

    /// Appends QUAL.
    fn put_quality(&self, column: &mut Floats) -> Result<(), Bad>;
}

impl Fronts for Columns<'_> {
    #[inline(always)]
    fn front(&self, nth: usize) -> (&[u8], usize) {
        let start = self.start(nth);
        (&self.line[start..], self.ends[nth] - start)
    }

    #[inline(always)]
    fn put_quality(&self, column: &mut Floats) -> Result<(), Bad> {
        if column.take_next(self.front(5).0, Ends::COLUMN, Encoding::default()) == Taken::NOT {
            column.push_value(quality(self.get(5))?);
        }
        Ok(())
    }
}

/// POS near the end of a line, or with many leading zeros.
#[cold]
fn position(text: &[u8]) -> Result<i64, Bad> {
    let mut value = 0i64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Bad::column("POS", Reason::NotPosition));
        }
        value = value * 10 + i64::from(digit);
        if value > 1 << 53 {
            return Err(Bad::column("POS", Reason::NotPosition));
        }
    }
    if text.is_empty() { Err(Bad::column("POS", Reason::Empty)) } else { Ok(value) }
}

/// QUAL: `None` for `.`, and for nothing at all, as in ID, FILTER and INFO.
#[inline]
pub(super) fn quality(text: &[u8]) -> Result<Option<f64>, Bad> {
    match text {
        b"." | b"" => Ok(None),
        text => parse_float(text).map(Some).map_err(|reason| Bad::column("QUAL", reason)),
    }
}

/// What every record must have.
#[inline]
pub(super) fn check(columns: &[&[u8]; 8]) -> Result<(), Bad> {
    let [chrom, _, _, reference, alt, ..] = columns;
    for (name, text) in [("CHROM", chrom), ("REF", reference), ("ALT", alt)] {
        if text.is_empty() {
            return Err(Bad::column(name, Reason::Empty));
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

    pub(super) fn push(&mut self, columns: &impl Fronts, pos: i64, end: i64) -> Result<(), Bad> {
        let encoding = Encoding::default();
        for (column, nth) in [(&mut self.chrom, 0), (&mut self.reference, 3)] {
            if let Some(column) = column {
                let (text, len) = columns.front(nth);
                column.push_front(text, len);
            }
        }
        if let Some(column) = &mut self.pos {
            column.push_value(pos);
        }
        if let Some(column) = &mut self.end_pos {
            column.push_value(end);
        }
        if let Some(column) = &mut self.alt {
            match columns.front(4) {
                ([b'.', ..], 1) => column.push_null(),
                (text, len) => column.push_front(text, len),
            }
        }
        if let Some(column) = &mut self.qual {
            columns.put_quality(column)?;
        }
        for (column, nth, name) in [(&mut self.ids, 2, "ID"), (&mut self.filters, 6, "FILTER")] {
            let Some(column) = column else { continue };
            let (text, len) = columns.front(nth);
            match &text[..len] {
                b"." | b"" => column.pad(column.len() + 1),
                one if find(b';', one).is_none() => column.push_one(|item| item.push_front(text, len)),
                several => {
                    column.push(several, encoding).map_err(|reason| Bad::new(Place::Column(name), reason))?;
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
