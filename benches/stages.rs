//! What each stage of the clinical pipeline costs a record, on batches decoded before: generated sites, trio and cohort, or the
//! files that `GENOGATE_BENCH_SITES`, `_TRIO`, `_COHORT` name. Batches come clean out of the stage before, as in a load. It must
//! not know a server: of `anonymize` only the search for names is measured.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::RecordBatch;
use genogate::audit::{RecordedKeys, Recorder};
use genogate::db::Databases;
use genogate::flow::{Apply, Around, Context, Input, Inspection, Opening, Safeguards, Stage, StageConfig};
use genogate::phi::{Names, names, text};
use genogate::source::vcf::{Calls, Config, decode_on};
use genogate::stage::{detect, normalize, sanitize};
use genogate::store::{Document, SampleId};
use genogate::synth::{self, Kind, Options};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The file that the variable names, else a generated one.
fn file(folder: &Path, name: &str, kind: Kind, records: u64, samples: usize) -> PathBuf {
    if let Some(path) = std::env::var_os(format!("GENOGATE_BENCH_{}", name.to_uppercase())) {
        return PathBuf::from(path);
    }
    let path = folder.join(format!("{name}.vcf"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a temporary file"));
    synth::write(&Options { kind, records, samples, seed: 1, phi: false }, &mut file).expect("synth");
    path
}

/// Stages opened one after the other, as a run does it.
struct Line {
    inspection: Inspection,
    document: Document,
    databases: Databases,
}

impl Line {
    fn open(&mut self, stage: &dyn Stage, batches: &[RecordBatch]) -> Arc<dyn Apply> {
        let opening = Opening {
            context: Arc::new(Context::new(uuid::Uuid::nil(), Recorder::discard())),
            grant: &genogate::access::credential_holder(),
            keys: &RecordedKeys::default(),
            databases: &self.databases,
            options_digest: [0; 32],
            name: "bench",
            original: &self.inspection.document,
            words: &self.inspection.words,
            safeguards: &Safeguards::default(),
            units: &self.inspection.units,
            force: false,
            private: true,
            shard: None,
            load_name: None,
            files: None,
        };
        let open = stage.open(&opening, Input::whole(batches[0].schema()), &mut self.document);
        futures::executor::block_on(open).expect("a stage that needs no key")
    }
}

fn stages(criterion: &mut Criterion, name: &str, path: &Path) {
    let mut config = Config::of([path.to_string_lossy().into_owned()]);
    config.calls = Calls::Carriers;
    let inspection = config.build(Path::new(".")).expect("a source").inspect().expect("a VCF or BCF");
    let kept = Mutex::new(Vec::new());
    let keep = |(): &mut (), batch: &RecordBatch| {
        kept.lock().expect("one thread").push(batch.clone());
        Ok(())
    };
    let (decoded, _) = decode_on(&inspection, 1, None, keep).expect("records");
    let mut batches = kept.into_inner().expect("one thread");
    let document = inspection.document.clone();
    let mut line = Line { inspection, document, databases: Databases::default() };

    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(decoded.records));
    let around = Around { guarded: true, ..Around::folder(Path::new(".")) };
    for stage in [
        normalize::Config::default().build(&around),
        sanitize::Config::default().build(&around),
        detect::Config::default().build(&around),
    ] {
        let stage = stage.expect("the built-in policies").stage().expect("no expression").clone();
        let rows = line.open(stage.as_ref(), &batches);
        let work = |batch| rows.apply(batch).expect("nothing that stops a load");
        group.bench_function(stage.kind(), |bencher| {
            let each = |batches: Vec<RecordBatch>| batches.into_iter().for_each(|batch| drop(black_box(work(batch))));
            bencher.iter_batched(|| batches.clone(), each, BatchSize::PerIteration);
        });
        batches = batches.into_iter().map(work).collect();
    }

    let samples = line.inspection.document.inputs.iter().flat_map(|input| &input.samples);
    let known = samples.filter_map(|sample| match sample {
        SampleId::Name(name) => Some(name.expose().as_str()),
        SampleId::Pseudonym(_) => None,
    });
    if let Some(known) = Names::new(known.filter(|name| names::searched_in_values(name))).expect("a few names") {
        group.bench_function("names", |bencher| {
            bencher.iter(|| {
                for column in batches.iter().flat_map(RecordBatch::columns).filter(|column| text::is_text(column.data_type())) {
                    text::each_where(column, |bytes| known.may_hold(bytes), |value| drop(black_box(known.find(value.text))));
                }
            });
        });
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, kind, records, samples) in
        [("sites", Kind::Sites, 50_000, 0), ("trio", Kind::Trio, 20_000, 3), ("cohort", Kind::Cohort, 2_000, 500)]
    {
        stages(criterion, name, &file(folder.path(), name, kind, records, samples));
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
