//! One input's records of the regions, by the index beside it. It must not know what is done where there is none.

use std::path::Path;
use std::sync::Arc;

use super::facts::InputFacts;
use crate::error::Result;
use crate::source::vcf::config::Conformance;
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::index::{Flaw, IndexQuery, Lines};
use crate::source::vcf::input::Origin;
use crate::source::vcf::regions::Regions;
use crate::source::vcf::split::{Container, Virtual};

/// The parts of the input that hold its records of the regions, or why its index cannot tell.
pub(crate) fn by_index(
    path: Option<&Path>,
    facts: &InputFacts,
    regions: &Regions,
    conformance: Conformance,
    longest: usize,
) -> Result<std::result::Result<Origin, Flaw>> {
    if conformance == Conformance::Strict {
        return Ok(Err(Flaw::Strict));
    }
    let (Some(path), Container::Bgzf, Origin::Ranged { file, layout }) = (path, facts.container, &facts.origin) else {
        return Ok(Err(Flaw::Unindexed));
    };
    let mut lengths = KeyMap::default();
    for contig in &facts.header.contigs {
        lengths.entry(contig.id.as_bytes().into()).or_insert(contig.length);
    }
    let length = |name: &[u8]| lengths.get(name).copied().flatten();
    let header_end = Virtual::behind(file, layout.size, layout.base, layout.skip)?.map(|(place, _)| place);
    let names = facts.dictionary.as_ref().map(|dictionary| dictionary.contig_names());
    let query = IndexQuery {
        path,
        file,
        size: layout.size,
        header_end,
        regions,
        binary: names.as_deref(),
        length: &length,
        beyond: facts.header.reaches_beyond_end(),
        step: layout.step,
        longest,
    };
    Ok(query.spans()?.map(|spans| {
        let (file, spans) = (file.clone(), Arc::new(spans));
        let lines = Lines::new(file.clone(), spans.clone(), facts.header.line_count, facts.dictionary.is_some());
        Origin::Indexed { file, spans, lines: Arc::new(lines) }
    }))
}
