//! Reads that fail. It must not know what was to be read.

use crate::error::Error;

/// A failed read, told without the path.
pub fn read_failed(error: &std::io::Error) -> Error {
    let source = error.raw_os_error().map_or_else(|| std::io::Error::from(error.kind()), std::io::Error::from_raw_os_error);
    told(error).with_source(source)
}

fn told(error: &std::io::Error) -> Error {
    let error = match error.kind() {
        std::io::ErrorKind::NotFound => return Error::input("no such file").with_hint("check the path"),
        std::io::ErrorKind::PermissionDenied => {
            return Error::input("the file cannot be read: permission denied").with_hint("give the running user read permission");
        }
        _ if error.raw_os_error().is_some_and(|code| code == nix::libc::ENFILE || code == nix::libc::EMFILE) => {
            return Error::failed("too many files are open")
                .with_hint("raise the limit (`ulimit -n`), or load fewer files at once");
        }
        kind => Error::input(format!("the file cannot be read: {kind}")),
    };
    error.with_hint("check the disk or the mount the file lies on")
}
