//! Hand-made batches and runs for the sinks' tests.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, ListBuilder, RecordBatch, StringArray,
    StringBuilder, UInt32Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{Field, Float64Type, Int32Type, Schema, SchemaRef};
use uuid::Uuid;

use crate::access::{Grant, credential_holder};
use crate::audit::{RecordedKeys, Recorder};
use crate::db::Databases;
use crate::error::Result;
use crate::flow::{Context, OpenSink, Opening, Outcome, Safeguards, Sink, Writer, column, genotype};
use crate::phi::{Contigs, Words};
use crate::store::{Digest, Document, HeaderLine, InputDocument, InputUnits, SampleId, Shard, UnitCounts};

/// One record of the fixture: `line` within its unit, POS is `100 + line`, and as many calls as the document has samples.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub chrom: &'static str,
    pub line: u32,
}

/// `n` records on chromosome 1 from line 0 on.
pub fn sites(n: u32) -> Vec<Site> {
    (0..n).map(|line| Site { chrom: "chr1", line }).collect()
}

/// A batch of one unit. AF is `[line / 4, null, NaN]`, NOTE holds quotes and umlauts, SEALED is ciphertext.
pub fn batch(unit: u32, sites: &[Site], samples: usize) -> RecordBatch {
    let strings =
        |make: &dyn Fn(&Site) -> Option<String>| -> ArrayRef { Arc::new(StringArray::from_iter(sites.iter().map(make))) };
    let mut ids = ListBuilder::new(StringBuilder::new());
    let mut filters = ListBuilder::new(StringBuilder::new());
    for site in sites {
        ids.append_value([Some(format!("rs{}", site.line))]);
        if site.line % 2 == 0 { filters.append_value([Some("PASS")]) } else { filters.append_null() }
    }
    let af = sites.iter().map(|site| Some(vec![Some(f64::from(site.line) / 4.0), None, Some(f64::NAN)]));
    let calls = |values: ArrayRef| -> ArrayRef {
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(vec![samples; sites.len()]), values, None))
    };
    let each = || sites.iter().flat_map(|site| (0..samples).map(move |sample| (site.line, sample)));
    let sample: ArrayRef = Arc::new(Int32Array::from_iter_values(each().map(|(_, sample)| sample as i32)));
    let gt: Vec<_> = each().map(|(line, sample)| (line as usize + sample != 1).then_some("0|1")).collect();
    let gt = genotype::testing::column(&gt);
    let ad: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(each().map(|(line, _)| Some(vec![Some(line as i32), None]))));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (column::CHROM, strings(&|site| Some(site.chrom.into()))),
        (column::POS, Arc::new(Int64Array::from_iter_values(sites.iter().map(|site| 100 + i64::from(site.line))))),
        (column::END_POS, Arc::new(Int64Array::from_iter_values(sites.iter().map(|site| 100 + i64::from(site.line))))),
        (column::IDS, Arc::new(ids.finish())),
        (column::REF, strings(&|_| Some("A".into()))),
        (column::ALT, strings(&|site| (site.line != 2).then(|| "T".into()))),
        (column::ALT_INDEX, Arc::new(Int32Array::from_iter(sites.iter().map(|_| Some(1))))),
        (
            column::QUAL,
            Arc::new(Float64Array::from_iter(sites.iter().map(|site| (site.line != 1).then_some(f64::from(site.line) + 0.1)))),
        ),
        (column::FILTERS, Arc::new(filters.finish())),
        ("info.AF", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(af))),
        ("info.DP", Arc::new(Int32Array::from_iter(sites.iter().map(|site| (site.line != 1).then_some(i32::MIN))))),
        ("info.DB", Arc::new(BooleanArray::from_iter(sites.iter().map(|site| (site.line % 2 == 0).then_some(true))))),
        ("info.NOTE", strings(&|site| Some(format!("\"quoted\" \\ é\t{}", site.line)))),
        ("info.SEALED", Arc::new(BinaryArray::from_iter_values(sites.iter().map(|_| [1u8, 2, 3])))),
        (column::CALLS_SAMPLE, calls(sample)),
        (column::CALLS_GT, calls(gt)),
        ("calls.AD", calls(ad)),
        (column::UNIT, Arc::new(UInt32Array::from(vec![unit; sites.len()]))),
        (column::ROW, Arc::new(UInt32Array::from_iter_values(sites.iter().map(|site| site.line)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// The schema of [`batch`].
pub fn schema() -> SchemaRef {
    let batch = batch(0, &[], 1);
    Arc::new(Schema::new(batch.schema().fields().clone()))
}

/// One input with this many samples, whose names are as an open profile leaves them.
pub fn document(samples: usize) -> Document {
    let input = InputDocument {
        version: "VCFv4.2".into(),
        header_digest: [3; 32],
        lines: vec![HeaderLine { key: "contig".into(), value: "<ID=chr1>".into(), id: Some("chr1".into()) }],
        samples: (0..samples).map(|n| SampleId::Name(format!("sample-{n}").into())).collect(),
        assembly: "GRCh38".into(),
        bytes: Some(1000),
        readable: true,
        ..Default::default()
    };
    Document { inputs: vec![input] }
}

/// What stays the same from run to run of one pipeline.
pub struct Rig {
    pub databases: Databases,
    pub document: Document,
    pub units: u32,
    pub samples: usize,
    pub options: [u8; 32],
    pub name: &'static str,
}

/// One run of it.
pub struct Run {
    pub context: Arc<Context>,
    pub sink: Arc<dyn OpenSink>,
}

impl Rig {
    pub fn new(databases: Databases, units: u32, samples: usize) -> Self {
        Self { databases, document: document(samples), units, samples, options: [5; 32], name: "fixture" }
    }

    /// A database of its own.
    pub async fn with_database(units: u32, samples: usize) -> Self {
        Self::new(crate::db::local::testing::database().await, units, samples)
    }

    pub fn grant() -> Grant {
        credential_holder()
    }

    pub async fn open(&self, sink: &dyn Sink, force: bool) -> Result<Run> {
        self.join(sink, force, None, None).await
    }

    pub async fn join(&self, sink: &dyn Sink, force: bool, shard: Option<Shard>, load_name: Option<&str>) -> Result<Run> {
        let context = Arc::new(Context::new(Uuid::now_v7(), Recorder::discard()));
        let units = [InputUnits { input: 0, first: 0, count: Some(self.units), index: None, reserved: self.units }];
        let (grant, keys) = (Self::grant(), RecordedKeys::default());
        let words = Arc::new(Words::new([], Contigs::default())?);
        let opening = Opening {
            context: context.clone(),
            grant: &grant,
            keys: &keys,
            databases: &self.databases,
            options_digest: self.options,
            name: self.name,
            original: &self.document,
            words: &words,
            safeguards: &Safeguards::default(),
            units: &units,
            force,
            private: true,
            shard,
            load_name,
            files: None,
        };
        if let Some(shard) = shard {
            context.units.keep(shard.units(&units));
        }
        let sink = sink.open(&opening, &self.document, schema()).await?;
        Ok(Run { context, sink })
    }
}

impl Run {
    /// Writes a unit's rows and closes it as the source does.
    pub async fn unit(&self, writer: &mut Box<dyn Writer>, unit: u32, sites: &[Site], samples: usize) -> Result<()> {
        writer.write(batch(unit, sites, samples)).await?;
        self.close(unit, sites.len() as u64);
        Ok(())
    }

    /// Closes a unit of partition 0 with this many records.
    pub fn close(&self, unit: u32, records: u64) {
        let digest = Digest([u64::from(unit) + 1, 2, 3, 4]);
        self.context.units.close(0, unit, UnitCounts { records, lines: records, digest, ..Default::default() });
    }

    /// [`Run::end`], as a report shows it.
    pub async fn all(&self, rig: &Rig) -> Result<serde_json::Map<String, serde_json::Value>> {
        self.end(rig).await.map(|outcome| shown(&outcome))
    }

    /// Writes every unit that is not done, three records each, and finishes.
    pub async fn end(&self, rig: &Rig) -> Result<Outcome> {
        let mut writer = self.sink.writer(0).await?;
        for unit in 0..rig.units {
            if !self.context.units.is_done(unit) {
                self.unit(&mut writer, unit, &sites(3), rig.samples).await?;
            }
        }
        writer.end().await?;
        self.sink.finish().await
    }
}

/// An outcome as a report shows it.
pub fn shown(outcome: &Outcome) -> serde_json::Map<String, serde_json::Value> {
    serde_json::to_value(outcome).unwrap().as_object().unwrap().clone()
}
