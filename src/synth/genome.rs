//! Where records lie: the contigs of GRCh38 and sorted positions on them, and the bases of an invented reference.
//! It must not know alleles or samples.

use super::random::{Random, mix};

/// A contig: its name, its length in bases (GRCh38), and its share of the records relative to the others.
pub(super) struct Contig {
    pub(super) name: &'static str,
    pub(super) length: u32,
    weight: u32,
}

const fn contig(name: &'static str, length: u32) -> Contig {
    Contig { name, length, weight: length }
}

/// The primary contigs of GRCh38, in their usual order. Records are shared out by length; the mitochondrion gets more than its own.
pub(super) const CONTIGS: [Contig; 25] = [
    contig("chr1", 248_956_422),
    contig("chr2", 242_193_529),
    contig("chr3", 198_295_559),
    contig("chr4", 190_214_555),
    contig("chr5", 181_538_259),
    contig("chr6", 170_805_979),
    contig("chr7", 159_345_973),
    contig("chr8", 145_138_636),
    contig("chr9", 138_394_717),
    contig("chr10", 133_797_422),
    contig("chr11", 135_086_622),
    contig("chr12", 133_275_309),
    contig("chr13", 114_364_328),
    contig("chr14", 107_043_718),
    contig("chr15", 101_991_189),
    contig("chr16", 90_338_345),
    contig("chr17", 83_257_441),
    contig("chr18", 80_373_285),
    contig("chr19", 58_617_616),
    contig("chr20", 64_444_167),
    contig("chr21", 46_709_983),
    contig("chr22", 50_818_468),
    contig("chrX", 156_040_895),
    contig("chrY", 57_227_415),
    Contig { name: "chrM", length: 16_569, weight: 3_000_000 },
];
const X: usize = 22;
const Y: usize = 23;
const M: usize = 24;

/// A place on the genome: index into [`CONTIGS`] and 1-based position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) contig: usize,
    pub(super) pos: u32,
}

impl Place {
    /// How many copies a person has here. Pseudoautosomal regions of X as in GRCh38.
    pub(super) fn ploidy(self, male: bool) -> u8 {
        let shared = matches!(self.pos, 10_001..=2_781_479 | 155_701_383..=156_030_895);
        match (self.contig, male) {
            (X, true) => 1 + u8::from(shared),
            (Y, _) => u8::from(male),
            (M, _) => 1,
            _ => 2,
        }
    }

    /// Do children have this place from their mother alone?
    pub(super) fn maternal(self) -> bool {
        self.contig == M
    }

    /// Is this a place where father and mother both hand down a copy whatever the child's sex?
    pub(super) fn autosomal(self) -> bool {
        self.contig < X
    }

    /// The contig's name.
    pub(super) fn name(self) -> &'static str {
        CONTIGS[self.contig].name // `contig` counts the entries of CONTIGS
    }

    /// The reference base `offset` bases further on: a fixed function of the place, so that overlapping records agree.
    pub(super) fn base(self, offset: u32) -> u8 {
        let at = ((self.contig as u64) << 32) | (u64::from(self.pos) + u64::from(offset));
        // Two bits choose one of four.
        b"ACGT"[(mix(at) & 3) as usize]
    }
}

/// Sorted places of `records` records: contigs by length, and on each one record in every equal stretch.
pub(super) struct Places {
    records: u64,
    contig: usize,
    /// Weights of the contigs before the current one.
    weight_before: u64,
    index: u64,
    count: u64,
}

impl Places {
    pub(super) fn new(records: u64) -> Self {
        let mut places = Self { records, contig: 0, weight_before: 0, index: 0, count: 0 };
        places.count = places.share();
        places
    }

    /// Records on the current contig. Shares are differences of cumulated ones, so they add up to `records`.
    fn share(&self) -> u64 {
        let total: u64 = CONTIGS.iter().map(|c| u64::from(c.weight)).sum();
        let upto = |weight: u64| (u128::from(self.records) * u128::from(weight) / u128::from(total)) as u64;
        let weight = CONTIGS.get(self.contig).map_or(0, |c| u64::from(c.weight));
        upto(self.weight_before + weight) - upto(self.weight_before)
    }

    pub(super) fn next(&mut self, random: &mut Random) -> Option<Place> {
        while self.index == self.count {
            self.weight_before += u64::from(CONTIGS.get(self.contig)?.weight);
            self.contig += 1;
            self.index = 0;
            self.count = self.share();
        }
        let length = CONTIGS.get(self.contig)?.length;
        // Telomeres are unsequenced; the margin at the end also holds the longest deletion.
        let margin = if self.contig == M { 100 } else { 10_000 };
        let span = u64::from(length - 2 * margin);
        let edge = |i: u64| (u128::from(span) * u128::from(i) / u128::from(self.count)) as u32;
        let (from, to) = (edge(self.index), edge(self.index + 1));
        self.index += 1;
        Some(Place { contig: self.contig, pos: margin + 1 + from + random.below(to - from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_sorted_inside_their_contig_and_as_many_as_asked() {
        for records in [0, 1, 7, 1000, 20_000] {
            let mut random = Random::new(1, *b"places..");
            let mut places = Places::new(records);
            let (mut last, mut n) = ((0, 0), 0);
            while let Some(place) = places.next(&mut random) {
                assert!((place.contig, place.pos) >= last && place.pos <= CONTIGS[place.contig].length);
                last = (place.contig, place.pos);
                n += 1;
            }
            assert_eq!(n, records);
        }
    }

    #[test]
    fn sex_decides_the_copies_of_x_and_y() {
        let at = |contig, pos| Place { contig, pos };
        assert_eq!([at(X, 5_000_000).ploidy(true), at(X, 5_000_000).ploidy(false), at(X, 20_000).ploidy(true)], [1, 2, 2]);
        assert_eq!([at(Y, 5_000_000).ploidy(true), at(Y, 5_000_000).ploidy(false), at(0, 20_000).ploidy(true)], [1, 0, 2]);
    }
}
