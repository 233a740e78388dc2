//! Regions by indexes that htslib made, against `bcftools view -R --regions-overlap 0|1|2` (`query` does not look at END). It must not be built outside tests.

use std::path::Path;

use crate::machine::{Listed, has_htslib, inflated, output_of as run, real_files, real_folder};
use crate::source::vcf::testing::{Read, read_sql, same};
use crate::source::vcf::{Calls, Config, Info, InfoWord, RegionsOverlap, UnitSize};

/// A contig and positions of it, both ends included.
#[derive(Clone, Debug)]
pub(super) struct Region(pub String, pub i64, pub i64);

/// No position is higher.
pub(super) const LAST: i64 = (1 << 31) - 2;

impl Region {
    /// As we take it: in every form there is.
    pub fn text(&self) -> String {
        let Region(name, begin, end) = self;
        let name = if name.contains(':') { format!("{{{name}}}") } else { name.clone() };
        match (*begin, *end) {
            (1, LAST) => name,
            (begin, LAST) => format!("{name}:{begin}-"),
            (begin, end) if begin == end => format!("{name}:{begin}"),
            (1, end) => format!("{name}:-{end}"),
            (begin, end) => format!("{name}:{begin}-{end}"),
        }
    }
}

/// Chromosome, position, REF and ALT of the records that bcftools finds in the regions, sorted.
fn found(folder: &Path, regions: &[Region], overlap: u8) -> Option<Vec<String>> {
    let lines = regions.iter().map(|Region(name, begin, end)| format!("{name}\t{begin}\t{end}\n")).collect::<String>();
    std::fs::write(folder.join("t"), lines).unwrap();
    let overlap = overlap.to_string();
    let text = run("bcftools", &["view", "-H", "-G", "-R", "t", "--regions-overlap", &overlap, "x"], folder)?;
    let row = |line: &str| {
        let columns: Vec<&str> = line.splitn(6, '\t').collect();
        format!("{}|{}|{}|{}", columns[0], columns[1], columns[3], columns[4])
    };
    let mut rows: Vec<String> = String::from_utf8(text).unwrap().lines().map(row).collect();
    rows.sort_unstable();
    Some(rows)
}

async fn ours(folder: &Path, regions: &[Region], overlap: u8, unit: u64, partitions: usize) -> Read {
    let mut config = Config::of(["x"]);
    (config.regions, config.unit) = (regions.iter().map(Region::text).collect(), UnitSize::Bytes(unit));
    config.regions_overlap = RegionsOverlap::Number(overlap);
    (config.info, config.calls) = (Info::Word(InfoWord::None), Calls::None);
    read_sql(&config, folder, partitions, "SELECT chrom, pos, ref, alt FROM t ORDER BY __unit, __row").await.unwrap()
}

/// The rows as [`found`] writes them.
fn rows_of(read: &Read) -> Vec<String> {
    let [chrom, pos, reference, alt] = ["chrom", "pos", "ref", "alt"].map(|name| read.column(name));
    let alt = alt.iter().map(|alt| if alt == "-" { "." } else { alt });
    let rows = chrom.iter().zip(pos).zip(reference).zip(alt);
    let mut rows: Vec<String> = rows.map(|(((chrom, pos), reference), alt)| format!("{chrom}|{pos}|{reference}|{alt}")).collect();
    rows.sort_unstable();
    rows
}

/// Names and positions of a file, for regions that hit and miss.
fn places(folder: &Path) -> Option<Vec<(String, i64)>> {
    let text = run("bcftools", &["query", "-f", "%CHROM\t%POS\n", "x"], folder)?;
    let text = String::from_utf8(text).ok()?;
    text.lines().map(|line| line.split_once('\t').and_then(|(name, pos)| Some((name.to_owned(), pos.parse().ok()?)))).collect()
}

