//! `genogate benchmark`: how fast this machine inflates, decodes, encodes and loads a file. It must not know how.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Console, load, pipeline, scratch};
use crate::benchmark::{self, Report};
use crate::db::local::Cluster;
use crate::error::{Error, Result};
use crate::flow::{Figures, Inspection};
use crate::plan::{self, PlanOptions};
use crate::run::{Run, RunOptions};
use crate::source::vcf::{Calls, Config, Info, InfoWord};
use crate::spec::Spec;

/// Measures a step of the ingest on a file, on exactly the asked number of threads, writing nothing anywhere; or a whole load,
/// into a database of its own that is removed at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate benchmark inflate cohort.vcf.gz\n  \
                        genogate benchmark decode cohort.vcf.gz --threads 2 --json\n  \
                        genogate benchmark encode cohort.vcf.gz --calls carriers\n  \
                        genogate benchmark load cohort.vcf.gz --calls carriers --profile hipaa")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Read and inflate: the floor under the others.
    #[command(after_help = "Example: genogate benchmark inflate cohort.vcf.gz --threads 1")]
    Inflate(Flags),
    /// Decode to Arrow batches, with a checksum over every cell.
    #[command(after_help = "Example: genogate benchmark decode sites.vcf.gz --threads 1 --json")]
    Decode(Flags),
    /// Decode, and encode as the binary COPY stream.
    #[command(after_help = "Example: genogate benchmark encode sites.vcf.gz --threads 2")]
    Encode(Flags),
    /// Load into a PostgreSQL of its own, with indexes and statistics. It lies in TMPDIR, which must hold some four times the
    /// text, and is removed at the end.
    #[command(after_help = "Example: genogate benchmark load sites.vcf.gz --profile hipaa --json")]
    Load(Load),
}

#[derive(Debug, clap::Args)]
struct Flags {
    /// A VCF or BCF file; plain, gzip or BGZF.
    file: String,
    /// Threads that work; the command's own waits. Default: 1, and of `load` as many as `genogate load` takes.
    #[arg(long)]
    threads: Option<usize>,
    /// INFO keys: `all`, `none`, or a comma-separated list.
    #[arg(long, default_value = "all", value_delimiter = ',', value_name = "KEY")]
    info: Vec<String>,
    /// Calls: none, carriers or all.
    #[arg(long, default_value = "all")]
    calls: String,
    /// FORMAT keys, comma-separated; default: all.
    #[arg(long, value_delimiter = ',', value_name = "KEY")]
    formats: Option<Vec<String>>,
    /// Comma-separated regions.
    #[arg(short, long, value_delimiter = ',', value_name = "REGION")]
    regions: Vec<String>,
    /// Comma-separated samples; `^` before the first excludes them instead.
    #[arg(short, long, value_delimiter = ',', value_name = "SAMPLE")]
    samples: Option<Vec<String>>,
    /// Set bad records aside instead of failing.
    #[arg(long)]
    quarantine: bool,
}

/// One of the three measurements, on so many threads.
type Work = fn(&Inspection, usize) -> Result<Report>;

impl Command {
    /// Measures and prints the figures.
    pub async fn run(self, console: &Console) -> Result<()> {
        let (work, flags): (Work, Flags) = match self.what {
            What::Inflate(flags) => (benchmark::inflate, flags),
            What::Decode(flags) => (benchmark::decode, flags),
            What::Encode(flags) => (benchmark::encode, flags),
            What::Load(load) => return load.run(console).await,
        };
        let (config, threads) = (flags.config()?, flags.threads.unwrap_or(1));
        let report = tokio::task::spawn_blocking(move || work(&config.build(Path::new("."))?.inspect()?, threads));
        let report = report.await.map_err(|_| Error::internal("the benchmark panicked"))??;
        show(console, &report);
        Ok(())
    }
}

impl Flags {
    fn config(&self) -> Result<Config> {
        if self.threads == Some(0) {
            return Err(Error::usage("--threads must be at least 1"));
        }
        let mut config = Config::of([self.file.clone()]);
        config.info = match self.info.as_slice() {
            [word] if word == "all" => Info::Word(InfoWord::All),
            [word] if word == "none" => Info::Word(InfoWord::None),
            ids => Info::Ids(ids.to_vec()),
        };
        config.calls = match self.calls.as_str() {
            "none" => Calls::None,
            "carriers" => Calls::Carriers,
            "all" => Calls::All,
            _ => return Err(Error::usage("--calls is none of none, carriers, all")),
        };
        config.formats = self.formats.clone().filter(|keys| *keys != ["all"]);
        config.regions = self.regions.clone();
        config.samples = self.samples.clone();
        if self.quarantine {
            config.on_bad_record = crate::source::vcf::OnBadRecord::Quarantine;
        }
        Ok(config)
    }
}

