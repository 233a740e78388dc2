//! Tests of the whole source: containers, cuts, regions, pushdown, the corpus.

mod cuts;

use std::path::Path;

use proptest::prelude::*;

use super::testing::{bgzf, gzip, read, read_bytes, read_rest, read_sql, same, vcf};
use super::{Calls, Config, OnBadRecord, UnitSize, decode_to_end};
use crate::error::Class;
use crate::flow::column;
use crate::machine::{Listed, real_files};

const HEAD: &str = "##INFO=<ID=DP,Number=1,Type=Integer,Description=\"\">\n##INFO=<ID=NOTE,Number=.,Type=String,Description=\"\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">\n";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn text(records: usize) -> String {
    let lines: Vec<String> = (0..records)
        .map(|i| {
            let note = "n".repeat(i * 7 % 50);
            format!(
                "chr{} {} rs{i} A C {} PASS DP={};NOTE={note},x GT 0/{} 0/0",
                i * 4 / records.max(1) + 1,
                i + 1,
                i % 60,
                i,
                i % 2
            )
        })
        .collect();
    vcf(HEAD, &["A", "B"], &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn every_container_gives_the_same_rows_and_digests() {
    let text = text(300);
    let bytes = text.as_bytes();
    let all = |config: &mut Config| config.calls = Calls::All;
    let plain = read_bytes(bytes, 1, all).await.unwrap();
    assert_eq!((plain.batch.num_rows(), plain.records()), (300, 300));
    let crlf = text.replace('\n', "\r\n");
    let open_end = text.trim_end_matches('\n');
    let (first, second) = bytes.split_at(5000);
    let others: [Vec<u8>; 6] = [
        bgzf(bytes, 1000),
        gzip(&[bytes]),
        gzip(&[first, second]),
        crlf.into_bytes(),
        open_end.as_bytes().to_vec(),
        [bytes, b"\n\n"].concat(),
    ];
    let digest = |read: &super::testing::Read| {
        let mut sum = crate::store::Digest::default();
        read.units.iter().for_each(|unit| sum.add(unit.counts.digest));
        sum
    };
    for (i, other) in others.iter().enumerate() {
        let small = |config: &mut Config| {
            config.calls = Calls::All;
            config.unit = UnitSize::Bytes(3000);
        };
        let other = read_bytes(other, 3, small).await.unwrap();
        assert!(same(&plain.batch, &other.batch, &[column::UNIT, column::ROW]), "container {i}");
        assert_eq!(digest(&plain), digest(&other), "container {i}");
        assert!(other.units.len() > 1, "container {i}");
        let ordinals: Vec<_> = other.units.iter().map(|unit| unit.unit).collect();
        assert_eq!(ordinals, (0..other.units.len() as u32).collect::<Vec<_>>(), "container {i}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_cut_gives_the_rows_of_one_pass(
        records in 0usize..120, unit in 1u64..6000, block in 20usize..3000, partitions in 1usize..5, ends in any::<bool>(),
    ) {
        let mut text = text(records);
        if !ends {
            text.truncate(text.len() - 1);
        }
        runtime().block_on(async {
            let whole = read_bytes(text.as_bytes(), 1, |_| {}).await.unwrap();
            assert_eq!(whole.batch.num_rows(), records);
            for bytes in [text.as_bytes().to_vec(), bgzf(text.as_bytes(), block), gzip(&[text.as_bytes()])] {
                let cut = read_bytes(&bytes, partitions, |config| config.unit = UnitSize::Bytes(unit)).await.unwrap();
                assert!(same(&whole.batch, &cut.batch, &[column::UNIT, column::ROW]));
                let lines: u64 = cut.units.iter().map(|unit| unit.counts.lines).sum();
                assert_eq!(lines, text.lines().count() as u64);
                assert_eq!(cut.records(), records as u64);
            }
        });
    }
}

#[tokio::test]
async fn the_line_of_a_bad_record_is_the_files() {
    let mut lines: Vec<String> = text(200).lines().map(str::to_owned).collect();
    lines[150] = lines[150].replacen('\t', "\tPATIENT", 1);
    let text = lines.join("\n") + "\n";
    for bytes in [text.as_bytes().to_vec(), bgzf(text.as_bytes(), 500), gzip(&[text.as_bytes()])] {
        let error = read_bytes(&bytes, 2, |config| config.unit = UnitSize::Bytes(2000)).await.err().unwrap();
        assert_eq!(error.to_string(), "input 1: line 151: POS: not a position");
        assert_eq!(error.class(), Class::Input);
    }
}

#[tokio::test]
async fn zero_bytes_behind_compressed_data_are_passed_over_and_told_once() {
    let text = text(200);
    let stored =
        [bgzf(text.as_bytes(), 500), gzip(&[text.as_bytes()]), gzip(&[&text.as_bytes()[..3000], &text.as_bytes()[3000..]])];
    for bytes in stored {
        for zeros in [1, 512, 100_000] {
            for partitions in [1, 3] {
                let padded = [bytes.clone(), vec![0; zeros]].concat();
                let read = read_bytes(&padded, partitions, |config| config.unit = UnitSize::Bytes(2000)).await.unwrap();
                assert_eq!(read.records(), 200);
                let told: Vec<_> = read.odd().into_iter().filter(|(field, ..)| *field == "file").collect();
                assert_eq!(told, [("file", "zero bytes behind the compressed data, passed over", 1)]);
            }
        }
        let error = read_bytes(&[&bytes[..], b"garbage"].concat(), 2, |_| {}).await.err().unwrap();
        assert!(error.class() == Class::Input && error.to_string().contains("follows"), "{error}");
        assert!(error.hint().unwrap().contains("gzip -dc FILE | bgzip"));
    }
}

#[tokio::test]
async fn regions_count_what_they_leave_out() {
    let regions = |regions: &[&str]| {
        let regions: Vec<String> = regions.iter().map(|region| (*region).to_owned()).collect();
        async move {
            read_bytes(text(200).as_bytes(), 2, |config| (config.regions, config.unit) = (regions, UnitSize::Bytes(1000))).await
        }
    };
    let read = regions(&["chr2", "chr1:5-7"]).await.unwrap();
    assert_eq!(read.batch.num_rows(), 53);
    assert_eq!(read.units.iter().map(|unit| unit.counts.out_of_region).sum::<u64>(), 147);
    assert_eq!(read.records(), 200);
    // A contig that nobody has would load nothing and succeed.
    for (asked, told) in [(&["9"][..], "`9`"), (&["2", "1:5-7"], "`2` (did you mean `chr2`?)")] {
        let error = regions(asked).await.err().unwrap();
        assert!(error.class() == Class::Usage && error.to_string().contains(told), "{error}");
    }
    let some = regions(&["chr1", "2"]).await.unwrap();
    let told: Vec<_> = some.inspection.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert!(told.contains(&"no input has the contig `2` (did you mean `chr2`?) that a region names"), "{told:?}");
    // Where the header names none, the records do: as plain text, BGZF and gzip.
    let bare: String = text(200).lines().filter(|line| !line.starts_with("##contig")).map(|line| format!("{line}\n")).collect();
    for bytes in [bare.clone().into_bytes(), bgzf(bare.as_bytes(), 300), gzip(&[bare.as_bytes()])] {
        let of = |region: &str| {
            let (bytes, region) = (bytes.clone(), region.to_owned());
            async move { read_bytes(&bytes, 2, |config| config.regions = vec![region]).await }
        };
        assert!(of("chr2").await.unwrap().batch.num_rows() > 0);
        let error = of("2").await.err().unwrap();
        assert!(error.class() == Class::Usage && error.to_string().contains("did you mean `chr2`?"), "{error}");
    }
}

/// The positions of a record that count, one by one; where none does, the two it lies between, of which a region must hold both.
fn counted(overlap: u8, pos: i64, reference: &str, alt: &str, end: Option<i64>) -> (Vec<i64>, bool) {
    let last = end.filter(|end| *end >= pos).unwrap_or(pos + reference.len() as i64 - 1);
    let begin = match overlap {
        0 => return (vec![pos], false),
        1 => pos,
        _ => {
            let changed = |alt: &str| {
                (pos..=last).find(|at| {
                    let nth = (at - pos) as usize;
                    reference.as_bytes().get(nth).is_none_or(|base| alt.as_bytes().get(nth) != Some(base))
                })
            };
            let alts = alt.split(',').filter(|alt| *alt != ".");
            alts.filter_map(changed).min().unwrap_or(last + 1)
        }
    };
    if begin > last { (vec![last, begin], true) } else { ((begin..=last).collect(), false) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn regions_hold_the_records_that_sets_of_positions_do(
        records in prop::collection::vec((1i64..60, 0usize..9, 0usize..4, 0i64..30), 1..25),
        regions in prop::collection::vec((1i64..70, 0i64..12), 1..5), overlap in 0u8..3, binary in any::<bool>(),
    ) {
        let mut records = records;
        records.sort_unstable();
        let alts = ["A", "T", "AC", "ACGT", "A,T", "AC,ACG", ".", "<DEL>", "*"];
        let rows: Vec<(i64, &str, &str, Option<i64>)> = records
            .iter()
            .map(|(pos, alt, long, end)| (*pos, ["A", "AC", "ACG", "ACGT"][*long], alts[*alt], (*end > 20).then_some(pos + end - 22)))
            .collect();
        let lines: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(i, (pos, reference, alt, end))| {
                let end = end.map_or(String::new(), |end| format!(";END={end}"));
                format!("1 {pos} r{i} {reference} {alt} . . N=1{end}")
            })
            .collect();
        let head = "##contig=<ID=1>\n##INFO=<ID=N,Number=1,Type=Integer,Description=\"\">\n##INFO=<ID=END,Number=1,Type=Integer,Description=\"\">\n";
        let text = vcf(head, &[], &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let bytes = if binary { super::bcf::testing::encode(&text, Default::default()) } else { text.into_bytes() };
        // One region, wherever two overlap.
        let mut ranges: Vec<(i64, i64)> = regions.iter().map(|(begin, more)| (*begin, begin + more)).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| next.0 <= kept.1 && { kept.1 = kept.1.max(next.1); true });
        let holds = |(counted, both): (Vec<i64>, bool)| {
            ranges.iter().any(|(from, to)| {
                let mut inside = counted.iter().map(|at| (from..=to).contains(&at));
                if both { inside.all(|inside| inside) } else { inside.any(|inside| inside) }
            })
        };
        let expected: Vec<String> = rows
            .iter()
            .enumerate()
            .filter(|(_, (pos, reference, alt, end))| holds(counted(overlap, *pos, reference, alt, *end)))
            .map(|(i, _)| format!("[r{i}]"))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(read_bytes(&bytes, 1, |config| {
            config.regions = regions.iter().map(|(begin, more)| format!("1:{begin}-{}", begin + more)).collect();
            config.regions_overlap = super::RegionsOverlap::Number(overlap);
        }));
        prop_assert_eq!(read.unwrap().column("ids"), expected, "{} {:?} {:?}", overlap, ranges, lines);
    }
}

#[tokio::test]
async fn projection_and_filters_reach_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.vcf"), text(200)).unwrap();
    let config = Config::of(["x.vcf"]);
    let sql = r#"SELECT "info.DP" FROM t WHERE chrom IN ('chr1', 'chr2') AND pos >= 40 AND qual > 10 ORDER BY __row"#;
    let read = read_sql(&config, folder.path(), 1, sql).await.unwrap();
    let expected: Vec<String> = (39..100).filter(|i| i % 60 > 10).map(|i| i.to_string()).collect();
    assert_eq!(read.column("info.DP"), expected);
    let scan = read.plan.lines().find(|line| line.contains("VcfExec")).unwrap();
    assert!(scan.contains("inputs=1, format=plain") && scan.contains("filters=[") && scan.contains("pos >= "), "{scan}");
    assert!(!scan.contains("info.NOTE") && !scan.contains("x.vcf"), "{scan}");
    let count = read_sql(&config, folder.path(), 1, "SELECT count(*) AS n FROM t").await.unwrap();
    assert_eq!(count.column("n"), ["200"]);
    let end = read_sql(&config, folder.path(), 1, "SELECT pos FROM t WHERE end_pos = 7").await.unwrap();
    assert_eq!(end.column("pos"), ["7"]);
}

#[tokio::test]
async fn a_header_without_records_is_zero_rows() {
    for bytes in
        [vcf(HEAD, &["A"], &[]).into_bytes(), bgzf(vcf(HEAD, &[], &[]).as_bytes(), 70), gzip(&[vcf("", &[], &[]).as_bytes()])]
    {
        let read = read_bytes(&bytes, 2, |_| {}).await.unwrap();
        assert_eq!((read.batch.num_rows(), read.units.len()), (0, 1));
        assert!(read.units[0].counts.lines > 0);
    }
}

#[tokio::test]
async fn several_inputs_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let a = vcf("##INFO=<ID=X,Number=1,Type=Integer>\n", &["A"], &["1 1 . A C . . X=1 GT 0/1"]);
    let b = vcf("##INFO=<ID=X,Number=1,Type=Float>\n##INFO=<ID=Y,Number=1,Type=String>\n", &[], &["2 1 . A C . . X=1.5;Y=q"]);
    std::fs::write(folder.path().join("a.vcf"), a).unwrap();
    std::fs::write(folder.path().join("b.vcf.gz"), gzip(&[b.as_bytes()])).unwrap();
    std::fs::write(folder.path().join("c.vcf.gz"), bgzf(b.as_bytes(), 60)).unwrap();
    let read = read(&Config::of(["*.vcf", "*.gz"]), folder.path(), 2).await.unwrap();
    assert_eq!(read.column("info.X"), ["1.0", "1.5", "1.5"]);
    assert_eq!(read.column("info.Y"), ["-", "q", "q"]);
    assert_eq!(read.column("calls.__sample"), ["[0]", "[]", "[]"]);
    assert!(read.inspection.notices.iter().any(|notice| notice.text.contains("INFO/X differently")));
    let inputs: Vec<_> = read.units.iter().map(|unit| unit.counts.input).collect();
    assert_eq!(inputs, [0, 1, 2]);
    assert_eq!((read.inspection.document.inputs.len(), read.inspection.units[1].count), (3, None));
}

