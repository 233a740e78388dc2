//! Which ALT an Ensembl VEP entry (CSQ) is about. VEP does not write the ALT of the record: it removes the first base of all
//! alleles when one of them is an indel and all share that base, and writes `-` for nothing (ensembl-vep, `Parser/VCF.pm`);
//! with `--minimal` each pair of REF and ALT loses its common end, then its common start; structural variants are named by
//! their class (`deletion`). It must not know other tools.

use super::allele::{About, Alleles, is_sequence};

/// What an entry says of its allele. Empty texts count as not said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    /// `Allele`.
    pub allele: &'a str,
    /// `ALLELE_NUM`: the number of the ALT, from 1.
    pub number: &'a str,
    /// `MINIMISED`: the allele was reduced to its minimal form.
    pub minimised: bool,
}

/// Which ALT the entry is about. A number counts unless the allele beside it cannot be that ALT: such records were divided
/// after they were annotated.
pub(super) fn about(said: Said<'_>, alleles: &Alleles<'_>) -> About {
    let Said { allele, number, minimised } = said;
    if allele.is_empty() && number.is_empty() {
        return alleles.every();
    }
    let numbered = number.parse().map_or(About::Unknown, |number| alleles.numbered(number));
    if let About::Alt(number) = numbered {
        let alt = alleles.alts.get(number as usize - 1);
        if allele.is_empty() || alt.is_some_and(|alt| !contradicts(allele, alleles, alt)) {
            return numbered;
        }
    }
    by_text(allele, minimised, alleles)
}

fn by_text(allele: &str, minimised: bool, alleles: &Alleles<'_>) -> About {
    found(allele, minimised, alleles).or_else(|| alone(allele, alleles)).unwrap_or(About::Unknown)
}

fn found(allele: &str, minimised: bool, alleles: &Alleles<'_>) -> Option<About> {
    let chop = chops(alleles);
    let chopped = || alleles.only(|alt| chopped(alt, chop).eq_ignore_ascii_case(allele));
    let minimal = || alleles.only(|alt| minimal(alleles.reference, alt).eq_ignore_ascii_case(allele));
    let found = if minimised { minimal().or_else(chopped) } else { chopped().or_else(minimal) };
    found.or_else(|| structural(allele, alleles))
}

/// Can a text begin an entry of this record: is it one of its alleles, or what an allele may look like that the record lost when it
/// was divided?
pub(super) fn can_begin(allele: &str, alleles: &Alleles<'_>) -> bool {
    let bases = allele.bytes().all(|b| b"ACGTNacgtn-*".contains(&b));
    bases || class_words().any(|word| word == allele) || found(allele, false, alleles).is_some()
}

/// Does VEP remove the first base of this record's alleles?
fn chops(alleles: &Alleles<'_>) -> bool {
    let first = |allele: &str| allele.bytes().next().map(|base| base.to_ascii_uppercase());
    let indel = alleles.alts.iter().any(|alt| alt.len() != alleles.reference.len());
    let several = alleles.alts.len() > 1;
    let alike = |alt: &&str| (several && alt.contains('*')) || first(alt) == first(alleles.reference);
    indel && !alleles.reference.contains('*') && alleles.alts.iter().all(alike)
}

/// An ALT as VEP writes it.
fn chopped(alt: &str, chop: bool) -> &str {
    match chop && !alt.contains('*') {
        true => dashed(alt.get(1..).unwrap_or(alt)),
        false => alt,
    }
}

fn dashed(allele: &str) -> &str {
    if allele.is_empty() { "-" } else { allele }
}

