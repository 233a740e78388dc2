//! Decoding to Arrow on generated files, or on those that `GENOGATE_BENCH_SITES`, `_TRIO`, `_COHORT` name: sites, a trio, a
//! cohort as text and as BCF, a projection and a region. Beside criterion's times one line each: records, cells and bytes of
//! text a second, and how far that is from inflating only, both measured in turns. It must not write to a warehouse.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use genogate::benchmark;
use genogate::flow::Inspection;
use genogate::source::vcf::{Calls, Config, Info, InfoWord, UnitSize, decode_to_end, inflate_to_end};
use genogate::synth::{self, Kind, Options};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns for the line of ratios.
const TURNS: usize = 5;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The file that the variable names, else a generated one.
    fn get(&self, name: &str, kind: Kind, records: u64, samples: usize) -> PathBuf {
        if let Some(path) = std::env::var_os(format!("GENOGATE_BENCH_{}", name.to_uppercase())) {
            return PathBuf::from(path);
        }
        let path = self.folder.path().join(format!("{name}.vcf.gz"));
        let file = std::fs::File::create(&path).expect("a temporary file");
        let mut bgzf = genogate::bgzf::Writer::new(std::io::BufWriter::new(file));
        synth::write(&Options { kind, records, samples, seed: 1, phi: false }, &mut bgzf).expect("synth");
        bgzf.finish().expect("a temporary file");
        path
    }

    fn sites(&self) -> PathBuf {
        self.get("sites", Kind::Sites, 50_000, 0)
    }

    fn cohort(&self) -> PathBuf {
        self.get("cohort", Kind::Cohort, 2_000, 500)
    }
}

fn inspect(path: &Path, change: impl FnOnce(&mut Config)) -> Inspection {
    let mut config = Config::of([path.to_string_lossy().into_owned()]);
    config.calls = Calls::All;
    change(&mut config);
    config.build(Path::new(".")).expect("a source").inspect().expect("a VCF or BCF")
}

/// Runs a tool of htslib's; what cannot be had is said aloud.
fn tool(bench: &str, command: &mut Command) -> bool {
    let done = command.status().is_ok_and(|status| status.success());
    if !done {
        eprintln!("{bench}: skipped, {} is not installed", command.get_program().to_string_lossy());
    }
    done
}

fn measure(criterion: &mut Criterion, name: &str, inspection: &Inspection, columns: Option<&[&str]>) {
    let records = decode_to_end(inspection, 1, columns).expect("records").records;
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(records));
    for threads in [1, 2] {
        group.bench_function(format!("{threads} threads"), |bencher| {
            bencher.iter(|| black_box(decode_to_end(inspection, threads, columns).expect("records")));
        });
    }
    group.finish();

    let (mut floors, mut times) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        floors.push(seconds(|| black_box(inflate_to_end(inspection, 1).expect("text"))).0);
        times.push(seconds(|| black_box(decode_to_end(inspection, 1, columns).expect("records"))));
    }
    floors.sort_by(f64::total_cmp);
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (floor, (time, decoded)) = (floors[TURNS / 2], &times[TURNS / 2]);
    let all = benchmark::decode(inspection, 1).expect("records");
    let cells = all
        .cells
        .filter(|_| columns.is_none())
        .map_or("".into(), |cells| format!("{:.1} M cells/s, ", cells.cells as f64 / time / 1e6));
    println!(
        "{name}: {:.0} records/s, {cells}{:.0} MB/s of text, {:.2} x inflating",
        records as f64 / time,
        decoded.text_bytes as f64 / time / 1e6,
        time / floor
    );
}

fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let out = work();
    (start.elapsed().as_secs_f64(), out)
}

fn decode_sites(criterion: &mut Criterion) {
    let files = Files::new();
    measure(criterion, "decode_sites", &inspect(&files.sites(), |_| {}), None);
}

fn decode_trio(criterion: &mut Criterion) {
    let files = Files::new();
    measure(criterion, "decode_trio", &inspect(&files.get("trio", Kind::Trio, 50_000, 3), |_| {}), None);
}

fn decode_cohort(criterion: &mut Criterion) {
    let files = Files::new();
    let path = files.cohort();
    measure(criterion, "decode_cohort", &inspect(&path, |_| {}), None);
    measure(criterion, "decode_cohort, carriers", &inspect(&path, |config| config.calls = Calls::Carriers), None);
}

/// One stream of gzip: what two threads gain where one must inflate.
fn decode_gzip(criterion: &mut Criterion) {
    let files = Files::new();
    for (name, bgzf) in [("sites", files.sites()), ("cohort", files.cohort())] {
        let path = files.folder.path().join(format!("{name}.gzip.vcf.gz"));
        let mut from = flate2::read::MultiGzDecoder::new(std::fs::File::open(bgzf).expect("a generated file"));
        let mut to = flate2::write::GzEncoder::new(std::fs::File::create(&path).expect("a file"), flate2::Compression::new(6));
        std::io::copy(&mut from, &mut to).expect("a copy");
        to.finish().expect("a file");
        measure(
            criterion,
            &format!("decode_gzip, {name}"),
            &inspect(&path, |config| config.unit = UnitSize::Bytes(4 << 20)),
            None,
        );
    }
}

fn decode_bcf(criterion: &mut Criterion) {
    let files = Files::new();
    let bcf = files.folder.path().join("cohort.bcf");
    if tool("decode_bcf", Command::new("bcftools").args(["view", "-Ob", "-o"]).arg(&bcf).arg(files.cohort())) {
        measure(criterion, "decode_bcf", &inspect(&bcf, |_| {}), None);
    }
}

fn projection(criterion: &mut Criterion) {
    let files = Files::new();
    let path = files.sites();
    measure(criterion, "projection, three columns", &inspect(&path, |_| {}), Some(&["chrom", "pos", "qual"]));
    let none = inspect(&path, |config| (config.info, config.calls) = (Info::Word(InfoWord::None), Calls::None));
    measure(criterion, "projection, no INFO", &none, None);
}

fn region(criterion: &mut Criterion) {
    let files = Files::new();
    let path = files.folder.path().join("indexed.vcf.gz");
    std::fs::copy(files.sites(), &path).expect("a copy");
    if tool("region", Command::new("tabix").args(["-f", "-p", "vcf"]).arg(&path)) {
        let inspection = inspect(&path, |config| config.regions = vec!["chr1".into(), "1".into()]);
        measure(criterion, "region", &inspection, None);
    }
}

criterion_group!(benches, decode_sites, decode_trio, decode_cohort, decode_gzip, decode_bcf, projection, region);
criterion_main!(benches);
