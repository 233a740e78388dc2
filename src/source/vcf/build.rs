//! From the settings to the source, which must not have looked at a file yet.

use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use super::source::VcfSource;
use crate::error::{Error, Result};
use crate::flow::Source;

impl Config {
    /// Checks the settings that can be checked without looking at a file. Relative paths resolve against `base`.
    pub fn build(&self, base: &Path) -> Result<Arc<dyn Source>> {
        if self.paths.is_empty() {
            return Err(Error::usage("`paths` is empty").with_hint("name at least one file, or `-` for standard input"));
        }
        if self.paths.iter().rev().skip(1).any(|path| path == "-") {
            return Err(Error::usage("`-` (standard input) may come only once, as the last of `paths`"));
        }
        for path in self.paths.iter().filter(|path| *path != "-") {
            glob::Pattern::new(path).map_err(|_| Error::usage("one of `paths` is not a valid glob"))?;
        }
        for region in &self.regions {
            if region.trim().is_empty() {
                return Err(Error::usage("one of `regions` is empty"));
            }
        }
        if self.samples.is_some() && self.samples_file.is_some() {
            return Err(Error::usage("`samples` and `samples_file` are given both").with_hint("list the names in one of them"));
        }
        let unit = self.unit.bytes()?;
        Ok(Arc::new(VcfSource::new(self.clone(), base.to_owned(), unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_without_a_file() {
        let here = Path::new(".");
        assert!(Config::of(Vec::<String>::new()).build(here).is_err());
        assert!(Config::of(["-", "a.vcf"]).build(here).is_err());
        assert!(Config::of(["a[", "b"]).build(here).is_err());
        let twice = Config { samples: Some(vec![]), samples_file: Some("s".into()), ..Config::of(["a.vcf"]) };
        assert!(twice.build(here).is_err());
        assert!(Config::of(["no-such-file.vcf", "-"]).build(here).is_ok());
    }
}
