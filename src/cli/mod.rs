//! The command line: arguments in, text out. The only room that prints.

mod audit;
mod benchmark;
mod compliance;
mod console;
mod data;
mod db;
mod demo;
mod doctor;
mod door;
mod flags;
mod init_db;
mod load;
mod loads;
mod phi;
mod pipeline;
mod progress;
mod query;
mod regions;
mod scratch;
mod signals;
mod synth;
mod validate;
mod values;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use console::Console;
pub use door::Door;

use crate::error::{Error, Result};

/// VCF into PostgreSQL through declarative, audited pipelines.
#[derive(Debug, Parser)]
#[command(name = "genogate", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 120)]
struct Cli {
    /// Print one JSON object on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// Say more in the log on standard error; twice for debugging. GENOGATE_LOG takes a tracing filter.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Write the log as JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pipeline file.
    Run(pipeline::Run),
    /// Report every mistake of a pipeline file.
    Check(pipeline::Check),
    /// Show the plan of a pipeline file and its sensitivity proof.
    Plan(pipeline::Explain),
    /// Print the JSON Schema of pipeline files.
    Schema(pipeline::Schema),
    /// Load files with a pipeline built from flags.
    Load(Box<load::Command>),
    /// Hold a load against its ledger.
    Validate(validate::Command),
    /// Run one read-only SELECT.
    Query(query::Command),
    /// List, show and drop loads.
    Loads(loads::Command),
    /// Read and verify the audit trail.
    Audit(audit::Command),
    /// Prove that safeguards hold by attacking them.
    Compliance(compliance::Command),
    /// What happens to loads in the course of time.
    Data(data::Command),
    /// The managed private PostgreSQL.
    Db(db::Command),
    /// Create or migrate a database's schema.
    InitDb(init_db::Command),
    /// Patterns of identifiers.
    Phi(phi::Command),
    /// Show the main job on a generated cohort with planted identifiers.
    Demo(demo::Command),
    /// Check this machine.
    Doctor(doctor::Command),
    /// Measure inflating, decoding, encoding and loading a file.
    Benchmark(benchmark::Command),
    /// Write a synthetic VCF file.
    Synth(synth::Command),
    /// Print a completion script.
    Completions(Completions),
    /// Print the manual page.
    Man,
}

/// Shell to complete for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate completions bash > ~/.local/share/bash-completion/completions/genogate")]
struct Completions {
    shell: clap_complete::Shell,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not failures; everything else is a usage error.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    allow_many_files();
    let console = Console { json: cli.json, log_json: cli.log_json };
    log_to_stderr(cli.verbose, cli.log_json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(console, &Error::failed(format!("no threads: {}", error.kind()))),
    };
    match runtime.block_on(dispatch(cli.command, &console)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(console, &error),
    }
}

async fn dispatch(command: Command, console: &Console) -> Result<()> {
    signals::survive_file_size_limit();
    match command {
        Command::Run(command) => command.run(console).await,
        Command::Check(command) => command.run(console),
        Command::Plan(command) => command.run(console).await,
        Command::Schema(command) => command.run(console),
        Command::Load(command) => command.run(console).await,
        Command::Validate(command) => command.run(console).await,
        Command::Query(command) => command.run(console).await,
        Command::Loads(command) => command.run(console).await,
        Command::Audit(command) => command.run(console).await,
        Command::Compliance(command) => command.run(console).await,
        Command::Data(command) => command.run(console).await,
        Command::Db(command) => command.run(console).await,
        Command::InitDb(command) => command.run(console).await,
        Command::Phi(command) => command.run(console),
        Command::Demo(command) => command.run(console).await,
        Command::Doctor(command) => command.run(console).await,
        Command::Benchmark(command) => command.run(console).await,
        Command::Synth(command) => command.run(console).await,
        Command::Completions(Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "genogate", &mut script);
            console.raw(&script);
            Ok(())
        }
        Command::Man => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|error| Error::failed(format!("the manual page: {}", error.kind())))?;
            console.raw(&page);
            Ok(())
        }
    }
}

/// Tells a failure: text on standard error, or the JSON object on standard output unless the command printed its own.
fn failed(console: Console, error: &Error) -> ExitCode {
    let code = error.class().exit_code();
    if console.json && !console.told() {
        console.object(serde_json::json!({
            "error": {"class": error.class(), "message": error.to_string(), "hint": error.hint(), "sqlstate": error.sqlstate(), "exit_code": code}
        }));
    } else {
        console.remark(format_args!("error: {error}"));
        if let Some(hint) = error.hint() {
            console.remark(format_args!("  {hint}"));
        }
    }
    ExitCode::from(code)
}

/// Every input stays open while it is read: as many as the system lets a process have, not the usual 1024.
fn allow_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it is refused, the old limit holds, and reaching it is told.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Logs of this crate only: a dependency's log may quote values.
fn log_to_stderr(verbose: u8, json: bool) {
    let default = ["genogate=warn", "genogate=info", "genogate=debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_env("GENOGATE_LOG").unwrap_or_else(|_| default.into());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A second initialisation (tests) keeps the first.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}