/// Sets of regions around the file's own records: single positions, ranges, open ends, whole contigs, overlapping ones.
fn asked(places: &[(String, i64)]) -> Vec<Vec<Region>> {
    let at = |share: usize| places[(places.len() - 1) * share / 16].clone();
    let range = |share: usize, width: i64| {
        let (name, pos) = at(share);
        Region(name, (pos - width).max(1), pos + width)
    };
    let open = |share: usize| Region(at(share).0, at(share).1, LAST);
    let up_to = |share: usize| Region(at(share).0, 1, at(share).1);
    let whole = |share: usize| Region(at(share).0, 1, LAST);
    vec![
        vec![range(0, 0)],
        vec![whole(16)],
        vec![range(8, 0), range(3, 0), range(8, 0)],
        vec![range(2, 10_000), range(3, 50_000), range(9, 1_000_000), range(2, 5)],
        vec![open(12), range(16, 0)],
        vec![up_to(5), range(5, 100)],
        vec![whole(0), range(7, 300), range(15, 0)],
        (0..16).map(|share| range(share, 20)).collect(),
    ]
}

/// Compares sets of regions, every fourth from `from` on, for the index that lies beside `x`; says how many rows were compared.
async fn agree(folder: &Path, places: &[(String, i64)], kind: &str, from: usize, what: &str) -> usize {
    let mut rows = 0;
    for (i, regions) in asked(places).into_iter().enumerate().skip(from % 4).step_by(4) {
        for overlap in 0..3 {
            // `bcftools view` refuses files whose records it cannot write.
            let Some(expected) = found(folder, &regions, overlap) else { continue };
            let (unit, partitions) = if i < 4 { (50_000, 2) } else { (16 << 20, 1) };
            let read = ours(folder, &regions, overlap, unit, partitions).await;
            assert!(read.plan.contains(&format!("index={kind}")), "{what} {regions:?}: {:?}", read.inspection.notices);
            let ours = rows_of(&read);
            let differ =
                ours.iter().filter(|row| !expected.contains(row)).chain(expected.iter().filter(|row| !ours.contains(row)));
            let differ: Vec<_> = if ours == expected { Vec::new() } else { differ.take(5).collect() };
            assert!(
                ours == expected,
                "{what} {regions:?} {overlap}: {} rows, {} expected, such as {differ:?}",
                ours.len(),
                expected.len()
            );
            assert!(read.records() <= places.len() as u64);
            rows += expected.len();
        }
    }
    rows
}

/// Makes the indexes one after the other, of the four in text each `step`th from `skip` on; `None` when htslib cannot index the file, so there is nothing to compare.
async fn every_index(folder: &Path, what: &str, (skip, step): (usize, usize)) -> Option<usize> {
    let (mut rows, places) = (0, places(folder)?);
    let makers: [(&str, &[&str], &str); 4] = [
        ("tabix", &["-f", "-p", "vcf", "x"], "tbi"),
        ("bcftools", &["index", "-f", "-m", "14", "x"], "csi"),
        ("bcftools", &["index", "-f", "-m", "9", "x"], "csi"),
        ("tabix", &["-f", "-C", "-m", "18", "-p", "vcf", "x"], "csi"),
    ];
    for (i, (program, arguments, kind)) in makers.into_iter().enumerate().skip(skip).step_by(step) {
        for kind in ["tbi", "csi"] {
            let _ = std::fs::remove_file(folder.join(format!("x.{kind}")));
        }
        run(program, arguments, folder)?;
        rows += agree(folder, &places, kind, i, &format!("{what} by {program} {arguments:?}")).await;
    }
    for kind in ["tbi", "csi"] {
        let _ = std::fs::remove_file(folder.join(format!("x.{kind}")));
    }
    let Some(binary) = run("bcftools", &["view", "-Ob", "x"], folder) else { return Some(rows) };
    std::fs::write(folder.join("x"), binary).unwrap();
    for (i, shift) in ["14", "9"].into_iter().enumerate() {
        if run("bcftools", &["index", "-f", "-m", shift, "x"], folder).is_none() {
            break;
        }
        rows += agree(folder, &places, "csi", i + 2, &format!("{what} as BCF, {shift}")).await;
    }
    Some(rows)
}

