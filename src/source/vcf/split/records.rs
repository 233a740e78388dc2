//! Units of BCF: like those of text, but records say how long they are and nothing marks where one begins. It must not know
//! what is in a record.
//!
//! A unit begins at the first place behind its border where several records in a row fit the header, and it ends where the
//! next one begins. Whoever reads a unit looks for both ends; if following the lengths from one does not lead to the other
//! exactly, the load fails.

use super::buffer::TextBuf;
use super::ranged::{Cut, Layout};
use super::stream::StreamText;
use super::unit::{Fed, ForwardReader, UnitReader};
use crate::error::{Error, Result};
use crate::source::vcf::bcf::{Frame, Walk, damaged, split_record, walk, walk_site};

/// Records that must follow each other before an offset counts as a record's start.
const CHAIN: usize = 3;
/// Behind a chain of this many bytes only the begin of one more record is looked at: long ones are not read for it.
const LONG: usize = 64 << 10;
/// Bytes that are gathered before whole records are handed on.
const CHUNK: usize = 256 << 10;

/// Reads the units `first, first + stride, …` of a file.
pub(crate) struct RangedRecords<C> {
    cut: C,
    layout: Layout,
    frame: Frame,
    next: u32,
    stride: u32,
    current: u32,
    state: State,
    buf: TextBuf,
    /// Bytes of text read since the unit's first block.
    fed: u64,
    /// Where the text behind the unit's border begins, once it has been reached.
    border: Option<u64>,
    ended: bool,
    /// Waiting bytes that are whole records.
    ready: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the unit was read yet.
    Fresh,
    /// Reading records that begin before the border.
    Own,
    /// Reading the records up to where the next unit begins.
    Until(u64),
    Done,
}

impl<C: Cut> RangedRecords<C> {
    /// `longest`: bytes that a record may have.
    pub(crate) fn new(cut: C, layout: Layout, frame: Frame, first: u32, stride: u32, longest: usize) -> Self {
        Self {
            cut,
            layout,
            frame,
            next: first,
            stride: stride.max(1),
            current: 0,
            state: State::Done,
            buf: TextBuf::of_lines(longest),
            fed: 0,
            border: None,
            ended: false,
            ready: 0,
        }
    }

    /// Where the waiting text begins.
    fn base(&self) -> u64 {
        self.fed - self.buf.len() as u64
    }

    fn feed(&mut self) -> Result<()> {
        self.buf.check_record()?;
        let before = self.buf.len();
        match self.cut.feed(&mut self.buf)? {
            Fed::Own => {}
            Fed::Beyond => self.border = self.border.or(Some(self.fed)),
            Fed::End => {
                self.border = self.border.or(Some(self.fed));
                self.ended = true;
            }
        }
        self.fed += (self.buf.len() - before) as u64;
        Ok(())
    }

    /// Skips to the unit's first record. `false` when none begins in it.
    fn enter(&mut self) -> Result<bool> {
        let Layout { base, skip, step, size, .. } = self.layout;
        let start = base + u64::from(self.current) * step;
        self.buf.clear();
        (self.fed, self.border, self.ended, self.ready) = (0, None, false, 0);
        if !self.cut.seek(start..(start + step).min(size), self.current == 0)? {
            return Ok(false);
        }
        if self.current > 0 {
            return Ok(self.find(0, true)?.is_some());
        }
        let mut left = skip;
        while left > 0 && !self.ended {
            if self.buf.len() == 0 {
                self.feed()?;
            }
            left -= self.buf.take(usize::try_from(left).unwrap_or(usize::MAX).min(self.buf.len())).len() as u64;
        }
        Ok(true)
    }

    /// Finds the first place from `from` on where records begin; the end of the input is such a place. `own`: only before
    /// the border, and what lies before the place is dropped.
    fn find(&mut self, from: u64, own: bool) -> Result<Option<u64>> {
        let mut at = from;
        loop {
            while at < self.fed {
                if own && self.border.is_some_and(|border| at >= border) {
                    return Ok(None);
                }
                match chain(&self.buf.waiting()[(at - self.base()) as usize..], self.ended, self.frame) {
                    Walk::Record(_) => {
                        if own {
                            self.buf.take((at - self.base()) as usize);
                        }
                        return Ok(Some(at));
                    }
                    Walk::No => at += 1,
                    Walk::Short => break,
                }
            }
            if self.ended {
                return Ok(Some(self.fed).filter(|_| !own));
            }
            if own {
                self.buf.take((at - self.base()) as usize);
            }
            self.feed()?;
        }
    }

