//! Genotype fields of BCF (VCF 4.5 section 6.3.2): field after field, each with the values of all samples. It must not know
//! other columns.

use super::number::by_call;
use super::plan::Part;
use super::room::Room;
use super::{CallsDecoder, Genotype, too_many_values, walk};
use crate::flow::Number;
use crate::source::vcf::bcf::{Cursor, FieldError, Site, is_genotype, of_sample, write_genotype};
use crate::source::vcf::columns::{Column, Encoding, Kind, Vector};
use crate::source::vcf::config::Calls;
use crate::source::vcf::decode::bad::{Bad, Place};
use crate::source::vcf::decode::binary::{Names, check_utf8};
use crate::source::vcf::decode::odd::Odd;
use crate::source::vcf::reason::Reason;

/// One field's values: those of one sample are `stride` bytes.
#[derive(Clone, Copy)]
struct Block<'a> {
    name: &'a str,
    values: Vector<'a>,
    stride: usize,
}

impl<'a> Block<'a> {
    fn read(cursor: &mut Cursor<'a>, samples: usize, names: &'a Names) -> Result<Self, Bad> {
        let (key, values, stride) = cursor.format(samples)?;
        let Some(name) = names.dictionary.string(key) else {
            return Err(Bad::column("FORMAT", Reason::UnknownKey));
        };
        let values = values.unwrap_or(Vector { kind: Kind::Int8, bytes: &[], legacy: false });
        Ok(Self { name, values, stride })
    }

    /// The block in place `nth`, of a record whose blocks were all read before.
    fn nth(mut cursor: Cursor<'a>, nth: usize, samples: usize, names: &'a Names) -> Result<Self, Bad> {
        for _ in 0..nth {
            cursor.format(samples)?;
        }
        Self::read(&mut cursor, samples, names)
    }

    fn is_genotype(&self) -> bool {
        is_genotype(self.name, self.values.kind)
    }

    #[inline]
    fn of(&self, sample: usize) -> Vector<'a> {
        of_sample(self.values, self.stride, sample)
    }
}

/// What the number of a call's values depends on.
#[derive(Clone, Copy)]
struct Sizes<'a> {
    alts: usize,
    genotype: Option<Block<'a>>,
    local: Option<Block<'a>>,
}

impl Sizes<'_> {
    fn expected(&self, number: Number, sample: usize) -> Option<usize> {
        let ploidy = || match self.genotype.map(|block| block.of(sample)) {
            None => Some(2),
            Some(genotype) => match (genotype.text(), genotype.integers().count()) {
                (Some(b"."), _) => None,
                (Some(text), _) => Some(1 + text[1..].iter().filter(|byte| matches!(byte, b'/' | b'|')).count()),
                (None, 0) => None,
                (None, 1) if matches!(genotype.integers().next(), Some(Ok(None | Some(0 | 1)))) => None,
                (None, alleles) => Some(alleles),
            },
        };
        let local = || {
            let named = self.local?.of(sample);
            Some(if named.is_missing() { 0 } else { named.numbers().count() })
        };
        by_call(number, self.alts, self.genotype.is_some(), ploidy, local)
    }
}

impl CallsDecoder {
    /// Decodes a record's genotype fields for slot `row`.
    pub(in crate::source::vcf::decode) fn decode_binary(
        &mut self,
        fields: Cursor<'_>,
        site: &Site,
        names: &Names,
        row: usize,
        alts: usize,
        encoding: Encoding,
    ) -> Result<(), Bad> {
        debug_assert_eq!(self.offsets.len(), row + 1);
        let mut room = std::mem::take(&mut self.room);
        let done = self.fields_of(&mut room, fields, site, names, alts, encoding);
        self.room = room;
        done?;
        self.offsets.push(self.sample.len() as i32);
        Ok(())
    }

