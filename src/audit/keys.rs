//! The open key rings of a run, each with an event on the trail. It must not know what a ring protects.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Event, Recorder};
use crate::error::{Error, Result};
use crate::secrets::{KeyRing, Keys};

/// The rings that were announced, open, and no others: the way to keys for everything that works with them.
#[derive(Debug, Default)]
pub struct RecordedKeys {
    rings: BTreeMap<String, Arc<KeyRing>>,
}

impl RecordedKeys {
    /// Opens the rings of these names, as [`Keys::open_unrecorded`] does, and records each.
    pub fn open<'a>(keys: &Keys, names: impl IntoIterator<Item = &'a str>, recorder: &Recorder) -> Result<Self> {
        let mut rings = BTreeMap::new();
        for name in names {
            let ring = keys.open_unrecorded(name)?;
            recorder.record(Event::KeyOpened { key: name.to_owned(), key_id: ring.primary().0.to_owned() })?;
            rings.insert(name.to_owned(), ring);
        }
        Ok(Self { rings })
    }

    /// The ring called `name`. Class `internal` when it was not announced.
    pub fn ring(&self, name: &str) -> Result<&Arc<KeyRing>> {
        self.rings.get(name).ok_or_else(|| Error::internal(format!("the key {name} was not announced, so it was not opened")))
    }

    /// What was opened, by name.
    pub fn rings(&self) -> impl Iterator<Item = (&str, &KeyRing)> {
        self.rings.iter().map(|(name, ring)| (name.as_str(), ring.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn of_opened_rings_no_other_can_be_had() {
        let keys = Keys::default().with_ring("one", KeyRing::generate()).with_ring("two", KeyRing::generate());
        let opened = RecordedKeys::open(&keys, ["one"], &Recorder::discard()).unwrap();
        assert_eq!(opened.rings().map(|(name, _)| name).collect::<Vec<_>>(), ["one"]);
        assert!(opened.ring("one").is_ok());
        assert_eq!(opened.ring("two").unwrap_err().class(), Class::Internal);
        assert!(RecordedKeys::open(&keys, ["three"], &Recorder::discard()).is_err());
    }
}