    /// Counts more waiting bytes that are whole records, up to `end` at most.
    fn advance(&mut self, end: u64) -> Result<()> {
        let base = self.base();
        while base + (self.ready as u64) < end {
            let Some((record, _)) = split_record(&self.buf.waiting()[self.ready..])? else { break };
            if base + (self.ready + record.len()) as u64 > end {
                return Err(apart());
            }
            self.ready += record.len();
        }
        Ok(())
    }

    fn hand_on(&mut self) -> &[u8] {
        self.buf.take(std::mem::take(&mut self.ready))
    }
}

/// Does a chain of records begin here? Never short when the input has ended.
fn chain(bytes: &[u8], ended: bool, frame: Frame) -> Walk {
    let mut span = 0;
    for _ in 0..CHAIN {
        let rest = bytes.get(span..).unwrap_or_default();
        if rest.is_empty() && ended {
            break;
        }
        match if span < LONG { walk(rest, frame) } else { walk_site(rest, frame) } {
            Walk::Record(_) if span >= LONG => break,
            Walk::Record(length) => span += length,
            Walk::Short if !ended => return Walk::Short,
            _ => return Walk::No,
        }
    }
    Walk::Record(span)
}

fn apart() -> Error {
    damaged("records do not follow each other where the file was cut").with_hint("copy the file again, or set a larger `unit`")
}

fn cut_off() -> Error {
    Error::input("the input is truncated: it ends inside a BCF record").with_hint("copy the file again")
}

impl<C: Cut> UnitReader for RangedRecords<C> {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        if self.next >= self.layout.count {
            return Ok(None);
        }
        self.current = self.next;
        self.next = self.next.saturating_add(self.stride);
        self.state = State::Fresh;
        Ok(Some(self.current))
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        if self.state == State::Fresh {
            self.state = if self.enter()? { State::Own } else { State::Done };
        }
        while self.state == State::Own {
            let Some(border) = self.border else {
                if self.buf.len() >= CHUNK {
                    self.advance(u64::MAX)?;
                    if self.ready > 0 {
                        return Ok(Some(self.hand_on()));
                    }
                }
                self.feed()?;
                continue;
            };
            // Whoever reads the next unit starts here.
            if let Some(next) = self.find(border, false)? {
                self.state = State::Until(next);
            }
        }
        let State::Until(end) = self.state else { return Ok(None) };
        self.state = State::Done;
        self.advance(end)?;
        if self.base() + (self.ready as u64) < end {
            return Err(if self.ended && end == self.fed { cut_off() } else { apart() });
        }
        Ok(Some(self.hand_on()).filter(|records| !records.is_empty()))
    }

    fn bytes(&self) -> u64 {
        let before = if self.current == 0 { self.layout.base } else { 0 };
        before + self.cut.bytes()
    }

    fn lines_before(&self) -> Option<u64> {
        None
    }
}

/// Reads all units of a stream, one after the other. A unit is at least the unit size of records.
pub(crate) struct StreamedRecords {
    text: StreamText,
    buf: TextBuf,
    unit_size: u64,
    unit: Option<u32>,
    used: u64,
    /// Records of the units before, and of this one.
    records_before: u64,
    records: u64,
    stored_before: u64,
    ended: bool,
    unit_done: bool,
}

impl StreamedRecords {
    /// `buf` holds what was read already, from behind the header on.
    pub(crate) fn new(text: StreamText, buf: TextBuf, unit_size: u64) -> Self {
        Self {
            text,
            buf,
            unit_size: unit_size.max(1),
            unit: None,
            used: 0,
            records_before: 0,
            records: 0,
            stored_before: 0,
            ended: false,
            unit_done: true,
        }
    }

    fn feed(&mut self) -> Result<()> {
        self.buf.check_record()?;
        self.ended = !self.text.feed(&mut self.buf)?;
        Ok(())
    }
}

