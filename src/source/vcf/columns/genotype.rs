//! Genotypes (VCF 4.5 section 1.6.2): allele indexes and phase of each call, of any ploidy. It must not know records or how
//! many alleles they have.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::column::{Column, Encoding};
use super::nulls::Nulls;
use crate::flow::genotype::{genotypes, implied_phase};
use crate::source::vcf::reason::Reason;

/// VCF GT as [`crate::flow::genotype::genotype_type`]; a null is a call without GT.
#[derive(Debug)]
pub(crate) struct Genotypes {
    /// A negative number is a missing allele.
    alleles: Vec<i32>,
    /// 1 where the sign before the allele is `|`, else 0.
    phased: Vec<u8>,
    offsets: Vec<i32>,
    nulls: Nulls,
}

impl Default for Genotypes {
    fn default() -> Self {
        Self { alleles: Vec::new(), phased: Vec::new(), offsets: vec![0], nulls: Nulls::default() }
    }
}

impl Genotypes {
    /// Appends a call: each allele, from 0 for REF, `None` for a missing one, and whether the sign before it is `|`. The
    /// first sign is the leading phase; see [`Self::imply_phase`] where the file does not write it. No allele at all makes a
    /// genotype of ploidy 0, which no text has: use [`Self::push_null`].
    #[inline]
    pub(crate) fn push_call(&mut self, alleles: impl IntoIterator<Item = (Option<i32>, bool)>) {
        for (allele, phased) in alleles {
            self.alleles.push(allele.unwrap_or(-1));
            self.phased.push(u8::from(phased));
        }
        self.close();
    }

    /// Gives the last call the leading phase that it implies by its other signs (VCF 4.5 section 1.6.2).
    #[inline]
    pub(crate) fn imply_phase(&mut self) {
        let phased = self.phased.get_mut(self.offsets.iter().rev().nth(1).map_or(0, |first| *first as usize)..);
        if let Some([leading, others @ ..]) = phased {
            *leading = u8::from(implied_phase(others.iter().map(|phased| *phased == 1)));
        }
    }

    /// Appends a call of two alleles, a negative number for a missing one; `phased` is 1 where the sign before is `|`, else 0.
    #[inline]
    pub(crate) fn push_diploid(&mut self, alleles: [i32; 2], phased: [u8; 2]) {
        self.alleles.extend_from_slice(&alleles);
        self.phased.extend_from_slice(&phased);
        self.close();
    }

    /// Appends a call without GT.
    #[inline]
    pub(crate) fn push_null(&mut self) {
        self.nulls.add(self.len()..self.len() + 1);
        self.offsets.push(self.alleles.len() as i32);
    }

