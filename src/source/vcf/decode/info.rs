//! INFO in one pass (VCF 4.3 section 1.6.1): each key is guessed from the order the record before had, the value goes to its
//! builder. It must not know other columns.

use datafusion::arrow::array::ArrayRef;

use super::{Bad, Place, Slot, expected};
use crate::flow::{Number, VcfType};
use crate::source::vcf::columns::{AnyColumn, Column, Ends, How, Taken, Texts, column_for};
use crate::source::vcf::find::find;
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::header::Field;

struct Key {
    needle: Needle,
    column: Option<usize>,
    number: Number,
    kind: VcfType,
    inferred: bool,
    is_end: bool,
    /// The key that came next the last time it was looked up.
    next: usize,
    /// The value can go to its column in passing.
    plain: bool,
    miscounts: u64,
}

/// Keys that are guessed before the index is asked: fields that some records lack come between the others.
const GUESSES: usize = 4;

/// A key as it stands at the front of an entry: `AC=`, or a flag's name alone.
struct Needle {
    /// The first sixteen bytes, and which bits of them count.
    head: u128,
    mask: u128,
    text: Box<[u8]>,
    len: usize,
    flag: bool,
}

impl Needle {
    fn new(id: &str, flag: bool) -> Self {
        let text = if flag { id.to_owned() } else { format!("{id}=") };
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(text.bytes()) {
            (*head, *mask) = (byte, 0xff);
        }
        let (head, mask) = (u128::from_le_bytes(head), u128::from_le_bytes(mask));
        Self { head, mask, len: text.len(), text: text.into_bytes().into(), flag }
    }

    #[inline]
    fn begins(&self, entry: &[u8]) -> bool {
        let found = match entry.first_chunk::<16>() {
            Some(sixteen) => {
                (u128::from_le_bytes(*sixteen) ^ self.head) & self.mask == 0
                    && (self.len <= 16 || entry.get(16..self.len) == self.text.get(16..))
            }
            None => entry.starts_with(&self.text),
        };
        found && (!self.flag || entry.get(self.len).is_none_or(|byte| *byte == b';'))
    }
}

/// Decodes INFO into the columns that are asked for.
pub(super) struct InfoDecoder {
    keys: Vec<Key>,
    index: KeyMap<usize>,
    columns: Vec<AnyColumn>,
    other: Option<Texts>,
    /// The table has a catch-all column, asked for or not.
    open: bool,
    scratch: Vec<u8>,
    first: usize,
}

impl InfoDecoder {
    pub(super) fn new(fields: &[Field], slots: &[Slot], open: bool) -> Self {
        let mut columns: Vec<AnyColumn> = Vec::new();
        let mut keys = Vec::with_capacity(fields.len());
        let mut index = KeyMap::default();
        for (i, field) in fields.iter().enumerate() {
            let column = slots.contains(&Slot::Info(i)).then(|| {
                columns.push(column_for(field.number, field.kind));
                columns.len() - 1
            });
            index.insert(field.id.as_bytes().into(), i);
            keys.push(Key {
                needle: Needle::new(&field.id, field.kind == VcfType::Flag),
                column,
                number: field.number,
                kind: field.kind,
                inferred: field.inferred,
                is_end: field.id == "END",
                next: i + 1,
                plain: column.is_some() && field.kind != VcfType::Flag && field.id != "END",
                miscounts: 0,
            });
        }
        let other = slots.contains(&Slot::InfoOther).then(Texts::default);
        Self { keys, index, columns, other, open, scratch: Vec::new(), first: 0 }
    }

    /// Any column reads INFO.
    pub(super) fn is_wanted(&self) -> bool {
        !self.columns.is_empty() || self.other.is_some()
    }

    pub(super) fn miscounts(&self) -> impl Iterator<Item = (usize, u64)> {
        self.keys.iter().enumerate().map(|(i, key)| (i, key.miscounts)).filter(|(_, n)| *n > 0)
    }

