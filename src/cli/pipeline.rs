//! `run`, `check`, `plan` and `schema`: pipeline files. It must not know components.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::HumanBytes;
use serde_json::json;

use super::progress::{Progress, per_second};
use super::{Console, names, signals, values};
use crate::crypto::digest;
use crate::error::{Error, Result};
use crate::flow::{Outcome, Status};
use crate::plan::{self, Failure, Plan, PlanOptions};
use crate::run::{self, Report, RunOptions};
use crate::secrets;
use crate::spec::{self, Mistakes, Spec};
use crate::store::Shard;

/// A pipeline file and its overrides.
#[derive(Debug, clap::Args)]
pub struct File {
    /// The pipeline file.
    file: PathBuf,
    /// Override a value; VALUE is YAML, a stage is addressed by its kind. Repeatable.
    #[arg(long = "set", value_name = "KEY.KEY=VALUE")]
    sets: Vec<String>,
    /// Worker threads; default: what the machine, the cgroup and SLURM_CPUS_PER_TASK allow.
    #[arg(long, value_name = "N", value_parser = values::at_least_one)]
    threads: Option<usize>,
}

impl File {
    fn plan(&self) -> Result<Plan, Failure> {
        let spec = Spec::read(&self.file, &self.sets).map_err(Failure::Mistakes)?;
        name_inputs(&spec);
        plan::plan(&spec, &PlanOptions { threads: self.threads, ..PlanOptions::default() })
    }
}

/// Run a pipeline file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate run pipelines/research.yaml --set 'source.vcf.paths=[cohort.vcf.gz]'")]
pub struct Run {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    how: How,
}

/// What is not the pipeline's: which part of the work, and where it meets the rest.
#[derive(Debug, clap::Args)]
pub struct How {
    /// Replace an identical complete load instead of skipping.
    #[arg(long)]
    force: bool,
    /// Do one of n equal parts of the work, for array jobs. The parts meet in one load, begun by whichever comes first and
    /// finished by whichever commits the last unit.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// The load's name, instead of the pipeline's. Shards meet under it, `loads finish` finds it; while they have not all come, a run
    /// of this name with other files or options is refused.
    #[arg(long, value_name = "NAME", visible_alias = "load-name", value_parser = values::not_empty)]
    name: Option<String>,
}

impl How {
    /// The name that was given, as an override of the pipeline's.
    pub(super) fn overrides(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("name={}", json!(name)))
    }
}

impl From<How> for RunOptions {
    fn from(how: How) -> Self {
        Self { force: how.force, shard: how.shard, load_name: how.name }
    }
}

impl Run {
    /// Plans and runs; prints the report.
    pub async fn run(self, console: &Console) -> Result<()> {
        let sets: Vec<String> = self.file.sets.iter().cloned().chain(self.how.overrides()).collect();
        let spec = Spec::read(&self.file.file, &sets).map_err(Error::from)?;
        name_inputs(&spec);
        let options = PlanOptions { threads: self.file.threads, ..PlanOptions::default() };
        let run = run::Run::prepare(&spec, options, &secrets::home()?).await?;
        execute(console, run, self.how.into()).await
    }
}

/// Lets the inputs be called by their paths on a terminal. What cannot be listed is told by who reads it.
pub fn name_inputs(spec: &Spec) {
    if let Ok(paths) = spec.pipeline.source.config().paths(&spec.base) {
        names::name(paths);
    }
}

