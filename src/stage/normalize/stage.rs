//! The planned stage: schema, labels and needs. It must not look at rows.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::BoxFuture;

use super::align::{LeftAlign, State};
use super::config::Config;
use super::divide::{Per, Shape, Split};
use crate::audit::Kind;
use crate::crypto::digest::hex;
use crate::error::{Error, Result};
use crate::fasta::Fasta;
use crate::flow::{
    Apply, Around, BadRecords, Context, Input, Labels, Opening, Owed, Safeguard, Situation, Specification, Stage, StageConfig,
    Step, column,
};
use crate::stage::recorded::Recorded;
use crate::store::{Document, InputUnits};

/// Columns that say what a row was before it moved, and what they are made from.
const ORIGINALS: [(&str, &str, DataType); 3] = [
    (column::ORIG_POS, column::POS, DataType::Int64),
    (column::ORIG_REF, column::REF, DataType::Utf8),
    (column::ORIG_ALT, column::ALT, DataType::Utf8),
];

/// Divides records into one row per ALT, and left-aligns them when there is a reference.
#[derive(Debug)]
pub struct Normalize {
    split: bool,
    reference: Option<Reference>,
}

#[derive(Debug)]
struct Reference {
    fasta: Arc<Fasta>,
    fingerprint: [u8; 32],
    bad_records: BadRecords,
}

impl StageConfig for Config {
    /// With `left_align` the source's reference is opened: its index is read, or made in one pass over the file.
    ///
    /// # Errors
    /// Class `usage` when `left_align` has no reference, class `input` when the reference cannot be used.
    fn build(&self, around: &Around<'_>) -> Result<Step> {
        if !self.left_align {
            return Ok(Step::Stage(Arc::new(Normalize::new(self.split))));
        }
        let Some(reference) = &around.source.reference else {
            return Err(Error::usage("normalize: left_align needs a reference")
                .with_hint("add `reference: GRCh38.fa` to source.vcf: the FASTA the files were called against"));
        };
        let fasta = Fasta::open(&around.base.join(reference))?;
        if fasta.indexed_here {
            tracing::warn!("the reference has no .fai index: the whole file was read; write one with `samtools faidx REFERENCE`");
        }
        let aligned = Normalize::new(self.split).with_reference(fasta, around.source.bad_records)?;
        Ok(Step::Stage(Arc::new(aligned)))
    }
}

impl Normalize {
    pub(super) fn new(split: bool) -> Self {
        Self { split, reference: None }
    }

    /// The same with left alignment. Class `input` when the reference cannot be read.
    pub(super) fn with_reference(self, fasta: Fasta, bad_records: BadRecords) -> Result<Self> {
        let reference = Reference { fingerprint: fasta.fingerprint()?, fasta: Arc::new(fasta), bad_records };
        Ok(Self { reference: Some(reference), ..self })
    }

    /// The object that runs, for batches of the schema `input`.
    pub(super) fn begin(&self, context: Arc<Context>, inputs: Vec<InputUnits>, input: &Schema) -> Result<Arc<dyn Apply>> {
        let recorder = context.recorder.clone();
        let divided = Self::new(self.split).schema(input)?;
        let split = self.split.then(|| Split::new(input, divided));
        Ok(match (&self.reference, split) {
            (None, None) => Arc::new(AsItIs),
            (None, Some(work)) => Arc::new(Recorded { work, recorder }),
            (Some(reference), split) => {
                let (fasta, bad_records) = (reference.fasta.clone(), reference.bad_records);
                let (output, state) = (self.schema(input)?, State::default());
                Arc::new(Recorded { work: LeftAlign { fasta, bad_records, split, output, context, inputs, state }, recorder })
            }
        })
    }

    /// Does any row differ from the record it came from?
    fn changes(&self) -> bool {
        self.split || self.reference.is_some()
    }
}