    /// Decodes a record's INFO for slot `row`. Returns END where it is a number.
    pub(super) fn decode(&mut self, text: &[u8], row: usize, alts: usize, how: How) -> Result<Option<i64>, Bad> {
        if text == b"." || text.is_empty() {
            return Ok(None);
        }
        self.scratch.clear();
        let (mut rest, mut end, mut before, mut guess) = (text, None, None::<usize>, self.first);
        loop {
            let mut guessed = None;
            for _ in 0..GUESSES {
                let Some(key) = self.keys.get(guess) else { break };
                if key.needle.begins(rest) {
                    guessed = Some(guess);
                    break;
                }
                guess = key.next;
            }
            let (found, value, entry) = match guessed {
                Some(known) => {
                    let key = &mut self.keys[known];
                    let from = key.needle.len;
                    if key.plain
                        && !how.strict
                        && let Some(column) = key.column.and_then(|at| self.columns.get_mut(at))
                    {
                        let taken = column.take(row, &rest[from..], Ends::INFO, how);
                        let count = taken.count as usize;
                        if taken != Taken::NOT {
                            let to = from + taken.len as usize;
                            let right = expected(key.number, alts).is_none_or(|expected| expected == count);
                            // A lone `.` stands for any number of values.
                            key.miscounts += u64::from(!right && rest[from..to] != *b".");
                            (before, guess) = (Some(known), key.next);
                            match rest.get(to + 1..) {
                                Some(next) => rest = next,
                                None => break,
                            }
                            continue;
                        }
                    }
                    let to = find(b';', &rest[from..]).map_or(rest.len(), |at| from + at);
                    let value = (key.kind != VcfType::Flag).then(|| &rest[from..to]);
                    (Some(known), value, &rest[..to])
                }
                None => {
                    let entry = &rest[..find(b';', rest).unwrap_or(rest.len())];
                    let (key, value) = match find(b'=', entry) {
                        Some(at) => (&entry[..at], Some(&entry[at + 1..])),
                        None => (entry, None),
                    };
                    let found = self.index.get(key).copied();
                    if let Some(key) = found {
                        match before.and_then(|before| self.keys.get_mut(before)) {
                            Some(before) => before.next = key,
                            None => self.first = key,
                        }
                    }
                    (found, value, entry)
                }
            };
            match found {
                Some(key) => {
                    if let Some(value) = value.filter(|_| self.keys[key].is_end) {
                        end = number(value);
                    }
                    self.put(key, value, entry, row, alts, how)?;
                    (before, guess) = (Some(key), self.keys[key].next);
                }
                None if entry.is_empty() => {
                    if how.strict {
                        return Err(Bad::column("INFO", "an empty entry"));
                    }
                }
                None => {
                    // A file without a declared END still means it.
                    if let Some(value) = entry.strip_prefix(b"END=") {
                        end = number(value);
                    }
                    self.keep(entry);
                }
            }
            match rest.get(entry.len() + 1..) {
                Some(next) => rest = next,
                None => break,
            }
        }
        if let Some(other) = self.other.as_mut().filter(|_| !self.scratch.is_empty()) {
            other.pad(row);
            other.push_raw(&self.scratch);
        }
        Ok(end)
    }

    /// Gives a value to its column; what does not fit goes to the catch-all column where the table has one.
    #[inline]
    fn put(&mut self, index: usize, value: Option<&[u8]>, entry: &[u8], row: usize, alts: usize, how: How) -> Result<(), Bad> {
        let key = &mut self.keys[index];
        let Some(column) = key.column.and_then(|at| self.columns.get_mut(at)) else { return Ok(()) };
        let bad = |reason| Err(Bad::new(Place::Info(index), reason));
        let Some(value) = value else {
            if key.kind == VcfType::Flag {
                match column.put(row, b"", how) {
                    Ok(Some(_)) => return Ok(()),
                    _ if how.strict => return bad("the key is repeated"),
                    _ => {}
                }
            } else if how.strict {
                return bad("no value");
            }
            self.keep(entry);
            return Ok(());
        };
        match column.put(row, value, how) {
            Ok(None) => {
                if how.strict {
                    return bad("the key is repeated");
                }
                self.keep(entry);
            }
            Ok(_) if key.kind == VcfType::Flag => {
                if how.strict {
                    return bad("a flag with a value");
                }
                self.keep(entry);
            }
            Ok(Some(count)) => {
                if expected(key.number, alts).is_some_and(|expected| expected != count) && value != b"." {
                    if how.strict {
                        return bad("another number of values than declared");
                    }
                    key.miscounts += 1;
                }
            }
            Err(reason) => {
                let several = key.number == Number::Count(1) && value.contains(&b',');
                if how.strict || !self.open || !(key.inferred || several) {
                    return bad(reason);
                }
                key.miscounts += u64::from(several);
                self.keep(entry);
            }
        }
        Ok(())
    }

    #[cold]
    fn keep(&mut self, entry: &[u8]) {
        if self.other.is_some() {
            if !self.scratch.is_empty() {
                self.scratch.push(b';');
            }
            self.scratch.extend_from_slice(entry);
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
        if let Some(other) = &mut self.other {
            other.truncate(rows);
        }
    }

    /// The finished column of a slot, padded to `rows`.
    pub(super) fn finish(&mut self, slot: Slot, rows: usize) -> Option<ArrayRef> {
        let column = match slot {
            Slot::InfoOther => self.other.as_mut()? as &mut dyn Column,
            Slot::Info(i) => self.columns.get_mut(self.keys.get(i)?.column?)? as &mut dyn Column,
            _ => return None,
        };
        column.pad(rows);
        Some(column.finish())
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// END without decoding the rest.
pub(super) fn find_end(info: &[u8]) -> Option<i64> {
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&info[from..], b"END=").map(|at| from + at) {
        if at == 0 || info[at - 1] == b';' {
            let value = &info[at + 4..];
            return number(&value[..memchr::memchr(b';', value).unwrap_or(value.len())]);
        }
        from = at + 4;
    }
    None
}
