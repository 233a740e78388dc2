//! The data home: where the managed cluster and its development rings lie. It must not know what lies there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The data home of this process: `GENOGATE_HOME`, else `/var/lib/genogate` for root, else `$XDG_DATA_HOME/genogate`
/// (XDG Base Directory Specification), else `~/.local/share/genogate`.
///
/// Root's own home is closed to the unprivileged user the database runs as, hence the place of system services for root.
pub fn home() -> Result<PathBuf> {
    home_from(|name| std::env::var_os(name), nix::unistd::geteuid().is_root())
}

/// [`home`] with the environment given.
pub fn home_from(variable: impl Fn(&str) -> Option<OsString>, root: bool) -> Result<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(given) = path("GENOGATE_HOME") {
        return std::path::absolute(given).map_err(|_| Error::usage("GENOGATE_HOME is not a usable path"));
    }
    if root {
        return Ok(Path::new("/var/lib/genogate").to_owned());
    }
    // The specification: a relative XDG_DATA_HOME is to be ignored.
    path("XDG_DATA_HOME")
        .filter(|base| base.is_absolute())
        .or_else(|| path("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("genogate"))
        .ok_or_else(|| {
            Error::usage("there is no home folder to keep data in").with_hint("set GENOGATE_HOME to a folder of yours")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)], root: bool) -> Option<PathBuf> {
        home_from(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()), root).ok()
    }

    #[test]
    fn the_first_place_that_is_set_wins() {
        let all = [("GENOGATE_HOME", "/g"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(&all, true), Some("/g".into()));
        assert_eq!(with(&all[1..], true), Some("/var/lib/genogate".into()));
        assert_eq!(with(&all[1..], false), Some("/x/genogate".into()));
        assert_eq!(with(&[("XDG_DATA_HOME", "x"), ("HOME", "/h")], false), Some("/h/.local/share/genogate".into()));
        assert_eq!(with(&[("GENOGATE_HOME", ""), ("HOME", "/h")], false), Some("/h/.local/share/genogate".into()));
        assert_eq!(with(&[], false), None);
    }
}
