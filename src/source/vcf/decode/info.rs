//! INFO in one pass (VCF 4.3 section 1.6.1): each key is guessed from the order the record before had, the value goes to its
//! builder. It must not know other columns.

mod bcf;

use std::collections::HashSet;
use std::sync::LazyLock;

use datafusion::arrow::array::ArrayRef;

use super::bad::{Bad, Place};
use super::extent::number;
use super::keep_or_fail::{Demand, Leftovers};
use super::needle::Needle;
use super::odd::{Odd, Tally};
use crate::flow::{Number, VcfType};
use crate::source::vcf::columns::{AnyColumn, Blanks, Column, Encoding, Ends, column_for};
use crate::source::vcf::count::expected;
use crate::source::vcf::find::find;
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::header::Field;
use crate::source::vcf::slot::Slot;

/// What the loop asks of a key, field for field.
struct Key {
    needle: Needle,
    column: Option<AnyColumn>,
    /// The column takes values in passing.
    plain: bool,
    /// How many values are right: `a * alternate alleles + b`, in the bits that count.
    expects: (u32, u32, u32),
    /// The key that came next the last time it was looked up.
    next: usize,
}

/// The rest of what is known about a key.
struct Facts {
    demand: Demand,
    kind: VcfType,
    is_end: bool,
    odd: Tally,
    /// The column has kept room for what the last batch held.
    roomy: bool,
}

/// Keys that are guessed before the index is asked: fields that some records lack come between the others.
const GUESSES: usize = 4;

/// Decodes INFO into the columns that are asked for.
pub(super) struct InfoDecoder {
    keys: Vec<Key>,
    facts: Vec<Facts>,
    index: KeyMap<usize>,
    wanted: bool,
    leftovers: Leftovers,
    first: usize,
    /// Of entries that belong to no key.
    odd: Tally,
}

impl InfoDecoder {
    /// `catch_all`: the table has a column for what no other takes. `strict`: declarations are promises.
    pub(super) fn new(fields: &[Field], slots: &[Slot], catch_all: bool, strict: bool) -> Self {
        let (mut keys, mut facts) = (Vec::with_capacity(fields.len()), Vec::with_capacity(fields.len()));
        let mut index = KeyMap::default();
        let asked: HashSet<usize> =
            slots.iter().filter_map(|slot| if let Slot::Info(i) = slot { Some(*i) } else { None }).collect();
        for (i, field) in fields.iter().enumerate() {
            let column = asked.contains(&i).then(|| column_for(field.number, field.kind));
            index.insert(field.id.as_bytes().into(), i);
            let is_end = field.id == "END";
            keys.push(Key {
                needle: Needle::new(&field.id, field.kind == VcfType::Flag),
                plain: column.is_some() && !is_end && field.kind != VcfType::Flag,
                column,
                expects: match field.number {
                    Number::Count(n) if n > 1 => (0, n, u32::MAX),
                    Number::A => (1, 0, u32::MAX),
                    Number::R => (1, 1, u32::MAX),
                    _ => (0, 0, 0),
                },
                next: i + 1,
            });
            facts.push(Facts { demand: Demand::of(field), kind: field.kind, is_end, odd: Tally::default(), roomy: false });
        }
        let leftovers = Leftovers::new(catch_all, slots.contains(&Slot::InfoOther), strict);
        let wanted = leftovers.is_wanted() || keys.iter().any(|key: &Key| key.column.is_some());
        Self { keys, facts, index, wanted, leftovers, first: 0, odd: Tally::default() }
    }

    /// Any column reads INFO.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// What was tolerated, by key; `None` is INFO as a whole.
    pub(super) fn oddities(&self) -> impl Iterator<Item = (Option<usize>, Odd, u64)> {
        let keys = self.facts.iter().enumerate().flat_map(|(i, key)| key.odd.counts().map(move |(odd, n)| (Some(i), odd, n)));
        keys.chain(self.odd.counts().map(|(odd, n)| (None, odd, n)))
    }

