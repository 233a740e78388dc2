//! Which values of a list belong to a row's allele. It must not know Arrow.

use super::shape::Per;

/// The rows a batch becomes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The source row of each row.
    pub source: Vec<u32>,
    /// The ALT of each row, from 1; 0 when the record has none.
    pub alt: Vec<u32>,
    /// How many ALTs the row's record has.
    pub alts: Vec<u32>,
}

/// What to take of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Picked {
    /// The whole list.
    Whole,
    /// The value at this position.
    One(u32),
    /// The values at these positions.
    At(Vec<u32>),
    /// The list does not have the declared number of values.
    Unfit,
}

/// Picks for one row, remembered by list length: the calls of a record nearly always agree in it.
pub(super) struct Picker {
    per: Per,
    alt: u32,
    alts: u32,
    last: Option<(usize, u32, Picked)>,
}

impl Picker {
    pub(super) fn new(per: Per, alt: u32, alts: u32) -> Self {
        Self { per, alt, alts, last: None }
    }

    /// Positions for a list of `len` values. `only_missing`: the list is a single `.`. `ploidy` is that of the call's
    /// genotype, 0 when unknown, 2 for INFO.
    pub(super) fn pick(&mut self, len: usize, only_missing: bool, ploidy: u32) -> &Picked {
        let len = if only_missing { 0 } else { len };
        if !matches!(&self.last, Some((l, p, _)) if *l == len && *p == ploidy) {
            self.last = Some((len, ploidy, self.fresh(len, ploidy)));
        }
        self.last.as_ref().map_or(&Picked::Unfit, |(_, _, picked)| picked)
    }

    fn fresh(&self, len: usize, ploidy: u32) -> Picked {
        match self.per {
            _ if len == 0 => Picked::Whole,
            Per::Alt if self.alts <= 1 && len == 1 => Picked::One(0),
            Per::Alt if len as u64 == u64::from(self.alts) => Picked::One(self.alt - 1),
            Per::Alt => Picked::Unfit,
            _ if self.alts <= 1 => Picked::Whole,
            Per::Allele if len as u64 == u64::from(self.alts) + 1 => Picked::At(vec![0, self.alt]),
            Per::Allele => Picked::Unfit,
            Per::Genotype => match ploidy_of(len, self.alts + 1) {
                // A call with more alleles than its likelihoods are for: the list was cut short.
                Some(found) if found >= ploidy => Picked::At(genotypes(self.alt, found)),
                _ => Picked::Unfit,
            },
        }
    }

    /// Whether an unfit list can stay whole without being taken for a divided one.
    pub(super) fn cannot_be_mistaken(&self, len: usize) -> bool {
        match self.per {
            Per::Alt => false,
            Per::Allele => len != 2,
            Per::Genotype => len > 3,
        }
    }
}

/// Number of genotypes of `ploidy` alleles drawn from `alleles`: C(alleles + ploidy - 1, ploidy).
fn genotype_count(alleles: u32, ploidy: u32) -> u64 {
    choose(u64::from(alleles) + u64::from(ploidy) - 1, u64::from(ploidy))
}

fn choose(n: u64, k: u64) -> u64 {
    let mut result = 1u64;
    for i in 0..k.min(n - k.min(n)) {
        result = result.saturating_mul(n - i) / (i + 1);
    }
    if k > n { 0 } else { result }
}

/// The ploidy for which a list of `len` values is complete. With two alleles or more the count grows with the ploidy, so
/// there is at most one.
fn ploidy_of(len: usize, alleles: u32) -> Option<u32> {
    let len = len as u64;
    (1..=64)
        .map(|ploidy| (ploidy, genotype_count(alleles, ploidy)))
        .take_while(|(_, count)| *count <= len)
        .find(|(_, count)| *count == len)
        .map(|(ploidy, _)| ploidy)
}

/// Positions of the genotypes made of REF and `alt` only, by rising number of `alt` (VCF 4.5 section 1.6.2: the genotype
/// k1 <= … <= kP stands at the sum of C(k_m + m - 1, m)).
fn genotypes(alt: u32, ploidy: u32) -> Vec<u32> {
    let carried = |copies: u32| {
        (ploidy - copies + 1..=ploidy).map(|m| choose(u64::from(alt) + u64::from(m) - 1, u64::from(m))).sum::<u64>()
    };
    (0..=ploidy).map(|copies| u32::try_from(carried(copies)).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every genotype of the ploidy in the specification's order, by its recursive definition.
    fn ordered(ploidy: u32, alleles: u32) -> Vec<Vec<u32>> {
        if ploidy == 0 {
            return vec![vec![]];
        }
        let mut all = Vec::new();
        for last in 0..alleles {
            for mut genotype in ordered(ploidy - 1, last + 1) {
                genotype.push(last);
                all.push(genotype);
            }
        }
        all
    }

    #[test]
    fn genotypes_stand_where_the_specifications_recursion_puts_them() {
        for ploidy in 1..=5 {
            for alleles in 2..=5 {
                let all = ordered(ploidy, alleles);
                assert_eq!(all.len() as u64, genotype_count(alleles, ploidy));
                assert_eq!(ploidy_of(all.len(), alleles), Some(ploidy));
                for alt in 1..alleles {
                    let wanted: Vec<u32> =
                        (0u32..).zip(&all).filter(|(_, g)| g.iter().all(|a| [0, alt].contains(a))).map(|(i, _)| i).collect();
                    assert_eq!(genotypes(alt, ploidy), wanted, "ploidy {ploidy}, {alleles} alleles, alt {alt}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_number_of_values_fits_nothing() {
        assert_eq!(Picker::new(Per::Alt, 2, 3).pick(2, false, 0), &Picked::Unfit);
        assert_eq!(Picker::new(Per::Alt, 1, 1).pick(2, false, 0), &Picked::Unfit);
        assert_eq!(Picker::new(Per::Allele, 1, 2).pick(2, false, 0), &Picked::Unfit);
        assert_eq!(Picker::new(Per::Genotype, 1, 2).pick(5, false, 0), &Picked::Unfit);
        assert_eq!(Picker::new(Per::Genotype, 1, 2).pick(3, false, 2), &Picked::Unfit);
        assert_eq!(Picker::new(Per::Genotype, 2, 2).pick(3, false, 1), &Picked::At(vec![0, 2]));
        assert_eq!(Picker::new(Per::Genotype, 2, 2).pick(6, false, 1), &Picked::At(vec![0, 3, 5]));
        assert_eq!(Picker::new(Per::Genotype, 2, 2).pick(1, true, 2), &Picked::Whole);
    }
}
