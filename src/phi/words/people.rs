//! Who may be named in a word: the samples of the inputs, whatever the case and the separators, and common first names and surnames.
//! It must not keep or print a word.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::pieces::cut;
use crate::phi::names::searched_in_values;

/// First names and surnames, lower case, without those that are words of genomics, of tools or of places: of the US census of 1990
/// (public domain) and the most frequent elsewhere.
static LISTED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("names.txt").lines().collect());

/// Words that a sample's name and a key share without naming anybody: `exome_12`, `AC_exome`.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("common.txt").split_whitespace().collect());

/// The lists.
pub(super) fn lists() -> Vec<&'static str> {
    vec![include_str!("names.txt"), include_str!("common.txt")]
}

/// Pieces of a word that are put together again: more do not make a name.
const MOST: usize = 12;
/// Letters of a piece that names somebody, digits of one that does.
const LETTERS: usize = 4;
const DIGITS: usize = 6;

/// The names of the samples, as they are searched for in words.
#[derive(Default)]
pub(super) struct People {
    /// Whole names and their letters, lower case, without separators.
    whole: HashSet<String>,
    /// Pieces of names that say whose they are.
    parts: HashSet<String>,
}

impl People {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut people = Self::default();
        for name in names.into_iter().filter(|name| searched_in_values(name)) {
            let pieces: Vec<String> = cut(name).into_iter().filter_map(|piece| Some(name.get(piece)?.to_lowercase())).collect();
            let words: Vec<&str> =
                pieces.iter().map(String::as_str).filter(|piece| !piece.starts_with(|c: char| c.is_numeric())).collect();
            people.whole.insert(pieces.concat());
            // `ROEJANE` for ROE-JANE-1961, and the other way round.
            let told = words.iter().any(|word| word.len() >= LETTERS && !COMMON.contains(word));
            if words.len() > 1 && told {
                people.whole.insert(words.concat());
                people.whole.insert(words.iter().rev().copied().collect());
            }
            for piece in &pieces {
                let number = piece.starts_with(|c: char| c.is_numeric());
                if piece.chars().count() >= if number { DIGITS } else { LETTERS } && !COMMON.contains(piece.as_str()) {
                    people.parts.insert(piece.clone());
                }
            }
        }
        people.whole.retain(|name| searched_in_values(name) && !COMMON.contains(name.as_str()));
        people
    }

    /// Is a sample named in this word?
    pub(super) fn names_sample(&self, word: &str, pieces: &[Range<usize>]) -> bool {
        if self.whole.is_empty() {
            return false;
        }
        let lower: Vec<String> = lowered(word, pieces);
        lower.iter().any(|piece| self.parts.contains(piece))
            || runs(&lower, |_| true).any(|run| self.whole.contains(run.as_str()))
    }

    pub(super) fn len(&self) -> usize {
        self.whole.len()
    }
}

/// Is a common name in this word? Pieces that touch are also read as one: `McDonald`.
pub(super) fn names_listed(word: &str, pieces: &[Range<usize>]) -> bool {
    let touches = |at: usize| matches!(pieces.get(at..at + 2), Some([one, next]) if one.end == next.start);
    runs(&lowered(word, pieces), touches).any(|run| LISTED.contains(run.as_str()))
}

fn lowered(word: &str, pieces: &[Range<usize>]) -> Vec<String> {
    pieces.iter().filter_map(|piece| Some(word.get(piece.clone())?.to_lowercase())).collect()
}

/// Every run of pieces, put together; a run goes on behind a piece only where `goes_on` says so.
fn runs(pieces: &[String], goes_on: impl Fn(usize) -> bool) -> impl Iterator<Item = String> {
    (0..pieces.len()).flat_map(move |from| {
        let mut run = String::new();
        let mut all = Vec::new();
        for (at, piece) in pieces.iter().enumerate().skip(from).take(MOST) {
            run.push_str(piece);
            all.push(run.clone());
            if !goes_on(at) {
                break;
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_in_any_case_and_with_any_separators() {
        let people = People::new(["ROE-JANE-1961", "HG002", "P71222383", "TUMOR", "exome_7"]);
        let named = |word: &str| people.names_sample(word, &cut(word));
        for word in
            ["ROE-JANE-1961", "roe_jane_1961", "RoeJane1961x", "ROEJANE", "Jane.Roe", "x_jane", "AC_HG002", "Hg_002", "n71222383"]
        {
            assert!(named(word), "{word}");
        }
        for word in ["AC_tumor", "DEL", "AF_exome", "HG003", "HG", "exome_8", "ROE", "1961", ""] {
            assert!(!named(word), "{word}");
        }
    }

    #[test]
    fn common_names_are_pieces_of_their_own() {
        let listed = |word: &str| names_listed(word, &cut(word));
        for word in ["Doe_x", "doeJANE", "AC_Smith", "McDonald", "mary2"] {
            assert!(listed(word), "{word}");
        }
        for word in ["AC_popmax", "FisherStrand", "InbreedingCoeff", "Maryland", "SAGE", "HardyWeinberg", "MAX_AF"] {
            assert!(!listed(word), "{word}");
        }
    }

    #[test]
    fn lists_are_in_order_and_share_no_word() {
        let names: Vec<&str> = include_str!("names.txt").lines().collect();
        assert!(names.is_sorted() && names.len() > 1000);
        assert_eq!(names.iter().filter(|name| COMMON.contains(*name)).count(), 0);
    }
}
