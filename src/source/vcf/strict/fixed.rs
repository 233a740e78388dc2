//! CHROM to FILTER, and INFO cut into its entries (4.2 section 1.4.1, 4.3-4.5 section 1.6.1). It must not know keys or calls.

use super::fault::{At, Fault, column};
use super::record::Record;
use super::rules::Rules;
use super::{alleles, names, value};
use crate::source::vcf::reason::Reason;

/// Checks the fixed columns.
pub(super) fn check<'a>(columns: &[&'a [u8]], rules: &Rules) -> Result<Record<'a>, Fault<'a>> {
    let [chrom, pos, ids, reference, alt, qual, filter, info, ..] = columns else {
        return Err(Fault { at: At::Record, reason: Reason::WrongColumns });
    };
    let minor = rules.minor;
    if !names::is_chrom(chrom, minor) {
        return Err(column("CHROM", Reason::NotContig));
    }
    let pos = position(pos).ok_or(column("POS", Reason::NotPosition))?;
    identifiers(ids, minor)?;
    if reference.is_empty() || !reference.iter().all(|base| alleles::is_base(*base)) {
        return Err(column("REF", Reason::NotBases));
    }
    let alts = alleles::split(alt, reference, minor)?;
    if *qual != b"." && value::float(qual, minor).map_err(|reason| column("QUAL", reason))? < 0.0 {
        return Err(column("QUAL", Reason::Negative));
    }
    filters(filter, minor)?;
    Ok(Record { chrom, pos, reference, alts, info: entries(info)? })
}

fn position(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn identifiers<'a>(text: &[u8], minor: u32) -> Result<(), Fault<'a>> {
    let ids: Vec<&[u8]> = text.split(|byte| *byte == b';').collect();
    if ids.iter().any(|id| id.is_empty()) {
        return Err(column("ID", Reason::EmptyIdentifier));
    }
    if text.iter().any(u8::is_ascii_whitespace) {
        return Err(column("ID", Reason::WhiteSpace));
    }
    if minor >= 3 && repeats(&ids) {
        return Err(column("ID", Reason::RepeatedIdentifier));
    }
    Ok(())
}

fn filters<'a>(text: &[u8], minor: u32) -> Result<(), Fault<'a>> {
    let filters: Vec<&[u8]> = text.split(|byte| *byte == b';').collect();
    if filters.iter().any(|name| !names::is_filter(name)) {
        return Err(column("FILTER", Reason::NotFilter));
    }
    if filters.len() > 1 && filters.contains(&b".".as_slice()) {
        return Err(column("FILTER", Reason::MissingBesideFilter));
    }
    if minor >= 3 && repeats(&filters) {
        return Err(column("FILTER", Reason::RepeatedFilter));
    }
    Ok(())
}

/// A key, and its value where it has one.
type Entry<'a> = (&'a [u8], Option<&'a [u8]>);

/// INFO's entries; none for `.`.
fn entries(text: &[u8]) -> Result<Vec<Entry<'_>>, Fault<'_>> {
    if text == b"." {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for entry in text.split(|byte| *byte == b';') {
        if entry.is_empty() {
            return Err(column("INFO", Reason::EmptyEntry));
        }
        entries.push(match memchr::memchr(b'=', entry) {
            Some(at) => (&entry[..at], Some(&entry[at + 1..])),
            None => (entry, None),
        });
    }
    Ok(entries)
}

pub(super) fn repeats(words: &[&[u8]]) -> bool {
    if words.len() < 16 {
        return words.iter().enumerate().any(|(i, word)| words[..i].contains(word));
    }
    let mut seen = std::collections::HashSet::new();
    words.iter().any(|word| !seen.insert(word))
}
