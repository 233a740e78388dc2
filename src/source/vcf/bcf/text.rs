//! A BCF record as the line of VCF that it stands for: what strict mode holds to the specification's letter, and where
//! undeclared keys are looked for. Rows are never made of it. It must not know columns' builders.

use super::dictionary::Dictionary;
use super::record::{Cursor, Site, records};
use crate::source::vcf::columns::{Kind, Vector};
use crate::source::vcf::reason::Reason;

/// One sample's part of a genotype field's values.
#[inline]
pub(crate) fn of_sample(values: Vector<'_>, stride: usize, sample: usize) -> Vector<'_> {
    let bytes = values.bytes.get(sample * stride..(sample + 1) * stride).unwrap_or_default();
    Vector { bytes, ..values }.without_padding()
}

/// Is a field of this name and type a genotype as the specification stores it?
pub(crate) fn is_genotype(name: &str, kind: Kind) -> bool {
    name == "GT" && !matches!(kind, Kind::Text | Kind::Float)
}

/// Appends the line, without a line ending. `leading_phase`: genotypes of the version have one. The error is the reason in
/// fixed words; something may have been appended.
pub(crate) fn write_line(record: &[u8], dictionary: &Dictionary, leading_phase: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
    let (site, mut individual) = write_site(record, dictionary, out)?;
    if site.samples > 0 {
        write_calls(&site, &mut individual, dictionary, leading_phase, out)?;
    }
    if individual.is_done() { Ok(()) } else { Err(Reason::DamagedFields) }
}

/// Appends the line for whoever looks for undeclared keys: calls only where one of their keys is not `declared`.
fn write_keys(
    record: &[u8],
    dictionary: &Dictionary,
    leading_phase: bool,
    declared: impl Fn(&str) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), Reason> {
    let (site, mut individual) = write_site(record, dictionary, out)?;
    let mut fields = individual;
    for _ in 0..site.formats {
        let (key, ..) = fields.format(site.samples)?;
        if !dictionary.string(key).is_some_and(&declared) {
            return write_calls(&site, &mut individual, dictionary, leading_phase, out);
        }
    }
    Ok(())
}

/// Appends the line's fixed columns and returns where the calls are.
fn write_site<'a>(record: &'a [u8], dictionary: &Dictionary, out: &mut Vec<u8>) -> Result<(Site, Cursor<'a>), Reason> {
    let (site, mut shared, individual) = Site::of(record, dictionary.legacy).ok_or(Reason::DamagedFields)?;
    let name = |index: i32| dictionary.string(index).map(str::as_bytes).ok_or(Reason::UnknownKey);
    out.extend_from_slice(dictionary.contig(site.contig).ok_or(Reason::UnknownContig)?.as_bytes());
    out.push(b'\t');
    out.extend_from_slice((i64::from(site.pos) + 1).to_string().as_bytes());
    out.push(b'\t');
    out.extend_from_slice(shared.string()?);
    for nth in 0..site.alleles.max(2) {
        out.push(if nth < 2 { b'\t' } else { b',' });
        out.extend_from_slice(if nth < site.alleles { shared.string()? } else { b"." });
    }
    out.push(b'\t');
    Vector { kind: Kind::Float, bytes: &site.qual, legacy: false }.write(out)?;
    out.push(b'\t');
    let first = out.len();
    for index in shared.value()?.into_iter().flat_map(Vector::integers) {
        if out.len() > first {
            out.push(b';');
        }
        out.extend_from_slice(name(index?.ok_or(Reason::MissingFilter)?)?);
    }
    if out.len() == first {
        out.push(b'.');
    }
    out.push(b'\t');
    for nth in 0..site.infos {
        if nth > 0 {
            out.push(b';');
        }
        let (key, value) = (shared.integer()?, shared.value()?);
        out.extend_from_slice(name(key)?);
        let flag = || dictionary.is_flag(key) && value.is_some_and(|value| value.kind != Kind::Text);
        if let Some(value) = value.filter(|_| !flag()) {
            out.push(b'=');
            value.write(out)?;
        }
    }
    if site.infos == 0 {
        out.push(b'.');
    }
    if shared.is_done() { Ok((site, individual)) } else { Err(Reason::DamagedFields) }
}

/// At most `most` of the records that `bytes` begin with, as lines of VCF, without calls where all their keys are `declared`; bad
/// ones are left out.
pub(crate) fn lines(
    bytes: &[u8],
    dictionary: &Dictionary,
    leading_phase: bool,
    most: usize,
    declared: impl Fn(&str) -> bool,
) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records(bytes).take(most) {
        let before = lines.len();
        match write_keys(record, dictionary, leading_phase, &declared, &mut lines) {
            Ok(()) => lines.push(b'\n'),
            Err(_) => lines.truncate(before),
        }
    }
    lines
}

/// FORMAT and the sample columns; without any field both are `.`.
fn write_calls(
    site: &Site,
    individual: &mut Cursor<'_>,
    dictionary: &Dictionary,
    leading_phase: bool,
    out: &mut Vec<u8>,
) -> Result<(), Reason> {
    let mut blocks = Vec::new();
    for _ in 0..site.formats {
        let (key, values, stride) = individual.format(site.samples)?;
        let name = dictionary.string(key).ok_or(Reason::UnknownKey)?;
        out.push(if blocks.is_empty() { b'\t' } else { b':' });
        out.extend_from_slice(name.as_bytes());
        blocks.push((name, values, stride));
    }
    if blocks.is_empty() {
        out.extend_from_slice(b"\t.");
    }
    for sample in 0..site.samples {
        out.push(b'\t');
        if blocks.is_empty() {
            out.push(b'.');
        }
        for (nth, (name, values, stride)) in blocks.iter().enumerate() {
            if nth > 0 {
                out.push(b':');
            }
            match values.map(|values| of_sample(values, *stride, sample)) {
                None => out.push(b'.'),
                Some(value) if is_genotype(name, value.kind) => write_genotype(value, leading_phase, out)?,
                Some(value) => value.write(out)?,
            }
        }
    }
    Ok(())
}

/// Writes GT as VCF has it. A leading phase is written only where the file's version has one and it is not the implied one.
pub(crate) fn write_genotype(genotype: Vector<'_>, leading_phase: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
    let alleles = || genotype.integers().map_while(Result::transpose);
    let phased = |value: i32| value & 1 == 1;
    let mut first = None;
    let mut implied = true;
    for (nth, value) in alleles().enumerate() {
        let value = value.ok().filter(|value| *value >= 0).ok_or(Reason::NotGenotype)?;
        if nth == 0 {
            first = Some(value);
        } else {
            implied &= phased(value);
        }
    }
    let Some(first) = first else {
        out.push(b'.');
        return Ok(());
    };
    let sign = |value| if phased(value) { b'|' } else { b'/' };
    let only_missing = first <= 1 && alleles().nth(1).is_none();
    if leading_phase && phased(first) != implied && !only_missing {
        out.push(sign(first));
    }
    for (nth, value) in alleles().flatten().enumerate() {
        if nth > 0 {
            out.push(sign(value));
        }
        match value >> 1 {
            0 => out.push(b'.'),
            allele @ 1..=10 => out.push(b'0' + (allele - 1) as u8),
            allele => out.extend_from_slice((allele - 1).to_string().as_bytes()),
        }
    }
    Ok(())
}
