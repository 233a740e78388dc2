//! One folder a stage.
