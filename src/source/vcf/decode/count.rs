//! How many values a field should have, as far as the field and the record say. It must not know calls.

use crate::flow::Number;

/// How many values a field should have, when that does not depend on the ploidy.
pub(super) fn expected(number: Number, alts: usize) -> Option<usize> {
    match number {
        Number::Count(n) if n > 1 => usize::try_from(n).ok(),
        Number::A => Some(alts),
        Number::R => Some(alts + 1),
        _ => None,
    }
}
