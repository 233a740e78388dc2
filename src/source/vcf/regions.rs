//! Regions: what they are written like and whether a position lies in one. It must not know files or indexes.

use std::collections::{HashMap, HashSet};

use super::hash::KeyMap;
use crate::error::{Error, Result};
use crate::text;

/// Which records lie in a region, as bcftools' `--regions-overlap` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// Those whose POS does: 0.
    Pos,
    /// Those of which a base of REF, or a position up to END, does: 1.
    #[default]
    Record,
    /// Those of which a base does that an ALT changes: 2.
    Variant,
}

/// Regions by contig. Empty: everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    /// Ranges of positions, both ends included: sorted, none overlaps another.
    by_contig: Option<KeyMap<Vec<(i64, i64)>>>,
    overlap: Overlap,
    asked: usize,
}

impl Regions {
    /// Reads `texts` against the contigs that headers name.
    pub(crate) fn parse(texts: &[String], overlap: Overlap, contigs: &HashSet<&str>) -> Result<Self> {
        if texts.is_empty() {
            return Ok(Self::default());
        }
        let is_contig = |text: &str| contigs.contains(text);
        let mut found: HashMap<&str, Vec<(i64, i64)>> = HashMap::new();
        let mut asked = 0;
        for (i, text) in texts.iter().enumerate() {
            let text = text.trim();
            for region in if is_contig(text) { vec![text] } else { split(text, is_contig) } {
                let (contig, range) = read(region, contigs).ok_or_else(|| {
                    Error::usage(format!("region {} is not `CONTIG`, `CONTIG:BEGIN-END` or `CONTIG:BEGIN-`", i + 1))
                })?;
                found.entry(contig).or_default().push(range);
                asked += 1;
            }
        }
        let mut by_contig = KeyMap::default();
        for (contig, mut ranges) in found {
            ranges.sort_unstable();
            ranges.dedup_by(|next, kept| {
                let overlaps = next.0 <= kept.1;
                if overlaps {
                    kept.1 = kept.1.max(next.1);
                }
                overlaps
            });
            by_contig.insert(contig.as_bytes().into(), ranges);
        }
        Ok(Self { by_contig: Some(by_contig), overlap, asked })
    }

    /// False only when a record of the contig that begins at `pos` lies in no region wherever it ends.
    #[inline]
    pub(crate) fn may_take(&self, contig: &[u8], pos: i64) -> bool {
        let Some(by_contig) = &self.by_contig else { return true };
        let Some(ranges) = by_contig.get(contig) else { return false };
        match self.overlap {
            Overlap::Pos => within(ranges, pos, pos),
            Overlap::Record | Overlap::Variant => ranges.last().is_some_and(|(_, last)| pos <= *last),
        }
    }

    /// Does a record of the contig that begins at `pos` lie in a region? `extent`: the first and the last position that count.
    #[inline]
    pub(crate) fn takes(&self, contig: &[u8], pos: i64, extent: impl FnOnce(Overlap) -> (i64, i64)) -> bool {
        let Some(by_contig) = &self.by_contig else { return true };
        let Some(ranges) = by_contig.get(contig) else { return false };
        let reaches = || {
            let (begin, end) = extent(self.overlap);
            within(ranges, begin, end)
        };
        let begins = ranges.last().is_some_and(|(_, last)| pos <= *last);
        match self.overlap {
            Overlap::Pos => within(ranges, pos, pos),
            Overlap::Record => begins && (within(ranges, pos, pos) || reaches()),
            Overlap::Variant => begins && reaches(),
        }
    }

    /// The ranges asked of a contig, both ends included: sorted, none overlaps another. Empty when none is.
    pub(crate) fn of(&self, contig: &[u8]) -> &[(i64, i64)] {
        self.by_contig.as_ref().and_then(|by_contig| by_contig.get(contig)).map_or(&[], Vec::as_slice)
    }

    /// The contigs that regions name.
    pub(crate) fn contigs(&self) -> impl Iterator<Item = &[u8]> {
        self.by_contig.iter().flat_map(|by_contig| by_contig.keys().map(|name| &**name))
    }

