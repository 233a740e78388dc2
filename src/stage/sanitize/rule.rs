//! Compiled rules and what they say about one value. It must not know policy files, columns or batches.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};

use super::automaton::Automaton;
use super::symbols::{Symbols, is_accession};

/// What a field's values may look like.
#[derive(Debug)]
pub(super) enum Rule {
    /// Each piece fits one of the atoms.
    Pieces(Pieces),
    /// An annotation of named sub-fields, each with a rule of its own.
    Subfields(Subfields),
    /// `PASS`, or a filter that the header declares.
    Filters { separators: Vec<u8> },
    /// A genotype (VCF 4.5 section 1.6.2).
    Genotype,
}

/// A text cut at ASCII separators, each piece of which must fit one of the atoms. `.` and nothing always fit.
#[derive(Debug)]
pub(super) struct Pieces {
    pub separators: Vec<u8>,
    pub atoms: Vec<Atom>,
    /// The atoms as one automaton, made when the first value asks: a policy has more rules than a file has fields.
    automaton: OnceLock<Option<Box<Automaton>>>,
}

/// One way for a piece to fit.
#[derive(Debug)]
pub(super) enum Atom {
    Words(HashSet<String>),
    Grammar(Regex),
    Rule(Arc<Rule>),
    /// A gene's symbol.
    Symbols(Symbols),
}

/// An annotation such as CSQ or ANN.
#[derive(Debug)]
pub(super) struct Subfields {
    pub separator: u8,
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

/// A rule made ready for one run: sub-fields by position.
#[derive(Debug)]
pub(super) enum Check {
    Rule(Arc<Rule>),
    Positions { separator: u8, parenthesized: bool, rules: Vec<Arc<Rule>>, otherwise: Arc<Rule> },
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    /// Some sub-fields are to be emptied.
    Cut,
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
    /// A text cut at `separators`, each piece of which must fit one of the atoms.
    pub(super) fn pieces(separators: Vec<u8>, atoms: Vec<Atom>) -> Self {
        Rule::Pieces(Pieces { separators, atoms, automaton: OnceLock::new() })
    }

    /// Does the text fit? Sub-fields and filters are asked through [`Check`] only. `beside`: does an accession stand in the same entry?
    fn fits(&self, text: &str, beside: bool) -> bool {
        match self {
            Rule::Pieces(pieces) => pieces.fits(text, beside),
            Rule::Genotype => is_genotype(text),
            Rule::Subfields(_) | Rule::Filters { .. } => false,
        }
    }

    /// Does what stands before the first `stop` fit, and how many bytes is that?
    fn fits_until(&self, text: &str, stop: u8) -> (usize, bool) {
        if let Rule::Pieces(pieces) = self
            && let Some(automaton) = pieces.automaton()
        {
            let (len, fits) = automaton.fits_until(text.as_bytes(), stop);
            if fits || pieces.is_flat() {
                return (len, fits);
            }
        }
        let len = memchr::memchr(stop, text.as_bytes()).unwrap_or(text.len());
        (len, text.get(..len).is_some_and(|piece| self.fits(piece, false)))
    }

    /// Does it judge symbols, for which an accession in the same entry counts?
    pub(super) fn has_symbols(&self) -> bool {
        match self {
            Rule::Pieces(pieces) => pieces.atoms.iter().any(|atom| match atom {
                Atom::Symbols(_) => true,
                Atom::Rule(rule) => rule.has_symbols(),
                Atom::Words(_) | Atom::Grammar(_) => false,
            }),
            _ => false,
        }
    }
}

impl Pieces {
    fn fits(&self, text: &str, beside: bool) -> bool {
        match self.automaton() {
            Some(automaton) if automaton.fits(text.as_bytes()) => true,
            Some(_) if self.is_flat() => false,
            _ => {
                let mut pieces = text.split(|c| u8::try_from(c).is_ok_and(|byte| self.separators.contains(&byte)));
                pieces.all(|piece| is_missing(piece) || self.atoms.iter().any(|atom| atom.fits(piece, beside)))
            }
        }
    }

