//! However a file is packed and cut, it is the file: one property over whole batches, lines, digests and bad records.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::UInt32Type;
use proptest::prelude::*;

use super::super::testing::{Read, bgzf, gzip, read, same};
use super::super::{Calls, Config, OnBadRecord, UnitSize};
use super::runtime;
use crate::flow::column;
use crate::store::Digest;

/// A file as text, and what is in it.
#[derive(Clone)]
struct Text {
    bytes: Vec<u8>,
    /// The line of each good record and of each bad one, 0-based.
    good: Vec<u64>,
    bad: Vec<u64>,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(2000)]);
        write!(f, "{} bytes, good {:?}, bad {:?}, {start:?}", self.bytes.len(), self.good, self.bad)
    }
}

/// One line of a file behind the header: its length, and whether it is a record at all, and a good one.
#[derive(Clone, Copy, Debug)]
enum Line {
    Good(usize),
    Bad(usize),
    Blank,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        12 => (0usize..90).prop_map(Line::Good),
        // Longer than a block, a chunk of reading, and most units.
        1 => (60_000usize..200_000).prop_map(Line::Good),
        1 => (0usize..200).prop_map(Line::Bad),
        1 => Just(Line::Blank),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    let head = prop_oneof![8 => 0usize..3000, 1 => 60_000usize..200_000];
    (head, prop::collection::vec(line(), 0..40), prop::collection::vec(any::<bool>(), 8), any::<bool>()).prop_map(
        |(head, lines, crlf, ends)| {
            let mut text = Text { bytes: Vec::new(), good: Vec::new(), bad: Vec::new() };
            let mut at = 0u64;
            let mut push = |bytes: &mut Vec<u8>, line: &str| {
                bytes.extend_from_slice(line.as_bytes());
                bytes.extend_from_slice(if crlf[at as usize % crlf.len()] { b"\r\n" } else { b"\n" });
                at += 1;
                at - 1
            };
            for declared in [
                "##fileformat=VCFv4.3",
                "##contig=<ID=1>",
                &format!("##note={}", "h".repeat(head)),
                "##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">",
                "##INFO=<ID=NOTE,Number=.,Type=String,Description=\"\">",
                "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">",
                "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB",
            ] {
                push(&mut text.bytes, declared);
            }
            for (i, line) in lines.iter().enumerate() {
                let record = |qual: &str, n: usize| {
                    format!("1\t{}\trs{i}\tA\tC,G\t{qual}\tPASS\tDP={i};NOTE=x,{}\tGT\t0/{}\t.", i + 1, "n".repeat(n), i % 3)
                };
                match line {
                    Line::Good(n) => text.good.push(push(&mut text.bytes, &record(&i.to_string(), *n))),
                    Line::Bad(n) => text.bad.push(push(&mut text.bytes, &record("many", *n))),
                    Line::Blank => drop(push(&mut text.bytes, "")),
                }
            }
            if !ends {
                text.bytes.truncate(text.bytes.trim_ascii_end().len());
            }
            text
        },
    )
}

/// The same text in every container; `cuts` say where gzip members and joined BGZF files begin.
fn containers(text: &[u8], block: usize, cuts: &[usize]) -> Vec<(&'static str, Vec<u8>)> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([0, text.len()]).collect();
    at.sort_unstable();
    let parts: Vec<&[u8]> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
    // Joined BGZF files keep the end-of-file blocks within.
    let joined = parts.iter().flat_map(|part| bgzf(part, block)).collect();
    vec![("plain", text.to_vec()), ("bgzf", bgzf(text, block)), ("joined bgzf", joined), ("gzip", gzip(&parts))]
}

/// Reads bytes from a file, or from a pipe that can be read once.
async fn read_from(bytes: &[u8], pipe: bool, unit: u64, partitions: usize) -> Read {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut config = Config::of(["x"]);
    (config.calls, config.on_bad_record, config.unit) = (Calls::All, OnBadRecord::Quarantine, UnitSize::Bytes(unit));
    if !pipe {
        std::fs::write(path, bytes).unwrap();
        return read(&config, folder.path(), partitions).await.unwrap();
    }
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || std::fs::write(path, bytes));
    let read = read(&config, folder.path(), partitions).await.unwrap();
    writer.join().unwrap().unwrap();
    read
}