/// A load, as `genogate load` would do it.
#[derive(Debug, clap::Args)]
struct Load {
    #[command(flatten)]
    flags: Flags,
    /// The guarantees to prove, with the stages of `genogate load`: hipaa or open.
    #[arg(long, default_value = "open")]
    profile: String,
}

impl Load {
    async fn run(self, console: &Console) -> Result<()> {
        let figures =
            scratch::with_folder(console, "benchmark", false, async |folder| self.measure(console, folder).await).await?;
        let number = |name: &str| figures[name].as_f64().unwrap_or_default();
        console.line(format_args!(
            "load, {} threads, profile {}: {:.3} s, {:.0} records/s, {:.0} rows/s",
            figures["threads"],
            self.profile,
            number("seconds"),
            number("records_per_second"),
            number("rows_per_second")
        ));
        console.line(format_args!(
            "  {} records, {} variants, {} calls; {:.1} MB stored file, {:.1} MB in tables and indexes",
            figures["records"],
            figures["variants"],
            figures["calls"],
            number("bytes_in") / 1e6,
            number("table_bytes") / 1e6
        ));
        console.object(figures);
        Ok(())
    }

    async fn measure(&self, console: &Console, folder: &Path) -> Result<Value> {
        let spec = Spec::from_json(
            &json!({
                "version": 1, "name": "benchmark", "profile": self.profile, "source": {"vcf": self.flags.config()?},
                "stages": load::stages(&self.profile, json!({"split": true})), "sink": {"postgres": {"database": "local"}},
            }),
            &[],
        )?;
        let threads = self.flags.threads.unwrap_or_else(plan::threads);
        let home = folder.join("home");
        Cluster::open(&home).start().await?;
        let start = Instant::now();
        let run = Run::prepare(&spec, PlanOptions { threads: Some(threads), ..PlanOptions::default() }, &home).await?;
        let (planned, databases) = (start.elapsed(), run.databases().clone());
        let (_, report) = pipeline::carry_out(console, run, RunOptions::default()).await?;
        let seconds = planned.as_secs_f64() + report.seconds;
        let second = |n: u64| n as f64 / seconds.max(1e-9);
        let administrator = databases.administrator("local").await?;
        let Figures { input_records: records, variants, calls, quarantined, units, .. } = report.outcome.figures;
        Ok(json!({
            "work": "load", "profile": self.profile, "threads": threads, "bytes_in": report.bytes_in,
            "seconds": seconds, "records": records, "variants": variants, "calls": calls,
            "quarantined": quarantined, "units": units,
            "records_per_second": second(records), "rows_per_second": second(variants + calls),
            "table_bytes": benchmark::table_bytes(&administrator).await?,
        }))
    }
}

fn show(console: &Console, report: &Report) {
    let second = |n: u64| n as f64 / report.seconds.max(1e-9);
    let mut object = json!({
        "work": report.work, "threads": report.threads, "bytes_in": report.bytes_in, "text_bytes": report.text_bytes,
        "seconds": report.seconds, "megabytes_per_second": second(report.text_bytes) / 1e6,
    });
    console.line(format_args!(
        "{}, {} threads: {:.3} s, {:.0} MB/s of text ({:.1} MB stored, {:.1} MB inflated)",
        report.work,
        report.threads,
        report.seconds,
        second(report.text_bytes) / 1e6,
        report.bytes_in as f64 / 1e6,
        report.text_bytes as f64 / 1e6
    ));
    if let Some(cells) = &report.cells {
        object["records"] = json!(cells.records);
        object["rows"] = json!(cells.rows);
        object["columns"] = json!(cells.columns);
        object["cells"] = json!(cells.cells);
        object["records_per_second"] = json!(second(cells.records));
        object["cells_per_second"] = json!(second(cells.cells));
        object["batches"] = json!(cells.batches);
        object["arrow_bytes"] = json!(cells.arrow_bytes);
        console.line(format_args!("  {} records, {:.0} a second", cells.records, second(cells.records)));
        console.line(format_args!(
            "  {} columns, {} cells, {:.1} million a second",
            cells.columns,
            cells.cells,
            second(cells.cells) / 1e6
        ));
        if let Some(checksum) = &cells.checksum {
            object["checksum"] = json!(checksum);
            console.line(format_args!("  checksum {checksum}"));
        }
    }
    if let Some(bytes) = report.copy_bytes {
        object["copy_bytes"] = json!(bytes);
        console.line(format_args!("  {:.1} MB of binary COPY", bytes as f64 / 1e6));
    }
    if let Some(seconds) = report.encode_seconds {
        object["encode_seconds"] = json!(seconds);
        console.line(format_args!("  {seconds:.3} s of encoding, over all threads"));
    }
    console.object(object);
}
