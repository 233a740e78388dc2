//! The last position of a record and of each of its ALTs: REF and END, and from 4.4 on what SVLEN and FORMAT LEN say of symbolic
//! alleles (VCF 4.3 section 1.6.1, 4.4 and 4.5 section 3). It must not know columns.

use super::fixed::end_of;
use super::odd::Odd;
use crate::source::vcf::header::Declared;
use crate::source::vcf::regions::Overlap;

/// What a record's end follows from.
#[derive(Clone, Copy)]
pub(super) struct Extent<'a> {
    pub minor: u32,
    pub chrom: &'a [u8],
    pub pos: i64,
    pub reference: &'a [u8],
    pub alt: &'a [u8],
    pub info: &'a [u8],
    /// FORMAT and the calls.
    pub rest: Option<&'a [u8]>,
}

impl Extent<'_> {
    /// END where it can be the record's. Callers write into it where the other end of a translocation lies: one before POS, behind the
    /// contig's end, or beside a CHR2 or a breakend of another contig is none.
    #[inline]
    pub(super) fn settle<'b>(
        self,
        end: Option<i64>,
        declared: &Declared,
        chr2: impl FnOnce() -> Option<&'b [u8]>,
    ) -> (Option<i64>, Option<Odd>) {
        match end {
            Some(end) if end < self.pos => (None, Some(Odd::EndBeforePos)),
            Some(end) if end > self.own() && self.is_elsewhere(end, declared, chr2()) => (None, Some(Odd::EndElsewhere)),
            end => (end, None),
        }
    }

    fn is_elsewhere(self, end: i64, declared: &Declared, chr2: Option<&[u8]>) -> bool {
        let behind = |length: u64| i64::try_from(length).is_ok_and(|length| end > length);
        declared.contigs.get(self.chrom).copied().flatten().is_some_and(behind)
            || chr2.is_some_and(|other| !matches!(other, b"" | b".") && bare(other) != bare(self.chrom))
            || self.alt.split(|byte| *byte == b',').filter_map(mate).any(|mate| bare(mate) != bare(self.chrom))
    }

    /// The last position of REF.
    #[inline]
    fn own(self) -> i64 {
        end_of(self.pos, self.reference, None)
    }

    /// The last position, when END is `end`. Until 4.3 only END goes beyond REF; in 4.4 END is the longest allele's end, and computed
    /// from SVLEN where it is missing; in 4.5 the end is computed, and END stands for what an allele lacks.
    #[inline]
    pub(super) fn end(self, end: Option<i64>) -> i64 {
        let plain = end_of(self.pos, self.reference, end);
        let told = self.minor == 4 && end.is_some_and(|end| end >= self.pos);
        match self.minor >= 4 && !told && self.alt.contains(&b'<') {
            true => self.alts(plain).fold(self.own(), i64::max),
            false => plain,
        }
    }

    /// The first and the last position that count when regions are chosen by `overlap`. END counts as it is written, as it does in
    /// an index. Of the shared first bases of REF and all ALTs none is changed; of a record without ALT none is, whose extent is
    /// empty and ends before it begins.
    #[cold]
    pub(super) fn reach(self, overlap: Overlap, end: Option<i64>) -> (i64, i64) {
        let last = self.end(end);
        match overlap {
            Overlap::Pos => (self.pos, self.pos),
            Overlap::Record => (self.pos, last),
            Overlap::Variant => {
                let alts = self.alt.split(|byte| *byte == b',').filter(|alt| *alt != b".");
                let shared = |alt: &[u8]| self.reference.iter().zip(alt).take_while(|(a, b)| a == b).count() as i64;
                let unchanged = alts.map(shared).fold(last - self.pos + 1, i64::min);
                (self.pos.saturating_add(unchanged), last)
            }
        }
    }

    /// The last position of each ALT by itself, into `ends`: where there are several, and one differs from `last`, the record's.
    #[inline]
    pub(super) fn apart(self, end: Option<i64>, last: i64, ends: &mut Vec<i64>) -> bool {
        ends.clear();
        if (end.is_some() || last > self.own()) && self.alt.contains(&b'<') && self.alt.contains(&b',') {
            ends.extend(self.alts(end_of(self.pos, self.reference, end)));
        }
        ends.iter().any(|end| *end != last)
    }

    /// Can an end hang on more than REF and END?
    #[inline]
    pub(super) fn is_far(minor: u32, alt: &[u8]) -> bool {
        let symbolic = || alt.windows(2).any(|two| matches!(two, [b'<', b'C' | b'D' | b'I']));
        if minor >= 4 { alt.contains(&b'<') } else { alt.contains(&b',') && symbolic() }
    }

    /// The last position of each ALT. `plain`: what REF and END say of the record.
    #[cold]
    fn alts(self, plain: i64) -> impl Iterator<Item = i64> {
        let mut lengths = value(self.info, b"SVLEN").map(|text| text.split(|byte| *byte == b','));
        self.alt.split(|byte| *byte == b',').map(move |allele| {
            let length = lengths.as_mut().and_then(Iterator::next).and_then(number).map(i64::saturating_abs);
            let Some(id) = allele.strip_prefix(b"<") else { return self.own() };
            // POS is the base before a structural variant, and the first base of a reference block.
            match (id, length) {
                (
                    [b'D', b'E', b'L', ..] | [b'D', b'U', b'P', ..] | [b'I', b'N', b'V', ..] | [b'C', b'N', b'V', ..],
                    Some(length),
                ) => {
                    let reach = self.pos.saturating_add(length);
                    match self.minor {
                        4.. => self.own().max(reach),
                        // A difference of lengths, which an inversion has none of, and END is the record's.
                        _ if length == 0 => plain,
                        _ => self.own().max(reach).min(plain),
                    }
                }
                ([b'I', b'N', b'S', ..], _) => self.own(),
                (b"*>" | b"NON_REF>", _) => match self.longest_block() {
                    Some(length) => self.own().max(self.pos.saturating_add(length.saturating_sub(1))),
                    None => plain,
                },
                _ => plain,
            }
        })
    }

    /// The longest FORMAT LEN of the record.
    fn longest_block(self) -> Option<i64> {
        let mut columns = self.rest.filter(|_| self.minor >= 5)?.split(|byte| *byte == b'\t');
        let at = columns.next()?.split(|byte| *byte == b':').position(|key| key == b"LEN")?;
        columns.filter_map(|call| number(call.split(|byte| *byte == b':').nth(at)?)).max()
    }
}