/// The lines of good and of bad records within the file, out of units and places within them.
fn lines(read: &Read) -> (Vec<u64>, Vec<u64>) {
    let column = |name: &str| read.batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>().values().to_vec();
    let (mut before, mut bad, mut starts) = (0, Vec::new(), Vec::new());
    for unit in &read.units {
        let mut own: Vec<u64> = unit.bad.iter().map(|bad| before + bad.line).collect();
        own.sort_unstable();
        bad.extend(own);
        starts.push((unit.unit, before));
        before += unit.counts.lines;
    }
    let start = |unit: u32| starts.iter().find(|(known, _)| *known == unit).unwrap().1;
    let good = column(column::UNIT).into_iter().zip(column(column::ROW)).map(|(unit, row)| start(unit) + u64::from(row));
    (good.collect(), bad)
}

fn digest(read: &Read) -> Digest {
    read.units.iter().fold(Digest::default(), |mut sum, unit| {
        sum.add(unit.counts.digest);
        sum
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn packed_and_cut_anyhow_a_file_is_the_same(
        text in text(), unit in prop_oneof![1u64..400, 400u64..100_000], block in prop_oneof![1usize..40, 40usize..65_000],
        cuts in prop::collection::vec(any::<usize>(), 0..4), partitions in 1usize..5,
    ) {
        // A block or a unit for each byte of a long file is nothing but slow.
        let block = block.max(text.bytes.len() / 500).max(1);
        let unit = unit.max(text.bytes.len() as u64 / 300);
        runtime().block_on(async {
            let whole = read_from(&text.bytes, false, 1 << 30, 1).await;
            assert_eq!(whole.units.len(), 1);
            assert_eq!(lines(&whole), (text.good.clone(), text.bad.clone()));
            for (name, bytes) in containers(&text.bytes, block, &cuts) {
                for pipe in [false, true] {
                    let cut = read_from(&bytes, pipe, unit, partitions).await;
                    let told = format!("{name}, pipe {pipe}");
                    assert!(same(&whole.batch, &cut.batch, &[column::UNIT, column::ROW]), "{told}");
                    assert_eq!(lines(&cut), (text.good.clone(), text.bad.clone()), "{told}");
                    assert_eq!(cut.records(), (text.good.len() + text.bad.len()) as u64, "{told}");
                    assert_eq!(digest(&cut), digest(&whole), "{told}");
                }
            }
        });
    }
}

#[test]
fn an_empty_block_before_the_headers_end_is_not_taken_for_it() {
    let text = "##fileformat=VCFv4.3\n##INFO=<ID=DP,Number=1,Type=Integer>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t7\t.\tA\tC\t.\t.\tDP=3\n";
    runtime().block_on(async {
        for at in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            let joined = [bgzf(first, 60), bgzf(second, 60)].concat();
            let read = read_from(&joined, false, 1, 1).await;
            assert_eq!(lines(&read), (vec![3], vec![]), "an empty block at byte {at}");
        }
    });
}

#[test]
fn every_single_cut_of_a_small_file() {
    let records: String = (1..=5).map(|pos| format!("1\t{pos}\t.\tA\tC\t.\t.\tDP={pos}\n")).collect();
    let text = format!(
        "##fileformat=VCFv4.3\n##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{records}"
    );
    runtime().block_on(async {
        for unit in 1..=text.len() as u64 {
            let cut = read_from(text.as_bytes(), false, unit, 2).await;
            assert_eq!(cut.column("info.DP"), ["1", "2", "3", "4", "5"], "units of {unit}");
        }
        for block in 1..=text.len() {
            let cut = read_from(&bgzf(text.as_bytes(), block), false, 16 * block as u64, 2).await;
            assert_eq!(cut.column("info.DP"), ["1", "2", "3", "4", "5"], "blocks of {block}");
        }
    });
}
