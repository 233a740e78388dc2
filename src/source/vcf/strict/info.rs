//! INFO's keys and values (4.2 sections 1.4.1 and 3, 4.3-4.5 sections 1.6.1 and 3). It must not know calls.

use super::fault::{At, Check, Fault, column};
use super::record::Record;
use super::rules::{Rule, Rules};
use super::{alleles, fixed, names, value};
use crate::flow::{Number, VcfType};
use crate::source::vcf::reason::Reason;

/// Reserved keys that count something or are a position.
const COUNTS: [&[u8]; 9] = [b"AC", b"AD", b"ADF", b"ADR", b"AN", b"DP", b"END", b"MQ0", b"NS"];

pub(super) fn check<'a>(record: &Record<'a>, rules: &Rules) -> Check<'a> {
    let keys: Vec<&[u8]> = record.info.iter().map(|(key, _)| *key).collect();
    if rules.minor >= 3 && fixed::repeats(&keys) {
        return Err(column("INFO", Reason::RepeatedKey));
    }
    for (key, value) in &record.info {
        let fault = |reason| Fault { at: At::Info(key), reason };
        if !names::is_info_key(key, rules.minor) {
            return Err(column("INFO", Reason::NotKey));
        }
        if rules.minor < 3 && value.is_some_and(|value| value.iter().any(u8::is_ascii_whitespace)) {
            return Err(fault(Reason::WhiteSpace));
        }
        if value.is_some_and(<[u8]>::is_empty) {
            return Err(fault(Reason::EmptyValue));
        }
        if let Some(rule) = rules.info.get(*key) {
            typed(*value, *rule, record, rules.minor).map_err(fault)?;
        }
        if let Some(value) = value {
            reserved(key, value, record, rules.minor).map_err(fault)?;
        }
    }
    Ok(())
}

/// Type and number of values.
fn typed(text: Option<&[u8]>, rule: Rule, record: &Record<'_>, minor: u32) -> Result<(), Reason> {
    let Some(text) = text else { return if rule.kind == VcfType::Flag { Ok(()) } else { Err(Reason::NoValue) } };
    let mut count = 0;
    for item in text.split(|byte| *byte == b',') {
        value::check(item, rule.kind, minor)?;
        count += 1;
    }
    let fits = match rule.number {
        _ if text == b"." || rule.kind == VcfType::Flag => true,
        // The specification's own files count a text in quotes as one value.
        Number::Count(1) if matches!(text, [b'"', .., b'"']) => true,
        Number::Count(n) => count == n as usize,
        Number::A => record.is_alts(count),
        Number::R => count > 0 && record.is_alts(count - 1),
        // INFO has no ploidy, so G says nothing there.
        _ => true,
    };
    if fits { Ok(()) } else { Err(Reason::WrongCount) }
}

/// What the text says of reserved keys beyond type and number.
fn reserved(key: &[u8], text: &[u8], record: &Record<'_>, minor: u32) -> Result<(), Reason> {
    let items = || text.split(|byte| *byte == b',').filter(|item| *item != b".");
    if COUNTS.contains(&key) && items().any(|item| item.starts_with(b"-") && value::integer(item, minor).is_ok_and(|n| n < 0)) {
        return Err(Reason::Negative);
    }
    match key {
        b"AF" => {
            let outside = |item| value::float(item, minor).is_ok_and(|share| !(0.0..=1.0).contains(&share));
            if items().any(outside) { Err(Reason::NotFraction) } else { Ok(()) }
        }
        b"CIGAR" if !items().all(is_cigar) => Err(Reason::NotCigar),
        b"END" => {
            let end = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
            if end.is_some_and(|end| end < record.pos) { Err(Reason::EndBeforePos) } else { Ok(()) }
        }
        b"SVLEN" if minor <= 3 => length(text, record, minor),
        _ => Ok(()),
    }
}

/// Operations as SAM has them.
fn is_cigar(text: &[u8]) -> bool {
    let mut digits = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'M' | b'I' | b'D' | b'N' | b'S' | b'H' | b'P' | b'X' | b'=' if digits > 0 => digits = 0,
            _ => return false,
        }
    }
    !text.is_empty() && digits == 0
}

/// Until 4.3 SVLEN is length of ALT - length of REF: known for bases, of known sign for symbolic alleles (section 3).
fn length(text: &[u8], record: &Record<'_>, minor: u32) -> Result<(), Reason> {
    let items: Vec<&[u8]> = text.split(|byte| *byte == b',').collect();
    if items.len() != record.alts.len() {
        return Ok(());
    }
    for (item, allele) in items.into_iter().zip(&record.alts) {
        let Ok(length) = value::integer(item, minor) else { continue };
        let fits = match alleles::symbol(allele) {
            None if alleles::is_sequence(allele) => i64::from(length) == allele.len() as i64 - record.reference.len() as i64,
            Some([b'I', b'N', b'S', ..] | [b'D', b'U', b'P', ..]) => length >= 0,
            Some([b'D', b'E', b'L', ..]) => length <= 0,
            _ => true,
        };
        if !fits {
            return Err(Reason::WrongLength);
        }
    }
    Ok(())
}
