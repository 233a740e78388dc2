//! The units of a load while it runs: what the source has read of each, and which ones the sink may commit.
//! It must not know files or databases; the durable ledger is the sink's.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::store::{BadRecord, ClosedUnit, UnitCounts};

/// Where a line (0-based) of a unit lies within its input; `None` when that cannot be found out.
pub type Locate = dyn Fn(u32, u64) -> Option<u64> + Send + Sync;

/// The run's units. The source opens and closes them partition by partition, stages set records aside, the sink takes
/// the closed ones in order. Safe to share between threads.
#[derive(Debug, Default)]
pub struct Units {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    locate: Vec<(Range<u32>, Arc<Locate>)>,
    places: HashMap<u32, BTreeMap<u64, u64>>,
    /// Why inputs were given up, by 0-based input.
    failed: BTreeMap<u32, String>,
    broken: HashSet<u32>,
    /// `None`: all.
    own: Option<Vec<Range<u32>>>,
    done: HashSet<u32>,
    bad: BTreeMap<u32, Vec<BadRecord>>,
    closed: HashMap<usize, VecDeque<(u32, UnitCounts)>>,
    bad_total: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let State { done, bad_total, .. } = self;
        f.debug_struct("State").field("done", &done.len()).field("bad_total", bad_total).finish_non_exhaustive()
    }
}

impl Units {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Told by the sink before the run: this unit was committed by an earlier run and must not be read again.
    pub fn mark_done(&self, unit: u32) {
        self.state().done.insert(unit);
    }

    /// Told before the run: what was committed of these units was taken back, so they are to be read after all.
    pub fn mark_undone(&self, units: &Range<u32>) {
        self.state().done.retain(|unit| !units.contains(unit));
    }

    /// Told before the run: only these units are to be read.
    pub fn keep(&self, own: Vec<Range<u32>>) {
        self.state().own = Some(own);
    }

    /// Asked by the source: was this unit committed by an earlier run, or is it another run's?
    pub fn is_done(&self, unit: u32) -> bool {
        !self.wants(unit..unit.saturating_add(1)) || self.state().done.contains(&unit)
    }

    /// Asked by the source and the sink: is any of these units to be read by this run or an earlier one of the same shard?
    pub fn wants(&self, units: Range<u32>) -> bool {
        let overlaps = |own: &Range<u32>| own.start < units.end && units.start < own.end;
        self.state().own.as_ref().is_none_or(|own| own.iter().any(overlaps))
    }

    /// Told by the source, once for each input of which it reads parts only: how lines of these units are found in the file.
    pub fn locate(&self, units: Range<u32>, locate: Arc<Locate>) {
        let mut state = self.state();
        if !state.locate.iter().any(|(known, _)| *known == units) {
            state.locate.push((units, locate));
        }
    }

    /// Told by the source or a stage: a record of this unit is set aside. Returns how many were set aside so far in the
    /// whole run.
    pub fn set_aside(&self, unit: u32, bad: BadRecord) -> u64 {
        // Finding a line reads the file: without the lock.
        let locate = self.state().locate.iter().find(|(units, _)| units.contains(&unit)).map(|(_, locate)| locate.clone());
        let place = locate.and_then(|locate| locate(unit, bad.line)).map(|place| (bad.line, place));
        let mut state = self.state();
        if let Some((line, place)) = place {
            state.places.entry(unit).or_default().insert(line, place);
        }
        state.bad.entry(unit).or_default().push(bad);
        state.bad_total += 1;
        state.bad_total
    }

    /// Told by the source after the unit's last row was handed on and before the next unit's first.
    pub fn close(&self, partition: usize, unit: u32, counts: UnitCounts) {
        self.state().closed.entry(partition).or_default().push_back((unit, counts));
    }

    /// Told by the source instead of [`Self::close`]: the unit cannot be read to its end.
    pub fn break_off(&self, partition: usize, unit: u32) {
        self.state().broken.insert(unit);
        self.close(partition, unit, UnitCounts::default());
    }

