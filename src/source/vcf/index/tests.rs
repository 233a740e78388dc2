//! Regions by index against regions by scan: equal rows, or a flaw that is said. Indexes are written by a small writer of our
//! own, by noodles, and by htslib where it is installed.

mod case;
mod noodles;
mod oracle;

use proptest::prelude::*;

use self::case::{Bins, Case, Form, INFO, Indexed, TBI, by_index, chunks, chunks_of, config, equal, stored, stored_as};
use super::super::bcf::testing::{Style, encode};
use super::super::testing::{Read, gzip, read, read_rest, same, vcf};
use super::super::{Conformance, OnBadRecord, RegionsWithoutIndex};
use super::read::Kind;
use crate::error::Class;
use crate::flow::column;

const NAMES: [&str; 4] = ["chr1", "HLA-A*01:01", "chr1:100-200", "2"];

fn lines(contigs: &[Vec<(u32, u32, u8)>]) -> String {
    let head: String = NAMES.iter().map(|name| format!("##contig=<ID={name}>\n")).collect();
    let mut lines = Vec::new();
    for (name, records) in NAMES.iter().zip(contigs) {
        for (pos, long, note) in records {
            let end = if *long > 0 { format!("END={};", pos + long) } else { String::new() };
            lines.push(format!("{name} {pos} . ACG A . . {end}N={}", "n".repeat(usize::from(*note) + 1)));
        }
    }
    vcf(&(INFO.to_owned() + &head), &[], &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Records of a contig, sorted; some long.
fn records() -> impl Strategy<Value = Vec<(u32, u32, u8)>> {
    let place = prop_oneof![0u32..3, 0u32..2_000, 0u32..200_000, 60_000_000u32..70_000_000];
    let long = prop_oneof![6 => Just(0u32), 1 => 1u32..40_000, 1 => 1u32..70_000_000];
    prop::collection::vec((place, long, any::<u8>()), 0..60).prop_map(|mut records| {
        records.sort_unstable();
        records
    })
}

fn region() -> impl Strategy<Value = String> {
    let place = || prop_oneof![0u32..3, 0u32..2_100, 0u32..210_000, 60_000_000u32..71_000_000];
    let name = prop_oneof![4 => (0usize..4).prop_map(|i| NAMES[i].to_owned()), 1 => Just("chrNone".to_owned())];
    (name, place(), place(), 0u8..5).prop_map(|(name, a, b, form)| match form {
        0 => name,
        1 => format!("{name}:{a}"),
        2 => format!("{name}:{a}-"),
        3 => format!("{name}:-{a}"),
        _ => format!("{name}:{}-{}", a.min(b), a.max(b)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn an_index_gives_the_rows_of_a_scan(
        contigs in prop::collection::vec(records(), 4), regions in prop::collection::vec(region(), 1..6),
        block in 30usize..4000, unit in prop_oneof![1u64..3000, Just(16 << 20)], partitions in 1usize..4,
        form in prop_oneof![
            Just(TBI), Just(Form { kind: Kind::Csi, ..TBI }), Just(Form { kind: Kind::Csi, min_shift: 9, depth: 7 }),
            Just(Form { kind: Kind::Csi, min_shift: 18, depth: 4 }), Just(Form { kind: Kind::Csi, min_shift: 27, depth: 0 }),
        ],
        ends in any::<bool>(), overlap in 0u8..3,
    ) {
        let mut text = lines(&contigs);
        if !ends {
            text.truncate(text.len() - 1);
        }
        // One that is there: without any the regions would be a mistake.
        let regions: Vec<&str> = regions.iter().map(String::as_str).chain(["2:1-2"]).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut case = Case::indexed(&text, block, form);
            case.overlap = overlap;
            equal(&case.read(&regions, unit, partitions).await.unwrap(), &case.scan(&regions).await, &format!("{regions:?}"));
            if form.kind == Kind::Csi {
                let mut case = Case::binary(&text, block, form);
                case.overlap = overlap;
                let what = format!("BCF {regions:?}");
                equal(&case.read(&regions, unit, partitions).await.unwrap(), &case.scan(&regions).await, &what);
            }
        });
    }
}

fn sites(contig: &str, n: u32, step: u32) -> Vec<String> {
    (0..n).map(|i| format!("{contig} {} . ACG A . . N={}", 100 + i * step, "n".repeat((i % 40) as usize + 1))).collect()
}

fn document(head: &str, lines: &[String]) -> String {
    vcf(&(INFO.to_owned() + head), &[], &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn two_contigs() -> String {
    document("##contig=<ID=a>\n##contig=<ID=b>\n", &[sites("a", 400, 500), sites("b", 300, 700)].concat())
}

/// What an index is not used for is said, and the rows are a scan's; `refuse` refuses.
async fn unused(case: &Case, regions: &[&str], why: &str) {
    let by = case.read(regions, 4000, 2).await.unwrap();
    assert!(!by_index(&by), "{why}");
    let said: Vec<_> = by.inspection.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert!(said.iter().any(|text| text.contains(why) && text.contains("all of it is read")), "{why}: {said:?}");
    assert!(same(&by.batch, &case.scan(regions).await.batch, &[column::UNIT, column::ROW]), "{why}");
    let mut config = case.config(regions, 4000);
    config.regions_without_index = RegionsWithoutIndex::Refuse;
    let error = config.build(case.folder.path()).unwrap().inspect().err().unwrap();
    assert_eq!((error.class(), error.class().exit_code()), (Class::Input, 6), "{why}");
    assert!(error.to_string().contains(why) && error.hint().unwrap().contains("tabix"), "{error}");
}

#[tokio::test]
async fn an_index_that_cannot_be_trusted_is_said_and_not_used() {
    let (text, regions) = (two_contigs(), ["a:50000-60000", "b"]);
    let case = Case::new(&text, 900);
    unused(&case, &regions, "there is no index").await;
    let whole = case.index(TBI);
    let good = chunks(&text, &case.packed, 900, TBI);
    let with = |change: &dyn Fn(&mut Indexed)| {
        let mut contigs = good.clone();
        change(&mut contigs);
        stored(&contigs, TBI)
    };
    let field = |at: usize, value: u32| {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    fn every(contigs: &mut [(String, Bins)], change: &dyn Fn(&mut (u64, u64))) {
        contigs.iter_mut().flat_map(|(_, bins)| bins.values_mut()).flatten().for_each(change);
    }
    let other = Case::new(&document("", &sites("a", 400, 501)), 700).index(TBI);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "cut off"),
        (b"no index".to_vec(), "does not begin as one"),
        (case.index(Form { kind: Kind::Csi, ..TBI }), "does not begin as one"),
        (gzip(&[&whole])[..200].to_vec(), "damaged"),
        (field(8, 0), "not made for this format"),
        (field(8, 0x1_0002), "not made for this format"),
        (field(8, 1), "not made for this format"),
        (field(24, 64), "not made for this format"),
        (field(28, 3), "not made for this format"),
        (field(4, u32::MAX), "negative"),
        (field(4, i32::MAX as u32), "another number"),
        (field(32, i32::MAX as u32), "too long"),
        (field(40, i32::MAX as u32), "damaged"),
        ([&whole[..], b"more"].concat(), "follows its end"),
        (other, "does not fit"),
        (with(&|contigs| drop(contigs.pop())), "does not reach the file's end"),
        (with(&|contigs| drop(contigs.remove(0))), "not the file's first"),
        (with(&|contigs| contigs[1].0 = "a".into()), "two contigs of one name"),
        (
            with(&|contigs| contigs[0].1 = contigs[0].1.clone().into_iter().filter(|(bin, _)| *bin != 4684).collect()),
            "leaves a part",
        ),
        (
            with(&|contigs| every(contigs, &|chunk| (chunk.0, chunk.1) = (chunk.0 + (1 << 16), chunk.1 + (1 << 16)))),
            "does not have",
        ),
        (with(&|contigs| every(contigs, &|chunk| chunk.1 += 1 << 40)), "does not have"),
        (with(&|contigs| every(contigs, &|chunk| *chunk = (chunk.1, chunk.0))), "ends before it begins"),
        (with(&|contigs| (contigs[0].0, contigs[1].0) = ("b".into(), "a".into())), "other records than it says"),
        (
            with(&|contigs| {
                contigs[0].1.insert(40_000, vec![(0, 0)]);
            }),
            "cannot be",
        ),
    ];
    for (bytes, why) in cases {
        case.put(Kind::Tbi, &bytes);
        unused(&case, &regions, why).await;
    }
    let csi = case.index(Form { kind: Kind::Csi, ..TBI });
    for (at, value, why) in [
        (4, 0, "impossible"),
        (4, 60, "impossible"),
        (8, 10, "impossible"),
        (8, u32::MAX, "negative"),
        (12, 0, "not made for this format"),
        (12, 30, "longer than their place"),
    ] {
        let mut bytes = csi.clone();
        bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
        case.put(Kind::Csi, &bytes);
        unused(&case, &regions, why).await;
    }
    // Whatever is cut off is noticed.
    for cut in 0..whole.len() - 8 {
        case.put(Kind::Tbi, &whole[..cut]);
        assert!(!by_index(&case.read(&regions, 4000, 1).await.unwrap()), "{cut}");
    }
    case.put(Kind::Tbi, &whole);
    equal(&case.read(&regions, 4000, 2).await.unwrap(), &case.scan(&regions).await, "the index itself");
    std::fs::File::options()
        .append(true)
        .open(case.folder.path().join("x"))
        .unwrap()
        .set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(60))
        .unwrap();
    unused(&case, &regions, "older than the file").await;
}

#[tokio::test]
async fn files_without_an_index_of_their_own_say_so() {
    let case = Case::new(&two_contigs(), 900);
    case.put(Kind::Tbi, &case.index(TBI));
    std::fs::write(case.folder.path().join("x"), &case.text).unwrap();
    unused(&case, &["a"], "only BGZF files have an index").await;
    std::fs::write(case.folder.path().join("x"), gzip(&[case.text.as_bytes()])).unwrap();
    unused(&case, &["a"], "only BGZF files have an index").await;
    let read = case.read(&[], 4000, 1).await.unwrap();
    assert!(read.inspection.notices.is_empty() && !read.plan.contains("index="), "no regions, no index");
}

#[tokio::test]
async fn positions_a_tbi_cannot_hold_are_scanned_for_and_a_csi_holds_them() {
    let far = |head: &str| {
        let lines = ["a 5 . A C . . N=x", "a 536870912 . A C . . N=y", "a 900000000 . A C . . N=z", "b 1 . A C . . N=q"]
            .map(str::to_owned);
        document(head, if head.is_empty() { &lines } else { &lines[..1] })
    };
    let csi = Form { kind: Kind::Csi, min_shift: 14, depth: 6 };
    let case = Case::indexed(&far(""), 100, csi);
    for (regions, rows) in [(&["a:536870912-"][..], 2), (&["a:900000000"], 1), (&["a", "b"], 4), (&["a:6-536870911"], 0)] {
        let read = case.read(regions, 10, 2).await.unwrap();
        assert_eq!(read.batch.num_rows(), rows);
        equal(&read, &case.scan(regions).await, "csi");
    }
    let long = Case::indexed(&far("##contig=<ID=a,length=900000000>\n"), 100, TBI);
    unused(&long, &["a:1-9"], "no positions as high").await;
    let short = Case::indexed(&far("##contig=<ID=a,length=500000000>\n"), 100, TBI);
    equal(&short.read(&["a:1-999999999"], 10, 1).await.unwrap(), &short.scan(&["a:1-999999999"]).await, "an end behind");
    unused(&short, &["a:600000000-"], "no positions as high").await;
}

#[tokio::test]
async fn only_what_the_index_names_is_read_and_counted() {
    let case = Case::indexed(&two_contigs(), 900, TBI);
    let read = case.read(&["a:100000-120000"], 1 << 20, 2).await.unwrap();
    assert_eq!(read.batch.num_rows(), 40);
    let counts: Vec<_> = read.units.iter().map(|unit| unit.counts).collect();
    let (records, outside): (u64, u64) = (counts.iter().map(|c| c.records).sum(), counts.iter().map(|c| c.out_of_region).sum());
    assert!(records < 120 && records - outside == 40, "{records} {outside}");
    assert!(counts.iter().map(|c| c.bytes).sum::<u64>() < case.packed.len() as u64 / 3);
    // A record that reaches into a region from before lies in it, unless only POS counts.
    let spanning = document("", &["a 10 . A C . . END=90000;N=1", "a 50000 . A C . . N=2"].map(str::to_owned));
    let mut case = Case::indexed(&spanning, 900, TBI);
    assert_eq!(case.read(&["a:11-60000"], 4000, 1).await.unwrap().column("pos"), ["10", "50000"]);
    case.overlap = 0;
    assert_eq!(case.read(&["a:11-60000"], 4000, 1).await.unwrap().column("pos"), ["50000"]);
    // A name nobody has, a region without records.
    let regions = ["c", "a:1-9"];
    let read = case.read(&regions, 4000, 2).await.unwrap();
    equal(&read, &case.scan(&regions).await, "nothing");
    assert_eq!((read.batch.num_rows(), read.units.len()), (0, 1));
    assert!(read.records() <= 1);
    let told: Vec<_> = read.inspection.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(told, ["no input has the contig `c` that a region names"]);
    let error = case.read(&["c"], 4000, 2).await.err().unwrap();
    assert_eq!((error.class(), error.hint().unwrap().contains("tabix")), (Class::Usage, true), "{error}");
    let empty = Case::indexed(&document("##contig=<ID=a>\n", &[]), 900, TBI);
    equal(&empty.read(&["a"], 4000, 2).await.unwrap(), &empty.scan(&["a"]).await, "no records");
}

/// From 4.4 on a record may reach further than an index knows that was made by what REF and END say.
#[tokio::test]
async fn a_record_is_found_by_an_svlen_that_its_index_does_not_know() {
    let head = "##INFO=<ID=SVLEN,Number=A,Type=Integer,Description=\"\">\n##contig=<ID=a,length=9000000>\n";
    let mut lines = vec!["a 10 . A <DEL> . . SVLEN=900000".to_owned()];
    lines.extend(sites("a", 400, 500).into_iter().map(|line| line.replace("ACG A", "A C")));
    for (minor, found) in [(3, vec![]), (4, vec!["10"]), (5, vec!["10"])] {
        let text = document(head, &lines).replace("VCFv4.3", &format!("VCFv4.{minor}"));
        let case = Case::indexed(&text, 900, TBI);
        let read = case.read(&["a:800000-800100"], 4000, 2).await.unwrap();
        assert_eq!(read.column("pos"), found, "4.{minor}");
        equal(&read, &case.scan(&["a:800000-800100"]).await, "SVLEN");
    }
}

#[tokio::test]
async fn one_chunk_is_shared_by_partitions_and_units_can_be_resumed() {
    let text = two_contigs();
    for form in [TBI, Form { kind: Kind::Csi, min_shift: 27, depth: 0 }] {
        let case = Case::indexed(&text, 900, form);
        let all = case.read(&["a", "b:70000-"], 8000, 2).await.unwrap();
        assert!(all.units.len() > 3 && all.plan.contains("partitions=2"), "{}", all.plan);
        assert!(all.units.iter().all(|unit| unit.counts.records > 0));
        let table = |read: &Read| read.inspection.units.clone();
        assert_eq!(table(&all), table(&case.read(&["a", "b:70000-"], 8000, 1).await.unwrap()), "units depend on no thread");
        let other = if form.depth > 0 { "b:70000-90000" } else { "c" };
        assert_ne!(table(&all)[0].index, table(&case.read(&["a", other], 8000, 1).await.unwrap())[0].index);
        assert_eq!(table(&case.scan(&["a"]).await)[0].index, None);
        let sql = "SELECT pos, __unit FROM t ORDER BY __unit, __row";
        let config = config(&["a", "b:70000-"], 8000);
        let rest = read_rest(&config, case.folder.path(), 2, sql, &[0, 2]).await.unwrap();
        let of = |read: &Read| read.column("pos").into_iter().zip(read.column("__unit")).collect::<Vec<_>>();
        let expected: Vec<_> = of(&all).into_iter().filter(|(_, unit)| unit != "0" && unit != "2").collect();
        assert!(!expected.is_empty());
        assert_eq!(of(&rest), expected);
    }
}

#[tokio::test]
async fn an_index_found_wrong_while_reading_ends_the_load_aloud() {
    let told = two_contigs();
    // The text differs from the one the index was made of, but not in the lengths of its lines.
    let swap = |from: &str, to: &str| {
        assert!(told.contains(from) && from.len() == to.len());
        told.replace(from, to)
    };
    for (text, why) in [
        (swap("a\t150100\t", "a\t100100\t"), "not sorted by position"),
        (swap("a\t150100\t", "b\t150100\t"), "of another contig"),
    ] {
        let case = Case::new(&text, 900);
        case.put(Kind::Tbi, &stored(&chunks(&told, &case.packed, 900, TBI), TBI));
        for partitions in [1, 2] {
            // Small units, so that the wrong record is not among the first that are looked at before the run.
            let error = case.read(&["a"], 2000, partitions).await.err().unwrap();
            assert_eq!(error.class(), Class::Input);
            assert!(error.to_string().contains("the index does not fit the file") && error.to_string().contains(why), "{error}");
            assert!(error.hint().unwrap().contains("tabix -f"), "{error}");
        }
    }
    // A place within a line, behind the first span of the contig.
    let case = Case::new(&told, 900);
    let mut contigs = chunks(&told, &case.packed, 900, TBI);
    let all = &mut contigs[0].1;
    for (bin, delta) in [(4687, 3u64), (4688, 3)] {
        let chunks = all.get_mut(&bin).unwrap();
        if bin == 4687 { chunks.last_mut().unwrap().1 += delta } else { chunks[0].0 += delta }
    }
    case.put(Kind::Tbi, &stored(&contigs, TBI));
    let error = case.read(&["a:1-5", "a:114689-120000"], 1 << 20, 1).await.err();
    assert!(error.as_ref().is_some_and(|error| error.to_string().contains("within a record")), "{error:?}");
}

#[tokio::test]
async fn a_bad_record_has_the_line_of_the_file() {
    // Every line of units that have several spans, with the last line open.
    let text = two_contigs();
    let (text, regions) = (text.trim_end(), ["a:1-2000", "a:90000-95000", "a:150000-150100", "b:70000-80000", "b:200000-"]);
    let bare = Case::indexed(text, 300, TBI);
    for unit in [1500, 1 << 20] {
        let read = bare.read(&regions, unit, 1).await.unwrap();
        let count = read.inspection.units[0].count.unwrap();
        assert_eq!(count as usize, read.units.len());
        let lines: Vec<&str> = text.lines().collect();
        let table = read.inspection.table.as_ref().downcast_ref::<super::super::table::VcfTable>().unwrap();
        for ((unit, row), (chrom, pos)) in
            read.column("__unit").iter().zip(read.column("__row")).zip(read.column("chrom").iter().zip(read.column("pos")))
        {
            let at = table.inputs()[0].line_of(unit.parse().unwrap(), row.parse().unwrap()).unwrap();
            assert!(lines[at as usize].starts_with(&format!("{chrom}\t{pos}\t")), "{unit} {row}: {at}");
        }
    }

    let text = two_contigs().replace("b\t70100\t.\tACG\tA\t.", "b\t70100\t.\tACG\tA\t?");
    let number = text.lines().position(|line| line.contains("A\t?")).unwrap() + 1;
    let case = Case::indexed(&text, 900, TBI);
    for regions in [&["b:70000-80000"][..], &["a:1-2000", "a:150000-150100", "b:70000-80000"], &["b"]] {
        for unit in [2000, 1 << 20] {
            let error = case.read(regions, unit, 2).await.err().unwrap();
            assert!(error.to_string().starts_with(&format!("input 1: line {number}: QUAL")), "{error} {number}");
            let mut config = config(regions, unit);
            config.on_bad_record = OnBadRecord::Quarantine;
            let read = read(&config, case.folder.path(), 2).await.unwrap();
            assert!(by_index(&read));
            let bad: Vec<_> = read.units.iter().flat_map(|unit| unit.bad.iter().map(|bad| unit.line(bad) + 1)).collect();
            assert_eq!(bad, [number as u64]);
            assert!(read.units.iter().all(|unit| unit.counts.lines == 0), "the store adds up what comes before");
        }
    }
}

#[tokio::test]
async fn the_index_of_bcf_is_held_to_the_file_as_well() {
    const CSI: Form = Form { kind: Kind::Csi, ..TBI };
    let (text, regions) = (two_contigs(), ["a:50000-60000", "b:70000-"]);
    let mut case = Case::binary(&text, 900, CSI);
    // Bins that reach into a region would make up for a wrong place beside them.
    case.overlap = 0;
    let bytes = encode(&text, Style::default());
    let good = chunks_of(&text, Some(&bytes), &case.packed, 900, CSI);
    let read = case.read(&regions, 4000, 2).await.unwrap();
    equal(&read, &case.scan(&regions).await, "BCF");
    assert!(read.records() < 300 && read.plan.contains("format=bcf"), "{}", read.plan);
    let with = |change: &dyn Fn(&mut Indexed)| {
        let mut contigs = good.clone();
        change(&mut contigs);
        stored_as(&contigs, CSI, true)
    };
    for (bytes, why) in [
        (with(&|contigs| contigs.push(("c".into(), Bins::new()))), "more contigs than the header"),
        (with(&|contigs| contigs.swap(0, 1)), "other records than it says"),
        (with(&|contigs| drop(contigs.pop())), "does not reach"),
        (with(&|contigs| contigs[0].1.values_mut().flatten().for_each(|chunk| chunk.1 += 3)), "does not fit"),
    ] {
        case.put(Kind::Csi, &bytes);
        unused(&case, &regions, why).await;
    }
    case.put(Kind::Tbi, &case.index(TBI));
    unused(&case, &regions, "not made for this format").await;
    // A place within a record, where the run finds it: the bins' joint is moved by three bytes.
    let moved = with(&|contigs| {
        let bins = &mut contigs[0].1;
        bins.get_mut(&4687).unwrap().last_mut().unwrap().1 += 3;
        bins.get_mut(&4688).unwrap()[0].0 += 3;
    });
    case.put(Kind::Csi, &moved);
    let error = case.read(&["a:1-5", "a:114689-120000"], 1 << 20, 1).await.err().unwrap();
    assert!(error.to_string().contains("the index does not fit the file"), "{error}");
    assert!(error.hint().unwrap().contains("bcftools index -f"));
}

#[tokio::test]
async fn strict_conformance_reads_every_record() {
    let text = two_contigs();
    let mut strict = config(&["a:1-1000"], 4000);
    strict.conformance = Conformance::Strict;
    let binary = Case::binary(&text, 900, Form { kind: Kind::Csi, ..TBI });
    let case = Case::indexed(&text, 900, TBI);
    for case in [&case, &binary] {
        let by = read(&strict, case.folder.path(), 2).await.unwrap();
        assert!(!by_index(&by) && by.records() == 700);
        assert!(by.inspection.notices.iter().any(|notice| notice.text.contains("strict")));
    }
    strict.regions_without_index = RegionsWithoutIndex::Refuse;
    assert_eq!(strict.build(case.folder.path()).unwrap().inspect().err().unwrap().class(), Class::Input);
}
