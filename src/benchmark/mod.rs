//! What `genogate benchmark` measures: inflating, decoding and encoding one file on a fixed number of threads, without a
//! plan, a server or a key; and how large a load became. It must not write anything anywhere.

mod checksum;

use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use tokio_postgres::Client;

use crate::db;
use crate::error::{Error, Result};
use crate::flow::{Inspection, column};
use crate::pgcopy::Buffer;
use crate::sink::postgres::layout::Layout;
use crate::sink::postgres::rows::{Owner, Place};
use crate::source::vcf::{Decoded, decode_on, inflate_to_end};
use crate::store::tables::{CALLS, VARIANTS};

use checksum::Checksum;

/// Figures of one run.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Report {
    /// `inflate`, `decode` or `encode`.
    pub work: &'static str,
    pub threads: usize,
    /// Stored bytes read.
    pub bytes_in: u64,
    /// Bytes of records, inflated.
    pub text_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<Cells>,
    /// Bytes of the binary COPY stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_bytes: Option<u64>,
    /// Time spent in encoding alone, seconds summed over the threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode_seconds: Option<f64>,
    /// Wall time from the first byte to the last, without looking at the header.
    pub seconds: f64,
}

/// What was decoded.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Cells {
    pub records: u64,
    pub rows: u64,
    pub columns: usize,
    /// One a row and column; in the columns of calls one a call instead. Missing values count: a reader sees them.
    pub cells: u64,
    /// Over every cell: 16 hexadecimal digits. Equal for equal records in whatever container, cut and number of threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Bytes of Arrow memory the batches took, all together.
    pub arrow_bytes: u64,
    pub batches: u64,
}

/// Reads and inflates, and looks at each byte once: the floor.
pub fn inflate(inspection: &Inspection, threads: usize) -> Result<Report> {
    let start = Instant::now();
    let inflated = inflate_to_end(inspection, threads)?;
    let seconds = start.elapsed().as_secs_f64();
    let (bytes_in, text_bytes) = (inflated.bytes_in, inflated.text_bytes);
    Ok(Report { work: "inflate", threads, bytes_in, text_bytes, seconds, ..Report::default() })
}

/// Decodes every column of the table and sums up every cell.
pub fn decode(inspection: &Inspection, threads: usize) -> Result<Report> {
    let start = Instant::now();
    let each = |sum: &mut Sum, batch: &RecordBatch| {
        sum.cells += cells_of(batch);
        sum.checksum.add(batch)
    };
    let (decoded, sums) = decode_on::<Sum>(inspection, threads, None, each)?;
    let seconds = start.elapsed().as_secs_f64();
    let mut sum = Sum::default();
    for part in sums {
        sum.cells += part.cells;
        sum.checksum.join(part.checksum);
    }
    let checksum = Some(sum.checksum.to_string());
    Ok(Report { work: "decode", seconds, ..report(inspection, threads, &decoded, sum.cells, checksum) })
}

/// What both decoding and encoding tell of what was decoded.
fn report(inspection: &Inspection, threads: usize, decoded: &Decoded, cells: u64, checksum: Option<String>) -> Report {
    let cells = Cells {
        records: decoded.records,
        rows: decoded.rows,
        columns: columns_of(inspection),
        cells,
        checksum,
        arrow_bytes: decoded.arrow_bytes,
        batches: decoded.batches,
    };
    let (bytes_in, text_bytes) = (decoded.bytes_in, decoded.text_bytes);
    Report { threads, bytes_in, text_bytes, cells: Some(cells), ..Report::default() }
}

#[derive(Default)]
struct Sum {
    cells: u64,
    checksum: Checksum,
}

/// Decodes, and encodes variants and calls for binary COPY as the load does; the stream goes nowhere.
pub fn encode(inspection: &Inspection, threads: usize) -> Result<Report> {
    let layout = Layout::of(&inspection.table.schema(), &[]).map_err(|mistakes| Error::usage(mistakes.join("; ")))?;
    let start = Instant::now();
    let each = |sum: &mut Encoded, batch: &RecordBatch| {
        sum.cells += cells_of(batch);
        let start = Instant::now();
        let encoded = sum.encode(&layout, batch);
        sum.spent += start.elapsed();
        encoded
    };
    let (decoded, sums) = decode_on::<Encoded>(inspection, threads, None, each)?;
    let seconds = start.elapsed().as_secs_f64();
    let cells = sums.iter().map(|sum| sum.cells).sum();
    let copied = sums.iter().map(|sum| sum.bytes + (sum.variants.rows().len() + sum.calls.rows().len()) as u64).sum();
    let report = report(inspection, threads, &decoded, cells, None);
    let spent = sums.iter().map(|sum| sum.spent.as_secs_f64()).sum();
    Ok(Report { work: "encode", seconds, copy_bytes: Some(copied), encode_seconds: Some(spent), ..report })
}

