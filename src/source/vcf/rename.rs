//! A sample map: what the samples of a file are called from the header on. It must not know manifests or rows. Names are shown
//! nowhere, entries are told by their number.

use std::collections::HashSet;
use std::path::Path;

use super::header::Header;
use super::split::read_failed;
use crate::crypto::digest::Sha256;
use crate::error::{Error, Result};
use crate::phi::Renames;
use crate::sensitive::Sensitive;
use crate::store::Rename;

/// More than this is no sample map.
const MOST: u64 = 64 << 20;

/// Old and new names of one file's samples, in the order they were written.
#[derive(Clone, Debug)]
pub(crate) struct SampleMap(Vec<Rename>);

impl SampleMap {
    /// Reads `old=new;old2=new2`, or the file of that name, relative to `folder`: two columns, old and new name, with a tab
    /// between, one pair a line. Class `input` for what is neither.
    pub(crate) fn read(text: &str, folder: &Path) -> Result<Self> {
        if text.contains('=') {
            return Self::of(text.split(';').map(|pair| pair.split_once('=')));
        }
        let path = folder.join(text);
        if std::fs::metadata(&path).map_err(|error| read_failed(&error))?.len() > MOST {
            return Err(Error::input("longer than 64 MiB"));
        }
        let bytes = std::fs::read(&path).map_err(|error| read_failed(&error))?;
        let text = Sensitive::new(String::from_utf8(bytes).map_err(|_| Error::input("not UTF-8"))?);
        Self::of(text.expose().lines().filter(|line| !line.is_empty()).map(|line| line.split_once('\t')))
    }

    fn of<'a>(pairs: impl Iterator<Item = Option<(&'a str, &'a str)>>) -> Result<Self> {
        let (mut renames, mut seen) = (Vec::new(), HashSet::new());
        for (pair, number) in pairs.zip(1..) {
            let wrong = |what: &str| Error::input(format!("entry {number}: {what}"));
            let (old, new) = pair.ok_or_else(|| wrong("not two names"))?;
            if old.is_empty() || new.is_empty() || new.contains('\t') {
                return Err(wrong("not two names"));
            }
            if !seen.insert(old) {
                return Err(wrong("its old name stands there twice"));
            }
            let name = |name: &str| Sensitive::new(name.to_owned());
            renames.push(Rename { old: name(old), new: name(new) });
        }
        if renames.is_empty() { Err(Error::input("no names")) } else { Ok(Self(renames)) }
    }

    /// Renames the samples of a header, wherever it names them, all at once; its digest becomes another.
    ///
    /// # Errors
    /// Class `input` for an old name that no sample has, and for two samples of one name.
    pub(crate) fn apply(&self, header: &mut Header) -> Result<Vec<Rename>> {
        let renames = Renames::new(self.0.iter().map(|rename| (rename.old.expose().as_str(), rename.new.expose().as_str())))?;
        let held: HashSet<&str> = header.samples.iter().map(|name| name.expose().as_str()).collect();
        if let Some(entry) = self.0.iter().position(|rename| !held.contains(rename.old.expose().as_str())) {
            return Err(Error::input(format!("entry {}: no sample of the file has its old name", entry + 1))
                .with_hint("check its spelling, case and white space"));
        }
        let mut digest = Sha256::new();
        digest.update(b"genogate renamed samples 1\0");
        digest.update(&header.digest);
        let mut names = HashSet::new();
        for (sample, column) in header.samples.iter_mut().zip(1..) {
            if let Some(new) = renames.of(sample.expose()) {
                *sample = Sensitive::new(new.to_owned());
            }
            if !names.insert(sample.clone().expose().clone()) {
                return Err(Error::input(format!("sample {column} gets the name that another sample has")));
            }
            digest.update(&(sample.expose().len() as u64).to_le_bytes());
            digest.update(sample.expose().as_bytes());
        }
        header.digest = digest.finish();
        header.lines.iter_mut().for_each(|line| renames.line(&mut line.key, &mut line.id, &mut line.value));
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let text = "##fileformat=VCFv4.3\n##SAMPLE=<ID=DOE_JANE,Description=\"of DOE_JANE\">\n\
            #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tDOE_JANE\tROE_JOHN\n";
        Header::parse(text.as_bytes()).unwrap()
    }

    fn renamed(text: &str) -> Result<Header> {
        let mut header = header();
        SampleMap::read(text, Path::new("."))?.apply(&mut header)?;
        Ok(header)
    }

    fn names(header: &Header) -> Vec<&str> {
        header.samples.iter().map(|name| name.expose().as_str()).collect()
    }

    #[test]
    fn names_change_wherever_the_header_has_them_and_the_digest_with_them() {
        let (old, new) = (header(), renamed("DOE_JANE=S-1").unwrap());
        assert_eq!(names(&new), ["S-1", "ROE_JOHN"]);
        assert_eq!(new.lines[1].value, "<ID=S-1,Description=\"of S-1\">");
        assert_eq!(new.lines[1].id.as_deref(), Some("S-1"));
        assert_ne!(old.digest, new.digest);
        let swapped = renamed("DOE_JANE=ROE_JOHN;ROE_JOHN=DOE_JANE").unwrap();
        assert_eq!(names(&swapped), ["ROE_JOHN", "DOE_JANE"]);
        assert_ne!(swapped.digest, renamed("DOE_JANE=ROE_JOHN;ROE_JOHN=DOE").unwrap().digest);
    }

    #[test]
    fn a_file_says_the_same_as_a_list() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("map.tsv"), "DOE_JANE\tS-1\r\n\nROE_JOHN\tS 2\n").unwrap();
        let mut from_file = header();
        SampleMap::read("map.tsv", folder.path()).unwrap().apply(&mut from_file).unwrap();
        assert_eq!(from_file.digest, renamed("DOE_JANE=S-1;ROE_JOHN=S 2").unwrap().digest);
    }

    #[test]
    fn a_map_that_does_not_fit_is_told_without_a_name() {
        for (map, said) in [
            ("DOE_JANE=S-1;SMITH=S-2", "entry 2: no sample of the file has its old name"),
            ("DOE_JANE=ROE_JOHN", "sample 2 gets the name that another sample has"),
            ("DOE_JANE=X;ROE_JOHN=X", "sample 2 gets the name that another sample has"),
            ("DOE_JANE=A;DOE_JANE=B", "entry 2: its old name stands there twice"),
            ("DOE_JANE=", "entry 1: not two names"),
            ("DOE_JANE=S;ROE", "entry 2: not two names"),
            ("nowhere.tsv", "no such file"),
        ] {
            let error = renamed(map).unwrap_err();
            assert_eq!(error.to_string(), said);
            assert!(!format!("{:?}", SampleMap::read(map, Path::new("."))).contains("DOE"), "{map}");
        }
    }
}
