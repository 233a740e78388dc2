//! Every command in the documentation is executed: fenced `sh` blocks of README.md and docs/, each in an empty folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::support::{binary, genogate, repository};

fn documents() -> Vec<PathBuf> {
    let mut files = vec![repository("README.md")];
    files.extend(
        fs::read_dir(repository("docs")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "md")),
    );
    files.sort();
    files
}

fn blocks(text: &str) -> Vec<String> {
    text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_in_the_documents_works() {
    let mut executed = 0;
    for document in documents() {
        for block in blocks(&fs::read_to_string(&document).unwrap()) {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::symlink(binary(), folder.path().join("genogate")).unwrap();
            std::os::unix::fs::symlink(repository("pipelines"), folder.path().join("pipelines")).unwrap();
            let home = folder.path().join("home");
            let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
            let mut command = Command::new("sh");
            command.env("GENOGATE_HOME", &home).env("PATH", path).current_dir(folder.path());
            let output = command.args(["-euc", &block]).output().unwrap();
            let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            // A block that failed half-way may have left its database running.
            let _ = genogate(&home).args(["db", "stop"]).output();
            assert!(output.status.success(), "{}:\n{block}\n--\n{said}", document.display());
            executed += 1;
        }
    }
    assert!(executed >= 2);
}
