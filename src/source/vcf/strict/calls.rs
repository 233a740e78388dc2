//! FORMAT and the sample columns (4.2 section 1.4.2, 4.3-4.5 section 1.6.2). It must not know INFO.

use super::fault::{At, Check, Fault, column};
use super::record::Record;
use super::rules::{Rule, Rules};
use super::{fixed, names, value};
use crate::flow::Number;
use crate::source::vcf::count::genotypes;
use crate::source::vcf::header::reserved;
use crate::source::vcf::reason::Reason;

/// FORMAT keys whose values are defined by other keys of the same call (4.5 section 1.6.2).
const LOCAL: [&[u8]; 9] = [b"LAD", b"LADF", b"LADR", b"LEC", b"LGL", b"LGP", b"LPL", b"LPP", b"LGT"];
/// Reserved keys that count something, and the phase set, which is "non-negative".
const COUNTS: [&[u8]; 6] = [b"AD", b"ADF", b"ADR", b"DP", b"PS", b"LEN"];

/// What the call's own keys say.
#[derive(Clone, Copy)]
struct Call<'a> {
    /// `None` without GT, and for a lone `.`, which says nothing of ploidy.
    ploidy: Option<usize>,
    /// GT is there.
    genotype: Option<&'a [u8]>,
    /// Alleles of LAA.
    local: Option<usize>,
}

pub(super) fn check<'a>(record: &Record<'a>, format: &'a [u8], samples: &[&'a [u8]], rules: &Rules) -> Check<'a> {
    let keys: Vec<&[u8]> = format.split(|byte| *byte == b':').collect();
    if keys.iter().any(|key| !names::is_format_key(key, rules.minor)) {
        return Err(column("FORMAT", Reason::NotKey));
    }
    if rules.minor >= 3 && fixed::repeats(&keys) {
        return Err(column("FORMAT", Reason::RepeatedKey));
    }
    if keys.iter().skip(1).any(|key| *key == b"GT") {
        return Err(column("FORMAT", Reason::GtNotFirst));
    }
    if rules.minor >= 5 {
        local_order(&keys)?;
    }
    let formats: Vec<Option<Rule>> = keys.iter().map(|key| rules.format(key)).collect();
    samples.iter().try_for_each(|sample| call(record, &keys, &formats, sample, rules))
}

/// LAA stands before the keys it is needed for (4.5 section 1.6.2).
fn local_order<'a>(keys: &[&'a [u8]]) -> Check<'a> {
    let laa = keys.iter().position(|key| *key == b"LAA");
    if keys.iter().any(|key| LOCAL.contains(key)) && laa.is_none() {
        return Err(column("FORMAT", Reason::LocalWithoutLaa));
    }
    if keys.iter().any(|key| LOCAL.contains(key)) && laa.is_some_and(|at| at > usize::from(keys[0] == b"GT")) {
        return Err(column("FORMAT", Reason::LaaNotFirst));
    }
    Ok(())
}

fn call<'a>(record: &Record<'a>, keys: &[&'a [u8]], formats: &[Option<Rule>], text: &'a [u8], rules: &Rules) -> Check<'a> {
    let values: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
    if values.len() > keys.len() {
        return Err(column("FORMAT", Reason::SurplusCallValues));
    }
    // Keys behind the call's last value have none.
    let get = |name: &str| {
        keys.iter().take(values.len()).position(|key| *key == name.as_bytes()).and_then(|at| values.get(at).copied())
    };
    let genotype = get("GT");
    let ploidy = match genotype {
        Some(text) => Some(alleles(text, record, rules.minor).map_err(|reason| Fault { at: At::Format(b"GT"), reason })?),
        None => None,
    };
    let local = match get("LAA") {
        Some(text) => Some(local_alleles(text, record, rules.minor).map_err(|reason| Fault { at: At::Format(b"LAA"), reason })?),
        None => None,
    };
    let ploidy = ploidy.filter(|_| genotype != Some(b"."));
    let own = Call { ploidy, genotype, local };
    for ((key, rule), value) in keys.iter().zip(formats).zip(&values) {
        let fault = |reason| Fault { at: At::Format(key), reason };
        if value.is_empty() && rules.minor < 5 {
            return Err(fault(Reason::EmptyValue));
        }
        if *key == b"GT" || *key == b"LAA" {
            continue;
        }
        if let Some(rule) = rule {
            typed(value, *rule, own, record, rules.minor).map_err(fault)?;
        }
        limits(key, value, rules.minor).map_err(fault)?;
    }
    if rules.minor >= 4 {
        phase_sets(genotype, get("PSL"), [("PSO", get("PSO")), ("PSQ", get("PSQ"))], get("PS"))?;
    }
    Ok(())
}

/// A genotype: alleles behind `/` or `|`, the first sign only from 4.4 on. Returns how many alleles.
fn alleles(text: &[u8], record: &Record<'_>, minor: u32) -> Result<usize, Reason> {
    let body = match text {
        [b'/' | b'|', ..] if minor < 4 => return Err(Reason::LeadingPhase),
        [b'/' | b'|', body @ ..] => body,
        body => body,
    };
    let mut ploidy = 0;
    for allele in body.split(|byte| matches!(byte, b'/' | b'|')) {
        ploidy += 1;
        if allele == b"." {
            continue;
        }
        if allele.is_empty() || !allele.iter().all(u8::is_ascii_digit) {
            return Err(Reason::NotGenotype);
        }
        let index = std::str::from_utf8(allele).ok().and_then(|digits| digits.parse::<usize>().ok());
        // The specification's own files have 0/1 where ALT is `.`.
        if index.is_none_or(|index| index > record.alts.len().max(1)) {
            return Err(Reason::PastAlt);
        }
    }
    Ok(ploidy)
}

