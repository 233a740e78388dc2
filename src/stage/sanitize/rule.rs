//! Compiled rules and what they say about one value. It must not know policy files, columns or batches.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// What a field's values may look like.
#[derive(Debug)]
pub(super) enum Rule {
    /// Each piece fits one of the atoms.
    Pieces { separators: Vec<char>, atoms: Vec<Atom> },
    /// An annotation of named sub-fields, each with a rule of its own.
    Subfields(Subfields),
    /// `PASS`, or a filter that the header declares.
    Filters { separators: Vec<char> },
    /// A genotype (VCF 4.5 section 1.6.2).
    Genotype,
}

/// One way for a piece to fit.
#[derive(Debug)]
pub(super) enum Atom {
    Words(HashSet<String>),
    Grammar(Regex),
    Rule(Arc<Rule>),
}

/// An annotation such as CSQ or ANN.
#[derive(Debug)]
pub(super) struct Subfields {
    pub separator: char,
    pub parenthesized: bool,
    pub order: Vec<String>,
    pub rules: BTreeMap<String, Arc<Rule>>,
    pub otherwise: Arc<Rule>,
}

impl Subfields {
    /// The rule of a sub-field, whatever the case of its name: tools changed it between versions.
    pub(super) fn rule(&self, name: &str) -> Option<&Arc<Rule>> {
        let same = |known: &&String| known.eq_ignore_ascii_case(name);
        self.rules.get(name).or_else(|| self.rules.keys().find(same).and_then(|known| self.rules.get(known)))
    }
}

/// A rule made ready for one run: sub-fields by position, filters by declaration.
#[derive(Debug)]
pub(super) enum Check {
    Rule(Arc<Rule>),
    Positions { separator: char, parenthesized: bool, rules: Vec<Arc<Rule>>, otherwise: Arc<Rule> },
    Filters { separators: Vec<char>, declared: Arc<HashSet<String>> },
    Genotype,
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    /// Some sub-fields were emptied.
    Changed(String),
    /// Nothing of it may stay.
    Unfit,
}

/// Compiles a grammar that must match an entire text. ASCII classes, and a limit on size: a policy cannot make a run slow.
pub(super) fn anchored(grammar: &str) -> Result<Regex, String> {
    let compiled =
        RegexBuilder::new(&format!(r"\A(?:{grammar})\z")).unicode(false).size_limit(1 << 20).dfa_size_limit(1 << 22).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the grammar is too big".to_owned(),
        other => {
            let told = other.to_string();
            let reason = told.lines().filter_map(|line| line.strip_prefix("error: ")).next_back().unwrap_or("it does not parse");
            format!("the grammar is not a regular expression of ASCII text: {reason}")
        }
    })
}

impl Rule {
    /// Does the text fit? Sub-fields and filters are asked through [`Check`] only.
    fn fits(&self, text: &str) -> bool {
        match self {
            Rule::Pieces { separators, atoms } => {
                let mut pieces = text.split(|c| separators.contains(&c));
                pieces.all(|piece| is_missing(piece) || atoms.iter().any(|atom| atom.fits(piece)))
            }
            Rule::Genotype => is_genotype(text),
            Rule::Subfields(_) | Rule::Filters { .. } => false,
        }
    }
}

fn is_missing(piece: &str) -> bool {
    matches!(piece, "" | ".")
}

impl Atom {
    fn fits(&self, piece: &str) -> bool {
        match self {
            Atom::Words(words) => words.contains(piece),
            Atom::Grammar(grammar) => grammar.is_match(piece),
            Atom::Rule(rule) => rule.fits(piece),
        }
    }
}

impl Check {
    /// Judges one value.
    pub(super) fn verdict(&self, value: &str) -> Verdict {
        let fits = match self {
            Check::Rule(rule) => rule.fits(value),
            Check::Genotype => is_genotype(value),
            Check::Filters { separators, declared } => {
                value.split(|c| separators.contains(&c)).all(|name| is_missing(name) || name == "PASS" || declared.contains(name))
            }
            Check::Positions { separator, parenthesized, rules, otherwise } => {
                let inner = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
                return match (parenthesized, inner) {
                    (false, _) => positions(value, *separator, rules, otherwise),
                    (true, Some(inner)) => match positions(inner, *separator, rules, otherwise) {
                        Verdict::Changed(kept) => Verdict::Changed(format!("({kept})")),
                        verdict => verdict,
                    },
                    (true, None) => Verdict::Unfit,
                };
            }
        };
        if fits { Verdict::Fits } else { Verdict::Unfit }
    }
}

