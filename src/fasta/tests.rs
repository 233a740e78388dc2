//! Bases read through cursors against the same text in memory; indexes made here against written ones; files made to break.

use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::bgzf;
use crate::error::{Class, Error};
use crate::machine::{has_htslib, output_of};

/// A FASTA in a folder of its own.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn of(text: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r.fa"), text).unwrap();
        Self { folder }
    }

    /// Blocks of `block` bytes of text.
    fn compressed(text: &[u8], block: usize) -> Self {
        let mut writer = bgzf::Writer::new(Vec::new());
        for piece in text.chunks(block) {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        Self::of(&writer.finish().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("r.fa")
    }

    fn beside(self, suffix: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.folder.path().join(format!("r.fa{suffix}")), content).unwrap();
        self
    }

    fn open(&self) -> Result<Fasta, Error> {
        Fasta::open(&self.path())
    }
}

/// All bases of a sequence, read by runs that begin every `step` bases.
fn whole(fasta: &Fasta, name: &str, step: u64) -> Result<String, Error> {
    let sequence = fasta.sequence(name).unwrap();
    let (mut cursor, mut out, mut at) = (Cursor::default(), Vec::new(), 0);
    while at < sequence.length {
        let bases = cursor.bases(fasta, sequence, at)?;
        let run = (step.min(sequence.length - at) as usize).min(bases.len());
        assert!(run > 0);
        out.extend_from_slice(&bases[..run]);
        at += run as u64;
    }
    assert!(cursor.bases(fasta, sequence, sequence.length)?.is_empty());
    Ok(String::from_utf8(out).unwrap())
}

fn wrapped(sequences: &[(&str, &str)], width: usize, ending: &str) -> String {
    let mut text = String::new();
    for (name, bases) in sequences {
        text += &format!(">{name} a description{ending}");
        for line in bases.as_bytes().chunks(width) {
            text += &format!("{}{ending}", std::str::from_utf8(line).unwrap());
        }
    }
    text
}

fn random_bases(length: usize, seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    (0..length).map(|_| char::from(b"ACGTacgtNR"[next() % 10])).collect()
}

fn message(result: Result<impl Sized, Error>) -> String {
    let error = result.err().expect("an error");
    assert_eq!(error.class(), Class::Input, "{error}");
    assert!(!error.to_string().contains("r.fa") && !error.hint().unwrap_or_default().contains("/"), "a path: {error}");
    error.to_string()
}

#[test]
fn bases_are_the_files_in_every_layout() {
    // Longer than a block of either kind.
    let long = random_bases(150_001, 7);
    let sequences = [("chr1", long.as_str()), ("empty", ""), ("HLA-A*01:01", "acgtn"), ("chr2", &long[..60])];
    for (width, ending) in [(60, "\n"), (61, "\r\n"), (1, "\n"), (1 << 20, "\n")] {
        let text = wrapped(&sequences, width, ending);
        let cut = text.trim_end();
        for files in [Files::of(text.as_bytes()), Files::of(cut.as_bytes()), Files::compressed(text.as_bytes(), 4000)] {
            let fasta = files.open().unwrap();
            assert!(fasta.indexed_here && fasta.len() == 4);
            for (name, bases) in sequences {
                assert_eq!(fasta.sequence(name).unwrap().length, bases.len() as u64);
                for step in [1 << 20, 997] {
                    assert_eq!(whole(&fasta, name, step).unwrap(), bases.to_uppercase(), "{name}, width {width}");
                }
            }
            assert!(fasta.sequence("chr3").is_none());
        }
    }
}

#[test]
fn a_cursor_goes_back_and_forth() {
    let long = random_bases(200_000, 3).to_uppercase();
    let text = wrapped(&[("a", &long), ("b", &long[10..])], 70, "\n");
    for files in [Files::of(text.as_bytes()), Files::compressed(text.as_bytes(), 65_000)] {
        let fasta = files.open().unwrap();
        let (a, b, mut cursor) = (fasta.sequence("a").unwrap(), fasta.sequence("b").unwrap(), Cursor::default());
        for at in (0..199_000).step_by(1371).chain((0..199_000).rev().step_by(7919)) {
            assert_eq!(cursor.bases(&fasta, a, at).unwrap()[0], long.as_bytes()[at as usize]);
            assert_eq!(cursor.bases(&fasta, b, at).unwrap()[0], long.as_bytes()[at as usize + 10]);
        }
        assert!(cursor.bases(&fasta, a, u64::MAX / 2).unwrap().is_empty());
    }
}