    pub(crate) fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// How many regions were asked for.
    pub(crate) fn count(&self) -> usize {
        self.asked
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.by_contig.is_none()
    }
}

/// Does `begin ..= end` share a position with a range? `end` may be one before `begin` (a record without ALT of which no base
/// changes): then a range must hold both, as in bcftools.
#[inline]
fn within(ranges: &[(i64, i64)], begin: i64, end: i64) -> bool {
    let after = ranges.partition_point(|(_, last)| *last < begin);
    ranges.get(after).is_some_and(|(first, _)| *first <= end)
}

/// The regions that a text names, commas between. A comma within a position (`1:1,000-2,000`) is a thousands separator, unless what
/// follows it is a contig. A name in braces may hold anything.
pub(crate) fn split(text: &str, is_contig: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut regions, mut begin, mut open) = (Vec::new(), 0, false);
    let part_of = |at: usize| text.get(at..).unwrap_or_default();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open = true,
            b'}' => open = false,
            b',' if !open => {
                let before = text.get(begin..at).unwrap_or_default();
                let behind = part_of(at + 1).split(',').next().unwrap_or_default();
                if !(ends_in_digits(before) && begins_a_group(behind) && !is_contig(behind)) {
                    regions.push(before);
                    begin = at + 1;
                }
            }
            _ => {}
        }
    }
    regions.push(part_of(begin));
    regions
}

/// Do the digits of a position end here that a group of three may follow?
fn ends_in_digits(text: &str) -> bool {
    let Some((_, range)) = text.rsplit_once(':') else { return false };
    let last = range.rsplit(['-', ',']).next().unwrap_or_default();
    let grouped = range.len() > last.len() && range.as_bytes().get(range.len() - last.len() - 1) == Some(&b',');
    last.bytes().all(|byte| byte.is_ascii_digit()) && if grouped { last.len() == 3 } else { (1..=3).contains(&last.len()) }
}

/// Three digits, then nothing or the range's dash.
fn begins_a_group(text: &str) -> bool {
    let (group, rest) = text.split_at_checked(3).unwrap_or((text, ""));
    group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()) && (rest.is_empty() || rest.starts_with('-'))
}

