//! What a pipeline names as its inputs, as a list of files: paths, globs, manifests, standard input. It must not open a VCF.

use std::path::{Path, PathBuf};

use super::manifest;
use super::split::read_failed;
use crate::error::{Error, Result};

/// The inputs in order; `None` is standard input. Relative paths lie in `base`.
pub(crate) fn of(texts: &[String], base: &Path) -> Result<Vec<Option<PathBuf>>> {
    let mut found = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        if text == "-" {
            found.push(None);
            continue;
        }
        let path = base.join(text);
        if manifest::is_manifest(text) {
            let listed = manifest::read(&path).map_err(|error| error.at(format!("paths[{i}]")))?;
            found.extend(listed.into_iter().map(Some));
            continue;
        }
        if !text.contains(['*', '?', '[']) || path.exists() {
            found.push(Some(path));
            continue;
        }
        let before = found.len();
        let pattern = glob::Pattern::escape(&base.to_string_lossy());
        let pattern = if Path::new(text).is_absolute() { text.clone() } else { format!("{pattern}/{text}") };
        let entries = glob::glob(&pattern).map_err(|_| Error::usage(format!("paths[{i}] is not a valid glob")))?;
        for entry in entries {
            let entry = entry.map_err(|error| read_failed(error.error()).at(format!("paths[{i}]")))?;
            found.push(Some(entry));
        }
        if found.len() == before {
            return Err(Error::input(format!("paths[{i}] matches no file")).with_hint("check the folder and the pattern"));
        }
    }
    Ok(found)
}
