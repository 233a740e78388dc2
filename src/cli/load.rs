//! `load`: a pipeline built from flags, then the same way through the house as a file. It must not know components.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::flags::Flags;
use super::{Console, pipeline, regions, values};
use crate::error::Result;
use crate::plan::PlanOptions;
use crate::run::Run;
use crate::secrets;
use crate::spec::{self, Spec};

/// Load files with a pipeline built from flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate load cohort.vcf.gz --calls carriers\n  \
                        bcftools view -i 'QUAL>30' big.bcf | genogate load - --profile open\n  \
                        genogate load cohort.vcf.gz -r chr1:1,000,000-2,000,000 --regions-overlap 0\n  \
                        genogate load cohort.tsv --shard \"$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT\" --name cohort-7\n  \
                        genogate load *.vcf.gz --filter \"qual >= 30\" --print-pipeline")]
pub struct Command {
    /// VCF files, globs, or `-` for standard input.
    #[arg(required = true)]
    files: Vec<String>,
    #[command(flatten)]
    flags: Flags,
    /// File of regions, one a line, plain or gzip: CHROM, or CHROM:BEG-END, or CHROM POS [END] (tab-separated, 1-based,
    /// inclusive); a name that ends in .bed or .bed.gz means BED (0-based, half open).
    #[arg(short = 'R', long, value_name = "FILE")]
    regions_file: Option<PathBuf>,
    /// Keep multi-allelic records in one row.
    #[arg(long)]
    no_split: bool,
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
    #[arg(long, value_name = "N", value_parser = values::at_least_one)]
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
        let sets: Vec<String> = self.sets.iter().cloned().chain(self.how.overrides()).collect();
        let spec = Spec::from_json(&self.pipeline()?, &sets)?;
        if self.print_pipeline {
            console.object(json!({ "pipeline": spec.pipeline }));
            console.line(spec::to_yaml(&spec.pipeline).trim_end());
            return Ok(());
        }
        pipeline::name_inputs(&spec);
        let run = Run::prepare(&spec, PlanOptions { threads: self.threads, ..PlanOptions::default() }, &secrets::home()?).await?;
        pipeline::execute(console, run, self.how.into()).await
    }

    /// A reference is there to align by.
    fn pipeline(&self) -> Result<Value> {
        let mut pipeline = self.flags.pipeline();
        let profile = self.flags.get("profile").and_then(Value::as_str).unwrap_or("hipaa");
        let left_align = self.flags.get("source.vcf.reference").is_some();
        let mut stages = stages(profile, json!({"split": !self.no_split, "left_align": left_align}));
        stages.extend(self.filter.iter().map(|filter| json!({ "filter": filter })));
        pipeline.insert("stages".into(), json!(stages));
        pipeline.insert("version".into(), json!(1));
        pipeline.entry("name").or_insert_with(|| json!("load"));
        let sink = match (&self.parquet, &self.database) {
            (Some(folder), _) => json!({"parquet": {"path": folder}}),
            (None, Some(name)) => json!({"postgres": {"database": name}}),
            (None, None) => json!({"postgres": {}}),
        };
        pipeline.insert("sink".into(), sink);
        let source = pipeline.entry("source").or_insert_with(|| json!({"vcf": {}}));
        source["vcf"]["paths"] = json!(self.files);
        if let Some(file) = &self.regions_file {
            let typed = source["vcf"]["regions"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            source["vcf"]["regions"] = json!(typed.chain(regions::read(file)?).collect::<Vec<_>>());
        }
        Ok(Value::Object(pipeline))
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
