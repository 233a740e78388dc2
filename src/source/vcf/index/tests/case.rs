//! Files with an index, written by a small writer of our own; and what is equal about a read by index and one by scan. It must
//! not be built outside tests.

use std::collections::BTreeMap;

use crate::bgzf::block_header;
use crate::error::Result;
use crate::flow::column;
use crate::source::vcf::bcf::testing::{Style, encode};
use crate::source::vcf::bcf::{header, split_record};
use crate::source::vcf::index::read::Kind;
use crate::source::vcf::testing::{Read, bgzf, read, same};
use crate::source::vcf::{Calls, Config, RegionsOverlap, UnitSize};
use crate::store::Digest;

pub const INFO: &str =
    "##INFO=<ID=END,Number=1,Type=Integer,Description=\"\">\n##INFO=<ID=N,Number=1,Type=String,Description=\"\">\n";

/// How an index is written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub kind: Kind,
    pub min_shift: u32,
    pub depth: u32,
}

pub const TBI: Form = Form { kind: Kind::Tbi, min_shift: 14, depth: 5 };

/// The bin of `begin .. end` (CSIv1 section 2, `reg2bin`).
fn bin(begin: u64, end: u64, form: Form) -> u32 {
    let (mut shift, mut first, last) = (form.min_shift, ((1u64 << (3 * form.depth)) - 1) / 7, end - 1);
    for level in (1..=form.depth).rev() {
        if begin >> shift == last >> shift {
            return (first + (begin >> shift)) as u32;
        }
        shift += 3;
        first -= 1 << (3 * (level - 1));
    }
    0
}

/// A contig's bins with their chunks.
pub type Bins = BTreeMap<u32, Vec<(u64, u64)>>;

/// An index, contig by contig.
pub type Indexed = Vec<(String, Bins)>;

/// A line's contig and 0-based extent.
fn extent(line: &str) -> (&str, u64, u64) {
    let columns: Vec<_> = line.split('\t').collect();
    let begin = columns[1].parse::<u64>().unwrap().saturating_sub(1);
    let end = columns[7].split(';').find_map(|pair| pair.trim().strip_prefix("END="));
    let end = end.map_or(begin + columns[3].len() as u64, |end| end.parse().unwrap());
    (columns[0], begin, end.max(begin + 1))
}

/// The contigs of `text`, packed `block` bytes a block into `packed`, with their chunks. `binary`: what was packed is BCF.
pub fn chunks_of(text: &str, binary: Option<&[u8]>, packed: &[u8], block: usize, form: Form) -> Vec<(String, Bins)> {
    let mut blocks = vec![0u64];
    while blocks[blocks.len() - 1] < packed.len() as u64 {
        let at = blocks[blocks.len() - 1];
        let size = block_header(&packed[at as usize..]).unwrap().size;
        blocks.push(at + size as u64);
    }
    let place = |at: usize| blocks[at / block] << 16 | (at % block) as u64;
    let (mut contigs, mut at): (Vec<(String, Bins)>, usize) = (Vec::new(), 0);
    if let Some(bytes) = binary {
        at = header(bytes, &crate::source::vcf::limits::Limits::default()).unwrap().unwrap().1;
        let names = text.lines().filter_map(|line| line.strip_prefix("##contig=<ID="));
        contigs.extend(names.map(|name| (name.trim_end_matches('>').to_owned(), Bins::new())));
    }
    for line in text.split_inclusive('\n') {
        let length = match binary {
            Some(_) if line.starts_with('#') => continue,
            Some(bytes) => split_record(&bytes[at..]).unwrap().unwrap().0.len(),
            None => line.len(),
        };
        let (first, last) = (place(at), place(at + length));
        at += length;
        if line.starts_with('#') {
            continue;
        }
        let (name, begin, end) = extent(line);
        if contigs.iter().all(|(known, _)| known != name) {
            contigs.push((name.to_owned(), Bins::new()));
        }
        let bins = &mut contigs.iter_mut().find(|(known, _)| known == name).unwrap().1;
        let chunks = bins.entry(bin(begin, end, form)).or_default();
        match chunks.last_mut() {
            Some(chunk) if chunk.1 == first || chunk.1 >> 16 == first >> 16 => chunk.1 = last,
            _ => chunks.push((first, last)),
        }
    }
    contigs
}

pub fn chunks(text: &str, packed: &[u8], block: usize, form: Form) -> Vec<(String, Bins)> {
    chunks_of(text, None, packed, block, form)
}

pub fn stored(contigs: &[(String, Bins)], form: Form) -> Vec<u8> {
    stored_as(contigs, form, false)
}

