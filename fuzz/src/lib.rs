//! What the fuzz targets share: bytes read as a file by the source, the way a run reads it, and what must hold of every
//! reading. It must not know the source's insides: targets see what a pipeline would.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use genogate::audit::Recorder;
use genogate::error::Result;
use genogate::flow::{Context, column};
use genogate::store::ClosedUnit;
use genogate::source::vcf::{Annotation, Calls, Config, Conformance, OnBadRecord};

/// What a file was read as.
pub struct Read {
    /// All rows, in the file's order, without the columns that say where a row stood.
    pub rows: RecordBatch,
    /// The line of each row within its unit.
    pub lines: Vec<u32>,
    pub units: Vec<ClosedUnit>,
}

impl Read {
    pub fn records(&self) -> u64 {
        self.units.iter().map(|unit| unit.counts.records).sum()
    }

    pub fn bad(&self) -> usize {
        self.units.iter().map(|unit| unit.bad.len()).sum()
    }
}

/// Settings out of one byte, so that the fuzzer chooses them: bit 0 strict, bits 1 and 2 calls, bit 3 annotations.
pub fn settings(byte: u8) -> Config {
    let mut config = Config::of(Vec::<String>::new());
    if byte & 1 != 0 {
        config.conformance = Conformance::Strict;
    }
    config.calls = [Calls::All, Calls::Carriers, Calls::None, Calls::All][usize::from(byte >> 1 & 3)];
    if byte & 8 != 0 {
        (config.csq, config.ann, config.bcsq) = (Annotation::Switch(true), Annotation::Switch(true), Annotation::Switch(true));
    }
    config.on_bad_record = OnBadRecord::Quarantine;
    config
}

/// Gives `bytes` to `work` as a file; in memory where the system has a place for that.
pub fn with_file<T>(bytes: &[u8], work: impl FnOnce(&Path) -> T) -> T {
    thread_local!(static FILE: RefCell<tempfile::NamedTempFile> = RefCell::new(
        tempfile::NamedTempFile::new_in("/dev/shm").or_else(|_| tempfile::NamedTempFile::new()).expect("a temporary file")
    ));
    FILE.with_borrow_mut(|file| {
        let plain = file.as_file_mut();
        plain.set_len(0).and_then(|()| plain.rewind()).and_then(|()| plain.write_all(bytes)).expect("a temporary file");
        work(file.path())
    })
}

/// Looks at a file without reading its records.
pub fn inspect(config: &Config, path: &Path) -> Result<genogate::flow::Inspection> {
    let config = Config { paths: vec![path.to_string_lossy().into_owned()], ..config.clone() };
    config.build(Path::new("/"))?.inspect()
}

/// Partitions of a reading that is cut.
const PARTITIONS: usize = 3;

/// Reads a file, whole or in [`PARTITIONS`].
pub fn read(config: &Config, path: &Path, partitions: usize) -> Result<Read> {
    static STATES: OnceLock<(tokio::runtime::Runtime, [SessionState; 2])> = OnceLock::new();
    let (runtime, states) = STATES.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let of = |n| SessionContext::new_with_config(SessionConfig::new().with_target_partitions(n)).state();
        (runtime, [of(1), of(PARTITIONS)])
    });
    let state = &states[usize::from(partitions > 1)];
    let inspection = inspect(config, path)?;
    let context = Arc::new(Context::new(uuid::Uuid::nil(), Recorder::discard()));
    let settings = SessionConfig::new().with_extension(context.clone());
    let (id, runtime_env) = (String::new(), state.runtime_env().clone());
    let task = TaskContext::new(None, id, settings, HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new(), runtime_env);
    let batches: Vec<RecordBatch> = runtime.block_on(async {
        let plan = inspection.table.scan(state, None, &[], None).await?;
        let streams = execute_stream_partitioned(plan, Arc::new(task))?;
        let batches = futures::future::try_join_all(streams.into_iter().map(|stream| stream.try_collect::<Vec<_>>())).await?;
        Ok::<_, genogate::error::Error>(batches.concat())
    })?;
    let whole = concat_batches(&inspection.table.schema(), &batches)?;
    let place = |name: &str| whole.column_by_name(name).expect("the internal columns").clone();
    let sort = [column::UNIT, column::ROW].map(|name| SortColumn { values: place(name), options: None });
    let whole = take_record_batch(&whole, &lexsort_to_indices(&sort, None)?)?;
    let lines = whole.column_by_name(column::ROW).expect("the internal columns").as_primitive::<UInt32Type>().values().to_vec();
    let width = whole.num_columns() - 2;
    let rows = whole.project(&(0..width).collect::<Vec<_>>())?;
    let mut units: Vec<_> = (0..partitions).flat_map(|partition| context.units.take_closed(partition, None)).collect();
    units.sort_by_key(|unit| unit.unit);
    let read = Read { rows, lines, units };
    assert_eq!(read.records(), read.rows.num_rows() as u64 + read.bad() as u64, "a record was lost or came twice");
    Ok(read)
}

/// Cut into units of `unit` bytes for three threads, a file must be what it is in one piece: the same rows, or an error both
/// times.
pub fn check_cuts(config: &Config, path: &Path, unit: u64) -> Option<Read> {
    let whole = read(config, path, 1);
    let cut = read(&config.with_unit(unit.max(1)), path, PARTITIONS);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole.rows, cut.rows, "units of {unit} bytes give other rows");
            assert_eq!((whole.records(), whole.bad()), (cut.records(), cut.bad()));
            Some(whole)
        }
        (Err(_), Err(_)) => None,
        // Small units can be too many of them; that is told, and no finding.
        (Ok(whole), Err(error)) if error.class() == genogate::error::Class::Usage => Some(whole),
        (whole, cut) => panic!("in one piece: {:?}, in units of {unit} bytes: {:?}", whole.err(), cut.err()),
    }
}

/// `text` as BGZF, `block` bytes of text a block, and the end-of-file block (SAMv1 section 4.1).
pub fn bgzf(text: &[u8], block: usize) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let mut out = Vec::new();
    for chunk in text.chunks(block.clamp(1, 60_000)).chain([&[][..]]) {
        let mut data = vec![0; compressor.deflate_compress_bound(chunk.len())];
        let length = compressor.deflate_compress(chunk, &mut data).expect("room for the bound");
        // The empty block's one spelling is fixed: it is how a whole file ends.
        let data = if chunk.is_empty() { &[3, 0][..] } else { &data[..length] };
        out.extend_from_slice(&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, b'B', b'C', 2, 0]);
        out.extend_from_slice(&((18 + data.len() + 8 - 1) as u16).to_le_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(&libdeflater::crc32(chunk).to_le_bytes());
        out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
    }
    out
}
