//! One record: its frame, its fixed part and typed values (VCF 4.5 section 6.3), every length checked before it is
//! believed. It must not know what fields mean.

use crate::error::{Error, Result};
use crate::source::vcf::columns::{Kind, Vector};
use crate::source::vcf::limits::MOST_LINE;
use crate::source::vcf::reason::Reason;

/// Bytes of the two lengths in front of a record.
const LENGTHS: usize = 8;
/// Bytes of the fixed part that follows them.
const FIXED: usize = 24;

/// Cuts the first whole record off `bytes`: both lengths and what they announce. `None` while bytes are missing.
#[inline]
pub(crate) fn split_record(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>> {
    let Some((shared, individual)) = lengths(bytes) else { return Ok(None) };
    if shared < FIXED {
        return Err(damaged("a record is shorter than its fixed part"));
    }
    let whole = LENGTHS + shared + individual;
    if whole > MOST_LINE {
        return Err(damaged("a record is longer than 1 GiB"));
    }
    Ok(bytes.split_at_checked(whole))
}

/// A record whose frame makes no sense: nothing behind it can be found.
pub(crate) fn damaged(reason: &str) -> Error {
    Error::input(format!("the BCF is damaged: {reason}"))
        .with_hint("copy the file again, or compare its checksum with the origin's")
}

/// The whole records that `bytes` begin with, up to the first damage.
pub(crate) fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (record, behind) = split_record(rest).ok()??;
        rest = behind;
        Some(record)
    })
}

#[inline]
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let [a, b, c, d, e, f, g, h, ..] = bytes else { return None };
    Some((u32::from_le_bytes([*a, *b, *c, *d]) as usize, u32::from_le_bytes([*e, *f, *g, *h]) as usize))
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Site {
    pub contig: i32,
    /// 0-based; -1 is the telomere.
    pub pos: i32,
    /// QUAL as stored.
    pub qual: [u8; 4],
    pub infos: usize,
    pub alleles: usize,
    pub samples: usize,
    pub formats: usize,
}

impl Site {
    #[inline]
    fn read(cursor: &mut Cursor<'_>) -> std::result::Result<Self, FieldError> {
        let bytes: &[u8; FIXED] = cursor.take(FIXED)?.try_into().map_err(|_| FieldError::Wrong)?;
        let int = |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        Ok(Self {
            contig: int(0),
            pos: int(4),
            qual: [bytes[12], bytes[13], bytes[14], bytes[15]],
            infos: short(16),
            alleles: short(18),
            samples: u32::from_le_bytes([bytes[20], bytes[21], bytes[22], 0]) as usize,
            formats: usize::from(bytes[23]),
        })
    }

    /// Reads a whole record, as [`split_record`] cuts it: the fixed part, what follows it up to the end of INFO, and the
    /// genotype fields. `None` when the record is too short.
    #[inline]
    pub(crate) fn of(record: &[u8], legacy: bool) -> Option<(Self, Cursor<'_>, Cursor<'_>)> {
        let (shared, _) = lengths(record)?;
        let (shared, individual) = record.get(LENGTHS..)?.split_at_checked(shared)?;
        let mut cursor = Cursor::new(shared, shared.len(), legacy);
        let site = Site::read(&mut cursor).ok()?;
        Some((site, cursor, Cursor::new(individual, individual.len(), legacy)))
    }
}

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// It is no field, or it is longer than the part it lies in.
    Wrong,
    /// Bytes are missing: not all of the record is at hand.
    Short,
}

impl From<FieldError> for Reason {
    /// Inside a record a length or a type is wrong.
    fn from(_: FieldError) -> Self {
        Reason::DamagedFields
    }
}

