//! What reading records of BCF needs beside the builders: names by number, room for texts, the checks of raw bytes. It must
//! not know columns.

use std::collections::HashMap;
use std::sync::Arc;

use super::bad::{Bad, Place};
use super::extent::number;
use super::recipe::Recipe;
use crate::source::vcf::bcf::{Cursor, Dictionary};
use crate::source::vcf::columns::Vector;
use crate::source::vcf::reason::Reason;

/// What the numbers in records mean for one scan, and room to put texts together.
pub(super) struct Binary {
    pub names: Names,
    pub alt: Vec<u8>,
    pub filter: Vec<u8>,
    pub line: Vec<u8>,
}

/// The dictionary, and for each of its numbers the index among the load's INFO fields.
pub(super) struct Names {
    pub dictionary: Arc<Dictionary>,
    pub info: Vec<Option<usize>>,
}

impl Binary {
    pub(super) fn new(dictionary: Arc<Dictionary>, recipe: &Recipe) -> Self {
        let fields: HashMap<&str, usize> =
            recipe.fields.info.iter().enumerate().map(|(i, field)| (field.id.as_str(), i)).collect();
        let info = dictionary.strings().map(|id| fields.get(id?).copied()).collect();
        Self { names: Names { dictionary, info }, alt: Vec::new(), filter: Vec::new(), line: Vec::new() }
    }
}

/// Strings of BCF are bytes.
#[inline]
pub(super) fn check_utf8(text: &[u8]) -> Result<(), Bad> {
    if text.is_ascii() || std::str::from_utf8(text).is_ok() { Ok(()) } else { Err(Bad::new(Place::Record, Reason::NotUtf8)) }
}

/// END without decoding the rest.
pub(super) fn find_end(entries: Cursor<'_>, count: usize, dictionary: &Dictionary) -> Option<i64> {
    find(entries, count, dictionary, "END").and_then(end_in)
}

/// CHR2 without decoding the rest.
pub(super) fn find_chr2<'a>(entries: Cursor<'a>, count: usize, dictionary: &Dictionary) -> Option<&'a [u8]> {
    find(entries, count, dictionary, "CHR2")?.text()
}

fn find<'a>(mut entries: Cursor<'a>, count: usize, dictionary: &Dictionary, wanted: &str) -> Option<Vector<'a>> {
    for _ in 0..count {
        let (key, value) = (entries.integer().ok()?, entries.value().ok()?);
        if dictionary.string(key) == Some(wanted) {
            return value;
        }
    }
    None
}

/// END's value, where it is one integer.
pub(super) fn end_in(value: Vector<'_>) -> Option<i64> {
    match value.text() {
        Some(text) => number(text),
        None if value.is_several() => None,
        None => value.integers().next()?.ok()?.map(i64::from),
    }
}