/// Carries a run out with progress and signals, and prints its report.
pub async fn execute(console: &Console, run: run::Run, options: RunOptions) -> Result<()> {
    for notice in &run.plan().notices {
        console.warn(format_args!("input {}: {}", notice.input, notice.text), json!({ "input": notice.input }));
    }
    let (plan, report) = carry_out(console, run, options).await?;
    console.object(report.to_json()?);
    let Outcome { load_id, status, figures, .. } = &report.outcome;
    if *status == Status::Unfinished {
        console.remark("units of other shards are missing: the load is finished by the shard that commits the last one");
    }
    let whose = if *status == Status::Skipped {
        ", which has this content already".into()
    } else {
        format!(" of `{}`", plan.pipeline.name)
    };
    console.line(format_args!("{}: load {load_id}{whose}, {:.1} s", status.name(), report.seconds));
    for replaced in &report.outcome.replaced {
        console.line(format_args!("  it takes the place of load {replaced}"));
    }
    for other in &report.outcome.same_content {
        console.line(format_args!("  load {other} holds the same content, by another pipeline"));
    }
    for file in &report.outcome.files {
        for other in file.elsewhere.iter().filter(|other| !report.outcome.same_content.contains(other)) {
            let text = format!("input {} stands in load {other} too: its rows are there twice", file.input);
            console.warn(text, json!({ "input": file.input, "load_id": load_id }));
        }
    }
    console.line(format_args!(
        "  {} records in: {} variants and {} calls loaded, {} filtered, {} quarantined, {} out of region",
        figures.input_records, figures.variants, figures.calls, figures.filtered, figures.quarantined, figures.out_of_region,
    ));
    if matches!(status, Status::Complete | Status::Partial) {
        let per_second = |count: u64| per_second(count, Duration::from_secs_f64(report.seconds));
        console.line(format_args!(
            "  {} read; {} records/s, {} rows/s",
            HumanBytes(report.bytes_in),
            per_second(figures.input_records),
            per_second(figures.variants + figures.calls),
        ));
    }
    console.line(format_args!("  detections: {}", report.detected()));
    for dropped in &report.dropped {
        console.line(format_args!("  dropped: {dropped}"));
    }
    for oddity in report.oddities(20) {
        console.line(format_args!("  odd: {oddity}"));
    }
    console.remark(run::REIDENTIFICATION);
    given_up(console, &plan, &report)
}

/// Carries a run out with progress and signals.
pub async fn carry_out(console: &Console, run: run::Run, options: RunOptions) -> Result<(Plan, Report)> {
    let bytes = run.plan().bytes.map(|bytes| bytes / u64::from(options.shard.map_or(1, |shard| shard.count)));
    let watching = signals::cancel_on_signal(run.context().cancel.clone());
    let progress = Progress::of_run(console, run.context().clone(), bytes);
    let outcome = run.execute(options).await;
    drop(progress);
    watching.abort();
    let (plan, spooled) = run.close().await;
    let report = outcome?;
    if spooled? > 0 {
        console.remark("no database took the audit events: they wait in the spool until a command reaches one");
    }
    Ok((plan, report))
}

/// Tells which files are not in the load. Fails for those that this run answers for.
fn given_up(console: &Console, plan: &Plan, report: &Report) -> Result<()> {
    let path = |number: u32| {
        let path = usize::try_from(number - 1).ok().and_then(|at| plan.paths.get(at)).and_then(Option::as_ref);
        path.map_or_else(|| "standard input".into(), |path| path.display().to_string())
    };
    let load = report.outcome.load_id;
    let own = report.given_up.iter().map(|(number, reason)| (*number, "was given up", reason));
    let others = report.given_up_elsewhere.iter().map(|(number, reason)| (*number, "was given up by another shard", reason));
    for (number, what, reason) in own.chain(others) {
        let fields = json!({ "input": number, "load_id": load, "reason": reason });
        // A log is kept where paths may not be; a terminal shows the path in the number's place.
        match console.log_json || console.interactive() {
            true => console.warn(format_args!("input {number} {what}: {reason}"), fields),
            false => console.warn(format_args!("input {number} ({}) {what}: {reason}", path(number)), fields),
        }
    }
    match report.given_up.len() {
        0 => Ok(()),
        files => Err(files_given_up(files, plan.paths.len()).of_load(load)),
    }
}

/// What a load ends with that is not whole.
pub(super) fn files_given_up(files: usize, of: usize) -> Error {
    Error::input(format!("{files} of {of} files were given up; nothing of them is loaded, the others are"))
        .with_hint("mend them, then run the same command again: only they are read, and join the others")
}