impl UnitReader for StreamedRecords {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        while !self.unit_done {
            self.next_chunk()?;
        }
        let next = match self.unit {
            None => 0,
            Some(unit) => {
                while self.buf.len() == 0 && !self.ended {
                    self.feed()?;
                }
                if self.buf.len() == 0 {
                    return Ok(None);
                }
                self.stored_before = self.text.stored();
                unit.checked_add(1).ok_or_else(|| Error::input("the input has too many units").with_hint("raise `unit`"))?
            }
        };
        self.records_before = self.records;
        (self.unit, self.used, self.unit_done) = (Some(next), 0, false);
        Ok(self.unit)
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        while !self.unit_done {
            if self.buf.len() >= CHUNK || self.ended {
                let mut ready = 0;
                while self.used + (ready as u64) < self.unit_size
                    && let Some((record, _)) = split_record(&self.buf.waiting()[ready..])?
                {
                    ready += record.len();
                    self.records += 1;
                }
                self.used += ready as u64;
                self.unit_done = self.used >= self.unit_size || (self.ended && self.buf.len() == ready);
                if ready > 0 {
                    return Ok(Some(self.buf.take(ready)));
                }
                if self.ended && !self.unit_done {
                    return Err(cut_off());
                }
            }
            if !self.unit_done {
                self.feed()?;
            }
        }
        Ok(None)
    }

    fn bytes(&self) -> u64 {
        self.text.stored() - self.stored_before
    }

    fn lines_before(&self) -> Option<u64> {
        Some(self.records_before)
    }
}

impl ForwardReader for StreamedRecords {
    fn passed(&self) -> u64 {
        self.records
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::super::testing::bgzf;
    use super::super::{BgzfCut, PlainCut, count_units};
    use super::*;
    use crate::source::vcf::limits::MOST_LINE;

    const FRAME: Frame = Frame { contigs: 3, strings: 5, samples: 2 };

    /// A record whose reference has `length` bases; `fill` is the value of its only genotype field.
    fn record(length: usize, fill: u8) -> Vec<u8> {
        let mut shared = vec![1, 0, 0, 0, fill, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x80, 0x7f, 0, 0, 1, 0, 2, 0, 0, 1, 0x07];
        shared.extend([0xf7, 0x13]);
        shared.extend((length as u32).to_le_bytes());
        shared.extend(vec![b'A'; length]);
        shared.push(0);
        let individual = [0x11, 4, 0x11, fill, fill];
        let lengths = [(shared.len() as u32).to_le_bytes(), (individual.len() as u32).to_le_bytes()].concat();
        [&lengths[..], &shared, &individual].concat()
    }

    fn all(reader: &mut dyn UnitReader) -> Result<Vec<Vec<u8>>> {
        let mut units = Vec::new();
        while reader.next_unit()?.is_some() {
            let mut text = Vec::new();
            while let Some(chunk) = reader.next_chunk()? {
                text.extend_from_slice(chunk);
            }
            units.push(text);
        }
        Ok(units)
    }

    fn stored(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    /// The units of `partitions` readers in order, from plain and from packed bytes.
    fn units(bytes: &[u8], skip: usize, step: u64, block: usize, partitions: u32) -> Result<[Vec<Vec<u8>>; 2]> {
        let weave = |one: &mut dyn FnMut(u32) -> Result<Vec<Vec<u8>>>, count: u32| -> Result<Vec<Vec<u8>>> {
            let parts =
                (0..partitions).map(|part| if part < count { one(part) } else { Ok(Vec::new()) }).collect::<Result<Vec<_>>>()?;
            Ok((0..count as usize).map(|u| parts[u % partitions as usize][u / partitions as usize].clone()).collect())
        };
        let (plain, size) = (stored(bytes), bytes.len() as u64);
        let count = u32::try_from(count_units(skip as u64, size, step)).unwrap();
        let layout = Layout { base: skip as u64, skip: 0, step, size, count };
        let plain = weave(
            &mut |part| all(&mut RangedRecords::new(PlainCut::new(plain.clone()), layout, FRAME, part, partitions, MOST_LINE)),
            count,
        )?;
        let packed = bgzf(bytes, block);
        let (file, size) = (stored(&packed), packed.len() as u64);
        let count = u32::try_from(count_units(0, size, step)).unwrap();
        let layout = Layout { base: 0, skip: skip as u64, step, size, count };
        let cut = || BgzfCut::new(file.clone(), size);
        let packed = weave(&mut |part| all(&mut RangedRecords::new(cut(), layout, FRAME, part, partitions, MOST_LINE)), count)?;
        Ok([plain, packed])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn units_put_together_are_the_records(
            lengths in prop::collection::vec((0usize..300, any::<u8>()), 0..60), skip in 0usize..40,
            step in 1u64..1500, block in 40usize..3000, partitions in 1u32..4,
        ) {
            let records: Vec<Vec<u8>> = lengths.iter().map(|(length, fill)| record(*length, *fill)).collect();
            let whole = records.concat();
            let bytes = [vec![b'#'; skip], whole.clone()].concat();
            for units in units(&bytes, skip, step, block, partitions).unwrap() {
                assert_eq!(units.concat(), whole);
                for unit in units {
                    let mut rest = &unit[..];
                    while !rest.is_empty() {
                        rest = split_record(rest).unwrap().unwrap().1;
                    }
                }
            }
            let text = StreamText::plain(Box::new(std::io::Cursor::new(whole.clone())));
            let units = all(&mut StreamedRecords::new(text, TextBuf::default(), step)).unwrap();
            assert_eq!(units.concat(), whole);
            assert!(units.iter().rev().skip(1).all(|unit| unit.len() as u64 >= step));
        }

        #[test]
        fn a_cut_is_an_error_everywhere(records in 1usize..5, cut in 1usize..40, step in 20u64..500) {
            let whole = record(40, 7).repeat(records);
            let length = whole.len() / records;
            let cut = &whole[..whole.len() - cut.min(length - 1)];
            let error = units(cut, 0, step, 100, 2).unwrap_err();
            prop_assert_eq!(error.class(), crate::error::Class::Input);
            let text = StreamText::plain(Box::new(std::io::Cursor::new(cut.to_vec())));
            prop_assert!(all(&mut StreamedRecords::new(text, TextBuf::default(), step)).is_err());
        }

        #[test]
        fn hostile_bytes_end_in_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 1..400), step in 1u64..200) {
            if let Ok(units) = units(&bytes, 0, step, 90, 2) {
                assert_eq!(units[0].concat(), bytes);
                assert_eq!(units[1].concat(), bytes);
            }
        }
    }