    pub(super) fn automaton(&self) -> Option<&Automaton> {
        let make = || {
            let mut languages = Vec::new();
            self.languages(&mut languages);
            Automaton::new(&languages, &self.separators).map(Box::new)
        };
        self.automaton.get_or_init(make).as_deref()
    }

    /// Regular expressions of the atoms, but for rules that cut a piece once more.
    fn languages(&self, languages: &mut Vec<String>) {
        for atom in &self.atoms {
            match atom {
                Atom::Words(words) => languages.extend(words.iter().map(|word| regex::escape(word))),
                Atom::Grammar(grammar) => languages.push(format!("(?:{grammar})")),
                Atom::Rule(rule) => {
                    if let Some(pieces) = rule.uncut() {
                        pieces.languages(languages);
                    }
                }
                Atom::Symbols(_) => {}
            }
        }
    }

    /// Does the automaton, if there is one, know all atoms?
    fn is_flat(&self) -> bool {
        self.atoms.iter().all(|atom| match atom {
            Atom::Words(_) | Atom::Grammar(_) => true,
            Atom::Rule(rule) => rule.uncut().is_some_and(Pieces::is_flat),
            Atom::Symbols(_) => false,
        })
    }
}

fn is_missing(piece: &str) -> bool {
    matches!(piece, "" | ".")
}

impl Rule {
    /// The rule, when it judges a piece as a whole.
    fn uncut(&self) -> Option<&Pieces> {
        match self {
            Rule::Pieces(pieces) if pieces.separators.is_empty() => Some(pieces),
            _ => None,
        }
    }
}

impl Atom {
    fn fits(&self, piece: &str, beside: bool) -> bool {
        match self {
            Atom::Words(words) => words.contains(piece),
            Atom::Grammar(grammar) => grammar.is_match(piece),
            Atom::Rule(rule) => rule.fits(piece, beside),
            Atom::Symbols(symbols) => symbols.fits(piece, beside),
        }
    }
}

impl Check {
    /// Does the value fit, as part of an entry that holds an accession?
    pub(super) fn fits_beside(&self, value: &str) -> bool {
        matches!(self, Check::Rule(rule) if rule.fits(value, true))
    }

    /// Does it judge symbols?
    pub(super) fn has_symbols(&self) -> bool {
        matches!(self, Check::Rule(rule) if rule.has_symbols())
    }

    /// Judges one value. With [`Verdict::Cut`] `cuts` says which bytes of it are to go, in order.
    pub(super) fn verdict(&self, value: &str, cuts: &mut Vec<Range<usize>>) -> Verdict {
        match self {
            Check::Rule(rule) if rule.fits(value, false) => Verdict::Fits,
            Check::Rule(_) => Verdict::Unfit,
            Check::Positions { separator, parenthesized, rules, otherwise } => {
                let inner = match (parenthesized, value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))) {
                    (false, _) => 0..value.len(),
                    (true, Some(_)) => 1..value.len() - 1,
                    (true, None) => return Verdict::Unfit,
                };
                positions(value, inner, *separator, rules, otherwise, cuts)
            }
        }
    }
}