/// Reads typed values one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the part ends; not before `bytes` do.
    limit: usize,
    legacy: bool,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8], limit: usize, legacy: bool) -> Self {
        Self { bytes, at: 0, limit, legacy }
    }

    /// Nothing is left.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.at == self.limit
    }

    #[inline]
    fn take(&mut self, n: usize) -> std::result::Result<&'a [u8], FieldError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.limit).ok_or(FieldError::Wrong)?;
        let taken = self.bytes.get(self.at..end).ok_or(FieldError::Short)?;
        self.at = end;
        Ok(taken)
    }

    /// Passes over `n` bytes that need not be at hand.
    #[inline]
    fn skip(&mut self, n: usize) -> std::result::Result<(), FieldError> {
        self.at = self.at.checked_add(n).filter(|end| *end <= self.limit).ok_or(FieldError::Wrong)?;
        Ok(())
    }

    /// A type descriptor: the elements' type, `None` for a value without one, and their number.
    #[inline]
    fn descriptor(&mut self) -> std::result::Result<(Option<Kind>, usize), FieldError> {
        let byte = self.take(1)?.first().copied().ok_or(FieldError::Wrong)?;
        let kind = match byte & 15 {
            0 => None,
            code => Some(Kind::of(code).ok_or(FieldError::Wrong)?),
        };
        let count = match byte >> 4 {
            15 => usize::try_from(self.integer()?).map_err(|_| FieldError::Wrong)?,
            count => usize::from(count),
        };
        Ok((kind, count))
    }

    /// A typed integer: a key or a length.
    #[inline]
    pub(crate) fn integer(&mut self) -> std::result::Result<i32, FieldError> {
        Ok(match self.take(1)? {
            [0x11] => i32::from(i8::from_le_bytes(self.array()?)),
            [0x12] => i32::from(i16::from_le_bytes(self.array()?)),
            [0x13] => i32::from_le_bytes(self.array()?),
            _ => return Err(FieldError::Wrong),
        })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> std::result::Result<[u8; N], FieldError> {
        self.take(N)?.try_into().map_err(|_| FieldError::Wrong)
    }

    /// A typed value; `None` for one without a type.
    #[inline]
    pub(crate) fn value(&mut self) -> std::result::Result<Option<Vector<'a>>, FieldError> {
        let (kind, count) = self.descriptor()?;
        let Some(kind) = kind else { return if count == 0 { Ok(None) } else { Err(FieldError::Wrong) } };
        let bytes = self.take(count.checked_mul(kind.width()).ok_or(FieldError::Wrong)?)?;
        Ok(Some(Vector { kind, bytes, legacy: self.legacy }))
    }

    /// A typed string.
    #[inline]
    pub(crate) fn string(&mut self) -> std::result::Result<&'a [u8], FieldError> {
        match self.value()? {
            None => Ok(b"."),
            Some(value) => value.text().ok_or(FieldError::Wrong),
        }
    }

    /// A genotype field: its key, the values of all samples one after the other, and bytes a sample. The values are without
    /// a type where no sample has any.
    #[inline]
    pub(crate) fn format(&mut self, samples: usize) -> std::result::Result<(i32, Option<Vector<'a>>, usize), FieldError> {
        let key = self.integer()?;
        let (kind, count) = self.descriptor()?;
        let Some(kind) = kind else { return if count == 0 { Ok((key, None, 0)) } else { Err(FieldError::Wrong) } };
        let stride = count.checked_mul(kind.width()).ok_or(FieldError::Wrong)?;
        let bytes = self.take(stride.checked_mul(samples).ok_or(FieldError::Wrong)?)?;
        Ok((key, Some(Vector { kind, bytes, legacy: self.legacy }), stride))
    }

    fn pass_value(&mut self, times: usize) -> std::result::Result<Option<Kind>, FieldError> {
        let (kind, count) = self.descriptor()?;
        let Some(kind) = kind else { return if count == 0 { Ok(None) } else { Err(FieldError::Wrong) } };
        self.skip(count.checked_mul(kind.width()).and_then(|bytes| bytes.checked_mul(times)).ok_or(FieldError::Wrong)?)?;
        Ok(Some(kind))
    }
}

