//! Finds patterns and known names in text: one linear pass of cheap triggers over everything, and the full expressions
//! only where a trigger fired. It must not know where text comes from or what is done about a match.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::checks::stands_alone;
use super::found::Match;
use super::names::{self, Names};
use super::patterns::{self, Pattern};
use super::sweep::Sweep;
use crate::error::{Error, Result};
use crate::text::splice;

/// Patterns, ready to search with. Every expression has a bounded length and the engine never backtracks, so a search
/// takes time proportional to the text.
#[derive(Debug)]
pub struct Scanner {
    patterns: Vec<Pattern>,
    /// The triggers over many values at once.
    sweep: Sweep,
    triggers: RegexSet,
    expressions: Vec<Regex>,
    names: Option<Names>,
}

impl Scanner {
    /// The built-in patterns ([`patterns::BUILTIN`]).
    pub fn builtin() -> Result<Self> {
        Self::with_names(None)
    }

    /// The same, made once.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: LazyLock<Option<Scanner>> = LazyLock::new(|| Scanner::builtin().ok());
        SHARED.as_ref().ok_or_else(|| Error::internal("a built-in pattern does not compile"))
    }

    /// The built-in patterns, and the pattern `sample-name` for every one of `names` that [`names`] deems long
    /// enough to be searched for in values.
    pub fn with_identifiers<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Self::with_names(Names::new(names.into_iter().filter(|name| names::searched_in_values(name)))?)
    }

    fn with_names(names: Option<Names>) -> Result<Self> {
        let broken = |_| Error::internal("a built-in pattern does not compile");
        let mut patterns = patterns::BUILTIN.to_vec();
        let sources: Vec<&str> = patterns.iter().map(|p| p.trigger).collect();
        let sweep = Sweep::new(&sources).ok_or_else(|| Error::internal("a built-in trigger is not bounded"))?;
        let triggers = RegexSetBuilder::new(sources).unicode(false).build().map_err(broken)?;
        let expressions = patterns
            .iter()
            .map(|p| RegexBuilder::new(&format!("(?:%20)?(?:{})", p.regex)).unicode(false).build())
            .collect::<Result<_, _>>()
            .map_err(broken)?;
        patterns.extend([patterns::SAMPLE_NAME, patterns::SITE_WORD]);
        Ok(Self { patterns, sweep, triggers, expressions, names })
    }

    /// A text that as a whole is [`patterns::SITE_WORD`]: that is for [`super::Words`] to find.
    pub fn site_word(&self, text: &str) -> Match {
        Match { pattern: self.expressions.len() + 1, start: 0, end: text.len() }
    }

    /// What is looked for, in the order of [`Match::pattern`].
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// May `bytes` hold a match? They may be many values in a row, so a whole Arrow buffer is asked at once; a wrong yes
    /// costs a second look, a wrong no does not exist.
    pub fn may_hold(&self, bytes: &[u8]) -> bool {
        self.sweep.finds(bytes).unwrap_or_else(|| self.triggers.is_match(bytes))
            || self.names.as_ref().is_some_and(|names| names.may_hold(bytes))
    }

    /// Every match in `text`, ordered by start. Matches of different patterns may overlap.
    pub fn scan(&self, text: &str) -> Vec<Match> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        if self.triggers.is_match(bytes) {
            for index in self.triggers.matches(bytes) {
                let (Some(pattern), Some(expression)) = (self.patterns.get(index), self.expressions.get(index)) else { continue };
                // an escaped blank must not lend its digits to the number behind it
                let hits = expression
                    .find_iter(bytes)
                    .map(|hit| hit.start() + if hit.as_bytes().starts_with(b"%20") { 3 } else { 0 }..hit.end());
                let real = hits.filter(|span| {
                    (pattern.open || stands_alone(bytes, span.clone()))
                        && pattern.check.is_none_or(|check| check(bytes, span.clone()))
                });
                found.extend(real.map(|span| Match { pattern: index, start: span.start, end: span.end }));
            }
        }
        if let Some(names) = &self.names {
            let index = self.expressions.len();
            found.extend(names.find(text).into_iter().map(|hit| Match { pattern: index, ..hit }));
        }
        found.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
        found
    }

    /// `text` with every matched span replaced by `[redacted:<pattern id>]`; `None` when nothing matched. Overlapping
    /// spans become one, named after the gravest pattern.
    pub fn redact(&self, text: &str) -> Option<String> {
        self.redact_matches(text, &self.scan(text))
    }

    /// [`Self::redact`] for some of the matches of [`Self::scan`].
    pub fn redact_matches(&self, text: &str, matches: &[Match]) -> Option<String> {
        let mut spans: Vec<(Range<usize>, &Pattern)> = Vec::new();
        for hit in matches {
            let Some(pattern) = self.patterns.get(hit.pattern) else { continue };
            match spans.last_mut() {
                Some((span, gravest)) if hit.start < span.end => {
                    span.end = span.end.max(hit.end);
                    if pattern.severity > gravest.severity {
                        *gravest = pattern;
                    }
                }
                _ => spans.push((hit.start..hit.end, pattern)),
            }
        }
        splice(text, spans.into_iter().map(|(span, pattern)| (widen(text, span), format!("[redacted:{}]", pattern.id))))
    }
}

