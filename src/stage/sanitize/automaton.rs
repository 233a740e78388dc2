//! Words and grammars as one table: the next state by state and byte, with the separators cut in. One step a byte, without a
//! lock, a cache or a hash. It must not know policies, columns or what a piece means.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// Bytes of a table, and of what is needed to make it. What grows larger is left to the regular expressions themselves.
const TABLE: usize = 2 << 20;
const WORK: usize = 8 << 20;

/// The state no text leaves again.
const DEAD: u32 = 0;

/// Tells whether every piece of a text is in a language; a separator ends a piece before the language sees it.
pub(super) struct Automaton {
    /// The column of each byte.
    columns: [u8; 256],
    /// Rows of states, each `width` wide; entries are the first cell of the next row. Last cell: does a text end well here?
    cells: Vec<u32>,
    width: usize,
    start: u32,
}

impl Automaton {
    /// An automaton for pieces that are empty, `.`, or match one of the `languages`: regular expressions of ASCII text, each for the
    /// entire piece. `None` when the table would be too large or an expression needs more than a table.
    pub(super) fn new(languages: &[String], separators: &[u8]) -> Option<Self> {
        let pattern = format!(r"\A(?:|\.|{})\z", languages.join("|"));
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .accelerate(false)
            .dfa_size_limit(Some(TABLE))
            .determinize_size_limit(Some(WORK));
        let dfa = dense::Builder::new().configure(config).syntax(syntax::Config::new().unicode(false)).build(&pattern).ok()?;
        let begin = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;

        let classes = dfa.byte_classes();
        let separator = u8::try_from(classes.alphabet_len()).ok()?;
        let mut columns: [u8; 256] = std::array::from_fn(|byte| classes.get(byte as u8));
        separators.iter().for_each(|&byte| columns[usize::from(byte)] = separator);
        let width = usize::from(separator) + 2;
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.dedup_by_key(|byte| columns[usize::from(*byte)]);

        // Dead and start come first; the others as they are met.
        let mut rows: HashMap<StateID, u32> = HashMap::new();
        let mut met = vec![begin];
        let start = width as u32;
        rows.insert(begin, start);
        let mut cells = vec![DEAD; width];
        let mut next = 0;
        while let Some(&state) = met.get(next) {
            next += 1;
            let good = dfa.is_match_state(dfa.next_eoi_state(state));
            let mut row = vec![DEAD; width];
            for &byte in &bytes {
                let to = dfa.next_state(state, byte);
                if dfa.is_quit_state(to) {
                    return None;
                }
                let fresh = u32::try_from((met.len() + 1) * width).ok()?;
                let to = if dfa.is_dead_state(to) {
                    DEAD
                } else {
                    *rows.entry(to).or_insert_with(|| {
                        met.push(to);
                        fresh
                    })
                };
                row[usize::from(columns[usize::from(byte)])] = to;
            }
            row[usize::from(separator)] = if good { start } else { DEAD };
            row[width - 1] = u32::from(good);
            cells.extend(row);
        }
        (cells.len() * size_of::<u32>() <= TABLE).then_some(Self { columns, cells, width, start })
    }

    /// Is every piece of `text` in the language?
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        self.ends_well(text.iter().fold(self.start, |state, &byte| self.step(state, byte)))
    }

    /// The same for what stands before the first `stop`, and how many bytes that is.
    pub(super) fn fits_until(&self, text: &[u8], stop: u8) -> (usize, bool) {
        let mut state = self.start;
        for (at, &byte) in text.iter().enumerate() {
            if byte == stop {
                return (at, self.ends_well(state));
            }
            state = self.step(state, byte);
        }
        (text.len(), self.ends_well(state))
    }

    fn step(&self, state: u32, byte: u8) -> u32 {
        let at = state as usize + usize::from(self.columns[usize::from(byte)]);
        self.cells.get(at).copied().unwrap_or(DEAD)
    }

    fn ends_well(&self, state: u32) -> bool {
        self.cells.get(state as usize + self.width - 1) == Some(&1)
    }
}

impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Automaton({} states)", self.cells.len() / self.width)
    }
}
