//! Key rings whose opening is on the trail. It must not know what a ring protects.

use std::sync::Arc;

use super::{Event, Recorder};
use crate::error::Result;
use crate::secrets::{KeyRing, Keys};

/// The way to a key ring for everything that works with keys.
#[derive(Debug)]
pub struct RecordedKeys<'a> {
    keys: &'a Keys,
    recorder: Recorder,
}

impl<'a> RecordedKeys<'a> {
    /// Rings of `keys`, told to `recorder`.
    pub fn new(keys: &'a Keys, recorder: Recorder) -> Self {
        Self { keys, recorder }
    }

    /// Opens the ring called `name`, as [`Keys::open_unrecorded`] does, and records that.
    pub fn open(&self, name: &str) -> Result<Arc<KeyRing>> {
        let ring = self.keys.open_unrecorded(name)?;
        self.recorder.record(Event::KeyOpened { key: name.to_owned(), key_id: ring.primary().0.to_owned() })?;
        Ok(ring)
    }
}
