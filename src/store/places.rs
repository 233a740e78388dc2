//! Where a run's units stand in its load: an input that was given up and is read again has its units behind all others, so the numbers
//! of a run that begins anew are not those of a load that goes on. It must not know how units are read.

use super::identity::input_of;
use super::unit::InputUnits;

/// The units as this run numbers them, and as its load does.
#[derive(Clone, Debug)]
pub struct Places {
    run: Vec<InputUnits>,
    stored: Vec<InputUnits>,
}

impl Places {
    /// `firsts`: the load's number of each input's first unit, in input order, where it has one.
    pub fn new(units: &[InputUnits], firsts: &[u32]) -> Self {
        let stored =
            |cut: &InputUnits| InputUnits { first: firsts.get(cut.input as usize).copied().unwrap_or(cut.first), ..*cut };
        Self { run: units.to_vec(), stored: units.iter().map(stored).collect() }
    }

    /// How this run cuts the inputs.
    pub fn units(&self) -> &[InputUnits] {
        &self.run
    }

    /// The input (0-based) of a unit of this run.
    pub fn input(&self, unit: u32) -> Option<u32> {
        input_of(&self.run, unit)
    }

    /// The load's number for a unit of this run.
    pub fn stored(&self, unit: u32) -> Option<u32> {
        let input = self.input(unit)?;
        let (run, stored) = (of(&self.run, input)?, of(&self.stored, input)?);
        stored.first.checked_add(unit.checked_sub(run.first)?)
    }

    /// This run's number for a unit of the load; `None` for one that the input does not have any more.
    pub fn run(&self, input: u32, unit: u32) -> Option<u32> {
        let (run, stored) = (of(&self.run, input)?, of(&self.stored, input)?);
        let nth = unit.checked_sub(stored.first).filter(|nth| *nth < run.count.unwrap_or(run.reserved))?;
        run.first.checked_add(nth)
    }

    /// The input (0-based) of a unit of the load.
    pub fn stored_input(&self, unit: u32) -> Option<u32> {
        input_of(&self.stored, unit)
    }
}

fn of(units: &[InputUnits], input: u32) -> Option<&InputUnits> {
    units.iter().find(|cut| cut.input == input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mended_input_has_its_units_behind_the_others() {
        let cut =
            |input, first, count: Option<u32>| InputUnits { input, first, count, index: None, reserved: count.unwrap_or(10) };
        // It was unreadable, and the third input began where it does now.
        let units = [cut(0, 0, Some(3)), cut(1, 3, Some(2)), cut(2, 5, None), cut(3, 15, Some(1))];
        let places = Places::new(&units, &[0, 15, 3, 13]);
        assert_eq!([0, 2, 3, 4, 5, 14, 15].map(|unit| places.stored(unit).unwrap()), [0, 2, 15, 16, 3, 12, 13]);
        for unit in 0..16 {
            let (input, stored) = (places.input(unit).unwrap(), places.stored(unit).unwrap());
            assert_eq!((places.run(input, stored), places.stored_input(stored)), (Some(unit), Some(input)), "{unit}");
        }
        assert_eq!((places.run(1, 14), places.run(1, 17), places.run(9, 0)), (None, None, None));
        let same = Places::new(&units, &[]);
        assert!((0..16).all(|unit| same.stored(unit) == Some(unit)));
    }
}
