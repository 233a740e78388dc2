//! A list of files in a file: one path a line, or a table with a column `path`, which may also say what a file's samples are
//! called and what it is tagged with. It must not open what it lists, beside sample maps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::Header;
use super::rename::SampleMap;
use super::split::read_failed;
use crate::error::{Error, Result};
use crate::phi::{Contigs, Words};
use crate::store::Rename;
use crate::text::nearest;

/// More than this is no list.
const MOST: u64 = 64 << 20;

/// One file of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// `None` is standard input.
    pub path: Option<PathBuf>,
    /// Where the entry stands, when that is in a manifest: `paths[0]: line 3 of the manifest`.
    pub place: String,
    pub samples: Option<SampleMap>,
    pub tags: BTreeMap<String, String>,
}

impl Entry {
    pub(crate) fn of(path: Option<PathBuf>) -> Self {
        Self { path, ..Self::default() }
    }

    /// Renames the samples of the file's header. Class `input` when the sample map does not fit it.
    pub(crate) fn apply(&self, header: &mut Header) -> Result<Vec<Rename>> {
        let renamed = self.samples.as_ref().map(|map| map.apply(header)).transpose();
        renamed.map(Option::unwrap_or_default).map_err(|error| error.at("sample_map"))
    }
}

/// Is this name that of a manifest?
pub(crate) fn is_manifest(path: &str) -> bool {
    let ends = |suffix: &str| {
        path.len() > suffix.len() && path.get(path.len() - suffix.len()..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    ends(".tsv") || ends(".manifest")
}

/// What the columns of a table are called.
const COLUMNS: [&str; 3] = ["path", "sample_map", "tags"];

/// The files a manifest lists, relative paths from the manifest's folder. Blank lines and lines that begin with `#` are passed
/// over. A table has the names of its columns in its first line: `path`, and `sample_map` and `tags`, which are read where they are not
/// empty or `.`; no other, for a misspelt one would be as good as none.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>> {
    let size = std::fs::metadata(path).map_err(|error| read_failed(&error))?.len();
    if size > MOST {
        return Err(Error::input("the manifest is longer than 64 MiB").with_hint("a manifest lists files, one a line"));
    }
    let bytes = std::fs::read(path).map_err(|error| read_failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::input("the manifest is not UTF-8"))?;
    // What some editors begin a file with.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let folder = path.parent().unwrap_or(Path::new("."));
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut lines = lines.peekable();
    let first: Vec<&str> = lines.peek().map(|(first, _)| first.split('\t').map(str::trim).collect()).unwrap_or_default();
    let columns = heading(&first)?;
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let (paths, maps, tags) = (column("path").unwrap_or(0), column("sample_map"), column("tags"));
    if !columns.is_empty() {
        lines.next();
    }
    let words = Words::new([], Contigs::default())?;
    let mut found = Vec::new();
    for (line, number) in lines {
        let place = format!("line {number} of the manifest");
        let cell = |column: Option<usize>| column.and_then(|at| line.split('\t').nth(at)).map(str::trim).unwrap_or_default();
        let given = |column: Option<usize>| Some(cell(column)).filter(|text| !text.is_empty() && *text != ".");
        let path = cell(Some(paths));
        if path.is_empty() || path == "-" {
            return Err(Error::input(format!("{place} names no file")).with_hint("one path a line, or a column `path`"));
        }
        let samples = given(maps).map(|text| SampleMap::read(text, folder)).transpose();
        let samples = samples.map_err(|error| error.at(format!("{place}: sample_map")))?;
        let tags = given(tags).map(|text| read_tags(text, &words)).transpose();
        let tags = tags.map_err(|error| error.at(format!("{place}: tags")))?.unwrap_or_default();
        found.push(Entry { path: Some(folder.join(path)), place, samples, tags });
    }
    if found.is_empty() {
        return Err(Error::input("the manifest lists no file").with_hint("one path a line, or a table with a column `path`"));
    }
    Ok(found)
}

/// The names of the columns, when a table begins with them; nothing for a list of paths.
fn heading<'a>(first: &[&'a str]) -> Result<Vec<&'a str>> {
    let known = |name: &&str| COLUMNS.contains(name);
    if first.len() < 2 && !first.iter().any(known) {
        return Ok(Vec::new());
    }
    let columns = "a table's columns are `path`, `sample_map` and `tags`; what else is to be said of a file is a tag";
    if let Some(number) = first.iter().position(|name| !known(name)) {
        let nearest = nearest(first.get(number).unwrap_or(&""), COLUMNS);
        let meant = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        // Where there is no heading at all, it is a path or somebody's name.
        let error = Error::input(format!("the manifest's column {} is called what no column is called", number + 1));
        return Err(error.with_hint(format!("{meant}{columns}")));
    }
    let twice = |(at, name): (usize, &&str)| first.get(..at).is_some_and(|before| before.contains(name));
    if first.iter().enumerate().any(twice) {
        return Err(Error::input("the manifest has a column twice").with_hint(columns));
    }
    if !first.contains(&"path") {
        return Err(Error::input("the manifest has no column `path`").with_hint(columns));
    }
    Ok(first.to_vec())
}