#[test]
fn written_indexes_are_used_and_say_the_same() {
    let long = random_bases(100_000, 5);
    let text = wrapped(&[("chr1", &long), ("chr2", "ACGT")], 60, "\n");
    let fai = "chr1\t100000\t20\t60\t61\nchr2\t4\t101707\t60\t61\n";
    let plain = Files::of(text.as_bytes()).beside(".fai", fai);
    let fasta = plain.open().unwrap();
    assert!(!fasta.indexed_here);
    assert_eq!(whole(&fasta, "chr1", 5000).unwrap(), long.to_uppercase());
    assert_eq!(whole(&fasta, "chr2", 5000).unwrap(), "ACGT");
    assert_eq!(fasta.fingerprint().unwrap(), Files::of(text.as_bytes()).open().unwrap().fingerprint().unwrap());
    let mut changed = text.clone().into_bytes();
    changed[50_000] ^= 2;
    assert_ne!(fasta.fingerprint().unwrap(), Files::of(&changed).open().unwrap().fingerprint().unwrap());
}

/// noodles makes a `.fai`, and a `.gzi` of the blocks that it reads.
#[test]
fn indexes_of_noodles_are_read_and_equal_ours() {
    let text = wrapped(&[("chr1", &random_bases(300_000, 9)), ("chr2", &random_bases(1234, 1))], 60, "\n");
    let files = Files::of(text.as_bytes());
    let (ours, folder) = (files.open().unwrap(), files.folder.path());
    let mut packed = noodles_bgzf::io::Writer::new(Vec::new());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(folder.join("r.fa.gz"), &packed).unwrap();
    let (mut blocks, mut reader, mut read) = (Vec::new(), noodles_bgzf::io::Reader::new(&packed[..]), 0);
    loop {
        let length = std::io::BufRead::fill_buf(&mut reader).unwrap().len();
        if length == 0 {
            break;
        }
        if read > 0 {
            blocks.push((reader.virtual_position().compressed(), read));
        }
        read += length as u64;
        std::io::BufRead::consume(&mut reader, length);
    }
    assert!(blocks.len() > 3, "{blocks:?}");
    noodles_bgzf::gzi::fs::write(folder.join("r.fa.gz.gzi"), &blocks.into()).unwrap();
    let index = noodles_fasta::fs::index(folder.join("r.fa")).unwrap();
    for name in ["r.fa.fai", "r.fa.gz.fai"] {
        noodles_fasta::fai::fs::write(folder.join(name), &index).unwrap();
    }
    let (theirs, compressed) = (files.open().unwrap(), Fasta::open(&folder.join("r.fa.gz")).unwrap());
    assert!(!theirs.indexed_here && !compressed.indexed_here);
    for name in ["chr1", "chr2"] {
        let wanted = whole(&ours, name, 1 << 20).unwrap();
        assert_eq!(
            (whole(&theirs, name, 777).unwrap(), whole(&compressed, name, 777).unwrap()),
            (wanted.clone(), wanted),
            "{name}"
        );
    }
}

/// htslib makes a `.fai` where there is none, and bgzip a `.gzi`.
#[test]
fn indexes_of_htslib_are_read_and_equal_ours() {
    if !has_htslib() {
        return;
    }
    let text = wrapped(&[("chr1", &random_bases(300_000, 9)), ("chr2", &random_bases(1234, 1))], 60, "\n");
    let files = Files::of(text.as_bytes());
    let ours = files.open().unwrap();
    let folder = files.folder.path();
    std::fs::write(
        folder.join("v.vcf"),
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    )
    .unwrap();
    let run = |program: &str, arguments: &[&str]| assert!(output_of(program, arguments, folder).is_some(), "{program} fails");
    run("bcftools", &["norm", "-f", "r.fa", "v.vcf"]);
    run("bgzip", &["-k", "-i", "r.fa"]);
    let theirs = files.open().unwrap();
    assert!(!theirs.indexed_here);
    let compressed = Fasta::open(&folder.join("r.fa.gz")).unwrap();
    std::fs::remove_file(folder.join("r.fa.gz.gzi")).unwrap();
    let without = Fasta::open(&folder.join("r.fa.gz")).unwrap();
    for name in ["chr1", "chr2"] {
        let wanted = whole(&ours, name, 1 << 20).unwrap();
        for other in [&theirs, &compressed, &without] {
            assert_eq!(whole(other, name, 777).unwrap(), wanted, "{name}");
        }
    }
}

