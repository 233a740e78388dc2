//! One look at many bytes: may they hold what one of some expressions matches? Stretches of them are read in turns, so that a step
//! in one does not wait for the step before it in another. It must not know what the expressions are for.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// Stretches read in turns.
const LANES: usize = 4;

/// Expressions of bounded length, without anchors, as one automaton whose states are made when they are met.
#[derive(Debug)]
pub(super) struct Sweep {
    automaton: DFA,
    /// Bytes of the longest match.
    longest: usize,
    /// What searches made of the automaton; one for each that runs at the same time.
    caches: Mutex<Vec<Cache>>,
}

impl Sweep {
    /// `None` when an expression does not compile, looks around, or matches texts of any length.
    pub(super) fn new(expressions: &[&str]) -> Option<Self> {
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let mut longest = 0;
        for expression in expressions {
            let parsed = syntax::parse_with(expression, &syntax).ok()?;
            if !parsed.properties().look_set().is_empty() {
                return None;
            }
            longest = longest.max(parsed.properties().maximum_len()?);
        }
        let automaton = DFA::builder()
            .configure(Config::new().match_kind(MatchKind::All))
            .syntax(syntax)
            .thompson(thompson::Config::new().utf8(false))
            .build_many(expressions)
            .ok()?;
        Some(Self { automaton, longest, caches: Mutex::default() })
    }

    /// Does any expression match somewhere in `bytes`? `None` when this cannot be said here: there are too few bytes to divide,
    /// or they lead to too many states.
    pub(super) fn finds(&self, bytes: &[u8]) -> Option<bool> {
        // Each stretch ends where a match that begins at the next one's first byte but one would.
        let stretch = bytes.len().div_ceil(LANES) + self.longest;
        let last = bytes.len().checked_sub(2 * stretch)? + stretch;
        let lane = |nth: usize| {
            let from = (nth * (stretch - self.longest)).min(last);
            bytes.get(from..from + stretch)
        };
        let lanes = [lane(0)?, lane(1)?, lane(2)?, lane(3)?];
        let mut cache = self.caches().pop().unwrap_or_else(|| self.automaton.create_cache());
        let found = self.search(&mut cache, lanes);
        self.caches().push(cache);
        found
    }

    fn caches(&self) -> std::sync::MutexGuard<'_, Vec<Cache>> {
        self.caches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(&self, cache: &mut Cache, [a, b, c, d]: [&[u8]; LANES]) -> Option<bool> {
        let start = self.automaton.start_state(cache, &start::Config::new().anchored(Anchored::No)).ok()?;
        let known = cache.clear_count();
        if start.is_tagged() {
            return None;
        }
        let mut states = [start; LANES];
        for (((&a, &b), &c), &d) in a.iter().zip(b).zip(c).zip(d) {
            let bytes = [a, b, c, d];
            let next: [LazyStateID; LANES] =
                std::array::from_fn(|lane| self.automaton.next_state_untagged(cache, states[lane], bytes[lane]));
            if !next.iter().any(LazyStateID::is_tagged) {
                states = next;
                continue;
            }
            for (state, byte) in states.iter_mut().zip(bytes) {
                *state = self.automaton.next_state(cache, *state, byte).ok()?;
                if state.is_match() {
                    return Some(true);
                }
                // Cleared: the other lanes' states are gone.
                if state.is_tagged() || cache.clear_count() != known {
                    return None;
                }
            }
        }
        // A match shows one step behind its last byte.
        for state in states {
            let end = self.automaton.next_eoi_state(cache, state).ok()?;
            if end.is_match() {
                return Some(true);
            }
            if cache.clear_count() != known {
                return None;
            }
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRng, TestRunner};
    use regex::bytes::RegexSetBuilder;

    use super::*;
    use crate::phi::patterns::BUILTIN;

    fn triggers() -> Vec<&'static str> {
        BUILTIN.iter().map(|pattern| pattern.trigger).collect()
    }

    #[test]
    fn a_match_is_found_wherever_it_stands() {
        let sweep = Sweep::new(&triggers()).unwrap();
        let clean = vec![b'|'; 4 * sweep.longest + 700];
        assert_eq!(sweep.finds(&clean), Some(false));
        // The longest and the shortest of matches, at every place: on no border of two stretches is one lost.
        let long = format!("://{}@", "x".repeat(130));
        for planted in [long.as_bytes(), b"zip", b"123-45-6789"] {
            for at in 0..=clean.len() - planted.len() {
                let mut bytes = clean.clone();
                bytes[at..at + planted.len()].copy_from_slice(planted);
                assert_eq!(sweep.finds(&bytes), Some(true), "at {at} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn it_says_what_the_expressions_say() {
        let sweep = Sweep::new(&triggers()).unwrap();
        let set = RegexSetBuilder::new(triggers()).unicode(false).build().unwrap();
        let examples: Vec<&str> = BUILTIN.iter().flat_map(|pattern| pattern.examples).copied().collect();
        let broken = (prop::sample::select(examples), any::<prop::sample::Index>(), 0..3usize).prop_map(|(text, at, cut)| {
            let mut bytes = text.as_bytes().to_vec();
            let at = at.index(bytes.len());
            drop(bytes.drain(at..(at + cut).min(text.len())));
            bytes
        });
        let filler = prop_oneof!["[ACGT|]{0,60}", "[0-9|]{0,9}", "[b-d_&]{0,40}", "ENST[0-9]{11}"].prop_map(String::into_bytes);
        let pieces = prop::collection::vec(prop_oneof![1 => broken, 60 => filler], 0..120);
        let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(Default::default()));
        let answers = std::cell::RefCell::new(std::collections::BTreeMap::new());
        runner
            .run(&pieces, |pieces| {
                let bytes = pieces.concat();
                let found = sweep.finds(&bytes);
                prop_assert!(found.is_none_or(|found| found == set.is_match(&bytes)), "{}", bytes.escape_ascii());
                *answers.borrow_mut().entry(found).or_insert(0) += 1;
                Ok(())
            })
            .unwrap();
        let answers = answers.into_inner();
        assert!([Some(true), Some(false)].iter().all(|answer| answers.get(answer).is_some_and(|n| *n > 20)), "{answers:?}");
    }

    #[test]
    fn what_it_cannot_bound_it_refuses() {
        for expression in ["a+", "^a", r"a\b", "("] {
            assert!(Sweep::new(&[expression]).is_none(), "{expression}");
        }
        assert!(Sweep::new(&["ab{1,9}"]).is_some());
    }

    #[test]
    fn few_bytes_are_not_divided() {
        let sweep = Sweep::new(&["ab"]).unwrap();
        assert_eq!((sweep.finds(b""), sweep.finds(b"ab")), (None, None));
        assert_eq!(sweep.finds(&[b'a'; 64]), Some(false));
    }
}
