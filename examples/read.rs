//! Reads a VCF or BCF as Arrow record batches, with two threads and nothing stored: `cargo run --example read -- FILE.vcf.gz`.

use std::path::Path;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use genogate::error::{Error, Result};
use genogate::flow::SourceConfig;
use genogate::source::vcf::{Config, decode_on};

/// Records, and how many of them have a QUAL of at least 30. Only the columns that are named are decoded.
pub fn count(file: &str) -> Result<(u64, u64)> {
    let inspection = Config::of([file.to_owned()]).source(&genogate::flow::Demands::default(), Path::new("."))?.inspect()?;
    let good = |good: &mut u64, batch: &RecordBatch| {
        let qual = batch.column_by_name("qual").and_then(|column| column.as_primitive_opt::<Float64Type>());
        let qual = qual.ok_or_else(|| Error::internal("no QUAL"))?;
        *good += (0..qual.len()).filter(|row| qual.is_valid(*row) && qual.value(*row) >= 30.0).count() as u64;
        Ok(())
    };
    let (decoded, good) = decode_on(&inspection, 2, Some(&["chrom", "pos", "qual"]), good)?;
    Ok((decoded.records, good.iter().sum()))
}

#[allow(dead_code, reason = "the tests call `count`")]
fn main() -> Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| Error::usage("give a VCF"))?;
    let (records, good) = count(&file)?;
    println!("{good} of {records} records have QUAL >= 30");
    Ok(())
}
