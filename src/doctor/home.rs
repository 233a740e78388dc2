//! The data home: private, writable, roomy; its key rings closed to others. It must not open a database.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::check::Check;
use crate::secrets::Keys;

/// Free bytes below which a load is likely to fail: the managed cluster alone takes 50 MB and keeps up to 1 GB of WAL.
const SPACE: u64 = 2 << 30;

/// Is the data home writable for us, and closed to others? It need not exist yet.
pub(super) fn folder(home: &Path) -> Check {
    let name = "data home";
    let shown = home.display();
    let Ok(about) = home.symlink_metadata() else {
        let parent = existing(home);
        return match access(parent, AccessFlags::W_OK | AccessFlags::X_OK) {
            Ok(()) => Check::good(name, format!("{shown} does not exist yet and can be made")),
            Err(_) => Check::bad(
                name,
                format!("{shown} does not exist and cannot be made in {}", parent.display()),
                "set GENOGATE_HOME to a folder of yours",
            ),
        };
    };
    // Others may pass through (the database's own user must), but neither list nor write.
    let mode = about.mode() & 0o7777;
    if !home.is_dir() {
        Check::bad(name, format!("{shown} is not a folder"), "set GENOGATE_HOME to a folder of yours")
    } else if access(home, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        Check::bad(name, format!("{shown} is not writable by this user"), "set GENOGATE_HOME to a folder of yours")
    } else if mode & 0o066 != 0 {
        Check::bad(name, format!("{shown} is open to others (mode {mode:04o})"), format!("chmod go-rw {shown}"))
    } else {
        Check::good(name, format!("{shown} is writable and closed to others"))
    }
}

/// Is there room where the data home lies?
pub(super) fn space(home: &Path) -> Check {
    let name = "disk space";
    let place = existing(home);
    let Ok(about) = statvfs(place) else {
        return Check::bad(name, format!("{} cannot be asked", place.display()), "set GENOGATE_HOME to a local folder");
    };
    let free = about.blocks_available().saturating_mul(about.fragment_size());
    let what = format!("{} MB free at {}", free / 1_000_000, place.display());
    if free >= SPACE { Check::good(name, what) } else { Check::bad(name, what, "make room, or set GENOGATE_HOME elsewhere") }
}

/// The rings the managed cluster makes: none yet is fine, one that others can read is not.
pub(super) fn rings(home: &Path) -> Vec<Check> {
    let keys = Keys::default().with_home(home);
    let (mut opened, mut bad) = (Vec::new(), Vec::new());
    for &name in Keys::development_names() {
        if Keys::development_ring(home, name).symlink_metadata().is_err() {
            continue;
        }
        match keys.open_unrecorded(name) {
            Ok(_) => opened.push(name),
            Err(error) => bad.push(Check::failed("keys", &error)),
        }
    }
    if bad.is_empty() {
        let what = if opened.is_empty() {
            "no development rings yet; the first `genogate db start` makes them".to_owned()
        } else {
            format!("{} opened, closed to others", opened.join(", "))
        };
        bad.push(Check::good("keys", what));
    }
    bad
}

/// The nearest folder above that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::secrets::KeyRing;

    #[test]
    fn a_home_that_others_can_read_is_told() {
        let home = tempfile::tempdir().unwrap();
        for (mode, ok) in [(0o700, true), (0o711, true), (0o755, false), (0o722, false)] {
            set_permissions(&home, Permissions::from_mode(mode)).unwrap();
            assert_eq!(folder(home.path()).ok, ok, "{mode:o}");
        }
    }

    #[test]
    fn a_home_that_is_a_file_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!folder(file.path()).ok);
    }

    #[test]
    fn a_ring_that_others_can_read_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = Keys::development_ring(home.path(), "vault");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, KeyRing::generate().to_text().expose()).unwrap();
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(rings(home.path()).iter().all(|check| check.ok));
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let told = rings(home.path());
        assert!(told.iter().any(|check| !check.ok && check.hint.as_ref().unwrap().contains("chmod 600")));
    }
}
