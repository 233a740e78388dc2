//! Left alignment of one variant (Tan, Abecasis, Kang 2015, doi:10.1093/bioinformatics/btv112): the same bases at the end of all
//! alleles are cut, to the left of the record too, then the same bases at the beginning, and no allele is ever left empty. It
//! must not know Arrow or files.

use crate::error::Result;

/// Gives the base at a 0-based position of the record's sequence: A, C, G, T or N.
pub(super) type Bases<'a> = dyn FnMut(u64) -> Result<u8> + 'a;

/// How the alleles of a record change, all of them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// Bases of the reference put before every allele.
    pub before: u64,
    /// Bases cut off at the beginning; 0 when any are put before.
    pub from_start: usize,
    /// Bases cut off at the end.
    pub from_end: u64,
}

/// Is this allele made of bases, and not symbolic, a breakend, `*` or anything else?
pub(super) fn is_sequence(allele: &[u8]) -> bool {
    !allele.is_empty() && allele.iter().all(|base| matches!(base & !0x20, b'A' | b'C' | b'G' | b'T' | b'N'))
}

/// Where alleles belong; `None` when they stand there already. `alleles` are REF and ALTs, all [`is_sequence`] and no ALT equal to
/// REF; `start` is the 0-based position of their first base.
///
/// An allele reads on into the reference at its left, so cutting `n` bases from the end of all needs no copy: at most the
/// shortest allele and everything before it but one base.
///
/// # Errors
/// Those of `bases`.
pub(super) fn place(alleles: &[&[u8]], start: u64, bases: &mut Bases<'_>) -> Result<Option<Placement>> {
    let shortest = alleles.iter().map(|allele| allele.len()).min().unwrap_or(0) as u64;
    let Some((first, others)) = alleles.split_first().filter(|_| shortest > 0) else { return Ok(None) };
    let most = (shortest - 1).saturating_add(start);
    let mut from_end = 0;
    'cut: while from_end < most {
        let last = from_the_end(first, start, from_end, bases)?;
        for other in others {
            if from_the_end(other, start, from_end, bases)? != last {
                break 'cut;
            }
        }
        from_end += 1;
    }
    let before = (from_end + 1).saturating_sub(shortest);
    let mut from_start = 0;
    if before == 0 {
        let longest_cut = (shortest - from_end - 1) as usize;
        let same = |at: usize| {
            let base = |allele: &[u8]| allele.get(at).map(u8::to_ascii_uppercase);
            others.iter().all(|other| base(other) == base(first))
        };
        from_start = (0..longest_cut).find(|&at| !same(at)).unwrap_or(longest_cut);
    }
    let placement = Placement { before, from_start, from_end };
    Ok((placement != Placement { before: 0, from_start: 0, from_end: 0 }).then_some(placement))
}

/// The base `back` places before the allele's last, in the reference when the allele is shorter.
#[inline]
fn from_the_end(allele: &[u8], start: u64, back: u64, bases: &mut Bases<'_>) -> Result<u8> {
    match (allele.len() as u64).checked_sub(back + 1) {
        Some(at) => Ok(allele.get(at as usize).map_or(b'N', u8::to_ascii_uppercase)),
        None => bases(start + allele.len() as u64 - back - 1),
    }
}

impl Placement {
    /// The new 0-based position of the first base.
    pub(super) fn start(&self, start: u64) -> u64 {
        start - self.before + self.from_start as u64
    }