#[tokio::test]
async fn a_pipe_is_read_once_whatever_flows_through_it() {
    let text = text(300);
    let cut_off = bgzf(text.as_bytes(), 900);
    let cut_off = cut_off[..cut_off.len() - 28].to_vec();
    for (bytes, rows) in [
        (text.clone().into_bytes(), Some(300)),
        (bgzf(text.as_bytes(), 900), Some(300)),
        (gzip(&[text.as_bytes()]), Some(300)),
        (cut_off, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let writer = std::thread::spawn(move || std::fs::write(path, bytes));
        let mut config = Config::of(["pipe"]);
        config.unit = UnitSize::Bytes(2000);
        // A short input is read whole when it is looked at, so the missing end may show there already.
        let inspection = config.build(folder.path()).unwrap().inspect();
        match (inspection, rows) {
            (Ok(inspection), Some(rows)) => {
                assert_eq!((inspection.units[0].count, inspection.bytes), (None, None));
                assert_eq!(decode_to_end(&inspection, 3, None).unwrap().rows, rows);
                assert_eq!(decode_to_end(&inspection, 3, None).err().unwrap().class(), Class::Input);
            }
            (inspection, rows) => {
                assert_eq!(rows, None);
                assert!(inspection.err().unwrap().to_string().contains("truncated"));
            }
        }
        writer.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn units_done_before_are_not_read_again() {
    for bytes in [text(200).into_bytes(), bgzf(text(200).as_bytes(), 400), gzip(&[text(200).as_bytes()])] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), bytes).unwrap();
        let mut config = Config::of(["x"]);
        config.unit = UnitSize::Bytes(4000);
        let sql = "SELECT pos, __unit FROM t ORDER BY __unit, __row";
        let all = read_rest(&config, folder.path(), 2, sql, &[]).await.unwrap();
        let rest = read_rest(&config, folder.path(), 2, sql, &[0, 2]).await.unwrap();
        let of = |read: &super::testing::Read| read.column("pos").into_iter().zip(read.column("__unit")).collect::<Vec<_>>();
        let expected: Vec<_> = of(&all).into_iter().filter(|(_, unit)| unit != "0" && unit != "2").collect();
        assert!(!expected.is_empty() && expected.len() < 200);
        assert_eq!(of(&rest), expected);
        assert_eq!(rest.units.len(), all.units.len() - 2);
    }
}

