//! ALT: bases, `*`, symbolic alleles, breakends (4.3 sections 1.6.1 and 5.4; the same words before). It must not know genotypes.

use super::fault::{Fault, column};
use super::names;
use crate::source::vcf::reason::Reason;

pub(super) fn is_base(byte: u8) -> bool {
    b"ACGTNacgtn".contains(&byte)
}

fn are_bases(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_base(*byte))
}

/// Splits and checks ALT. No alleles for `.`.
pub(super) fn split<'a>(alt: &'a [u8], reference: &[u8], minor: u32) -> Result<Vec<&'a [u8]>, Fault<'a>> {
    if alt == b"." {
        return Ok(Vec::new());
    }
    // A symbolic allele holds no comma, so a comma always separates.
    let alleles: Vec<&[u8]> = alt.split(|byte| *byte == b',').collect();
    for allele in &alleles {
        match *allele {
            b"" => return Err(column("ALT", Reason::EmptyAllele)),
            b"." => return Err(column("ALT", Reason::MissingBesideAllele)),
            b"*" => {}
            [b'<', id @ .., b'>'] if names::is_allele_id(id) => {
                if !names::has_known_type(id, minor) {
                    return Err(column("ALT", Reason::UnknownSubtype));
                }
            }
            allele if are_bases(allele) => {
                if allele.eq_ignore_ascii_case(reference) {
                    return Err(column("ALT", Reason::AlleleIsRef));
                }
            }
            allele if is_breakend(allele, minor) || is_insertion(allele, minor) => {}
            _ => return Err(column("ALT", Reason::NotAlt)),
        }
    }
    Ok(alleles)
}

/// `s]p]`, `s[p[`, `]p]s`, `[p[s` with a place `p`, and single breakends `s.` and `.s`.
pub(super) fn is_breakend(allele: &[u8], minor: u32) -> bool {
    if let [b'.', bases @ ..] | [bases @ .., b'.'] = allele
        && are_bases(bases)
    {
        return true;
    }
    let brackets: Vec<usize> = memchr::memchr2_iter(b'[', b']', allele).collect();
    // The name of the other contig may hold brackets before 4.3, so the outermost two count.
    let (Some(first), Some(last)) = (brackets.first().copied(), brackets.last().copied()) else { return false };
    if first == last || allele[first] != allele[last] {
        return false;
    }
    let (before, inside, behind) = (&allele[..first], &allele[first + 1..last], &allele[last + 1..]);
    let sequence = match (before, behind) {
        (sequence, b"") | (b"", sequence) => sequence,
        _ => return false,
    };
    // A dot in place of bases: a telomere (section on telomeres).
    (are_bases(sequence) || sequence == b".") && is_place(inside, minor)
}

/// `CONTIG:POS` or `<ID>:POS`; the contig's name may hold colons.
fn is_place(text: &[u8], minor: u32) -> bool {
    let Some(colon) = memchr::memrchr(b':', text) else { return false };
    let (contig, digits) = (&text[..colon], &text[colon + 1..]);
    names::is_chrom(contig, minor) && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// `C<ctg1>`: a contig of the assembly file inserted whole (section on large insertions).
fn is_insertion(allele: &[u8], minor: u32) -> bool {
    let Some(open) = memchr::memchr(b'<', allele) else { return false };
    are_bases(&allele[..open]) && names::is_chrom(&allele[open..], minor)
}

/// A symbolic allele's id.
pub(super) fn symbol(allele: &[u8]) -> Option<&[u8]> {
    allele.strip_prefix(b"<")?.strip_suffix(b">")
}

/// An allele written in bases.
pub(super) fn is_sequence(allele: &[u8]) -> bool {
    are_bases(allele)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_allele() {
        for good in [
            "A",
            "acgtN",
            "*",
            "T,*",
            "<DEL>",
            "<*>",
            "<NON_REF>",
            "<DUP:TANDEM>",
            "]1:100]AGT",
            "[1:100[A",
            "AGT]1:100]",
            "A[<c>:7[",
            ".[13:123457[",
            "A.",
            ".A",
            "C<ctg1>",
            "A[HLA-A*01:01:5[",
            "<x!\"#$%&'()*+-./;=?@[\\]^_`{|}~>",
            "A,<DEL>,G]2:1]",
        ] {
            assert!(split(good.as_bytes(), b"C", 3).is_ok(), "{good}");
        }
        for bad in [
            "R",
            "A T",
            "A,,T",
            ",A",
            "A,",
            "",
            ".,A",
            "<INS>BLAH>",
            "[1:100[",
            "[1:100[A]",
            "A[1[",
            "A[1:x[",
            "A[1:5]",
            "<>",
            "<a b>",
            "<a,b>",
            "<THIS:IS>",
            "C",
            "c",
            "..",
            "A.A",
            "<DEL",
            "C<>",
            "1",
        ] {
            assert!(split(bad.as_bytes(), b"C", 3).is_err(), "{bad}");
        }
        assert_eq!(split(b".", b"C", 3), Ok(Vec::new()));
    }
}
