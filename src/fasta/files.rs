//! The files of a reference: its indexes beside it, and how reading them fails. It must not know what is in them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result, why};

/// An index file that is larger is none.
const MAX_INDEX: u64 = 1 << 30;

/// `genome.fa` and `.fai` become `genome.fa.fai`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An index file's bytes, `None` where there is none.
pub(super) fn read_index(path: &Path, suffix: &str) -> Result<Option<Vec<u8>>> {
    let told =
        |error: &std::io::Error| Error::input(format!("the reference's {suffix} index cannot be read: {}", why(error.kind())));
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(&error)),
        Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_INDEX => {
            return Err(Error::input(format!("the reference's {suffix} index is not an index file")));
        }
        Ok(_) => {}
    }
    std::fs::read(path).map(Some).map_err(|error| told(&error))
}

pub(super) fn read_failed(error: &std::io::Error) -> Error {
    Error::named_file("the reference", error).with_hint("check the path, the permissions and the disk")
}

/// Says whose file it was.
pub(super) fn of_the_reference(error: Error) -> Error {
    error.at("the reference")
}