    /// Appends an allele as it is written at its new place, upper-case.
    pub(super) fn write(&self, allele: &[u8], start: u64, bases: &mut Bases<'_>, out: &mut String) -> Result<()> {
        let length = allele.len() as u64 + self.before - self.from_end;
        for at in 0..length.min(self.before) {
            out.push(char::from(bases(start - self.before + at)?));
        }
        let end = length.saturating_sub(self.before) as usize;
        let kept = allele.get(self.from_start..end).unwrap_or_default();
        out.extend(kept.iter().map(|base| char::from(base.to_ascii_uppercase())));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn aligned(reference: &str, pos: u64, alleles: &[&str]) -> (u64, Vec<String>) {
        let sequence = reference.as_bytes();
        let mut bases = |at: u64| Ok(sequence[at as usize]);
        let bytes: Vec<&[u8]> = alleles.iter().map(|allele| allele.as_bytes()).collect();
        match place(&bytes, pos - 1, &mut bases).unwrap() {
            None => (pos, alleles.iter().map(|allele| (*allele).to_owned()).collect()),
            Some(placement) => {
                let mut written = vec![String::new(); bytes.len()];
                for (allele, out) in bytes.iter().zip(&mut written) {
                    placement.write(allele, pos - 1, &mut bases, out).unwrap();
                }
                (placement.start(pos - 1) + 1, written)
            }
        }
    }

    /// The paper's algorithm, letter by letter, one base at a time; at the sequence's start it stops as bcftools does.
    fn slowly(reference: &str, pos: u64, alleles: &[&str]) -> (u64, Vec<String>) {
        let mut alleles: Vec<Vec<u8>> = alleles.iter().map(|allele| allele.to_uppercase().into_bytes()).collect();
        let mut start = pos as usize - 1;
        loop {
            let last = alleles[0].last().copied();
            let same = alleles.iter().all(|allele| allele.last().copied() == last);
            if !same || (start == 0 && alleles.iter().any(|allele| allele.len() == 1)) {
                break;
            }
            alleles.iter_mut().for_each(|allele| {
                allele.pop();
            });
            if alleles.iter().any(Vec::is_empty) {
                start -= 1;
                alleles.iter_mut().for_each(|allele| allele.insert(0, reference.as_bytes()[start]));
            }
        }
        while alleles.iter().all(|allele| allele.len() > 1 && allele[0] == alleles[0][0]) {
            alleles.iter_mut().for_each(|allele| {
                allele.remove(0);
            });
            start += 1;
        }
        (start as u64 + 1, alleles.into_iter().map(|allele| String::from_utf8(allele).unwrap()).collect())
    }

    fn wanted(pos: u64, alleles: &[&str]) -> (u64, Vec<String>) {
        (pos, alleles.iter().map(|allele| (*allele).to_owned()).collect())
    }

    #[test]
    fn variants_stand_where_the_paper_puts_them() {
        //               123456789012
        let reference = "GGGCACACACAGGG";
        // Figure 1 of the paper: all of these are one deletion.
        for (pos, alleles) in
            [(6, ["CAC", "C"]), (3, ["GCACA", "GCA"]), (2, ["GGCA", "GG"]), (5, ["ACA", "A"]), (8, ["CAC", "C"])]
        {
            assert_eq!(aligned(reference, pos, &alleles), wanted(3, &["GCA", "G"]), "{pos} {alleles:?}");
        }
        assert_eq!(aligned(reference, 4, &["C", "T"]), wanted(4, &["C", "T"]));
        assert_eq!(aligned(reference, 3, &["GCA", "GTA"]), wanted(4, &["C", "T"]));
        assert_eq!(aligned(reference, 3, &["GC", "TA"]), wanted(3, &["GC", "TA"]));
        assert_eq!(aligned(reference, 11, &["A", "ACA"]), wanted(3, &["G", "GCA"]));
        assert_eq!(aligned(reference, 6, &["cac", "c"]), wanted(3, &["GCA", "G"]), "lower case");
    }

    #[test]
    fn at_the_sequences_start_no_allele_becomes_empty() {
        assert_eq!(aligned("AAAAAG", 3, &["AAA", "A"]), wanted(1, &["AAA", "A"]));
        assert_eq!(aligned("AAAAAG", 1, &["AA", "A"]), wanted(1, &["AA", "A"]));
        assert_eq!(aligned("AAAAAG", 4, &["A", "AA"]), wanted(1, &["A", "AA"]));
        // A deletion of the first base is anchored by the base behind it (VCF 4.5 section 1.6.1, REF).
        assert_eq!(aligned("TAAAAG", 1, &["TA", "A"]), wanted(1, &["TA", "A"]));
        assert_eq!(aligned("GATTACA", 1, &["GATTACA", "G"]), wanted(1, &["GATTACA", "G"]));
    }

    #[test]
    fn several_alts_move_together() {
        let reference = "TTTAAAAAAC";
        assert_eq!(aligned(reference, 8, &["AA", "A", "AAA"]), wanted(3, &["TA", "T", "TAA"]));
        assert_eq!(aligned(reference, 8, &["AA", "A", "C"]), wanted(8, &["AA", "A", "C"]));
    }

    #[test]
    fn long_repeats_are_walked_to_their_end() {
        let reference = format!("C{}G", "A".repeat(100_000));
        assert_eq!(aligned(&reference, 100_000, &["AA", "A"]), wanted(1, &["CA", "C"]));
        let reference = "N".repeat(5_000);
        assert_eq!(aligned(&reference, 4_000, &["NN", "N"]), wanted(1, &["NN", "N"]));
    }

    #[test]
    fn what_is_not_made_of_bases_is_told() {
        for allele in ["A", "acgtnACGTN"] {
            assert!(is_sequence(allele.as_bytes()), "{allele}");
        }
        for allele in ["", "*", ".", "<DEL>", "<*>", "<NON_REF>", "G]17:198982]", ".A", "A.", "R", "A*", "a\u{e9}"] {
            assert!(!is_sequence(allele.as_bytes()), "{allele}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// Small alphabets make repeats, and short references their ends.
        #[test]
        fn the_fast_way_is_the_slow_way(
            reference in "[AC]{1,6}[ACGT]{0,6}(AC|A|CAG){0,8}[ACGTN]{0,4}",
            at in 0usize..60, length in 1usize..6, alts in prop::collection::vec("[AC]{1,6}|[ACGTN]{1,8}", 1..4),
        ) {
            let at = at % reference.len();
            let allele = &reference[at..reference.len().min(at + length)];
            prop_assume!(alts.iter().all(|alt| alt != allele));
            let alleles: Vec<&str> = std::iter::once(allele).chain(alts.iter().map(String::as_str)).collect();
            let found = aligned(&reference, at as u64 + 1, &alleles);
            prop_assert!(found.1.iter().all(|allele| !allele.is_empty()));
            prop_assert_eq!(&found, &slowly(&reference, at as u64 + 1, &alleles));
            // The haplotypes are what they were, and aligning once is enough.
            let applied = |pos: u64, reference_allele: &str, alt: &str| {
                let (start, end) = (pos as usize - 1, pos as usize - 1 + reference_allele.len());
                format!("{}{alt}{}", &reference[..start], &reference[end..])
            };
            for (alt, moved) in alts.iter().zip(&found.1[1..]) {
                prop_assert_eq!(applied(at as u64 + 1, allele, alt), applied(found.0, &found.1[0], moved));
            }
            let again: Vec<&str> = found.1.iter().map(String::as_str).collect();
            prop_assert_eq!(&aligned(&reference, found.0, &again), &found);
        }
    }
}