/// Tags are stored in the clear: short words, none of which looks like an identifier.
fn read_tags(text: &str, words: &Words) -> Result<BTreeMap<String, String>> {
    let is_word =
        |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:+".contains(&b));
    let mut tags = BTreeMap::new();
    for (pair, number) in text.split(';').zip(1..) {
        let wrong = |what: &str| Error::input(format!("entry {number}: {what}"));
        let (key, value) = pair.split_once('=').ok_or_else(|| wrong("not key=value"))?;
        if !is_word(key) || !is_word(value) {
            return Err(wrong("a key and a value have 1 to 64 letters, digits and characters of `_-.:+`"));
        }
        if words.flaw(key).is_some() || words.flaw(value).is_some() {
            return Err(wrong("looks like an identifier, and tags are stored in the clear"));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("its key stands there twice"));
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Result<Vec<Entry>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.tsv");
        std::fs::write(&path, text).unwrap();
        let mut entries = read(&path)?;
        for path in entries.iter_mut().filter_map(|entry| entry.path.as_mut()) {
            *path = path.strip_prefix(folder.path()).map_or(path.clone(), Path::to_path_buf);
        }
        Ok(entries)
    }

    fn read_text(text: &str) -> Result<Vec<PathBuf>> {
        Ok(entries(text)?.into_iter().filter_map(|entry| entry.path).collect())
    }

    #[test]
    fn a_list_or_a_table() {
        let expected = [PathBuf::from("a.vcf.gz"), PathBuf::from("/b/c.vcf")];
        for text in [
            "a.vcf.gz\n/b/c.vcf\n",
            "# files\n\na.vcf.gz\r\n/b/c.vcf",
            "tags\tpath\nsex=f\ta.vcf.gz\nsex=m\t/b/c.vcf\n",
            "\u{feff}path\na.vcf.gz\n/b/c.vcf\n",
        ] {
            assert_eq!(read_text(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_line_without_a_path_is_told() {
        assert_eq!(read_text("path\ttags\na.vcf\t\n\ta=2\n").unwrap_err().to_string(), "line 3 of the manifest names no file");
        for text in ["", "path\n", "tags\tpath\na=1\n", "-\n"] {
            assert!(read_text(text).is_err(), "{text}");
        }
        assert_eq!(read(Path::new("/nowhere/DOE_JANE.tsv")).unwrap_err().to_string(), "no such file");
    }

    /// A column that is passed over may be the one that renames people.
    #[test]
    fn a_column_that_is_none_is_refused_with_the_nearest_name() {
        for (first, number, meant) in [
            ("path\tsamplemap", 2, "did you mean `sample_map`? "),
            ("tag\tpath", 1, "did you mean `tags`? "),
            ("Path\tsample_map", 1, "did you mean `path`? "),
            ("path\tfamily\ttags", 2, "a table's"),
            ("a.vcf\tDOE=S-1", 1, "a table's"),
        ] {
            let error = read_text(&format!("{first}\na.vcf\tx\ty\n")).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the manifest's column {number} is called what no column is called"),
                "{first}"
            );
            assert!(error.hint().unwrap().starts_with(meant), "{first}: {error:?}");
        }
        for (text, said) in [
            ("sample_map\ttags\nX=Y\ta=1\n", "the manifest has no column `path`"),
            ("path\tpath\na\tb\n", "the manifest has a column twice"),
        ] {
            assert_eq!(read_text(text).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn manifests_by_name() {
        assert!(is_manifest("cohort.tsv") && is_manifest("x/y.MANIFEST") && !is_manifest("a.vcf") && !is_manifest(".tsv"));
    }

    #[test]
    fn tags_are_words_and_no_identifiers() {
        let found = entries("tags\tpath\tsample_map\nfamily=7;batch=2026-03\ta.vcf\t\n.\tb.vcf\tX=Y\n").unwrap();
        let tags: Vec<(&str, &str)> = found[0].tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, [("batch", "2026-03"), ("family", "7")]);
        assert!(found[0].samples.is_none() && found[1].tags.is_empty() && found[1].samples.is_some());
        for (tags, said) in [
            ("family", "entry 1: not key=value"),
            ("a=1;=2", "entry 2: a key and a value have 1 to 64 letters, digits and characters of `_-.:+`"),
            ("a=DOE, JANE", "entry 1: a key and a value have 1 to 64 letters, digits and characters of `_-.:+`"),
            ("a=1;a=2", "entry 2: its key stands there twice"),
            ("ssn=123-45-6789", "entry 1: looks like an identifier, and tags are stored in the clear"),
            ("id=12345678", "entry 1: looks like an identifier, and tags are stored in the clear"),
            ("who=Um9lX0phbmU", "entry 1: looks like an identifier, and tags are stored in the clear"),
            ("who=jane.doe", "entry 1: looks like an identifier, and tags are stored in the clear"),
        ] {
            let error = entries(&format!("path\ttags\na.vcf\t{tags}\n")).unwrap_err();
            assert_eq!(error.to_string(), format!("line 2 of the manifest: tags: {said}"), "{tags}");
        }
    }
}