/// LAA: distinct indexes of ALT alleles (4.5 section 1.6.2); a missing value is an empty list.
fn local_alleles(text: &[u8], record: &Record<'_>, minor: u32) -> Result<usize, Reason> {
    if matches!(text, b"" | b".") {
        return Ok(0);
    }
    let items: Vec<&[u8]> = text.split(|byte| *byte == b',').collect();
    if minor >= 5 {
        let inside = |item: &&[u8]| value::integer(item, minor).is_ok_and(|i| i >= 1 && i as usize <= record.alts.len());
        if fixed::repeats(&items) || !items.iter().all(inside) {
            return Err(Reason::NotLocalAlleles);
        }
    }
    Ok(items.len())
}

fn typed(text: &[u8], rule: Rule, call: Call<'_>, record: &Record<'_>, minor: u32) -> Result<(), Reason> {
    if matches!(text, b"." | b"") {
        return Ok(());
    }
    let mut count = 0;
    for item in text.split(|byte| *byte == b',') {
        value::check(item, rule.kind, minor)?;
        count += 1;
    }
    let fits = match rule.number {
        Number::Count(n) => count == n as usize,
        Number::A => record.is_alts(count),
        Number::R => record.is_alts(count - 1),
        Number::G => is_genotypes(count, record.alts.len(), call) || (record.alts.is_empty() && is_genotypes(count, 1, call)),
        Number::P => call.ploidy.is_none_or(|ploidy| count == ploidy),
        Number::LA => call.local.is_none_or(|local| count == local),
        Number::LR => call.local.is_none_or(|local| count == local + 1),
        Number::LG => call.local.is_none_or(|local| is_genotypes(count, local, call)),
        // Which bases count depends on the genotype's sequences: a missing value may stand for all of an allele's.
        Number::M if call.genotype.is_none() => return Err(Reason::ModificationWithoutGt),
        Number::M | Number::Unknown => true,
    };
    if fits { Ok(()) } else { Err(Reason::WrongCount) }
}

/// One value a genotype; two alleles a genotype are assumed without GT, any number where GT is a lone dot.
fn is_genotypes(count: usize, alts: usize, call: Call<'_>) -> bool {
    match (call.genotype, call.ploidy) {
        (Some(_), None) => true,
        (_, ploidy) => genotypes(alts, ploidy.unwrap_or(2)) == Some(count),
    }
}

fn limits(key: &[u8], text: &[u8], minor: u32) -> Result<(), Reason> {
    let mut items = text.split(|byte| *byte == b',').filter(|item| !matches!(*item, b"." | b""));
    let is_modification = || {
        let known = std::str::from_utf8(key).ok().filter(|id| id.starts_with('M')).and_then(|id| reserved::format(id, minor));
        known.is_some_and(|known| known.number() == Number::M)
    };
    // Phred-scaled before 4.3.
    let is_probability = minor >= 3 && matches!(key, b"GP" | b"CNP");
    if is_probability || is_modification() {
        let outside = |item| value::float(item, minor).is_ok_and(|share| !(0.0..=1.0).contains(&share));
        return if items.any(outside) { Err(Reason::NotFraction) } else { Ok(()) };
    }
    if COUNTS.contains(&key) && items.any(|item| value::integer(item, minor).is_ok_and(|n| n < 0)) {
        return Err(Reason::Negative);
    }
    Ok(())
}

/// Phase set lists (4.4 section 1.6.2): no set for an unphased allele, no order or quality without a set, not beside PS.
fn phase_sets<'a>(
    genotype: Option<&[u8]>,
    sets: Option<&[u8]>,
    beside: [(&'static str, Option<&[u8]>); 2],
    single: Option<&[u8]>,
) -> Check<'a> {
    let Some(sets) = sets.filter(|sets| !matches!(*sets, b"." | b"")) else { return Ok(()) };
    if single.is_some_and(|set| !matches!(set, b"." | b"")) {
        return Err(Fault { at: At::Format(b"PSL"), reason: Reason::TwoPhaseSets });
    }
    let sets: Vec<&[u8]> = sets.split(|byte| *byte == b',').collect();
    if let Some(genotype) = genotype {
        let unphased = phases(genotype).into_iter().map(|phased| !phased);
        if unphased.zip(&sets).any(|(unphased, set)| unphased && *set != b".") {
            return Err(Fault { at: At::Format(b"PSL"), reason: Reason::UnphasedPhaseSet });
        }
    }
    for (key, values) in beside {
        let values = values.filter(|values| !matches!(*values, b"." | b""));
        let mut values = values.into_iter().flat_map(|values| values.split(|byte| *byte == b',')).zip(&sets);
        if values.any(|(value, set)| *set == b"." && value != b".") {
            return Err(Fault { at: At::Format(key.as_bytes()), reason: Reason::NoPhaseSet });
        }
    }
    Ok(())
}

/// Whether each allele is phased: by the sign before it; without a first sign, the first is phased when all others are.
fn phases(genotype: &[u8]) -> Vec<bool> {
    let signs: Vec<bool> = genotype.iter().filter(|byte| matches!(byte, b'/' | b'|')).map(|byte| *byte == b'|').collect();
    if matches!(genotype, [b'/' | b'|', ..]) {
        return signs;
    }
    std::iter::once(signs.iter().all(|phased| *phased)).chain(signs.iter().copied()).collect()
}
