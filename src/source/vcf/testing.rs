//! What the tests of this room share: BGZF and gzip, and a table read into one batch. It must not be built outside tests.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::Schema;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;

use super::Config;
use crate::audit::Recorder;
pub(crate) use crate::bgzf::pack as bgzf;
use crate::error::{Error, Result};
use crate::flow::{Context, Inspection, Oddity, genotype};
use crate::store::ClosedUnit;

/// gzip members, one a part.
pub(crate) fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, part).unwrap();
            encoder.finish().unwrap()
        })
        .collect()
}

/// A table read to its end.
pub(crate) struct Read {
    pub batch: RecordBatch,
    pub units: Vec<ClosedUnit>,
    pub inspection: Inspection,
    pub plan: String,
    pub oddities: Vec<Oddity>,
}

impl Read {
    pub(crate) fn records(&self) -> u64 {
        self.units.iter().map(|unit| unit.counts.records).sum()
    }

    /// What was tolerated: the field, what, how often.
    pub(crate) fn odd(&self) -> Vec<(&str, &'static str, u64)> {
        self.oddities.iter().map(|odd| (odd.field.as_str(), odd.what, odd.count)).collect()
    }

    /// The values of a column as text, null as `-`.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        let options = datafusion::arrow::util::display::FormatOptions::default().with_null("-");
        let array = self.batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        let formatter = datafusion::arrow::util::display::ArrayFormatter::try_new(array, &options).unwrap();
        (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
    }
}

impl Read {
    /// The genotypes of each row's calls as GT text, in the form of [`Self::column`].
    pub(crate) fn genotypes(&self) -> Vec<String> {
        let calls = self.batch.column_by_name("calls.GT").unwrap().as_list::<i32>();
        let texts = |row: usize| genotype::testing::texts(&calls.value(row)).into_iter().map(|text| text.unwrap_or("-".into()));
        (0..calls.len()).map(|row| format!("[{}]", texts(row).collect::<Vec<_>>().join(", "))).collect()
    }
}

/// Reads a source's files with `partitions` partitions; `sql` selects from table `t`.
pub(crate) async fn read_sql(config: &Config, base: &Path, partitions: usize, sql: &str) -> Result<Read> {
    read_rest(config, base, partitions, sql, &[]).await
}

/// The same, when the units `done` were committed before.
pub(crate) async fn read_rest(config: &Config, base: &Path, partitions: usize, sql: &str, done: &[u32]) -> Result<Read> {
    let inspection = config.build(base)?.inspect()?;
    let context = Arc::new(Context::new(uuid::Uuid::now_v7(), Recorder::discard()));
    done.iter().for_each(|unit| context.units.mark_done(*unit));
    let mut settings = SessionConfig::new().with_target_partitions(partitions).with_extension(context.clone());
    settings.options_mut().optimizer.enable_round_robin_repartition = false;
    settings.options_mut().sql_parser.enable_ident_normalization = false;
    let session = SessionContext::new_with_config(settings);
    session.register_table("t", inspection.table.clone())?;
    let plan = session.sql(sql).await?.create_physical_plan().await?;
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    let schema = plan.schema();
    let streams = datafusion::physical_plan::execute_stream_partitioned(plan, session.task_ctx())?;
    let batches = streams.into_iter().map(|stream: SendableRecordBatchStream| stream.try_collect::<Vec<_>>());
    let batches: Vec<RecordBatch> = futures::future::try_join_all(batches).await.map_err(Error::from)?.concat();
    let mut units: Vec<_> = (0..partitions).flat_map(|partition| context.units.take_closed(partition, None)).collect();
    units.sort_by_key(|unit| unit.unit);
    let batch = concat_batches(&schema, &batches)?;
    let oddities = context.oddities.list();
    Ok(Read { batch, units, inspection, plan: shown, oddities })
}

/// Reads all columns, rows in the file's order.
pub(crate) async fn read(config: &Config, base: &Path, partitions: usize) -> Result<Read> {
    read_sql(config, base, partitions, "SELECT * FROM t ORDER BY __unit, __row").await
}

/// Writes `bytes` into a folder of its own and reads it with `change`d defaults.
pub(crate) async fn read_bytes(bytes: &[u8], partitions: usize, change: impl FnOnce(&mut Config)) -> Result<Read> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), bytes).unwrap();
    let mut config = Config::of(["x"]);
    change(&mut config);
    read(&config, folder.path(), partitions).await
}

/// A VCF of version 4.3 with `head` (whole lines), the samples and the records, whose blanks are tabs.
pub(crate) fn vcf(head: &str, samples: &[&str], records: &[&str]) -> String {
    let mut text = format!("##fileformat=VCFv4.3\n{head}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO");
    if !samples.is_empty() {
        text.push_str(&format!("\tFORMAT\t{}", samples.join("\t")));
    }
    text.push('\n');
    for record in records {
        text.push_str(&record.replace(' ', "\t"));
        text.push('\n');
    }
    text
}

/// An empty schema has no columns to compare; two batches are alike when columns and values are.
pub(crate) fn same(a: &RecordBatch, b: &RecordBatch, except: &[&str]) -> bool {
    let keep = |batch: &RecordBatch| {
        let names = batch
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| !except.contains(&f.name().as_str()))
            .map(|(i, _)| i)
            .collect::<Vec<_>>();
        batch.project(&names).unwrap()
    };
    let (a, b) = (keep(a), keep(b));
    let bare = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    bare(&a.schema()) == bare(&b.schema()) && a.columns() == b.columns()
}
