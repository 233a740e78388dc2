//! Room that the records of a BCF file share while their calls are decoded. It must not know fields.

/// Room that records share.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Columns of the samples whose calls are kept.
    pub kept: Vec<usize>,
    /// Values that no column took: which kept call, which field.
    pub misfits: Vec<(usize, usize)>,
    pub text: Vec<u8>,
}
