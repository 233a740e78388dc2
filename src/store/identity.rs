//! What makes two loads the same load, an interrupted one resumable, and a variant's id its own. It must not know where rows are stored.

use std::collections::BTreeMap;

use super::document::{Document, InputDocument};
use super::unit::InputTotal;
use super::unit::InputUnits;
use crate::crypto::digest::Sha256;
use crate::error::{Error, Result};

/// A load's content, without options: SHA-256 over, input by input, the header's digest, the number of records and the sum of
/// their digests. A re-compressed file keeps it; a changed sample name does not. `totals` is keyed by 0-based input.
pub fn content(headers: &[[u8; 32]], totals: &BTreeMap<u32, InputTotal>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"genogate load content 1\0");
    digest.update(&(headers.len() as u64).to_le_bytes());
    for (header, number) in headers.iter().zip(0u32..) {
        let total = totals.get(&number).copied().unwrap_or_default();
        digest.update(header);
        digest.update(&total.records.to_le_bytes());
        digest.update(&total.digest.to_bytes());
    }
    digest.finish()
}

/// A load's identity: SHA-256 over its content and the options that change rows.
pub fn identity(options: &[u8; 32], content: &[u8; 32]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"genogate load identity 2\0");
    digest.update(options);
    digest.update(content);
    digest.finish()
}

/// Two inputs that are one file, by numbers from 1.
pub fn twice(one: usize, other: usize) -> Error {
    Error::input(format!("inputs {one} and {other} are the same file: its records would be loaded twice"))
        .with_hint("name each file once: see whether two patterns match it, or it lies there both packed and unpacked")
}

/// Digests of the inputs' contents, in input order; fails when two are the same. Inputs without records have none.
pub fn contents(headers: &[[u8; 32]], totals: &BTreeMap<u32, InputTotal>) -> Result<Vec<Option<[u8; 32]>>> {
    let of = |(header, input)| input_content(header, totals.get(&input)?);
    let contents: Vec<_> = headers.iter().zip(0u32..).map(of).collect();
    let mut seen = BTreeMap::new();
    for (content, input) in contents.iter().zip(1..).filter_map(|(content, input)| Some((content.as_ref()?, input))) {
        if let Some(before) = seen.insert(content, input) {
            return Err(twice(before, input));
        }
    }
    Ok(contents)
}

/// The inputs' header digests, in input order.
pub fn headers(document: &Document) -> Vec<[u8; 32]> {
    document.inputs.iter().map(|input| input.header_digest).collect()
}

/// What a load must find of an input again to go on with it: size, header digest and units. `None` when it cannot be read.
pub fn input_fingerprint(input: &InputDocument, cut: &InputUnits) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    digest.update(b"genogate input fingerprint 1\0");
    digest.update(&input.bytes.filter(|_| input.readable)?.to_le_bytes());
    digest.update(&input.header_digest);
    // The units of a gzip file follow from the file too; how many they are is known when it was read.
    digest.update(&cut.count.unwrap_or(u32::MAX).to_le_bytes());
    if let Some(index) = &cut.index {
        digest.update(b"index");
        digest.update(index);
    }
    Some(digest.finish())
}

/// What an interrupted load must find again to go on: options and the inputs' fingerprints. `None` when an input is a stream,
/// which cannot be read twice.
pub fn fingerprint(options: &[u8; 32], document: &Document, units: &[InputUnits]) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    digest.update(b"genogate load fingerprint 2\0");
    digest.update(options);
    for (input, cut) in document.inputs.iter().zip(units) {
        let print = input_fingerprint(input, cut);
        if print.is_none() && input.readable {
            return None;
        }
        digest.update(&print.unwrap_or_default());
    }
    Some(digest.finish())
}

/// What the same command, run again, has again: the load's name, the options, and `files`, a digest of where the inputs lie.
pub fn command(name: &str, options: &[u8; 32], files: &[u8; 32]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"genogate load command 1\0");
    digest.update(options);
    digest.update(files);
    digest.update(name.as_bytes());
    digest.finish()
}

/// An input's content: its header's digest, the number of records, and the sum of their digests. `None` for one without records.
pub fn input_content(header: &[u8; 32], total: &InputTotal) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    digest.update(b"genogate input content 1\0");
    digest.update(header);
    digest.update(&total.records.to_le_bytes());
    digest.update(&total.digest.to_bytes());
    (total.records > 0).then(|| digest.finish())
}

/// The 0-based input a unit belongs to.
pub fn input_of(units: &[InputUnits], unit: u32) -> Option<u32> {
    units.iter().filter(|cut| cut.first <= unit && cut.count != Some(0)).max_by_key(|cut| cut.first).map(|cut| cut.input)
}