#[tokio::test]
async fn real_files_agree_with_bcftools() {
    let Some(files) = real_files().filter(|_| has_htslib()) else { return };
    let (mut compared, mut rows, mut unsorted) = (0, 0, Vec::new());
    for Listed { file: name, path, .. } in files.iter().filter(|listed| listed.group == "real" && !listed.is_bcf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("y"), inflated(path)).unwrap();
        let packed = run("bgzip", &["-c", "y"], folder.path()).unwrap();
        std::fs::write(folder.path().join("x"), packed).unwrap();
        match places(folder.path()) {
            Some(places) if !places.is_empty() => {}
            _ => continue,
        }
        match every_index(folder.path(), name, (compared % 2, 2)).await {
            Some(found) => (compared, rows) = (compared + 1, rows + found),
            None => unsorted.push(name),
        }
    }
    assert!(compared >= 20 && rows > 100_000, "{compared} {rows} {unsorted:?}");
}

#[tokio::test]
async fn the_indexes_files_come_with_are_used() {
    let Some(corpus) = real_folder().filter(|_| has_htslib()) else { return };
    let mut used = 0;
    for file in std::fs::read_dir(corpus.join("real")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some(kind) = name.strip_suffix(".tbi").map(|_| "tbi").or(name.strip_suffix(".csi").map(|_| "csi")) else { continue };
        let data = file.with_extension("");
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(&data, folder.path().join("x")).unwrap();
        std::fs::copy(&file, folder.path().join(format!("x.{kind}"))).unwrap();
        let places = places(folder.path()).unwrap();
        for from in 0..4 {
            agree(folder.path(), &places, kind, from, &name).await;
        }
        used += 1;
    }
    assert!(used >= 8, "{used}");
}

#[tokio::test]
async fn a_file_of_fifty_thousand_records_agrees() {
    if !has_htslib() {
        return;
    }
    let mut text = "##fileformat=VCFv4.3\n##INFO=<ID=END,Number=1,Type=Integer,Description=\"\">\n".to_owned();
    let names = ["chr1", "chr2", "HLA-A*01:01:01:01", "chrUn:7-9", "chrM"];
    names.iter().for_each(|name| text += &format!("##contig=<ID={name},length=240000000>\n"));
    text += "##contig=<ID=chrNone,length=9>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let mut state = 7u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for (name, count, gap) in [(0, 30_000, 3000), (1, 15_000, 9000), (2, 4_000, 3), (3, 900, 200_000), (4, 100, 160)] {
        // Not 0: bcftools finds a record there whatever position is asked for.
        let mut pos = 1 + next(2);
        for _ in 0..count {
            let info = match next(50) {
                0 => format!("END={}", pos + next(3_000_000)),
                1 => format!("END={}", pos + next(20_000)),
                _ => ".".to_owned(),
            };
            let reference = &"ACGTACGTACGT"[..1 + next(12) as usize];
            let alt = ["T", "A", "AC", "ACGTA,ACG", "AT,T", "*", ".", "<DEL>", "<DEL>,A"][next(9) as usize];
            text += &format!("{}\t{pos}\t.\t{reference}\t{alt}\t{}\tPASS\t{info}\n", names[name], next(60));
            pos += next(gap);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("y"), &text).unwrap();
    std::fs::write(folder.path().join("x"), run("bgzip", &["-c", "y"], folder.path()).unwrap()).unwrap();
    assert!(every_index(folder.path(), "synthetic", (0, 1)).await.unwrap() > 50_000);
    // Rows do not depend on how many read them.
    let regions: Vec<Region> = names.iter().map(|name| Region((*name).to_owned(), 500, LAST)).collect();
    let (one, two) = (ours(folder.path(), &regions, 1, 100_000, 1).await, ours(folder.path(), &regions, 1, 100_000, 2).await);
    assert!(one.units.len() > 4 && two.plan.contains("partitions=2"), "{}", two.plan);
    assert!(same(&one.batch, &two.batch, &[]));
    assert_eq!(one.units, two.units);
}
