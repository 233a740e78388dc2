//! Inputs read to their end outside a plan, on a fixed number of threads: what benches and `genogate benchmark` measure.
//! It must not keep batches.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use uuid::Uuid;

use super::scan::{self, PartitionWork};
use super::shared::Shared;
use super::split::{Deals, UnitReader};
use super::table::VcfTable;
use crate::audit::Recorder;
use crate::error::{Error, Result};
use crate::flow::{Context, Counters, Inspection};

/// What was decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Decoded {
    /// Records read.
    pub records: u64,
    /// Rows made of them.
    pub rows: u64,
    pub batches: u64,
    /// Stored bytes read.
    pub bytes_in: u64,
    /// Bytes of records, inflated.
    pub text_bytes: u64,
    /// Bytes of Arrow memory the batches took, all together.
    pub arrow_bytes: u64,
}

/// What was inflated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Inflated {
    /// Stored bytes read.
    pub bytes_in: u64,
    /// Bytes of records, inflated.
    pub text_bytes: u64,
}

/// Decodes on exactly `threads` threads; `columns`: only these, else all. `each` sees every batch on the thread that made it,
/// with that thread's state. Records are not digested, as for an identity that nobody asks for.
pub fn decode_on<S: Send + Default>(
    inspection: &Inspection,
    threads: usize,
    columns: Option<&[&str]>,
    each: impl Fn(&mut S, &RecordBatch) -> Result<()> + Sync,
) -> Result<(Decoded, Vec<S>)> {
    let table = table(inspection)?;
    let schema = inspection.table.schema();
    let projection = match columns {
        None => None,
        Some(names) => {
            let index = |name: &&str| schema.index_of(name).map_err(|_| Error::usage("no such column"));
            Some(names.iter().map(index).collect::<Result<Vec<_>>>()?)
        }
    };
    let (_, recipe, reading) = table.read(projection.as_ref(), &[])?;
    let context = Arc::new(Context::new(Uuid::now_v7(), Recorder::discard()).without_digests());
    let deals = Arc::new(Deals::new(table.shared().inputs.len()));
    let parts = on_threads(threads, |partition| {
        let part = PartitionWork {
            shared: table.shared().clone(),
            recipe: recipe.clone(),
            reading: reading.clone(),
            partition,
            partitions: threads.max(1),
            deals: deals.clone(),
            context: context.clone(),
        };
        let (mut sum, mut state, mut failed) = (Decoded::default(), S::default(), None);
        scan::run(&part, &mut |batch| {
            sum.rows += batch.num_rows() as u64;
            sum.batches += 1;
            sum.arrow_bytes += batch.get_array_memory_size() as u64;
            failed = each(&mut state, &batch).err();
            failed.is_none()
        })?;
        failed.map_or(Ok((sum, state)), Err)
    })?;
    let mut decoded = Decoded {
        records: Counters::get(&context.counters.records),
        bytes_in: Counters::get(&context.counters.bytes_in),
        text_bytes: Counters::get(&context.counters.text_bytes),
        ..Decoded::default()
    };
    let mut states = Vec::with_capacity(parts.len());
    for (part, state) in parts {
        decoded.rows += part.rows;
        decoded.batches += part.batches;
        decoded.arrow_bytes += part.arrow_bytes;
        states.push(state);
    }
    Ok((decoded, states))
}

/// Decodes and drops every batch.
pub fn decode_to_end(inspection: &Inspection, threads: usize, columns: Option<&[&str]>) -> Result<Decoded> {
    decode_on(inspection, threads, columns, |(): &mut (), _| Ok(())).map(|(decoded, _)| decoded)
}

/// Inflates every unit and looks at each byte once: the floor under any decoder.
pub fn inflate_to_end(inspection: &Inspection, threads: usize) -> Result<Inflated> {
    let shared: &Arc<Shared> = table(inspection)?.shared();
    let (bytes_in, lines, deals) = (AtomicU64::new(0), AtomicU64::new(0), Deals::new(shared.inputs.len()));
    let texts = on_threads(threads, |partition| {
        let mut text = 0;
        for input in &shared.inputs {
            let Some(mut reader) = input.reader(partition, threads.max(1), shared.unit, &deals)? else { continue };
            while reader.next_unit()?.is_some() {
                text += touch(reader.as_mut(), &lines)?;
                bytes_in.fetch_add(reader.bytes(), Ordering::Relaxed);
            }
        }
        Ok(text)
    })?;
    Ok(Inflated { bytes_in: bytes_in.into_inner(), text_bytes: texts.iter().sum() })
}

fn touch(reader: &mut dyn UnitReader, lines: &AtomicU64) -> Result<u64> {
    let mut text = 0;
    while let Some(chunk) = reader.next_chunk()? {
        text += chunk.len() as u64;
        lines.fetch_add(memchr::memchr_iter(b'\n', chunk).count() as u64, Ordering::Relaxed);
    }
    Ok(text)
}

fn table(inspection: &Inspection) -> Result<&VcfTable> {
    let table: &dyn Any = inspection.table.as_ref();
    table.downcast_ref().ok_or_else(|| Error::internal("this is not a table of the vcf source"))
}

/// Runs `work` once a thread; the first error wins.
fn on_threads<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = (0..threads.max(1)).map(|i| scope.spawn(move || work(i))).collect();
        handles.into_iter().map(|handle| handle.join().map_err(|_| Error::internal("a thread panicked"))?).collect()
    })
}
