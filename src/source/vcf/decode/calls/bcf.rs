//! Genotype fields of BCF (VCF 4.5 section 6.3.2): field after field, each with the values of all samples. It must not know
//! other columns.

use super::{Bad, CallsDecoder, Odd, Place, expected};
use crate::flow::Number;
use crate::source::vcf::bcf::{Cursor, Site};
use crate::source::vcf::columns::{Column, How, Kind, Vector};
use crate::source::vcf::config::Calls;
use crate::source::vcf::decode::bcf::{Names, check_utf8, damaged};

/// One field's values: those of one sample are `stride` bytes.
#[derive(Clone, Copy)]
struct Block<'a> {
    name: &'a str,
    field: Option<usize>,
    values: Vector<'a>,
    stride: usize,
}

impl<'a> Block<'a> {
    fn read(cursor: &mut Cursor<'a>, samples: usize, names: &'a Names) -> Result<Self, Bad> {
        let (key, values, stride) = cursor.format(samples).map_err(damaged)?;
        let Some(name) = names.dictionary.string(key) else {
            return Err(Bad::column("FORMAT", "a key that is not in the header's dictionary"));
        };
        let field = names.formats.get(key as usize).copied().flatten();
        let values = values.unwrap_or(Vector { kind: Kind::Int8, bytes: &[], legacy: false });
        Ok(Self { name, field, values, stride })
    }

    /// GT, as the specification stores it.
    fn is_genotype(&self) -> bool {
        self.name == "GT" && self.values.kind != Kind::Text && self.values.kind != Kind::Float
    }

    #[inline]
    fn of(&self, sample: usize) -> Vector<'a> {
        let bytes = self.values.bytes.get(sample * self.stride..(sample + 1) * self.stride).unwrap_or_default();
        Vector { bytes, ..self.values }.without_padding()
    }
}

/// Room that records share.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Samples whose calls are kept.
    kept: Vec<usize>,
    /// Values that no column took: which kept call, which field.
    misfits: Vec<(usize, usize)>,
    text: Vec<u8>,
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
        how: How,
    ) -> Result<(), Bad> {
        debug_assert_eq!(self.offsets.len(), row + 1);
        let mut room = std::mem::take(&mut self.room);
        let done = self.fields_of(&mut room, fields, site, names, alts, how);
        self.room = room;
        done?;
        self.offsets.push(self.total as i32);
        Ok(())
    }

    fn fields_of(
        &mut self,
        room: &mut Room,
        fields: Cursor<'_>,
        site: &Site,
        names: &Names,
        alts: usize,
        how: How,
    ) -> Result<(), Bad> {
        let genotype = self.look(fields, site, names, how)?;
        room.kept.clear();
        room.misfits.clear();
        if site.formats == 0 || site.samples == 0 {
            return Ok(());
        }
        match genotype.filter(|_| self.mode == Calls::Carriers) {
            Some(genotype) => carriers(&genotype, &self.samples, &mut room.kept),
            None => room.kept.extend((0..self.samples.len()).filter(|at| self.samples[*at].is_some())),
        }
        if room.kept.is_empty() {
            return Ok(());
        }
        let mut cursor = fields;
        for nth in 0..site.formats {
            let block = Block::read(&mut cursor, site.samples, names)?;
            match block.field {
                Some(field) if self.fields[field].column.is_some() => self.put_block(room, &block, (nth, field), alts, how)?,
                None if self.other.is_some() => room.misfits.extend((0..room.kept.len()).map(|call| (call, nth))),
                _ => {}
            }
        }
        if !room.misfits.is_empty() {
            self.keep_misfits(room, fields, site, names)?;
        }
        for at in &room.kept {
            self.sample.push_value(self.samples[*at].unwrap_or_default() as i32);
        }
        self.total += room.kept.len();
        Ok(())
    }

    /// Checks that the fields fill the record and finds GT.
    fn look<'a>(&self, fields: Cursor<'a>, site: &Site, names: &'a Names, how: How) -> Result<Option<Block<'a>>, Bad> {
        let (mut cursor, mut genotype) = (fields, None);
        for nth in 0..site.formats {
            let block = Block::read(&mut cursor, site.samples, names)?;
            if how.strict {
                let mut before = fields;
                for _ in 0..nth {
                    if Block::read(&mut before, site.samples, names)?.name == block.name {
                        return Err(Bad::column("FORMAT", "an empty or repeated name"));
                    }
                }
                if block.name == "GT" && nth > 0 {
                    return Err(Bad::column("FORMAT", "GT is not the first name"));
                }
            }
            if genotype.is_none() && block.name == "GT" {
                genotype = Some(block);
            }
        }
        if cursor.is_done() { Ok(genotype) } else { Err(damaged(crate::source::vcf::bcf::Stop::Wrong)) }
    }

    /// Gives a field's values of the kept calls to its column.
    fn put_block(&mut self, room: &mut Room, block: &Block<'_>, place: (usize, usize), alts: usize, how: How) -> Result<(), Bad> {
        let (nth, index) = place;
        let first = self.total;
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
                    .and_then(|()| column.put(first + call, &room.text, how))
            } else {
                column.put_vector(first + call, vector, how)
            };
            match put {
                Ok(Some(count)) => {
                    if expected(field.number, alts).is_some_and(|expected| expected != count) && !vector.is_missing() {
                        if how.strict {
                            return Err(Bad::new(Place::Format(index), "another number of values than declared"));
                        }
                        field.odd.add(Odd::Miscount);
                    }
                }
                // The key is repeated.
                Ok(None) => room.misfits.push((call, nth)),
                Err(reason) => {
                    let several = !genotype && field.number == Number::Count(1) && vector.is_several();
                    if how.strict || !self.open || !(field.inferred || several) {
                        return Err(Bad::new(Place::Format(index), reason));
                    }
                    field.odd.add(if several { Odd::Miscount } else { Odd::Misfit });
                    room.misfits.push((call, nth));
                }
            }
        }
        Ok(())
    }

    /// Keeps what no column took as text, `KEY=VALUE` by call.
    #[cold]
    fn keep_misfits(&mut self, room: &mut Room, fields: Cursor<'_>, site: &Site, names: &Names) -> Result<(), Bad> {
        let Some(other) = &mut self.other else { return Ok(()) };
        let mut cursor = fields;
        let blocks = (0..site.formats).map(|_| Block::read(&mut cursor, site.samples, names));
        let blocks = blocks.collect::<Result<Vec<_>, Bad>>()?;
        room.misfits.sort_unstable();
        for of_call in room.misfits.chunk_by(|a, b| a.0 == b.0) {
            room.text.clear();
            let Some((call, _)) = of_call.first() else { continue };
            for (_, nth) in of_call {
                let Some((block, sample)) = blocks.get(*nth).zip(room.kept.get(*call)) else { continue };
                if !room.text.is_empty() {
                    room.text.push(b';');
                }
                room.text.extend_from_slice(block.name.as_bytes());
                room.text.push(b'=');
                let value = block.of(*sample);
                value.text().map_or(Ok(()), check_utf8)?;
                let written = if block.is_genotype() {
                    write_genotype(value, self.leading_phase, &mut room.text)
                } else {
                    value.write(&mut room.text)
                };
                written.map_err(|reason| Bad::column("FORMAT", reason))?;
            }
            other.pad(self.total + call);
            other.push_raw(&room.text);
        }
        Ok(())
    }
}