/// The contig that was probably meant: the same name with or without `chr`, `M` for `MT`, else the nearest.
pub(crate) fn meant<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let bare = |name: &str| {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("chr").unwrap_or(&name);
        if name == "m" { "mt".to_owned() } else { name.to_owned() }
    };
    let same = known.iter().copied().find(|name| bare(name) == bare(wanted));
    same.or_else(|| text::nearest(wanted, known.iter().copied()))
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

    fn regions(texts: &[&str], contigs: &[&str]) -> Result<Regions> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Regions::parse(&texts, Overlap::Pos, &contigs.iter().copied().collect())
    }

    fn contains(regions: &Regions, contig: &str, pos: i64) -> bool {
        regions.takes(contig.as_bytes(), pos, |_| (pos, pos))
    }

    #[test]
    fn ranges_include_both_ends() {
        let regions = regions(&["chr1:1,000-2000", "chr2", "chr3:5-", "chr4:7"], &[]).unwrap();
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
            assert_eq!(contains(&regions, contig, pos), inside, "{contig}:{pos}");
        }
        assert!(contains(&Regions::default(), "any", 1));
    }

    #[test]
    fn overlapping_ranges_become_one() {
        let regions = regions(&["1:30-40", "1:5-10", "1:8-20", "1:21", "1:6-7", "2:9-", "2:100", "2"], &[]).unwrap();
        assert_eq!(regions.of(b"1"), [(5, 20), (21, 21), (30, 40)]);
        assert_eq!(regions.of(b"2"), [(0, i64::MAX)]);
        assert!(regions.of(b"3").is_empty());
        assert_eq!(regions.count(), 8);
        let inside: Vec<i64> = (0..50).filter(|pos| contains(&regions, "1", *pos)).collect();
        assert_eq!(inside, (5..=21).chain(30..=40).collect::<Vec<_>>());
    }

    /// Every extent against every position of it.
    #[test]
    fn a_record_lies_in_a_region_when_a_position_of_it_does() {
        let ranges = [(3, 4), (5, 5), (9, 12), (20, i64::MAX)];
        for begin in 0..25 {
            for end in begin..30 {
                let naive = (begin..=end).any(|at| ranges.iter().any(|(first, last)| (*first..=*last).contains(&at)));
                assert_eq!(within(&ranges, begin, end), naive, "{begin}-{end}");
            }
        }
        // Of a record without ALT no base changes: it lies between two positions, and a range must hold both.
        assert_eq!(
            [4, 5, 6, 9, 10, 12, 13].map(|begin| within(&ranges, begin, begin - 1)),
            [true, false, false, false, true, true, false]
        );
    }

    #[test]
    fn commas_part_regions_and_thousands() {
        let none = |_: &str| false;
        for (text, parts) in [
            ("chr1,chrX:1-10", &["chr1", "chrX:1-10"][..]),
            ("1:1,000-2,000,000", &["1:1,000-2,000,000"]),
            ("1:1,000-2,000,2,3:-5,000", &["1:1,000-2,000", "2", "3:-5,000"]),
            ("2,1:1,500-,22", &["2", "1:1,500-", "22"]),
            ("1:1000,200", &["1:1000", "200"]),
            ("1:1,00", &["1:1", "00"]),
            ("1:1,0000", &["1:1", "0000"]),
            ("1,200", &["1", "200"]),
            ("{a,b:1,000}:1,000-2,000,c", &["{a,b:1,000}:1,000-2,000", "c"]),
            ("HLA-A*01:01,1:5", &["HLA-A*01:01", "1:5"]),
        ] {
            assert_eq!(split(text, none), parts, "{text}");
        }
        // What is a contig is none of a position, as in bcftools.
        assert_eq!(split("1:100,200", none), ["1:100,200"]);
        assert_eq!(split("1:100,200", |text| text == "200"), ["1:100", "200"]);
        let found = regions(&["1:1,000-2,000,000,2"], &["1", "2"]).unwrap();
        assert_eq!((found.of(b"1"), found.of(b"2").len(), found.count()), (&[(1000, 2_000_000)][..], 1, 2));
    }

    #[test]
    fn a_whole_name_in_the_header_comes_first() {
        let found = regions(&["HLA:01:10-20", "HLA:01:1-2", "chrQ"], &["HLA:01:10-20", "HLA:01"]).unwrap();
        assert!(contains(&found, "HLA:01:10-20", 99));
        assert!(contains(&found, "HLA:01", 2) && !contains(&found, "HLA:01", 3));
        let found = regions(&["{HLA:01}:1-2", "{HLA:01:10-20}", "{HLA:02}"], &["HLA:01:10-20", "HLA:01"]).unwrap();
        assert_eq!((found.of(b"HLA:01"), found.of(b"HLA:02").len()), (&[(1, 2)][..], 1));
        assert!(contains(&found, "HLA:01:10-20", 99));
        assert_eq!(found.contigs().count(), 3);
    }

    #[test]
    fn the_contig_that_was_meant() {
        let bare = ["1", "2", "22", "X", "MT", "HLA-A*01:01"];
        let with = ["chr1", "chr2", "chr22", "chrX", "chrM"];
        for (wanted, known, found) in [
            ("chr22", &bare[..], "22"),
            ("22", &with, "chr22"),
            ("chrM", &bare, "MT"),
            ("MT", &with, "chrM"),
            ("Chr2", &with, "chr2"),
            ("HLA-A*01:02", &bare, "HLA-A*01:01"),
        ] {
            assert_eq!(meant(wanted, known), Some(found), "{wanted}");
        }
        assert_eq!(meant("scaffold_77", &bare), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["chr1:2000-1000", "chr1:a-b", ":1-2", "{}:1", "{a}1", "{a}:x", "{a}:"] {
            assert!(regions(&[text], &[]).is_err(), "{text}");
        }
    }
}
