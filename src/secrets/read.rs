//! Reading a secret from where it lies, and writing a file only its owner may read. It must not know what secrets mean.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::SecretRef;
use crate::error::{Error, Result};
use crate::sensitive::Sensitive;

/// Passwords and key rings are small; anything longer is a mistaken path.
const LONGEST: u64 = 1 << 20;

impl SecretRef {
    /// Reads the secret without its trailing line break; a relative file path resolves against `base`.
    ///
    /// Class `usage` when the variable is unset, the file is missing or the secret is empty; class `denied` when the file
    /// cannot be opened or others than its owner may open it.
    pub fn read(&self, base: &Path) -> Result<Sensitive<String>> {
        let (text, place) = match self {
            SecretRef::Env(name) => {
                let text = std::env::var(name).map_err(|cause| match cause {
                    std::env::VarError::NotPresent => Error::usage(format!("the environment variable {name} is not set"))
                        .with_hint(format!(
                            "export {name} before the command; it holds a secret, so keep it out of files others read"
                        )),
                    std::env::VarError::NotUnicode(_) => {
                        Error::usage(format!("the environment variable {name} is not UTF-8 text"))
                    }
                })?;
                (Sensitive::new(text), format!("the environment variable {name}"))
            }
            SecretRef::File(path) => {
                let path = base.join(path);
                (read_private(&path)?, format!("the secret file {}", path.display()))
            }
        };
        let trimmed = text.expose().trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(Error::usage(format!("{place} is empty")));
        }
        Ok(Sensitive::new(trimmed.to_owned()))
    }
}

/// Reads a file that only its owner may read.
pub(super) fn read_private(path: &Path) -> Result<Sensitive<String>> {
    let shown = path.display();
    let mut file = File::open(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => Error::usage(format!("the secret file {shown} does not exist")),
        ErrorKind::PermissionDenied => Error::denied(format!("the secret file {shown} may not be read by this user")),
        kind => Error::usage(format!("the secret file {shown} cannot be read: {kind}")),
    })?;
    // Asked of the open file, not of the path, so that nobody can swap it in between.
    let about =
        file.metadata().map_err(|cause| Error::failed(format!("the secret file {shown} cannot be read: {}", cause.kind())))?;
    if !about.is_file() {
        return Err(Error::usage(format!("the secret file {shown} is not a regular file")));
    }
    if about.mode() & 0o077 != 0 {
        return Err(Error::denied(format!("the secret file {shown} may be read by others than its owner"))
            .with_hint(format!("chmod 600 {shown}")));
    }
    if about.len() > LONGEST {
        return Err(Error::usage(format!("the secret file {shown} is longer than a secret can be")));
    }
    // Room for all of it at once: a growing buffer would leave unwiped copies behind.
    let mut text = String::with_capacity(about.len() as usize + 1);
    file.read_to_string(&mut text).map_err(|_| Error::usage(format!("the secret file {shown} is not UTF-8 text")))?;
    Ok(Sensitive::new(text))
}

/// Writes a new file with mode 0600, durable once this returns, whole or not at all. Class `failed` when `path` exists.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |cause: std::io::Error| Error::failed(format!("{} cannot be written: {}", path.display(), cause.kind()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new()
        .prefix(".new-")
        .make_in(folder, |draft| OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft))
        .map_err(failed)?;
    let mut file = draft.as_file();
    file.write_all(content).map_err(failed)?;
    // `mode` above is narrowed by the umask only; this makes it exact.
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    draft.persist_noclobber(path).map_err(|cause| failed(cause.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn a_private_file_is_read_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        write_private(&folder.path().join("password"), b"s3cret \n").unwrap();
        let secret = SecretRef::File("password".into()).read(folder.path()).unwrap();
        assert_eq!(secret.expose(), "s3cret ");
        assert_eq!(std::fs::metadata(folder.path().join("password")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring");
        write_private(&path, b"first").unwrap();
        assert_eq!(write_private(&path, b"second").unwrap_err().class(), Class::Failed);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o644] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = SecretRef::File(path.clone()).read(Path::new("/")).unwrap_err();
            assert_eq!(error.class(), Class::Denied, "{mode:o}");
            assert!(error.hint().unwrap().starts_with("chmod 600 "));
            assert!(!error.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write_private(&folder.path().join("empty"), b"\n").unwrap();
        for reference in [
            SecretRef::File("absent".into()),
            SecretRef::File("empty".into()),
            SecretRef::File(".".into()),
            SecretRef::Env("GENOGATE_TEST_SURELY_UNSET".into()),
        ] {
            assert_eq!(reference.read(folder.path()).unwrap_err().class(), Class::Usage, "{reference:?}");
        }
    }
}
