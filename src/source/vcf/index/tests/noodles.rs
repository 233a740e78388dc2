//! Regions by indexes that noodles made, against what noodles reads of the whole file: on every machine. It must not be built outside
//! tests.

use std::io::Write;
use std::path::Path;

use noodles_vcf::variant::Record;
use proptest::prelude::*;

use super::case::{by_index, config};
use super::oracle::{LAST, Region};
use super::{NAMES, lines, records};
use crate::source::vcf::bcf::testing::{Style, encode};
use crate::source::vcf::testing::read;
use crate::source::vcf::{Config, RegionsOverlap};

/// The three files that noodles makes an index of, and the index.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Tabix,
    Csi,
    Bcf,
}

/// Writes `x` and its index.
fn write(text: &str, form: Form, folder: &Path) {
    let bytes = match form {
        Form::Tabix => text.as_bytes().to_vec(),
        // A contig too long for tabix.
        Form::Csi => text.replace("chr1>", "chr1,length=1073741824>").into_bytes(),
        Form::Bcf => encode(text, Style::default()),
    };
    let file = folder.join("x");
    let mut packed = noodles_bgzf::io::Writer::new(std::fs::File::create(&file).unwrap());
    // Small blocks, so that there is something to leave out.
    for part in bytes.chunks(700) {
        packed.write_all(part).unwrap();
        packed.flush().unwrap();
    }
    packed.finish().unwrap();
    match form {
        Form::Bcf => noodles_csi::fs::write(folder.join("x.csi"), &noodles_bcf::fs::index(file).unwrap()).unwrap(),
        Form::Tabix | Form::Csi => match noodles_vcf::fs::index(file).unwrap() {
            noodles_vcf::Index::Tabix(index) => noodles_tabix::fs::write(folder.join("x.tbi"), &index).unwrap(),
            noodles_vcf::Index::Csi(index) => noodles_csi::fs::write(folder.join("x.csi"), &index).unwrap(),
        },
    }
}

/// Contig, position and INFO/N of a record.
type Row = (String, String, String);

fn row(record: &dyn Record, header: &noodles_vcf::Header) -> Row {
    use noodles_vcf::variant::record::info::field::Value;
    let pos = usize::from(record.variant_start().unwrap().unwrap()).to_string();
    let info = record.info();
    let Some(Value::String(note)) = info.get(header, "N").unwrap().unwrap() else { panic!("N is text") };
    (record.reference_sequence_name(header).unwrap().to_owned(), pos, note.into_owned())
}

/// What noodles reads of the region, without the index: its own queries (noodles-csi 0.62) can miss a contig's first records. POS
/// counts, as in `bcftools view -t`.
fn theirs(region: &Region, form: Form, folder: &Path) -> Vec<Row> {
    let Region(name, begin, end) = region;
    let file = || std::fs::File::open(folder.join("x")).unwrap();
    let rows: Vec<Row> = match form {
        Form::Bcf => {
            let mut reader = noodles_bcf::io::Reader::new(file());
            let header = reader.read_header().unwrap();
            reader.records().map(|record| row(&record.unwrap(), &header)).collect()
        }
        Form::Tabix | Form::Csi => {
            let mut reader = noodles_vcf::io::Reader::new(noodles_bgzf::io::Reader::new(file()));
            let header = reader.read_header().unwrap();
            reader.records().map(|record| row(&record.unwrap(), &header)).collect()
        }
    };
    let inside = |(chrom, pos, _): &Row| chrom == name && (*begin..=*end).contains(&pos.parse().unwrap());
    rows.into_iter().filter(inside).collect()
}

fn region() -> impl Strategy<Value = Region> {
    let place = || prop_oneof![1i64..4, 1i64..2_100, 1i64..210_000, 60_000_000i64..71_000_000];
    let name = (0usize..4).prop_map(|i| NAMES[i].to_owned());
    (name, place(), place(), 0u8..4).prop_map(|(name, a, b, form)| match form {
        0 => Region(name, 1, LAST),
        1 => Region(name, a, LAST),
        _ => Region(name, a.min(b), a.max(b)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn regions_by_indexes_of_noodles_are_those_of_its_records(
        mut contigs in prop::collection::vec(records(), 4), regions in prop::collection::vec(region(), 1..8),
        form in prop_oneof![Just(Form::Tabix), Just(Form::Csi), Just(Form::Bcf)], unit in prop_oneof![1u64..3000, Just(16 << 20)],
    ) {
        // noodles indexes nothing before position 1.
        contigs.iter_mut().flatten().for_each(|(pos, ..)| *pos = (*pos).max(1));
        let folder = tempfile::tempdir().unwrap();
        write(&lines(&contigs), form, folder.path());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        for region in regions {
            let config = Config { regions_overlap: RegionsOverlap::Number(0), ..config(&[&region.text()], unit) };
            let ours = runtime.block_on(read(&config, folder.path(), 2)).unwrap();
            prop_assert!(by_index(&ours), "{form:?}: {:?}", ours.inspection.notices);
            let [chrom, pos, note] = ["chrom", "pos", "info.N"].map(|name| ours.column(name));
            let rows: Vec<Row> = chrom.into_iter().zip(pos).zip(note).map(|((chrom, pos), note)| (chrom, pos, note)).collect();
            prop_assert_eq!(rows, theirs(&region, form, folder.path()), "{:?} {:?}", form, region);
        }
    }
}
