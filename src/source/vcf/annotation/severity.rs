//! How severe consequence terms are: Ensembl's order (Ensembl Variation, release 115, `Constants.pm`), with the terms of
//! SnpEff and BCFtools/csq at the rank of their Ensembl counterparts. It must not know entries.

use std::collections::HashMap;
use std::sync::LazyLock;

/// From the most severe on; every line is one rank.
const ORDER: [&str; 41] = [
    "transcript_ablation chromosome_number_variation feature_ablation exon_loss_variant exon_loss gene_fusion \
     bidirectional_gene_fusion rearranged_at_DNA_level CHROMOSOME_LARGE_DELETION CHROMOSOME_LARGE_INVERSION \
     CHROMOSOME_LARGE_DUPLICATION GENE_REARRANGEMENT GENE_DELETED TRANSCRIPT_DELETED EXON_DELETED EXON_DELETED_PARTIAL \
     GENE_FUSION GENE_FUSION_REVERESE GENE_FUSION_HALF",
    "splice_acceptor_variant splice_acceptor SPLICE_SITE_ACCEPTOR",
    "splice_donor_variant splice_donor SPLICE_SITE_DONOR",
    "stop_gained STOP_GAINED nonsense",
    "frameshift_variant frameshift FRAME_SHIFT",
    "stop_lost STOP_LOST stop_lost_variant",
    "start_lost START_LOST",
    "transcript_amplification duplication inversion protein_protein_contact structural_interaction_variant \
     rare_amino_acid_variant RARE_AMINO_ACID EXON_DUPLICATION EXON_DUPLICATION_PARTIAL EXON_INVERSION EXON_INVERSION_PARTIAL \
     PROTEIN_PROTEIN_INTERACTION_LOCUS PROTEIN_STRUCTURAL_INTERACTION_LOCUS GENE_DUPLICATION TRANSCRIPT_DUPLICATION \
     GENE_INVERSION TRANSCRIPT_INVERSION",
    "feature_elongation",
    "feature_truncation",
    "inframe_insertion conservative_inframe_insertion disruptive_inframe_insertion CODON_INSERTION \
     CODON_CHANGE_PLUS_CODON_INSERTION",
    "inframe_deletion conservative_inframe_deletion disruptive_inframe_deletion CODON_DELETION \
     CODON_CHANGE_PLUS_CODON_DELETION",
    "missense_variant missense NON_SYNONYMOUS_CODING",
    "protein_altering_variant inframe_altering inframe_indel 5_prime_UTR_truncation 3_prime_UTR_truncation UTR_5_DELETED \
     UTR_3_DELETED",
    "splice_donor_5th_base_variant",
    "splice_region_variant splice_region splice_branch_variant SPLICE_SITE_REGION SPLICE_SITE_BRANCH SPLICE_SITE_BRANCH_U12",
    "splice_donor_region_variant",
    "splice_polypyrimidine_tract_variant",
    "incomplete_terminal_codon_variant",
    "start_retained_variant start_retained initiator_codon_variant non_canonical_start_codon NON_SYNONYMOUS_START \
     SYNONYMOUS_START FRAME_SHIFT_BEFORE_CDS_START",
    "stop_retained_variant stop_retained NON_SYNONYMOUS_STOP SYNONYMOUS_STOP FRAME_SHIFT_AFTER_CDS_END",
    "synonymous_variant synonymous SYNONYMOUS_CODING 5_prime_UTR_premature_start_codon_gain_variant start_gained START_GAINED",
    "coding_sequence_variant coding_sequence CODON_CHANGE CDS",
    "mature_miRNA_variant miRNA MICRO_RNA",
    "5_prime_UTR_variant 5_prime_utr UTR_5_PRIME",
    "3_prime_UTR_variant 3_prime_utr UTR_3_PRIME",
    "non_coding_transcript_exon_variant non_coding_exon_variant exon_region EXON",
    "intron_variant intron conserved_intron_variant INTRON INTRON_CONSERVED",
    "NMD_transcript_variant NMD_transcript",
    "non_coding_transcript_variant non-coding_transcript_variant nc_transcript_variant non_coding",
    "coding_transcript_variant transcript_variant intragenic_variant gene_variant TRANSCRIPT INTRAGENIC GENE",
    "upstream_gene_variant upstream_transcript_variant genic_upstream_transcript_variant UPSTREAM",
    "downstream_gene_variant downstream_transcript_variant genic_downstream_transcript_variant DOWNSTREAM",
    "TFBS_ablation MOTIF_DELETED",
    "TFBS_amplification",
    "TF_binding_site_variant MOTIF",
    "regulatory_region_ablation",
    "regulatory_region_amplification",
    "regulatory_region_variant regulatory REGULATION",
    "intergenic_variant intergenic_region intergenic conserved_intergenic_variant feature_fusion FEATURE_FUSION INTERGENIC \
     INTERGENIC_CONSERVED",
    "sequence_variant sequence_feature functional_variant custom chromosome NEXT_PROT CUSTOM SEQUENCE CHROMOSOME \
     CHROMOSOME_ELONGATION GENOME NONE",
];

