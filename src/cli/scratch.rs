//! A database of its own in a temporary folder, both gone however the work ends. It must not know what the work is.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::{Console, signals};
use crate::db::local::Cluster;
use crate::error::{Error, Result};

/// Lets `work` make a database in the data folder `home` below the folder it is given. With `keep` both stay as they are, and
/// how to use them is said.
pub async fn with_folder<T>(console: &Console, name: &str, keep: bool, work: impl AsyncFnOnce(&Path) -> Result<T>) -> Result<T> {
    let folder = tempfile::Builder::new().prefix(&format!("genogate-{name}-")).tempdir().map_err(no_folder)?;
    // The database's unprivileged user must reach its own folder in here.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).map_err(no_folder)?;
    let stopped = CancellationToken::new();
    let watching = signals::cancel_on_signal(stopped.clone());
    let outcome = tokio::select! {
        outcome = work(folder.path()) => outcome,
        () = stopped.cancelled() => Err(Error::interrupted(format!("the {name} was stopped"))),
    };
    watching.abort();
    if keep {
        let kept = folder.keep();
        console.remark(format_args!("\nkept: export GENOGATE_HOME={0}/home; genogate db stop; rm -r {0}", kept.display()));
        return outcome;
    }
    let stopped = Cluster::open(&folder.path().join("home")).stop().await;
    let removed =
        folder.close().map_err(|error| Error::failed(format!("the {name}'s folder cannot be removed: {}", error.kind())));
    // What the work failed with comes first.
    let done = outcome?;
    stopped?;
    removed.map(|()| done)
}

fn no_folder(error: std::io::Error) -> Error {
    Error::failed(format!("no temporary folder: {}", error.kind()))
}