/// Adds the kept samples whose genotypes are not all reference.
fn carriers(genotype: &Block<'_>, samples: &[Option<u32>], kept: &mut Vec<usize>) {
    let Block { values: Vector { kind, bytes, .. }, stride, .. } = *genotype;
    let mut sample = 0;
    while sample < samples.len() {
        if kind == Kind::Int8 && stride > 0 {
            sample += reference_alleles(bytes.get(sample * stride..).unwrap_or_default()) / stride;
        }
        if sample < samples.len() && samples[sample].is_some() && !is_reference(genotype.of(sample)) {
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
        Some(text) => text.iter().all(|byte| matches!(byte, b'0' | b'/' | b'|')),
        None => {
            let mut alleles = genotype.integers().peekable();
            alleles.peek().is_some() && alleles.all(|allele| matches!(allele, Ok(Some(2 | 3))))
        }
    }
}

const NO_GENOTYPE: &str = "not a genotype";

/// Writes GT as VCF has it. A leading phase is written only where the file's version has one and it is not the implied one.
fn write_genotype(genotype: Vector<'_>, leading_phase: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let alleles = || genotype.integers().map_while(Result::transpose);
    let phased = |value: i32| value & 1 == 1;
    let mut first = None;
    let mut implied = true;
    for (nth, value) in alleles().enumerate() {
        let value = value.ok().filter(|value| *value >= 0).ok_or(NO_GENOTYPE)?;
        if nth == 0 {
            first = Some(value);
        } else {
            implied &= phased(value);
        }
    }
    let Some(first) = first else {
        out.push(b'.');
        return Ok(());
    };
    let sign = |value| if phased(value) { b'|' } else { b'/' };
    if leading_phase && phased(first) != implied && first > 1 {
        out.push(sign(first));
    }
    for (nth, value) in alleles().flatten().enumerate() {
        if nth > 0 {
            out.push(sign(value));
        }
        match value >> 1 {
            0 => out.push(b'.'),
            allele => out.extend_from_slice((allele - 1).to_string().as_bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(bytes: &[u8]) -> Vector<'_> {
        Vector { kind: Kind::Int8, bytes, legacy: false }
    }

    #[test]
    fn genotypes_are_written_as_vcf_has_them() {
        let written = |bytes: &[u8], leading| {
            let mut out = Vec::new();
            write_genotype(vector(bytes), leading, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        for (bytes, text, with_leading) in [
            (&[2, 4][..], "0/1", "0/1"),
            (&[2, 5], "0|1", "/0|1"),
            (&[3, 5], "0|1", "0|1"),
            (&[3, 4], "0/1", "|0/1"),
            (&[0, 0], "./.", "./."),
            (&[0x81, 0x81], ".", "."),
            (&[0, 0x81], ".", "."),
            (&[4, 0x81], "1", "/1"),
            (&[5, 0x81], "1", "1"),
            (&[2, 4, 7], "0/1|2", "0/1|2"),
            (&[0x80], ".", "."),
        ] {
            assert_eq!((written(bytes, false).unwrap(), written(bytes, true).unwrap()), (text.into(), with_leading.into()));
        }
        assert!(written(&[2, 0x90], false).is_err());
    }

    #[test]
    fn carriers_are_found_between_reference_calls() {
        let mut bytes = [2, 2, 2, 3].repeat(20);
        bytes[35] = 5;
        (bytes[50], bytes[51]) = (2, 0x81);
        (bytes[60], bytes[61]) = (0x81, 0x81);
        bytes[79] = 0;
        let block = Block { name: "GT", field: None, values: vector(&bytes), stride: 2 };
        let mut samples = vec![Some(0); 40];
        let mut kept = Vec::new();
        carriers(&block, &samples, &mut kept);
        assert_eq!(kept, [17, 30, 39]);
        samples[30] = None;
        kept.clear();
        carriers(&block, &samples, &mut kept);
        assert_eq!(kept, [17, 39]);
    }
}
