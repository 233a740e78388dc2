//! The figures of a load, and what is computed from counts alone. It must not know where counts come from.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

/// Below this many heterozygous and homozygous SNPs of X nothing is said about a sample's copies of it.
const ENOUGH_ON_X: u64 = 20;

/// What a load looks like.
#[derive(Clone, Debug, Serialize)]
pub struct Qc {
    pub load_id: Uuid,
    pub name: String,
    pub assembly: String,
    pub stored_calls: StoredCalls,
    /// Rows of `variants`, and those of several ALTs.
    pub rows: u64,
    pub multiallelic: u64,
    /// ALT alleles by kind.
    pub kinds: BTreeMap<String, u64>,
    pub transitions: u64,
    pub transversions: u64,
    pub ts_tv: Option<f64>,
    /// ALT alleles that were called once, by kind. None where no genotypes are stored.
    pub singletons: Option<BTreeMap<String, u64>>,
    /// SNPs by change, such as `A>C`.
    pub substitutions: BTreeMap<String, u64>,
    pub contigs: Vec<Contig>,
    /// Rows by QUAL.
    pub quality: Histogram,
    /// Stored calls by DP.
    pub depth: Histogram,
    /// ALT alleles by their frequency among called alleles, in twentieths.
    pub frequency: Histogram,
    /// Rows by the share of samples whose call is missing: none, then in twentieths.
    pub missing: Histogram,
    pub samples: Vec<Sample>,
    /// What must be known to read the figures.
    pub notes: Vec<String>,
}

/// Which calls of the load are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredCalls {
    All,
    /// Those that are not stored are homozygous (or haploid) for REF.
    Carriers,
    /// Nothing is known of genotypes.
    None,
}

/// ALT alleles of a contig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contig {
    pub contig: String,
    pub alleles: u64,
    pub snps: u64,
    pub indels: u64,
    pub others: u64,
}

/// Counts by equal bins from `from` on; the last one holds what is beyond, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    pub from: f64,
    pub width: f64,
    pub counts: Vec<u64>,
    /// What has no value.
    pub none: u64,
}

/// A sample, over all inputs it is in. Calls with a missing allele are missing; haploid ones are neither heterozygous nor homozygous.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub sample_id: String,
    #[serde(flatten)]
    pub counts: Counts,
    /// Missing calls among all.
    pub missing_rate: Option<f64>,
    pub het_hom: Option<f64>,
    pub ts_tv: Option<f64>,
    pub mean_depth: Option<f64>,
    pub x: X,
}

/// What a sample's calls are. With `calls: carriers`, `hom_ref` is derived and has the haploid ones in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub calls: u64,
    pub missing: u64,
    pub hom_ref: u64,
    pub het: u64,
    pub hom_alt: u64,
    pub haploid_ref: u64,
    pub haploid_alt: u64,
    pub het_snps: u64,
    pub hom_alt_snps: u64,
    /// Calls with an insertion or deletion.
    pub indels: u64,
    pub transitions: u64,
    pub transversions: u64,
    /// Variants that no other sample has.
    pub singletons: u64,
    #[serde(skip)]
    depth: u64,
    #[serde(skip)]
    with_depth: u64,
    #[serde(skip)]
    x: [u64; 3],
}

/// A sample's SNPs on X, outside what Y has too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct X {
    pub het: u64,
    pub hom_alt: u64,
    pub haploid_alt: u64,
    pub copies: Copies,
}

/// How many copies of X the calls look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    One,
    Two,
    Unclear,
    /// Too few calls.
    Unknown,
}

impl Copies {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Unclear => "unclear",
            Self::Unknown => "-",
        }
    }

    fn of([het, hom_alt, haploid_alt]: [u64; 3]) -> Self {
        let diploid = het + hom_alt;
        match het as f64 / diploid.max(1) as f64 {
            _ if diploid + haploid_alt < ENOUGH_ON_X => Self::Unknown,
            _ if haploid_alt > diploid => Self::One,
            share if share < 0.15 => Self::One,
            share if share > 0.35 => Self::Two,
            _ => Self::Unclear,
        }
    }
}

pub fn ratio(of: u64, by: u64) -> Option<f64> {
    (by > 0).then(|| (of as f64 / by as f64 * 10_000.0).round() / 10_000.0)
}

pub fn is_transition(change: &str) -> bool {
    ["A>G", "G>A", "C>T", "T>C"].contains(&change)
}

