//! The same verdicts value by value, by the expressions themselves, and tests that hold automata and cutting to them. It must not
//! use what it judges.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::columns::checked;
use super::policy::Source;
use super::rule::{Atom, Check, Rule, anchored};

fn is_missing(piece: &str) -> bool {
    matches!(piece, "" | ".")
}

fn fits(rule: &Rule, text: &str) -> bool {
    let Rule::Pieces(pieces) = rule else { panic!("only rules of pieces are asked") };
    text.split(|c: char| c.is_ascii() && pieces.separators.contains(&(c as u8))).all(|piece| {
        let one = |atom: &Atom| match atom {
            Atom::Words(words) => words.contains(piece),
            Atom::Grammar(grammar) => grammar.is_match(piece),
            Atom::Rule(rule) => fits(rule, piece),
            Atom::Symbols(symbols) => symbols.fits(piece, false),
        };
        is_missing(piece) || pieces.atoms.iter().any(one)
    })
}

/// What is left of a value.
fn left(check: &Check, value: &str) -> Option<String> {
    let Check::Positions { separator, parenthesized, rules, otherwise } = check else {
        let Check::Rule(rule) = check else { unreachable!() };
        return fits(rule, value).then(|| value.to_owned());
    };
    let inner = if *parenthesized { value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))? } else { value };
    let rule = |at: usize| rules.get(at).unwrap_or(otherwise);
    let pieces = inner.split(char::from(*separator)).enumerate();
    let kept: Vec<&str> = pieces.map(|(at, piece)| if fits(rule(at), piece) { piece } else { "" }).collect();
    let kept = kept.join(&char::from(*separator).to_string());
    if kept != inner && kept.split(char::from(*separator)).all(is_missing) {
        return None;
    }
    Some(if *parenthesized { format!("({kept})") } else { kept })
}

/// Every rule of pieces that the shipped policy gives a column or a sub-field.
fn shipped() -> Vec<Arc<Rule>> {
    let policy = Source::text(None, std::path::Path::new(".")).unwrap().text_policy(Default::default()).unwrap();
    let mut all = Vec::new();
    for rule in policy.rules() {
        match rule.as_ref() {
            Rule::Pieces(_) => all.push(rule.clone()),
            Rule::Subfields(subfields) => all.extend(subfields.rules.values().chain([&subfields.otherwise]).cloned()),
            Rule::Filters { .. } | Rule::Genotype => {}
        }
    }
    all
}

/// Texts that fit the rule, or nearly: its words and what its grammars make, joined, cut short, changed in one place.
fn near(rule: &Rule) -> BoxedStrategy<String> {
    fn seeds(rule: &Rule, all: &mut Vec<BoxedStrategy<String>>, joints: &mut Vec<String>) {
        let Rule::Pieces(pieces) = rule else { return };
        joints.extend(pieces.separators.iter().map(|&byte| char::from(byte).to_string()));
        for atom in &pieces.atoms {
            match atom {
                Atom::Words(words) => {
                    let mut words: Vec<String> = words.iter().cloned().collect();
                    words.sort();
                    all.push(proptest::sample::select(words).boxed());
                }
                Atom::Grammar(grammar) => {
                    let bare = grammar.as_str().replace(r"\A", "").replace(r"\z", "");
                    all.push(proptest::string::string_regex(&bare).unwrap().boxed());
                }
                Atom::Rule(rule) => seeds(rule, all, joints),
                Atom::Symbols(_) => {
                    all.push(proptest::sample::select(vec!["BRCA1", "HLA-DRB1", "ROE"]).prop_map(str::to_owned).boxed())
                }
            }
        }
    }
    let (mut all, mut joints) = (vec![Just(".".to_owned()).boxed(), Just(String::new()).boxed()], vec!["|".to_owned()]);
    seeds(rule, &mut all, &mut joints);
    let piece = proptest::strategy::Union::new(all);
    let joined =
        (proptest::collection::vec((piece, proptest::sample::select(joints)), 1..4), any::<bool>()).prop_map(|(all, end)| {
            let text: String = all.iter().map(|(piece, joint)| format!("{piece}{joint}")).collect();
            if end { text } else { text[..text.len() - all.last().map_or(0, |(_, joint)| joint.len())].to_owned() }
        });
    let changed =
        (joined, any::<prop::sample::Index>(), proptest::option::weighted(0.5, "[ -~é]?")).prop_map(|(text, at, new)| {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let rest = text[at..].chars().skip(1).collect::<String>();
            new.map_or(text.clone(), |new| format!("{}{new}{rest}", &text[..at]))
        });
    changed.boxed()
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()))
}

