//! What a flow carries beside its rows: header lines and sample names, input by input.
//! It must not know who changes them (sanitize, anonymize) or who stores them (a sink).

use std::collections::BTreeMap;

use crate::sensitive::Sensitive;

/// The header side of every input, in input order. Stages rewrite it once, when they open.
#[derive(Clone, Debug, Default)]
pub struct Document {
    pub inputs: Vec<InputDocument>,
}

/// One input file's header and samples.
#[derive(Clone, Debug, Default)]
pub struct InputDocument {
    /// VCF version as declared, such as `VCFv4.2`.
    pub version: String,
    /// SHA-256 over the header's bytes as read (all `##` lines and the `#CHROM` line), and over the samples' new names where
    /// they were renamed.
    pub header_digest: [u8; 32],
    /// The `##` lines that may travel on, in order.
    pub lines: Vec<HeaderLine>,
    /// The samples in column order.
    pub samples: Vec<SampleId>,
    /// GRCh37, GRCh38, T2T-CHM13 by contig lengths, else `unknown`.
    pub assembly: String,
    /// It was looked at. False: it cannot be read, and stands here so that the others keep their numbers.
    pub readable: bool,
    /// Compressed size in bytes, when the input is a file.
    pub bytes: Option<u64>,
    /// When the file was changed last, in nanoseconds since 1970, and its inode: both say that it may be another one by now.
    pub modified: Option<i64>,
    pub inode: Option<u64>,
    /// What samples were called in the file before a sample map renamed them, and what since: text in rows may hold the former.
    pub renamed: Vec<Rename>,
    /// Samples of the file that are left out: text in rows may hold their names.
    pub left_out: Vec<Sensitive<String>>,
    /// Keys that the first records use and neither header nor specification know.
    pub undeclared: Vec<Sensitive<String>>,
    /// What the caller says about the file. Stored in the clear.
    pub tags: BTreeMap<String, String>,
}

impl Document {
    /// Every name of a sample that the inputs hold, before any has a pseudonym: kept, left out, and as it was in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().flat_map(|input| {
            let kept = input.samples.iter().filter_map(|sample| match sample {
                SampleId::Name(name) => Some(name),
                SampleId::Pseudonym(_) => None,
            });
            let renamed = input.renamed.iter().map(|rename| &rename.old);
            kept.chain(renamed).chain(&input.left_out).map(|name| name.expose().as_str())
        })
    }
}

/// A sample's name in the file, and the one it has in the flow.
#[derive(Clone, Debug)]
pub struct Rename {
    pub old: Sensitive<String>,
    pub new: Sensitive<String>,
}

/// One `##key=value` line, without the `##`.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderLine {
    /// `INFO`, `contig`, `reference`, …
    pub key: String,
    /// Everything behind the first `=`. May hold identifiers until `sanitize` has been over it.
    pub value: String,
    /// `ID=` of a structured line.
    pub id: Option<String>,
}

impl std::fmt::Debug for HeaderLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "##{}=[{} bytes]", self.key, self.value.len())
    }
}

/// Who a sample is, as far as the flow may know.
#[derive(Clone, Debug)]
pub enum SampleId {
    /// The name in the file. Nothing below `anonymize` may see it in `hipaa`.
    Name(Sensitive<String>),
    /// A random pseudonym from the vault (45 CFR 164.514(c)).
    Pseudonym(String),
}
