//! What the parts of a call mean under one FORMAT text, worked out once a text. It must not know calls.

use std::collections::{HashMap, HashSet};

/// Where the parts of a call go.
#[derive(Debug)]
pub(super) struct Plan {
    pub parts: Vec<Part>,
    /// How many values each part should have, for records with `alts` ALT alleles.
    pub counts: Vec<Count>,
    pub alts: Option<usize>,
    /// Which part is GT.
    pub genotype: Option<usize>,
    /// Which part is LAA, the local alleles.
    pub local: Option<usize>,
}

/// How many values a part should have, in the bits that count, so that most calls are checked by one comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub values: u32,
    pub bits: u32,
    /// It is so of calls of two alleles.
    pub diploid: bool,
}

/// Where one part of a call goes.
#[derive(Debug)]
pub(super) enum Part {
    /// The column of typed genotypes.
    Genotype,
    /// The column of a field, by index.
    Field(usize),
    /// A key without a column; kept as text.
    Other(Box<[u8]>),
    Skip,
}

impl Plan {
    /// Works out a FORMAT text; `part` says where a key goes, its repetitions as told.
    pub(super) fn of(format: &[u8], part: impl Fn(&[u8], bool) -> Part) -> Self {
        let mut plan = Self { parts: Vec::new(), counts: Vec::new(), alts: None, genotype: None, local: None };
        let mut seen = HashSet::new();
        for (i, key) in format.split(|byte| *byte == b':').enumerate() {
            let repeated = !seen.insert(key);
            match key {
                b"GT" if !repeated => plan.genotype = Some(i),
                b"LAA" if !repeated => plan.local = Some(i),
                _ => {}
            }
            plan.parts.push(part(key, repeated));
        }
        plan
    }
}

/// Plans and bytes of FORMAT text kept before starting over: files have a handful of short ones.
const MAX_PLANS: usize = 1024;
const MAX_TEXT: usize = 1 << 20;

/// The plans of an input.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: Vec<Plan>,
    known: HashMap<Box<[u8]>, usize>,
    /// Bytes of the known texts.
    text: usize,
    last: Option<(Box<[u8]>, usize)>,
}

impl Plans {
    /// The number of a FORMAT text's plan; the same text as the last time costs one comparison. Numbers hold until the next
    /// call.
    pub(super) fn find(&mut self, format: &[u8], make: impl FnOnce() -> Plan) -> usize {
        if let Some((text, plan)) = &self.last
            && **text == *format
        {
            return *plan;
        }
        let plan = match self.known.get(format) {
            Some(plan) => *plan,
            None => {
                let plan = make();
                if self.plans.len() >= MAX_PLANS || self.text >= MAX_TEXT {
                    *self = Self::default();
                }
                self.plans.push(plan);
                self.text += format.len();
                self.known.insert(format.into(), self.plans.len() - 1);
                self.plans.len() - 1
            }
        };
        self.last = Some((format.into(), plan));
        plan
    }

    /// Works out a plan's counts for records with `alts` ALT alleles; nothing to do when the record before had as many.
    #[inline]
    pub(super) fn count(&mut self, plan: usize, alts: usize, count: impl Fn(&Part, &Plan) -> Count) {
        if let Some(plan) = self.plans.get_mut(plan).filter(|plan| plan.alts != Some(alts)) {
            plan.counts = plan.parts.iter().map(|part| count(part, plan)).collect();
            plan.alts = Some(alts);
        }
    }

    /// A plan by its number.
    #[inline]
    pub(super) fn get(&self, plan: usize) -> Option<&Plan> {
        self.plans.get(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(format: &str) -> Plan {
        Plan::of(format.as_bytes(), |_, _| Part::Skip)
    }

    #[test]
    fn gt_and_laa_are_found_wherever_they_stand() {
        let places = |format: &str| {
            let plan = plan(format);
            (plan.genotype, plan.local, plan.parts.len())
        };
        assert_eq!(places("GT:LAA:LAD"), (Some(0), Some(1), 3));
        assert_eq!(places("DP:GT:LAA:GT"), (Some(1), Some(2), 4));
        assert_eq!(places(""), (None, None, 1));
    }

    #[test]
    fn plans_are_made_once_and_never_too_many() {
        let mut plans = Plans::default();
        let mut made = 0;
        for i in (0..3 * MAX_PLANS).flat_map(|i| [i, i]) {
            let format = format!("A{i}");
            let number = plans.find(format.as_bytes(), || {
                made += 1;
                plan(&format)
            });
            assert!(plans.get(number).is_some());
        }
        assert_eq!(made, 3 * MAX_PLANS);
        assert!(plans.plans.len() <= MAX_PLANS);
        for i in 0..20 {
            let long = format!("{i}{}", ":DP".repeat(MAX_TEXT / 8));
            plans.find(long.as_bytes(), || plan(&long));
        }
        assert!(plans.plans.len() <= 4 && plans.text < 2 * MAX_TEXT);
    }
}
