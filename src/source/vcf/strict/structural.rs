//! Structural variants since 4.4 (sections 3 and 4 of 4.4 and 4.5). It must not know versions before.

use super::fault::{At, Check, Fault};
use super::record::Record;
use super::{alleles, names, value};
use crate::source::vcf::reason::Reason;

const MINOR: u32 = 4;

pub(super) fn check<'a>(record: &Record<'a>, format: Option<&[u8]>) -> Check<'a> {
    let fault = |key: &'static str, reason: Reason| Fault { at: At::Info(key.as_bytes()), reason };
    let kinds: Vec<Option<&[u8]>> = record.alts.iter().map(|alt| kind(alt)).collect();
    let lengths = list(record, "SVLEN");
    for (i, _) in kinds.iter().enumerate().filter(|(_, kind)| kind.is_some()) {
        if lengths.as_ref().and_then(|lengths| lengths.get(i)).is_none_or(|length| *length == b".") {
            return Err(fault("SVLEN", Reason::NoSvLen));
        }
    }
    claims(record, &kinds).map_err(|reason| fault("SVCLAIM", reason))?;
    for (key, times) in [("CIPOS", 2), ("CIEND", 2), ("CILEN", 2), ("CICN", 2), ("MEINFO", 4), ("METRANS", 4)] {
        let Some(values) = list(record, key).filter(|values| !is_missing(values)) else { continue };
        if values.len() % times != 0 || !record.is_alts(values.len() / times) {
            return Err(fault(key, if times == 2 { Reason::NotTwoAnAlt } else { Reason::NotFourAnAlt }));
        }
    }
    for key in ["CIPOS", "CIEND"] {
        interval(record, key).map_err(|reason| fault(key, reason))?;
    }
    repeats(record).map_err(|(key, reason)| fault(key, reason))?;
    if format.is_some_and(|format| format.split(|byte| *byte == b':').any(|key| key == b"CN"))
        && let Some(lengths) = &lengths
    {
        let counted = kinds.iter().zip(lengths).filter(|(kind, _)| matches!(kind, Some(b"CNV" | b"DEL" | b"DUP")));
        let mut counted: Vec<&[u8]> = counted.map(|(_, length)| *length).collect();
        counted.dedup();
        if counted.len() > 1 {
            return Err(fault("SVLEN", Reason::SharedCopyNumber));
        }
    }
    Ok(())
}

/// The first-level type of a symbolic structural variant.
fn kind(alt: &[u8]) -> Option<&[u8]> {
    let first = alleles::symbol(alt)?.split(|byte| *byte == b':').next()?;
    names::is_variant_type(first, MINOR).then_some(first)
}

fn list<'a>(record: &Record<'a>, key: &str) -> Option<Vec<&'a [u8]>> {
    Some(record.info(key)?.split(|byte| *byte == b',').collect())
}

fn is_missing(values: &[&[u8]]) -> bool {
    values == [b"."]
}

/// SVCLAIM: demanded of DEL and DUP, and what the other types may say.
fn claims(record: &Record<'_>, kinds: &[Option<&[u8]>]) -> Result<(), Reason> {
    let claims = list(record, "SVCLAIM");
    for (i, (kind, alt)) in kinds.iter().zip(&record.alts).enumerate() {
        let claim = claims.as_ref().and_then(|claims| claims.get(i)).copied().filter(|claim| !matches!(*claim, b"." | b""));
        let fits = match (kind, claim) {
            (Some(b"DEL" | b"DUP"), claim) => matches!(claim, Some(b"D" | b"J" | b"DJ")),
            (Some(b"CNV"), Some(claim)) => claim == b"D",
            (Some(_), Some(claim)) => matches!(claim, b"J" | b"DJ"),
            (None, Some(claim)) if alleles::is_breakend(alt, MINOR) => claim == b"J",
            (None, Some(claim)) => matches!(claim, b"D" | b"J" | b"DJ"),
            (_, None) => true,
        };
        if !fits {
            return Err(Reason::NotClaim);
        }
    }
    Ok(())
}

/// Each pair spans 0.
fn interval(record: &Record<'_>, key: &str) -> Result<(), Reason> {
    let values = list(record, key).unwrap_or_default();
    for pair in values.chunks(2) {
        let number = |at: usize| pair.get(at).and_then(|text| value::float(text, MINOR).ok());
        if number(0).is_some_and(|low| low > 0.0) || number(1).is_some_and(|high| high < 0.0) {
            return Err(Reason::IntervalWithoutZero);
        }
    }
    Ok(())
}

/// Tandem repeats: the lists that go with `<CNV:TR>`.
fn repeats(record: &Record<'_>) -> Result<(), (&'static str, Reason)> {
    let is_repeat = |alt: &&[u8]| alleles::symbol(alt).is_some_and(|id| id == b"CNV:TR" || id.starts_with(b"CNV:TR:"));
    let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let total: usize = match list(record, "RN") {
        Some(counts) => counts.into_iter().map(number).fold(0, usize::saturating_add),
        None => record.alts.iter().filter(|alt| is_repeat(alt)).count(),
    };
    let of = |key: &str| list(record, key).filter(|values| !is_missing(values));
    for key in ["RUS", "RUL", "RUC", "RB"] {
        if of(key).is_some_and(|values| values.len() != total) {
            return Err((key, Reason::NotOneARepeat));
        }
    }
    let (units, lengths) = (of("RUS"), of("RUL"));
    if record.alts.iter().any(is_repeat) && record.info("RUS").is_none() && record.info("RUL").is_none() {
        return Err(("RUS", Reason::NoRepeatUnit));
    }
    if let Some(units) = &units {
        let code = |byte: &u8| b"ACGTURYSWKMBDHVN".contains(&byte.to_ascii_uppercase());
        if units.iter().any(|unit| *unit != b"." && !unit.iter().all(code)) {
            return Err(("RUS", Reason::NotNucleotides));
        }
        let differs = |(unit, length): (&&[u8], &&[u8])| *unit != b"." && *length != b"." && number(length) != unit.len();
        if units.iter().zip(lengths.iter().flatten()).any(differs) {
            return Err(("RUL", Reason::NotUnitLength));
        }
    }
    for (key, around) in [("CIRUC", "RUC"), ("CIRB", "RB")] {
        let Some(values) = of(key) else { continue };
        let Some(centres) = list(record, around) else { return Err((key, Reason::IntervalAroundNothing)) };
        if values.len() != 2 * centres.len() {
            return Err((key, Reason::NotTwoARepeat));
        }
        if values.chunks(2).zip(&centres).any(|(pair, centre)| *centre == b"." && pair.iter().any(|bound| *bound != b".")) {
            return Err((key, Reason::IntervalAroundMissing));
        }
        interval(record, key).map_err(|reason| (key, reason))?;
    }
    if let Some(bases) = of("RUB") {
        let Some(counts) = list(record, "RUC") else { return Err(("RUB", Reason::RubWithoutRuc)) };
        if counts.iter().any(|count| *count != b"." && !count.iter().all(u8::is_ascii_digit)) {
            return Err(("RUC", Reason::CountNotInteger));
        }
        if bases.len() != counts.into_iter().map(number).fold(0, usize::saturating_add) {
            return Err(("RUB", Reason::NotOneAUnit));
        }
    }
    Ok(())
}
