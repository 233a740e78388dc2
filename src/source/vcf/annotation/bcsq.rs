//! BCFtools/csq (BCSQ): back references, and which ALT an entry is about. It must not know other tools.

use super::allele::{About, Alleles};

/// The position an entry `@POS` refers to: the record there holds the consequence of a compound variant.
pub(super) fn back_reference(entry: &str) -> Option<i64> {
    entry.strip_prefix('@')?.parse().ok()
}

/// Which ALT `dna_change` is about: among its changes `POSREF>ALT`, joined with `+` in compound variants, the one of this
/// record. Without it (introns, untranslated regions, …) the entry names no allele.
pub(super) fn about(change: &str, alleles: &Alleles<'_>) -> About {
    if change.is_empty() {
        return alleles.every();
    }
    let own = |change: &str| {
        let digits = change.bytes().take_while(u8::is_ascii_digit).count();
        let (pos, bases) = change.split_at(digits);
        let (reference, alt) = bases.split_once('>')?;
        if pos.parse() != Ok(alleles.pos) || !reference.eq_ignore_ascii_case(alleles.reference) {
            return None;
        }
        alleles.only(|known| known.eq_ignore_ascii_case(alt))
    };
    change.split('+').find_map(own).unwrap_or(About::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(alt: &str, change: &str) -> About {
        let mut alleles = Alleles::default();
        alleles.set(100, "TT", Some(alt));
        about(change, &alleles)
    }

    #[test]
    fn the_change_names_the_alt() {
        assert_eq!(of("T", "100TT>T"), About::Alt(1));
        assert_eq!(of("T,TTT", "100TT>TTT"), About::Alt(2));
        assert_eq!(of("T,<DEL>", "100TT><DEL>"), About::Alt(2));
        // A compound variant names its other records too.
        assert_eq!(of("T,TTT", "96A>G+100TT>TTT"), About::Alt(2));
        assert_eq!(of("T,TTT", "96A>G+104TT>TTT"), About::Unknown);
        assert_eq!(of("T", "100T>T"), About::Unknown);
        assert_eq!(of("T,TTT", ""), About::Every);
        assert_eq!(of("T", ""), About::Alt(1));
        for odd in ["TT>T", "100", "100TT", "99999999999999999999TT>T", "+", ">"] {
            assert_eq!(of("T", odd), About::Unknown, "{odd}");
        }
    }

    #[test]
    fn back_references() {
        assert_eq!(back_reference("@12345"), Some(12345));
        for none in ["12345", "@", "@x", "@99999999999999999999", "missense|G"] {
            assert_eq!(back_reference(none), None, "{none}");
        }
    }
}