/// An ALT without what it shares with REF at its end, then at its start: VEP with `--minimal`.
fn minimal<'a>(reference: &str, alt: &'a str) -> &'a str {
    if !is_sequence(alt) {
        return alt;
    }
    let shared = |pair: &(u8, u8)| pair.0.eq_ignore_ascii_case(&pair.1);
    let end = reference.bytes().rev().zip(alt.bytes().rev()).take_while(shared).count();
    let (reference, alt) = (&reference.as_bytes()[..reference.len() - end], alt.get(..alt.len() - end).unwrap_or(alt));
    let start = reference.iter().copied().zip(alt.bytes()).take_while(shared).count();
    dashed(alt.get(start..).unwrap_or(alt))
}

/// Can the entry's allele not be this ALT? Both are sequences, none of the ALT's forms is the allele, and not even its length
/// is (an indel that was shifted is another sequence of the same length).
fn contradicts(allele: &str, alleles: &Alleles<'_>, alt: &str) -> bool {
    if !is_sequence(alt) || !(allele == "-" || is_sequence(allele)) {
        return false;
    }
    let forms = [chopped(alt, chops(alleles)), minimal(alleles.reference, alt)];
    if forms.iter().any(|form| form.eq_ignore_ascii_case(allele)) {
        return false;
    }
    let length = |form: &str| if form == "-" { 0 } else { form.len() };
    // A structural variant with its sequences written out is named by its class, a word that is a sequence of letters too.
    let word = class(allele);
    !word && (alt.len() == alleles.reference.len() || forms.iter().all(|form| length(form) != length(allele)))
}

/// Is it the name of a variant class (`deletion`) or of a symbolic allele (`INV`, `DUP:TANDEM`) rather than bases?
fn class(allele: &str) -> bool {
    allele.len() >= 3
        && allele.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
        && !allele.bytes().all(|b| b"acgtnACGTN".contains(&b))
}

fn breakend(text: &str) -> bool {
    text.contains(['[', ']']) || (text.len() > 1 && (text.starts_with('.') || text.ends_with('.')))
}

fn symbol(alt: &str) -> Option<&str> {
    alt.strip_prefix('<')?.strip_suffix('>')
}

/// The ALT that a structural variant's class, a symbolic allele's own name (which VEP writes where it has no term for it) or a
/// breakend means.
fn structural(allele: &str, alleles: &Alleles<'_>) -> Option<About> {
    if !class(allele) {
        return None;
    }
    let itself = |alt: &str| symbol(alt).is_some_and(|kind| kind.eq_ignore_ascii_case(allele));
    let named = |alt: &str| match symbol(alt) {
        Some(kind) => {
            let first = kind.split(':').next().unwrap_or_default();
            class_of(kind).is_some_and(|name| name == allele) || first.eq_ignore_ascii_case(allele)
        }
        None => matches!(allele, "chromosome_breakpoint" | "BND") && breakend(alt),
    };
    alleles.only(itself).or_else(|| alleles.only(named))
}

/// The record's one ALT, where nothing else is there that a class or breakend could mean.
fn alone(allele: &str, alleles: &Alleles<'_>) -> Option<About> {
    let [alt] = alleles.alts.as_slice() else { return None };
    let word = class(allele) && (!is_sequence(alt) || !allele.contains(|c: char| c.is_ascii_uppercase()));
    (word || breakend(allele)).then_some(About::Alt(1))
}

/// The sequence ontology class of a symbolic allele (VCF 4.5 section 1.4.5), as VEP names it.
fn class_of(kind: &str) -> Option<&'static str> {
    Some(match kind.split(':').next()? {
        "DUP" if kind.starts_with("DUP:TANDEM") => "tandem_duplication",
        "CNV" if kind.starts_with("CNV:TR") => "tandem_repeat",
        "INS" if kind.starts_with("INS:ME") => "mobile_element_insertion",
        "DEL" if kind.starts_with("DEL:ME") => "mobile_element_deletion",
        "DEL" | "CN0" => "deletion",
        "INS" => "insertion",
        "DUP" | "CN2" => "duplication",
        "INV" => "inversion",
        "TDUP" => "tandem_duplication",
        "BND" => "chromosome_breakpoint",
        "CNV" => "copy_number_variation",
        copies if copies.strip_prefix("CN").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) => "copy_number_variation",
        _ => return None,
    })
}

