//! Decoding to Arrow: records/s and text bytes/s on generated sites and a cohort, and on the file that `GENOGATE_BENCH_VCF`
//! names, where it is set. It must not write to a warehouse.

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use genogate::source::vcf::{Calls, Config, Info, InfoWord, decode_to_end};
use genogate::synth::{self, Kind, Options};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn decode(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let make = |name: &str, kind, records, samples| {
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).expect("a temporary file");
        let mut bgzf = synth::bgzf::Writer::new(std::io::BufWriter::new(file));
        synth::write(&Options { kind, records, samples, seed: 1, phi: false }, &mut bgzf).expect("synth");
        bgzf.finish().expect("a temporary file");
        path.to_string_lossy().into_owned()
    };
    let mut files = vec![
        ("sites", make("sites.vcf.gz", Kind::Sites, 50_000, 0)),
        ("cohort", make("cohort.vcf.gz", Kind::Cohort, 2_000, 500)),
    ];
    if let Ok(path) = std::env::var("GENOGATE_BENCH_VCF") {
        files.push(("file", path));
    }
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, path) in files {
        for (what, info, calls) in [
            ("all", InfoWord::All, Calls::All),
            ("carriers", InfoWord::All, Calls::Carriers),
            ("fixed columns", InfoWord::None, Calls::None),
        ] {
            let mut config = Config::of([path.clone()]);
            (config.info, config.calls) = (Info::Word(info), calls);
            let source = config.build(Path::new(".")).expect("a source");
            let inspection = source.inspect().expect("a VCF");
            for partitions in [1, 2] {
                let records = decode_to_end(&inspection, partitions, None).expect("records").records;
                group.throughput(Throughput::Elements(records));
                group.bench_function(BenchmarkId::new(format!("{name}, {what}"), partitions), |bencher| {
                    bencher.iter(|| black_box(decode_to_end(&inspection, partitions, None).expect("records")));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
