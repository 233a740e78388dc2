//! The keys of a run: opened once, told to the trail, and part of what decides about rows. It must not know what they protect.
//!
//! Which key a ring holds is known only when it is opened, which is not pure: so a plan has the digest of its rules, and what
//! makes loads the same is completed here. A rotated key makes other rows: its load replaces the earlier one.

use std::path::Path;

use crate::audit::{RecordedKeys, Recorder};
use crate::crypto::digest::Sha256;
use crate::error::Result;
use crate::plan::Plan;
use crate::secrets::Keys;

/// Opens the keys that the stages of a plan announce, with the managed ones of `home`. No stage gets another.
///
/// # Errors
/// Those of [`Keys::open_unrecorded`].
pub fn open(plan: &Plan, home: &Path, recorder: &Recorder) -> Result<RecordedKeys> {
    let keys = Keys::new(plan.pipeline.keys.clone(), &plan.base).with_home(home);
    RecordedKeys::open(&keys, plan.keys().iter().map(String::as_str), recorder)
}

/// SHA-256 over everything that decides about rows: a plan's rules and the keys in use.
pub fn options_digest(plan: &Plan, keys: &RecordedKeys) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"genogate-options-2\0");
    digest.update(&plan.rules_digest);
    for (name, ring) in keys.rings() {
        digest.update(format!("{name}={}\n", ring.fingerprint()).as_bytes());
    }
    digest.finish()
}