    fn fields_of(
        &mut self,
        room: &mut Room,
        fields: Cursor<'_>,
        site: &Site,
        names: &Names,
        alts: usize,
        encoding: Encoding,
    ) -> Result<(), Bad> {
        room.text.clear();
        let mut cursor = fields;
        for nth in 0..site.formats {
            let block = Block::read(&mut cursor, site.samples, names)?;
            if nth > 0 {
                room.text.push(b':');
            }
            room.text.extend_from_slice(block.name.as_bytes());
        }
        if !cursor.is_done() {
            return Err(FieldError::Wrong.into());
        }
        if site.formats == 0 || site.samples == 0 {
            return Ok(());
        }
        let number = self.plan(&room.text)?;
        let Some(plan) = self.plans.get(number) else { return Ok(()) };
        let block = |nth: usize| Block::nth(fields, nth, site.samples, names);
        let (genotype, local) = (plan.genotype.map(block).transpose()?, plan.local.map(block).transpose()?);
        let first = self.sample.len();
        self.choose(room, genotype.filter(|_| self.mode == Calls::Carriers));
        if self.sample.len() == first {
            return Ok(());
        }
        if (self.sample.len() - first) * site.formats > self.limits.values {
            return Err(too_many_values());
        }
        let sizes = Sizes { alts, genotype, local };
        let mut cursor = fields;
        room.misfits.clear();
        for nth in 0..site.formats {
            let block = Block::read(&mut cursor, site.samples, names)?;
            match self.plans.get(number).and_then(|plan| plan.parts.get(nth)) {
                Some(Part::Genotype) => self.put_genotypes(room, &block, (nth, first), alts, encoding)?,
                Some(Part::Field(field)) => self.put_block(room, &block, (nth, *field, first), sizes, encoding)?,
                Some(Part::Other(_)) => room.misfits.extend((0..room.kept.len()).map(|call| (call, nth))),
                _ => {}
            }
        }
        if room.misfits.is_empty() { Ok(()) } else { self.keep_misfits(room, fields, site, names, first) }
    }

    /// Chooses the calls to keep: of these genotypes the carriers, or all.
    fn choose(&mut self, room: &mut Room, genotypes: Option<Block<'_>>) {
        room.kept.clear();
        let mut at = 0;
        for run in &self.runs {
            at += run.skip;
            let before = room.kept.len();
            match genotypes {
                Some(genotypes) => carriers(&genotypes, at..at + run.keep, &mut room.kept),
                None => room.kept.extend(at..at + run.keep),
            }
            // The index of a sample is as far from its run's first as its column.
            self.sample.extend(room.kept[before..].iter().map(|column| (column - at + run.first) as i32));
            at += run.keep;
        }
    }

    /// Gives the kept calls' genotypes to their column. `place`: which field of the record, and the first slot.
    fn put_genotypes(
        &mut self,
        room: &mut Room,
        block: &Block<'_>,
        (nth, first): (usize, usize),
        alts: usize,
        encoding: Encoding,
    ) -> Result<(), Bad> {
        let Some(genotype) = &mut self.genotype else { return Ok(()) };
        let Some(field) = self.fields.get_mut(genotype.field) else { return Ok(()) };
        if block.values.kind == Kind::Text {
            check_utf8(block.values.bytes)?;
        }
        genotype.column.pad(first);
        let (mut call, pairs) = (0, block.values.kind == Kind::Int8 && block.stride == 2);
        for neighbours in room.kept.chunk_by(|a, b| a + 1 == *b) {
            let mut rest = neighbours;
            while let [column, ..] = rest {
                if pairs {
                    let codes = block.values.bytes.get(2 * column..2 * (column + rest.len())).unwrap_or_default();
                    let taken = genotype.column.take_codes(codes, alts, self.leading_phase);
                    (rest, call) = (&rest[taken..], call + taken);
                }
                // What is not taken many at once is not tried again at every call.
                let (singles, behind) = rest.split_at(rest.len().min(16));
                for column in singles {
                    match genotype.put_one(block.of(*column), alts, self.leading_phase, encoding) {
                        Ok(false) => {}
                        Ok(true) => field.odd.add(Odd::PastAlt),
                        Err(reason) => {
                            let place = Place::Format(genotype.field);
                            field.odd.add(self.leftovers.keep_or_fail(field.demand, false, place, reason)?);
                            genotype.column.push_null();
                            room.misfits.push((call, nth));
                        }
                    }
                    call += 1;
                }
                rest = behind;
            }
        }
        Ok(())
    }