#[tokio::test]
async fn draining_counts_what_a_run_would() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), bgzf(text(200).as_bytes(), 400)).unwrap();
    let mut config = Config::of(["x"]);
    config.unit = UnitSize::Bytes(16_000);
    let inspection = config.build(folder.path()).unwrap().inspect().unwrap();
    assert!(inspection.units[0].count > Some(2));
    let all = decode_to_end(&inspection, 2, None).unwrap();
    assert_eq!((all.records, all.rows, Some(all.bytes_in)), (200, 200, inspection.bytes));
    let narrow = decode_to_end(&inspection, 1, Some(&["pos"])).unwrap();
    assert_eq!(narrow.rows, 200);
    assert!(narrow.arrow_bytes < all.arrow_bytes);
}

#[tokio::test]
async fn what_cannot_be_read_says_so_without_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let name = "DOE_JANE.vcf";
    let fails = |config: Config| {
        let base = folder.path().to_owned();
        async move {
            let error = read(&config, &base, 1).await.err().unwrap();
            assert!(!error.to_string().contains("DOE"), "{error}");
            error
        }
    };
    assert_eq!(fails(Config::of([name])).await.to_string(), "input 1: no such file");
    assert_eq!(fails(Config::of(["DOE*"])).await.class(), Class::Input);
    std::fs::write(folder.path().join(name), b"").unwrap();
    assert!(fails(Config::of([name])).await.to_string().contains("empty"));
    std::fs::write(folder.path().join(name), b"name,DOE\n").unwrap();
    assert!(fails(Config::of([name])).await.to_string().contains("not VCF"));
    std::fs::write(folder.path().join(name), b"##fileformat=VCFv4.2\n1\t1\n").unwrap();
    assert!(fails(Config::of([name])).await.to_string().contains("no `#CHROM` line"));
    let whole = gzip(&[text(500).as_bytes()]);
    std::fs::write(folder.path().join(name), &whole[..whole.len() / 2]).unwrap();
    assert!(fails(Config::of([name])).await.to_string().contains("truncated"));
    std::fs::write(folder.path().join(name), [&whole[..], b"DOE trailing"].concat()).unwrap();
    assert!(fails(Config::of([name])).await.to_string().contains("not gzip"));
}