    /// Gives an input (0-based) up: nothing of it is to be kept. The first reason stays.
    pub fn give_up(&self, input: u32, reason: String) {
        self.state().failed.entry(input).or_insert(reason);
    }

    /// Was this input (0-based) given up?
    pub fn is_given_up(&self, input: u32) -> bool {
        self.state().failed.contains_key(&input)
    }

    /// The inputs (0-based) that were given up, and why.
    pub fn given_up(&self) -> Vec<(u32, String)> {
        self.state().failed.iter().map(|(input, reason)| (*input, reason.clone())).collect()
    }

    /// How many records were set aside.
    pub fn set_aside_total(&self) -> u64 {
        self.state().bad_total
    }

    /// Taken by the sink's partition: the closed units that come before `unit` in the source's order, or all of them at
    /// the end of the stream. By then every stage is through with their rows.
    pub fn take_closed(&self, partition: usize, before: Option<u32>) -> Vec<ClosedUnit> {
        let mut state = self.state();
        let mut taken = Vec::new();
        loop {
            let queue = state.closed.entry(partition).or_default();
            match queue.front() {
                Some((unit, _)) if Some(*unit) != before => {}
                _ => break,
            }
            let Some((unit, counts)) = queue.pop_front() else { break };
            let bad = state.bad.remove(&unit).unwrap_or_default();
            let places = state.places.remove(&unit).unwrap_or_default();
            let broken = state.broken.remove(&unit);
            taken.push(ClosedUnit { unit, counts, bad, broken, places });
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_without_rows_is_taken_before_the_next_one() {
        let units = Units::default();
        units.close(0, 4, UnitCounts { records: 2, ..Default::default() });
        units.set_aside(4, BadRecord { line: 1, field: "POS".into(), reason: "not a number".into() });
        units.close(0, 6, UnitCounts::default());
        let taken = units.take_closed(0, Some(6));
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].unit, taken[0].bad.len()), (4, 1));
        assert_eq!(units.take_closed(0, None).len(), 1);
        assert!(units.take_closed(0, None).is_empty());
        assert!(units.take_closed(1, None).is_empty());
    }

    #[test]
    fn units_of_others_are_not_read() {
        let units = Units::default();
        assert!(units.wants(3..4) && !units.is_done(3));
        units.keep(vec![3..5, 9..u32::MAX]);
        units.mark_done(4);
        assert_eq!([2, 3, 4, 5, 9].map(|unit| units.is_done(unit)), [true, false, true, true, false]);
        assert!(units.wants(0..4) && units.wants(4..9) && !units.wants(5..9) && !units.wants(3..3));
        units.keep(Vec::new());
        assert!(units.is_done(3));
    }

    #[test]
    fn a_unit_that_breaks_off_says_so_in_its_place() {
        let units = Units::default();
        units.close(0, 1, UnitCounts::default());
        units.break_off(0, 2);
        units.give_up(7, "first".into());
        units.give_up(7, "second".into());
        assert_eq!(
            units.take_closed(0, None).iter().map(|unit| (unit.unit, unit.broken)).collect::<Vec<_>>(),
            [(1, false), (2, true)]
        );
        assert!(units.is_given_up(7) && !units.is_given_up(0));
        assert_eq!(units.given_up(), [(7, "first".to_owned())]);
    }

    #[test]
    fn lines_are_found_where_someone_knows() {
        let units = Units::default();
        let locate: Arc<Locate> = Arc::new(|unit, line| (line != 9).then_some(u64::from(unit) * 100 + line));
        units.locate(2..4, locate.clone());
        units.locate(2..4, locate);
        for (unit, line, expected) in [(1, 5, 5), (2, 5, 205), (3, 9, 9), (3, 1, 301), (4, 1, 1)] {
            units.set_aside(unit, BadRecord { line, field: "POS".into(), reason: "not a number".into() });
            units.close(0, unit, UnitCounts::default());
            let taken = units.take_closed(0, None);
            assert_eq!((taken[0].line(&taken[0].bad[0]), taken[0].bad[0].line), (expected, line));
        }
    }
}
