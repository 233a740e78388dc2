//! The same records through this stage and through `bcftools norm -m- -f`: generated indels over a reference made of repeats, and
//! the alleles of real files painted onto such a reference. CHROM, POS, REF and ALT of every row must agree.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use sha2::{Digest, Sha256};

use super::cells;
use super::left_align::{Bench, Record};
use crate::machine::{Listed, has_htslib, real_files};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn bases(&mut self, alphabet: &[u8], length: usize) -> Vec<u8> {
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// Homopolymers, microsatellites, stretches of chance, some in lower case, some unknown.
    fn repeats(&mut self, length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < length {
            let period = [1, 1, 2, 2, 3, 4, 9][self.below(7)];
            let unit = self.bases(b"ACGT", period);
            let times = [1, 2, 3, 8, 20, 90][self.below(6)];
            let mut run = unit.repeat(times);
            match self.below(12) {
                0 | 1 => run.make_ascii_lowercase(),
                2 => run.fill(b'N'),
                _ => {}
            }
            out.extend(run);
        }
        out.truncate(length);
        out
    }
}

type Owned = (String, i64, String, Option<String>);

fn fasta(sequences: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::new();
    for (name, bases) in sequences {
        writeln!(text, ">{name}").unwrap();
        bases.chunks(60).for_each(|line| writeln!(text, "{}", std::str::from_utf8(line).unwrap()).unwrap());
    }
    text
}

fn vcf(sequences: &BTreeMap<String, Vec<u8>>, records: &[Owned]) -> String {
    let mut text = String::from("##fileformat=VCFv4.2\n");
    sequences.iter().for_each(|(name, bases)| writeln!(text, "##contig=<ID={name},length={}>", bases.len()).unwrap());
    text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    for (chrom, pos, reference, alt) in records {
        writeln!(text, "{chrom}\t{pos}\t.\t{reference}\t{}\t.\t.\t.", alt.as_deref().unwrap_or(".")).unwrap();
    }
    text
}

/// What bcftools makes of the records, sorted.
fn theirs(fasta: &str, vcf: &str, split: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.fa"), fasta).unwrap();
    std::fs::write(folder.path().join("v.vcf"), vcf).unwrap();
    let mut command = Command::new("bcftools");
    command.args(["norm", "-f", "r.fa"]).args(split.then_some("-m-")).arg("v.vcf").current_dir(folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bcftools: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        // bcftools keeps the reference's lower case in what it puts before an allele.
        [columns[0], columns[1], &columns[3].to_uppercase(), &columns[4].to_uppercase()].join(" ")
    };
    let mut rows: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    rows.sort();
    rows
}

/// The same of ours, and how many rows moved.
fn ours(fasta: &str, records: &[Owned], split: bool) -> (Vec<String>, usize) {
    let bench = Bench::new(fasta, split, false);
    let records: Vec<Record> = records.iter().map(|(c, p, r, a)| (c.as_str(), *p, r.as_str(), a.as_deref())).collect();
    let (mut rows, mut moved) = (Vec::new(), 0);
    for part in records.chunks(3000) {
        let batch = bench.run(part).unwrap();
        let column = |name: &str| cells(&batch, name);
        let (chrom, pos, reference, alt) = (column("chrom"), column("pos"), column("ref"), column("alt"));
        let row = |i: usize| {
            let alt = if alt[i] == "∅" { "." } else { alt[i].as_str() };
            [chrom[i].as_str(), &pos[i], &reference[i].to_uppercase(), &alt.to_uppercase()].join(" ")
        };
        rows.extend((0..batch.num_rows()).map(row));
        moved += column("orig_pos").iter().filter(|pos| *pos != "∅").count();
    }
    rows.sort();
    (rows, moved)
}

/// Fails with the first rows that differ.
fn compare(rows: &[String], wanted: &[String]) {
    assert_eq!(rows.len(), wanted.len());
    let wrong: Vec<_> = rows.iter().zip(wanted).filter(|(ours, theirs)| ours != theirs).take(5).collect();
    assert!(wrong.is_empty(), "ours, theirs: {wrong:#?}");
}

