//! A map for keys that an input chooses: its hash is keyed, so that nobody can make them meet in one place. It must not be
//! used for a digest that is to be the same tomorrow.

use std::collections::HashMap;

/// From header ids to `V`.
pub(crate) type KeyMap<V> = HashMap<Box<[u8]>, V, foldhash::fast::RandomState>;
