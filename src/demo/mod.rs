//! The main job, shown on planted identifiers.