/// Cuts the sub-fields that do not fit out of `value[inner]`; a value of which nothing is left is unfit.
fn positions(
    value: &str,
    inner: Range<usize>,
    separator: u8,
    rules: &[Arc<Rule>],
    otherwise: &Arc<Rule>,
    cuts: &mut Vec<Range<usize>>,
) -> Verdict {
    cuts.clear();
    let (mut begin, mut left) = (inner.start, false);
    // Cuts that an accession in the entry spares.
    let mut symbols = Vec::new();
    for at in 0.. {
        // The ends lie beside ASCII bytes; were one inside a character, nothing of the value would stay.
        let Some(rest) = value.get(begin..inner.end) else { return Verdict::Unfit };
        if rest.as_bytes().first().is_some_and(|&byte| byte != separator) {
            let rule = rules.get(at).unwrap_or(otherwise);
            let (len, fits) = rule.fits_until(rest, separator);
            left |= fits && !(len == 1 && rest.starts_with('.'));
            if !fits {
                if rule.has_symbols() && rest.get(..len).is_some_and(|piece| rule.fits(piece, true)) {
                    symbols.push(cuts.len());
                }
                cuts.push(begin..begin + len);
            }
            begin += len;
        }
        if begin == inner.end {
            break;
        }
        begin += 1;
    }
    if !symbols.is_empty() && value.get(inner).is_some_and(|value| value.split(char::from(separator)).any(is_accession)) {
        symbols.into_iter().rev().for_each(|at| {
            cuts.remove(at);
        });
    }
    match (cuts.is_empty(), left) {
        (true, _) => Verdict::Fits,
        (false, true) => Verdict::Cut,
        (false, false) => Verdict::Unfit,
    }
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
        Arc::new(Rule::pieces(vec![b'&'], vec![Atom::Words(words)]))
    }

    fn verdict(check: &Check, value: &str) -> Verdict {
        check.verdict(value, &mut Vec::new())
    }

    #[test]
    fn a_grammar_holds_for_the_entire_value() {
        let rule = |grammar: &str| Check::Rule(Arc::new(Rule::pieces(vec![], vec![Atom::Grammar(anchored(grammar).unwrap())])));
        assert_eq!(verdict(&rule("rs[0-9]+|x"), "rs12"), Verdict::Fits);
        for value in ["rs12 Smith", "Smith x", "x\n", "rs", "rs１２"] {
            assert_eq!(verdict(&rule("rs[0-9]+|x"), value), Verdict::Unfit, "{value:?}");
        }
        assert!(anchored("(").is_err() && anchored("a{1,1000}{1,1000}").is_err());
    }

    #[test]
    fn every_piece_must_fit() {
        let check = Check::Rule(words(&["stop_gained", "intron_variant"]));
        assert_eq!(verdict(&check, "stop_gained&intron_variant"), Verdict::Fits);
        assert_eq!(verdict(&check, "stop_gained&Smith"), Verdict::Unfit);
    }

    #[test]
    fn only_what_does_not_fit_in_an_annotation_goes() {
        let check = |parenthesized| Check::Positions {
            separator: b'|',
            parenthesized,
            rules: vec![words(&["A", "C"]), words(&["stop_gained"])],
            otherwise: words(&["1"]),
        };
        let cut = |parenthesized, value: &str| {
            let mut cuts = Vec::new();
            let verdict = check(parenthesized).verdict(value, &mut cuts);
            (verdict, cuts.iter().map(|cut| value[cut.clone()].to_owned()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(cut(false, "A|stop_gained|1||1").0, Verdict::Fits);
        assert_eq!(cut(false, "A|Smith|1|Jones"), (Verdict::Cut, "Smith Jones".into()));
        assert_eq!(cut(false, "Smith|.|").0, Verdict::Unfit);
        assert_eq!(cut(false, "Smith|John").0, Verdict::Unfit);
        assert_eq!(cut(true, "(A|Smith)"), (Verdict::Cut, "Smith".into()));
        assert_eq!(cut(true, "A|stop_gained").0, Verdict::Unfit);
        assert_eq!(cut(true, "(").0, Verdict::Unfit);
    }

    #[test]
    fn a_separator_cuts_before_a_grammar_sees_the_text() {
        let grammar = |text: &str| Atom::Grammar(anchored(text).unwrap());
        let outer = |separators: &[u8], inner: Rule| Rule::pieces(separators.to_vec(), vec![Atom::Rule(Arc::new(inner))]);
        let greedy = || Rule::pieces(b"&".to_vec(), vec![grammar("a&b|c")]);
        for (rule, text, fits) in [
            (greedy(), "a&b", false),
            (greedy(), "c&c&.&", true),
            (outer(b"", greedy()), "a&b", false),
            (outer(b"/", greedy()), "c&c/c", true),
            (outer(b"/", greedy()), "c&c/a&b", false),
            (outer(b"&", Rule::pieces(vec![], vec![grammar("a&b|c")])), "a&b", false),
        ] {
            assert_eq!(verdict(&Check::Rule(Arc::new(rule)), text) == Verdict::Fits, fits, "{text}");
        }
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
