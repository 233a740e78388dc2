//! The last position of a record: REF and END, and from 4.4 on what SVLEN and FORMAT LEN say of symbolic alleles (VCF 4.3
//! section 1.6.1, 4.4 and 4.5 section 3). It must not know columns.

use super::fixed::end_of;

/// What a record's end follows from.
#[derive(Clone, Copy)]
pub(super) struct Extent<'a> {
    pub minor: u32,
    pub pos: i64,
    pub reference: &'a [u8],
    pub alt: &'a [u8],
    pub info: &'a [u8],
    /// FORMAT and the calls.
    pub rest: Option<&'a [u8]>,
}

impl Extent<'_> {
    /// The last position, when END is `end`. Until 4.3 only END goes beyond REF.
    #[inline]
    pub(super) fn end(self, end: Option<i64>) -> i64 {
        let plain = end_of(self.pos, self.reference, end);
        if Self::is_far(self.minor, self.alt) { self.symbolic(plain, end) } else { plain }
    }

    /// Can the end hang on more than REF and END?
    #[inline]
    pub(super) fn is_far(minor: u32, alt: &[u8]) -> bool {
        minor >= 4 && alt.contains(&b'<')
    }

    /// 4.4: END is the longest allele's end, and computed from SVLEN where it is missing. 4.5: the end is computed, and END
    /// stands for what an allele lacks.
    #[cold]
    fn symbolic(self, plain: i64, end: Option<i64>) -> i64 {
        if self.minor == 4 && end.is_some_and(|end| end >= self.pos) {
            return plain;
        }
        let (mut last, mut lacking) = (end_of(self.pos, self.reference, None), false);
        let mut lengths = value(self.info, b"SVLEN").map(|text| text.split(|byte| *byte == b','));
        for allele in self.alt.split(|byte| *byte == b',') {
            let length = lengths.as_mut().and_then(Iterator::next).and_then(number);
            let Some(id) = allele.strip_prefix(b"<") else { continue };
            // POS is the base before a structural variant, and the first base of a reference block.
            let reach = match id {
                [b'D', b'E', b'L', ..] | [b'D', b'U', b'P', ..] | [b'I', b'N', b'V', ..] | [b'C', b'N', b'V', ..] => {
                    length.map(i64::saturating_abs)
                }
                b"*>" | b"NON_REF>" => self.longest_block().map(|length| length.saturating_sub(1)),
                _ => continue,
            };
            match reach {
                Some(reach) => last = last.max(self.pos.saturating_add(reach)),
                None => lacking = true,
            }
        }
        if lacking { last.max(plain) } else { last }
    }

    /// The longest FORMAT LEN of the record.
    fn longest_block(self) -> Option<i64> {
        let mut columns = self.rest.filter(|_| self.minor >= 5)?.split(|byte| *byte == b'\t');
        let at = columns.next()?.split(|byte| *byte == b':').position(|key| key == b"LEN")?;
        columns.filter_map(|call| number(call.split(|byte| *byte == b':').nth(at)?)).max()
    }
}

/// The value of an INFO key.
fn value<'a>(info: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    info.split(|byte| *byte == b';').find_map(|entry| entry.strip_prefix(key)?.strip_prefix(b"="))
}

/// A whole number such as END.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(minor: u32, alt: &str, info: &str, rest: Option<&str>) -> i64 {
        let extent = Extent {
            minor,
            pos: 100,
            reference: b"AC",
            alt: alt.as_bytes(),
            info: info.as_bytes(),
            rest: rest.map(str::as_bytes),
        };
        extent.end(value(info.as_bytes(), b"END").and_then(number))
    }

    #[test]
    fn until_4_3_only_end_goes_beyond_ref() {
        assert_eq!(end(3, "<DEL>", "SVLEN=-50", None), 101);
        assert_eq!((end(3, "<DEL>", "END=150", None), end(3, "<DEL>", "END=99", None)), (150, 101));
    }

    #[test]
    fn from_4_4_on_svlen_counts() {
        assert_eq!((end(4, "<DEL>", "SVLEN=50", None), end(4, "<DUP:TANDEM>", "SVLEN=-50", None)), (150, 150));
        assert_eq!((end(4, "<INS>", "SVLEN=50", None), end(4, "T", "SVLEN=50", None)), (101, 101));
        assert_eq!((end(4, "<DEL>,<CNV>", "SVLEN=5,70", None), end(4, "<DEL>", "SVLEN=50;END=140", None)), (170, 140));
        assert_eq!((end(5, "<DEL>", "SVLEN=50;END=140", None), end(5, "<INV>", "END=140", None)), (150, 140));
        assert_eq!(end(5, "<DEL>,<DUP>", "SVLEN=50,.;END=180", None), 180);
        assert_eq!(end(5, "<DEL>", "SVLEN=9223372036854775807", None), i64::MAX);
        assert_eq!(end(5, "<DEL>", "SVLEN=-9223372036854775808;XSVLEN=1", None), i64::MAX);
    }

    #[test]
    fn from_4_5_on_blocks_are_as_long_as_the_longest() {
        assert_eq!(end(5, "T,<*>", ".", Some("GT:LEN\t0/0:14\t0/0:3\t./.")), 113);
        assert_eq!(end(5, "<NON_REF>", "END=120", Some("GT\t0/0")), 120);
        assert_eq!(end(5, "<*>", "END=120", Some("GT:LEN\t0/0:5")), 104);
        assert_eq!(end(4, "<*>", "END=120", Some("GT:LEN\t0/0:5")), 120);
        assert_eq!(end(5, "<*>", ".", Some("LEN")), 101);
    }
}
