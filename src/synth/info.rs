//! INFO keys of every Number and Type: their header lines and their values at a site.
//! It must not know samples; allele counts are handed in. Free text that names people is planted elsewhere.

use super::consequence;
use super::genotypes::Counts;
use super::random::Random;
use super::site::Site;
use super::text::{integer, ratio, signed, thousandths};

/// `(ID, Number, Type, Description)` of every key, in the order they are written.
pub(super) const KEYS: &[(&str, &str, &str, &str)] = &[
    ("AC", "A", "Integer", "Alternate allele count"),
    ("AF", "A", "Float", "Alternate allele frequency"),
    ("AN", "1", "Integer", "Called alleles"),
    ("NS", "1", "Integer", "Samples with a call"),
    ("DP", "1", "Integer", "Read depth over all samples"),
    ("AD", "R", "Integer", "Read depth of each allele"),
    ("GTC", "G", "Integer", "Diploid calls of each genotype"),
    ("nhomalt", "A", "Integer", "Samples homozygous for the alternate allele"),
    ("AF_afr", "A", "Float", "Alternate allele frequency, African ancestry"),
    ("AF_amr", "A", "Float", "Alternate allele frequency, American ancestry"),
    ("AF_eas", "A", "Float", "Alternate allele frequency, East Asian ancestry"),
    ("AF_nfe", "A", "Float", "Alternate allele frequency, non-Finnish European ancestry"),
    ("AF_sas", "A", "Float", "Alternate allele frequency, South Asian ancestry"),
    ("VT", "A", "String", "Kind of each alternate allele"),
    ("SBA", "A", "Character", "Strand an alternate allele leans to, + or -"),
    ("AB", "R", "Float", "Mean share of the reads, each allele"),
    ("DP4", "4", "Integer", "Reads: reference forward, reference reverse, alternate forward, alternate reverse"),
    ("MQ", "1", "Float", "Root mean square mapping quality"),
    ("QD", "1", "Float", "Quality by depth"),
    ("FS", "1", "Float", "Strand bias, Fisher's exact test, Phred-scaled"),
    ("SOR", "1", "Float", "Strand odds ratio"),
    ("BaseQRankSum", "1", "Float", "Rank sum of base qualities, Z"),
    ("ReadPosRankSum", "1", "Float", "Rank sum of read positions, Z"),
    ("InbreedingCoeff", "1", "Float", "Inbreeding coefficient"),
    ("VQSLOD", "1", "Float", "Log odds of being a true variant"),
    ("culprit", "1", "String", "Annotation that weighed most in VQSLOD"),
    ("AA", "1", "String", "Ancestral allele"),
    ("DB", "0", "Flag", "Member of dbSNP"),
    ("lcr", "0", "Flag", "In a low-complexity region"),
    ("NEGATIVE_TRAIN_SITE", "0", "Flag", "Used to train the filter as a bad site"),
    ("SVTYPE", "1", "String", "Type of structural variant"),
    ("END", "1", "Integer", "Last base of the variant"),
    ("SVLEN", ".", "Integer", "Length difference of each alternate allele"),
    ("CIPOS", "2", "Integer", "Confidence interval around POS"),
    ("ab_hist", ".", "Float", "Deciles of allele balance in carriers"),
    ("ALLELEID", ".", "Integer", "ClinVar allele ids"),
    ("CLNSIG", ".", "String", "ClinVar classification"),
    ("CSQ", ".", "String", consequence::DESCRIPTION),
    (NOTE, "1", "String", "Free-text remark"),
];
/// The key that holds free text.
pub(super) const NOTE: &str = "NOTE";

const CULPRITS: &[&str] = &["FS", "MQ", "QD", "SOR", "InbreedingCoeff", "ReadPosRankSum"];
const CLASSIFICATIONS: &[&str] = &[
    "Benign",
    "Likely_benign",
    "Benign/Likely_benign",
    "Uncertain_significance",
    "Conflicting_classifications_of_pathogenicity",
    "Likely_pathogenic",
    "Pathogenic",
];
/// Remarks that name nobody. Commas, semicolons and percent signs are written as VCF 4.3, section 1.2, asks.
const REMARKS: &[&str] = &[
    "low coverage in the first exon%2C confirm by a second method",
    "seen in cis with a neighbouring variant",
    "β-thalassaemia carrier panel",
    "repeat region%3B see the assay manual",
    "allele balance 30%25 in two replicates",
    "discussed at the variant board",
];

/// Appends the INFO column of `site`. `note` replaces the remark.
pub(super) fn write(out: &mut Vec<u8>, random: &mut Random, site: &Site, counts: &Counts, note: Option<&str>) {
    let alts = site.alts.len();
    let depth = counts.samples * 30 + u64::from(random.below(counts.samples.min(1 << 20) as u32 + 1));
    frequencies(out, site, counts);
    number(out, "DP", depth);
    alleles(out, random, alts, counts, depth);
    quality(out, random, depth);
    flags(out, random, site);
    structural(out, random, site);
    annotations(out, random, site);
    if let Some(note) = note {
        start(out, NOTE);
        out.extend_from_slice(note.as_bytes());
    } else if random.chance(40_000) {
        start(out, NOTE);
        out.extend_from_slice(random.pick(REMARKS).as_bytes());
    }
}

fn start(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'\t') {
        out.push(b';');
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
}

fn number(out: &mut Vec<u8>, key: &str, n: u64) {
    start(out, key);
    integer(out, n);
}

