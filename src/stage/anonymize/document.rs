//! Replaces sample names in the document: the samples themselves, and header lines that name them. It must not know where
//! pseudonyms come from.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::phi::Renames;
use crate::sensitive::Sensitive;
use crate::store::{Document, SampleId};

/// Stands for a name in text that was several samples' before they were renamed.
const SOMEBODY: &str = "[sample]";

/// The names still in a document, input by input, in order.
pub(super) fn names_in(document: &Document) -> Vec<Sensitive<String>> {
    let samples = document.inputs.iter().flat_map(|input| &input.samples);
    let names = samples.filter_map(|sample| match sample {
        SampleId::Name(name) => Some(name.clone()),
        SampleId::Pseudonym(_) => None,
    });
    names.collect()
}

/// What to replace in the text of rows, and by what: the names, and what samples were called in their files. A word that may
/// mean one sample or another becomes [`SOMEBODY`].
pub(super) fn in_rows(
    document: &Document,
    names: &[Sensitive<String>],
    pseudonyms: &[String],
) -> (Vec<Sensitive<String>>, Vec<String>) {
    let mut known: BTreeMap<&str, &str> =
        names.iter().zip(pseudonyms).map(|(name, pseudonym)| (name.expose().as_str(), pseudonym.as_str())).collect();
    let current = known.clone();
    for rename in document.inputs.iter().flat_map(|input| &input.renamed) {
        let pseudonym = current.get(rename.new.expose().as_str()).copied().unwrap_or(SOMEBODY);
        let old = known.entry(rename.old.expose()).or_insert(pseudonym);
        if *old != pseudonym {
            *old = SOMEBODY;
        }
    }
    known.into_iter().map(|(name, pseudonym)| (Sensitive::new(name.to_owned()), pseudonym.to_owned())).unzip()
}

/// Replaces every name: `pseudonyms` has one for each of `names`. Returns how many samples each input had renamed.
pub(super) fn rewrite(document: &mut Document, names: &[Sensitive<String>], pseudonyms: &[String]) -> Result<Vec<u64>> {
    let pairs = names.iter().zip(pseudonyms).map(|(name, pseudonym)| (name.expose().as_str(), pseudonym.as_str()));
    let renames = Renames::new(pairs)?;
    let mut renamed = Vec::with_capacity(document.inputs.len());
    for input in &mut document.inputs {
        input.lines.iter_mut().for_each(|line| renames.line(&mut line.key, &mut line.id, &mut line.value));
        let mut count = 0;
        for sample in &mut input.samples {
            if let SampleId::Name(name) = sample
                && let Some(pseudonym) = renames.of(name.expose())
            {
                *sample = SampleId::Pseudonym(pseudonym.to_owned());
                count += 1;
            }
        }
        renamed.push(count);
    }
    Ok(renamed)
}