    /// Decodes a record's INFO for slot `row`. Returns END where it is a number.
    pub(super) fn decode(&mut self, text: &[u8], row: usize, alts: usize, encoding: Encoding) -> Result<Option<i64>, Bad> {
        if text == b"." || text.is_empty() {
            if text.is_empty() {
                self.odd.add(Odd::Empty);
            }
            return Ok(None);
        }
        let (mut rest, mut end, mut before, mut guess) = (text, None, usize::MAX, self.first);
        loop {
            let mut known = false;
            for _ in 0..GUESSES {
                let Some(key) = self.keys.get(guess) else { break };
                if key.needle.begins(rest) {
                    known = true;
                    break;
                }
                guess = key.next;
            }
            if known
                && let Some(key) = self.keys.get_mut(guess)
                && key.plain
                && let Some(column) = &mut key.column
            {
                let value = &rest[key.needle.len()..];
                let taken = column.take(row, value, Ends::INFO, encoding);
                if taken.len != 0 {
                    let (a, b, counts) = key.expects;
                    // A lone `.` stands for any number of values.
                    if (taken.count ^ (a * alts as u32 + b)) & counts != 0
                        && value[..taken.len as usize] != *b"."
                        && let Some(facts) = self.facts.get_mut(guess)
                    {
                        facts.odd.add(Odd::Miscount);
                    }
                    (before, guess) = (guess, key.next);
                    match value.get(taken.len as usize + 1..) {
                        Some(next) => rest = next,
                        None => break,
                    }
                    continue;
                }
            }
            let entry = &rest[..find(b';', rest).unwrap_or(rest.len())];
            let (name, value) = match find(b'=', entry) {
                Some(at) => (&entry[..at], Some(&entry[at + 1..])),
                None => (entry, None),
            };
            // A guessed key begins the entry; a flag's name may go on there.
            let guessed = (known && self.keys[guess].needle.is_whole(name.len())).then_some(guess);
            match guessed.or_else(|| self.index.get(name).copied()) {
                Some(key) => {
                    // What the guesses passed over this record lacks; only a miss teaches a new order.
                    if guessed.is_none() {
                        match self.keys.get_mut(before) {
                            Some(before) => before.next = key,
                            None => self.first = key,
                        }
                    }
                    if let Some(value) = value.filter(|_| self.facts[key].is_end) {
                        end = number(value);
                    }
                    self.put(key, value, entry, row, alts, encoding)?;
                    (before, guess) = (key, self.keys[key].next);
                }
                // `.` among others names nothing.
                None if matches!(entry, b"" | b".") => {
                    self.odd.add(Odd::Empty);
                }
                None => {
                    // A file without a declared END still means it.
                    if let Some(value) = entry.strip_prefix(b"END=") {
                        end = number(value);
                    }
                    self.odd.add(Odd::Undeclared);
                    self.leftovers.keep(entry);
                }
            }
            match rest.get(entry.len() + 1..) {
                Some(next) => rest = next,
                None => break,
            }
        }
        self.leftovers.put(row);
        Ok(end)
    }

    /// Gives a value to its column; what does not fit goes to the catch-all column where the table has one.
    #[inline]
    fn put(
        &mut self,
        index: usize,
        value: Option<&[u8]>,
        entry: &[u8],
        row: usize,
        alts: usize,
        encoding: Encoding,
    ) -> Result<(), Bad> {
        let key = &mut self.facts[index];
        let Some(column) = self.keys.get_mut(index).and_then(|key| key.column.as_mut()) else { return Ok(()) };
        let Some(value) = value else {
            if key.kind == VcfType::Flag {
                match column.put(row, b"", encoding) {
                    Ok(Some(_)) => return Ok(()),
                    _ => key.odd.add(Odd::Repeated),
                }
            } else {
                key.odd.add(Odd::NoValue);
            }
            self.leftovers.keep(entry);
            return Ok(());
        };
        match column.put(row, value, encoding) {
            Ok(None) => {
                key.odd.add(Odd::Repeated);
                self.leftovers.keep(entry);
            }
            Ok(_) if key.kind == VcfType::Flag => {
                key.odd.add(Odd::FlagValue);
                self.leftovers.keep(entry);
            }
            Ok(Some(count)) => {
                if expected(key.demand.number, alts).is_some_and(|expected| expected != count) && value != b"." {
                    key.odd.add(Odd::Miscount);
                }
            }
            Err(reason) => {
                let several = value.contains(&b',');
                key.odd.add(self.leftovers.keep_or_fail(key.demand, several, Place::Info(index), reason)?);
                self.leftovers.keep(entry);
            }
        }
        Ok(())
    }

    /// Takes back what a bad record with this INFO has left behind the first `rows`: only its own keys, as there may be very
    /// many others.
    pub(super) fn undo(&mut self, text: &[u8], rows: usize) {
        for entry in text.split(|byte| *byte == b';') {
            let name = &entry[..memchr::memchr(b'=', entry).unwrap_or(entry.len())];
            if let Some(key) = self.index.get(name).copied() {
                self.undo_key(key, rows);
            }
        }
        self.leftovers.truncate(rows);
    }

    fn undo_key(&mut self, key: usize, rows: usize) {
        if let Some(column) = self.keys.get_mut(key).and_then(|key| key.column.as_mut()) {
            column.truncate(rows);
        }
    }

    /// The finished column of a slot, padded to `rows`.
    pub(super) fn finish(&mut self, slot: Slot, rows: usize, blanks: &mut Blanks) -> Option<ArrayRef> {
        let Slot::Info(i) = slot else {
            return if slot == Slot::InfoOther { self.leftovers.finish(rows) } else { None };
        };
        let (facts, column) = (self.facts.get_mut(i)?, self.keys.get_mut(i)?.column.as_mut()?);
        let filled = column.len() > 0;
        if !filled && facts.roomy {
            *column = column_for(facts.demand.number, facts.kind);
        }
        facts.roomy = filled;
        Some(blanks.finish(column, rows, |array| array))
    }
}

/// END without decoding the rest.
pub(super) fn find_end(info: &[u8]) -> Option<i64> {
    static END: LazyLock<memchr::memmem::Finder<'static>> = LazyLock::new(|| memchr::memmem::Finder::new("END="));
    let mut from = 0;
    while let Some(at) = END.find(&info[from..]).map(|at| from + at) {
        if at == 0 || info[at - 1] == b';' {
            let value = &info[at + 4..];
            return number(&value[..memchr::memchr(b';', value).unwrap_or(value.len())]);
        }
        from = at + 4;
    }
    None
}
