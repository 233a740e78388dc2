//! `genogate synth`: writes generated VCF files. It must not know how records are made.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tempfile::NamedTempFile;

use super::Console;
use crate::bgzf;
use crate::error::{Error, Result};
use crate::synth::{self, Kind, Options, Planted, Stats};

/// Generates VCF 4.3 files for tests, benches and trials: equal options give equal bytes on any machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate synth cohort --records 10000 --samples 50 --seed 7 --output cohort.vcf.gz")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Sites of a large population, without samples.
    #[command(after_help = "Example: genogate synth sites --records 1000000 --seed 1 --output sites.vcf.gz")]
    Sites(Flags),
    /// Father, mother and son with full likelihoods (GT:AD:DP:GQ:PL).
    #[command(after_help = "Example: genogate synth trio --records 10000 --seed 1 --output trio.vcf.gz")]
    Trio(Flags),
    /// Unrelated people (GT:DP:GQ).
    #[command(after_help = "Example: genogate synth cohort --records 10000 --samples 50 --seed 7 --phi --output cohort.vcf")]
    Cohort(Flags),
}

#[derive(Debug, clap::Args)]
struct Flags {
    /// Number of records.
    #[arg(long, default_value_t = 1000)]
    records: u64,
    /// Number of samples: a cohort's own choice (10 when absent); sites have none and a trio three.
    #[arg(long)]
    samples: Option<usize>,
    /// Chooses the file among all of its kind.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plants invented identifiers in header, sample names, ID, INFO and FORMAT text.
    #[arg(long)]
    phi: bool,
    /// Says what `--phi` planted, and where.
    #[arg(long, requires = "phi")]
    planted: bool,
    /// Where to write; BGZF when the name ends in .gz or .bgz, `-` for plain text on standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replaces an existing file.
    #[arg(long)]
    force: bool,
}

impl Command {
    /// Writes the file; an existing one is replaced only with `--force`, and never by half of a new one.
    pub async fn run(self, console: &Console) -> Result<()> {
        let (kind, flags, samples) = match self.what {
            What::Sites(flags) => (Kind::Sites, flags, 0),
            What::Trio(flags) => (Kind::Trio, flags, 3),
            What::Cohort(flags) => (Kind::Cohort, flags, 10),
        };
        let Flags { records, seed, phi, planted, output, force, .. } = flags;
        let options = Options { kind, records, samples: flags.samples.unwrap_or(samples), seed, phi };
        options.check()?;
        let to_stdout = output.as_os_str() == "-";
        let stop = Arc::new(AtomicBool::new(false));
        let path = output.clone();
        let work = tokio::task::spawn_blocking({
            let stop = stop.clone();
            move || if to_stdout { print(&options, stop) } else { save(&options, &path, force, stop) }
        });
        tokio::pin!(work);
        let outcome = tokio::select! {
            outcome = &mut work => outcome,
            () = interrupted() => {
                stop.store(true, Ordering::Relaxed);
                // The temporary file goes away with the work.
                let _ = work.await;
                return Err(Error::interrupted("interrupted; nothing was written"));
            }
        };
        let stats = outcome.map_err(|_| Error::internal("the generator stopped unexpectedly"))??;
        if !to_stdout {
            let planted = if planted { synth::planted(&options) } else { Vec::new() };
            report(console, &output, &stats, &planted);
        }
        Ok(())
    }
}

fn report(console: &Console, output: &Path, stats: &Stats, planted: &[Planted]) {
    let Stats { records, alts, multiallelic, split, samples, bytes } = *stats;
    console.object(json!({
        "output": output, "records": records, "alts": alts, "multiallelic": multiallelic, "split_records": split,
        "samples": samples, "text_bytes": bytes, "planted": planted,
    }));
    console.line(format_args!("{}: {records} records, {samples} samples, {bytes} bytes of text", output.display()));
    for Planted { value, place } in planted {
        console.line(format_args!("  {:<7} {value}", place.name()));
    }
}

/// Ctrl-C or SIGTERM. Without a handler for them this never ends, and the signals keep their default.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

fn print(options: &Options, stop: Arc<AtomicBool>) -> Result<Stats> {
    match synth::write(options, Stoppable { inner: io::stdout().lock(), stop }) {
        // A closed pipe (`| head`) is the reader's wish.
        Err(error) if cause(&error) == Some(io::ErrorKind::BrokenPipe) => Ok(Stats::default()),
        other => other,
    }
}

fn cause(error: &Error) -> Option<io::ErrorKind> {
    std::error::Error::source(error)?.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn save(options: &Options, path: &Path, force: bool, stop: Arc<AtomicBool>) -> Result<Stats> {
    let shown = path.display();
    let exists = || Error::usage(format!("{shown} exists already")).with_hint("choose another name, or --force to replace it");
    if path.is_dir() {
        return Err(Error::usage(format!("{shown} is a folder")).with_hint("name a file in it"));
    }
    if !force && path.exists() {
        return Err(exists());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: io::Error| Error::failed(format!("{shown} cannot be written ({})", error.kind())).with_source(error);
    let file = tempfile::Builder::new()
        .prefix(".synth-")
        // As the umask allows, like any new file: the content is invented.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    let compress = path.extension().is_some_and(|end| end == "gz" || end == "bgz");
    let (file, stats) = fill(options, file, compress, stop)?;
    let moved = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match moved {
        Ok(_) => Ok(stats),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(refused) => Err(failed(refused.error)),
    }
}

fn fill(options: &Options, file: NamedTempFile, compress: bool, stop: Arc<AtomicBool>) -> Result<(NamedTempFile, Stats)> {
    let mut out = Stoppable { inner: file, stop };
    if !compress {
        let stats = synth::write(options, &mut out)?;
        return Ok((out.inner, stats));
    }
    let mut blocks = bgzf::Writer::new(out);
    let stats = synth::write(options, &mut blocks)?;
    let out = blocks.finish().map_err(|error| Error::failed(format!("the last block failed ({})", error.kind())))?;
    Ok((out.inner, stats))
}

/// A writer that refuses bytes once `stop` is set.
struct Stoppable<W> {
    inner: W,
    stop: Arc<AtomicBool>,
}

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::error::Class;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        command: Command,
    }

    async fn run(words: &[&str]) -> Result<()> {
        let line = Line::try_parse_from([&["synth"], words].concat()).unwrap();
        line.command.run(&Console { json: true, log_json: false }).await
    }

    #[tokio::test]
    async fn an_existing_file_is_kept_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vcf");
        std::fs::write(&path, "mine").unwrap();
        let words = ["sites", "--records", "3", "--output", path.to_str().unwrap()];
        assert_eq!(run(&words).await.unwrap_err().class(), Class::Usage);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        run(&[&words[..], &["--force"]].concat()).await.unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"##fileformat=VCFv4.3"));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn the_name_decides_about_compression() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vcf.gz");
        run(&["trio", "--records", "3", "-o", path.to_str().unwrap()]).await.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"\x1f\x8b") && bytes.ends_with(&bgzf::EOF_BLOCK));
    }

    #[tokio::test]
    async fn a_folder_that_does_not_exist_is_named() {
        let error = run(&["sites", "-o", "/nonexistent/folder/a.vcf"]).await.unwrap_err();
        assert!(error.to_string().contains("/nonexistent/folder/a.vcf"));
    }

    #[test]
    fn a_stopped_writer_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { kind: Kind::Sites, records: 10, samples: 0, seed: 1, phi: false };
        let stop = Arc::new(AtomicBool::new(true));
        assert!(save(&options, &folder.path().join("a.vcf"), false, stop).is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
