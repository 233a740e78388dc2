//! Encrypts columns value by value. It must not know how keys are kept.
