//! One site: its alleles and how frequent each alternate is in the population.
//! It must not know INFO keys, samples or the file.

use super::genome::Place;
use super::random::Random;

/// Most alternate alleles a site has.
pub(super) const MAX_ALTS: usize = 4;
/// Per million sites: no ALT, a symbolic deletion, several ALTs, an indel. The rest are single-nucleotide variants.
const MONOMORPHIC: u32 = 1_000;
const SYMBOLIC: u32 = 1_000;
const MULTIALLELIC: u32 = 50_000;
const INDEL: u32 = 120_000;

/// Alleles at a place.
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) reference: Vec<u8>,
    pub(super) alts: Vec<Vec<u8>>,
    /// Population frequency of each alternate, in units of 2^-32.
    pub(super) frequencies: Vec<u32>,
    /// Last base of a symbolic allele, 1-based.
    pub(super) end: Option<u32>,
}

impl Site {
    /// Draws the site at `place`. `octaves` bounds the rarest frequency: 2^-octaves.
    pub(super) fn draw(random: &mut Random, place: Place, octaves: u32) -> Self {
        let mut site = Site { place, reference: vec![place.base(0)], alts: Vec::new(), frequencies: Vec::new(), end: None };
        let kind = random.below(1_000_000);
        if kind < MONOMORPHIC {
        } else if kind < MONOMORPHIC + SYMBOLIC {
            site.alts.push(b"<DEL>".to_vec());
            site.end = Some(place.pos + 50 + random.below(40));
        } else if kind < MONOMORPHIC + SYMBOLIC + MULTIALLELIC {
            site.several(random);
        } else if kind < MONOMORPHIC + SYMBOLIC + MULTIALLELIC + INDEL {
            site.indel(random);
        } else {
            site.alts.push(vec![substitute(place.base(0), 1 + random.below(3))]);
        }
        for i in 0..site.alts.len() as u32 {
            // The first may be the major allele (three quarters at most); further ones share less than a quarter.
            site.frequencies.push(frequency(random, octaves) >> if i == 0 { 0 } else { i + 2 });
        }
        site
    }

    fn indel(&mut self, random: &mut Random) {
        let length = indel_length(random);
        if random.bits() & 1 == 0 {
            let anchor = self.reference.clone();
            self.lengthen(length);
            self.alts.push(anchor);
        } else {
            self.alts.push(self.with_insertion(random, length));
        }
    }

    /// Two to four alternates: either other bases, or a mix of lengths around one reference stretch.
    fn several(&mut self, random: &mut Random) {
        let count = match random.below(100) {
            0..75 => 2,
            75..93 => 3,
            _ => MAX_ALTS as u32,
        };
        let turn = random.below(4);
        if count < 4 && random.chance(600_000) {
            let base = self.place.base(0);
            self.alts.extend((0..count).map(|i| vec![substitute(base, 1 + (turn + i) % 3)]));
            return;
        }
        let anchor = self.reference.clone();
        self.lengthen(indel_length(random).min(12));
        for i in 0..count {
            let alt = match (turn + i) % 4 {
                0 => anchor.clone(),
                1 => {
                    let length = indel_length(random).min(12);
                    self.with_insertion(random, length)
                }
                2 => {
                    let mut other = self.reference.clone();
                    other[0] = substitute(other[0], 1 + turn % 3); // the reference is never empty
                    other
                }
                // An allele missing because of an overlapping deletion (VCF 4.3, section 1.6.1).
                _ => b"*".to_vec(),
            };
            self.alts.push(alt);
        }
    }

    fn lengthen(&mut self, by: u32) {
        self.reference.extend((1..=by).map(|offset| self.place.base(offset)));
    }

    fn with_insertion(&self, random: &mut Random, length: u32) -> Vec<u8> {
        let mut alt = self.reference.clone();
        alt.extend((0..length).map(|_| b"ACGT"[(random.bits() >> 30) as usize])); // two bits
        alt
    }

    /// `SNP`, `INDEL`, `SV` or `OTHER`: the kind of an alternate in the words of 1000 Genomes' VT key.
    pub(super) fn class(&self, alt: &[u8]) -> &'static str {
        match alt {
            b"*" => "OTHER",
            [b'<', ..] => "SV",
            _ if alt.len() != self.reference.len() => "INDEL",
            _ => "SNP",
        }
    }
}

/// A frequency up to one half, log-uniform inside an octave and leaning to the rare side, as site-frequency spectra do (the larger of
/// two exponents); three in a hundred are the major allele.
fn frequency(random: &mut Random, octaves: u32) -> u32 {
    let octaves = octaves.clamp(2, 30);
    let exponent = random.below(octaves - 1).max(random.below(octaves - 1));
    let minor = (0x8000_0000 | (random.bits() >> 1)) >> (exponent + 1);
    if exponent == 0 && random.chance(500_000) { u32::MAX - minor } else { minor }
}

/// Geometric-like: half are 1, a quarter 2, …, with a tail up to 30 bases.
fn indel_length(random: &mut Random) -> u32 {
    let length = 1 + random.bits().trailing_zeros().min(7);
    if length == 8 { length + random.below(23) } else { length }
}

/// Another base: 1, 2 or 3 steps further in ACGT.
pub(super) fn substitute(base: u8, steps: u32) -> u8 {
    let at = match base {
        b'A' => 0,
        b'C' => 1,
        b'G' => 2,
        _ => 3,
    };
    b"ACGT"[(at + steps as usize) % 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(n: u32) -> Vec<Site> {
        let mut random = Random::new(7, *b"sites...");
        (0..n).map(|i| Site::draw(&mut random, Place { contig: 0, pos: 20_000 + i * 100 }, 17)).collect()
    }

    #[test]
    fn alleles_of_a_site_differ_from_each_other_and_from_the_reference() {
        for site in sites(50_000) {
            let mut all = site.alts.clone();
            all.push(site.reference.clone());
            all.sort();
            all.dedup();
            assert_eq!(all.len(), site.alts.len() + 1, "{:?}", site.alts);
        }
    }

    #[test]
    fn shares_are_as_stated() {
        let sites = sites(100_000);
        let per_cent = |test: &dyn Fn(&Site) -> bool| sites.iter().filter(|s| test(s)).count() as f64 / 1000.0;
        assert!((4.5..5.5).contains(&per_cent(&|s| s.alts.len() > 1)));
        assert!(
            (11.5..12.5).contains(&per_cent(&|s| s.alts.len() == 1 && s.alts[0].len() != s.reference.len() && s.end.is_none()))
        );
        assert!(sites.iter().any(|s| s.alts.len() == MAX_ALTS) && sites.iter().any(|s| s.alts.is_empty()));
        // Most variants are rare, and some are common.
        let below = |f: f64| per_cent(&|s| s.frequencies.first().is_some_and(|&q| f64::from(q) / 4294967296.0 < f));
        assert!(below(0.001) > 50.0 && below(0.05) < 98.0, "{} {}", below(0.001), below(0.05));
        assert!(sites.iter().all(|s| s.frequencies.iter().map(|&f| u64::from(f)).sum::<u64>() < 1 << 32));
    }
}
