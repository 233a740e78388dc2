//! How many values a field should have, as far as the field and the record say. It must not know values.

use crate::flow::Number;

/// How many values a field should have, when that does not depend on the ploidy.
pub(crate) fn expected(number: Number, alts: usize) -> Option<usize> {
    match number {
        Number::Count(n) if n > 1 => usize::try_from(n).ok(),
        Number::A => Some(alts),
        Number::R => Some(alts + 1),
        _ => None,
    }
}

/// Genotypes of `ploidy` alleles drawn from REF and `alts` others: C(alts + ploidy, ploidy). `None` past what can be counted.
pub(crate) fn genotypes(alts: usize, ploidy: usize) -> Option<usize> {
    if ploidy == 2 {
        return alts.checked_add(1)?.checked_mul(alts + 2).map(|twice| twice / 2);
    }
    let fewer = alts.min(ploidy);
    let mut count = 1usize;
    for i in 1..=fewer {
        count = count.checked_mul((alts + ploidy).checked_sub(fewer)? + i)? / i;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genotypes_of_any_ploidy_are_counted() {
        for (alts, ploidy, count) in
            [(1, 2, 3), (2, 2, 6), (3, 1, 4), (1, 3, 4), (2, 3, 10), (0, 2, 1), (0, 5, 1), (4, 4, 70), (2, 0, 1)]
        {
            assert_eq!(genotypes(alts, ploidy), Some(count), "{alts} ALTs, ploidy {ploidy}");
        }
        assert_eq!(genotypes(1000, 1000), None);
    }
}
