//! What identifiers look like, and where the originals of pseudonyms are kept.
