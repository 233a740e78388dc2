//! Named key rings of a pipeline, opened on demand. It must not know what a ring protects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{KeyRing, SecretRef, home};
use crate::error::{Class, Error, Result};

/// Rings the managed cluster makes for development: usable without an entry under `keys:`.
const DEVELOPMENT: [&str; 2] = ["vault", "clinical"];

/// Named key rings of a pipeline, opened on demand. `vault` and `clinical` fall back to the development rings of the
/// managed cluster.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    refs: BTreeMap<String, SecretRef>,
    base: PathBuf,
    home: Option<PathBuf>,
    rings: BTreeMap<String, Arc<KeyRing>>,
}

impl Keys {
    /// Key references as a pipeline file names them; relative paths resolve against `base`.
    pub fn new(refs: BTreeMap<String, SecretRef>, base: &Path) -> Self {
        Self { refs, base: base.to_owned(), ..Self::default() }
    }

    /// Looks for the development rings in this data home instead of the process's.
    pub fn with_home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// Puts an open ring under `name`, before any reference.
    pub fn with_ring(mut self, name: &str, ring: KeyRing) -> Self {
        self.rings.insert(name.to_owned(), Arc::new(ring));
        self
    }

    /// Is `name` known? (It may still fail to open; `vault` and `clinical` are always known.)
    pub fn contains(&self, name: &str) -> bool {
        self.rings.contains_key(name) || self.refs.contains_key(name) || DEVELOPMENT.contains(&name)
    }

    /// Where the managed cluster in the data home `home` keeps the ring called `name`.
    pub fn development_ring(home: &Path, name: &str) -> PathBuf {
        home.join("keys").join(format!("{name}.ring"))
    }

    /// Names of the rings the managed cluster makes.
    pub fn development_names() -> &'static [&'static str] {
        &DEVELOPMENT
    }

    /// Opens the ring called `name`, without a word on the audit trail: for looking whether it opens. Whoever works with it
    /// opens it through `audit::RecordedKeys`. Class `usage` when there is none, or what lies there is no ring; class `denied` when
    /// its file may not be read, or may be read by others.
    pub fn open_unrecorded(&self, name: &str) -> Result<Arc<KeyRing>> {
        if let Some(ring) = self.rings.get(name) {
            return Ok(ring.clone());
        }
        let text = match self.refs.get(name) {
            Some(reference) => reference.read(&self.base),
            None if DEVELOPMENT.contains(&name) => {
                let home = self.home.clone().map_or_else(home, Ok)?;
                SecretRef::File(Self::development_ring(&home, name)).read(&home).map_err(|error| match error.class() {
                    Class::Usage => Error::usage(format!("no key called {name} is configured and there is no development ring"))
                        .with_hint(format!(
                            "add {name} under `keys:`, or run `genogate db start`, which makes a ring for development"
                        )),
                    _ => error,
                })
            }
            None => Err(Error::usage(format!("no key called {name} is configured"))
                .with_hint(format!("add it: keys: {{ {name}: {{ env: NAME }} }} or {{ {name}: {{ file: PATH }} }}"))),
        };
        let text = text.map_err(|error| error.at(format_args!("key {name}")))?;
        Ok(Arc::new(KeyRing::parse(text.expose()).map_err(|error| error.at(format_args!("key {name}")))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::write_private;

    #[test]
    fn a_reference_goes_before_the_development_ring() {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let (mine, development) = (KeyRing::generate(), KeyRing::generate());
        std::fs::create_dir(home.path().join("keys")).unwrap();
        write_private(&Keys::development_ring(home.path(), "vault"), development.to_text().expose().as_bytes()).unwrap();
        write_private(&folder.path().join("mine.ring"), mine.to_text().expose().as_bytes()).unwrap();
        let refs = BTreeMap::from([("vault".to_owned(), SecretRef::File("mine.ring".into()))]);

        let named = Keys::new(refs, folder.path()).with_home(home.path());
        assert_eq!(named.open_unrecorded("vault").unwrap().primary().1.expose(), mine.primary().1.expose());
        let unnamed = Keys::default().with_home(home.path());
        assert_eq!(unnamed.open_unrecorded("vault").unwrap().primary().1.expose(), development.primary().1.expose());
        let error = unnamed.open_unrecorded("clinical").unwrap_err();
        assert!(error.hint().unwrap().contains("genogate db start"));
    }

    #[test]
    fn an_unknown_key_is_named_with_the_line_to_add() {
        let keys = Keys::default();
        assert!(keys.contains("vault") && !keys.contains("other"));
        assert!(keys.open_unrecorded("other").unwrap_err().hint().unwrap().contains("keys: { other: { env: NAME } }"));
    }
}