    /// The alleles of the last call; a negative number is a missing one.
    #[inline]
    pub(crate) fn last(&self) -> &[i32] {
        match self.offsets.as_slice() {
            [.., first, last] => self.alleles.get(*first as usize..*last as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Reads a call's GT from the front of `text`, up to a `:`, a tab or the end, and returns its length in bytes. On an
    /// error nothing was appended.
    #[inline]
    pub(crate) fn take(&mut self, text: &[u8]) -> Result<usize, Reason> {
        if let [a, sign @ (b'/' | b'|'), b, b':' | b'\t', ..] = text
            && let (Some(a), Some(b)) = (one_digit(*a), one_digit(*b))
        {
            let phased = u8::from(*sign == b'|');
            self.alleles.extend_from_slice(&[a, b]);
            self.phased.extend_from_slice(&[phased, phased]);
            self.close();
            return Ok(3);
        }
        self.take_any(text)
    }

    fn take_any(&mut self, text: &[u8]) -> Result<usize, Reason> {
        let first = self.alleles.len();
        let (leading, mut at) = match text.first() {
            None | Some(b':' | b'\t') => {
                self.push_null();
                return Ok(0);
            }
            Some(b'/') => (Some(false), 1),
            Some(b'|') => (Some(true), 1),
            Some(_) => (None, 0),
        };
        let (mut phased, mut implied) = (false, true);
        let whole = loop {
            let Some((allele, length)) = one_allele(&text[at..]) else { break false };
            self.alleles.push(allele);
            self.phased.push(u8::from(phased));
            at += length;
            match text.get(at) {
                None | Some(b':' | b'\t') => break true,
                Some(b'/') => (phased, implied) = (false, false),
                Some(b'|') => phased = true,
                Some(_) => break false,
            }
            at += 1;
        };
        if !whole {
            self.alleles.truncate(first);
            self.phased.truncate(first);
            return Err(Reason::NotGenotype);
        }
        self.phased[first] = u8::from(leading.unwrap_or(implied));
        self.close();
        Ok(at)
    }

    /// Takes as many calls as come sixteen at a time in the usual form: two alleles of one character each, the highest at
    /// most `most`, then a tab. Returns how many were taken; each had four bytes.
    #[inline]
    pub(crate) fn take_diploid(&mut self, text: &[u8], most: usize) -> usize {
        let most = most.min(9) as i32;
        let (ones, _) = text.as_chunks::<4>();
        let (blocks, _) = ones.as_chunks::<16>();
        let mut taken = 0;
        for block in blocks {
            let (mut first, mut second, mut bars, mut odd) = ([0i32; 16], [0i32; 16], [0u32; 16], 0);
            // Masks of 32 bits and no exit, so that the compiler does four calls at once: twice as fast as with booleans.
            let mask = |is: bool| 0u32.wrapping_sub(u32::from(is));
            let unfit = |allele: i32| ((most - allele) >> 31 | (allele - DOT) >> 31) as u32 | mask(allele == SLASH);
            for (i, call) in block.iter().enumerate() {
                let call = u32::from_le_bytes(*call);
                let signs = call & 0xff00_ff00;
                let bar = mask(signs == u32::from_le_bytes([0, b'|', 0, b'\t']));
                let slash = mask(signs == u32::from_le_bytes([0, b'/', 0, b'\t']));
                first[i] = (call & 0xff) as i32 - i32::from(b'0');
                second[i] = (call >> 16 & 0xff) as i32 - i32::from(b'0');
                odd |= !(bar | slash) | unfit(first[i]) | unfit(second[i]);
                bars[i] = bar & 0x0101;
            }
            if odd != 0 {
                break;
            }
            let alleles: [_; 16] = std::array::from_fn(|i| [first[i], second[i]]);
            let phased = bars.map(|bar| (bar as u16).to_le_bytes());
            self.alleles.extend_from_slice(alleles.as_flattened());
            self.phased.extend_from_slice(phased.as_flattened());
            taken += block.len();
        }
        let last = self.last_offset();
        self.offsets.extend((1..=taken as i32).map(|nth| last + 2 * nth));
        taken
    }

    /// Takes as many calls of BCF (VCF 4.5 section 6.3.2) as come sixteen at a time in the usual form: two alleles of one byte
    /// each, the highest at most `most`. Returns how many were taken. `leading_phase`: the first byte's phase is the leading
    /// one, else it is implied.
    #[inline]
    pub(crate) fn take_codes(&mut self, codes: &[u8], most: usize, leading_phase: bool) -> usize {
        // The codes of 63 alleles fit below the codes for missing values and the end of a vector.
        let highest = 2 * most.min(62) as u8 + 3;
        let phase = if leading_phase { [0, 1] } else { [1, 1] };
        let (blocks, _) = codes.as_chunks::<32>();
        let mut taken = 0;
        for block in blocks {
            if block.iter().fold(0, |high, code| high.max(*code)) > highest {
                break;
            }
            let alleles = block.map(|code| i32::from(code >> 1) - 1);
            let phased: [[u8; 2]; 16] = std::array::from_fn(|i| phase.map(|at| block[2 * i + at] & 1));
            self.alleles.extend_from_slice(&alleles);
            self.phased.extend_from_slice(phased.as_flattened());
            taken += 16;
        }
        let last = self.last_offset();
        self.offsets.extend((1..=taken as i32).map(|nth| last + 2 * nth));
        taken
    }

    #[inline]
    fn close(&mut self) {
        self.offsets.push(self.alleles.len() as i32);
    }

    #[inline]
    fn last_offset(&self) -> i32 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// `.` and `/` as digits.
const DOT: i32 = b'.' as i32 - b'0' as i32;
const SLASH: i32 = b'/' as i32 - b'0' as i32;

#[inline]
fn one_digit(byte: u8) -> Option<i32> {
    match byte {
        b'0'..=b'9' => Some(i32::from(byte - b'0')),
        b'.' => Some(DOT),
        _ => None,
    }
}

/// The allele at the front of `text` and its length in bytes.
#[inline]
fn one_allele(text: &[u8]) -> Option<(i32, usize)> {
    let mut value = match text.first()? {
        b'.' => return Some((DOT, 1)),
        digit @ b'0'..=b'9' => i32::from(digit - b'0'),
        _ => return None,
    };
    let more = text[1..].iter().take_while(|byte| byte.is_ascii_digit());
    let mut length = 1;
    for digit in more {
        value = value.checked_mul(10)?.checked_add(i32::from(digit - b'0'))?;
        length += 1;
    }
    Some((value, length))
}

impl Column for Genotypes {
    fn push(&mut self, text: &[u8], _encoding: Encoding) -> Result<usize, Reason> {
        let before = self.len();
        match self.take(text) {
            Ok(length) if length == text.len() => Ok(1),
            Ok(_) => {
                self.truncate(before);
                Err(Reason::NotGenotype)
            }
            Err(reason) => Err(reason),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn pad(&mut self, len: usize) {
        if len > self.len() {
            self.nulls.add(self.len()..len);
            self.offsets.resize(len + 1, self.last_offset());
        }
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.offsets.truncate(len + 1);
            self.nulls.truncate(len);
            let alleles = self.last_offset() as usize;
            self.alleles.truncate(alleles);
            self.phased.truncate(alleles);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let (len, room) = (self.len(), self.alleles.len());
        let alleles = std::mem::replace(&mut self.alleles, Vec::with_capacity(room));
        let phased = bits(&self.phased, |phased| phased);
        self.phased.clear();
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(len + 1));
        self.offsets.push(0);
        let missing = alleles.iter().fold(0, |sign, allele| sign | allele) < 0;
        let present = missing.then(|| NullBuffer::new(bits(&alleles, |allele| u8::from(allele >= 0))));
        let alleles = Int32Array::new(ScalarBuffer::from(alleles), present);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // Cannot panic: offsets only grow up to the number of alleles, each of which has a phase; nulls are counted with them.
        let array = genotypes(alleles, phased, offsets, self.nulls.finish(len)).expect("lists of one length");
        Arc::new(array)
    }
}

/// One bit a value, from `bit`, which is 0 or 1; eight at a time.
fn bits<T: Copy + Default>(values: &[T], bit: impl Fn(T) -> u8) -> BooleanBuffer {
    let (eights, rest) = values.as_chunks::<8>();
    let mut last = [T::default(); 8];
    last[..rest.len()].copy_from_slice(rest);
    let pack = |eight: &[T; 8]| {
        // The multiplication moves the lowest bit of byte n to bit 56 + n.
        let bytes = u64::from_le_bytes(eight.map(&bit));
        (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
    };
    let mut packed: Vec<u8> = eights.iter().map(pack).collect();
    if !rest.is_empty() {
        packed.push(pack(&last));
    }
    BooleanBuffer::new(Buffer::from_vec(packed), 0, values.len())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;
    use proptest::prelude::*;

    use super::*;
    use crate::flow::genotype::{Genotypes as Read, testing};

    type Call = Vec<(Option<i32>, bool)>;

    fn taken(text: &str) -> Result<(usize, Option<Call>), Reason> {
        let mut column = Genotypes::default();
        let length = column.take(text.as_bytes())?;
        let array = column.finish();
        assert_eq!(array.len(), 1);
        let read = Read::bind(&array).unwrap();
        Ok((length, read.get(0).map(|call| call.calls().collect())))
    }

    #[test]
    fn missing_alleles_phase_and_ploidy_are_kept_apart() {
        let call = |text: &str| taken(text).unwrap().1.unwrap();
        assert_eq!(call("0/1"), [(Some(0), false), (Some(1), false)]);
        assert_eq!(call("0|1"), [(Some(0), true), (Some(1), true)]);
        assert_eq!(call("./."), [(None, false), (None, false)]);
        assert_eq!(call("."), [(None, true)]);
        assert_eq!(call("1"), [(Some(1), true)]);
        assert_eq!(call("/1"), [(Some(1), false)]);
        assert_eq!(call("/0|1"), [(Some(0), false), (Some(1), true)]);
        assert_eq!(call("|0/1"), [(Some(0), true), (Some(1), false)]);
        assert_eq!(call("0|10/."), [(Some(0), false), (Some(10), true), (None, false)]);
        assert_eq!(taken(""), Ok((0, None)));
        assert_eq!(taken(":1"), Ok((0, None)));
    }

    #[test]
    fn what_is_no_genotype_leaves_nothing_behind() {
        let mut column = Genotypes::default();
        column.take(b"0|1").unwrap();
        for text in ["x", "0/", "0//1", "//0", "/", "|", "-1", "0/1x", "0/1 ", "0\\1", "..", ".1", "1.", "2147483648", "0,1", "é"]
        {
            assert_eq!(column.take(text.as_bytes()), Err(Reason::NotGenotype), "{text}");
            assert_eq!(column.push(text.as_bytes(), Encoding::default()), Err(Reason::NotGenotype), "{text}");
        }
        assert!(column.push(b"0/1\t", Encoding::default()).is_err());
        assert_eq!((column.len(), column.last()), (1, &[0, 1][..]));
        assert_eq!(testing::texts(&column.finish()), [Some("0|1".into())]);
    }

    #[test]
    fn calls_pushed_as_numbers_are_those_of_the_text() {
        let mut column = Genotypes::default();
        for (text, implied) in [("0|1", true), ("1/2", true), (".", true), ("|0|1/2", false), ("/1", false)] {
            let call = testing::read(text).unwrap();
            if implied {
                column.push_call(call.iter().enumerate().map(|(nth, (allele, phased))| (*allele, nth > 0 && *phased)));
                column.imply_phase();
            } else {
                column.push_call(call);
            }
            column.push_null();
        }
        let texts = testing::texts(&column.finish());
        let wanted = ["0|1", "1/2", ".", "|0|1/2", "/1"].map(|text| [Some(text.to_owned()), None]).concat();
        assert_eq!(texts, wanted);
    }

    #[test]
    fn codes_taken_together_are_those_pushed_one_by_one() {
        for leading in [false, true] {
            let mut codes: Vec<u8> = (0..200u32).map(|i| (i * 7 % 6) as u8).collect();
            codes[101] = 0x81;
            let (mut together, mut single) = (Genotypes::default(), Genotypes::default());
            assert_eq!(together.take_codes(&codes, 2, leading), 48);
            assert_eq!(together.take_codes(&codes, 0, leading), 0);
            for call in codes[..96].chunks(2) {
                let allele = |code: u8| (code > 1).then(|| i32::from(code >> 1) - 1);
                single.push_call(call.iter().map(|code| (allele(*code), code & 1 == 1)));
                if !leading {
                    single.imply_phase();
                }
            }
            assert_eq!(&together.finish(), &single.finish());
        }
        assert_eq!(Genotypes::default().take_codes(&[0x80; 32], 1000, true), 0);
    }

    fn genotype() -> impl Strategy<Value = String> {
        let allele = || prop_oneof![6 => "[0-3]", 1 => Just(".".to_owned()), 1 => "[0-9]{1,9}"];
        let more =
            prop::collection::vec(("[/|]", allele()), 0..5).prop_map(|more| more.into_iter().map(|(s, a)| s + &a).collect());
        let diploid = ("[0-3.]", "[/|]", "[0-3.]").prop_map(|(a, s, b)| a + &s + &b);
        let any = ("[/|]?", allele(), more).prop_map(|(lead, first, more): (String, String, String)| lead + &first + &more);
        prop_oneof![20 => diploid, 1 => any]
    }

    proptest! {
        #[test]
        fn any_genotype_is_read_as_the_plain_parser_reads_it(texts in prop::collection::vec(genotype(), 0..70), most in 0usize..12) {
            let line = texts.join("\t");
            let mut column = Genotypes::default();
            let (mut rest, mut calls) = (line.as_bytes(), 0);
            while calls < texts.len() {
                let taken = column.take_diploid(rest, most);
                rest = &rest[taken * 4..];
                for text in &texts[calls..calls + taken] {
                    prop_assert!(testing::read(text).unwrap().iter().all(|(allele, _)| allele.is_none_or(|a| a as usize <= most)));
                }
                calls += taken;
                if calls < texts.len() {
                    let length = column.take(rest).unwrap();
                    rest = rest.get(length + 1..).unwrap_or_default();
                    calls += 1;
                }
            }
            let array = column.finish();
            let read = Read::bind(&array).unwrap();
            prop_assert_eq!(array.len(), texts.len());
            for (at, text) in texts.iter().enumerate() {
                let call: Vec<_> = read.get(at).unwrap().calls().collect();
                prop_assert_eq!(Some(call), testing::read(text));
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused_as_the_plain_parser_does(text in "[0-2./|:\t x]{0,8}") {
            let value = text.split([':', '\t']).next().unwrap();
            match taken(&text) {
                Ok((length, None)) => prop_assert_eq!((length, value), (0, "")),
                Ok((length, Some(call))) => prop_assert_eq!((length, Some(call)), (value.len(), testing::read(value))),
                Err(_) => prop_assert_eq!(testing::read(value), None),
            }
        }

        #[test]
        fn bits_are_those_of_a_plain_loop(values in prop::collection::vec(0u8..2, 0..40)) {
            let wanted: Vec<bool> = values.iter().map(|value| *value == 1).collect();
            prop_assert_eq!(bits(&values, |value| value), BooleanBuffer::from(wanted));
        }
    }
}
