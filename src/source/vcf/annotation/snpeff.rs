//! SnpEff's two grammars, ANN (annotation format 1.0, `A|B|…`) and EFF (`Effect(A|B|…)`), and which ALT an entry is about.
//! It must not know other tools.

use super::allele::{About, Alleles};

/// Cuts an EFF entry: the effect, then what stands in its parentheses. False when it is none.
pub(super) fn cut_eff<'a>(entry: &'a str, pieces: &mut Vec<&'a str>) -> bool {
    let Some((effect, inside)) = entry.strip_suffix(')').and_then(|entry| entry.split_once('(')) else { return false };
    pieces.push(effect);
    pieces.extend(inside.split('|'));
    true
}

/// Which ALT `Allele` (ANN) or `Genotype_Number` (EFF) means: the ALT as the record has it; a number from 1; in cancer samples
/// `ALT-REF`, where REF is the germline allele; in compounds `ALT-chr:pos_ref>alt`.
pub(super) fn about(allele: &str, alleles: &Alleles<'_>) -> About {
    if allele.is_empty() {
        return alleles.every();
    }
    let same = |text: &str| alleles.only(|alt| alt.eq_ignore_ascii_case(text));
    let first = allele.split('-').next().unwrap_or(allele);
    let number = || first.parse().ok().map(|number| alleles.numbered(number));
    same(allele).or_else(|| same(first)).or_else(number).unwrap_or(About::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reference: &str, alt: &str, allele: &str) -> About {
        let mut alleles = Alleles::default();
        alleles.set(1, reference, Some(alt));
        about(allele, &alleles)
    }

    #[test]
    fn the_allele_is_the_records_own() {
        assert_eq!(of("TT", "T", "T"), About::Alt(1));
        assert_eq!(of("A", "G,C", "C"), About::Alt(2));
        assert_eq!(of("N", "<DEL>,<DUP>", "<DUP>"), About::Alt(2));
        assert_eq!(of("A", "G,C", "T"), About::Unknown);
        assert_eq!((of("A", "G,C", ""), of("A", "G", "")), (About::Every, About::Alt(1)));
    }

    #[test]
    fn cancer_and_compound_forms() {
        assert_eq!(of("A", "G,C", "G-C"), About::Alt(1));
        assert_eq!(of("A", "G,C", "C-G"), About::Alt(2));
        assert_eq!(of("A", "G,C", "C-chr1:123456_A>T"), About::Alt(2));
        assert_eq!(of("A", "<HLA-A>", "<HLA-A>"), About::Alt(1));
    }

    #[test]
    fn eff_counts_its_alleles() {
        assert_eq!(
            (of("A", "G,C", "2"), of("A", "G,C", "3"), of("A", "G,C", "2-1")),
            (About::Alt(2), About::Unknown, About::Alt(2))
        );
        let mut pieces = Vec::new();
        assert!(cut_eff("NON_SYNONYMOUS_CODING(MODERATE|MISSENSE|aTg/aCg|M1T|305|OR4F5||CODING|NM_1|1|1)", &mut pieces));
        assert_eq!((pieces[0], pieces[1], pieces.len()), ("NON_SYNONYMOUS_CODING", "MODERATE", 12));
        for broken in ["INTRON", "INTRON(MODIFIER", "INTRON)", ""] {
            assert!(!cut_eff(broken, &mut Vec::new()), "{broken}");
        }
    }
}