/// Bytes of the variants' and calls' tables with their indexes, as the cluster's administrator sees them.
pub async fn table_bytes(administrator: &Client) -> Result<i64> {
    let size = "SELECT sum(pg_total_relation_size(relid))::bigint
                FROM unnest($1::text[]) AS t (name), pg_partition_tree(name::regclass)";
    let row = administrator.query_one(size, &[&[VARIANTS, CALLS].as_slice()]).await;
    row.map(|row| row.get(0)).map_err(|error| db::failure("measuring the tables", error))
}

#[derive(Default)]
struct Encoded {
    cells: u64,
    spent: Duration,
    bytes: u64,
    variants: Buffer,
    calls: Buffer,
}

impl Encoded {
    fn encode(&mut self, layout: &Layout, batch: &RecordBatch) -> Result<()> {
        let mut rows = layout.bind(batch)?;
        let all = 0..batch.num_rows();
        let owner = Owner { load: [0; 16], input: 1, first_id: 0 };
        let mut row = 0;
        while row < all.end {
            row = rows.put_variants(owner, row..all.end, &mut self.variants)?;
            self.bytes += sent(&mut self.variants);
        }
        let mut place = Place { row: 0, call: 0 };
        while place.row < all.end {
            place = rows.put_calls(owner, all.clone(), place, &mut self.calls)?;
            self.bytes += sent(&mut self.calls);
        }
        Ok(())
    }
}

/// Drops what a full buffer holds, as a connection would take it, and says how much that was.
fn sent(buffer: &mut Buffer) -> u64 {
    if buffer.is_full() { buffer.take_piece().len() as u64 } else { 0 }
}

/// Columns but for the two internal ones.
fn columns_of(inspection: &Inspection) -> usize {
    inspection.table.schema().fields().iter().filter(|field| !column::is_internal(field.name())).count()
}

fn cells_of(batch: &RecordBatch) -> u64 {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| !column::is_internal(field.name()));
    let cells = columns.map(|(field, array)| match field.data_type() {
        DataType::List(_) if field.name().starts_with(column::CALLS) => {
            datafusion::arrow::array::AsArray::as_list::<i32>(array).values().len()
        }
        _ => array.len(),
    });
    cells.sum::<usize>() as u64
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::bgzf;
    use crate::source::vcf::{Calls, Config, UnitSize};
    use crate::synth::{self, Kind, Options};

    #[test]
    fn figures_agree_whatever_the_container_the_cut_and_the_threads() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, samples) in [(Kind::Sites, 0), (Kind::Trio, 3), (Kind::Cohort, 7)] {
            let options = Options { kind, records: 500, samples, seed: 3, phi: false };
            let mut plain = Vec::new();
            synth::write(&options, &mut plain).unwrap();
            std::fs::write(folder.path().join("x.vcf"), &plain).unwrap();
            let mut packed = bgzf::Writer::new(std::fs::File::create(folder.path().join("x.vcf.gz")).unwrap());
            synth::write(&options, &mut packed).unwrap();
            packed.finish().unwrap();
            let mut seen = Vec::new();
            for (file, unit, threads) in
                [("x.vcf", 16 << 20, 1), ("x.vcf", 5000, 3), ("x.vcf.gz", 16 << 20, 1), ("x.vcf.gz", 70_000, 2)]
            {
                let mut config = Config::of([file]);
                (config.unit, config.calls) = (UnitSize::Bytes(unit), Calls::All);
                let inspection = config.build(folder.path()).unwrap().inspect().unwrap();
                let (decoded, encoded) = (decode(&inspection, threads).unwrap(), encode(&inspection, threads).unwrap());
                let (cells, again) = (decoded.cells.unwrap(), encoded.cells.unwrap());
                assert_eq!((cells.records, cells.cells), (500, again.cells));
                assert_eq!(inflate(&inspection, threads).unwrap().text_bytes, decoded.text_bytes);
                seen.push((cells.cells, cells.checksum, decoded.text_bytes, encoded.copy_bytes));
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{kind:?}: {seen:?}");
            assert!(seen[0].0 > 5000 && seen[0].3 > Some(10_000));
        }
        let missing = Config::of(["no-such.vcf"]).build(Path::new(".")).unwrap().inspect();
        assert_eq!(missing.err().unwrap().class(), crate::error::Class::Input);
    }
}