/// What every record of an input has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub contigs: usize,
    pub strings: usize,
    pub samples: usize,
}

/// What bytes are that a record might begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// A record of so many bytes.
    Record(usize),
    /// No record.
    No,
    /// More bytes are needed to tell.
    Short,
}

/// Looks whether a record of the given frame begins here: lengths, numbers and types all fit each other.
#[inline]
pub(crate) fn walk(bytes: &[u8], frame: Frame) -> Walk {
    match look(bytes, frame, true) {
        Walk::Record(length) if bytes.len() < length => Walk::Short,
        found => found,
    }
}

/// The same of what is before the genotype fields: the rest of the record need not be at hand.
pub(crate) fn walk_site(bytes: &[u8], frame: Frame) -> Walk {
    look(bytes, frame, false)
}

#[inline]
fn look(bytes: &[u8], frame: Frame, whole: bool) -> Walk {
    let Some((shared, individual)) = lengths(bytes) else { return Walk::Short };
    if shared < FIXED || shared + individual > MOST_LINE {
        return Walk::No;
    }
    match look_inside(bytes, shared, individual, frame, whole) {
        Ok(()) => Walk::Record(LENGTHS + shared + individual),
        Err(FieldError::Wrong) => Walk::No,
        Err(FieldError::Short) => Walk::Short,
    }
}

