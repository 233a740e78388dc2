//! Counts one unit while its rows arrive and proves its accounting when it closes:
//! records = loaded + quarantined + filtered + out of region. It must not know where rows are stored.

use std::collections::BTreeSet;

use super::unit::ClosedUnit;
use crate::error::{Error, Result};

/// Records of a unit that have become rows, by line.
#[derive(Debug, Default)]
pub struct Tally {
    lines: Vec<u64>,
    loaded: u64,
    pub variants: u64,
    pub calls: u64,
}

impl Tally {
    /// A row of the record on this line arrived. Rows of one record count once.
    #[inline]
    pub fn record(&mut self, line: u32) {
        let (word, bit) = (line as usize / 64, 1u64 << (line % 64));
        if word >= self.lines.len() {
            self.lines.resize(word + 1, 0);
        }
        if let Some(word) = self.lines.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.loaded += 1;
        }
    }

    fn has(&self, line: u64) -> bool {
        self.lines.get((line / 64) as usize).is_some_and(|word| word & (1 << (line % 64)) != 0)
    }

    /// The unit's accounts. A record of which one allele was set aside and another stored counts as loaded.
    /// Class `integrity` when more records came out than went in.
    pub fn close(&self, closed: &ClosedUnit) -> Result<Account> {
        let aside: BTreeSet<u64> = closed.bad.iter().map(|bad| bad.line).filter(|&line| !self.has(line)).collect();
        let counts = &closed.counts;
        let (quarantined, loaded) = (aside.len() as u64, self.loaded);
        let known = quarantined + counts.out_of_region + loaded;
        let filtered = counts.records.checked_sub(known).ok_or_else(|| {
            Error::integrity(format!(
                "unit {}: {} records read, but {loaded} loaded, {quarantined} set aside and {} out of region",
                closed.unit, counts.records, counts.out_of_region
            ))
        })?;
        let Self { variants, calls, .. } = *self;
        Ok(Account { loaded, quarantined, filtered, variants, calls, ..Account::default() })
    }
}

/// Where a unit's records ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub loaded: u64,
    pub quarantined: u64,
    pub filtered: u64,
    pub variants: u64,
    pub calls: u64,
    /// SHA-256 over the unit's rows as they are stored, by variant, where the sink makes it; and over its calls, by variant and sample.
    pub variants_digest: [u8; 32],
    pub calls_digest: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BadRecord, UnitCounts};

    fn bad(line: u64) -> BadRecord {
        BadRecord { line, field: "POS".into(), reason: "not a number".into() }
    }

    fn closed(records: u64, out_of_region: u64, bad: Vec<BadRecord>) -> ClosedUnit {
        ClosedUnit { unit: 3, counts: UnitCounts { records, out_of_region, ..Default::default() }, bad, ..Default::default() }
    }

    #[test]
    fn what_is_not_accounted_for_was_filtered() {
        let mut tally = Tally::default();
        [0, 0, 70, 3].into_iter().for_each(|line| tally.record(line));
        let account = tally.close(&closed(10, 2, vec![bad(5), bad(5), bad(3)])).unwrap();
        assert_eq!((account.loaded, account.quarantined, account.filtered), (3, 1, 4));
    }

    #[test]
    fn more_out_than_in_is_an_integrity_error() {
        let mut tally = Tally::default();
        tally.record(0);
        let error = tally.close(&closed(1, 1, vec![])).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Integrity);
    }
}