#[tokio::test]
async fn every_file_of_the_corpus_has_its_records() {
    let Some(files) = real_files() else { return };
    let (mut wrong, mut read_well) = (Vec::new(), 0);
    for Listed { file, path, records, .. } in files.iter().filter(|listed| listed.conforms() && !listed.is_bcf) {
        for (unit, calls, partitions) in [(16 << 20, Calls::Carriers, 1), (40_000, Calls::All, 3)] {
            let mut config = Config::of([path.to_string_lossy()]);
            (config.unit, config.calls) = (UnitSize::Bytes(unit), calls);
            let decoded = match config.build(Path::new("/")).unwrap().inspect() {
                Ok(inspection) => decode_to_end(&inspection, partitions, None),
                Err(error) => Err(error),
            };
            match decoded {
                Ok(decoded) if decoded.rows == *records => read_well += 1,
                Ok(decoded) => wrong.push(format!("{file}: {} rows, not {records}", decoded.rows)),
                Err(error) => wrong.push(format!("{file}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{read_well} well, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(read_well > 100, "only {read_well} files were read");
}

#[tokio::test]
async fn one_load_has_one_assembly() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, length: u64| {
        let text = vcf(&format!("##contig=<ID=chr1,length={length}>\n"), &[], &["chr1 1 . A C . . ."]);
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("a.vcf", 248_956_422);
    write("b.vcf", 5);
    write("c.vcf", 249_250_621);
    write("d.vcf", 248_956_422);
    let same = read(&Config::of(["a.vcf", "b.vcf", "d.vcf"]), folder.path(), 1).await.unwrap();
    let assemblies: Vec<_> = same.inspection.document.inputs.iter().map(|input| input.assembly.as_str()).collect();
    assert_eq!(assemblies, ["GRCh38", "unknown", "GRCh38"]);
    let error = read(&Config::of(["b.vcf", "a.vcf", "c.vcf"]), folder.path(), 1).await.err().unwrap();
    assert_eq!(error.class(), Class::Input);
    assert_eq!(error.to_string(), "inputs 2 and 3 are of different assemblies: GRCh38 and GRCh37");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_manifest_lists_inputs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for (name, pos) in [("a.vcf", 1), ("b.vcf", 2), ("c.vcf", 3)] {
        let text = vcf("", &[], &[&format!("1 {pos} . A C . . .")]);
        std::fs::write(folder.path().join("data").join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("data/list.tsv"), "tags\tpath\nx=1\tb.vcf\nx=2\tc.vcf\n").unwrap();
    let found = read(&Config::of(["data/list.tsv", "data/a.vcf"]), folder.path(), 2).await.unwrap();
    assert_eq!(found.column("pos"), ["2", "3", "1"]);
    std::fs::write(folder.path().join("data/bad.tsv"), "path\n\t\n").unwrap();
    let error = read(&Config::of(["data/a.vcf", "data/bad.tsv"]), folder.path(), 1).await.err().unwrap();
    assert_eq!((error.class(), error.to_string()), (Class::Input, "paths[1]: the manifest lists no file".into()));
}

/// Files of the suites whose header cannot be read or trusted: nothing else may keep a file from being read leniently.
const UNREADABLE: [&str; 3] = ["failed_empty.vcf", "failed_empty_sample.vcf", "failed_body_sample_011.vcf"];

#[tokio::test]
async fn no_record_of_the_suites_is_lost() {
    let Some(files) = real_files() else { return };
    let (mut wrong, mut good, mut aside) = (Vec::new(), 0, 0);
    for listed in files.iter().filter(|listed| listed.group == "conformance") {
        let mut config = Config::of([listed.path.to_string_lossy()]);
        (config.on_bad_record, config.calls) = (OnBadRecord::Quarantine, Calls::All);
        let (name, unreadable) = (&listed.file, UNREADABLE.iter().any(|name| listed.file.ends_with(name)));
        let found = match read(&config, Path::new("/"), 2).await {
            Ok(found) if !unreadable => found,
            Err(error) if unreadable && error.class() == Class::Input => continue,
            Ok(_) => {
                wrong.push(format!("{name}: read"));
                continue;
            }
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let bad: Vec<_> = found.units.iter().flat_map(|unit| &unit.bad).collect();
        let lines = std::fs::read_to_string(&listed.path).unwrap().lines().count() as u64;
        if found.records() != found.batch.num_rows() as u64 + bad.len() as u64
            || (!listed.refused && listed.records != found.records())
            || bad.iter().any(|bad| bad.line >= lines || bad.field.is_empty() || bad.reason.is_empty())
            || (name.contains("/passed/") && !bad.is_empty())
        {
            wrong.push(format!("{name}: {} rows, {bad:?}, {} records", found.batch.num_rows(), found.records()));
        }
        (good, aside) = (good + found.batch.num_rows(), aside + bad.len());
    }
    assert!(wrong.is_empty(), "{good} good, {aside} aside, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(good > 500 && (10..40).contains(&aside), "{good} good, {aside} aside");
}
