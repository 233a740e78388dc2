//! A list of files in a file: one path a line, or a table with a column `path`. It must not open what it lists.

use std::path::{Path, PathBuf};

use super::split::read_failed;
use crate::error::{Error, Result};

/// More than this is no list.
const MOST: u64 = 64 << 20;

/// Is this name that of a manifest?
pub(crate) fn is_manifest(path: &str) -> bool {
    let ends = |suffix: &str| {
        path.len() > suffix.len() && path.get(path.len() - suffix.len()..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    ends(".tsv") || ends(".manifest")
}

/// The paths a manifest lists, relative ones from the manifest's folder. Blank lines and lines that begin with `#` are passed
/// over. When the first line names a column `path` it is a header, and the other columns mean nothing here.
pub(crate) fn read(path: &Path) -> Result<Vec<PathBuf>> {
    let size = std::fs::metadata(path).map_err(|error| read_failed(&error))?.len();
    if size > MOST {
        return Err(Error::input("the manifest is longer than 64 MiB").with_hint("a manifest lists files, one a line"));
    }
    let bytes = std::fs::read(path).map_err(|error| read_failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::input("the manifest is not UTF-8"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut lines = lines.peekable();
    let column = lines.peek().and_then(|(_, first)| first.split('\t').position(|name| name.trim() == "path"));
    if column.is_some() {
        lines.next();
    }
    let mut found = Vec::new();
    for (i, line) in lines {
        let field = line.split('\t').nth(column.unwrap_or(0)).map(str::trim).unwrap_or_default();
        if field.is_empty() || field == "-" {
            return Err(Error::input(format!("line {} of the manifest names no file", i + 1))
                .with_hint("one path a line, or a column `path`"));
        }
        found.push(folder.join(field));
    }
    if found.is_empty() {
        return Err(Error::input("the manifest lists no file").with_hint("one path a line, or a table with a column `path`"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<PathBuf>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.tsv");
        std::fs::write(&path, text).unwrap();
        Ok(read(&path)?
            .into_iter()
            .map(|found| found.strip_prefix(folder.path()).map_or(found.clone(), Path::to_path_buf))
            .collect())
    }

    #[test]
    fn a_list_or_a_table() {
        let expected = [PathBuf::from("a.vcf.gz"), PathBuf::from("/b/c.vcf")];
        for text in
            ["a.vcf.gz\n/b/c.vcf\n", "# files\n\na.vcf.gz\r\n/b/c.vcf", "sample\tpath\tsex\nS1\ta.vcf.gz\tf\nS2\t/b/c.vcf\tm\n"]
        {
            assert_eq!(read_text(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_line_without_a_path_is_told() {
        assert_eq!(read_text("path\tx\na.vcf\t1\n\t2\n").unwrap_err().to_string(), "line 3 of the manifest names no file");
        for text in ["", "path\n", "x\tpath\nonly\n", "-\n"] {
            assert!(read_text(text).is_err(), "{text}");
        }
        assert_eq!(read(Path::new("/nowhere/DOE_JANE.tsv")).unwrap_err().to_string(), "no such file");
    }

    #[test]
    fn manifests_by_name() {
        assert!(is_manifest("cohort.tsv") && is_manifest("x/y.MANIFEST") && !is_manifest("a.vcf") && !is_manifest(".tsv"));
    }
}
