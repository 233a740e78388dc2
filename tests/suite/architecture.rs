//! The house's rules, proven on the tree: imports point one way, files open with `//!`, only `cli` prints.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::circles::Files;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => open.push(entry),
                false if entry.extension().is_some_and(|e| e == "rs") => files.push(entry),
                false => {}
            }
        }
    }
    files.sort();
    files
}

/// The modules in the order `lib.rs` declares them.
fn order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

/// The part of a file that is built into the product.
pub fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    if name == "tests.rs" || name == "testing.rs" || path.components().any(|part| part.as_os_str() == "tests") {
        return String::new();
    }
    let mut lines = Vec::new();
    let mut rest = text.lines().peekable();
    while let Some(line) = rest.next() {
        let cut = line.trim() == "#[cfg(test)]"
            && rest.peek().is_some_and(|next| next.starts_with("mod ") || next.starts_with("pub mod "));
        if cut {
            match rest.next() {
                Some(next) if next.ends_with(';') => continue,
                _ => break,
            }
        }
        if !line.trim_start().starts_with("//") {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let group = group.split(';').next().unwrap_or("");
            for name in group.split(['{', '}', ',']) {
                found.insert(name.trim().split("::").next().unwrap_or("").to_owned());
            }
        } else {
            found.insert(part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    let order = order();
    let place = |room: &str| order.iter().position(|name| name == room);
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let room = room_of(&path);
        let Some(here) = place(&room) else { continue };
        for import in imports(&production(&path)) {
            match place(&import) {
                Some(there) if there > here => {
                    wrong.push(format!("{} imports {import}, which stands below {room}", path.display()))
                }
                _ => {}
            }
            let line = ["source", "stage", "sink"];
            if room != import && line.contains(&room.as_str()) && line.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}: source, stage and sink never import each other", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_import_each_other() {
    let source = root().join("src");
    let files = rust_files(&source).into_iter().map(|path| {
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "mod").collect();
        (parts.join("::"), production(&path))
    });
    let circles = Files::new(files).circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_drawing_names_every_module() {
    let order = order();
    let mut rooms: BTreeSet<String> = rust_files(&root().join("src")).iter().map(|path| room_of(path)).collect();
    rooms.remove("lib");
    rooms.remove("main");
    assert_eq!(rooms, order.into_iter().collect());
}

#[test]
fn every_file_says_what_it_is() {
    let mute: Vec<PathBuf> = (rust_files(&root().join("src")).into_iter())
        .chain(rust_files(&root().join("tests")))
        .chain(rust_files(&root().join("benches")))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! ") && !path.ends_with("tests.rs"))
        .collect();
    assert!(mute.is_empty(), "{mute:#?}");
}

#[test]
fn no_file_outgrows_its_room() {
    let long: Vec<String> = (rust_files(&root().join("src")).iter())
        .map(|path| (path, production(path).lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .map(|(path, lines)| format!("{}: {lines} production lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn only_cli_prints() {
    let macros = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!", "todo!", "unimplemented!"];
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")).iter().filter(|path| room_of(path) != "cli") {
        let text = production(path);
        wrong.extend(macros.iter().filter(|name| text.contains(**name)).map(|name| format!("{} uses {name}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let folder = root().join("tests/suite");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for path in rust_files(&folder).iter().filter(|path| path.parent() == Some(&folder) && !path.ends_with("main.rs")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(main.contains(&format!("mod {name};")), "tests/suite/main.rs does not name {name}");
    }
}

#[test]
fn primitive_crates_are_used_in_crypto_only() {
    let primitives = ["aes_gcm::", "hmac::", "hkdf::", "sha2::", "getrandom::"];
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")).iter().filter(|path| room_of(path) != "crypto") {
        let text = production(path);
        wrong
            .extend(primitives.iter().filter(|name| text.contains(**name)).map(|name| format!("{} uses {name}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
