//! What a pipeline names as its inputs, as a list of files: paths, globs, manifests, standard input. It must not open a VCF.

use std::path::Path;

use super::manifest::{self, Entry};
use super::split::read_failed;
use crate::error::{Error, Result};

/// The inputs in order. Relative paths lie in `base`.
pub(crate) fn of(texts: &[String], base: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        if text == "-" {
            found.push(Entry::of(None));
            continue;
        }
        let path = base.join(text);
        if manifest::is_manifest(text) {
            let listed = manifest::read(&path).map_err(|error| error.at(format!("paths[{i}]")))?;
            found.extend(listed.into_iter().map(|entry| Entry { place: format!("paths[{i}]: {}", entry.place), ..entry }));
            continue;
        }
        if !text.contains(['*', '?', '[']) || path.exists() {
            found.push(Entry::of(Some(path)));
            continue;
        }
        let before = found.len();
        let pattern = glob::Pattern::escape(&base.to_string_lossy());
        let pattern = if Path::new(text).is_absolute() { text.clone() } else { format!("{pattern}/{text}") };
        let entries = glob::glob(&pattern).map_err(|_| Error::usage(format!("paths[{i}] is not a valid glob")))?;
        for entry in entries {
            let entry = entry.map_err(|error| read_failed(error.error()).at(format!("paths[{i}]")))?;
            found.push(Entry::of(Some(entry)));
        }
        if found.len() == before {
            return Err(Error::input(format!("paths[{i}] matches no file")).with_hint("check the folder and the pattern"));
        }
    }
    Ok(found)
}
