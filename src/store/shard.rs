//! One of several equal parts of a load's work, for array jobs. It must not know files or databases.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::unit::InputUnits;
use crate::error::{Error, Result};

/// Part `index` (from 0) of `count`. Written from 1: `1/8` to `8/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub index: u32,
    pub count: u32,
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parsed {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Self { index: number - 1, count }),
            _ => Err(Error::usage("a shard is written i/n, with i from 1 to n").with_hint("such as `--shard 3/8`")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl Shard {
    /// The inputs (0-based) that the shard answers for: those it has units of, and of those without units its share.
    pub fn inputs(self, units: &[InputUnits]) -> BTreeSet<u32> {
        let own = self.units(units);
        let has = |cut: &&InputUnits| match cut.count {
            Some(0) => cut.input % self.count == self.index,
            _ => own.iter().any(|range| range.start < cut.first + cut.count.unwrap_or(1) && cut.first < range.end),
        };
        units.iter().filter(has).map(|cut| cut.input).collect()
    }

    /// Ordinals of the shard's units. Follows from the units alone: every unit is in exactly one shard, a shard's units lie
    /// together, and shards differ by one unit at most. An input whose number of units is unknown is read by one shard.
    pub fn units(self, units: &[InputUnits]) -> Vec<Range<u32>> {
        let pieces = |cut: &InputUnits| cut.count.map_or(1, u64::from);
        let total: u64 = units.iter().map(pieces).sum();
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        let own = (index * total).div_ceil(count)..((index + 1) * total).div_ceil(count);
        let mut ranges = Vec::new();
        let mut before = 0;
        for (i, cut) in units.iter().enumerate() {
            let here =
                own.start.clamp(before, before + pieces(cut)) - before..own.end.clamp(before, before + pieces(cut)) - before;
            before += pieces(cut);
            if here.is_empty() {
                continue;
            }
            // Both ends are at most the count of the input, which is 32 bits wide.
            let place = |piece: u64| cut.first.saturating_add(piece as u32);
            ranges.push(match cut.count {
                Some(_) => place(here.start)..place(here.end),
                None => cut.first..units.get(i + 1).map_or(u32::MAX, |next| next.first),
            });
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn written_from_one() {
        assert_eq!(shard("3/8"), Shard { index: 2, count: 8 });
        assert_eq!(shard("3/8").to_string(), "3/8");
        for wrong in ["", "3", "0/8", "9/8", "1/0", "-1/2", "a/b", "1/2/3", "1/"] {
            assert_eq!(wrong.parse::<Shard>().unwrap_err().class(), crate::error::Class::Usage, "{wrong}");
        }
    }

    #[test]
    fn every_unit_is_in_exactly_one_shard() {
        let cut = |input, first, count| InputUnits { input, first, count, index: None, reserved: count.unwrap_or(100) };
        let cohorts = [
            vec![cut(0, 0, Some(1))],
            vec![cut(0, 0, Some(10)), cut(1, 10, Some(0)), cut(2, 10, Some(3))],
            vec![cut(0, 0, None), cut(1, 100, Some(7)), cut(2, 107, None)],
            Vec::new(),
        ];
        for units in &cohorts {
            for count in 1..=20 {
                let shards: Vec<_> = (0..count).map(|index| Shard { index, count }.units(units)).collect();
                for cut in units {
                    let answer = (0..count).filter(|&index| Shard { index, count }.inputs(units).contains(&cut.input)).count();
                    assert!(if cut.count == Some(0) { answer == 1 } else { answer >= 1 }, "{cut:?} in {count} shards");
                    for unit in cut.first..cut.first + cut.count.unwrap_or(50) {
                        let holders = shards.iter().filter(|ranges| ranges.iter().any(|range| range.contains(&unit))).count();
                        assert_eq!(holders, 1, "unit {unit} of {units:?} in {count} shards");
                    }
                }
                if units.iter().all(|cut| cut.count.is_some()) {
                    let sizes: Vec<u32> =
                        shards.iter().map(|ranges| ranges.iter().map(|range| range.end - range.start).sum()).collect();
                    assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
                }
            }
        }
    }
}
