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
mod layout;
mod load;
mod loads;
mod names;
mod output;
mod phi;
mod pipeline;
mod progress;
mod qc;
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
use crate::text::holds_password;

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
    /// Search files for identifiers, and list the patterns.
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
    if let Err(error) = no_password_in(std::env::args_os().skip(1)) {
        let given = |flag: &str| std::env::args_os().any(|argument| argument == flag);
        return failed(Console { json: given("--json"), log_json: given("--log-json") }, &error);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    allow_many_files();
    keep_memory_private();
    let console = Console { json: cli.json, log_json: cli.log_json };
    // The demo tells itself what is detected.
    let least = if matches!(cli.command, Command::Demo(_)) { "genogate=error" } else { "genogate=warn" };
    log_to_stderr(least, cli.verbose, cli.log_json);
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
        Command::Phi(command) => command.run(console).await,
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

/// Tells a failure: on standard error, or as the JSON object on standard output unless the command printed its own; in the JSON log
/// in any case.
fn failed(console: Console, error: &Error) -> ExitCode {
    let object = console.json && !console.told();
    if object {
        console.object(serde_json::json!({ "error": console::told(error) }));
    }
    if !object || console.log_json {
        console.error(error);
    }
    ExitCode::from(error.class().exit_code())
}

/// A command line that is wrong, in the words of its parser: what, and what to do. How it was to be told is among the arguments.
fn misread(error: &clap::Error) -> ExitCode {
    let asked = |flag: &str| std::env::args_os().any(|argument| argument == flag);
    let console = Console { json: asked("--json"), log_json: asked("--log-json") };
    if !error.use_stderr() || !(console.json || console.log_json) {
        // Help and version are no failures.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
    }
    failed(console, &usage(&error.render().to_string()))
}

/// What a parser's text says, apart from how it looks: its first paragraph, and its tips or the way to the help.
fn usage(text: &str) -> Error {
    let squeezed = |lines: &str| lines.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let first = squeezed(paragraphs.first().unwrap_or(&""));
    let tips = paragraphs.iter().flat_map(|part| part.lines()).filter_map(|line| line.trim().strip_prefix("tip: "));
    let usage = paragraphs.iter().filter_map(|part| part.trim().strip_prefix("Usage: "));
    let hint = tips.map(squeezed).chain(usage.map(|usage| format!("usage: {}", squeezed(usage)))).collect::<Vec<_>>().join("; ");
    Error::usage(first.strip_prefix("error: ").unwrap_or(&first).to_owned()).with_hint(hint)
}

/// Arguments are shown to every user of the machine, and quoted by messages about them.
fn no_password_in(arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<()> {
    for (at, argument) in arguments.enumerate() {
        if holds_password(&argument.to_string_lossy()) {
            return Err(Error::usage(format!("argument {} holds a password, which others can see in the list of processes", at + 1))
                .with_hint(
                    "name the server by PGHOST, PGPORT, PGDATABASE and PGUSER, or under `databases:` of a pipeline file, and keep the \
                     password in PGPASSFILE or in a file of your own",
                ));
        }
    }
    Ok(())
}

/// Every input stays open while it is read: as many as the system lets a process have, not the usual 1024.
fn allow_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it is refused, the old limit holds, and reaching it is told.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Memory holds keys and genotypes: no file of it is written when the process crashes, and no other process of the user reads it.
/// Programs that are started have limits of their own from then on; a server may raise its own again.
fn keep_memory_private() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let most = getrlimit(Resource::RLIMIT_CORE).map_or(0, |(_, most)| most);
    // Lowering one's own limit is refused by no system; where it is, nothing is lost but this.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, most);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Logs of this crate only: a dependency's log may quote values.
fn log_to_stderr(least: &'static str, verbose: u8, json: bool) {
    let default = [least, "genogate=info", "genogate=debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_env("GENOGATE_LOG").unwrap_or_else(|_| default.into());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    // A second initialisation (tests) keeps the first.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As people mistype it.
    #[test]
    fn a_wrong_command_line_is_told_in_its_parsers_words() {
        for (arguments, said, hint) in [
            (vec!["load"], "the following required arguments were not provided: <FILES>...", "usage: genogate load"),
            (
                vec!["load", "a.vcf", "--sharrd", "1/2"],
                "unexpected argument '--sharrd' found",
                "a similar argument exists: '--shard'",
            ),
            (vec!["lload"], "unrecognized subcommand 'lload'", "similar subcommands exist: 'loads', 'load'"),
            (vec!["load", "a.vcf", "--shard", "3/2"], "invalid value '3/2' for '--shard <I/N>': a shard is written i/n", ""),
        ] {
            let error = Cli::try_parse_from([vec!["genogate"], arguments].concat()).unwrap_err();
            let error = usage(&error.render().to_string());
            assert!(error.to_string().starts_with(said), "{error}");
            assert!(error.hint().unwrap().contains(hint), "{error:?}");
            assert_eq!(error.class(), crate::error::Class::Usage);
        }
    }
}
