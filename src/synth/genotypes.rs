//! Who carries what at a site: Hardy-Weinberg draws for founders, Mendelian inheritance for a child, missing calls.
//! It must not know how calls are written.

use super::random::{Random, scale};
use super::site::{MAX_ALTS, Site};

/// Genotypes of up to this many alleles per site, in the order of VCF 4.3, section 1.6.2 (`k * (k + 1) / 2 + j`).
pub(super) const MAX_GENOTYPES: usize = (MAX_ALTS + 1) * (MAX_ALTS + 2) / 2;
/// Per million: calls without an answer, and sites where a child carries what no parent has.
const MISSING: u32 = 10_000;
const DE_NOVO: u32 = 500;

/// One person's alleles at one site: allele numbers, 0 is the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Genotype {
    /// No copy of the contig.
    None,
    Haploid(u8),
    Diploid(u8, u8),
    /// Not called; holds the number of copies.
    Missing(u8),
}

/// Who the samples are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    Unrelated,
    /// Father, mother, child.
    Trio,
}

/// Is sample number `index` male? Every other one is: father, mother, son.
pub(super) fn male(index: usize) -> bool {
    index.is_multiple_of(2)
}

/// Draws everybody's genotype at `site` into `people`, which keeps its length.
pub(super) fn draw(random: &mut Random, site: &Site, kinship: Kinship, people: &mut [Genotype]) {
    let mut limits = [0; MAX_ALTS];
    let mut sum = 0;
    for (limit, frequency) in limits.iter_mut().zip(&site.frequencies) {
        sum += frequency; // a site's frequencies stay below one together
        *limit = sum;
    }
    let limits = &limits[..site.frequencies.len().min(MAX_ALTS)];
    // The number of limits at or below a uniform draw, turned around: 0 above all of them.
    let allele = |random: &mut Random| {
        let bits = random.bits();
        if bits >= sum { 0 } else { 1 + limits.iter().filter(|&&limit| bits >= limit).count() as u8 }
    };
    let founders = if kinship == Kinship::Trio { 2.min(people.len()) } else { people.len() };
    let mut carriers = false;
    for (i, person) in people.iter_mut().take(founders).enumerate() {
        *person = match site.place.ploidy(male(i)) {
            0 => Genotype::None,
            1 => Genotype::Haploid(allele(random)),
            _ => Genotype::Diploid(allele(random), allele(random)),
        };
        carriers |= !matches!(person, Genotype::None | Genotype::Haploid(0) | Genotype::Diploid(0, 0));
    }
    let de_novo = kinship == Kinship::Trio && site.place.autosomal() && site.alts.len() == 1 && random.chance(DE_NOVO);
    if de_novo {
        people.iter_mut().take(founders).for_each(|person| *person = Genotype::Diploid(0, 0));
    } else if !carriers && !limits.is_empty() {
        // A file lists the sites where somebody differs.
        let chosen = random.below(founders as u32) as usize;
        let alt = 1 + random.below(limits.len() as u32) as u8;
        if let Some(person) = people.get_mut(chosen) {
            *person = match *person {
                Genotype::Diploid(..) => Genotype::Diploid(0, alt),
                Genotype::Haploid(_) => Genotype::Haploid(alt),
                other => other,
            };
        }
    }
    if let (Kinship::Trio, [father, mother, child]) = (kinship, &mut *people) {
        *child = inherit(random, site, *father, *mother);
        if de_novo {
            *child = Genotype::Diploid(0, 1);
        }
    }
    for person in people {
        if random.chance(MISSING) {
            *person = match person {
                Genotype::None => Genotype::None,
                Genotype::Haploid(_) => Genotype::Missing(1),
                _ => Genotype::Missing(2),
            };
        }
    }
}

/// One copy from each parent who has one to give; the son gets X from his mother and Y from his father.
fn inherit(random: &mut Random, site: &Site, father: Genotype, mother: Genotype) -> Genotype {
    let heads = random.bits() & 1 == 0;
    let from_mother = transmit(random, mother);
    match (site.place.ploidy(true), from_mother) {
        (1, Some(allele)) => Genotype::Haploid(allele),
        (_, maternal) => {
            let paternal = if site.place.maternal() { None } else { transmit(random, father) };
            match (maternal, paternal) {
                (Some(a), Some(b)) if heads => Genotype::Diploid(a, b),
                (Some(a), Some(b)) => Genotype::Diploid(b, a),
                (Some(a), None) | (None, Some(a)) => Genotype::Haploid(a),
                (None, None) => Genotype::None,
            }
        }
    }
}

fn transmit(random: &mut Random, parent: Genotype) -> Option<u8> {
    match parent {
        Genotype::Diploid(a, b) => Some(if random.bits() & 1 == 0 { a } else { b }),
        Genotype::Haploid(a) => Some(a),
        Genotype::None | Genotype::Missing(_) => None,
    }
}