impl Stage for Normalize {
    fn kind(&self) -> &'static str {
        "normalize"
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        let field = |field: &Field| if self.split { Shape::of(field).field(field) } else { Some(field.clone()) };
        let mut fields: Vec<Field> = input.fields().iter().filter_map(|f| field(f)).collect();
        if self.reference.is_some() {
            fields.extend(ORIGINALS.into_iter().map(|(name, _, kind)| Field::new(name, kind, true)));
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, input.metadata().clone())))
    }

    fn check(&self, input: &Schema) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.reference.is_some() {
            let site = [(column::CHROM, DataType::Utf8)].into_iter().chain(ORIGINALS.map(|(_, from, kind)| (from, kind)));
            for (name, kind) in site {
                if input.field_with_name(name).ok().map(Field::data_type) != Some(&kind) {
                    mistakes.push(format!("normalize: left_align needs the column {name} as the file has it"));
                }
            }
            if ORIGINALS.iter().any(|(name, ..)| input.field_with_name(name).is_ok()) {
                mistakes.push("normalize: the rows have been left-aligned before".into());
            }
        }
        mistakes
    }

    /// A value's sensitivity does not change with the row it stands in, nor an allele's with its place.
    fn labels(&self, input: &Labels, _: &Schema) -> Labels {
        let mut labels = input.clone();
        for (name, from, _) in ORIGINALS.iter().filter(|_| self.reference.is_some()) {
            labels.set(*name, input.of(from));
        }
        labels
    }

    fn safeguard(&self, _: &Schema) -> Safeguard {
        Safeguard::default()
    }

    /// ALT always; genotypes where FORMAT fields are per genotype (a call's ploidy is needed), LAA where they are local; with a reference, the site.
    fn reads(&self, input: &Schema) -> Vec<String> {
        let has = |wanted: fn(Shape) -> bool| self.split && input.fields().iter().any(|field| wanted(Shape::of(field)));
        let genotypes = has(|shape| matches!(shape, Shape::Calls(Per::Genotype) | Shape::LocalCalls(Per::Genotype)));
        let mut wanted = Vec::new();
        wanted.extend(self.changes().then_some(column::ALT));
        wanted.extend(genotypes.then_some(column::CALLS_GT));
        wanted.extend(has(|shape| matches!(shape, Shape::LocalCalls(_))).then_some(column::CALLS_LAA));
        wanted.extend([column::CHROM, column::POS, column::REF].iter().filter(|_| self.reference.is_some()));
        wanted.into_iter().filter(|name| input.field_with_name(name).is_ok()).map(str::to_owned).collect()
    }

    fn blocks_predicates_on(&self, output: &Schema) -> Vec<String> {
        const SAME_FOR_ALL_ROWS: [&str; 4] = [column::QUAL, column::FILTERS, column::IDS, column::CHROM];
        let names = output.fields().iter().map(|field| field.name().clone());
        names.filter(|name| self.changes() && !SAME_FOR_ALL_ROWS.contains(&name.as_str())).collect()
    }

    /// Another reference moves alleles elsewhere.
    fn specification(&self) -> Result<Specification> {
        let settings = Config { split: self.split, left_align: self.reference.is_some() };
        let specification = Specification::new(self.kind(), &settings)?;
        match &self.reference {
            None => Ok(specification),
            Some(reference) => {
                let sequences = reference.fasta.len();
                Ok(specification.with_content("reference", &hex(&reference.fingerprint))?.with_aside("sequences", sequences))
            }
        }
    }

    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    fn owes(&self) -> Vec<Owed> {
        let aligned = [Owed(Situation::Changed, Kind::VariantsAligned), Owed(Situation::SetAside, Kind::Quarantined)];
        aligned.into_iter().filter(|_| self.reference.is_some()).collect()
    }

    fn open<'a>(&'a self, opening: &'a Opening<'a>, input: Input, _: &'a mut Document) -> BoxFuture<'a, Result<Arc<dyn Apply>>> {
        Box::pin(async move { self.begin(opening.context.clone(), opening.units.to_vec(), &input.arriving) })
    }
}

/// `split: false`: batches pass.
#[derive(Debug)]
struct AsItIs;

impl Apply for AsItIs {
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(batch)
    }
}
