//! Regions: what they are written like and whether a position lies in one. It must not know files or indexes.

use std::collections::{HashMap, HashSet};

use super::hash::KeyMap;
use crate::error::{Error, Result};

/// Regions by contig. Empty: everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    /// Ranges of positions, both ends included: sorted, none touches another.
    by_contig: Option<KeyMap<Vec<(i64, i64)>>>,
    asked: usize,
}

impl Regions {
    /// Reads `texts` against the contigs that headers name. Returns also how many regions name none of those.
    pub(crate) fn parse(texts: &[String], contigs: &HashSet<&str>) -> Result<(Self, usize)> {
        if texts.is_empty() {
            return Ok((Self::default(), 0));
        }
        let mut found: HashMap<&str, Vec<(i64, i64)>> = HashMap::new();
        let mut unknown = 0;
        for (i, text) in texts.iter().enumerate() {
            let text = text.trim();
            let (contig, range) = read(text, contigs).ok_or_else(|| {
                Error::usage(format!("region {} is not `CONTIG`, `CONTIG:BEGIN-END` or `CONTIG:BEGIN-`", i + 1))
            })?;
            if !contigs.is_empty() && !contigs.contains(contig) {
                unknown += 1;
            }
            found.entry(contig).or_default().push(range);
        }
        let mut by_contig = KeyMap::default();
        for (contig, mut ranges) in found {
            ranges.sort_unstable();
            ranges.dedup_by(|next, kept| {
                let touches = next.0 <= kept.1.saturating_add(1);
                if touches {
                    kept.1 = kept.1.max(next.1);
                }
                touches
            });
            by_contig.insert(contig.as_bytes().into(), ranges);
        }
        Ok((Self { by_contig: Some(by_contig), asked: texts.len() }, unknown))
    }

    /// Does the position lie in a region?
    pub(crate) fn contains(&self, contig: &[u8], pos: i64) -> bool {
        let Some(by_contig) = &self.by_contig else { return true };
        by_contig.get(contig).is_some_and(|ranges| {
            let after = ranges.partition_point(|(begin, _)| *begin <= pos);
            after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, end)| pos <= *end)
        })
    }

    /// The ranges asked of a contig, both ends included: sorted, none touches another. Empty when none is.
    pub(crate) fn of(&self, contig: &[u8]) -> &[(i64, i64)] {
        self.by_contig.as_ref().and_then(|by_contig| by_contig.get(contig)).map_or(&[], Vec::as_slice)
    }

    /// How many regions were asked for.
    pub(crate) fn count(&self) -> usize {
        self.asked
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.by_contig.is_none()
    }
}

fn read<'a>(text: &'a str, contigs: &HashSet<&str>) -> Option<(&'a str, (i64, i64))> {
    const ALL: (i64, i64) = (0, i64::MAX);
    if contigs.contains(text) {
        return Some((text, ALL));
    }
    // As htslib has it: a name in braces is a name.
    let quoted = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let (contig, range) = match quoted {
        Some(("", _)) => return None,
        Some((contig, "")) => return Some((contig, ALL)),
        Some((contig, rest)) => (contig, rest.strip_prefix(':')?),
        None => match text.rsplit_once(':') {
            Some((contig, range)) => (contig, range),
            None => return Some((text, ALL)),
        },
    };
    let position = |digits: &str| -> Option<i64> {
        let digits = digits.replace(',', "");
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let range = match range.split_once('-') {
        None => position(range).map(|at| (at, at)),
        Some((begin, "")) => position(begin).map(|begin| (begin, i64::MAX)),
        Some(("", end)) => position(end).map(|end| (0, end)),
        Some((begin, end)) => position(begin).zip(position(end)).filter(|(begin, end)| begin <= end),
    };
    match range {
        Some(range) if !contig.is_empty() => Some((contig, range)),
        // `HLA-A*01:01` of a header without contig lines: a name, not a range. A range written wrongly is an error.
        _ if range.is_none() && !text.contains('-') && quoted.is_none() => Some((text, ALL)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(texts: &[&str], contigs: &[&str]) -> Result<(Regions, usize)> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Regions::parse(&texts, &contigs.iter().copied().collect())
    }

    #[test]
    fn ranges_include_both_ends() {
        let (regions, unknown) = regions(&["chr1:1,000-2000", "chr2", "chr3:5-", "chr4:7"], &[]).unwrap();
        for (contig, pos, inside) in [
            ("chr1", 999, false),
            ("chr1", 1000, true),
            ("chr1", 2000, true),
            ("chr1", 2001, false),
            ("chr2", 1, true),
            ("chr3", 4, false),
            ("chr3", 5, true),
            ("chr4", 7, true),
            ("chr4", 8, false),
            ("chr5", 1, false),
        ] {
            assert_eq!(regions.contains(contig.as_bytes(), pos), inside, "{contig}:{pos}");
        }
        assert_eq!(unknown, 0);
        assert!(Regions::default().contains(b"any", 1));
    }

    #[test]
    fn overlapping_ranges_become_one() {
        let (regions, _) = regions(&["1:30-40", "1:5-10", "1:8-20", "1:21", "1:6-7", "2:9-", "2:100", "2"], &[]).unwrap();
        assert_eq!(regions.of(b"1"), [(5, 21), (30, 40)]);
        assert_eq!(regions.of(b"2"), [(0, i64::MAX)]);
        assert!(regions.of(b"3").is_empty());
        assert_eq!(regions.count(), 8);
        let inside: Vec<i64> = (0..50).filter(|pos| regions.contains(b"1", *pos)).collect();
        assert_eq!(inside, (5..=21).chain(30..=40).collect::<Vec<_>>());
    }

    #[test]
    fn a_whole_name_in_the_header_comes_first() {
        let (found, unknown) = regions(&["HLA:01:10-20", "HLA:01:1-2", "chrQ"], &["HLA:01:10-20", "HLA:01"]).unwrap();
        assert!(found.contains(b"HLA:01:10-20", 99));
        assert!(found.contains(b"HLA:01", 2) && !found.contains(b"HLA:01", 3));
        assert_eq!(unknown, 1);
        let (found, unknown) = regions(&["{HLA:01}:1-2", "{HLA:01:10-20}", "{HLA:02}"], &["HLA:01:10-20", "HLA:01"]).unwrap();
        assert_eq!((found.of(b"HLA:01"), found.of(b"HLA:02").len()), (&[(1, 2)][..], 1));
        assert!(found.contains(b"HLA:01:10-20", 99));
        assert_eq!(unknown, 1);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["chr1:2000-1000", "chr1:a-b", ":1-2", "{}:1", "{a}1", "{a}:x", "{a}:"] {
            assert!(regions(&[text], &[]).is_err(), "{text}");
        }
    }
}
