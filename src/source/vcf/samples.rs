//! Which samples a load keeps: names listed in the pipeline or in a file, or all but these. It must not know calls.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::config::Config;
use crate::crypto::digest::{hex, sha256};
use crate::error::{Error, Result};
use crate::sensitive::Sensitive;

/// The names a pipeline lists.
#[derive(Debug)]
pub(super) struct Listed {
    /// Each name with where it stands: `samples[0]`, `samples_file line 1`.
    names: Vec<(Sensitive<String>, String)>,
    exclude: bool,
}

impl Listed {
    /// Reads the list, if there is one. `^` before the first name, or before the file's path, means all but these.
    ///
    /// # Errors
    /// Class `usage` when there is no such file, `input` when it cannot be read or is not UTF-8.
    pub(super) fn read(config: &Config, base: &Path) -> Result<Option<Self>> {
        if let Some(path) = &config.samples_file {
            let (exclude, path) = negated(path);
            let text = std::fs::read_to_string(base.join(path)).map_err(|error| {
                Error::named_file("samples_file", &error).with_hint("name a file with one name a line, in UTF-8")
            })?;
            let lines = (1..).zip(text.lines()).filter(|(_, name)| !name.is_empty());
            let names = lines.map(|(line, name)| (Sensitive::new(name.to_owned()), format!("samples_file line {line}")));
            return Ok(Some(Self { names: names.collect(), exclude }));
        }
        let Some(names) = &config.samples else { return Ok(None) };
        let exclude = names.first().is_some_and(|name| negated(name).0);
        let bare = |at: usize, name: &str| if at == 0 { negated(name).1 } else { name }.to_owned();
        let names = names.iter().enumerate().map(|(at, name)| (Sensitive::new(bare(at, name)), format!("samples[{at}]")));
        Ok(Some(Self { names: names.collect(), exclude }))
    }

    /// What the list says, whatever its order and wherever it stands; of no use for guessing a name among many.
    pub(super) fn digest(&self) -> String {
        let names: BTreeSet<&str> = self.names.iter().map(|(name, _)| name.expose().as_str()).collect();
        let text = names.iter().fold(format!("exclude={}", self.exclude), |text, name| text + "\n" + name);
        hex(&sha256(text.as_bytes()))
    }
}

fn negated(text: &str) -> (bool, &str) {
    text.strip_prefix('^').map_or((false, text), |rest| (true, rest))
}

/// For each input, the index among its kept samples of every sample column. Kept samples are in the order of the columns.
///
/// # Errors
/// Class `usage` for a name that no input has.
pub(super) fn keep(listed: Option<&Listed>, inputs: &[&[Sensitive<String>]]) -> Result<Vec<Vec<Option<u32>>>> {
    let Some(listed) = listed else {
        return Ok(inputs.iter().map(|names| (0..names.len() as u32).map(Some).collect()).collect());
    };
    let wanted: HashMap<&str, usize> =
        listed.names.iter().enumerate().map(|(at, (name, _))| (name.expose().as_str(), at)).collect();
    let (mut found, mut kept) = (HashSet::<usize>::new(), Vec::new());
    for names in inputs {
        let mut next = 0;
        let keep = names.iter().map(|name| {
            let at = wanted.get(name.expose().as_str());
            found.extend(at.copied());
            (at.is_some() != listed.exclude).then(|| {
                next += 1;
                next - 1
            })
        });
        kept.push(keep.collect());
    }
    match wanted.into_values().filter(|at| !found.contains(at)).min().and_then(|at| listed.names.get(at)) {
        Some((_, place)) => {
            Err(Error::usage(format!("{place} is in no input")).with_hint("check its spelling, case and white space"))
        }
        None => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    fn listed(names: &[&str]) -> Listed {
        let config = Config { samples: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Config::of(["x"]) };
        Listed::read(&config, Path::new(".")).unwrap().unwrap()
    }

    fn filed(text: &[u8], path: &str) -> Result<Listed> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("people.txt"), text).unwrap();
        let config = Config { samples_file: Some(path.into()), ..Config::of(["x"]) };
        Listed::read(&config, folder.path()).map(Option::unwrap)
    }

    fn kept(listed: Option<&Listed>, inputs: &[&[&str]]) -> Result<Vec<Vec<Option<u32>>>> {
        let inputs: Vec<Vec<Sensitive<String>>> =
            inputs.iter().map(|names| names.iter().map(|name| Sensitive::new((*name).to_owned())).collect()).collect();
        keep(listed, &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn kept_samples_are_numbered_in_the_order_of_their_columns() {
        let all: &[&[&str]] = &[&["A", "B", "C"], &["C", "D"]];
        assert_eq!(kept(None, all).unwrap(), [vec![Some(0), Some(1), Some(2)], vec![Some(0), Some(1)]]);
        assert_eq!(kept(Some(&listed(&["C", "A"])), all).unwrap(), [vec![Some(0), None, Some(1)], vec![Some(0), None]]);
        assert_eq!(kept(Some(&listed(&["^C", "A"])), all).unwrap(), [vec![None, Some(0), None], vec![None, Some(0)]]);
        assert_eq!(kept(Some(&listed(&[])), all).unwrap(), [vec![None, None, None], vec![None, None]]);
    }

    #[test]
    fn a_file_says_the_same_as_a_list() {
        let all: &[&[&str]] = &[&["A", "B b", "^C", "#D"]];
        for (text, path, list) in [
            ("B b\nA\n", "people.txt", &["A", "B b"][..]),
            ("A\r\n\r\nB b", "people.txt", &["A", "B b"]),
            ("^C\n#D\n", "^people.txt", &["^^C", "#D"]),
            ("", "^people.txt", &["^A", "B b", "^C", "#D"]),
        ] {
            let (file, list) = (filed(text.as_bytes(), path).unwrap(), listed(list));
            if !text.is_empty() {
                assert_eq!(kept(Some(&file), all).unwrap(), kept(Some(&list), all).unwrap(), "{text:?}");
                assert_eq!(file.digest(), list.digest(), "{text:?}");
            } else {
                assert_eq!(kept(Some(&file), all).unwrap()[0].iter().flatten().count(), 4);
            }
        }
        assert_ne!(filed(b"A", "people.txt").unwrap().digest(), filed(b"A", "^people.txt").unwrap().digest());
    }

    #[test]
    fn a_name_that_no_input_has_is_told_by_its_place() {
        let all: &[&[&str]] = &[&["A", "B"]];
        for (list, place) in [
            (listed(&["A", "DOE_JANE"]), "samples[1]"),
            (listed(&["^DOE_JANE"]), "samples[0]"),
            (filed(b"A\n\nDOE_JANE\n", "people.txt").unwrap(), "samples_file line 3"),
            (filed(b"A \n", "people.txt").unwrap(), "samples_file line 1"),
        ] {
            let error = kept(Some(&list), all).unwrap_err();
            assert_eq!((error.class(), error.to_string()), (Class::Usage, format!("{place} is in no input")));
            assert!(!format!("{list:?}").contains("DOE"));
        }
        for (file, class) in [(filed(b"\xff", "people.txt"), Class::Input), (filed(b"", "none.txt"), Class::Usage)] {
            assert_eq!(file.unwrap_err().class(), class);
        }
    }
}
