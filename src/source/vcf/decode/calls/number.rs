//! How many values a FORMAT field of one call should have (VCF 4.5 sections 1.4.2 and 1.6.2). It must not know columns.

use super::plan::{Count, Plan};
use super::walk::{end_of_part, part};
use crate::flow::Number;
use crate::source::vcf::count::{expected as by_alleles, genotypes};

/// Behind so many others GT and LAA are not looked for: they come first.
const FAR: usize = 64;
/// Nor are they so long.
const LONG: usize = 4096;

/// The number of values that `number` asks of the call at the front of `text`, in a record with `alts` ALT alleles. `None`
/// where the declaration or the call leaves it open.
pub(super) fn expected(number: Number, alts: usize, text: &[u8], plan: &Plan) -> Option<usize> {
    by_call(number, alts, plan.genotype.is_some(), || ploidy(text, plan), || local(text, plan))
}

/// What [`expected`] says of most calls, ahead of them.
pub(super) fn of_most(number: Number, alts: usize, plan: &Plan) -> Count {
    let exactly = |count: Option<usize>| match count.and_then(|count| u32::try_from(count).ok()) {
        Some(values) => Count { values, bits: u32::MAX, diploid: false },
        None => Count::default(),
    };
    match number {
        Number::G => Count { diploid: plan.genotype.is_some(), ..exactly(genotypes(alts, 2)) },
        // No call has so many: each is looked at.
        Number::P | Number::LA | Number::LR | Number::LG => exactly(Some(u32::MAX as usize)),
        number => exactly(by_alleles(number, alts)),
    }
}

/// Has the call at the front of `text` two alleles, at first sight? Only where GT comes first, as it must.
#[inline]
pub(super) fn is_diploid(text: &[u8], plan: &Plan) -> bool {
    plan.genotype == Some(0) && matches!(text, [_, b'/' | b'|', _, b':', ..])
}

/// The same by the call's ploidy and its local ALT alleles.
#[inline]
pub(super) fn by_call(
    number: Number,
    alts: usize,
    has_genotype: bool,
    ploidy: impl FnOnce() -> Option<usize>,
    local: impl FnOnce() -> Option<usize>,
) -> Option<usize> {
    match number {
        Number::G => genotypes(alts, ploidy()?),
        Number::P if has_genotype => ploidy(),
        Number::P => None,
        Number::LA => local(),
        Number::LR => Some(local()? + 1),
        Number::LG => genotypes(local()?, ploidy()?),
        number => by_alleles(number, alts),
    }
}

/// Alleles of the call. Without GT two are assumed; a GT that is `.` alone says nothing: most programs write it whatever the
/// ploidy.
fn ploidy(text: &[u8], plan: &Plan) -> Option<usize> {
    let Some(nth) = plan.genotype else { return Some(2) };
    if is_diploid(text, plan) {
        return Some(2);
    }
    match near(text, nth)? {
        [] | b"." => None,
        [_, more @ ..] => Some(1 + more.iter().filter(|byte| matches!(byte, b'/' | b'|')).count()),
    }
}

/// The part `nth` of a call, if it is short and stands near the front: it is looked at for every other part.
fn near(text: &[u8], nth: usize) -> Option<&[u8]> {
    if nth > FAR {
        return None;
    }
    let found = part(text, nth)?;
    let found = &found[..found.len().min(LONG + 1)];
    Some(&found[..end_of_part(found)]).filter(|found| found.len() <= LONG)
}

/// ALT alleles that LAA names; missing or empty it names none.
fn local(text: &[u8], plan: &Plan) -> Option<usize> {
    let nth = plan.local?;
    if part(text, nth.min(FAR)).is_none() {
        return Some(0);
    }
    match near(text, nth)? {
        [] | b"." => Some(0),
        list => Some(1 + list.iter().filter(|byte| **byte == b',').count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(format: &str) -> Plan {
        let at = |wanted| format.split(':').position(|key| key == wanted);
        Plan { parts: Vec::new(), counts: Vec::new(), alts: None, genotype: at("GT"), local: at("LAA") }
    }

    #[test]
    fn the_calls_own_ploidy_decides() {
        let counts = |call: &str, format: &str| expected(Number::G, 2, call.as_bytes(), &plan(format));
        assert_eq!(counts("0/1:1", "GT:PL"), Some(6));
        assert_eq!(counts("/0/1:1", "GT:PL"), Some(6));
        assert_eq!(counts("1:1\t0/1", "GT:PL"), Some(3));
        assert_eq!(counts("0/0/1:1", "GT:PL"), Some(10));
        assert_eq!(counts("1,2:0|.", "PL:GT"), Some(6));
        assert_eq!(counts(".:1", "GT:PL"), None);
        assert_eq!(counts("1", "PL"), Some(6), "without GT diploidy is assumed");
        assert_eq!(expected(Number::P, 2, b"0/1/2:1", &plan("GT:PSL")), Some(3));
        assert_eq!(expected(Number::P, 2, b"1", &plan("PSL")), None);
        assert_eq!(expected(Number::R, 2, b"0:1", &plan("GT:AD")), Some(3));
        assert_eq!(expected(Number::M, 2, b"0:1", &plan("GT:M1A")), None);
    }

    #[test]
    fn local_fields_count_the_alleles_that_laa_names() {
        // The examples of VCF 4.5 section 1.6.2.
        for (call, la, lr, lg) in [
            ("2/4:2,4:20,30,10:90,80,0,100,110,120", 2, 3, 6),
            ("0/3:3:15,25:40,0,80", 1, 2, 3),
            ("0/0::30:0", 0, 1, 1),
            ("0/0:.:30:0", 0, 1, 1),
            ("0:1,2:1,2,3:1,2,3", 2, 3, 3),
        ] {
            let plan = plan("GT:LAA:LAD:LPL");
            let counts = [Number::LA, Number::LR, Number::LG].map(|number| expected(number, 4, call.as_bytes(), &plan));
            assert_eq!(counts, [Some(la), Some(lr), Some(lg)], "{call}");
        }
        assert_eq!(expected(Number::LR, 4, b"0/0:1", &plan("GT:LAD")), None);
    }
}
