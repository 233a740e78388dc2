//! Are the contigs there that regions name? Asked before anything is loaded: a misspelt one would load nothing and succeed. It must
//! not know which records lie in a region.

use std::collections::BTreeSet;

use super::input::{Input, Origin};
use super::inspect::InputFacts;
use super::regions::{Regions, meant};
use super::split::spans::Contigs;
use crate::error::{Error, Result};
use crate::flow::Notice;
use crate::phi::Words;

/// Contigs that a message names.
const TOLD: usize = 3;
/// Contigs of records that are kept to choose the nearest from.
const SEEN: usize = 10_000;

/// The contigs that each input's header names; `None` where it names none at all.
pub(crate) fn named<'a>(inputs: impl Iterator<Item = &'a InputFacts>) -> Vec<Option<BTreeSet<String>>> {
    let names = |facts: &InputFacts| facts.header.contigs.iter().map(|contig| contig.id.clone()).collect::<BTreeSet<_>>();
    inputs.map(|facts| Some(names(facts)).filter(|names| !names.is_empty())).collect()
}

/// Holds the regions' contigs against those that headers name, or an index, or, where a header has none, records.
///
/// # Errors
/// Class `usage` when none of them is there.
pub(crate) fn check(
    regions: &Regions,
    named: Vec<Option<BTreeSet<String>>>,
    inputs: &[Input],
    words: &Words,
) -> Result<Option<Notice>> {
    let asked: BTreeSet<&str> = regions.contigs().filter_map(|name| std::str::from_utf8(name).ok()).collect();
    let mut known: BTreeSet<String> = named.iter().flatten().flatten().cloned().collect();
    let mut unknown: BTreeSet<&str> = asked.iter().copied().filter(|name| !known.contains(*name)).collect();
    for (input, named) in inputs.iter().zip(&named) {
        match &input.origin {
            _ if unknown.is_empty() => break,
            Origin::Indexed { spans, .. } => unknown.retain(|name| !names(&spans.contigs, name)),
            Origin::Unreadable => {}
            // What it holds shows only when it is read, and that happens once.
            Origin::Stream(_) if named.is_none() => return Ok(None),
            _ if named.is_some() => {}
            _ => input.contigs(&mut |name| {
                unknown.remove(name);
                if known.len() < SEEN {
                    known.insert(name.to_owned());
                }
                !unknown.is_empty()
            })?,
        }
    }
    if unknown.is_empty() {
        return Ok(None);
    }
    let known: Vec<&str> = known.iter().map(String::as_str).filter(|name| words.is_contig(name)).collect();
    let told: Vec<String> = unknown
        .iter()
        .take(TOLD)
        .map(|name| match meant(name, &known) {
            Some(meant) => format!("`{name}` (did you mean `{meant}`?)"),
            None => format!("`{name}`"),
        })
        .collect();
    let more = if unknown.len() > TOLD { format!(" and {} more", unknown.len() - TOLD) } else { String::new() };
    let text = format!("no input has the contig {}{more} that a region names", told.join(", "));
    if unknown.len() < asked.len() {
        return Ok(Some(Notice { input: 1, text }));
    }
    let first: Vec<&str> = known.iter().copied().take(TOLD).collect();
    let hint = match first.as_slice() {
        [] => "`bcftools index --stats FILE` and `tabix --list-chroms FILE` list the contigs of a file".to_owned(),
        first => format!("the contigs are called {}{}", first.join(", "), if known.len() > TOLD { ", …" } else { "" }),
    };
    Err(Error::usage(text).with_hint(hint))
}

/// Does an index name this contig, of those that were asked for?
fn names(contigs: &Contigs, contig: &str) -> bool {
    matches!(contigs, Contigs::Names(names) if names.iter().any(|name| **name == *contig.as_bytes()))
}