/// Empties the sub-fields that do not fit; a value of which nothing is left is unfit.
fn positions(value: &str, separator: char, rules: &[Arc<Rule>], otherwise: &Arc<Rule>) -> Verdict {
    let fits = |(at, piece): (usize, &str)| piece.is_empty() || rules.get(at).unwrap_or(otherwise).fits(piece);
    if value.split(separator).enumerate().all(fits) {
        return Verdict::Fits;
    }
    let kept: Vec<&str> =
        value.split(separator).enumerate().map(|(at, piece)| if fits((at, piece)) { piece } else { "" }).collect();
    if kept.iter().all(|piece| is_missing(piece)) {
        return Verdict::Unfit;
    }
    Verdict::Changed(kept.join(&separator.to_string()))
}

/// Allele numbers or `.` between `/` or `|`, with a leading phase since VCF 4.4.
fn is_genotype(text: &str) -> bool {
    let body = text.strip_prefix(['/', '|']).unwrap_or(text);
    text.is_empty() || body.split(['/', '|']).all(|allele| allele == "." || is_number(allele))
}

fn is_number(allele: &str) -> bool {
    (1..=5).contains(&allele.len()) && allele.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Arc<Rule> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Arc::new(Rule::Pieces { separators: vec!['&'], atoms: vec![Atom::Words(words)] })
    }

    #[test]
    fn a_grammar_holds_for_the_entire_value() {
        let rule = |grammar: &str| {
            Check::Rule(Arc::new(Rule::Pieces { separators: vec![], atoms: vec![Atom::Grammar(anchored(grammar).unwrap())] }))
        };
        assert_eq!(rule("rs[0-9]+|x").verdict("rs12"), Verdict::Fits);
        for value in ["rs12 Smith", "Smith x", "x\n", "rs", "rs１２"] {
            assert_eq!(rule("rs[0-9]+|x").verdict(value), Verdict::Unfit, "{value:?}");
        }
        assert!(anchored("(").is_err() && anchored("a{1,1000}{1,1000}").is_err());
    }

    #[test]
    fn every_piece_must_fit() {
        let check = Check::Rule(words(&["stop_gained", "intron_variant"]));
        assert_eq!(check.verdict("stop_gained&intron_variant"), Verdict::Fits);
        assert_eq!(check.verdict("stop_gained&Smith"), Verdict::Unfit);
    }

    #[test]
    fn only_what_does_not_fit_in_an_annotation_goes() {
        let check = |parenthesized| Check::Positions {
            separator: '|',
            parenthesized,
            rules: vec![words(&["A", "C"]), words(&["stop_gained"])],
            otherwise: words(&["1"]),
        };
        assert_eq!(check(false).verdict("A|stop_gained|1||1"), Verdict::Fits);
        assert_eq!(check(false).verdict("A|Smith|1|Smith"), Verdict::Changed("A||1|".into()));
        assert_eq!(check(false).verdict("Smith"), Verdict::Unfit);
        assert_eq!(check(false).verdict("Smith|John"), Verdict::Unfit);
        assert_eq!(check(true).verdict("(A|Smith)"), Verdict::Changed("(A|)".into()));
        assert_eq!(check(true).verdict("A|stop_gained"), Verdict::Unfit);
    }

    #[test]
    fn genotypes_hold_numbers_only() {
        for fits in ["0/1", ".", "./.", "|0|12", "0/1/2", "1"] {
            assert!(is_genotype(fits), "{fits}");
        }
        for unfit in ["Smith", "0/Smith", "0-1", "0//1", "1234567", "/"] {
            assert!(!is_genotype(unfit), "{unfit}");
        }
    }
}
