//! One record after the other: draws a site and its genotypes and writes the line.
//! It must not know where the text goes.

use super::calls::{Fields, Writer};
use super::genome::Places;
use super::genotypes::{self, Counts, Genotype, Kinship};
use super::header::{self, FILTERS};
use super::info;
use super::options::{Kind, Options, Stats};
use super::planted::Plan;
use super::random::Random;
use super::site::Site;
use super::text::{integer, thousandths};

/// People behind a file of sites (as many as gnomAD 3.1 has genomes).
const POPULATION: u32 = 76_156;

/// The state between records.
pub(super) struct Maker {
    options: Options,
    random: Random,
    places: Places,
    plan: Option<Plan>,
    names: Vec<String>,
    people: Vec<Genotype>,
    octaves: u32,
    stats: Stats,
}

impl Maker {
    pub(super) fn new(options: &Options) -> Self {
        let plan = Plan::new(options);
        let names = match (&plan, options.kind) {
            (Some(plan), _) => plan.samples.clone(),
            (None, Kind::Trio) => ["FATHER", "MOTHER", "CHILD"].map(String::from).to_vec(),
            (None, _) => (1..=options.samples).map(|i| format!("S{i:05}")).collect(),
        };
        let chromosomes = if options.kind == Kind::Sites { 2 * u64::from(POPULATION) } else { 2 * options.samples.max(1) as u64 };
        Self {
            options: *options,
            random: Random::new(options.seed, *b"records."),
            places: Places::new(options.records),
            plan,
            names,
            people: vec![Genotype::None; options.samples],
            octaves: chromosomes.ilog2(),
            stats: Stats { samples: options.samples as u64, ..Stats::default() },
        }
    }

    fn fields(&self) -> Option<Fields> {
        match self.options.kind {
            Kind::Sites => None,
            Kind::Trio => Some(Fields::Full),
            Kind::Cohort => Some(Fields::Short),
        }
    }

    /// What was made so far; `bytes` stays 0.
    pub(super) fn stats(&self) -> Stats {
        self.stats
    }

    /// Appends the header.
    pub(super) fn header(&self, out: &mut Vec<u8>) {
        header::write(out, &self.options, self.fields(), &self.names, self.plan.as_ref());
    }

    /// Appends the next record; false when there is none.
    pub(super) fn record(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(place) = self.places.next(&mut self.random) else {
            return false;
        };
        let number = self.stats.records;
        let site = Site::draw(&mut self.random, place, self.octaves);
        let counts = self.carriers(&site);
        let random = &mut self.random;

        out.extend_from_slice(place.name().as_bytes());
        out.push(b'\t');
        integer(out, u64::from(place.pos));
        out.push(b'\t');
        let (mut note, mut remark, mut id) = (None, None, None);
        if let Some(plan) = &self.plan {
            let stride = plan.stride();
            note = Plan::text(&plan.notes, stride, number);
            remark = Plan::text(&plan.remarks, stride, number);
            id = Plan::text(&plan.ids, stride * 4, number);
        }
        identifiers(out, random, id);
        out.push(b'\t');
        out.extend_from_slice(&site.reference);
        out.push(b'\t');
        alternates(out, &site);
        out.push(b'\t');
        quality_and_filter(out, random);
        out.push(b'\t');
        info::write(out, random, &site, &counts, note);
        if let Some(fields) = self.fields() {
            let remarks = self.plan.is_some();
            out.push(b'\t');
            out.extend_from_slice(fields.format(remarks).as_bytes());
            let random = &mut self.random;
            let sample = (number % self.people.len().max(1) as u64) as usize;
            let phased = fields == Fields::Full && random.chance(300_000);
            let calls = Writer { fields, alts: site.alts.len(), phased, remark: remark.map(|text| (sample, text)), remarks };
            for (i, person) in self.people.iter().enumerate() {
                calls.write(out, random, i, *person);
            }
        }
        out.push(b'\n');

        let alts = site.alts.len() as u64;
        self.stats.records += 1;
        self.stats.alts += alts;
        self.stats.multiallelic += u64::from(alts > 1);
        self.stats.split += alts.max(1);
        true
    }

    fn carriers(&mut self, site: &Site) -> Counts {
        let kinship = match self.options.kind {
            Kind::Sites => {
                let called = POPULATION - self.random.below(POPULATION / 20);
                return Counts::expected(site, u64::from(called));
            }
            Kind::Trio => Kinship::Trio,
            Kind::Cohort => Kinship::Unrelated,
        };
        genotypes::draw(&mut self.random, site, kinship, &mut self.people);
        Counts::of(&self.people)
    }
}

fn identifiers(out: &mut Vec<u8>, random: &mut Random, planted: Option<&str>) {
    let known = random.chance(700_000);
    if known {
        out.extend_from_slice(b"rs");
        integer(out, u64::from(1_000 + random.below(2_000_000_000)));
    }
    if known && random.chance(10_000) {
        out.extend_from_slice(b";COSV");
        integer(out, u64::from(50_000_000 + random.below(9_000_000)));
    }
    match (known, planted) {
        (true, Some(id)) => {
            out.push(b';');
            out.extend_from_slice(id.as_bytes());
        }
        (false, Some(id)) => out.extend_from_slice(id.as_bytes()),
        (false, None) => out.push(b'.'),
        (true, None) => {}
    }
}

fn alternates(out: &mut Vec<u8>, site: &Site) {
    if site.alts.is_empty() {
        out.push(b'.');
    }
    for (i, alt) in site.alts.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(alt);
    }
}

/// QUAL, a tab, and FILTER: `PASS` (85 %), `.` (3 %) or the filters that failed.
fn quality_and_filter(out: &mut Vec<u8>, random: &mut Random) {
    match random.below(100) {
        0..2 => out.push(b'.'),
        2..30 => integer(out, u64::from(30 + random.below(5_000))),
        _ => thousandths(out, i64::from(10_000 + random.below(5_000_000))),
    }
    out.push(b'\t');
    let [(low, _), (tranche, _), (inbreeding, _), (none, _)] = FILTERS;
    let failed: &[&str] = match random.below(100) {
        0..85 => &["PASS"],
        85..88 => &["."],
        88..92 => &[low],
        92..96 => &[tranche],
        96..98 => &[inbreeding],
        98 => &[none],
        _ => &[low, none],
    };
    for (i, filter) in failed.iter().enumerate() {
        if i > 0 {
            out.push(b';');
        }
        out.extend_from_slice(filter.as_bytes());
    }
}