#[test]
fn files_that_are_no_reference_are_told_apart() {
    let missing = Fasta::open(Path::new("/no/such/file")).err().unwrap();
    assert_eq!((missing.class(), missing.to_string().as_str()), (Class::Usage, "the reference cannot be read: no such file"));
    assert!(message(Fasta::open(Path::new("/"))).contains("not a regular file"));
    assert!(message(Files::of(b"").open()).contains("no sequence"));
    assert!(message(Files::of(b"ACGT\n").open()).contains("does not begin with `>`"));
    assert!(message(Files::of(b">\nACGT\n").open()).contains("sequence 1: it has no name"));
    assert!(message(Files::of(b">a\nACGT\nAC\nACGT\n").open()).contains("sequence 1: its lines differ"));
    assert!(message(Files::of(b">a\nAC\n>b\nAC\n\nAC\n").open()).contains("sequence 2: its lines differ"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b">a\nACGT\n").unwrap();
    assert!(message(Files::of(&gzip.finish().unwrap()).open()).contains("BGZF"));
    // Of two sequences with one name the first counts; blank lines at the end of one are nothing.
    let fasta = Files::of(b">a\nACGT\n\n>a\nCC\n>b x\ny\n").open().unwrap();
    assert_eq!((fasta.len(), whole(&fasta, "a", 9).unwrap().as_str(), whole(&fasta, "b", 9).unwrap().as_str()), (2, "ACGT", "Y"));
}

#[test]
fn an_index_of_another_file_is_not_believed() {
    let text = wrapped(&[("a", &random_bases(1000, 2)), ("b", &random_bases(1000, 4))], 60, "\n");
    let with = |fai: &str| Files::of(text.as_bytes()).beside(".fai", fai);
    for fai in ["", "\n", "a\n", "a\t1000\t16\t60\n", "a\tx\t16\t60\t61\n", "a\t-1\t16\t60\t61\n", "\t1000\t16\t60\t61\n"] {
        assert!(message(with(fai).open()).contains(".fai index, line 1"), "{fai:?}");
    }
    for fai in [
        "a\t1000000\t16\t60\t61\n",
        "a\t1000\t18446744073709551615\t60\t61\n",
        "a\t1000\t16\t0\t0\n",
        "a\t1000\t16\t0\t61\n",
        "a\t1000\t16\t60\t60\n",
        "a\t1000\t16\t61\t60\n",
        "a\t1000\t16\t1\t18446744073709551615\n",
        "a\t20\t16\t1\t90\n",
        "a\t18446744073709551615\t16\t1\t2\n",
    ] {
        assert!(message(with(fai).open()).contains("line 1: the sequence does not fit"), "{fai:?}");
    }
    // It fits the size, but line ends stand where bases should.
    let fasta = with("a\t1000\t18\t60\t61\n").open().unwrap();
    assert!(message(whole(&fasta, "a", 1000)).contains("no bases where it says"));
    // A line's width means nothing when there is one line only.
    let fasta = with("a\t20\t17\t60\t18446744073709551615\n").open().unwrap();
    assert_eq!(whole(&fasta, "a", 100).unwrap().len(), 20);
}

#[test]
fn damage_is_found_where_it_is() {
    let text = wrapped(&[("a", &random_bases(50_000, 8))], 60, "\n");
    let fai = "a\t50000\t17\t60\t61\n";
    let stored = std::fs::read(Files::compressed(text.as_bytes(), 10_000).path()).unwrap();
    let good = Files::of(&stored).beside(".fai", fai).open().unwrap();
    let wanted = whole(&good, "a", 1 << 20).unwrap();
    for cut in [0, 10, 27, 28, 29, 500] {
        let opened = Files::of(&stored[..stored.len() - cut]).beside(".fai", fai).open();
        match cut {
            0 => assert_eq!(whole(&opened.unwrap(), "a", 64).unwrap(), wanted),
            _ => assert!(message(opened).contains("the reference"), "cut by {cut}"),
        }
    }
    let mut flipped = stored.clone();
    flipped[3000] ^= 1;
    let opened = Files::of(&flipped).beside(".fai", fai).open();
    assert!(message(opened.and_then(|fasta| whole(&fasta, "a", 64))).contains("damaged"));

    let gzi = |entries: &[(u64, u64)]| {
        let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
        entries.iter().for_each(|(stored, text)| bytes.extend([stored.to_le_bytes(), text.to_le_bytes()].concat()));
        bytes
    };
    let second = u64::from(u16::from_le_bytes([stored[16], stored[17]])) + 1;
    let with = |gzi: &[u8]| Files::of(&stored).beside(".fai", fai).beside(".gzi", gzi).open();
    assert_eq!(whole(&with(&gzi(&[(second, 10_000)])).unwrap(), "a", 64).unwrap(), wanted);
    assert_eq!(whole(&with(&gzi(&[])).unwrap(), "a", 64).unwrap(), wanted);
    for wrong in
        [&b""[..], b"1234567", &gzi(&[(0, 5)]), &gzi(&[(second, u64::MAX)]), &gzi(&[(9, 9), (5, 5)]), &gzi(&[(9, 9)])[..20]]
    {
        assert!(message(with(wrong)).contains(".gzi index does not fit"), "{wrong:?}");
    }
    assert!(message(with(&u64::MAX.to_le_bytes())).contains(".gzi index does not fit"));
    assert!(message(with(&gzi(&[(second + 1, 10_000)]))).contains("damaged"));
    let shifted = with(&gzi(&[(second, 9_000)])).and_then(|fasta| whole(&fasta, "a", 64));
    assert!(message(shifted).contains("does not fit"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Any bytes as FASTA, `.fai` and `.gzi`: an error or bases, never a panic.
    #[test]
    fn nothing_panics(
        text in "(>[ab ]{0,2}|[ACGTn\r]{0,9}|\n){0,12}", fai in "([ab]\t[0-9]{1,3}\t[0-9]{1,3}\t[0-9]{1,2}\t[0-9]{1,2}\n|[a\t0-9\n]{0,9}){1,3}",
        gzi in prop::collection::vec(any::<u8>(), 0..40), use_fai: bool, use_gzi: bool, compress: bool, flip in any::<usize>(),
    ) {
        let mut files = if compress { Files::compressed(text.as_bytes(), 7) } else { Files::of(text.as_bytes()) };
        if use_fai { files = files.beside(".fai", &fai); }
        if use_gzi { files = files.beside(".gzi", &gzi); }
        let mut stored = std::fs::read(files.path()).unwrap();
        if let (1, Some(byte)) = (flip % 2, stored.len().checked_sub(1).map(|last| flip % (last + 1))) {
            stored[byte] ^= 1 << (flip % 8);
            std::fs::write(files.path(), &stored).unwrap();
        }
        if let Ok(fasta) = files.open() {
            let _ = fasta.fingerprint();
            for name in ["a", "b", "ab", "aa", "ba", "bb"] {
                if let Some(sequence) = fasta.sequence(name) {
                    let mut cursor = Cursor::default();
                    for at in [0, 1, sequence.length / 2, sequence.length] {
                        let _ = cursor.bases(&fasta, sequence, at);
                    }
                }
            }
        }
    }
}

#[test]
fn digits_are_the_files_fault_where_it_has_no_index() {
    let text = b">1\nACGTACGTAC\n12345\n";
    let own = message(whole(&Files::of(text).open().unwrap(), "1", 4));
    assert!(own.contains("not a FASTA file of bases") && !own.contains("index"), "{own}");
    let indexed = Files::of(text).beside(".fai", "1\t15\t3\t10\t11\n");
    let other = message(whole(&indexed.open().unwrap(), "1", 4));
    assert!(other.contains(".fai index does not fit"), "{other}");
}
