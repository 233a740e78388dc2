//! A file that a command writes: it appears when it is complete, is its owner's alone, and replaces another only when that is asked. It
//! must not know what is in it.

use std::io::ErrorKind;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// A file beside the one that is meant, readable to its owner only. Class `usage` when that one is there already, without `force`.
pub fn begin(path: &Path, force: bool) -> Result<NamedTempFile> {
    if !force && path.exists() {
        return Err(exists(path));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder)
        .map_err(|error| Error::usage(format!("{}: no file can be made there ({})", path.display(), error.kind())))
}

/// Puts the file in its place, whole.
pub fn end(file: NamedTempFile, path: &Path, force: bool) -> Result<()> {
    let failed = |error: std::io::Error| Error::failed(format!("{}: cannot be written ({})", path.display(), error.kind()));
    file.as_file().sync_all().map_err(failed)?;
    let moved = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match moved {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        Err(refused) => Err(failed(refused.error)),
    }
}

fn exists(path: &Path) -> Error {
    Error::usage(format!("{} exists already", path.display())).with_hint("choose another name, or --force to replace it")
}