/// SHA-256 over rows as lines.
fn digest(rows: &[String]) -> String {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What bcftools 1.16 made of [`generated_indels_stand_where_bcftools_norm_puts_them`]'s records, divided and not: so that its
/// word counts on machines without it, too.
const RECORDED: [(bool, &str); 2] = [
    (true, "6ce1e4411f7ee5cc185243c3d654bbc74b87b7cf8a9ea54ac7762440103f1f0b"),
    (false, "998f9cca51313aafe47c44b673122911e7b4eada7260b68af1f4dacfaac6d9b3"),
];

#[test]
fn generated_indels_stand_where_bcftools_norm_puts_them() {
    let mut dice = Dice(11);
    let sequences: BTreeMap<String, Vec<u8>> =
        [("chr1", 40_000), ("chr2", 3_000), ("short", 12)].into_iter().map(|(name, n)| (name.into(), dice.repeats(n))).collect();
    let mut records: Vec<Owned> = Vec::new();
    for (name, bases) in &sequences {
        for _ in 0..6_000 {
            let at = match dice.below(10) {
                0 => dice.below(20).min(bases.len() - 1),
                1 => bases.len() - 1 - dice.below(20).min(bases.len() - 1),
                _ => dice.below(bases.len()),
            };
            let length = [1, 1, 2, 3, 5, 12, 60][dice.below(7)].min(bases.len() - at);
            let reference = bases[at..at + length].to_ascii_uppercase();
            let mut alts: Vec<Vec<u8>> = Vec::new();
            for _ in 0..1 + dice.below(3) {
                let mut alt = reference.clone();
                match dice.below(6) {
                    0 => alt.truncate(1 + dice.below(length)),
                    1 => alt = alt.repeat(2 + dice.below(3)),
                    2 => alt.extend(&bases[at..bases.len().min(at + 1 + dice.below(6))].to_ascii_uppercase()),
                    3 => alt = alt.split_off(dice.below(length)),
                    4 => alt.extend(dice.bases(b"ACGT", 3)),
                    _ => alt = dice.bases(b"ACGTN", length),
                }
                if alt != reference && !alts.contains(&alt) {
                    alts.push(alt);
                }
            }
            if alts.is_empty() {
                continue;
            }
            let text = |bases: &Vec<u8>| String::from_utf8(bases.clone()).unwrap();
            let alt = alts.iter().map(text).collect::<Vec<_>>().join(",");
            records.push((name.clone(), at as i64 + 1, text(&reference), Some(alt)));
        }
    }
    records.sort();
    let (has_bcftools, fasta) = (has_htslib(), fasta(&sequences));
    for (split, recorded) in RECORDED {
        let (rows, moved) = ours(&fasta, &records, split);
        assert!(rows.len() >= records.len() && moved > rows.len() / 3, "{moved} rows moved: the test tests nothing");
        if has_bcftools {
            let theirs = theirs(&fasta, &vcf(&sequences, &records), split);
            compare(&rows, &theirs);
            assert_eq!(digest(&theirs), recorded, "bcftools says something else than was recorded");
        }
        assert_eq!(digest(&rows), recorded, "split: {split}");
    }
}

/// The same variant written up to `room` bases further right, and the bases that must then follow REF: files hold indels
/// left-aligned already. `None` for anything but a plain insertion or deletion behind an anchor.
fn shifted(reference: &str, alt: &str, room: usize, dice: &mut Dice) -> Option<(i64, String, String, String)> {
    let (reference, alt) = (reference.to_uppercase(), alt.to_uppercase());
    let (short, long) = if reference.len() < alt.len() { (&reference, &alt) } else { (&alt, &reference) };
    let unit =
        long.strip_prefix(short.as_str()).filter(|unit| short.len() == 1 && unit.bytes().all(|base| b"ACGT".contains(&base)));
    let unit = unit.filter(|unit| (1..=room).contains(&unit.len()))?;
    let copies = 1 + dice.below(room / unit.len());
    let after = unit.repeat(copies);
    let by = 1 + dice.below(after.len());
    let around = format!("{short}{unit}{after}");
    let (anchor, moved) = (&around[by..by + 1], &around[by..by + 1 + unit.len()]);
    let alleles = if reference.len() < alt.len() { (anchor, moved) } else { (moved, anchor) };
    Some((by as i64, alleles.0.to_owned(), alleles.1.to_owned(), after))
}

/// Records in the file's order, their positions drawn together so that the reference stays small.
fn painted(text: &str, dice: &mut Dice) -> (BTreeMap<String, Vec<u8>>, Vec<Owned>) {
    let mut records: Vec<(&str, i64, &str, &str)> = Vec::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        records.push((columns[0], columns[1].parse().unwrap(), columns[3], columns[4]));
    }
    records.sort_by_key(|(chrom, pos, ..)| (*chrom, *pos));
    let (mut sequences, mut kept) = (BTreeMap::<String, Vec<u8>>::new(), Vec::new());
    let mut painted: BTreeMap<(&str, usize), u8> = BTreeMap::new();
    let (mut last, mut here) = ("", 0);
    let mut previous = 0;
    for (nth, &(chrom, pos, reference, alt)) in records.iter().enumerate() {
        (here, previous) = if chrom == last { (here + (pos - previous).min(150), pos) } else { (200, pos) };
        last = chrom;
        let plain = |allele: &str| allele.bytes().all(|base| b"ACGTNacgtn".contains(&base));
        // Single breakends and those with inserted bases stay as they are here; bcftools takes them for wrong bases.
        let joined = |allele: &str| allele.split(['[', ']']).all(|part| part.len() <= 1 || part.contains(':'));
        let other = |allele: &str| {
            matches!(allele, "*" | ".") || allele.starts_with('<') || (allele.contains(['[', ']']) && joined(allele))
        };
        let usable = plain(reference)
            && reference.len() < 3000
            && alt.split(',').all(|allele| (plain(allele) || other(allele)) && !allele.eq_ignore_ascii_case(reference));
        let place = |at: usize| (chrom, here as usize - 1 + at);
        let fits = |painted: &BTreeMap<(&str, usize), u8>, from: usize, bases: &str| {
            bases.bytes().zip(from..).all(|(base, at)| painted.get(&place(at)).is_none_or(|there| *there == base))
        };
        if !usable || !fits(&painted, 0, &reference.to_uppercase()) {
            continue;
        }
        reference.to_uppercase().bytes().enumerate().for_each(|(at, base)| {
            painted.insert(place(at), base);
        });
        let next = records.get(nth + 1).filter(|next| next.0 == chrom).map_or(100, |next| (next.1 - pos).min(100)) as usize;
        let end = reference.len();
        match shifted(reference, alt, next.saturating_sub(end), dice) {
            Some((by, reference, alt, after)) if fits(&painted, end, &after) => {
                after.bytes().enumerate().for_each(|(at, base)| {
                    painted.insert(place(end + at), base);
                });
                kept.push((chrom.to_owned(), here + by, reference, Some(alt)));
            }
            _ => kept.push((chrom.to_owned(), here, reference.to_owned(), (alt != ".").then(|| alt.to_owned()))),
        }
    }
    kept.sort();
    for ((chrom, at), base) in painted {
        let sequence = sequences.entry(chrom.to_owned()).or_default();
        if sequence.len() <= at {
            let more = dice.repeats(at + 4000 - sequence.len());
            sequence.extend(more);
        }
        sequence[at] = base;
    }
    (sequences, kept)
}

#[test]
fn real_alleles_stand_where_bcftools_norm_puts_them() {
    let Some(listed) = real_files().filter(|_| has_htslib()) else { return };
    let (mut files, mut rows, mut moved) = (0, 0, 0);
    for Listed { path, .. } in listed.iter().filter(|listed| listed.group == "real") {
        let output = Command::new("bcftools").args(["view", "-H"]).arg(path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let (sequences, records) = painted(&text, &mut Dice(5));
        if records.is_empty() {
            continue;
        }
        let fasta = fasta(&sequences);
        let (ours, by) = ours(&fasta, &records, true);
        compare(&ours, &theirs(&fasta, &vcf(&sequences, &records), true));
        (files, rows, moved) = (files + 1, rows + ours.len(), moved + by);
    }
    assert!(files > 15 && rows > 50_000 && moved > 20_000, "{files} files, {rows} rows, {moved} moved: the test tests nothing");
}