    #[test]
    fn a_record_that_fits_no_header_is_handed_on_by_the_unit_before() {
        // Its contig is unknown: bad, but its length is right.
        let mut odd = record(10, 1);
        odd[8] = 9;
        for place in 0..12 {
            let mut records = vec![record(10, 2); 12];
            records[place] = odd.clone();
            let whole = records.concat();
            for step in 1..150 {
                for units in units(&whole, 0, step, 70, 2).unwrap() {
                    assert_eq!(units.concat(), whole, "record {place}, unit {step}");
                }
            }
        }
    }

    #[test]
    fn records_inside_a_record_are_an_error_or_one_record() {
        // A reference that holds records itself, as nobody writes but somebody may forge.
        let inner = record(20, 3).repeat(6);
        let mut outer = record(inner.len(), 5);
        let at = 8 + 24 + 1 + 6;
        outer[at..at + inner.len()].copy_from_slice(&inner);
        let whole = [record(5, 1).repeat(3), outer, record(5, 1).repeat(5)].concat();
        let mut refused = 0;
        for step in 20..400 {
            match units(&whole, 0, step, 1000, 2) {
                Ok([plain, packed]) => assert!(plain.concat() == whole && packed.concat() == whole, "unit {step}"),
                Err(error) => {
                    assert!(error.to_string().contains("do not follow"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0);
    }

    #[test]
    fn a_record_longer_than_many_units_belongs_to_the_first() {
        let whole = [record(60_000, 1), record(3, 2)].concat();
        for units in units(&whole, 0, 500, 900, 2).unwrap() {
            assert_eq!(units.concat(), whole);
            assert!(units.len() > 2 && units[0].len() >= 60_000);
        }
    }

    #[test]
    fn long_records_are_found_without_reading_them_all() {
        let long = |fill: u8| record(30_000, fill);
        let whole: Vec<u8> = (0..30u8).flat_map(long).collect();
        for step in [9_000, 31_000, 100_000] {
            for units in units(&whole, 0, step, 4000, 2).unwrap() {
                assert_eq!(units.concat(), whole);
            }
        }
        let one = record(10, 1);
        let begins = [vec![b'A'; LONG - one.len()], one.clone()].concat();
        assert_eq!(chain(&begins, false, FRAME), Walk::No);
        let wide = record(u16::MAX.into(), 1);
        let next = &record(40_000, 2)[..40_040];
        assert_eq!(chain(&[&wide[..], next].concat(), false, FRAME), Walk::Record(wide.len()));
        assert_eq!(chain(&[&wide[..], &next[..20]].concat(), false, FRAME), Walk::Short);
        assert_eq!(chain(&[&wide[..], &[0; 40]].concat(), false, FRAME), Walk::No);
    }

    #[test]
    fn a_hostile_length_claims_no_memory() {
        let claims = |shared: u32, individual: u32| [shared.to_le_bytes(), individual.to_le_bytes()].concat();
        for bytes in [claims(u32::MAX, u32::MAX), claims(24, u32::MAX), claims(1 << 29, 1 << 28), claims(3, 0)] {
            let error = units(&bytes, 0, 1000, 100, 1).unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Input, "{error}");
        }
    }
}
