//! From the settings to the source, which must not have looked at a file yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{Config, OnBadFile, OnBadRecord};
use super::limits::Limits;
use super::paths;
use super::source::VcfSource;
use crate::error::{Error, Result};
use crate::flow::{BadRecords, Demands, Source, SourceConfig, SourceFacts};
use crate::phi::Contigs;

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
        self.known_contigs()?;
        if self.samples.is_some() && self.samples_file.is_some() {
            return Err(Error::usage("`samples` and `samples_file` are given both").with_hint("list the names in one of them"));
        }
        let (unit, limits) = (self.unit.bytes()?, Limits::of(&self.limits)?);
        Ok(Arc::new(VcfSource::new(self.clone(), base.to_owned(), unit, limits)))
    }
}

impl Config {
    /// The contigs that the pipeline names.
    pub(super) fn known_contigs(&self) -> Result<Contigs> {
        Contigs::named(&self.contigs).ok_or_else(|| {
            Error::usage("one of `contigs` is empty or `*` alone").with_hint("write the name, with `*` for digits: `scaf_*`")
        })
    }
}

impl SourceConfig for Config {
    fn source(&self, demands: &Demands, base: &Path) -> Result<Arc<dyn Source>> {
        let unit = demands.unit.as_ref().unwrap_or(&self.unit).clone();
        let on_bad_file = if demands.whole_files { OnBadFile::Fail } else { self.on_bad_file };
        Self { unit, on_bad_file, ..self.clone() }.build(base)
    }

    fn facts(&self) -> SourceFacts {
        let bad_records = match self.on_bad_record {
            OnBadRecord::Fail => BadRecords::Fail,
            OnBadRecord::Quarantine => BadRecords::SetAside { most: self.max_bad_records },
        };
        SourceFacts { reference: self.reference.clone(), bad_records, contigs: self.contigs.clone() }
    }

    fn paths(&self, base: &Path) -> Result<Vec<Option<PathBuf>>> {
        Ok(paths::of(&self.paths, base)?.into_iter().map(|entry| entry.path).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnitSize;

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

    #[test]
    fn the_sinks_size_wins_and_is_held_to_the_same_rule() {
        let of = |text: &str| Demands { unit: Some(UnitSize::Text(text.into())), whole_files: true };
        assert!(Config::of(["a.vcf"]).source(&of("64KiB"), Path::new(".")).is_ok());
        assert!(Config::of(["a.vcf"]).source(&of("a lot"), Path::new(".")).is_err());
    }
}