/// What the genotypes add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Called alleles.
    pub(super) total: u64,
    /// Called copies of each alternate.
    pub(super) alts: [u64; MAX_ALTS],
    /// Diploid calls per genotype.
    pub(super) genotypes: [u64; MAX_GENOTYPES],
    /// Samples with a call.
    pub(super) samples: u64,
}

impl Counts {
    /// Counts what was called.
    pub(super) fn of(people: &[Genotype]) -> Self {
        let mut counts = Counts::default();
        // Allele numbers stay below MAX_ALTS + 1 and genotype numbers below MAX_GENOTYPES by construction.
        let mut alleles = [0; MAX_ALTS + 1];
        for person in people {
            match *person {
                Genotype::None | Genotype::Missing(_) => continue,
                Genotype::Haploid(a) => alleles[usize::from(a)] += 1,
                Genotype::Diploid(a, b) => {
                    alleles[usize::from(a)] += 1;
                    alleles[usize::from(b)] += 1;
                    counts.genotypes[number(a, b)] += 1;
                }
            }
            counts.samples += 1;
        }
        counts.total = alleles.iter().sum();
        counts.alts.copy_from_slice(&alleles[1..]);
        counts
    }

    /// What `samples` diploid people in Hardy-Weinberg proportions would show.
    pub(super) fn expected(site: &Site, samples: u64) -> Self {
        let mut counts = Counts { total: 2 * samples, samples, ..Counts::default() };
        let mut shares = [0_u32; MAX_ALTS + 1];
        shares[0] = u32::MAX - site.frequencies.iter().sum::<u32>();
        for ((count, share), &frequency) in counts.alts.iter_mut().zip(&mut shares[1..]).zip(&site.frequencies) {
            *count = scale(2 * samples, frequency).max(1);
            *share = frequency;
        }
        for b in 0..=site.alts.len() {
            for a in 0..=b {
                let both = scale(u64::from(shares[a]), shares[b]) as u32;
                counts.genotypes[number(a as u8, b as u8)] = scale(samples * if a == b { 1 } else { 2 }, both);
            }
        }
        counts
    }
}

/// The genotype's number in VCF's ordering.
pub(super) fn number(a: u8, b: u8) -> usize {
    let (j, k) = (usize::from(a.min(b)), usize::from(a.max(b)));
    k * (k + 1) / 2 + j
}

#[cfg(test)]
mod tests {
    use super::super::genome::Place;
    use super::*;

    fn site(frequency: f64, contig: usize) -> Site {
        Site {
            place: Place { contig, pos: 5_000_000 },
            reference: b"A".to_vec(),
            alts: vec![b"C".to_vec()],
            frequencies: vec![(frequency * 4294967296.0) as u32],
            end: None,
        }
    }

    #[test]
    fn founders_are_in_hardy_weinberg_proportions() {
        let mut people = vec![Genotype::None; 40_000];
        draw(&mut Random::new(3, *b"tests..."), &site(0.3, 0), Kinship::Unrelated, &mut people);
        let counts = Counts::of(&people);
        let share = |g: usize| counts.genotypes[g] as f64 / counts.samples as f64;
        assert!((share(0) - 0.49).abs() < 0.01 && (share(1) - 0.42).abs() < 0.01 && (share(2) - 0.09).abs() < 0.01);
        let missing = 40_000 - counts.samples;
        assert!((300..500).contains(&missing), "{missing}");
    }

    #[test]
    fn a_child_has_what_its_parents_have_but_for_a_few_new_mutations() {
        let mut random = Random::new(4, *b"tests...");
        let (mut complete, mut new) = (0, 0);
        for i in 0..100_000 {
            let mut people = [Genotype::None; 3];
            draw(&mut random, &site(0.2, [0, 22, 23, 24][i % 4]), Kinship::Trio, &mut people);
            let has = |g: Genotype, x| matches!(g, Genotype::Diploid(a, b) if a == x || b == x) || g == Genotype::Haploid(x);
            let [father, mother, child] = people;
            if people.iter().any(|g| matches!(g, Genotype::Missing(_))) {
                continue;
            }
            complete += 1;
            let explained = match (i % 4, child) {
                (0, Genotype::Diploid(a, b)) => has(father, a) && has(mother, b) || has(father, b) && has(mother, a),
                (1 | 3, Genotype::Haploid(a)) => has(mother, a),
                (2, Genotype::Haploid(a)) => has(father, a) && mother == Genotype::None,
                _ => panic!("{child:?} at {i}"),
            };
            new += u32::from(!explained);
        }
        assert!(complete > 90_000 && (5..30).contains(&new), "{complete} {new}");
    }

    #[test]
    fn somebody_always_carries_the_variant() {
        let mut random = Random::new(5, *b"tests...");
        for _ in 0..1000 {
            let mut people = [Genotype::None; 2];
            draw(&mut random, &site(0.000_01, 0), Kinship::Unrelated, &mut people);
            let called = people.iter().all(|g| matches!(g, Genotype::Diploid(..)));
            assert!(!called || Counts::of(&people).alts[0] > 0);
        }
    }
}
