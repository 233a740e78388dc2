//! CSQ values as Ensembl VEP writes them: one entry per allele and transcript, subfields divided by `|`.
//! It must not know other INFO keys. Genes are real symbols on invented places, with invented transcript numbers.

use super::random::{Random, mix};
use super::site::{Site, substitute};
use super::text::{integer, padded, thousandths};

/// The header's description; it names the subfields, as VEP does.
pub(super) const DESCRIPTION: &str = "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|\
Feature_type|Feature|BIOTYPE|EXON|HGVSc|HGVSp|Amino_acids|Existing_variation|SIFT|PolyPhen";

const GENES: &[&str] = &[
    "BRCA1", "BRCA2", "TP53", "MLH1", "MSH2", "MSH6", "PMS2", "APC", "PTEN", "CFTR", "HBB", "HBA1", "LDLR", "PCSK9", "MYH7",
    "MYBPC3", "KCNQ1", "SCN5A", "RYR1", "FBN1", "COL1A1", "DMD", "F8", "F9", "GAA", "GBA1", "HEXA", "PAH", "ATM", "CHEK2",
    "PALB2", "RB1", "RET", "VHL", "NF1", "NF2", "TSC1", "TSC2", "SMN1", "HTT",
];
const CONSEQUENCES: &[(&str, &str)] = &[
    ("intron_variant", "MODIFIER"),
    ("intron_variant", "MODIFIER"),
    ("intron_variant&non_coding_transcript_variant", "MODIFIER"),
    ("upstream_gene_variant", "MODIFIER"),
    ("synonymous_variant", "LOW"),
    ("missense_variant", "MODERATE"),
    ("missense_variant&splice_region_variant", "MODERATE"),
    ("stop_gained", "HIGH"),
];
const AMINO_ACIDS: &[(&str, u8)] = &[
    ("Ala", b'A'),
    ("Arg", b'R'),
    ("Asn", b'N'),
    ("Cys", b'C'),
    ("Gln", b'Q'),
    ("Gly", b'G'),
    ("His", b'H'),
    ("Leu", b'L'),
    ("Lys", b'K'),
    ("Pro", b'P'),
    ("Ser", b'S'),
    ("Thr", b'T'),
    ("Trp", b'W'),
    ("Val", b'V'),
];

/// Appends the entries of every alternate.
pub(super) fn write(out: &mut Vec<u8>, random: &mut Random, site: &Site) {
    let stretch = mix(((site.place.contig as u64) << 32) | u64::from(site.place.pos >> 18));
    let gene = GENES[(stretch % GENES.len() as u64) as usize]; // a remainder is below its divisor
    let strip = shared_first_base(site);
    let mut first = true;
    for alt in &site.alts {
        for transcript in 0..=u64::from(random.below(2)) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(named(alt, strip));
            entry(out, random, gene, stretch >> 40, transcript, site);
        }
    }
}

/// VEP drops the first base of every allele when all share it and lengths differ; what is left empty becomes `-`.
fn shared_first_base(site: &Site) -> bool {
    let first = site.reference.first();
    site.alts.iter().any(|alt| alt.len() != site.reference.len()) && site.alts.iter().all(|alt| alt.first() == first)
}

fn named(alt: &[u8], strip: bool) -> &[u8] {
    match (strip, alt) {
        (_, b"<DEL>") => b"deletion",
        (false, _) => alt,
        (true, [_]) => b"-",
        (true, _) => alt.get(1..).unwrap_or(b"-"),
    }
}

fn entry(out: &mut Vec<u8>, random: &mut Random, gene: &str, code: u64, transcript: u64, site: &Site) {
    // The choice is below the list's length.
    let (consequence, impact) = CONSEQUENCES[random.below(CONSEQUENCES.len() as u32) as usize];
    for text in ["|", consequence, "|", impact, "|", gene, "|ENSG"] {
        out.extend_from_slice(text.as_bytes());
    }
    padded(out, code, 11);
    out.extend_from_slice(b"|Transcript|ENST");
    padded(out, code * 4 + transcript, 11);
    out.extend_from_slice(b"|protein_coding|");
    let coding = impact != "MODIFIER";
    if !coding {
        return out.extend_from_slice(b"||||||");
    }
    let (exon, codon) = (1 + random.below(20), 1 + random.below(2000));
    integer(out, u64::from(exon));
    out.extend_from_slice(b"/20|ENST");
    padded(out, code * 4 + transcript, 11);
    out.extend_from_slice(b".1:c.");
    integer(out, u64::from(codon) * 3);
    out.extend_from_slice(&[site.place.base(0), b'>', substitute(site.place.base(0), 1 + random.below(3))]);
    let mut amino_acid = || AMINO_ACIDS[random.below(AMINO_ACIDS.len() as u32) as usize];
    let from = amino_acid();
    let to = if impact == "LOW" { from } else { amino_acid() };
    out.extend_from_slice(b"|ENSP");
    padded(out, code * 4 + transcript, 11);
    out.extend_from_slice(b".1:p.");
    out.extend_from_slice(from.0.as_bytes());
    integer(out, u64::from(codon));
    // VEP writes the equals sign of an unchanged protein as its percent code.
    out.extend_from_slice(if impact == "LOW" { b"%3D" } else { to.0.as_bytes() });
    out.extend_from_slice(&[b'|', from.1, b'/', to.1]);
    out.extend_from_slice(b"|rs");
    integer(out, 1_000 + u64::from(site.place.pos));
    if impact == "MODERATE" {
        let score = random.below(1001);
        out.extend_from_slice(if score < 50 { b"|deleterious(" } else { b"|tolerated(" });
        thousandths(out, i64::from(score));
        out.extend_from_slice(b")|benign(");
        thousandths(out, i64::from(1000 - score));
        out.push(b')');
    } else {
        out.extend_from_slice(b"||");
    }
}