#[test]
fn automata_say_what_the_expressions_say() {
    let counts = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
    for rule in shipped() {
        let Rule::Pieces(pieces) = rule.as_ref() else { unreachable!() };
        assert!(pieces.automaton().is_some(), "too large: {rule:?}");
        let check = Check::Rule(rule.clone());
        runner(30)
            .run(&near(&rule), |text| {
                let array: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
                let (out, dropped) = checked(&array, &check).unwrap();
                prop_assert_eq!((out.is_valid(0), dropped == 0), (fits(&rule, &text), fits(&rule, &text)), "{:?}", text);
                counts[usize::from(out.is_valid(0))].update(|n| n + 1);
                Ok(())
            })
            .unwrap();
    }
    assert!(counts.iter().all(|n| n.get() > 500), "{counts:?}");
}

/// An annotation of three sub-fields; the second and those beyond the third cut their pieces once more.
fn annotation(parenthesized: bool) -> Check {
    let grammar = |text: &str| Atom::Grammar(anchored(text).unwrap());
    let words = |words: &[&str]| Atom::Words(words.iter().map(|word| (*word).to_owned()).collect());
    let terms = Arc::new(Rule::pieces(b"&".to_vec(), vec![words(&["stop", "intron"])]));
    let nested = Arc::new(Rule::pieces(b"/".to_vec(), vec![words(&["x"]), Atom::Rule(terms.clone())]));
    let rules = vec![Arc::new(Rule::pieces(vec![], vec![grammar("[ACGT]+|a|b")])), terms, nested.clone()];
    Check::Positions { separator: b'|', parenthesized, rules, otherwise: nested }
}

#[test]
fn columns_are_cut_as_their_values_are() {
    let piece =
        proptest::sample::select(vec!["A", "stop", "intron", "x", "stop&x", "x/stop", "Smith", "é", ".", "", "(", "stop&"]);
    let value = (proptest::collection::vec(piece, 0..6), any::<bool>()).prop_map(|(pieces, parentheses)| {
        let text = pieces.join("|");
        if parentheses { format!("({text})") } else { text }
    });
    let column = proptest::collection::vec(proptest::option::weighted(0.8, value), 0..12);
    let strategy = (column, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>());
    runner(3000)
        .run(&strategy, |(values, from, len, parenthesized)| {
            let check = annotation(parenthesized);
            let from = from.index(values.len() + 1);
            let len = len.index(values.len() - from + 1);
            let array: ArrayRef = Arc::new(StringArray::from(values.clone()).slice(from, len));
            let (out, dropped) = checked(&array, &check).unwrap();
            let values = &values[from..from + len];
            let expected: Vec<Option<String>> =
                values.iter().map(|value| value.as_deref().and_then(|value| left(&check, value))).collect();
            let changed = values.iter().zip(&expected).filter(|(before, after)| before != after).count() as u64;
            let got: Vec<Option<String>> = out.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect();
            prop_assert_eq!((got, dropped), (expected, changed));
            prop_assert!(dropped > 0 || Arc::ptr_eq(&out, &array), "a column of which nothing goes is not copied");
            Ok(())
        })
        .unwrap();
}

#[test]
fn bytes_under_a_null_do_not_come_along() {
    let hidden = StringArray::new(
        datafusion::arrow::buffer::OffsetBuffer::from_lengths([1, 5, 5]),
        b"ASmithSmith".to_vec().into(),
        Some(vec![true, false, true].into()),
    );
    let rule = Rule::pieces(vec![], vec![Atom::Grammar(anchored("[ACGT]").unwrap())]);
    let (out, dropped) = checked(&(Arc::new(hidden) as ArrayRef), &Check::Rule(Arc::new(rule))).unwrap();
    assert_eq!((out.as_string::<i32>().value_data(), out.null_count(), dropped), (&b"A"[..], 2, 1));
}