/// Report every mistake of a pipeline file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate check pipelines/clinical.yaml --set 'source.vcf.paths=[cohort.vcf.gz]'")]
pub struct Check {
    #[command(flatten)]
    file: File,
}

impl Check {
    /// Prints `ok`, or every mistake with its place.
    pub fn run(self, console: &Console) -> Result<()> {
        match self.file.plan() {
            Ok(plan) => {
                console.object(json!({"ok": true, "mistakes": [], "notices": plan.notices}));
                console.line(format_args!("{}: ok", self.file.file.display()));
                Ok(())
            }
            Err(Failure::Mistakes(mistakes)) => Err(told(console, mistakes)),
            Err(Failure::Other(error)) => Err(error),
        }
    }
}

fn told(console: &Console, mistakes: Mistakes) -> Error {
    console.object(json!({"ok": false, "mistakes": mistakes.to_json()}));
    mistakes.into()
}

/// Show the plan of a pipeline file and its sensitivity proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate plan pipelines/clinical.yaml --set 'source.vcf.paths=[cohort.vcf.gz]'")]
pub struct Explain {
    #[command(flatten)]
    file: File,
}

impl Explain {
    /// Prints logical plan, physical plan and labels.
    pub async fn run(self, console: &Console) -> Result<()> {
        let plan = self.file.plan()?;
        let explained = plan.explain().await?;
        let labels: Vec<(String, String)> =
            plan.labels().columns().map(|(name, label)| (name.to_owned(), label.to_string())).collect();
        console.object(json!({
            "logical": explained.logical, "physical": explained.physical, "partitions": explained.partitions,
            "profile": plan.pipeline.profile,
            "labels": labels.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "headers": plan.labels().headers, "samples": plan.labels().samples,
            "scanned": plan.safeguards.scanned, "dropped": plan.safeguards.dropped,
            "rules_digest": digest::hex(&plan.rules_digest),
        }));
        console.line(format_args!("logical plan\n{}\n", indent(&counted(&explained.logical))));
        console.line(format_args!(
            "physical plan, {} partitions\n{}\n",
            explained.partitions,
            indent(&counted(&explained.physical))
        ));
        console.line(format_args!(
            "sensitivity at the sink (profile {}): header lines {}, sample names {}",
            plan.pipeline.profile.name(),
            plan.labels().headers,
            plan.labels().samples
        ));
        for (name, label) in labels {
            console.line(format_args!("  {label:<10} {name}"));
        }
        console.line(format_args!("\nscanned for identifiers: {}", plan.safeguards.scanned.name()));
        for dropped in &plan.safeguards.dropped {
            console.line(format_args!("dropped: {dropped}"));
        }
        Ok(())
    }
}

/// The text with its long lists of columns counted: they are listed once, with their labels.
fn counted(text: &str) -> String {
    const LIST: &str = "projection=[";
    let mut pieces = text.split(LIST);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (list, rest) = piece.split_once(']').unwrap_or((piece, ""));
        match list.split(", ").count() {
            0..=4 => out.push_str(&format!("{LIST}{list}]{rest}")),
            many => out.push_str(&format!("{LIST}{many} columns]{rest}")),
        }
    }
    out
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Print the JSON Schema of pipeline files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate schema > pipeline.schema.json")]
pub struct Schema {}

impl Schema {
    /// Prints the schema, indented: it is a file for editors.
    pub fn run(self, console: &Console) -> Result<()> {
        let text = serde_json::to_string_pretty(&spec::schema()).map_err(|_| Error::internal("the schema cannot be written"))?;
        console.raw(text.as_bytes());
        console.raw(b"\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_counts_its_columns() {
        let text = "Scan: projection=[a, b, c, d, e], x\n  Other: projection=[a, b]\nend";
        assert_eq!(counted(text), "Scan: projection=[5 columns], x\n  Other: projection=[a, b]\nend");
    }
}
