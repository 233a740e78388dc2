//! `genogate phi`: what the detection of identifiers looks for, and a search of files. It must not know how it searches.

use std::path::Path;

use serde_json::json;

use super::Console;
use crate::error::{Error, Result};
use crate::flow::Found;
use crate::phi::patterns;
use crate::plan;
use crate::screen;
use crate::sensitive::Severity;
use crate::source::vcf;

/// Shows what the detection of identifiers looks for, and searches files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate phi patterns list")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The patterns that `detect` knows.
    #[command(subcommand)]
    Patterns(Patterns),
    /// Searches files for identifiers without loading them: headers, keys, contigs, alleles and every text value. Says how many of
    /// which kind are where, never what they are. Needs no database and leaves no trace. Ends with 3 when something critical is found.
    #[command(
        after_help = "Examples:\n  genogate phi scan cohort.vcf.gz\n  genogate phi scan --headers-only --json cohort/*.vcf.gz"
    )]
    Scan(Scan),
}

#[derive(Debug, clap::Args)]
struct Scan {
    /// VCF files, globs, manifests, or `-` for standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// Contigs beside those that assemblies and archives name; `*` stands for digits.
    #[arg(long, value_name = "CONTIG", value_delimiter = ',')]
    contigs: Vec<String>,
    /// Look at headers and at the keys of the first records only.
    #[arg(long)]
    headers_only: bool,
    /// Worker threads; default: what the machine, the cgroup and SLURM_CPUS_PER_TASK allow.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Scan {
    /// Class `phi` when something critical was found.
    async fn run(self, console: &Console) -> Result<()> {
        let mut source = vcf::Config::of(self.files);
        (source.contigs, source.calls) = (self.contigs, vcf::Calls::All);
        let threads = self.threads.unwrap_or_else(plan::threads).max(1);
        let report = screen::screen(&source, Path::new("."), !self.headers_only, threads).await?;
        console.object(serde_json::to_value(&report).map_err(|_| Error::internal("the report cannot be written"))?);
        for Found { finding, count } in &report.findings {
            console.line(format_args!("{:<9} {:<21} {count:>9}  {}", finding.severity.name(), finding.pattern, finding.place));
        }
        let found = Severity::ALL.iter().rev().map(|&severity| format!("{} {}", report.of(severity), severity.name()));
        let found = found.collect::<Vec<_>>().join(", ");
        let values = if self.headers_only { "values not scanned".to_owned() } else { format!("{} records", report.records) };
        console.line(format_args!("{found}; files: {}, {values}", report.files));
        match report.of(Severity::Critical) {
            0 => Ok(()),
            n => Err(Error::phi(format!("{n} critical findings")).with_hint(
                "`profile: hipaa` drops or replaces what it finds in headers and text; a site that is no contig or allele stops it",
            )),
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Patterns {
    /// Lists the built-in patterns, the gravest first.
    #[command(after_help = "Example: genogate phi patterns list --json")]
    List,
}

impl Command {
    /// Searches, or prints the list.
    pub async fn run(self, console: &Console) -> Result<()> {
        if let What::Scan(scan) = self.what {
            return scan.run(console).await;
        }
        for severity in Severity::ALL.into_iter().rev() {
            for pattern in patterns::all().filter(|pattern| pattern.severity == severity) {
                console.line(format_args!("{:<9} {:<21} {}", severity.name(), pattern.id, pattern.description));
            }
        }
        let patterns: Vec<_> = patterns::all()
            .map(|p| json!({"id": p.id, "severity": p.severity, "description": p.description, "regex": p.regex, "examples": p.examples}))
            .collect();
        console.object(json!({ "patterns": patterns }));
        Ok(())
    }
}