impl Counts {
    fn fields(&mut self) -> [&mut u64; 18] {
        let [het, hom_alt, haploid_alt] = &mut self.x;
        [
            &mut self.calls,
            &mut self.missing,
            &mut self.hom_ref,
            &mut self.het,
            &mut self.hom_alt,
            &mut self.haploid_ref,
            &mut self.haploid_alt,
            &mut self.het_snps,
            &mut self.hom_alt_snps,
            &mut self.indels,
            &mut self.transitions,
            &mut self.transversions,
            &mut self.singletons,
            &mut self.depth,
            &mut self.with_depth,
            het,
            hom_alt,
            haploid_alt,
        ]
    }

    /// The counts in the order of the fields.
    pub fn of(mut count: impl FnMut(usize) -> u64) -> Self {
        let mut counts = Self::default();
        counts.fields().into_iter().enumerate().for_each(|(at, field)| *field = count(at));
        counts
    }

    /// Adds those of another input.
    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        self.fields().into_iter().zip(other.fields()).for_each(|(to, more)| *to += *more);
    }
}

impl Sample {
    /// What follows from its counts.
    pub fn of(sample: &str, counts: Counts) -> Self {
        let [het, hom_alt, haploid_alt] = counts.x;
        Self {
            sample_id: sample.to_owned(),
            missing_rate: ratio(counts.missing, counts.calls),
            het_hom: ratio(counts.het, counts.hom_alt),
            ts_tv: ratio(counts.transitions, counts.transversions),
            mean_depth: ratio(counts.depth, counts.with_depth),
            x: X { het, hom_alt, haploid_alt, copies: Copies::of(counts.x) },
            counts,
        }
    }
}

impl Histogram {
    /// Up to 25 bins of a round width, which end near the 99th hundredth.
    pub fn of(values: impl Iterator<Item = (Option<i32>, u64)>) -> Self {
        let (mut found, mut none) = (BTreeMap::new(), 0);
        for (value, count) in values {
            match value {
                Some(value) => *found.entry(i64::from(value.max(0))).or_insert(0) += count,
                None => none += count,
            }
        }
        let total: u64 = found.values().sum();
        let mut left = total / 100;
        let most = found.iter().rev().find(|(_, count)| left.checked_sub(**count).map(|rest| left = rest).is_none());
        let most = most.map_or(0, |(value, _)| *value);
        let width = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].into_iter().find(|width| most / width < 25).unwrap_or(1000);
        let bins = usize::try_from(most / width).unwrap_or(0) + 1;
        let mut counts = vec![0; if total > 0 { bins } else { 0 }];
        for (value, count) in found {
            let bin = usize::try_from(value / width).unwrap_or(0).min(bins - 1);
            counts.get_mut(bin).into_iter().for_each(|sum| *sum += count);
        }
        Self { from: 0.0, width: width as f64, counts, none }
    }

    /// Bins of a twentieth, by their number.
    pub fn twentieths(values: impl IntoIterator<Item = (Option<i32>, u64)>, bins: usize) -> Self {
        let (mut counts, mut none) = (vec![0; bins], 0);
        for (bin, count) in values {
            match bin.and_then(|bin| counts.get_mut(usize::try_from(bin).ok()?)) {
                Some(sum) => *sum += count,
                None => none += count,
            }
        }
        Self { from: 0.0, width: 0.05, counts, none }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_end_near_the_99th_hundredth() {
        let values = [(Some(3), 50), (Some(31), 49), (Some(900), 1), (None, 7)];
        let histogram = Histogram::of(values.into_iter());
        assert_eq!((histogram.width, histogram.none, histogram.counts.len()), (2.0, 7, 16));
        assert_eq!((histogram.counts[1], histogram.counts[15], histogram.counts.iter().sum::<u64>()), (50, 50, 100));
        assert_eq!(Histogram::of(std::iter::empty()).counts, [0; 0]);
    }

    #[test]
    fn copies_of_x() {
        for (calls, copies) in [
            ([10, 5, 0], Copies::Unknown),
            ([1, 40, 0], Copies::One),
            ([2, 1, 30], Copies::One),
            ([40, 30, 0], Copies::Two),
            ([10, 30, 0], Copies::Unclear),
        ] {
            assert_eq!(Copies::of(calls), copies, "{calls:?}");
        }
    }
}