/// Moves a span's ends out to character borders.
fn widen(text: &str, span: Range<usize>) -> Range<usize> {
    text.floor_char_boundary(span.start)..text.ceil_char_boundary(span.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensitive::Severity;

    fn ids(scanner: &Scanner, text: &str) -> Vec<&'static str> {
        scanner.scan(text).iter().map(|hit| scanner.patterns()[hit.pattern].id).collect()
    }

    #[test]
    fn every_example_is_found_alone_and_in_the_middle_of_text() {
        let scanner = Scanner::builtin().unwrap();
        for pattern in patterns::BUILTIN {
            assert!(!pattern.examples.is_empty(), "{} has no example", pattern.id);
            for example in pattern.examples {
                for text in
                    [example.to_string(), format!("note;{example}, seen"), format!("é {example} é"), format!("x%20{example}|y")]
                {
                    assert!(ids(&scanner, &text).contains(&pattern.id), "{} not found in {text}", pattern.id);
                    assert!(scanner.may_hold(text.as_bytes()));
                    assert!(scanner.may_hold(format!("9z{text}z9").as_bytes()), "{}: neighbours hide {text}", pattern.id);
                    let redacted = scanner.redact(&text).unwrap();
                    assert!(!redacted.contains(example), "{redacted}");
                }
            }
        }
    }

    #[test]
    fn ordinary_genomics_text_is_clean() {
        let scanner = Scanner::builtin().unwrap();
        for text in include_str!("testdata/clean.txt").lines() {
            let grave: Vec<_> = scanner
                .scan(text)
                .iter()
                .map(|hit| scanner.patterns()[hit.pattern])
                .filter(|p| p.severity >= Severity::High)
                .map(|p| p.id)
                .collect();
            assert!(grave.is_empty(), "{grave:?} in {text}");
        }
        for text in include_str!("testdata/silent.txt").lines() {
            assert!(ids(&scanner, text).is_empty(), "{:?} in {text}", ids(&scanner, text));
        }
    }

    #[test]
    fn real_files_have_next_to_no_grave_hits() {
        let Some(files) = crate::machine::real_files() else { return };
        let scanner = Scanner::builtin().unwrap();
        let (mut values, mut hits) = (0u64, std::collections::BTreeMap::new());
        for listed in files.iter().filter(|listed| listed.group == "real" && !listed.is_bcf) {
            let mut found = |place: &'static str, text: &str| {
                values += 1;
                for hit in scanner.scan(text) {
                    let pattern = scanner.patterns()[hit.pattern];
                    let (count, examples) = hits.entry((pattern.severity, pattern.id, place)).or_insert((0u64, Vec::new()));
                    *count += 1;
                    if examples.len() < 4 {
                        examples.push(text[hit.start..hit.end].to_owned());
                    }
                }
            };
            let text = crate::machine::inflated(&listed.path);
            for line in text.split(|byte| *byte == b'\n').map(String::from_utf8_lossy) {
                if line.starts_with('#') {
                    found("header", &line);
                } else {
                    for info in line.split('\t').skip(2).flat_map(|column| column.split(';')) {
                        found("body", info);
                    }
                }
            }
        }
        assert!(values > 100_000, "too few values to judge by");
        for ((severity, id, place), (count, examples)) in hits {
            assert!(severity < Severity::High || place == "header" && count < 4, "{id} in {place}: {count}, {examples:?}");
        }
    }

    #[test]
    fn what_has_a_form_is_found_in_a_generated_file_and_the_rest_of_it_is_clean() {
        use crate::synth::{self, Kind, Options, Place};
        let mut options = Options { kind: Kind::Cohort, records: 400, samples: 6, seed: 5, phi: true };
        let scanner = Scanner::builtin().unwrap();
        let text = |options: &Options| {
            let mut text = Vec::new();
            synth::write(options, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let redacted: String =
            text(&options).lines().map(|line| scanner.redact(line).unwrap_or_else(|| line.to_owned()) + "\n").collect();
        for planted in synth::planted(&options) {
            // a bare surname, a made-up id or a link has no form
            let formless = !planted.value.contains(|c: char| c.is_ascii_digit() || c == '@') || planted.value.contains("//");
            if !formless && !matches!(planted.place, Place::Id | Place::Sample) {
                let value = planted.value.as_str();
                assert!(!redacted.contains(value) || value.starts_with("S24-"), "{value} in {:?}", planted.place);
            }
        }
        options.phi = false;
        for line in text(&options).lines() {
            let grave = scanner.scan(line).into_iter().filter(|hit| scanner.patterns()[hit.pattern].severity >= Severity::High);
            assert_eq!(grave.count(), 0, "{line}");
        }
    }

    #[test]
    fn known_names_are_hits_of_their_own_pattern() {
        let scanner = Scanner::with_identifiers(["NA12878", "P1"]).unwrap();
        assert_eq!(ids(&scanner, "bams/NA12878_sorted.bam P1"), ["sample-name"]);
        assert_eq!(scanner.redact("ID:NA12878;x").as_deref(), Some("ID:[redacted:sample-name];x"));
    }

    #[test]
    fn overlapping_matches_become_one_redaction() {
        let scanner = Scanner::with_identifiers(["jane.roe"]).unwrap();
        assert_eq!(scanner.redact("to jane.roe@example.org now").as_deref(), Some("to [redacted:email] now"));
    }

    #[test]
    fn no_expression_is_of_unbounded_length() {
        // find_iter is linear only when no match can look arbitrarily far ahead
        for pattern in patterns::BUILTIN {
            for source in [pattern.regex, pattern.trigger] {
                let mut class = false;
                let mut escaped = false;
                for (i, c) in source.char_indices() {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '[' => class = true,
                        ']' => class = false,
                        '*' | '+' if !class => panic!("{}: unbounded at {i}", pattern.id),
                        ',' if !class => assert!(!source[i..].starts_with(",}"), "{}: unbounded at {i}", pattern.id),
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn whatever_an_expression_matches_its_trigger_does() {
        use proptest::strategy::{Strategy, ValueTree};
        let scanner = Scanner::builtin().unwrap();
        let (mut runner, mut missed) = (proptest::test_runner::TestRunner::deterministic(), std::collections::BTreeMap::new());
        for (index, pattern) in patterns::BUILTIN.iter().enumerate() {
            let strategy = proptest::string::bytes_regex(&format!("(?s-u:{})", pattern.regex)).unwrap();
            for _ in 0..100 {
                let text = strategy.new_tree(&mut runner).unwrap().current();
                let buffer = [b"zA9", &text[..], b"9Az"].concat();
                if !scanner.triggers.matches(&buffer).matched(index) {
                    missed.insert(pattern.id, text.escape_ascii().to_string());
                }
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }
}
