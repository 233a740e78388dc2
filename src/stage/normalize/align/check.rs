//! Holds a record's CHROM, POS and REF against the reference. It must not know batches or what becomes of a bad record.

use super::place::is_sequence;
use crate::error::Result;
use crate::fasta::{Cursor, Fasta, Sequence};

/// A record as far as the reference is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    /// 1-based; 0 is the telomere (VCF 4.5 section 1.6.1).
    pub pos: i64,
    pub reference: &'a str,
    /// Comma-separated.
    pub alt: Option<&'a str>,
}

crate::text::worded! {
    /// Why a record cannot be of this reference.
    pub(super) enum Fault {
        Contig => "not a sequence of the reference",
        Position => "outside the reference's sequence",
        Reference => "not what the reference has there",
    }
}

impl Fault {
    /// The field it is about.
    pub(super) fn field(self) -> &'static str {
        match self {
            Fault::Contig => "CHROM",
            Fault::Position => "POS",
            Fault::Reference => "REF",
        }
    }
}

/// `None` when the record agrees with the reference. Case does not matter; where the reference has an ambiguity code, REF may
/// hold `N`, the code, or its first base in the alphabet (VCF 4.5 section 1.6.1). A record of symbolic alleles and breakends only
/// may stand at a telomere (position 0 or one behind the last), and its REF may be `N`, which claims nothing.
pub(super) fn fault(fasta: &Fasta, cursor: &mut Cursor, sequence: Option<Sequence>, site: Site<'_>) -> Result<Option<Fault>> {
    let Some(sequence) = sequence else { return Ok(Some(Fault::Contig)) };
    let claims_nothing = || {
        let symbolic = |alt: &str| alt != "*" && !is_sequence(alt.as_bytes());
        site.alt.is_some_and(|alts| alts.split(',').all(symbolic))
    };
    let Some(mut at) = u64::try_from(site.pos).ok().and_then(|pos| pos.checked_sub(1)).filter(|at| *at < sequence.length) else {
        let telomere = site.pos == 0 || u64::try_from(site.pos).is_ok_and(|pos| pos.checked_sub(1) == Some(sequence.length));
        return Ok((!telomere || !claims_nothing()).then_some(Fault::Position));
    };
    let mut rest = site.reference.as_bytes();
    while !rest.is_empty() {
        let bases = cursor.bases(fasta, sequence, at)?;
        let both = bases.len().min(rest.len());
        let (here, behind) = rest.split_at(both);
        if both == 0 || !bases.iter().zip(here).all(|(base, found)| agrees(*base, found.to_ascii_uppercase())) {
            let unknown = site.reference.eq_ignore_ascii_case("N") && claims_nothing();
            return Ok((!unknown).then_some(Fault::Reference));
        }
        rest = behind;
        at += both as u64;
    }
    Ok(None)
}

#[inline]
fn agrees(base: u8, found: u8) -> bool {
    base == found || (!matches!(base, b'A' | b'C' | b'G' | b'T') && (found == b'N' || Some(found) == first_base(base)))
}

/// The first base, by the alphabet, that an ambiguity code stands for (NC-IUB 1984).
fn first_base(code: u8) -> Option<u8> {
    Some(match code {
        b'R' | b'W' | b'M' | b'D' | b'H' | b'V' => b'A',
        b'Y' | b'S' | b'B' => b'C',
        b'K' => b'G',
        b'U' => b'T',
        _ => return None,
    })
}