    /// Gives a field's values of the kept calls to its column. `place`: which field of the record, which of the load, and the
    /// first slot.
    fn put_block(
        &mut self,
        room: &mut Room,
        block: &Block<'_>,
        place: (usize, usize, usize),
        sizes: Sizes<'_>,
        encoding: Encoding,
    ) -> Result<(), Bad> {
        let (nth, index, first) = place;
        let Some(field) = self.fields.get_mut(index) else { return Ok(()) };
        let Some(column) = &mut field.column else { return Ok(()) };
        if block.values.kind == Kind::Text {
            check_utf8(block.values.bytes)?;
        }
        let genotype = block.is_genotype();
        for (call, sample) in room.kept.iter().enumerate() {
            let vector = block.of(*sample);
            let put = if genotype {
                room.text.clear();
                write_genotype(vector, self.leading_phase, &mut room.text)
                    .and_then(|()| column.put(first + call, &room.text, encoding))
            } else {
                column.put_vector(first + call, vector, encoding)
            };
            match put {
                Ok(count) => {
                    let expected = || sizes.expected(field.demand.number, *sample);
                    let odd = |count: usize| expected().is_some_and(|expected| expected != count);
                    if count.is_some_and(odd) && !vector.is_missing() {
                        field.odd.add(Odd::Miscount);
                    }
                }
                Err(reason) => {
                    let several = !genotype && vector.is_several();
                    field.odd.add(self.leftovers.keep_or_fail(field.demand, several, Place::Format(index), reason)?);
                    room.misfits.push((call, nth));
                }
            }
        }
        Ok(())
    }

    /// Keeps what no column took as text, `KEY=VALUE` by call.
    #[cold]
    fn keep_misfits(&mut self, room: &mut Room, fields: Cursor<'_>, site: &Site, names: &Names, first: usize) -> Result<(), Bad> {
        if !self.leftovers.is_wanted() {
            return Ok(());
        }
        let mut cursor = fields;
        let blocks = (0..site.formats).map(|_| Block::read(&mut cursor, site.samples, names));
        let blocks = blocks.collect::<Result<Vec<_>, Bad>>()?;
        room.misfits.sort_unstable();
        for of_call in room.misfits.chunk_by(|a, b| a.0 == b.0) {
            let Some((call, _)) = of_call.first() else { continue };
            for (_, nth) in of_call {
                let Some((block, sample)) = blocks.get(*nth).zip(room.kept.get(*call)) else { continue };
                let value = block.of(*sample);
                // `.` beside other keys names nothing.
                if block.name == "." && value.is_missing() {
                    continue;
                }
                self.leftovers.keep_written(block.name, |text| {
                    value.text().map_or(Ok(()), check_utf8)?;
                    let before = text.len();
                    if block.is_genotype() && write_genotype(value, self.leading_phase, text).is_ok() {
                        return Ok(());
                    }
                    // What is no genotype is kept as the numbers it is stored as.
                    text.truncate(before);
                    value.write(text).map_err(|reason| Bad::column("FORMAT", reason))
                })?;
            }
            self.leftovers.put(first + call);
        }
        Ok(())
    }
}

impl Genotype {
    /// Appends a call and says whether it names an allele past the ALT alleles.
    #[inline]
    fn put_one(&mut self, vector: Vector<'_>, alts: usize, leading_phase: bool, encoding: Encoding) -> Result<bool, Reason> {
        if let (Kind::Int8, [a @ 0..0x80, b @ 0..0x80]) = (vector.kind, vector.bytes) {
            let leading = if leading_phase { a & 1 } else { b & 1 };
            let allele = |code: &u8| i32::from(code >> 1) - 1;
            self.column.push_diploid([allele(a), allele(b)], [leading, b & 1]);
            return Ok(i64::from(allele(a).max(allele(b))) > alts as i64);
        }
        self.put(vector, leading_phase, encoding)?;
        Ok(self.names_more_than(alts))
    }

    /// Appends a call of any ploidy. A leading phase that the version does not know is the implied one.
    fn put(&mut self, genotype: Vector<'_>, leading_phase: bool, encoding: Encoding) -> Result<(), Reason> {
        if let Some(text) = genotype.text() {
            return self.column.push(text, encoding).map(|_| ());
        }
        if genotype.kind == Kind::Float && !genotype.is_missing() {
            return Err(Reason::NotGenotype);
        }
        let mut implied = !leading_phase;
        for (nth, allele) in genotype.integers().enumerate() {
            match allele {
                Ok(Some(0..)) => {}
                // Missing as a whole.
                Ok(None) if nth == 0 => {
                    self.column.push_call([(None, true)]);
                    return Ok(());
                }
                Err(reason) => return Err(reason),
                Ok(_) => return Err(Reason::NotGenotype),
            }
        }
        let mut alleles = genotype.integers().flatten().flatten().peekable();
        let Some(first) = alleles.peek().copied() else {
            self.column.push_call([(None, true)]);
            return Ok(());
        };
        implied |= first <= 1 && genotype.integers().nth(1).is_none();
        self.column.push_call(alleles.map(|value| ((value > 1).then(|| (value >> 1) - 1), value & 1 == 1)));
        if implied {
            self.column.imply_phase();
        }
        Ok(())
    }
}

