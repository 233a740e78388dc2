//! INFO of BCF: keys are numbers, values are typed. It must not know other columns.

use super::InfoDecoder;
use crate::flow::{Number, VcfType};
use crate::source::vcf::bcf::Cursor;
use crate::source::vcf::columns::{Column, How, Vector};
use crate::source::vcf::decode::bad::{Bad, Place};
use crate::source::vcf::decode::binary::{Names, check_utf8, damaged, end_in};
use crate::source::vcf::decode::count::expected;
use crate::source::vcf::decode::odd::Odd;

impl InfoDecoder {
    /// Decodes a record's `count` entries for slot `row`. Returns END where it is a number.
    pub(in crate::source::vcf::decode) fn decode_binary(
        &mut self,
        mut entries: Cursor<'_>,
        count: usize,
        names: &Names,
        row: usize,
        alts: usize,
        how: How,
    ) -> Result<Option<i64>, Bad> {
        self.scratch.clear();
        let mut end = None;
        for _ in 0..count {
            let key = entries.integer().map_err(damaged)?;
            let value = entries.value().map_err(damaged)?;
            let Some(name) = names.dictionary.string(key) else {
                return Err(Bad::column("INFO", "a key that is not in the header's dictionary"));
            };
            match names.info.get(key as usize).copied().flatten() {
                Some(index) => {
                    if let Some(value) = value.filter(|_| self.facts[index].is_end) {
                        end = end_in(value);
                    }
                    self.put_binary(index, name, value, row, alts, how)?;
                }
                None => {
                    if let Some(value) = value.filter(|_| name == "END") {
                        end = end_in(value);
                    }
                    self.odd.add(Odd::Undeclared);
                    self.keep_binary(name, value)?;
                }
            }
        }
        if !entries.is_done() {
            return Err(Bad::new(Place::Record, "its fields do not fit its length"));
        }
        if let Some(other) = self.other.as_mut().filter(|_| !self.scratch.is_empty()) {
            other.pad(row);
            other.push_raw(&self.scratch);
        }
        Ok(end)
    }

    /// Gives a value to its column; what does not fit goes to the catch-all column where the table has one.
    #[inline]
    fn put_binary(
        &mut self,
        index: usize,
        name: &str,
        value: Option<Vector<'_>>,
        row: usize,
        alts: usize,
        how: How,
    ) -> Result<(), Bad> {
        let key = &mut self.facts[index];
        let Some(column) = self.keys.get_mut(index).and_then(|key| key.column.as_mut()) else { return Ok(()) };
        let bad = |reason| Err(Bad::new(Place::Info(index), reason));
        let text = value.and_then(Vector::text);
        text.map_or(Ok(()), check_utf8)?;
        if key.kind == VcfType::Flag {
            // Any number says that the flag is there; a text is somebody's value.
            match column.put(row, b"", how) {
                Ok(Some(_)) if text.is_none() => return Ok(()),
                Ok(Some(_)) => key.odd.add(Odd::FlagValue),
                _ => key.odd.add(Odd::Repeated),
            }
            return self.keep_binary(name, value);
        }
        let Some(vector) = value else {
            key.odd.add(Odd::NoValue);
            return self.keep_binary(name, None);
        };
        match column.put_vector(row, vector, how) {
            Ok(None) => {
                key.odd.add(Odd::Repeated);
                self.keep_binary(name, value)
            }
            Ok(Some(count)) => {
                if expected(key.number, alts).is_some_and(|expected| expected != count) && !vector.is_missing() {
                    key.odd.add(Odd::Miscount);
                }
                Ok(())
            }
            Err(reason) => {
                let several = key.number == Number::Count(1) && vector.is_several();
                if !self.open || !(key.inferred || several) {
                    return bad(reason);
                }
                key.odd.add(if several { Odd::Miscount } else { Odd::Misfit });
                self.keep_binary(name, value)
            }
        }
    }

    #[cold]
    fn keep_binary(&mut self, name: &str, value: Option<Vector<'_>>) -> Result<(), Bad> {
        if self.other.is_none() {
            return Ok(());
        }
        if !self.scratch.is_empty() {
            self.scratch.push(b';');
        }
        self.scratch.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            value.text().map_or(Ok(()), check_utf8)?;
            self.scratch.push(b'=');
            value.write(&mut self.scratch).map_err(|reason| Bad::column("INFO", reason))?;
        }
        Ok(())
    }
}