/// `binary`: without the names, as BCF's are.
pub fn stored_as(contigs: &[(String, Bins)], form: Form, binary: bool) -> Vec<u8> {
    let names: Vec<u8> = contigs.iter().flat_map(|(name, _)| [name.as_bytes(), b"\0"].concat()).collect();
    let int = |n: usize| (n as u32).to_le_bytes();
    let header = [&[2u32, 1, 2, 0, 35, 0, names.len() as u32].map(u32::to_le_bytes).concat()[..], &names].concat();
    let header = if binary { Vec::new() } else { header };
    let mut out = match form.kind {
        Kind::Tbi => [b"TBI\x01", &int(contigs.len())[..], &header].concat(),
        Kind::Csi => {
            let sizes = [form.min_shift, form.depth, header.len() as u32].map(u32::to_le_bytes).concat();
            [b"CSI\x01", &sizes[..], &header, &int(contigs.len())].concat()
        }
    };
    let pseudo = ((1u64 << (3 * (form.depth + 1))) - 1) / 7 + 1;
    for (_, bins) in contigs {
        out.extend(int(bins.len() + 1));
        let pseudo = (pseudo as u32, vec![(0, 0), (7, 0)]);
        for (number, chunks) in bins.iter().map(|(number, chunks)| (*number, chunks.clone())).chain([pseudo]) {
            out.extend(number.to_le_bytes());
            if form.kind == Kind::Csi {
                out.extend(0u64.to_le_bytes());
            }
            out.extend(int(chunks.len()));
            chunks.iter().for_each(|(first, last)| out.extend([first.to_le_bytes(), last.to_le_bytes()].concat()));
        }
        if form.kind == Kind::Tbi {
            out.extend([&int(1)[..], &0u64.to_le_bytes()].concat());
        }
    }
    out.extend(0u64.to_le_bytes());
    out
}

/// A folder with `x`, BGZF of `text`.
pub struct Case {
    pub folder: tempfile::TempDir,
    pub text: String,
    pub packed: Vec<u8>,
    block: usize,
    /// `regions_overlap`.
    pub overlap: u8,
}

impl Case {
    pub fn new(text: &str, block: usize) -> Self {
        let (folder, packed) = (tempfile::tempdir().unwrap(), bgzf(text.as_bytes(), block));
        std::fs::write(folder.path().join("x"), &packed).unwrap();
        Self { folder, text: text.to_owned(), packed, block, overlap: 1 }
    }

    pub fn index(&self, form: Form) -> Vec<u8> {
        stored(&chunks(&self.text, &self.packed, self.block, form), form)
    }

    pub fn put(&self, kind: Kind, bytes: &[u8]) -> &Self {
        for kind in [Kind::Tbi, Kind::Csi] {
            let _ = std::fs::remove_file(self.folder.path().join(format!("x.{}", kind.name())));
        }
        std::fs::write(self.folder.path().join(format!("x.{}", kind.name())), bytes).unwrap();
        self
    }

    /// The same records as BCF, with an index.
    pub fn binary(text: &str, block: usize, form: Form) -> Self {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), encode(text, Style::default()));
        let packed = bgzf(&bytes, block);
        std::fs::write(folder.path().join("x"), &packed).unwrap();
        let index = stored_as(&chunks_of(text, Some(&bytes), &packed, block, form), form, true);
        let case = Self { folder, text: text.to_owned(), packed, block, overlap: 1 };
        case.put(form.kind, &bgzf(&index, 5000));
        case
    }

    pub fn indexed(text: &str, block: usize, form: Form) -> Self {
        let case = Self::new(text, block);
        let index = case.index(form);
        case.put(form.kind, &bgzf(&index, 5000));
        case
    }

    pub async fn read(&self, regions: &[&str], unit: u64, partitions: usize) -> Result<Read> {
        read(&self.config(regions, unit), self.folder.path(), partitions).await
    }

    /// The same by a scan: the index is put aside.
    pub async fn scan(&self, regions: &[&str]) -> Read {
        let bare = tempfile::tempdir().unwrap();
        std::fs::write(bare.path().join("x"), &self.packed).unwrap();
        read(&self.config(regions, 1 << 20), bare.path(), 1).await.unwrap()
    }

    pub fn config(&self, regions: &[&str], unit: u64) -> Config {
        Config { regions_overlap: RegionsOverlap::Number(self.overlap), ..config(regions, unit) }
    }
}

pub fn config(regions: &[&str], unit: u64) -> Config {
    let mut config = Config::of(["x"]);
    config.regions = regions.iter().map(|region| (*region).to_owned()).collect();
    (config.unit, config.calls) = (UnitSize::Bytes(unit), Calls::All);
    config
}

fn digest(read: &Read) -> (u64, Digest) {
    let mut sum = Digest::default();
    read.units.iter().for_each(|unit| sum.add(unit.counts.digest));
    (read.units.iter().map(|unit| unit.counts.records - unit.counts.out_of_region).sum(), sum)
}

pub fn by_index(read: &Read) -> bool {
    read.plan.contains("index=tbi") || read.plan.contains("index=csi")
}

/// Equal rows and equal identity; only the index's way was taken.
pub fn equal(by: &Read, scan: &Read, what: &str) {
    assert!(by_index(by), "{what}: {:?}", by.inspection.notices);
    assert!(scan.plan.contains("index=none"), "{what}");
    assert!(
        same(&by.batch, &scan.batch, &[column::UNIT, column::ROW]),
        "{what}: {} {}",
        by.batch.num_rows(),
        scan.batch.num_rows()
    );
    assert_eq!(digest(by), digest(scan), "{what}");
    assert!(by.records() <= scan.records(), "{what}");
    for unit in &by.units {
        assert!(unit.counts.records >= unit.counts.out_of_region);
    }
    let ordinals: Vec<_> = by.units.iter().map(|unit| unit.unit).collect();
    assert_eq!(ordinals, (0..by.inspection.units[0].count.unwrap()).collect::<Vec<_>>(), "{what}");
}