/// Adds those of some samples whose genotypes are not all reference.
fn carriers(genotype: &Block<'_>, samples: std::ops::Range<usize>, kept: &mut Vec<usize>) {
    let Block { values: Vector { kind, bytes, .. }, stride, .. } = *genotype;
    let (mut sample, end) = (samples.start, samples.end);
    while sample < end {
        if kind == Kind::Int8 && stride > 0 {
            sample += reference_alleles(bytes.get(sample * stride..end * stride).unwrap_or_default()) / stride;
        }
        if sample < end && !is_reference(genotype.of(sample)) {
            kept.push(sample);
        }
        sample += 1;
    }
}

/// How many bytes at the front are reference alleles, phased or not. A block at a time: in a cohort nearly all are.
#[inline]
fn reference_alleles(bytes: &[u8]) -> usize {
    const REFERENCE: u8 = 1 << 1;
    let (blocks, _) = bytes.as_chunks::<32>();
    let whole =
        blocks.iter().take_while(|block| block.iter().fold(0, |odd, byte| odd | (byte & !1) ^ REFERENCE) == 0).count() * 32;
    whole + bytes[whole..].iter().take_while(|byte| **byte & !1 == REFERENCE).count()
}

/// True when there are alleles and all are the reference.
fn is_reference(genotype: Vector<'_>) -> bool {
    match genotype.text() {
        Some(text) => walk::is_reference(text),
        None => {
            let mut alleles = genotype.integers().peekable();
            alleles.peek().is_some() && alleles.all(|allele| matches!(allele, Ok(Some(2 | 3))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::genotype::testing::texts;
    use crate::source::vcf::columns::Genotypes;

    fn vector(bytes: &[u8]) -> Vector<'_> {
        Vector { kind: Kind::Int8, bytes, legacy: false }
    }

    #[test]
    fn genotypes_as_alleles_and_as_text() {
        let written = |bytes: &[u8], leading| {
            let mut out = Vec::new();
            write_genotype(vector(bytes), leading, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        let pushed = |bytes: &[u8], leading| {
            let mut genotype = Genotype { field: 0, column: Genotypes::default() };
            genotype.put(vector(bytes), leading, Encoding::default()).map(|()| texts(&genotype.column.finish()))
        };
        for (bytes, text, with_leading) in [
            (&[2, 4][..], "0/1", "0/1"),
            (&[2, 5], "0|1", "/0|1"),
            (&[3, 5], "0|1", "0|1"),
            (&[3, 4], "0/1", "|0/1"),
            (&[0, 0], "./.", "./."),
            (&[0, 1], ".|.", "/.|."),
            (&[0x81, 0x81], ".", "."),
            (&[0, 0x81], ".", "."),
            (&[4, 0x81], "1", "/1"),
            (&[5, 0x81], "1", "1"),
            (&[2, 4, 7], "0/1|2", "0/1|2"),
            (&[0x80], ".", "."),
        ] {
            assert_eq!((written(bytes, false).unwrap(), written(bytes, true).unwrap()), (text.into(), with_leading.into()));
            assert_eq!(pushed(bytes, false).unwrap(), [Some(text.to_owned())]);
            assert_eq!(pushed(bytes, true).unwrap(), [Some(with_leading.to_owned())]);
        }
        for wrong in [&[2, 0x90][..], &[2, 0x80], &[2, 0x82]] {
            assert!(pushed(wrong, false).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn carriers_are_found_between_reference_calls() {
        let mut bytes = [2, 2, 2, 3].repeat(20);
        bytes[35] = 5;
        (bytes[50], bytes[51]) = (2, 0x81);
        (bytes[60], bytes[61]) = (0x81, 0x81);
        bytes[79] = 0;
        let block = Block { name: "GT", values: vector(&bytes), stride: 2 };
        let found = |samples| {
            let mut kept = Vec::new();
            carriers(&block, samples, &mut kept);
            kept
        };
        assert_eq!(found(0..40), [17, 30, 39]);
        assert_eq!(found(18..39), [30]);
        assert_eq!(found(0..17), [0usize; 0]);
    }
}