/// `ORDER`'s place of TFBS_ablation, the one moderate term below the high, moderate and low ones.
const TFBS_ABLATION: u16 = 34;

static RANKS: LazyLock<HashMap<&str, u16>> =
    LazyLock::new(|| (1..).zip(ORDER).flat_map(|(rank, terms)| terms.split(' ').map(move |term| (term, rank))).collect());

/// Severity of a term: 2, 4, … from the most severe on; odd numbers are for terms that only their impact ranks.
pub(super) fn of_term(term: &str) -> Option<u16> {
    RANKS.get(term).map(|rank| rank * 2)
}

/// Severity by impact alone, for terms that are not in the order: behind the last term of that impact.
pub(super) fn of_impact(impact: &str) -> u16 {
    match impact {
        "HIGH" => 21,
        "MODERATE" => 29,
        "LOW" => 45,
        _ => u16::MAX,
    }
}

/// The impact Ensembl gives a severity.
pub(super) fn impact(severity: u16) -> Option<&'static str> {
    Some(match severity / 2 {
        1..=10 => "HIGH",
        11..=14 | TFBS_ABLATION => "MODERATE",
        15..=22 => "LOW",
        23..=41 => "MODIFIER",
        _ => return None,
    })
}

/// The most severe of the terms joined in `consequence`, and its severity; a term's leading `*` (BCFtools/csq: downstream of
/// a stop) is passed over.
pub(super) fn worst(consequence: &str) -> Option<(&str, u16)> {
    let terms = consequence.split(['&', '+']).map(|term| term.strip_prefix('*').unwrap_or(term));
    let terms = terms.map(|term| term.split('[').next().unwrap_or(term)).filter(|term| !term.is_empty() && *term != ".");
    terms.map(|term| (term, of_term(term).unwrap_or(u16::MAX))).min_by_key(|(_, severity)| *severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_term_has_two_ranks() {
        let terms = ORDER.iter().flat_map(|terms| terms.split(' ')).count();
        assert_eq!(RANKS.len(), terms);
    }

    #[test]
    fn the_order_is_ensembls() {
        let order = ["transcript_ablation", "stop_gained", "frameshift_variant", "missense_variant", "splice_region_variant"];
        let order = [&order[..], &["synonymous_variant", "intron_variant", "intergenic_variant", "sequence_variant"]].concat();
        assert!(order.windows(2).all(|pair| of_term(pair[0]).unwrap() < of_term(pair[1]).unwrap()));
        assert_eq!(worst("splice_region_variant&missense_variant"), Some(("missense_variant", 26)));
        assert_eq!(worst("*stop_gained&splice_region").unwrap().0, "stop_gained");
        assert_eq!(worst("NEXT_PROT[beta_strand]+EXON").unwrap().0, "EXON");
        assert_eq!((worst(""), worst("made_up")), (None, Some(("made_up", u16::MAX))));
    }

    #[test]
    fn impacts_are_ensembls() {
        for (term, expected) in [
            ("feature_truncation", "HIGH"),
            ("missense", "MODERATE"),
            ("TFBS_ablation", "MODERATE"),
            ("synonymous", "LOW"),
            ("splice_region", "LOW"),
            ("intron", "MODIFIER"),
            ("sequence_variant", "MODIFIER"),
        ] {
            assert_eq!(of_term(term).and_then(impact), Some(expected), "{term}");
        }
        let between = |low: &str, impact: &str, high: &str| {
            assert!(of_term(low).unwrap() < of_impact(impact) && of_impact(impact) < of_term(high).unwrap());
        };
        between("feature_truncation", "HIGH", "inframe_insertion");
        between("protein_altering_variant", "MODERATE", "splice_donor_5th_base_variant");
        between("synonymous_variant", "LOW", "coding_sequence_variant");
        assert_eq!(impact(u16::MAX), None);
    }
}
