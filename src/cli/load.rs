//! `load`: a pipeline built from flags, then the same way through the house as a file. It must not know components.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::{Console, pipeline, regions};
use crate::error::Result;
use crate::plan::{self, PlanOptions};
use crate::spec::{self, Spec};

/// Load files with a pipeline built from flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate load cohort.vcf.gz --calls carriers\n  \
                        bcftools view -i 'QUAL>30' big.bcf | genogate load - --profile research\n  \
                        genogate load cohort.tsv --shard \"$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT\" --load-name cohort-7\n  \
                        genogate load *.vcf.gz --filter \"qual >= 30\" --print-pipeline")]
pub struct Command {
    /// VCF files, globs, or `-` for standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// The guarantees to prove: hipaa, research or open.
    #[arg(long, default_value = "hipaa")]
    profile: String,
    /// Name of the load.
    #[arg(long, default_value = "load")]
    name: String,
    /// Comma-separated regions: chr, chr:pos, chr:beg-end, chr:beg-.
    #[arg(short, long, value_delimiter = ',', value_name = "REGION")]
    regions: Vec<String>,
    /// File of regions, one a line, plain or gzip: CHROM, or CHROM:BEG-END, or CHROM POS [END] (tab-separated, 1-based,
    /// inclusive); a name that ends in .bed or .bed.gz means BED (0-based, half open).
    #[arg(short = 'R', long, value_name = "FILE")]
    regions_file: Option<PathBuf>,
    /// What regions do where a file's index is missing or stale: scan or refuse.
    #[arg(long, value_name = "WORD")]
    regions_without_index: Option<String>,
    /// Comma-separated samples; `^` before the first excludes them instead.
    #[arg(short, long, value_delimiter = ',', value_name = "SAMPLE")]
    samples: Vec<String>,
    /// File of samples, one a line; `^` before its name excludes them instead.
    #[arg(short = 'S', long, value_name = "FILE", conflicts_with = "samples")]
    samples_file: Option<String>,
    /// INFO keys to load, comma-separated; default: all.
    #[arg(long, value_delimiter = ',', value_name = "KEY")]
    info: Option<Vec<String>>,
    /// Take apart Ensembl VEP's annotation, from INFO/CSQ (or INFO/vep), or from the named INFO field.
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    csq: Option<String>,
    /// Take apart SnpEff's annotation, from INFO/ANN (or INFO/EFF), or from the named INFO field.
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    ann: Option<String>,
    /// Take apart the annotation of BCFtools/csq, from INFO/BCSQ, or from the named INFO field.
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    bcsq: Option<String>,
    /// Genotype calls to load: none, carriers (non-reference and missing) or all.
    #[arg(long, default_value = "carriers")]
    calls: String,
    /// Keep multi-allelic records in one row.
    #[arg(long)]
    no_split: bool,
    /// Check records against this FASTA and left-align them, as `bcftools norm -f` does.
    #[arg(short, long, value_name = "FILE")]
    fasta_ref: Option<PathBuf>,
    /// What happens to a record that cannot be read: fail or quarantine.
    #[arg(long, default_value = "fail")]
    on_bad_record: String,
    /// What happens when one of several files cannot be read: continue without it (exit code 6 at the end) or fail.
    #[arg(long, value_name = "WORD")]
    on_bad_file: Option<String>,
    /// Keep rows for which this DataFusion expression is true.
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Database to load into; default: libpq's environment, else the managed one.
    #[arg(long, value_name = "NAME", conflicts_with = "parquet")]
    database: Option<String>,
    /// Write a Parquet dataset instead.
    #[arg(long, value_name = "FOLDER")]
    parquet: Option<PathBuf>,
    /// Override any value of the pipeline, as in `genogate run`.
    #[arg(long = "set", value_name = "KEY.KEY=VALUE")]
    sets: Vec<String>,
    /// Worker threads; default: what the machine, the cgroup and SLURM_CPUS_PER_TASK allow.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    how: pipeline::How,
    /// Print the pipeline these flags mean, and stop.
    #[arg(long)]
    print_pipeline: bool,
}

impl Command {
    /// Builds the pipeline, then plans and runs it, or prints it.
    pub async fn run(self, console: &Console) -> Result<()> {
        let spec = Spec::from_json(&self.pipeline()?, &self.sets)?;
        if self.print_pipeline {
            console.object(json!({ "pipeline": spec.pipeline }));
            console.line(spec::to_yaml(&spec.pipeline).trim_end());
            return Ok(());
        }
        let plan = plan::plan(&spec, PlanOptions { threads: self.threads })?;
        pipeline::execute(console, plan, self.how.into()).await
    }

    fn pipeline(&self) -> Result<Value> {
        let mut vcf = Map::new();
        vcf.insert("paths".into(), json!(self.files));
        let mut regions = self.regions.clone();
        if let Some(file) = &self.regions_file {
            regions.extend(regions::read(file)?);
        }
        if !regions.is_empty() {
            vcf.insert("regions".into(), json!(regions));
        }
        if let Some(word) = &self.regions_without_index {
            vcf.insert("regions_without_index".into(), json!(word));
        }
        if !self.samples.is_empty() {
            vcf.insert("samples".into(), json!(self.samples));
        }
        if let Some(file) = &self.samples_file {
            vcf.insert("samples_file".into(), json!(file));
        }
        if let Some(info) = &self.info {
            vcf.insert("info".into(), json!(info));
        }
        for (key, wanted) in [("csq", &self.csq), ("ann", &self.ann), ("bcsq", &self.bcsq)] {
            if let Some(id) = wanted {
                vcf.insert(key.into(), if id.is_empty() { json!(true) } else { json!(id) });
            }
        }
        vcf.insert("calls".into(), json!(self.calls));
        vcf.insert("on_bad_record".into(), json!(self.on_bad_record));
        if let Some(word) = &self.on_bad_file {
            vcf.insert("on_bad_file".into(), json!(word));
        }

        if let Some(reference) = &self.fasta_ref {
            vcf.insert("reference".into(), json!(reference));
        }

        let mut stages = stages(&self.profile, json!({"split": !self.no_split, "left_align": self.fasta_ref.is_some()}));
        if let Some(filter) = &self.filter {
            stages.push(json!({ "filter": filter }));
        }
        let sink = match (&self.parquet, &self.database) {
            (Some(folder), _) => json!({"parquet": {"path": folder}}),
            (None, Some(name)) => json!({"postgres": {"database": name}}),
            (None, None) => json!({"postgres": {}}),
        };
        Ok(json!({
            "version": 1, "name": self.name, "profile": self.profile, "source": {"vcf": vcf}, "stages": stages, "sink": sink
        }))
    }
}

/// The stages of a profile, before any filter.
pub(super) fn stages(profile: &str, normalize: Value) -> Vec<Value> {
    let mut stages = vec![json!({ "normalize": normalize })];
    if profile == "hipaa" {
        stages.push(json!({"sanitize": {}}));
        stages.push(json!({"detect": {}}));
        stages.push(json!({"anonymize": {"samples": "vault"}}));
    }
    stages
}
