//! Tells cargo that a new or changed migration is a reason to build again: they are embedded in the binary.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
