//! What a header says, read. It must not know how it was written.

use std::sync::Arc;

use super::line;
use crate::flow::{Number, VcfType};
use crate::sensitive::Sensitive;
use crate::source::vcf::hash::KeyMap;
use crate::store::HeaderLine;

/// An INFO or FORMAT declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub id: String,
    pub number: Number,
    pub kind: VcfType,
    /// Not in the header: found in records or asked for.
    pub inferred: bool,
}

/// A contig the header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contig {
    pub id: String,
    pub length: Option<u64>,
}

/// What a header declares beside its fields.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// With their lengths.
    pub contigs: KeyMap<Option<u64>>,
    pub filters: KeyMap<()>,
}

/// A header, read.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// As declared, such as `VCFv4.2`; `undeclared` when there is no `##fileformat`.
    pub version: String,
    /// The minor version: 2 of 4.2.
    pub minor: u32,
    pub lines: Vec<HeaderLine>,
    pub info: Vec<Declaration>,
    pub formats: Vec<Declaration>,
    pub contigs: Vec<Contig>,
    pub filters: Vec<String>,
    pub samples: Vec<Sensitive<String>>,
    /// Columns every record must have.
    pub columns: usize,
    /// Lines, `#CHROM` included.
    pub line_count: u64,
    /// SHA-256 of the header's bytes.
    pub digest: [u8; 32],
    pub assembly: &'static str,
    /// What was tolerated.
    pub notices: Vec<String>,
    /// How much more was.
    pub untold: u64,
    /// What of it the run's oddities tell, too: field, what, how often.
    pub oddities: Vec<(String, &'static str, u64)>,
}

impl Header {
    /// May a record reach further than REF and END say, which is all that older tools put into an index? From 4.4 on SVLEN counts,
    /// and from 4.5 on LEN of a call.
    pub(crate) fn reaches_beyond_end(&self) -> bool {
        let has = |list: &[Declaration], id: &str| list.iter().any(|declared| declared.id == id);
        self.minor >= 4 && (has(&self.info, "SVLEN") || has(&self.formats, "LEN"))
    }

    /// The contigs and filters that lines declare.
    pub(crate) fn declared(&self) -> Arc<Declared> {
        let mut contigs = KeyMap::default();
        for contig in &self.contigs {
            contigs.entry(contig.id.as_bytes().into()).or_insert(contig.length);
        }
        let filters = self.filters.iter().map(|id| (id.as_bytes().into(), ())).collect();
        Arc::new(Declared { contigs, filters })
    }

    /// The Description of a declaration, quotes and escapes undone; empty when the line has none.
    pub(crate) fn description(&self, key: &str, id: &str) -> Option<String> {
        let line = self.lines.iter().find(|line| line.key == key && line.id.as_deref() == Some(id))?;
        let found = line::pairs(&line.value)?.into_iter().find(|(name, _)| name == "Description");
        Some(found.map(|(_, text)| text).unwrap_or_default())
    }
}