fn look_inside(bytes: &[u8], shared: usize, individual: usize, frame: Frame, whole: bool) -> std::result::Result<(), FieldError> {
    let below =
        |index: i32, most: usize| usize::try_from(index).is_ok_and(|index| index < most).then_some(()).ok_or(FieldError::Wrong);
    let that = |fits: bool| fits.then_some(()).ok_or(FieldError::Wrong);
    let rest = &bytes[LENGTHS..];
    let mut cursor = Cursor::new(&rest[..rest.len().min(shared)], shared, false);
    let site = Site::read(&mut cursor)?;
    below(site.contig, frame.contigs)?;
    that(site.pos >= -1 && site.alleles > 0)?;
    that(site.samples == frame.samples || (site.samples == 0 && site.formats == 0))?;
    // Each allele takes a byte or more, each INFO three.
    that(site.alleles + 3 * site.infos <= shared - FIXED && (site.formats > 0) == (individual > 0))?;
    for _ in 0..=site.alleles {
        that(cursor.pass_value(1)?.is_none_or(|kind| kind == Kind::Text))?;
    }
    that(cursor.pass_value(1)?.is_none_or(|kind| matches!(kind, Kind::Int8 | Kind::Int16 | Kind::Int32)))?;
    for _ in 0..site.infos {
        below(cursor.integer()?, frame.strings)?;
        cursor.pass_value(1)?;
    }
    that(cursor.is_done())?;
    let mut cursor = Cursor::new(rest.get(shared..).unwrap_or_default(), individual, false);
    for _ in 0..if whole { site.formats } else { 0 } {
        below(cursor.integer()?, frame.strings)?;
        cursor.pass_value(site.samples)?;
    }
    that(cursor.is_done() || !whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The record of the specification's worked example (VCF 4.5 section 6.4) with its keys at 1 to 5 and 80 to 83.
    fn example() -> Vec<u8> {
        let mut shared = vec![1, 0, 0, 0, 0x64, 0, 0, 0, 1, 0, 0, 0, 0xcd, 0xcc, 0xf0, 0x41, 4, 0, 2, 0, 3, 0, 0, 5];
        shared.extend(b"\x57rs123\x17A\x17C\x11\x00\x11\x50\x00\x11\x51\x11\x03\x11\x52\x11\x06\x11\x53\x17C");
        let individual = b"\x11\x01\x21\x02\x02\x02\x04\x04\x04\x11\x02\x11\x0a\x0a\x0a\x11\x03\x11\x20\x30\x40\
                           \x11\x04\x21\x20\x00\x20\x10\x00\x40\x11\x05\x31\x00\x0a\x64\x0a\x00\x64\x64\x0a\x00";
        let mut record = (shared.len() as u32).to_le_bytes().to_vec();
        record.extend((individual.len() as u32).to_le_bytes());
        record.extend(shared);
        record.extend(individual);
        record
    }

    const FRAME: Frame = Frame { contigs: 2, strings: 84, samples: 3 };

    #[test]
    fn the_specifications_example() {
        let record = example();
        assert_eq!((record[0], record[4]), (51, 42));
        assert_eq!(walk(&record, FRAME), Walk::Record(record.len()));
        let (site, mut shared, mut individual) = Site::of(&record, false).unwrap();
        assert_eq!((site.contig, site.pos, f32::from_le_bytes(site.qual)), (1, 100, 30.1));
        assert_eq!((site.infos, site.alleles, site.samples, site.formats), (4, 2, 3, 5));
        assert_eq!(shared.string(), Ok(&b"rs123"[..]));
        assert_eq!((shared.string(), shared.string()), (Ok(&b"A"[..]), Ok(&b"C"[..])));
        assert_eq!(shared.value().unwrap().unwrap().bytes, [0]);
        assert_eq!((shared.integer(), shared.value().unwrap().is_none()), (Ok(0x50), true));
        let (key, values, stride) = individual.format(3).unwrap();
        assert_eq!((key, values.unwrap().bytes, stride), (1, &[2, 2, 2, 4, 4, 4][..], 2));
    }

    #[test]
    fn a_record_is_whole_or_waited_for() {
        let two = [example(), example()].concat();
        let length = two.len() / 2;
        for cut in 0..two.len() {
            let found = split_record(&two[..cut]).unwrap();
            assert_eq!(found.map(|(record, rest)| (record.len(), rest.len())), (cut >= length).then(|| (length, cut - length)));
            assert_eq!(walk(&two[..cut], FRAME), if cut < length { Walk::Short } else { Walk::Record(length) }, "{cut}");
        }
        assert!(split_record(&[23, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(split_record(&[255; 8]).is_err());
        assert_eq!(walk(&[255; 40], FRAME), Walk::No);
    }

    #[test]
    fn nothing_inside_a_record_looks_like_one() {
        let records = [example(), example(), example()].concat();
        let length = records.len() / 3;
        for at in 1..length {
            assert_eq!(walk(&records[at..], FRAME), Walk::No, "{at}");
        }
    }

    #[test]
    fn other_frames_do_not_fit() {
        let record = example();
        for frame in [Frame { contigs: 1, ..FRAME }, Frame { strings: 83, ..FRAME }, Frame { samples: 4, ..FRAME }] {
            assert_eq!(walk(&record, frame), Walk::No);
        }
    }

    /// Reads everything there is in a record, however it is damaged.
    fn read_all(record: &[u8]) {
        let Some((site, mut shared, mut individual)) = Site::of(record, false) else { return };
        for _ in 0..=site.alleles {
            let _ = shared.string();
        }
        let mut out = Vec::new();
        for _ in 0..=site.infos {
            let _ = shared.integer();
            let value = shared.value();
            if let Ok(Some(value)) = value {
                let _ = (value.write(&mut out), value.is_missing(), value.is_several());
            }
        }
        while let Ok((_, Some(values), stride)) = individual.format(site.samples) {
            assert_eq!(values.bytes.len(), stride * site.samples);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (split_record(&bytes), walk(&bytes, FRAME));
            read_all(&bytes);
        }

        #[test]
        fn a_damaged_record_is_read_without_panic(at in 0usize..101, byte in any::<u8>(), at2 in 0usize..101, byte2 in any::<u8>()) {
            let mut record = example();
            (record[at], record[at2]) = (byte, byte2);
            let _ = (split_record(&record), walk(&record, FRAME));
            read_all(&record);
        }
    }
}
