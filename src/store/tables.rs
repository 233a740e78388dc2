//! The names that writers and readers of the bulk tables share. It must not know what is in them.

/// The bulk tables.
pub const VARIANTS: &str = "genogate_store.variants";
pub const CALLS: &str = "genogate_store.calls";

/// What the digests of their rows begin with.
pub const VARIANTS_TAG: u8 = b'v';
pub const CALLS_TAG: u8 = b'c';

/// Columns of `calls`, all written always.
pub const CALLS_COLUMNS: [&str; 7] = ["load_id", "variant_id", "input", "sample_index", "contig", "gt", "format"];
