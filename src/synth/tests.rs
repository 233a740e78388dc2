//! The files as a whole: what they declare, what they hold, that they repeat.

use std::collections::{BTreeMap, HashSet};

use super::*;

fn options(kind: Kind, records: u64, phi: bool) -> Options {
    let samples = [0, 3, 12][kind as usize];
    Options { kind, records, samples, seed: 42, phi }
}

fn text(options: &Options) -> String {
    let mut out = Vec::new();
    let stats = write(options, &mut out).unwrap();
    assert_eq!(stats.bytes, out.len() as u64);
    String::from_utf8(out).unwrap()
}

const KINDS: [Kind; 3] = [Kind::Sites, Kind::Trio, Kind::Cohort];

#[test]
fn the_same_options_give_the_same_bytes_everywhere() {
    let sums = KINDS.map(|kind| libdeflater::crc32(text(&options(kind, 2_000, true)).as_bytes()));
    assert_eq!(sums, [2_352_742_510, 3_232_082_713, 4_176_690_470]);
    let other = Options { seed: 43, ..options(Kind::Sites, 2_000, true) };
    assert_ne!(libdeflater::crc32(text(&other).as_bytes()), sums[0]);
}

#[test]
fn every_value_fits_its_declared_number_and_type() {
    for kind in KINDS {
        let text = text(&options(kind, 5_000, true));
        let mut declared = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("##INFO=") || line.starts_with("##FORMAT=")) {
            let (column, rest) = line[2..].split_once("=<ID=").unwrap();
            let mut parts = rest.split(',');
            let id = parts.next().unwrap();
            let number = parts.next().unwrap().strip_prefix("Number=").unwrap();
            declared.insert((column, id), (number, parts.next().unwrap().strip_prefix("Type=").unwrap()));
        }
        let mut seen = HashSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<_> = line.split('\t').collect();
            let alts = if columns[4] == "." { 0 } else { columns[4].split(',').count() };
            for field in columns[7].split(';') {
                let (id, value) = field.split_once('=').map_or((field, None), |(id, value)| (id, Some(value)));
                let (number, kind) = declared[&("INFO", id)];
                seen.insert((id.to_owned(), number.to_owned(), kind.to_owned()));
                check(number, kind, value, alts, 2);
            }
            for call in columns.iter().skip(9) {
                let ploidy = call.split(':').next().unwrap().split(['/', '|']).count();
                for (id, value) in columns[8].split(':').zip(call.split(':')) {
                    let (number, kind) = declared[&("FORMAT", id)];
                    check(number, kind, Some(value), alts, ploidy);
                }
            }
        }
        // Every declared key occurs: all Numbers and Types do.
        assert_eq!(seen.len(), info::KEYS.len());
    }
}

fn check(number: &str, kind: &str, value: Option<&str>, alts: usize, ploidy: usize) {
    let Some(value) = value else {
        return assert_eq!((number, kind), ("0", "Flag"));
    };
    let expected = match (number, ploidy) {
        ("A", _) => Some(alts),
        ("R", _) => Some(alts + 1),
        ("G", 1) => Some(alts + 1),
        ("G", _) => Some((alts + 1) * (alts + 2) / 2),
        (".", _) => None,
        (n, _) => Some(n.parse().unwrap()),
    };
    let items: Vec<_> = value.split(',').collect();
    assert!(value == "." || expected.is_none_or(|n| n == items.len()), "{number} {value}");
    for item in items.into_iter().filter(|item| *item != ".") {
        match kind {
            "Integer" => drop(item.parse::<i32>().unwrap()),
            "Float" => drop(item.parse::<f64>().unwrap()),
            "Character" => assert_eq!(item.len(), 1),
            _ => assert!(!item.is_empty()),
        }
    }
}

#[test]
fn everything_planted_is_in_the_file_and_nothing_otherwise() {
    for kind in KINDS {
        for records in [1, 5, 500] {
            let plain = text(&options(kind, records, false));
            let marked = text(&options(kind, records, true));
            let planted = planted(&options(kind, records, true));
            assert!(planted.len() > 5);
            for Planted { value, place } in planted {
                assert!(!plain.contains(&value), "{value} is in the plain file");
                let found = marked.lines().any(|line| match place {
                    Place::Header => line.starts_with("##") && line.contains(&value),
                    Place::Sample => line.starts_with("#CHROM") && line.contains(&value),
                    Place::Id => line.split('\t').nth(2).is_some_and(|ids| ids.contains(&value)),
                    Place::Info => line.split('\t').nth(7).is_some_and(|info| info.contains(&value)),
                    Place::Format => line.split('\t').skip(9).any(|call| call.contains(&value)),
                });
                assert!(found, "{value} is not at {place:?} of {kind:?} with {records} records");
            }
        }
    }
    assert!(planted(&options(Kind::Trio, 10, false)).is_empty());
}

#[test]
fn counts_in_the_stats_are_counts_of_the_file() {
    let mut out = Vec::new();
    let stats = write(&options(Kind::Cohort, 3_000, false), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let alts: Vec<usize> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.split('\t').nth(4).unwrap() {
            "." => 0,
            alts => alts.split(',').count(),
        })
        .collect();
    assert_eq!((stats.records, stats.alts), (alts.len() as u64, alts.iter().sum::<usize>() as u64));
    assert_eq!(stats.split, alts.iter().map(|&n| n.max(1) as u64).sum::<u64>());
    assert_eq!(stats.multiallelic, alts.iter().filter(|&&n| n > 1).count() as u64);
}

#[test]
fn samples_that_do_not_fit_the_kind_are_refused() {
    for (kind, samples) in [(Kind::Sites, 1), (Kind::Trio, 2), (Kind::Cohort, 0)] {
        let error = write(&Options { kind, records: 1, samples, seed: 1, phi: false }, Vec::new()).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Usage);
    }
}

#[test]
fn a_writer_that_refuses_bytes_ends_the_work() {
    let mut small = [0_u8; 100];
    let error = write(&options(Kind::Sites, 10, false), &mut small[..]).unwrap_err();
    assert_eq!(error.class(), crate::error::Class::Failed);
}
