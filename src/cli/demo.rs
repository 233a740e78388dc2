//! `demo`: shows the main job and tidies up. It must not know what the demo does.

use super::{Console, signals};
use crate::demo;
use crate::error::{Error, Result};
use crate::run::REIDENTIFICATION;

/// Show the main job on a generated cohort with planted identifiers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate demo --keep")]
pub struct Command {
    /// Leave folder and database as they are at the end, and say how to use them.
    #[arg(long)]
    keep: bool,
}

impl Command {
    /// Runs the demo in a folder of its own, which is removed however the demo ends.
    pub async fn run(self, console: &Console) -> Result<()> {
        let folder = tempfile::Builder::new().prefix("genogate-demo-").tempdir().map_err(no_folder)?;
        // The database's unprivileged user must reach its own folder in here.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).map_err(no_folder)?;
        let stopped = tokio_util::sync::CancellationToken::new();
        let watching = signals::cancel_on_signal(stopped.clone());
        let mut show = |section: demo::Section| {
            console.line(format_args!("\n{}", section.title));
            section.lines.iter().for_each(|line| console.line(format_args!("   {line}")));
        };
        let outcome = tokio::select! {
            outcome = demo::demo(folder.path(), &mut show) => outcome,
            () = stopped.cancelled() => Err(Error::interrupted("the demo was stopped")),
        };
        watching.abort();
        if self.keep {
            let kept = folder.keep();
            console.remark(format_args!("\nkept: export GENOGATE_HOME={0}/home; genogate db stop; rm -r {0}", kept.display()));
        } else {
            demo::stop(folder.path()).await?;
            folder.close().map_err(|error| Error::failed(format!("the demo's folder cannot be removed: {}", error.kind())))?;
        }
        let object = outcome?;
        console.object(object);
        console.line(format_args!("\n{REIDENTIFICATION}"));
        Ok(())
    }
}

fn no_folder(error: std::io::Error) -> Error {
    Error::failed(format!("no temporary folder: {}", error.kind()))
}
