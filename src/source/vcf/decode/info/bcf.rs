//! INFO of BCF: keys are numbers, values are typed. It must not know other columns.

use super::InfoDecoder;
use crate::flow::VcfType;
use crate::source::vcf::bcf::Cursor;
use crate::source::vcf::columns::{Column, Encoding, Vector};
use crate::source::vcf::count::expected;
use crate::source::vcf::decode::bad::{Bad, Place};
use crate::source::vcf::decode::binary::{Names, check_utf8, end_in};
use crate::source::vcf::decode::odd::Odd;
use crate::source::vcf::reason::Reason;

impl InfoDecoder {
    /// Decodes a record's `count` entries for slot `row`. Returns END where it is a number.
    pub(in crate::source::vcf::decode) fn decode_binary(
        &mut self,
        mut entries: Cursor<'_>,
        count: usize,
        names: &Names,
        row: usize,
        alts: usize,
        encoding: Encoding,
    ) -> Result<Option<i64>, Bad> {
        let mut end = None;
        for _ in 0..count {
            let key = entries.integer()?;
            let value = entries.value()?;
            let Some(name) = names.dictionary.string(key) else {
                return Err(Bad::column("INFO", Reason::UnknownKey));
            };
            match names.info.get(key as usize).copied().flatten() {
                Some(index) => {
                    if let Some(value) = value.filter(|_| self.facts[index].is_end) {
                        end = end_in(value);
                    }
                    self.put_binary(index, name, value, row, alts, encoding)?;
                }
                None if name == "." && value.is_none_or(Vector::is_missing) => self.odd.add(Odd::Empty),
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
            return Err(Bad::new(Place::Record, Reason::DamagedFields));
        }
        self.leftovers.put(row);
        Ok(end)
    }

    /// Takes back what a bad record with these entries has left behind the first `rows`.
    pub(in crate::source::vcf::decode) fn undo_binary(
        &mut self,
        mut entries: Cursor<'_>,
        count: usize,
        names: &Names,
        rows: usize,
    ) {
        for _ in 0..count {
            let (Ok(key), Ok(_)) = (entries.integer(), entries.value()) else { break };
            if let Some(key) = names.info.get(key as usize).copied().flatten() {
                self.undo_key(key, rows);
            }
        }
        self.leftovers.truncate(rows);
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
        encoding: Encoding,
    ) -> Result<(), Bad> {
        let key = &mut self.facts[index];
        let Some(column) = self.keys.get_mut(index).and_then(|key| key.column.as_mut()) else { return Ok(()) };
        let text = value.and_then(Vector::text);
        text.map_or(Ok(()), check_utf8)?;
        if key.kind == VcfType::Flag {
            // Any number says that the flag is there; a text is somebody's value.
            match column.put(row, b"", encoding) {
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
        match column.put_vector(row, vector, encoding) {
            Ok(None) => {
                key.odd.add(Odd::Repeated);
                self.keep_binary(name, value)
            }
            Ok(Some(count)) => {
                if expected(key.demand.number, alts).is_some_and(|expected| expected != count) && !vector.is_missing() {
                    key.odd.add(Odd::Miscount);
                }
                Ok(())
            }
            Err(reason) => {
                key.odd.add(self.leftovers.keep_or_fail(key.demand, vector.is_several(), Place::Info(index), reason)?);
                self.keep_binary(name, value)
            }
        }
    }

    #[cold]
    fn keep_binary(&mut self, name: &str, value: Option<Vector<'_>>) -> Result<(), Bad> {
        let Some(value) = value else {
            self.leftovers.keep(name.as_bytes());
            return Ok(());
        };
        self.leftovers.keep_written(name, |text| {
            value.text().map_or(Ok(()), check_utf8)?;
            value.write(text).map_err(|reason| Bad::column("INFO", reason))
        })
    }
}