/// Puts a variant's id together: load number (22 bits), unit (20 bits), row within the unit (21 bits). Class `failed` when
/// a part does not fit.
pub fn variant_id(load_no: i32, unit: u32, row: u32) -> Result<i64> {
    if unit >= 1 << 20 {
        return Err(Error::failed("a load has more than 1048576 units").with_hint("make units larger"));
    }
    if row >= 1 << 21 {
        return Err(Error::failed("a unit has more than 2097152 rows").with_hint("make units smaller"));
    }
    Ok(i64::from(load_no) << 41 | i64::from(unit) << 21 | i64::from(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Digest;

    fn document(bytes: Option<u64>) -> Document {
        let input = InputDocument {
            version: "VCFv4.2".into(),
            header_digest: [1; 32],
            lines: Vec::new(),
            samples: Vec::new(),
            assembly: "unknown".into(),
            bytes,
            readable: true,
            ..Default::default()
        };
        Document { inputs: vec![input.clone(), input] }
    }

    fn totals(records: u64) -> BTreeMap<u32, InputTotal> {
        [(0, InputTotal { records, digest: Digest([1, 2, 3, 4]) }), (1, InputTotal::default())].into()
    }

    #[test]
    fn size_is_no_part_of_identity_but_content_and_options_are() {
        let of =
            |options: u8, document: &Document, records| identity(&[options; 32], &content(&headers(document), &totals(records)));
        let base = of(0, &document(Some(1)), 5);
        assert_eq!(base, of(0, &document(Some(2)), 5));
        assert_ne!(base, of(0, &document(Some(1)), 6));
        assert_ne!(base, of(9, &document(Some(1)), 5));
        let mut renamed = document(Some(1));
        renamed.inputs[1].header_digest = [2; 32];
        assert_ne!(base, of(0, &renamed, 5));
    }

    #[test]
    fn a_file_is_no_two_inputs_unless_it_is_empty() {
        let total = |records| InputTotal { records, digest: Digest([1, 2, 3, 4]) };
        let same = |records| contents(&[[1; 32], [2; 32], [1; 32]], &[(0, total(records)), (2, total(records))].into());
        assert_eq!(same(0).unwrap(), [None, None, None]);
        let error = same(7).unwrap_err();
        assert!(error.class() == crate::error::Class::Input && error.to_string().starts_with("inputs 1 and 3 are"), "{error}");
        assert!(contents(&[[1; 32], [2; 32]], &[(0, total(7)), (1, total(7))].into()).unwrap().iter().all(Option::is_some));
    }

    #[test]
    fn what_cannot_be_read_has_a_place_in_the_fingerprint() {
        let units = [0, 1].map(|input| InputUnits { input, first: input, count: Some(1), index: None, reserved: 1 });
        let mut document = document(Some(1));
        let whole = fingerprint(&[0; 32], &document, &units).unwrap();
        document.inputs[1].readable = false;
        assert!(input_fingerprint(&document.inputs[1], &units[1]).is_none());
        assert_ne!(fingerprint(&[0; 32], &document, &units).unwrap(), whole);
    }

    #[test]
    fn a_stream_cannot_be_resumed() {
        let units = [InputUnits { input: 0, first: 0, count: Some(3), index: None, reserved: 3 }];
        assert!(fingerprint(&[0; 32], &document(Some(1)), &units).is_some());
        assert!(fingerprint(&[0; 32], &document(None), &units).is_none());
        let of = |index| fingerprint(&[0; 32], &document(Some(1)), &[InputUnits { index, ..units[0] }]);
        assert_ne!(of(None), of(Some([1; 32])));
        assert_ne!(of(Some([1; 32])), of(Some([2; 32])));
        assert!(fingerprint(&[0; 32], &document(Some(1)), &[InputUnits { count: None, ..units[0] }]).is_some());
    }

    #[test]
    fn a_unit_finds_its_input() {
        let units = [
            InputUnits { input: 0, first: 0, count: Some(3), index: None, reserved: 3 },
            InputUnits { input: 1, first: 3, count: Some(0), index: None, reserved: 0 },
            InputUnits { input: 2, first: 3, count: None, index: None, reserved: 100 },
        ];
        assert_eq!([0, 2, 3, 9].map(|unit| input_of(&units, unit)), [Some(0), Some(0), Some(2), Some(2)]);
    }

    #[test]
    fn the_parts_of_an_id_do_not_overlap() {
        assert_eq!(variant_id(4_194_303, (1 << 20) - 1, (1 << 21) - 1).unwrap(), i64::MAX);
        assert_eq!(variant_id(1, 2, 3).unwrap(), (1 << 41) + (2 << 21) + 3);
        assert!(variant_id(1, 1 << 20, 0).is_err() && variant_id(1, 0, 1 << 21).is_err());
    }
}
