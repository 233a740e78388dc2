//! Counts the records that committed units set aside, for the audit trail: by input, field and reason, never a value.
//! It must not know who reads or writes units.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::audit::Event;
use crate::store::ClosedUnit;

/// A file can make as many kinds as it has fields. Further ones are counted together.
const KINDS: usize = 1000;

/// Records set aside so far. Safe to share between threads.
#[derive(Debug, Default)]
pub struct SetAside(Mutex<BTreeMap<(u32, String, String), u64>>);

impl SetAside {
    /// Counts a unit that was committed.
    pub fn add(&self, closed: &ClosedUnit) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bad in &closed.bad {
            let input = closed.counts.input + 1;
            // `INFO/DP` in the words of audit events.
            let kind = (input, bad.field.replace('/', " "), bad.reason.clone());
            let full = kinds.len() >= KINDS && !kinds.contains_key(&kind);
            *kinds.entry(if full { (input, "further fields".into(), "any".into()) } else { kind }).or_default() += 1;
        }
    }

    /// One event a kind. Empties the counts.
    pub fn events(&self) -> Vec<Event> {
        let kinds = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        kinds.into_iter().map(|((input, field, reason), count)| Event::Quarantined { input, field, reason, count }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BadRecord, UnitCounts};

    fn unit(input: u32, fields: impl IntoIterator<Item = String>) -> ClosedUnit {
        let bad = fields.into_iter().map(|field| BadRecord { line: 1, field, reason: "not a number".into() });
        ClosedUnit { counts: UnitCounts { input, ..Default::default() }, bad: bad.collect(), ..Default::default() }
    }

    #[test]
    fn units_add_up_to_one_event_a_kind() {
        let aside = SetAside::default();
        aside.add(&unit(0, ["INFO/DP".into(), "POS".into()]));
        aside.add(&unit(0, ["INFO/DP".into()]));
        let event =
            |field: &str, count| Event::Quarantined { input: 1, field: field.into(), reason: "not a number".into(), count };
        assert_eq!(aside.events(), [event("INFO DP", 2), event("POS", 1)]);
        assert!(aside.events().is_empty());
    }

    #[test]
    fn a_file_of_many_fields_makes_no_more_events_than_the_limit_and_loses_no_record() {
        let aside = SetAside::default();
        aside.add(&unit(0, (0..KINDS + 500).map(|n| format!("INFO/X{n}"))));
        let counts = aside.events().into_iter().map(|event| match event {
            Event::Quarantined { count, .. } => count,
            _ => 0,
        });
        let counts: Vec<u64> = counts.collect();
        assert_eq!((counts.len(), counts.iter().sum::<u64>()), (KINDS + 1, KINDS as u64 + 500));
    }
}
