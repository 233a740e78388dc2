//! Exact, word-bounded search for known names (the samples of a run) in one linear pass. It must not know what a name is
//! replaced by.

use aho_corasick::{AhoCorasick, MatchKind};

use super::checks::stands_alone;
use super::found::Match;
use crate::error::{Error, Result};
use crate::text::splice;

/// Known names, found wherever they stand as a word: case counts, `_` separates words.
///
/// The automaton holds the names for as long as it lives; it is never printed.
pub struct Names {
    automaton: AhoCorasick,
    /// Patterns that stand before the names.
    fillers: usize,
    shortest: usize,
}

/// Names that need no filler.
const FEW: usize = 1000;
/// One byte of filler to so many of names.
const FILLER: usize = 16;

impl Names {
    /// An automaton over `names`; matches carry the index into them. `None` when there is nothing to look for.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>> {
        let names: Vec<&str> = names.into_iter().collect();
        let Some(shortest) = names.iter().map(|name| name.len()).min().filter(|&n| n > 0) else { return Ok(None) };
        // The builder moves the states that end a name to the front, each time past those that end none, and then follows every
        // chain of moves to its end: quadratic in the names, unless many states that end none stand first. No text holds NUL.
        let filler = (names.len() > FEW).then(|| "\0".repeat(names.iter().map(|name| name.len()).sum::<usize>() / FILLER));
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(filler.iter().map(String::as_str).chain(names))
            .map_err(|_| Error::failed("there are too many sample names to search for"))?;
        Ok(Some(Self { automaton, fillers: usize::from(filler.is_some()), shortest }))
    }

    /// May `bytes` (one value, or many in a row) hold a name? Never a wrong no.
    pub fn may_hold(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.shortest && self.automaton.is_match(bytes)
    }

    /// Every name in `text`, leftmost and longest first, without overlaps.
    pub fn find(&self, text: &str) -> Vec<Match> {
        if !self.may_hold(text.as_bytes()) {
            return Vec::new();
        }
        let mut found: Vec<Match> = self
            .automaton
            .find_overlapping_iter(text)
            .filter(|hit| stands_alone(text.as_bytes(), hit.range()))
            .filter_map(|hit| {
                let pattern = hit.pattern().as_usize().checked_sub(self.fillers)?;
                Some(Match { pattern, start: hit.start(), end: hit.end() })
            })
            .collect();
        found.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
        let mut free = 0;
        found.retain(|hit| {
            let keep = hit.start >= free;
            if keep {
                free = hit.end;
            }
            keep
        });
        found
    }

    /// `text` with every name replaced by what `replacement` says for its index; `None` when there is none.
    pub fn replace<'a>(&self, text: &str, replacement: impl Fn(usize) -> &'a str) -> Option<String> {
        splice(text, self.find(text).into_iter().map(|hit| (hit.start..hit.end, replacement(hit.pattern))))
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Names({})", self.automaton.patterns_len().saturating_sub(self.fillers))
    }
}

/// What samples are called that says which part they play, not who they are.
pub const ROLES: [&str; 24] = [
    "affected",
    "blank",
    "case",
    "child",
    "control",
    "daughter",
    "father",
    "germline",
    "mother",
    "normal",
    "parent",
    "patient",
    "proband",
    "reference",
    "sample",
    "sibling",
    "somatic",
    "son",
    "subject",
    "test",
    "tumor",
    "tumour",
    "unaffected",
    "unknown",
];

/// Is a name searched for in header text? At least 4 characters (6 when all are digits), or 2 with a letter and a digit:
/// shorter ones (`1`, `A`) would hit ordinary words. Words for a part (`TUMOR`, `mother`) name nobody.
pub fn searched_in_headers(name: &str) -> bool {
    let (letter, digit) = (name.bytes().any(|b| b.is_ascii_alphabetic()), name.bytes().any(|b| b.is_ascii_digit()));
    searched_in_values(name) || (name.len() >= 2 && letter && digit)
}

/// Is a name searched for in values? At least 4 characters (6 when all are digits), and no word for a part: `P1` and `S2`
/// are also codes of annotations.
pub fn searched_in_values(name: &str) -> bool {
    let role = ROLES.iter().any(|role| role.eq_ignore_ascii_case(name));
    !role && name.len() >= if name.bytes().all(|b| b.is_ascii_digit()) { 6 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_only() {
        let names = Names::new(["S1", "S1_A", "HG002"]).unwrap().unwrap();
        let found = |text: &str| names.find(text).iter().map(|m| &text[m.start..m.end]).collect::<Vec<_>>().join("+");
        assert_eq!(found("/data/HG002.bam HG0021"), "HG002");
        assert_eq!(found("S1_A"), "S1_A");
        assert_eq!(found("S1_AB,S1"), "S1+S1");
        assert_eq!(found("xS1 S12"), "");
    }

    #[test]
    fn many_names_are_found_by_their_own_numbers() {
        let many: Vec<String> = (0..200_000).map(|i| format!("S{i}")).collect();
        let names = Names::new(many.iter().map(String::as_str)).unwrap().unwrap();
        let found: Vec<_> = names.find("S0,S77777\0\0S199999;S200000").iter().map(|hit| hit.pattern).collect();
        assert_eq!(found, [0, 77_777, 199_999]);
        assert_eq!(format!("{names:?}"), "Names(200000)");
    }

    #[test]
    fn replacing_keeps_the_rest() {
        let names = Names::new(["HG002", "HG003"]).unwrap().unwrap();
        let out = names.replace("HG003>HG002;é HG003", |i| ["P-a", "P-b"][i]);
        assert_eq!(out.as_deref(), Some("P-b>P-a;é P-b"));
        assert_eq!(names.replace("HG00200", |_| ""), None);
    }

    #[test]
    fn nothing_to_look_for_is_no_automaton() {
        assert!(Names::new([]).unwrap().is_none());
        assert!(Names::new([""]).unwrap().is_none());
    }

    #[test]
    fn short_names_are_not_searched_for_in_values() {
        for (name, headers, values) in [
            ("1", false, false),
            ("P1", true, false),
            ("ABC", false, false),
            ("12345", false, false),
            ("NA12878", true, true),
            ("TUMOR", false, false),
            ("Mary", true, true),
            ("123456", true, true),
        ] {
            assert_eq!((searched_in_headers(name), searched_in_values(name)), (headers, values), "{name}");
        }
    }
}
