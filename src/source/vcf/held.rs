//! A file as it was when it was looked at. If anything of that is different later, what was read is of no one file. It must not
//! know what is in it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bgzf::read_failed;
use crate::error::{Error, Result};

/// By what a change of a file shows without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub bytes: u64,
    /// When the inode was changed last, in nanoseconds since 1970: the time of the content can be put back.
    pub changed: i64,
    pub inode: u64,
    pub device: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            changed: metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }

    /// Of what lies under a path, when that can be told.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|metadata| Self::of(&metadata))
    }

    /// Is it one and the same file?
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// An open file, the path it was opened by, and its stamp.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    file: Arc<File>,
    path: Option<PathBuf>,
    pub stamp: Stamp,
}

impl Held {
    /// Holds a file of which `size` bytes are to be read; `None`: as many as it has.
    pub(crate) fn of(file: Arc<File>, path: Option<&Path>, size: Option<u64>) -> Result<Self> {
        let stamp = Stamp::of(&file.metadata().map_err(|error| read_failed(&error))?);
        match size.is_none_or(|size| size == stamp.bytes) {
            true => Ok(Self { file, path: path.map(Path::to_owned), stamp }),
            false => Err(changed()),
        }
    }

    /// Standard input, when that is a file.
    pub(crate) fn standard_input() -> Option<Self> {
        use std::os::fd::AsFd;
        let file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        is_file.then(|| Self::of(Arc::new(file), None, None).ok()).flatten()
    }

    /// Is it still the file that was looked at, whole and under its path?
    ///
    /// # Errors
    /// Class `input` when it is not.
    pub(crate) fn check(&self) -> Result<()> {
        let now = Stamp::of(&self.file.metadata().map_err(|error| read_failed(&error))?);
        let there = match &self.path {
            Some(path) => Stamp::of(&std::fs::metadata(path).map_err(|_| changed())?),
            None => now,
        };
        if now == self.stamp && there.is_same_file(&now) { Ok(()) } else { Err(changed()) }
    }
}

fn changed() -> Error {
    Error::input("the file was changed while it was read, so what was read is neither what it was nor what it is")
        .with_hint("let what writes it end first, then run the same command again")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Whatever is done to a file shows.
    #[test]
    fn every_kind_of_change_shows() {
        type Way = (&'static str, fn(&Path));
        let ways: [Way; 6] = [
            ("cut", |path| File::options().write(true).open(path).unwrap().set_len(3).unwrap()),
            ("grown", |path| File::options().append(true).open(path).unwrap().write_all(b"x").unwrap()),
            ("rewritten at its size", |path| std::fs::write(path, b"654321").unwrap()),
            ("cut and filled again", |path| {
                std::fs::write(path, b"").unwrap();
                std::fs::write(path, b"123456").unwrap();
            }),
            ("replaced by its like", |path| {
                std::fs::write(path.with_extension("new"), b"123456").unwrap();
                std::fs::rename(path.with_extension("new"), path).unwrap();
            }),
            ("removed", |path| std::fs::remove_file(path).unwrap()),
        ];
        for (what, change) in ways {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.vcf");
            std::fs::write(&path, b"123456").unwrap();
            let held = Held::of(Arc::new(File::open(&path).unwrap()), Some(&path), Some(6)).unwrap();
            held.check().unwrap();
            // A file's times are as fine as the system's clock ticks.
            std::thread::sleep(std::time::Duration::from_millis(30));
            change(&path);
            assert_eq!(held.check().unwrap_err().class(), crate::error::Class::Input, "{what}");
        }
    }
}