/// The classes that [`class_of`] knows.
fn class_words() -> impl Iterator<Item = &'static str> {
    const KINDS: &[&str] = &["DUP:TANDEM", "CNV:TR", "INS:ME", "DEL:ME", "DEL", "INS", "DUP", "INV", "BND", "CNV"];
    KINDS.iter().filter_map(|kind| class_of(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alleles<'a>(reference: &'a str, alt: &'a str) -> Alleles<'a> {
        let mut alleles = Alleles::default();
        alleles.set(1, reference, Some(alt));
        alleles
    }

    fn of(reference: &str, alt: &str, allele: &str) -> About {
        about(Said { allele, ..Said::default() }, &alleles(reference, alt))
    }

    fn minimised(reference: &str, alt: &str, allele: &str) -> About {
        about(Said { allele, minimised: true, ..Said::default() }, &alleles(reference, alt))
    }

    fn numbered(reference: &str, alt: &str, allele: &str, number: &str) -> About {
        about(Said { allele, number, minimised: false }, &alleles(reference, alt))
    }

    #[test]
    fn indels_keep_their_gene() {
        assert_eq!(of("TT", "T", "-"), About::Alt(1));
        assert_eq!(of("T", "TGA", "GA"), About::Alt(1));
        assert_eq!(of("CAG", "CTT", "CTT"), About::Alt(1));
        assert_eq!(of("CAG", "CT", "T"), About::Alt(1));
        // No shared first base: nothing is removed.
        assert_eq!(of("CAG", "T", "T"), About::Alt(1));
        assert_eq!(of("A", "G", "G"), About::Alt(1));
        assert_eq!(of("a", "g", "G"), About::Alt(1));
    }

    #[test]
    fn several_alts_lose_a_base_only_together() {
        assert_eq!(of("TA", "T,TAA", "-"), About::Alt(1));
        assert_eq!(of("TA", "T,TAA", "AA"), About::Alt(2));
        // A substitution beside an indel loses its base too.
        assert_eq!(of("TA", "TC,T", "C"), About::Alt(1));
        assert_eq!(of("TA", "TC,T", "-"), About::Alt(2));
        // One ALT starts with another base: all stay whole.
        assert_eq!(of("TA", "T,GA", "T"), About::Alt(1));
        assert_eq!(of("TA", "T,GA", "GA"), About::Alt(2));
        // Only substitutions: all stay whole.
        assert_eq!(of("TA", "TC,TG", "TG"), About::Alt(2));
    }

    #[test]
    fn a_star_is_looked_past_beside_others() {
        assert_eq!(of("TT", "T,*", "-"), About::Alt(1));
        assert_eq!(of("TT", "*,T", "-"), About::Alt(2));
        assert_eq!(of("TT", "T,*", "*"), About::Alt(2));
        assert_eq!(of("T", "*", "*"), About::Alt(1));
        assert_eq!(of("TT", "*", "*"), About::Alt(1));
    }

    #[test]
    fn minimal_alleles() {
        assert_eq!(minimal("CAG", "CG"), "-");
        assert_eq!(minimal("CAA", "CA"), "-");
        assert_eq!(minimal("AC", "AT"), "T");
        assert_eq!(minimal("A", "ATT"), "TT");
        assert_eq!(minimised("CA", "CAA,TA", "A"), About::Alt(1));
        assert_eq!(minimised("CA", "CAA,TA", "T"), About::Alt(2));
        // Without being told: the usual form first, the minimal one when it is nobody's.
        assert_eq!(of("CA", "CAA,TA", "T"), About::Alt(2));
        // Two deletions have the same minimal form: nobody can say which.
        assert_eq!(minimised("CAA", "CA,C", "-"), About::Unknown);
    }

    #[test]
    fn numbers_count_unless_they_cannot_be_true() {
        assert_eq!(numbered("CAA", "CA,C", "-", "1"), About::Alt(1));
        assert_eq!(numbered("CAA", "CA,C", "A", "1"), About::Alt(1));
        assert_eq!(numbered("A", "C,G", "", "2"), About::Alt(2));
        // Divided after it was annotated: A>C,G is now A>G alone, with both entries.
        assert_eq!(numbered("A", "G", "C", "1"), About::Unknown);
        assert_eq!(numbered("A", "G", "G", "2"), About::Alt(1));
        assert_eq!(numbered("A", "G", "", "2"), About::Unknown);
        assert_eq!(numbered("A", "G", "", "0"), About::Unknown);
        assert_eq!(numbered("A", "G", "G", "one"), About::Alt(1));
        // Shifted to the right (--shift_genomic): another sequence of the same length.
        assert_eq!(numbered("A", "AGC", "CG", "1"), About::Alt(1));
        assert_eq!(numbered("A", "AGC", "CGC", "1"), About::Unknown);
    }

    #[test]
    fn structural_variants_are_named_by_class() {
        assert_eq!(of("N", "<DEL>", "deletion"), About::Alt(1));
        assert_eq!(of("N", "<DEL>,<DUP>", "duplication"), About::Alt(2));
        assert_eq!(of("N", "<DUP:TANDEM>", "tandem_duplication"), About::Alt(1));
        assert_eq!(of("N", "<CN3>,<CN0>", "deletion"), About::Alt(2));
        assert_eq!(of("N", "<DEL>,<DEL:ME:ALU>", "insertion"), About::Unknown);
        assert_eq!(of("N", "N[chr2:5[", "chromosome_breakpoint"), About::Alt(1));
        assert_eq!(of("N", "N[chr2:5[", "N[chr2:5["), About::Alt(1));
        assert_eq!(of("N", "<DEL>", "-"), About::Unknown);
        // VEP 94 writes the symbolic allele's own name.
        assert_eq!(
            (of("G", "<INV>", "INV"), of("G", "<CNV>", "CNV"), of("G", "<CNV:TR>", "CNV")),
            (About::Alt(1), About::Alt(1), About::Alt(1))
        );
        assert_eq!((of("G", "<DEL>,<INV>", "INV"), of("G", "<DUP>,<DUP:TANDEM>", "DUP")), (About::Alt(2), About::Alt(1)));
        assert_eq!((of("G", "<DUP:TANDEM>", "TDUP"), of("G", "G]2:9]", "BND")), (About::Alt(1), About::Alt(1)));
        assert_eq!((of("G", "<DEL>,<INS>", "INV"), of("G", "A", "CAT")), (About::Unknown, About::Unknown));
        // Sequences written out, named by class.
        assert_eq!(of("NACGT", "N", "deletion"), About::Alt(1));
        assert_eq!(numbered("NACGT", "N", "deletion", "1"), About::Alt(1));
    }

    #[test]
    fn what_can_begin_an_entry() {
        for (begins, texts) in [(true, ["A", "-", "", "T", "deletion"]), (false, ["Y:PASS", "Z", "X:0.5", "phylocsf_weak", "HC"])]
        {
            assert!(texts.iter().all(|text| can_begin(text, &alleles("G", "GA")) == begins), "{texts:?}");
        }
        assert!(can_begin("INV", &alleles("G", "<INV>")) && !can_begin("Y:PASS", &alleles("G", "<INV>")));
    }

    #[test]
    fn what_the_record_does_not_have_is_nobodys() {
        assert_eq!(of("A", "C", "T"), About::Unknown);
        assert_eq!(of("A", "C,G", "T"), About::Unknown);
        assert_eq!(of("A", "C,G", ""), About::Every);
        assert_eq!(of("A", "C", ""), About::Alt(1));
        assert_eq!(about(Said { allele: "C", ..Said::default() }, &Alleles::default()), About::Unknown);
    }
}