/// A contig's name without the prefix that some leave out.
fn bare(contig: &[u8]) -> &[u8] {
    contig.strip_prefix(b"chr").unwrap_or(contig)
}

/// The contig of a breakend's mate: what stands between its brackets, before the position.
fn mate(allele: &[u8]) -> Option<&[u8]> {
    let mut parts = allele.split(|byte| matches!(byte, b'[' | b']'));
    let place = parts.nth(1).filter(|_| parts.next().is_some())?;
    place.get(..place.iter().rposition(|byte| *byte == b':')?)
}

/// The value of an INFO key.
pub(super) fn value<'a>(info: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    info.split(|byte| *byte == b';').find_map(|entry| entry.strip_prefix(key)?.strip_prefix(b"="))
}

/// A whole number such as END.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent<'a>(minor: u32, alt: &'a str, info: &'a str, rest: Option<&'a str>) -> Extent<'a> {
        Extent {
            minor,
            chrom: b"chr1",
            pos: 100,
            reference: b"AC",
            alt: alt.as_bytes(),
            info: info.as_bytes(),
            rest: rest.map(str::as_bytes),
        }
    }

    fn settled(extent: Extent<'_>) -> (Option<i64>, Option<Odd>) {
        let contigs = [("chr1", Some(5000)), ("2", None)].map(|(name, length)| (Box::from(name.as_bytes()), length));
        let declared = Declared { contigs: contigs.into_iter().collect(), ..Declared::default() };
        extent.settle(value(extent.info, b"END").and_then(number), &declared, || value(extent.info, b"CHR2"))
    }

    fn end(minor: u32, alt: &str, info: &str, rest: Option<&str>) -> i64 {
        let extent = extent(minor, alt, info, rest);
        extent.end(settled(extent).0)
    }

    /// The ends of the ALTs, none where all are the record's.
    fn apart(minor: u32, alt: &str, info: &str) -> Vec<i64> {
        let extent = extent(minor, alt, info, None);
        let (end, mut ends) = (settled(extent).0, Vec::new());
        match extent.apart(end, extent.end(end), &mut ends) {
            true => ends,
            false => Vec::new(),
        }
    }

    #[test]
    fn each_alt_has_its_own_extent() {
        for minor in [4, 5] {
            assert_eq!(apart(minor, "<DEL>,<DUP>", "SVLEN=1000,50"), [1100, 150]);
            assert_eq!(apart(minor, "<DEL>,<DUP>", "SVLEN=1000,50;END=1100"), [1100, 150]);
            assert_eq!(apart(minor, "T,<INS>,<DEL:ME>", "SVLEN=.,70,40"), [101, 101, 140]);
            assert_eq!(apart(minor, "<DEL>,<DUP>", "SVLEN=50,50"), [0; 0]);
        }
        assert_eq!(apart(2, "<DEL>,<DUP>", "SVLEN=-900,50;END=1000"), [1000, 150]);
        assert_eq!(apart(2, "<DEL>,<DUP>", "SVLEN=-900,990;END=1000"), [0; 0]);
        assert_eq!(apart(2, "<INV>,<INS>", "SVLEN=0,30;END=180"), [180, 101]);
        assert_eq!(apart(2, "<CN0>,<CN2>", "END=180"), [0; 0]);
        // Without END nothing goes beyond REF until 4.3, and one ALT ends where its record does.
        assert_eq!((apart(2, "<DEL>,<DUP>", "SVLEN=-900,50"), apart(4, "<DEL>", "SVLEN=50;END=140")), (vec![], vec![]));
        assert_eq!((apart(2, "T,G", "END=180"), apart(5, "T,<*>", "END=180")), (vec![], vec![101, 180]));
    }

    #[test]
    fn what_counts_when_regions_are_chosen() {
        let reach = |overlap, alt, info| {
            let extent = extent(3, alt, info, None);
            extent.reach(overlap, value(extent.info, b"END").and_then(number))
        };
        assert_eq!(reach(Overlap::Pos, "<DEL>", "END=150"), (100, 100));
        assert_eq!((reach(Overlap::Record, "<DEL>", "END=150"), reach(Overlap::Record, "A", ".")), ((100, 150), (100, 101)));
        // REF is AC.
        for (alt, info, extent) in [
            ("A", ".", (101, 101)),
            ("ACT", ".", (102, 101)),
            ("T", ".", (100, 101)),
            ("A,T", ".", (100, 101)),
            ("A,ACT", ".", (101, 101)),
            ("AG,A", ".", (101, 101)),
            (".", ".", (102, 101)),
            (".", "END=150", (151, 150)),
            ("<DEL>", "END=150", (100, 150)),
            ("a", ".", (100, 101)),
            ("AC", ".", (102, 101)),
        ] {
            assert_eq!(reach(Overlap::Variant, alt, info), extent, "{alt} {info}");
        }
        // As written: an index has it so.
        assert_eq!(reach(Overlap::Record, "A[X:900[", "CHR2=X;END=900"), (100, 900));
    }

    #[test]
    fn an_end_on_another_contig_is_none() {
        let odd = |alt, info| settled(extent(2, alt, info, None));
        let elsewhere = (None, Some(Odd::EndElsewhere));
        assert_eq!(odd("<DEL>", "END=5000"), (Some(5000), None));
        assert_eq!(odd("<DEL>", "END=5001"), elsewhere);
        assert_eq!(odd("<DEL>", "CHR2=1;END=900"), (Some(900), None));
        assert_eq!(odd("<TRA>", "CHR2=X;END=900"), elsewhere);
        assert_eq!(odd("<TRA>", "CHR2=.;END=900"), (Some(900), None));
        assert_eq!((odd("A[X:900[", "END=900"), odd("]2:900]A", "END=900")), (elsewhere, elsewhere));
        assert_eq!((odd("T,[<ctg1>:9[A", "END=900"), odd("A]chr1:900]", "END=900")), (elsewhere, (Some(900), None)));
        // An END that adds nothing needs no reason.
        assert_eq!(odd("A[X:900[", "CHR2=X;END=101"), (Some(101), None));
        assert_eq!(odd("<DEL>", "END=99"), (None, Some(Odd::EndBeforePos)));
        assert_eq!(end(5, "<DEL>", "CHR2=X;END=900;SVLEN=40", None), 140);
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
