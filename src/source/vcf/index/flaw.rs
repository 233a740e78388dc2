//! Why an index cannot be used. It must not know how indexes are read.

/// Why an index cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// There is none.
    Missing,
    /// The input is nothing that has one.
    Unindexed,
    /// Strict conformance is a matter of every record, asked for or not.
    Strict,
    /// It is older than the file.
    Older,
    Unreadable(std::io::ErrorKind),
    Damaged(&'static str),
    /// It is none of a VCF.
    Foreign,
    /// It belongs to another file, or to an earlier state of this one.
    Misfit(&'static str),
    /// A region, or a contig's length, lies behind the last position it can hold.
    Short,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Flaw::Missing => f.write_str("there is no index (.csi or .tbi) beside the file"),
            Flaw::Unindexed => f.write_str("only BGZF files have an index"),
            Flaw::Strict => f.write_str("`conformance: strict` looks at every record"),
            Flaw::Older => f.write_str("the index is older than the file"),
            Flaw::Unreadable(kind) => write!(f, "the index cannot be read: {kind}"),
            Flaw::Damaged(how) => write!(f, "the index is damaged: {how}"),
            Flaw::Foreign => f.write_str("the index was not made for this format"),
            Flaw::Misfit(how) => write!(f, "the index does not fit the file: {how}"),
            Flaw::Short => f.write_str("the index holds no positions as high as these (a .csi does)"),
        }
    }
}
