//! A file is edited between the run that was killed and the run that resumes.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Child;

use serde_json::json;

use super::{Admin, Scene, end, signal};
use crate::support::Done;

/// Where the file is touched: genotypes swapped, as many bytes as before.
#[derive(Clone, Copy)]
enum Where {
    Everywhere,
    /// The first record only: in a unit that is committed.
    First,
}

/// The unit of the first record is in the ledger, whichever writer came first.
const COMMITTED: &str = "SELECT count(*) > 0 FROM genogate_store.units WHERE unit = 0";

/// Edits in place: the inode stays; `aged` gives the file its old time back.
fn edit(path: &Path, place: Where, aged: bool) {
    let before = std::fs::metadata(path).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let edited = match place {
        Where::Everywhere => text.replace("\t0/1:", "\t1/1:"),
        Where::First => {
            let at = text.match_indices('\n').find(|(at, _)| !text[at + 1..].starts_with('#')).unwrap().0;
            let (header, body) = text.split_at(at);
            let (first, rest) = body[1..].split_once('\n').unwrap();
            let genotype = first.rfind("\t0/0:").or_else(|| first.rfind("\t0/1:")).or_else(|| first.rfind("\t1/1:")).unwrap();
            let mut first = first.to_owned();
            first.replace_range(genotype + 1..genotype + 4, "./.");
            format!("{header}\n{first}\n{rest}")
        }
    };
    assert_eq!(edited.len(), text.len());
    assert_ne!(edited, text);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(edited.as_bytes(), 0).unwrap();
    if aged {
        file.set_modified(before.modified().unwrap()).unwrap();
    }
    assert_eq!((std::fs::metadata(path).unwrap().ino(), edited.len() as u64), (before.ino(), before.size()));
}

/// A load that was killed with units committed, and no session left that holds it.
fn killed(scene: &Scene, admin: &mut Admin, more: &[&str]) {
    let mut child: Child = scene.spawn(more);
    admin.await_true(&mut child, COMMITTED);
    signal(&child, "-KILL");
    end(child);
}

fn changed(done: &Done) -> serde_json::Value {
    done.json()["changed_inputs"].clone()
}

#[test]
fn a_file_edited_between_kill_and_resume_is_read_again() {
    for (place, aged) in [(Where::Everywhere, false), (Where::First, false), (Where::First, true)] {
        let scene = Scene::new(6000);
        let mut admin = Admin::new(&scene.warehouse);
        killed(&scene, &mut admin, &[]);
        edit(&scene.file, place, aged);
        let done = scene.run(&[]).expect(0);
        assert_eq!((changed(&done), &done.json()["units_resumed"]), (json!([1]), &json!(0)), "{done:#?}");
        assert!(done.stderr.contains("has changed since"), "{done:#?}");
        scene.prove(done);
    }
}

/// Reading it again must not take back what is right.
#[test]
fn a_file_that_was_only_touched_is_resumed() {
    let scene = Scene::new(6000);
    let mut admin = Admin::new(&scene.warehouse);
    killed(&scene, &mut admin, &[]);
    File::options().write(true).open(&scene.file).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    let done = scene.run(&[]).expect(0);
    assert_eq!(changed(&done), json!([]));
    assert!(done.json()["units_resumed"].as_u64().unwrap() > 0, "{done:#?}");
    scene.prove(done);
}

/// Of several files only the edited one is read again.
#[test]
fn the_other_files_of_a_load_keep_what_is_committed() {
    let scene = Scene::new(6000);
    let second = scene.folder.path().join("second.vcf");
    let path = second.to_str().unwrap();
    scene.warehouse.run(["synth", "trio", "--records", "3000", "--seed", "9", "--output", path]).expect(0);
    let mut admin = Admin::new(&scene.warehouse);
    let mut child = scene.spawn(&[path]);
    let both = "SELECT count(DISTINCT input) = 2 FROM genogate_store.units";
    admin.await_true(&mut child, both);
    signal(&child, "-KILL");
    end(child);
    edit(&second, Where::Everywhere, false);
    let done = scene.run(&[path]).expect(0);
    assert_eq!(changed(&done), json!([2]), "{done:#?}");
    assert!(done.json()["units_resumed"].as_u64().unwrap() > 0, "{done:#?}");
    let load = done.json()["load_id"].as_str().unwrap().to_owned();
    scene.warehouse.run(["validate", &load]).expect(0);
    let rows = scene.warehouse.sql(super::ROWS);
    assert_eq!(scene.run(&[path, "--force"]).expect(0).json()["replaced"], json!([load]));
    assert_eq!(scene.warehouse.sql(super::ROWS), rows);
}

/// One shard was loaded of the file as it was, the other comes with the file as it is.
#[test]
fn shards_over_two_versions_of_a_file_end_as_the_second() {
    let scene = Scene::new(6000);
    let first = scene.run(&["--shard", "1/2"]).expect(0).json();
    assert_eq!(first["status"], "unfinished", "{first}");
    edit(&scene.file, Where::First, true);
    let second = scene.run(&["--shard", "2/2"]).expect(0);
    assert_eq!((changed(&second), &second.json()["status"]), (json!([1]), &json!("unfinished")), "{second:#?}");
    let whole = scene.run(&["--shard", "1/2"]).expect(0);
    assert_eq!(changed(&whole), json!([]), "{whole:#?}");
    scene.prove(whole);
}

/// While another shard writes what it read of the old file, nothing may be taken back: refused, and done by the same command later.
#[test]
fn a_changed_file_is_refused_while_others_work_on_its_load() {
    let scene = Scene::new(12_000);
    let mut admin = Admin::new(&scene.warehouse);
    let mut first = scene.spawn(&["--shard", "1/2"]);
    admin.await_true(&mut first, COMMITTED);
    signal(&first, "-STOP");
    edit(&scene.file, Where::First, false);
    let refused = scene.run(&["--shard", "2/2"]).expect(6);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("input 1"), "{refused:#?}");
    signal(&first, "-KILL");
    signal(&first, "-CONT");
    end(first);
    scene.run(&["--shard", "2/2"]).expect(0);
    let done = scene.run(&["--shard", "1/2"]).expect(0);
    scene.prove(done);
}
