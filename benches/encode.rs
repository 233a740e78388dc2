//! Cells a second of the COPY encoder: typed columns, arrays, and `info` put together as JSON. It must not know a server.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    UInt32Array,
};
use genogate::flow::column;
use genogate::pgcopy::{Buffer, RowEncoder};
use genogate::sink::postgres::layout::Layout;
use genogate::sink::postgres::rows::Owner;
use genogate::store::tables::VARIANTS_LABEL;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 8192;

fn typed() -> RecordBatch {
    let rows = 0..ROWS as i64;
    let text =
        |prefix: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.clone().map(|n| format!("{prefix}{n}")))) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("pos", Arc::new(Int64Array::from_iter(rows.clone().map(|n| (n % 7 != 0).then_some(n))))),
        ("depth", Arc::new(Int32Array::from_iter_values(rows.clone().map(|n| n as i32)))),
        ("qual", Arc::new(Float64Array::from_iter_values(rows.clone().map(|n| n as f64 / 7.0)))),
        ("flag", Arc::new(BooleanArray::from_iter(rows.clone().map(|n| Some(n % 2 == 0))))),
        ("chrom", Arc::new(StringArray::from_iter_values(rows.clone().map(|_| "chr1")))),
        ("ref", text("A")),
        ("alt", text("T")),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn variants() -> RecordBatch {
    let rows = 0..ROWS as i64;
    let mut filters = ListBuilder::new(StringBuilder::new());
    rows.clone().for_each(|_| filters.append_value([Some("PASS")]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (column::CHROM, Arc::new(StringArray::from_iter_values(rows.clone().map(|_| "chr1")))),
        (column::POS, Arc::new(Int64Array::from_iter_values(rows.clone()))),
        (column::REF, Arc::new(StringArray::from_iter_values(rows.clone().map(|_| "A")))),
        (column::ALT, Arc::new(StringArray::from_iter_values(rows.clone().map(|_| "T")))),
        (column::FILTERS, Arc::new(filters.finish())),
        ("info.AC", Arc::new(Int32Array::from_iter_values(rows.clone().map(|n| n as i32)))),
        ("info.AN", Arc::new(Int32Array::from_iter_values(rows.clone().map(|_| 5008)))),
        ("info.AF", Arc::new(Float64Array::from_iter_values(rows.clone().map(|n| n as f64 / 5008.0)))),
        ("info.DB", Arc::new(BooleanArray::from_iter(rows.clone().map(|n| (n % 2 == 0).then_some(true))))),
        ("info.GENE", Arc::new(StringArray::from_iter_values(rows.clone().map(|n| format!("GENE{}", n % 100))))),
        (column::UNIT, Arc::new(UInt32Array::from_iter_values(rows.clone().map(|_| 0)))),
        (column::ROW, Arc::new(UInt32Array::from_iter_values(rows.map(|n| n as u32)))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// A buffer as a load's second and later ones: as large as what was sent before.
fn warm(mut buffer: Buffer, encode: impl Fn(&mut Buffer)) -> Buffer {
    encode(&mut buffer);
    buffer.take();
    buffer
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let batch = typed();
    let encoder = RowEncoder::new(&batch.schema()).expect("every type has a counterpart");
    group.throughput(Throughput::Elements((ROWS * batch.num_columns()) as u64));
    let write = |buffer: &mut Buffer| {
        encoder.encode(&batch, 0, buffer).expect("no NUL in the text");
    };
    group.bench_function("typed columns, cells", |bench| {
        bench.iter_batched_ref(|| warm(Buffer::default(), write), write, BatchSize::LargeInput)
    });

    let batch = variants();
    let layout = Layout::of(&batch.schema(), &[]).expect("every column has a place");
    // Load, id and contig beside what the batch holds; unit and row are not stored.
    group.throughput(Throughput::Elements((ROWS * (batch.num_columns() + 1)) as u64));
    let write = |buffer: &mut Buffer| {
        let mut rows = layout.bind(&batch).expect("the batch's own schema");
        let owner = Owner { load: [7; 16], input: 1, first_id: 0 };
        rows.put_variants(owner, 0..ROWS, buffer).expect("no NUL in the text");
    };
    group.bench_function("variants with info, cells", |bench| {
        bench.iter_batched_ref(|| warm(Buffer::default(), write), write, BatchSize::LargeInput);
    });
    // As a load does it.
    group.bench_function("variants with info and their digest, cells", |bench| {
        bench.iter_batched_ref(|| warm(Buffer::digesting(VARIANTS_LABEL), write), write, BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
