//! What a run tolerated: values and records that a lenient reader keeps although the specification does not know them so.
//! It must not know any format; it holds declared ids and fixed words, never a value.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// One kind of oddity in one field of one input.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Oddity {
    /// 1-based input number.
    pub input: u32,
    /// Field id such as `INFO/AC`, `FORMAT/GT`, `FILTER`.
    pub field: String,
    /// What was seen, in fixed words.
    pub what: &'static str,
    /// How often, in the units this run read.
    pub count: u64,
}

/// The run's oddities. Decoders count in plain integers of their own and add them up here when they are through.
#[derive(Debug, Default)]
pub struct Oddities {
    seen: Mutex<BTreeMap<(u32, String, &'static str), u64>>,
}

impl Oddities {
    /// Adds `count` occurrences; nothing when `count` is 0. `input` is 1-based.
    pub fn add(&self, input: u32, field: impl Into<String>, what: &'static str, count: u64) {
        if count > 0 {
            let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *seen.entry((input, field.into(), what)).or_default() += count;
        }
    }

    /// Everything so far: once per input, field and kind, in that order.
    pub fn list(&self) -> Vec<Oddity> {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.iter()
            .map(|((input, field, what), count)| Oddity { input: *input, field: field.clone(), what, count: *count })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_add_up_to_one_entry_a_field_and_kind() {
        let oddities = Oddities::default();
        oddities.add(2, "INFO/AC", "wrong", 1);
        oddities.add(1, "INFO/AC", "wrong", 2);
        oddities.add(1, "INFO/AC", "wrong", 3);
        oddities.add(1, "INFO/AC", "other", 0);
        let list = oddities.list();
        assert_eq!(list.iter().map(|one| (one.input, one.count)).collect::<Vec<_>>(), [(1, 5), (2, 1)]);
    }
}
