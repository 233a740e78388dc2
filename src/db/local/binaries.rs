//! Finds the installed PostgreSQL programs. It must not know what is done with them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::db::settings::OLDEST;
use crate::error::{Error, Result};

/// Folder of `initdb`, `pg_ctl` and `postgres`: `GENOGATE_PG_BIN`, else the first of `PATH`, `pg_config --bindir`, the
/// places of Debian, Red Hat and Homebrew (newest version first) that has all three, and whose version is `made_by`, the one
/// that made the data files, once there are some.
pub(super) fn server(made_by: Option<&str>) -> Result<PathBuf> {
    let made_by = made_by.map(str::trim);
    let fits = |major: u32| made_by.is_none_or(|made_by| made_by == major.to_string());
    if let Some(given) = std::env::var_os("GENOGATE_PG_BIN").filter(|value| !value.is_empty()) {
        let given = PathBuf::from(given);
        if !is_server(&given) {
            return Err(Error::database("GENOGATE_PG_BIN is not a folder with initdb, pg_ctl and postgres"));
        }
        let major = major(&given)?;
        return if fits(major) { Ok(given) } else { Err(other_version(made_by, major)) };
    }
    let mut refused = Error::database("no PostgreSQL server is installed here")
        .with_hint("install it (sudo apt-get install -y postgresql) or set GENOGATE_PG_BIN to the folder with initdb and pg_ctl");
    for folder in candidates().into_iter().filter(|folder| is_server(folder)) {
        match major(&folder) {
            Ok(major) if fits(major) => return Ok(folder),
            Ok(major) => refused = other_version(made_by, major),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn other_version(made_by: Option<&str>, installed: u32) -> Error {
    let made_by = made_by.unwrap_or_default();
    Error::database(format!("the managed database was made by PostgreSQL {made_by}, the installed server is {installed}"))
        .with_hint(format!("install PostgreSQL {made_by}, or move the data with pg_upgrade"))
}

/// The program `psql`.
pub(super) fn psql() -> Result<PathBuf> {
    let given = std::env::var_os("GENOGATE_PG_BIN").map(PathBuf::from);
    given.into_iter().chain(candidates()).map(|folder| folder.join("psql")).find(|program| program.is_file()).ok_or_else(|| {
        Error::database("psql is not installed here").with_hint("install it: sudo apt-get install -y postgresql-client")
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let asked = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output();
    found.extend(asked.ok().and_then(|output| String::from_utf8(output.stdout).ok()).map(|text| PathBuf::from(text.trim())));
    for pattern in
        ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"]
    {
        let mut versions: Vec<PathBuf> = glob::glob(pattern).into_iter().flatten().flatten().collect();
        versions.sort_by_key(|folder| std::cmp::Reverse(version_in(folder)));
        found.extend(versions);
    }
    found.extend(["/opt/homebrew/opt/postgresql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    found
}

/// The number in `/usr/lib/postgresql/15/bin` or `/usr/pgsql-15/bin`.
fn version_in(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn is_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// The installed server, as `PostgreSQL 15.14`. Class `database` when there is none, or it is too old.
pub fn server_version() -> Result<String> {
    let folder = server(None)?;
    let output = Command::new(folder.join("postgres")).arg("--version").output();
    let text = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let number = text.split_once(") ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("of unknown version");
    Ok(format!("PostgreSQL {number}"))
}

/// The major version of the server in this folder; class `database` when it is too old.
fn major(folder: &Path) -> Result<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output();
    let text = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    match major_of(&text) {
        None => Err(Error::database(format!("{} does not say its version", folder.join("postgres").display()))),
        Some(major) if major < OLDEST => {
            Err(Error::database(format!("PostgreSQL {major} is too old: {OLDEST} or newer is needed")))
        }
        Some(major) => Ok(major),
    }
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.
fn major_of(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_that_made_the_data_is_found_or_named() {
        let newest = major(&server(None).unwrap()).unwrap().to_string();
        assert!(is_server(&server(Some(&newest)).unwrap()));
        let error = server(Some("9")).unwrap_err();
        assert!(error.to_string().contains("was made by PostgreSQL 9"), "{error}");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of(""), None);
        assert_eq!(version_in(Path::new("/usr/lib/postgresql/9/bin")), 9);
        assert_eq!(version_in(Path::new("/usr/pgsql-16/bin")), 16);
        assert_eq!(version_in(Path::new("/opt/homebrew/opt/postgresql@17/bin")), 17);
    }
}