/// Appends `key=` and `n` values, comma-separated.
fn list(out: &mut Vec<u8>, key: &str, n: usize, mut value: impl FnMut(&mut Vec<u8>, usize)) {
    if n == 0 {
        return;
    }
    start(out, key);
    for i in 0..n {
        if i > 0 {
            out.push(b',');
        }
        value(out, i);
    }
}

fn frequencies(out: &mut Vec<u8>, site: &Site, counts: &Counts) {
    // Every index below counts alternates of the site: at most MAX_ALTS, the length of `counts.alts`.
    let alts = site.alts.len();
    list(out, "AC", alts, |out, i| integer(out, counts.alts[i]));
    list(out, "AF", alts, |out, i| ratio(out, counts.alts[i], counts.total));
    number(out, "AN", counts.total);
    number(out, "NS", counts.samples);
}

fn alleles(out: &mut Vec<u8>, random: &mut Random, alts: usize, counts: &Counts, depth: u64) {
    let reads =
        |i: usize| if i == 0 { counts.total - counts.alts.iter().sum::<u64>().min(counts.total) } else { counts.alts[i - 1] };
    let share = |i: usize| u128::from(depth) * u128::from(reads(i)) / u128::from(counts.total.max(1));
    list(out, "AD", alts + 1, |out, i| integer(out, share(i) as u64));
    list(out, "GTC", (alts + 1) * (alts + 2) / 2, |out, i| integer(out, counts.genotypes[i]));
    list(out, "nhomalt", alts, |out, i| integer(out, counts.genotypes[(i + 1) * (i + 2) / 2 + i + 1]));
    for key in ["AF_afr", "AF_amr", "AF_eas", "AF_nfe", "AF_sas"] {
        list(out, key, alts, |out, i| {
            let bits = random.wide();
            if bits & 0xff == 0 {
                return out.push(b'.');
            }
            let called = 4_000 + ((bits >> 8) & 0xffff);
            // Between none and twice the overall frequency.
            let here = u128::from(counts.alts[i]) * u128::from(called) * u128::from((bits >> 32) & 0x1ff);
            ratio(out, (here / (256 * u128::from(counts.total.max(1)))) as u64, called);
        });
    }
}

fn quality(out: &mut Vec<u8>, random: &mut Random, depth: u64) {
    let forward = depth * (40 + u64::from(random.below(20))) / 100;
    let reverse = depth - forward;
    let share = u64::from(random.below(50));
    let (alt_forward, alt_reverse) = (forward * share / 100, reverse * share / 100);
    let dp4 = [forward - alt_forward, reverse - alt_reverse, alt_forward, alt_reverse];
    list(out, "DP4", 4, |out, i| integer(out, dp4[i]));
    let mut decimal = |key: &str, low: i64, span: u32, out: &mut Vec<u8>| {
        start(out, key);
        thousandths(out, low + i64::from(random.below(span)));
    };
    decimal("MQ", 40_000, 20_001, out);
    decimal("QD", 1_000, 30_000, out);
    decimal("FS", 0, 20_000, out);
    decimal("SOR", 100, 4_000, out);
    decimal("BaseQRankSum", -3_000, 6_000, out);
    decimal("ReadPosRankSum", -3_000, 6_000, out);
    decimal("InbreedingCoeff", -300, 600, out);
    decimal("VQSLOD", -9_000, 30_000, out);
    start(out, "culprit");
    out.extend_from_slice(random.pick(CULPRITS).as_bytes());
}

fn flags(out: &mut Vec<u8>, random: &mut Random, site: &Site) {
    if random.chance(900_000) {
        start(out, "AA");
        let base = if random.chance(30_000) { b'.' } else { site.place.base(0) };
        out.push(base);
    }
    for (key, per_million) in [("DB", 600_000), ("lcr", 80_000), ("NEGATIVE_TRAIN_SITE", 10_000)] {
        if random.chance(per_million) {
            start(out, key);
            out.pop(); // a flag has no value
        }
    }
}

fn structural(out: &mut Vec<u8>, random: &mut Random, site: &Site) {
    if let Some(end) = site.end {
        start(out, "SVTYPE");
        out.extend_from_slice(b"DEL");
        number(out, "END", u64::from(end));
        start(out, "SVLEN");
        signed(out, i64::from(site.place.pos) - i64::from(end));
        start(out, "CIPOS");
        signed(out, -i64::from(random.below(20)));
        out.push(b',');
        integer(out, u64::from(random.below(20)));
    }
}

fn annotations(out: &mut Vec<u8>, random: &mut Random, site: &Site) {
    let alts = site.alts.len();
    list(out, "VT", alts, |out, i| out.extend_from_slice(site.class(&site.alts[i]).as_bytes()));
    if random.chance(500_000) {
        list(out, "SBA", alts, |out, _| out.push(b"+-."[random.below(3) as usize])); // three choices
        list(out, "AB", alts + 1, |out, _| thousandths(out, i64::from(random.below(1001))));
    }
    if random.chance(200_000) {
        let bins = 1 + random.below(10) as usize;
        list(out, "ab_hist", bins, |out, _| thousandths(out, i64::from(random.below(1001))));
    }
    if random.chance(30_000) {
        let n = 1 + random.below(2) as usize;
        list(out, "ALLELEID", n, |out, _| integer(out, u64::from(15_000 + random.below(3_000_000))));
        list(out, "CLNSIG", n, |out, _| out.extend_from_slice(random.pick(CLASSIFICATIONS).as_bytes()));
    }
    if random.chance(600_000) && alts > 0 {
        start(out, "CSQ");
        consequence::write(out, random, site);
    }
}
